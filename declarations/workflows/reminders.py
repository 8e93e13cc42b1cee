"""Telling people by mail that a month is due, or that its day has passed."""

import datetime
from collections.abc import Sequence

from django.db import transaction
from django.urls import reverse

from affiliates.models import Affiliate
from declarations import queries
from declarations.lateness import lateness_of
from declarations.reminders import Reminder, people_to_remind, reminders_on
from portal import clock, mail
from portal.models import Mail, User

#: Firms named in one letter; the others are counted.
_NAMED = 20


def send_reminders(*, at: datetime.datetime) -> None:
    """Write the reminders of the day: one letter per person, month and stage, about all their firms.

    Safe to run twice. Who has filed, or has stopped the reminders, is not written to.
    """
    today = clock.day_of(at)
    for reminder in reminders_on(today):
        for batch in people_to_remind(reminder.period, on=today):
            keys = {person.pk: _key(reminder, person) for person, _firms in batch}
            known = set(Mail.objects.filter(key__in=keys.values()).values_list("key", flat=True))
            with transaction.atomic():
                for person, firms in batch:
                    if keys[person.pk] not in known:
                        _write(keys[person.pk], person, firms, reminder, at)


def _key(reminder: Reminder, person: User) -> str:
    return f"deadline:{reminder.period}:{reminder.stage}:{person.pk}"


def _write(
    key: str,
    person: User,
    firms: Sequence[Affiliate],
    reminder: Reminder,
    at: datetime.datetime,
) -> None:
    facts: dict[str, object] = {
        "firms": firms[:_NAMED],
        "others": len(firms[_NAMED:]),
        "period": reminder.period,
        "due_on": reminder.due_on,
        "days_left": reminder.days_left,
    }
    path, firm = reverse("home"), firms[0]
    if len(firms) == 1:
        path = reverse("declarations:month", args=[firm.affiliation_number, reminder.period])
        facts["copies"] = queries.last_main(firm, reminder.period) is not None
        facts["cost"] = lateness_of(firm, reminder.period, today=clock.day_of(at))
    template = "late" if reminder.stage == "late" else "soon"
    mail.write(
        key=key,
        to=person,
        template=f"declarations/mail/deadline_{template}.txt",
        facts=facts,
        at=at,
        path=path,
        is_reminder=True,
    )
