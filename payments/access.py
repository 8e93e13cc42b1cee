"""From a person to the bank whose files they may touch: the only doorway of the bank space."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase

from payments.models import Bank, BankFile, BankMembership
from portal.models import User

Actor = User | AnonymousUser
View = Callable[..., HttpResponseBase]


def bank_of(user: Actor) -> Bank | None:
    """The bank this person works for now; None for anybody else. The first one when there are several."""
    if not isinstance(user, User) or not user.is_active:
        return None
    membership = (
        BankMembership.objects.filter(user=user, ended_at__isnull=True)
        .select_related("bank")
        .order_by("bank__code")
        .first()
    )
    return membership.bank if membership else None


def files_for_actor(user: Actor) -> QuerySet[BankFile]:
    """The files a person may see: those of their bank, no others."""
    bank = bank_of(user)
    return BankFile.objects.filter(bank=bank) if bank else BankFile.objects.none()


def bank_view(view: View) -> View:
    """Open a view of the bank space: called with ``bank=``; a 404 for whoever has no bank."""

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        bank = bank_of(request.user)
        if bank is None:
            raise Http404
        return view(request, *args, bank=bank, **kwargs)

    return opened
