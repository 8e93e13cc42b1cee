"""The test suite: base, made fast and strict."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests-only-for-tests-only-for-tests-only-for-tests")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
os.environ.setdefault("PUBLIC_URL", "http://testserver")
os.environ.setdefault("DATABASE_URL", "postgres://localhost/damancom")
os.environ.setdefault("REDIS_URL", "redis://localhost:6379/0")

from damancom.settings.base import *
from damancom.settings.base import TEMPLATES

SECURE_SSL_REDIRECT = False
SESSION_COOKIE_NAME = "session"
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_NAME = "csrf"
CSRF_COOKIE_SECURE = False
LANGUAGE_COOKIE_SECURE = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# A variable that the template does not know shows as this mark; tests look for it.
TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = "⟦undefined %s⟧"
