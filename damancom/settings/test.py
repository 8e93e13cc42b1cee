"""The test suite: base, made fast and strict."""

import os
from pathlib import Path

from damancom.settings import env

os.environ.setdefault("SECRET_KEY", "only-for-tests-only-for-tests-only-for-tests-only-for-tests")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
os.environ.setdefault("PUBLIC_URL", "http://testserver")
os.environ.setdefault("DATABASE_URL", "postgres://localhost/damancom")
os.environ.setdefault("REDIS_URL", "redis://localhost:6379/0")
os.environ.setdefault(
    "SIGNING_PEM_FILE",
    str(Path(__file__).resolve().parents[2] / "var/test/signing/development.pem"),
)
os.environ.setdefault("CREDITOR_NUMBER", "SANSVALEUR0")
# Tests of the requirement itself switch it on.
os.environ.setdefault("SECOND_FACTOR_REQUIRED", "0")
os.environ.setdefault("BANK_SIGNATURES_REQUIRED", "0")

env.takes_examples = True
from damancom.settings.base import *

DEMO_ALLOWED = True
# Made at the first document; production refuses it.
SIGNING_DEVELOPMENT = True
SECURE_SSL_REDIRECT = False
SESSION_COOKIE_NAME = "session"
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_NAME = "csrf"
CSRF_COOKIE_SECURE = False
KNOWN_BROWSER_COOKIE_NAME = "appareil"
LANGUAGE_COOKIE_NAME = "django_language"
LANGUAGE_COOKIE_SECURE = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# Files are served from where they are written: nothing to collect first. An undefined template variable fails the test
# (tests/conftest.py).
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
