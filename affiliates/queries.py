"""Questions to the register."""

import datetime
from dataclasses import dataclass

from django.db.models import Prefetch, Q, QuerySet

from affiliates.enums import ROLE_SCOPES, Role, Scope
from affiliates.models import (
    Affiliate,
    AffiliateStatus,
    Employment,
    Mandate,
    Membership,
    StateTakeover,
)
from regulation.enums import ContributionStatus
from regulation.text import ascii_digits

PAGE = 50


def search(affiliates: QuerySet[Affiliate], text: str) -> QuerySet[Affiliate]:
    """Narrow ``affiliates`` to those whose number, ICE, name or town answers ``text``; all for an empty text."""
    for word in ascii_digits(text).split():
        affiliates = affiliates.filter(
            Q(affiliation_number__startswith=word)
            | Q(name__icontains=word)
            | Q(name_ar__contains=word)
            | Q(city__icontains=word)
            | Q(ice=word)
        )
    return affiliates


def statuses_on(affiliate: Affiliate, day: datetime.date) -> frozenset[ContributionStatus]:
    """The statuses under which ``affiliate`` contributes on ``day``; empty for an ordinary one."""
    rows = AffiliateStatus.objects.filter(
        Q(effective_to__isnull=True) | Q(effective_to__gte=day),
        affiliate=affiliate,
        effective_from__lte=day,
    )
    return frozenset(ContributionStatus(value) for value in rows.values_list("status", flat=True))


def taken_over_on(affiliate: Affiliate, day: datetime.date) -> frozenset[str]:
    """Registration numbers of the employees whose employer share the State bears on ``day`` (TAHFIZ)."""
    rows = StateTakeover.objects.filter(
        employment__affiliate=affiliate, starts_on__lte=day, ends_on__gte=day
    )
    numbers = rows.values_list("employment__employee__registration_number", flat=True)
    return frozenset(number for number in numbers if number)


def employed_in(
    affiliate: Affiliate, first_day: datetime.date, last_day: datetime.date
) -> QuerySet[Employment]:
    """Employments that cover at least one day of the span, by registration number."""
    return (
        Employment.objects.filter(
            Q(ended_on__isnull=True) | Q(ended_on__gte=first_day),
            affiliate=affiliate,
            started_on__lte=last_day,
        )
        .select_related("employee")
        .order_by("employee__registration_number")
    )


@dataclass(frozen=True)
class Person:
    """A member of the firm and what the role lets them do."""

    membership: Membership
    scopes: tuple[Scope, ...]


@dataclass(frozen=True)
class Office:
    """A representative, what its mandate allows, and the people who may use it."""

    mandate: Mandate
    scopes: tuple[Scope, ...]
    people: tuple[str, ...]
    in_force: bool


@dataclass(frozen=True)
class AccessCard:
    """Who may do what for an affiliate."""

    people: list[Person]
    offices: list[Office]


def access_card(affiliate: Affiliate, *, on: datetime.date) -> AccessCard:
    """The members and the mandates of ``affiliate`` that count on ``on`` or later; three queries."""
    members = (
        Membership.objects.filter(affiliate=affiliate, ended_at__isnull=True)
        .select_related("user")
        .order_by("user__full_name")
    )
    mandates = (
        Mandate.objects.filter(
            Q(ends_on__isnull=True) | Q(ends_on__gte=on),
            affiliate=affiliate,
            revoked_at__isnull=True,
        )
        .select_related("representative")
        .prefetch_related(Prefetch("representative__members"))
        .order_by("starts_on", "pk")
    )
    return AccessCard(
        people=[
            Person(row, tuple(scope for scope in Scope if scope in ROLE_SCOPES[Role(row.role)]))
            for row in members
        ],
        offices=[
            Office(
                mandate=row,
                scopes=tuple(scope for scope in Scope if scope.value in row.scopes),
                people=tuple(sorted(str(member) for member in row.representative.members.all())),
                in_force=row.starts_on <= on,
            )
            for row in mandates
        ],
    )
