"""Who in the register, or in another request, may be the person of a request. For the fund's eyes only."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from django.contrib.postgres.search import TrigramSimilarity
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from affiliates import matching
from affiliates.access import Actor, staff_affiliates
from affiliates.enums import CardKind, Likeness, RegistrationState
from affiliates.matching import Identity
from affiliates.models import (
    OPEN_REGISTRATIONS,
    Affiliate,
    Employee,
    Employment,
    RegistrationRequest,
    RegistrationStep,
)
from affiliates.rules import MOROCCO, HireLimits
from portal import audit
from regulation.parameters import value_at

#: More people than this never look alike at once: a clerk reads them one by one.
MOST_LIKENESSES = 20
_CANDIDATES = 400


def hire_limits(affiliate: Affiliate, today: datetime.date) -> HireLimits:
    """The ages and days within which ``affiliate`` may hire, as read today."""
    ahead = int(value_at("registration.days_ahead", today).value)
    return HireLimits(
        minimum_age=int(value_at("registration.minimum_age", today).value),
        first_day=affiliate.affiliated_on,
        last_day=today + datetime.timedelta(days=ahead),
    )


def identity_of(row: Employee | RegistrationRequest) -> Identity:
    """What the comparison needs of a person of the register, or of a request."""
    card = row.cin if isinstance(row, Employee) else row.card_number
    return Identity(
        card=f"{row.card_kind}:{card}" if card else "",
        names=f"{row.last_name} {row.first_name}",
        names_ar=f"{row.last_name_ar} {row.first_name_ar}",
        born_on=row.born_on,
    )


@dataclass(frozen=True)
class Alike:
    """Someone who may be the person of a request, and why."""

    person: Employee
    likeness: Likeness


@dataclass(frozen=True)
class AlikeRequest:
    """Another request, still open, that may be about the same person."""

    request: RegistrationRequest
    likeness: Likeness


def people_like(request: RegistrationRequest) -> list[Alike]:
    """The insured persons who may be the one of ``request``, the surest first; three queries."""
    near = TrigramSimilarity("name_key", request.name_key)
    rows = Employee.objects.filter(registration_number__isnull=False)
    rows = rows.annotate(near=near).order_by("-near", "pk")
    wanted = Q(cin=request.card_number) | Q(born_on__in=matching.near_days(request.born_on))
    candidates: dict[int, Employee] = {row.pk: row for row in rows.filter(wanted)[:_CANDIDATES]}
    for row in _of_unknown_birth(rows, request.name_key):
        candidates.setdefault(row.pk, row)
    return [Alike(row, likeness) for row, likeness in _alike(request, candidates.values())]


def employers_of(people: Iterable[Employee]) -> dict[int, str]:
    """By key of each person, the number of the firm that employs them now, or did last; one query."""
    rows = Employment.objects.filter(employee__in=people)
    last = rows.order_by("employee", "-started_on", "-pk").distinct("employee")
    return dict(last.values_list("employee", "affiliate__affiliation_number"))


@transaction.atomic
def _of_unknown_birth(rows: QuerySet[Employee], name_key: str) -> list[Employee]:
    """Those of these people without a day of birth whose name is very near: less says nothing of them.

    The index is told how near: at its own idea of near, a common first name makes it read a third of the register.
    """
    with connection.cursor() as cursor:
        # A hundredth below, for what single precision loses; until the end of the transaction.
        cursor.execute(
            "SELECT set_config('pg_trgm.similarity_threshold', %s, true)",
            [str((matching.VERY_NEAR - 1) / 100)],
        )
    return list(rows.filter(born_on__isnull=True, name_key__trigram_similar=name_key)[:_CANDIDATES])


def requests_like(request: RegistrationRequest) -> list[AlikeRequest]:
    """The other open requests that may be about the same person, of any firm; one query."""
    rows = (
        RegistrationRequest.objects.filter(state__in=OPEN_REGISTRATIONS)
        .exclude(state=RegistrationState.DRAFT.value)
        .exclude(pk=request.pk)
        .select_related("affiliate")
    )
    days = matching.near_days(request.born_on)
    wanted = Q(card_number=request.card_number) | Q(born_on__in=days)
    near = TrigramSimilarity("name_key", request.name_key)
    candidates = rows.filter(wanted).annotate(near=near).order_by("-near", "pk")[:_CANDIDATES]
    return [AlikeRequest(row, likeness) for row, likeness in _alike(request, candidates)]


Known = TypeVar("Known", Employee, RegistrationRequest)


def _alike(request: RegistrationRequest, rows: Iterable[Known]) -> list[tuple[Known, Likeness]]:
    """Of a few hundred candidates, found by indexes, those that the comparison itself keeps."""
    asked, order = identity_of(request), list(Likeness)
    found = []
    for row in rows:
        likeness = matching.likeness(asked, identity_of(row))
        if likeness is not None:
            found.append((row, likeness))
    found.sort(key=lambda pair: (order.index(pair[1]), pair[0].pk))
    return found[:MOST_LIKENESSES]


def requests_of(affiliate: Affiliate) -> QuerySet[RegistrationRequest]:
    """The requests of an affiliate, newest first, with the person once there is one."""
    rows = RegistrationRequest.objects.filter(affiliate=affiliate)
    return rows.select_related("employee").order_by("-pk")


def drafts_without_pieces(affiliate: Affiliate) -> QuerySet[RegistrationRequest]:
    """The drafts of an affiliate that wait for the copy of a card, oldest first."""
    return RegistrationRequest.objects.filter(
        affiliate=affiliate, state=RegistrationState.DRAFT.value, pieces__isnull=True
    ).order_by("pk")


def open_request_count(affiliate: Affiliate) -> int:
    """How many requests of an affiliate wait for something."""
    return RegistrationRequest.objects.filter(
        affiliate=affiliate, state__in=OPEN_REGISTRATIONS
    ).count()


def steps_of(request: RegistrationRequest) -> list[RegistrationStep]:
    """What happened to a request, oldest first, with who did it."""
    return audit.with_offices_of_authors(
        request.steps.select_related("author").order_by("pk"), request
    )


def waiting_for_portal() -> QuerySet[RegistrationRequest]:
    """Requests that the portal may be able to grant by itself, oldest first."""
    return (
        RegistrationRequest.objects.filter(
            state=RegistrationState.SENT.value,
            card_kind=CardKind.CIN.value,
            nationality=MOROCCO,
        )
        .select_related("affiliate")
        .order_by("sent_at", "pk")
    )


def staff_registrations(user: Actor) -> QuerySet[RegistrationRequest]:
    """The requests on the desk of a member of staff: those of the affiliates of the desk, drafts apart."""
    return RegistrationRequest.objects.filter(affiliate__in=staff_affiliates(user)).exclude(
        state=RegistrationState.DRAFT.value
    )
