"""Production. Values that differ between installations are read from the environment; no secret has a default."""

from datetime import timedelta
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from damancom.settings import env

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# Files made while running: collected static files, demonstration files.
VAR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))

# Each day the head of the chain over the trace is added here: a file that the database’s keeper cannot write.
AUDIT_HEADS_FILE = Path(env.text("AUDIT_HEADS_FILE", str(VAR / "audit-heads.txt")))

SECRET_KEY = env.secret("SECRET_KEY", minimum_length=50)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", ",")
DEBUG = False
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
# The address printed in QR codes and mails; https in production.
PUBLIC_URL = env.text("PUBLIC_URL").rstrip("/")
# The key that seals documents, its certificate and those above it, in one PEM file.
SIGNING_PEM_FILE = env.text("SIGNING_PEM_FILE")
SIGNING_DEVELOPMENT = False
# The certificates of former seals, by which older papers are still recognised; no key in it.
SIGNING_FORMER_FILE = env.text("SIGNING_FORMER_FILE", "")
# The creditor number that the fund's bank gave: banks recognise debits by it. None is public, none is invented.
CREDITOR_NUMBER = env.reference("CREDITOR_NUMBER", longest=35)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# The demo creates accounts whose password is public: never here.
DEMO_ALLOWED = False

INSTALLED_APPS = [
    "damancom.apps.DamancomConfig",
    "certificates.apps.CertificatesConfig",
    "disputes.apps.DisputesConfig",
    "payments.apps.PaymentsConfig",
    "declarations.apps.DeclarationsConfig",
    "affiliates.apps.AffiliatesConfig",
    "portal.apps.PortalConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "damancom.apps.StaffDeskConfig",
    "django_htmx",
    "rest_framework",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "portal.walls.Doors",
    "portal.middleware.RequestCode",
    "portal.middleware.PrivateAnswers",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.middleware.SaysWhatIsWrong",
    # Before whatever reads a body: the next one looks for the form's token in it.
    "portal.uploads.BoundedBody",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.middleware.PlainAddress",
    "portal.middleware.SessionLimits",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "damancom.second_factor.SecondFactorRequired",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.Refusals",
    "portal.middleware.Conflicts",
    # Before the page: a signed call is spent once, and what is only read writes nothing.
    "payments.api.signatures.SignedCalls",
    # Last: holds the view and its page, not the session or the messages.
    "portal.middleware.ReadsOnly",
]

ROOT_URLCONF = "damancom.urls"
WSGI_APPLICATION = "damancom.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "affiliates.context.current_affiliate",
            ],
        },
    }
]

DATABASES = {
    "default": env.database(
        env.address("DATABASE_URL"),
        statement_timeout_s=env.integer("STATEMENT_TIMEOUT_SECONDS", 10),
    )
}
# Backups: where they are written, the key that seals them, and where pg_dump is when the PATH does not say.
BACKUP_DIR = env.text("BACKUP_DIR", str(VAR / "backups"))
BACKUP_KEY_FILE = env.text("BACKUP_KEY_FILE", "")
POSTGRES_PROGRAMS = env.text("POSTGRES_PROGRAMS", "")
# Who may create a database, to restore into one; the application's own role when not given.
RESTORE_DATABASE_URL = env.text("RESTORE_DATABASE_URL", "")
# The second wall (portal.walls): "pages" closes the pages and acts of one affiliate around its rows, for a login that
# owns the tables; "whole" is for one that owns and sees nothing by itself; "off" leaves the first wall alone.
ROW_WALLS = env.choice("ROW_WALLS", ("off", "pages", "whole"), "pages")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "portal.User"
LOGIN_URL = "portal:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "portal.passwords.LongEnough"},
    {"NAME": "portal.passwords.NotCommon"},
]

# The first knows people; the second says what the posts of the fund open on the desk.
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "damancom.posts.PostBackend",
]
# Whoever acts for others (staff, banks, accountants' offices) shows a second factor; the others are offered one.
SECOND_FACTOR_REQUIRED = env.boolean("SECOND_FACTOR_REQUIRED", True)
# The machines of banks sign each call (payments.api.signatures); a key without its public half opens nothing.
BANK_SIGNATURES_REQUIRED = env.boolean("BANK_SIGNATURES_REQUIRED", True)
# Money, bank details, rights and second factors: only within so long of showing who one is.
FRESH_AUTHENTICATION = timedelta(minutes=env.integer("FRESH_AUTHENTICATION_MINUTES", 15))
# django-allauth brings the stage after the password and the passkeys; its own pages have no address here.
ACCOUNT_ADAPTER = "portal.doors.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False  # portal.limits counts, in the database
MFA_ADAPTER = "portal.doors.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True

LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", _("Français")), ("ar", _("Arabe"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Africa/Casablanca"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR / "static"
STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Sessions live in PostgreSQL: signing in and declaring work while Redis is away.
SESSION_ENGINE = "portal.sessions"
SESSION_COOKIE_NAME = "__Host-session"
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
# Enforced by portal.middleware.SessionLimits, whatever the cookie says.
SESSION_ABSOLUTE = timedelta(hours=12)
SESSION_IDLE = timedelta(minutes=30)
SESSION_IDLE_STAFF = timedelta(minutes=15)
# A browser that has opened an account before (portal.second_step).
KNOWN_BROWSER_COOKIE_NAME = "__Host-appareil"
# What is said at the top of the next page may name a firm: it waits in the session, not in a cookie that can be read.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_COOKIE_NAME = "__Host-csrf"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_SAMESITE = "Lax"
# Forms carry the token; no script of ours reads the cookie.
CSRF_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_NAME = "__Host-language"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = True
LANGUAGE_COOKIE_SAMESITE = "Lax"

SECURE_SSL_REDIRECT = True
# Asked from inside, before the proxy.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^metrics$"]
# Who may read /metrics; nobody when it is not given.
METRICS_TOKEN = env.optional_secret("METRICS_TOKEN", minimum_length=32)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "portal.views.csrf_failure"
# How many proxies of ours stand before the application: only their part of X-Forwarded-For is believed.
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0)
# No inline script, no inline style, no other host: nothing on our pages needs them, so no nonce is given out.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"

# Bytes held in memory for a form without its files; what a page may be sent is bounded by portal.uploads.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

REDIS_URL = env.address("REDIS_URL")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A message held by a killed worker comes back after this many seconds: well over the task limit above.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 1_200,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "retry_on_timeout": True,
    # Sending tries once: a page must not wait for a broker that is away, the sweepers send again.
    "max_retries": 0,
    "interval_start": 0,
}
CELERY_TIMEZONE = "Africa/Casablanca"

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "portal.bounded_json.BoundedJSON",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 100,
    "EXCEPTION_HANDLER": "portal.api.refusal_handler",
}

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
# How the way to the relay is closed: "starttls" (port 587), "tls" (port 465), "none" (a relay of this machine).
_EMAIL_SECURITY = env.choice("EMAIL_SECURITY", ("none", "starttls", "tls"), "none")
EMAIL_USE_TLS = _EMAIL_SECURITY == "starttls"
EMAIL_USE_SSL = _EMAIL_SECURITY == "tls"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "ne-pas-repondre@damancom.example")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    # One line of JSON an event, nothing personal in it (portal.logs).
    "formatters": {"json": {"()": "portal.logs.JsonLines"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # Django's own would print its requests' exceptions in clear to a console of its own when DEBUG is on.
    "loggers": {"django": {"handlers": [], "level": "INFO", "propagate": True}},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
