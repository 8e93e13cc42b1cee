"""Insured persons and where they work."""

import datetime

from django.db import transaction

from affiliates.errors import AlreadyEmployed, RegistrationNumberTaken
from affiliates.models import Affiliate, Employee, Employment
from affiliates.workflows.steps import check_days, locked
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
    *, actor: User, at: datetime.datetime, employment: Employment, ended_on: datetime.date
) -> Employment:
    """Record the last day of an employment. Refuses a day before its start (DaysReversed)."""
    affiliate = locked(employment.affiliate)
    employment = Employment.objects.select_for_update(of=("self",)).get(pk=employment.pk)
    if employment.ended_on == ended_on:
        return employment
    check_days(employment.started_on, ended_on)
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
