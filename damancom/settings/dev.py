"""A developer's machine and the demo: base, loosened. Never for real data."""

import os
from pathlib import Path

from damancom.embedded import addresses
from damancom.settings import env

os.environ.setdefault(
    "SECRET_KEY", "for-this-machine-only-for-this-machine-only-for-this-machine-only"
)
os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
os.environ.setdefault("PUBLIC_URL", f"http://localhost:{os.environ.get('PORT', '8000')}")
# A command typed beside « make run » speaks to the servers that it started.
os.environ.update(addresses() | os.environ)
os.environ.setdefault("DATABASE_URL", "postgres://localhost/damancom")
os.environ.setdefault("REDIS_URL", "redis://localhost:6379/0")
os.environ.setdefault(
    "SIGNING_PEM_FILE", str(Path(__file__).resolve().parents[2] / "var/signing/development.pem")
)
os.environ.setdefault("CREDITOR_NUMBER", "SANSVALEUR0")
# The demonstration opens with a password; put 1 to be led to the second factor.
os.environ.setdefault("SECOND_FACTOR_REQUIRED", "0")
# A first call with curl and a key; put 1 to ask for its signature (docs/formats/bank-api.md).
os.environ.setdefault("BANK_SIGNATURES_REQUIRED", "0")

env.takes_examples = True
from damancom.settings.base import *

DEMO_ALLOWED = True
# Made at the first document; production refuses it.
SIGNING_DEVELOPMENT = True
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 0
SESSION_COOKIE_NAME = "session"
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_NAME = "csrf"
CSRF_COOKIE_SECURE = False
KNOWN_BROWSER_COOKIE_NAME = "appareil"
LANGUAGE_COOKIE_NAME = "django_language"
LANGUAGE_COOKIE_SECURE = False
# Nothing leaves this machine: each letter is a file here, and a line of the person's page « Mes préférences ».
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = VAR / "mails"
# Files are served from where they are written: nothing to collect first.
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
