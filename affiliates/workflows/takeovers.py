"""The State bears the employer share of an employment for some months (TAHFIZ)."""

import datetime

from django.db import transaction

from affiliates.access import require_post
from affiliates.enums import FILE_ROLES
from affiliates.errors import (
    DecisionMissing,
    TakeoverBeforeHire,
    TakeoverOverlaps,
    TakeoverTooLong,
    TakeoverTooMany,
)
from affiliates.models import Affiliate, Employment, StateTakeover
from affiliates.workflows.steps import check_days, locked, overlapping
from portal import audit
from portal.models import User
from regulation.parameters import value_at
from regulation.periods import Period


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
    Whoever handles no files is refused (PostMissing).
    """
    require_post(actor, FILE_ROLES)
    reference = decision_reference.strip()
    if not reference:
        raise DecisionMissing()
    check_days(first.first_day, last.last_day)
    affiliate = locked(employment.affiliate)
    employment = Employment.objects.select_related("employee").get(pk=employment.pk)
    person = f"{employment.employee.last_name} {employment.employee.first_name}"
    granted = StateTakeover.objects.filter(employment=employment)
    existing = granted.filter(starts_on=first.first_day, ends_on=last.last_day).first()
    if existing:
        return existing
    hired = Period.from_day(employment.started_on)
    if first < hired:
        raise TakeoverBeforeHire(person=person, name=affiliate.name, hired=hired, first=first)
    if overlapping(granted, "starts_on", "ends_on", first.first_day, last.last_day):
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


@transaction.atomic
def end_takeover(
    *, actor: User, at: datetime.datetime, takeover: StateTakeover, last: Period
) -> StateTakeover:
    """Make ``last`` the last month that the State takes over; one that ends by then already stays as it is.

    Declarations already submitted keep what was computed. Refuses a month before the first (DaysReversed).
    Whoever handles no files is refused (PostMissing).
    """
    require_post(actor, FILE_ROLES)
    affiliate = locked(takeover.employment.affiliate)
    takeover = StateTakeover.objects.select_for_update(of=("self",)).get(pk=takeover.pk)
    if takeover.ends_on <= last.last_day:
        return takeover
    check_days(takeover.starts_on, last.last_day)
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
