"""From the token of a machine to its bank: the only doorway of the programming interface."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from payments.api.signatures import SignedCall
from payments.enums import KeyScope
from payments.models import BankKey
from payments.workflows.bank_keys import find_key, may_call_from, note_use
from portal import afterwards, clock, metrics, security_log
from portal.middleware import client_address
from portal.security_log import SecurityEvent


class Machine:
    """Who calls: a bank's machine, nobody in particular."""

    is_authenticated = True
    is_active = True

    def __init__(self, key: BankKey) -> None:
        self.key = key
        self.bank = key.bank


class BankKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer dmc_…`; the same words whatever is wrong with it."""

    def authenticate(self, request: Request) -> tuple[Any, BankKey] | None:
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = find_key(token.strip(), at=clock.now())
        address = client_address(request._request)
        why = _fault_of(request._request, key, address)
        if key is None or why:
            # A key that is called from elsewhere may be in other hands: the caller learns nothing, the log does.
            security_log.note(
                SecurityEvent.KEY_REFUSED,
                place=address,
                why=why,
                key="" if key is None else key.prefix,
            )
            metrics.count(metrics.KEY_REFUSED)
            raise refused()
        afterwards.note(request._request, partial(note_use, key.pk, at=clock.now()))
        return Machine(key), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def refused() -> AuthenticationFailed:
    """The same words for every reason."""
    return AuthenticationFailed(_("Clé inconnue, expirée ou révoquée, ou appel mal signé."))


def _fault_of(request: HttpRequest, key: BankKey | None, address: str) -> str:
    """Why a call does not open, for the log; empty when it does."""
    if key is None:
        return "unknown"
    if not may_call_from(key, address):
        return "place"
    if not must_sign(key):
        return ""
    call = getattr(request, "signed_call", SignedCall(fault="unsigned"))
    return call.fault or ("" if call.key_id == key.pk else "key")


def must_sign(key: BankKey) -> bool:
    """Whether the calls of this key are signed: wherever it is required, and for whoever gave a public key."""
    return bool(settings.BANK_SIGNATURES_REQUIRED or key.public_key)


class HasScope(BasePermission):
    """The key may do what the view asks (`scope`), else what the method asks: send for POST, read otherwise."""

    message = _("Cette clé n’a pas ce droit.")

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, BankKey):
            return False
        by_method = KeyScope.SEND if request.method == "POST" else KeyScope.READ
        needed = getattr(view, "scope", None) or by_method
        if needed.value in request.auth.scopes:
            return True
        security_log.note(
            SecurityEvent.KEY_REFUSED, why="scope", key=request.auth.prefix, needed=needed.value
        )
        return False
