"""Passkeys: what is asked of the browser, and whether its answer is right. The mathematics are python-fido2's."""

import json
from types import ModuleType
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError

from portal.errors import PasskeyRefused
from portal.models import User

# The longest answer of a device is a few kilobytes.
_LONGEST = 20_000
# What a malformed answer raises inside the library, by how it is malformed.
_MALFORMED = (ValidationError, ValueError, TypeError, KeyError, AttributeError)


def _library() -> ModuleType:
    # Fifteen megabytes with its cryptography, that a worker, which opens no door, does without.
    from allauth.mfa.webauthn.internal import auth

    return auth


def options_to_add(user: User) -> dict[str, Any]:
    """What the browser needs to make a passkey that can also open the door without a password."""
    return _library().begin_registration(user, passwordless=True)


def made(text: str) -> dict[str, Any]:
    """The credential in the browser's answer to ``options_to_add``, verified; PasskeyRefused otherwise."""
    credential = _read(text)
    try:
        _library().parse_registration_response(credential)
        binding = _library().complete_registration(credential)
    except _MALFORMED as error:
        raise PasskeyRefused from error
    finally:
        _library().clear_state()
    if not binding.is_user_verified():
        raise PasskeyRefused
    return credential


def options_to_show(user: User | None) -> dict[str, Any]:
    """What the browser needs to show a passkey: of ``user``, or of whoever holds one for this site."""
    return _library().begin_authentication(user)


def shown(text: str, user: User | None) -> Authenticator:
    """The passkey that answered ``options_to_show``; PasskeyRefused when it did not, or the account is closed."""
    credential = _read(text)
    try:
        _library().parse_authentication_response(credential)
        holder = user or _library().extract_user_from_response(credential)
        found: Authenticator = _library().complete_authentication(holder, credential)
    except _MALFORMED as error:
        raise PasskeyRefused from error
    finally:
        # A question is asked once, whatever was answered.
        _library().clear_state()
    if not holder.is_active:
        raise PasskeyRefused
    found.user = holder
    return found


def as_text(options: dict[str, Any]) -> str:
    """For an attribute of the page or an answer to its script."""
    return json.dumps(options)


def _read(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text[:_LONGEST])
    except ValueError as error:
        raise PasskeyRefused from error
    if not isinstance(answer, dict):
        raise PasskeyRefused
    return answer
