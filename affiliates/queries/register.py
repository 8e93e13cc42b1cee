"""Questions about employers, whom they employ and who acts for them."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery

from affiliates.enums import ROLE_SCOPES, AbsenceKind, LeaveReason, Role, Scope
from affiliates.models import (
    Absence,
    Affiliate,
    AffiliateStatus,
    Employment,
    Invitation,
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


def with_special_terms(affiliates: Collection[int]) -> set[int]:
    """Those of these affiliates, by key, that ever had a status or an employee whose share the State bears."""
    statuses = AffiliateStatus.objects.filter(affiliate__in=affiliates)
    takeovers = StateTakeover.objects.filter(employment__affiliate__in=affiliates)
    return set(statuses.values_list("affiliate", flat=True)) | set(
        takeovers.values_list("employment__affiliate", flat=True)
    )


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


#: Absences during which the law of the declaration allows neither day nor wage (e-BDS §5.1).
_WITHOUT_PAY = (AbsenceKind.UNPAID_LEAVE.value, AbsenceKind.KEPT_UNPAID.value)


def expected_situations(
    affiliate: Affiliate, first_day: datetime.date, last_day: datetime.date
) -> dict[str, str]:
    """By registration number, the situation of the declaration that the employer has already told for a month.

    Who left in the month is SO, or DE; who is absent has the code of the absence. An absence without pay counts
    only when it covers the whole month: the days worked around it are to be declared. Two queries.
    """
    found: dict[str, str] = {}
    absences = Absence.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gte=first_day),
        employment__affiliate=affiliate,
        starts_on__lte=last_day,
        cancelled_at__isnull=True,
    ).values_list("employment__employee__registration_number", "kind", "starts_on", "ends_on")
    for number, kind, starts_on, ends_on in absences.order_by("starts_on"):
        whole = starts_on <= first_day and (ends_on is None or ends_on >= last_day)
        if number and (whole or kind not in _WITHOUT_PAY):
            found[number] = kind
    ended = Employment.objects.filter(
        affiliate=affiliate, ended_on__gte=first_day, ended_on__lte=last_day
    ).values_list("employee__registration_number", "end_reason")
    for number, reason in ended:
        if number:
            found[number] = "DE" if reason == LeaveReason.DEATH else "SO"
    return found


#: Who left stays in the list for so long: the month they left in is still to be declared.
_SHOWN_AFTER_LEAVING = datetime.timedelta(days=90)


def staff_of(affiliate: Affiliate, *, today: datetime.date, text: str = "") -> QuerySet[Employment]:
    """Who works for ``affiliate`` or left lately, by name; ``absence_kind`` is why they do not work today."""
    absent = Absence.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gte=today),
        employment=OuterRef("pk"),
        starts_on__lte=today,
        cancelled_at__isnull=True,
    )
    rows = Employment.objects.filter(
        Q(ended_on__isnull=True) | Q(ended_on__gte=today - _SHOWN_AFTER_LEAVING),
        affiliate=affiliate,
    )
    for word in ascii_digits(text).split():
        rows = rows.filter(
            Q(employee__registration_number__startswith=word)
            | Q(employee__last_name__icontains=word)
            | Q(employee__first_name__icontains=word)
            | Q(employee__cin__iexact=word)
        )
    return (
        rows.select_related("employee")
        .annotate(absence_kind=Subquery(absent.values("kind")[:1]))
        .order_by("employee__last_name", "employee__first_name", "pk")
    )


def absences_of(employment: Employment) -> QuerySet[Absence]:
    """The absences told for an employment, the latest first, those taken back apart."""
    return Absence.objects.filter(employment=employment, cancelled_at__isnull=True).order_by(
        "-starts_on", "-pk"
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
    invitations: list[Invitation]


def access_card(affiliate: Affiliate, *, on: datetime.date) -> AccessCard:
    """The members and the mandates of ``affiliate`` that count on ``on`` or later; four queries."""
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
        invitations=list(
            Invitation.objects.filter(
                affiliate=affiliate, accepted_at__isnull=True, withdrawn_at__isnull=True
            ).order_by("-pk")
        ),
    )
