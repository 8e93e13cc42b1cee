"""A safe for the parts of a paper while it is drawn: a copy of the database holds nothing that can be read."""

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


def close(content: bytes) -> bytes:
    """Encrypt with the secret of the installation, which the database does not know."""
    return _box().encrypt(content)


def open_again(sealed: bytes) -> bytes | None:
    """The inverse of ``close``; None when it was closed under another secret."""
    try:
        return _box().decrypt(sealed)
    except InvalidToken:
        return None


def _box() -> Fernet:
    key = hmac.digest(settings.SECRET_KEY.encode(), b"certificates.safe", hashlib.sha256)
    return Fernet(base64.urlsafe_b64encode(key))
