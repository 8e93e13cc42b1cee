"""Questions about mandates and the requests for them."""

import datetime
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from affiliates.enums import MandateRequestState, Scope
from affiliates.models import Affiliate, Mandate, MandateRequest, Representative


@dataclass(frozen=True)
class HeldMandate:
    """A mandate as its office reads it."""

    mandate: Mandate
    scopes: tuple[Scope, ...]
    in_force: bool


def mandates_held(offices: Collection[Representative], *, on: datetime.date) -> QuerySet[Mandate]:
    """The mandates of these offices that count on ``on`` or later, by the name of the firm."""
    return (
        Mandate.objects.filter(
            Q(ends_on__isnull=True) | Q(ends_on__gte=on),
            representative__in=offices,
            revoked_at__isnull=True,
        )
        .select_related("affiliate", "representative")
        .order_by("affiliate__name", "starts_on", "pk")
    )


def shown_mandates(rows: Iterable[Mandate], *, on: datetime.date) -> list[HeldMandate]:
    """Each with its scopes in order, and whether it has begun on ``on``."""
    return [
        HeldMandate(
            row, tuple(scope for scope in Scope if scope.value in row.scopes), row.starts_on <= on
        )
        for row in rows
    ]


#: How many requests the page of an office shows.
_SHOWN = 50


def mandate_requests_of(offices: Collection[Representative]) -> list[MandateRequest]:
    """What these offices asked, the latest first; the numbers as they were typed, never a name."""
    rows = MandateRequest.objects.filter(representative__in=offices)
    return list(rows.select_related("representative", "asked_by").order_by("-pk")[:_SHOWN])


def open_requests_for(affiliate: Affiliate) -> list[MandateRequest]:
    """What offices ask of a firm and wait for."""
    rows = MandateRequest.objects.filter(affiliate=affiliate, state=MandateRequestState.OPEN.value)
    return list(rows.select_related("representative", "asked_by").order_by("pk"))
