"""What changes the register: employers, who acts for them, whom they employ.

Every function takes ``actor`` (who does it) and ``at`` (the instant, aware); each is one transaction, leaves an
audit entry when something changed, and answers the same when asked twice.
"""

import datetime
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Model, Q, QuerySet

from affiliates.enums import Role, Scope
from affiliates.errors import (
    AlreadyAffiliated,
    AlreadyEmployed,
    DaysReversed,
    DecisionMissing,
    LastOwner,
    MandateEmpty,
    MandateOverlaps,
    RegistrationNumberTaken,
    StatusOverlaps,
    TakeoverBeforeHire,
    TakeoverOverlaps,
    TakeoverTooLong,
    TakeoverTooMany,
    UnknownKey,
)
from affiliates.models import (
    Affiliate,
    AffiliateStatus,
    Agency,
    Employee,
    Employment,
    Mandate,
    Membership,
    Representative,
    StateTakeover,
)
from portal import audit
from portal.models import User
from regulation.enums import ContributionStatus, KeySeries
from regulation.identifiers import (
    affiliation_key,
    check_affiliation_number,
    check_cin,
    check_ice,
    check_registration_number,
)
from regulation.parameters import value_at
from regulation.periods import Period


@transaction.atomic
def register(
    *,
    actor: User,
    at: datetime.datetime,
    affiliation_number: str,
    name: str,
    address: str,
    city: str,
    agency: Agency,
    affiliated_on: datetime.date,
    name_ar: str = "",
    activity: str = "",
    postal_code: str = "",
    ice: str = "",
) -> Affiliate:
    """Enter an employer in the register under a number whose key is of either series (e-BDS §6.3).

    Refuses a malformed number (InvalidAffiliationNumber), a key of neither series (UnknownKey) and a number held
    by another name (AlreadyAffiliated). The same number and name again gives the first one.
    """
    number = check_affiliation_number(affiliation_number)
    if affiliation_key(number) is KeySeries.UNKNOWN:
        raise UnknownKey(number=number)
    affiliate, created = Affiliate.objects.get_or_create(
        affiliation_number=number,
        defaults={
            "name": name,
            "name_ar": name_ar,
            "activity": activity,
            "address": address,
            "city": city,
            "postal_code": postal_code,
            "ice": check_ice(ice) if ice else "",
            "agency": agency,
            "affiliated_on": affiliated_on,
        },
    )
    if not created:
        if affiliate.name != name:
            raise AlreadyAffiliated(number=number, name=affiliate.name)
        return affiliate
    audit.record(
        actor=actor,
        action="affiliate.registered",
        subject=affiliate,
        affiliation_number=number,
        name=name,
        affiliated_on=affiliated_on,
    )
    return affiliate


@transaction.atomic
def set_status(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    status: ContributionStatus,
    effective_from: datetime.date,
    effective_to: datetime.date | None = None,
) -> AffiliateStatus:
    """Record that ``affiliate`` contributes under ``status`` for these days, both included.

    Refuses reversed days and days that the same status already covers otherwise (StatusOverlaps).
    """
    _check_days(effective_from, effective_to)
    affiliate = _locked(affiliate)
    same = AffiliateStatus.objects.filter(affiliate=affiliate, status=status.value)
    existing = same.filter(effective_from=effective_from, effective_to=effective_to).first()
    if existing:
        return existing
    if _overlapping(same, "effective_from", "effective_to", effective_from, effective_to):
        raise StatusOverlaps(name=affiliate.name)
    created = AffiliateStatus.objects.create(
        affiliate=affiliate,
        status=status.value,
        effective_from=effective_from,
        effective_to=effective_to,
    )
    audit.record(
        actor=actor,
        action="affiliate.status_set",
        subject=created,
        affiliation_number=affiliate.affiliation_number,
        status=status.value,
        effective_from=effective_from,
        effective_to=effective_to,
    )
    return created


@transaction.atomic
def add_member(
    *, actor: User, at: datetime.datetime, affiliate: Affiliate, user: User, role: Role
) -> Membership:
    """Let ``user`` act for ``affiliate`` with ``role``; a member with another role changes to it.

    Refuses to take the last owner's role away (LastOwner).
    """
    affiliate = _locked(affiliate)
    membership = Membership.objects.filter(
        affiliate=affiliate, user=user, ended_at__isnull=True
    ).first()
    if membership is None:
        membership = Membership.objects.create(
            affiliate=affiliate, user=user, role=role.value, since=at
        )
    elif membership.role == role:
        return membership
    else:
        _keep_an_owner(membership)
        membership.role = role.value
        membership.save(update_fields=["role"])
    audit.record(
        actor=actor,
        action="membership.given",
        subject=membership,
        affiliation_number=affiliate.affiliation_number,
        person=user.full_name,
        role=role.value,
    )
    return membership


