"""From the token of a machine to its bank: the only doorway of the programming interface."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

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
        if key is None or not may_call_from(key, address):
            # A key that is called from elsewhere may be in other hands: the caller learns nothing, the log does.
            security_log.note(
                SecurityEvent.KEY_REFUSED,
                place=address,
                why="unknown" if key is None else "place",
                key="" if key is None else key.prefix,
            )
            metrics.count(metrics.KEY_REFUSED)
            raise AuthenticationFailed(_("Clé inconnue, expirée ou révoquée."))
        afterwards.note(request._request, partial(note_use, key.pk, at=clock.now()))
        return Machine(key), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


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
