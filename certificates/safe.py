"""A safe for the parts of a paper while it is drawn: a copy of the database holds nothing that can be read."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


def close(content: bytes) -> bytes:
    """Encrypt with the secret of the installation, which the database does not know."""
    return _box().encrypt(content)


def open_again(sealed: bytes) -> bytes | None:
    """The inverse of ``close``; None when it was closed under another secret."""
    from cryptography.fernet import InvalidToken

    try:
        return _box().decrypt(sealed)
    except InvalidToken:
        return None


def _box() -> Fernet:
    # The worker loads its cryptography with the first long list, not when it starts.
    from cryptography.fernet import Fernet

    key = hmac.digest(settings.SECRET_KEY.encode(), b"certificates.safe", hashlib.sha256)
    return Fernet(base64.urlsafe_b64encode(key))