@transaction.atomic
def end_membership(*, actor: User, at: datetime.datetime, membership: Membership) -> Membership:
    """Take a member's access away, from the next request on. Refuses for the last owner (LastOwner)."""
    affiliate = _locked(membership.affiliate)
    membership = Membership.objects.select_for_update(of=("self",)).get(pk=membership.pk)
    if membership.ended_at is not None:
        return membership
    _keep_an_owner(membership)
    membership.ended_at = at
    membership.save(update_fields=["ended_at"])
    audit.record(
        actor=actor,
        action="membership.ended",
        subject=membership,
        affiliation_number=affiliate.affiliation_number,
        person=membership.user.full_name,
        role=membership.role,
    )
    return membership


@transaction.atomic
def grant_mandate(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    representative: Representative,
    scopes: Iterable[Scope],
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
) -> Mandate:
    """Let a representative do ``scopes`` for ``affiliate`` on these days, both included; reading goes along.

    Refuses an empty mandate or one that would manage access (MandateEmpty), reversed days, and days that another
    mandate of the same representative covers (MandateOverlaps).
    """
    wanted = set(scopes)
    if not wanted or Scope.MANAGE in wanted:
        raise MandateEmpty
    _check_days(starts_on, ends_on)
    values = [scope.value for scope in Scope if scope in wanted | {Scope.READ}]
    affiliate = _locked(affiliate)
    live = Mandate.objects.filter(
        affiliate=affiliate, representative=representative, revoked_at__isnull=True
    )
    existing = live.filter(starts_on=starts_on, ends_on=ends_on, scopes=values).first()
    if existing:
        return existing
    if _overlapping(live, "starts_on", "ends_on", starts_on, ends_on):
        raise MandateOverlaps(representative=representative.name)
    mandate = Mandate.objects.create(
        affiliate=affiliate,
        representative=representative,
        scopes=values,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    audit.record(
        actor=actor,
        action="mandate.granted",
        subject=mandate,
        affiliation_number=affiliate.affiliation_number,
        representative=representative.name,
        scopes=values,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    return mandate


@transaction.atomic
def revoke_mandate(*, actor: User, at: datetime.datetime, mandate: Mandate) -> Mandate:
    """Take a mandate back, from the next request on. A mandate already taken back stays as it is."""
    affiliate = _locked(mandate.affiliate)
    mandate = (
        Mandate.objects.select_for_update(of=("self",))
        .select_related("representative")
        .get(pk=mandate.pk)
    )
    if mandate.revoked_at is not None:
        return mandate
    mandate.revoked_at = at
    mandate.save(update_fields=["revoked_at"])
    audit.record(
        actor=actor,
        action="mandate.revoked",
        subject=mandate,
        affiliation_number=affiliate.affiliation_number,
        representative=mandate.representative.name,
        scopes=mandate.scopes,
    )
    return mandate


@transaction.atomic
def register_employee(
    *,
    actor: User,
    at: datetime.datetime,
    registration_number: str,
    last_name: str,
    first_name: str,
    cin: str = "",
    born_on: datetime.date | None = None,
) -> Employee:
    """Enter an insured person under the number the fund issued.

    Refuses a malformed number or card, and a number that another name holds (RegistrationNumberTaken).
    """
    number = check_registration_number(registration_number)
    employee, created = Employee.objects.get_or_create(
        registration_number=number,
        defaults={
            "last_name": last_name,
            "first_name": first_name,
            "cin": check_cin(cin) if cin else "",
            "born_on": born_on,
        },
    )
    if not created:
        if (employee.last_name, employee.first_name) != (last_name, first_name):
            raise RegistrationNumberTaken(number=number)
        return employee
    audit.record(actor=actor, action="employee.registered", subject=employee)
    return employee


@transaction.atomic
def hire(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    employee: Employee,
    started_on: datetime.date,
    children: int = 0,
) -> Employment:
    """Record that ``employee`` works for ``affiliate`` from ``started_on``.

    Refuses when the person already works there since another day (AlreadyEmployed).
    """
    affiliate = _locked(affiliate)
    current = Employment.objects.filter(
        affiliate=affiliate, employee=employee, ended_on__isnull=True
    ).first()
    if current is not None:
        if current.started_on != started_on:
            raise AlreadyEmployed(
                person=f"{employee.first_name} {employee.last_name}",
                name=affiliate.name,
                since=f"{current.started_on:%d/%m/%Y}",
            )
        return current
    employment = Employment.objects.create(
        affiliate=affiliate, employee=employee, started_on=started_on, children=children
    )
    audit.record(
        actor=actor,
        action="employment.started",
        subject=employment,
        affiliation_number=affiliate.affiliation_number,
        started_on=started_on,
    )
    return employment


@transaction.atomic
def end_employment(
    *, actor: User, at: datetime.datetime, employment: Employment, ended_on: datetime.date
) -> Employment:
    """Record the last day of an employment. Refuses a day before its start (DaysReversed)."""
    affiliate = _locked(employment.affiliate)
    employment = Employment.objects.select_for_update(of=("self",)).get(pk=employment.pk)
    if employment.ended_on == ended_on:
        return employment
    _check_days(employment.started_on, ended_on)
    employment.ended_on = ended_on
    employment.save(update_fields=["ended_on"])
    audit.record(
        actor=actor,
        action="employment.ended",
        subject=employment,
        affiliation_number=affiliate.affiliation_number,
        ended_on=ended_on,
    )
    return employment


@transaction.atomic
def grant_takeover(
    *,
    actor: User,
    at: datetime.datetime,
    employment: Employment,
    first: Period,
    last: Period,
    decision_reference: str,
) -> StateTakeover:
    """The State bears the employer share of ``employment`` from ``first`` to ``last``, both included (TAHFIZ).

    The law of the first month limits the months of one employment (`takeover.months`) and the employees of one
    affiliate (`takeover.max_employees`). Refuses DecisionMissing, DaysReversed, TakeoverBeforeHire,
    TakeoverOverlaps, TakeoverTooLong and TakeoverTooMany. The same months again give the same record.
    """
    reference = decision_reference.strip()
    if not reference:
        raise DecisionMissing()
    _check_days(first.first_day, last.last_day)
    affiliate = _locked(employment.affiliate)
    employment = Employment.objects.select_related("employee").get(pk=employment.pk)
    person = f"{employment.employee.last_name} {employment.employee.first_name}"
    granted = StateTakeover.objects.filter(employment=employment)
    existing = granted.filter(starts_on=first.first_day, ends_on=last.last_day).first()
    if existing:
        return existing
    hired = Period.from_day(employment.started_on)
    if first < hired:
        raise TakeoverBeforeHire(person=person, name=affiliate.name, hired=hired, first=first)
    if _overlapping(granted, "starts_on", "ends_on", first.first_day, last.last_day):
        raise TakeoverOverlaps(person=person)
    _check_takeover_limits(affiliate, employment, first, last)
    created = StateTakeover.objects.create(
        employment=employment,
        starts_on=first.first_day,
        ends_on=last.last_day,
        decision_reference=reference,
    )
    audit.record(
        actor=actor,
        action="takeover.granted",
        subject=created,
        affiliation_number=affiliate.affiliation_number,
        first=str(first),
        last=str(last),
        decision=reference,
    )
    return created


def _check_takeover_limits(
    affiliate: Affiliate, employment: Employment, first: Period, last: Period
) -> None:
    mine = StateTakeover.objects.filter(employment__affiliate=affiliate)
    same = mine.filter(employment__employee=employment.employee_id)
    months = sum(_months(row.starts_on, row.ends_on) for row in same)
    asked = months + _months(first.first_day, last.last_day)
    longest = int(value_at("takeover.months", first.first_day).value)
    if asked > longest:
        raise TakeoverTooLong(asked=asked, limit=longest)
    most = int(value_at("takeover.max_employees", first.first_day).value)
    others = mine.exclude(employment__employee=employment.employee_id)
    if others.values("employment__employee").distinct().count() >= most:
        raise TakeoverTooMany(name=affiliate.name, limit=most)


def _months(first_day: datetime.date, last_day: datetime.date) -> int:
    return Period.from_day(first_day).months_until(Period.from_day(last_day)) + 1


@transaction.atomic
def end_takeover(
    *, actor: User, at: datetime.datetime, takeover: StateTakeover, last: Period
) -> StateTakeover:
    """Make ``last`` the last month that the State takes over; one that ends by then already stays as it is.

    Declarations already submitted keep what was computed. Refuses a month before the first (DaysReversed).
    """
    affiliate = _locked(takeover.employment.affiliate)
    takeover = StateTakeover.objects.select_for_update(of=("self",)).get(pk=takeover.pk)
    if takeover.ends_on <= last.last_day:
        return takeover
    _check_days(takeover.starts_on, last.last_day)
    takeover.ends_on = last.last_day
    takeover.save(update_fields=["ends_on"])
    audit.record(
        actor=actor,
        action="takeover.ended",
        subject=takeover,
        affiliation_number=affiliate.affiliation_number,
        last=str(last),
    )
    return takeover


def _locked(affiliate: Affiliate) -> Affiliate:
    return Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)


def _keep_an_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    others = Membership.objects.filter(
        affiliate=membership.affiliate_id, role=Role.OWNER.value, ended_at__isnull=True
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise LastOwner(person=membership.user.full_name, name=membership.affiliate.name)


def _check_days(start: datetime.date, end: datetime.date | None) -> None:
    if end is not None and end < start:
        raise DaysReversed(start=f"{start:%d/%m/%Y}", end=f"{end:%d/%m/%Y}")


def _overlapping(
    rows: QuerySet[Model],
    start_field: str,
    end_field: str,
    start: datetime.date,
    end: datetime.date | None,
) -> bool:
    """Whether one of ``rows`` covers a day from ``start`` to ``end``; the exclusion constraint says the same."""
    rows = rows.filter(Q(**{f"{end_field}__isnull": True}) | Q(**{f"{end_field}__gte": start}))
    if end is not None:
        rows = rows.filter(**{f"{start_field}__lte": end})
    return rows.exists()
