"""Questions about reminders: which month is due, who is to be told, of which firms."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from affiliates.access import who_may
from affiliates.enums import AffiliateState, Scope
from affiliates.models import Affiliate
from declarations.enums import DeclarationKind, DeclarationStatus
from declarations.models import Declaration
from portal.models import User
from regulation.parameters import due_day, value_at
from regulation.periods import Period

#: After this many days a missed month is no longer news by mail: the home says it.
LATE_NEWS_DAYS = 10
#: A due day is never further from its month than this, extensions included.
_MONTHS_BACK = 3
_PEOPLE_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Reminder:
    """What to say today about a month: `stage` is `first`, `last` or `late`, one letter each."""

    period: Period
    due_on: datetime.date
    stage: str
    days_left: int


def reminders_on(today: datetime.date) -> list[Reminder]:
    """The months to speak of on `today`. A day on which nothing ran is made good the next."""
    found = []
    for back in range(_MONTHS_BACK + 1):
        period = Period.from_day(today) - back
        due_on = due_day(period)
        left = (due_on - today).days
        first = int(value_at("reminder.first_days_before", due_on).value)
        last = int(value_at("reminder.last_days_before", due_on).value)
        if 0 <= left <= last:
            found.append(Reminder(period, due_on, "last", left))
        elif last < left <= first:
            found.append(Reminder(period, due_on, "first", left))
        elif -LATE_NEWS_DAYS <= left < 0:
            found.append(Reminder(period, due_on, "late", left))
    return found


def unfiled(period: Period) -> QuerySet[Affiliate]:
    """Active affiliates whose main declaration of a month is not submitted."""
    filed = Declaration.objects.filter(
        period=period.first_day,
        kind=DeclarationKind.MAIN.value,
        status=DeclarationStatus.SUBMITTED.value,
    )
    return Affiliate.objects.filter(
        state=AffiliateState.ACTIVE.value, affiliated_on__lte=period.last_day
    ).exclude(pk__in=filed.order_by().values("affiliate_id"))


def people_to_remind(
    period: Period, *, on: datetime.date
) -> Iterator[list[tuple[User, list[Affiliate]]]]:
    """Everyone who may declare a month that is not filed and wants reminders, with those firms; in batches."""
    readers = User.objects.filter(is_active=True, wants_reminders=True, is_staff=False)
    last = 0
    while batch := list(readers.filter(pk__gt=last).order_by("pk")[:_PEOPLE_AT_ONCE]):
        last = batch[-1].pk
        pairs = who_may(Scope.DECLARE, batch, on=on)
        firms = unfiled(period).in_bulk({firm for _person, firm in pairs})
        told: dict[int, list[Affiliate]] = {}
        for person, firm in sorted(pairs):
            if firm in firms:
                told.setdefault(person, []).append(firms[firm])
        yield [
            (person, sorted(told[person.pk], key=lambda firm: firm.affiliation_number))
            for person in batch
            if person.pk in told
        ]
