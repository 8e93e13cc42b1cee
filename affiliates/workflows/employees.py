"""Insured persons and where they work."""

import datetime

from django.db import transaction
from django.db.models import Q

from affiliates.enums import AbsenceKind, LeaveReason
from affiliates.errors import (
    AbsenceOutside,
    AbsenceOverlaps,
    AlreadyEmployed,
    RegistrationNumberTaken,
)
from affiliates.models import Absence, Affiliate, Employee, Employment
from affiliates.workflows.steps import check_days, locked, overlapping
from portal import audit
from portal.models import User
from regulation.identifiers import check_cin, check_registration_number


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
    actor: User | None,
    at: datetime.datetime,
    affiliate: Affiliate,
    employee: Employee,
    started_on: datetime.date,
    children: int = 0,
) -> Employment:
    """Record that ``employee`` works for ``affiliate`` from ``started_on``; no actor when the portal acts by itself.

    Refuses when the person already works there since another day (AlreadyEmployed).
    """
    affiliate = locked(affiliate)
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
    *,
    actor: User,
    at: datetime.datetime,
    employment: Employment,
    ended_on: datetime.date,
    reason: LeaveReason | None = None,
) -> Employment:
    """Record the last day of an employment, and why it ended. Refuses a day before its start (DaysReversed).

    An absence that would outlast it ends with it.
    """
    affiliate = locked(employment.affiliate)
    employment = Employment.objects.select_for_update(of=("self",)).get(pk=employment.pk)
    told = reason.value if reason else employment.end_reason
    if (employment.ended_on, employment.end_reason) == (ended_on, told):
        return employment
    check_days(employment.started_on, ended_on)
    employment.ended_on, employment.end_reason = ended_on, told
    employment.save(update_fields=["ended_on", "end_reason"])
    outlasting = Absence.objects.filter(employment=employment, cancelled_at__isnull=True)
    outlasting.filter(starts_on__gt=ended_on).update(cancelled_at=at)
    outlasting.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gt=ended_on), starts_on__lte=ended_on
    ).update(ends_on=ended_on)
    audit.record(
        actor=actor,
        action="employment.ended",
        subject=employment,
        affiliation_number=affiliate.affiliation_number,
        ended_on=ended_on,
        reason=told,
    )
    return employment


@transaction.atomic
def record_absence(
    *,
    actor: User,
    at: datetime.datetime,
    employment: Employment,
    kind: AbsenceKind,
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
) -> Absence:
    """Record that someone employed does not work on these days, both included; no end means « still ».

    The prefill of the months concerned then carries the situation. The same absence again gives the first one.
    Refuses reversed days (DaysReversed), days outside the employment (AbsenceOutside) and days that another
    absence covers (AbsenceOverlaps).
    """
    check_days(starts_on, ends_on)
    affiliate = locked(employment.affiliate)
    employment = (
        Employment.objects.select_for_update(of=("self",))
        .select_related("employee")
        .get(pk=employment.pk)
    )
    told = Absence.objects.filter(employment=employment, cancelled_at__isnull=True)
    existing = told.filter(kind=kind.value, starts_on=starts_on, ends_on=ends_on).first()
    if existing is not None:
        return existing
    last = employment.ended_on
    if starts_on < employment.started_on or (last and (ends_on is None or ends_on > last)):
        raise AbsenceOutside(start=employment.started_on, person=_name(employment))
    if overlapping(told, "starts_on", "ends_on", starts_on, ends_on):
        raise AbsenceOverlaps(person=_name(employment))
    absence = Absence.objects.create(
        employment=employment, kind=kind.value, starts_on=starts_on, ends_on=ends_on
    )
    audit.record(
        actor=actor,
        action="absence.recorded",
        subject=absence,
        affiliation_number=affiliate.affiliation_number,
        kind=kind.value,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    return absence


@transaction.atomic
def cancel_absence(*, actor: User, at: datetime.datetime, absence: Absence) -> Absence:
    """Take back an absence told by mistake; what was declared with it stays. Cancelled again, changes nothing."""
    affiliate = locked(absence.employment.affiliate)
    absence = Absence.objects.select_for_update(of=("self",)).get(pk=absence.pk)
    if absence.cancelled_at is not None:
        return absence
    absence.cancelled_at = at
    absence.save(update_fields=["cancelled_at"])
    audit.record(
        actor=actor,
        action="absence.cancelled",
        subject=absence,
        affiliation_number=affiliate.affiliation_number,
        kind=absence.kind,
    )
    return absence


def _name(employment: Employment) -> str:
    return f"{employment.employee.first_name} {employment.employee.last_name}"


@transaction.atomic
def fill_name_keys(*, most: int = 5_000) -> int:
    """Work out the missing keys of names, so many at most; returns how many were missing.

    Leaves no trace: nothing that anyone told has changed.
    """
    rows = Employee.objects.select_for_update(of=("self",), skip_locked=True)
    missing = list(rows.filter(name_key="").order_by("pk")[:most])
    Employee.objects.bulk_update(missing, ["name_key", "name_sound"], batch_size=1_000)
    return len(missing)
