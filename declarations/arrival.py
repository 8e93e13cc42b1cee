"""Questions about arrival: which day counts for a declaration that is being submitted."""

import datetime
from collections.abc import Iterator

from django.db.models import Min

from declarations.enums import FileVerdict, OnTimeReason
from declarations.models import Declaration, Outage, ReceivedFile
from declarations.rules.arrival import Hindrance, on_time_because
from portal import clock
from portal.enums import JobState
from regulation.parameters import due_day, value_at
from regulation.periods import Period


def day_that_counts(
    declaration: Declaration, *, at: datetime.datetime
) -> tuple[datetime.date, OnTimeReason | None]:
    """The Moroccan day on which a declaration submitted at `at` is filed, and why it is not the day of `at`.

    Three queries, and only after the due day.
    """
    due_on = due_day(Period.from_day(declaration.period))
    deadline = clock.end_of(due_on)
    if at < deadline:
        return clock.day_of(at), None
    days = int(value_at("late_filing.retry_days", due_on).value)
    reason = on_time_because(
        deadline=deadline,
        submitted_at=at,
        retry=datetime.timedelta(days=days),
        hindrances=_hindrances(declaration, deadline),
    )
    return (due_on if reason else clock.day_of(at)), reason


def _hindrances(declaration: Declaration, deadline: datetime.datetime) -> Iterator[Hindrance]:
    """What of ours stood in the way of this month: checks that ended after the deadline, or failed; outages."""
    files = ReceivedFile.objects.filter(
        affiliate=declaration.affiliate_id, period=declaration.period, received_at__lt=deadline
    )
    for file in files.order_by("received_at"):
        if file.state == JobState.PARKED:
            yield Hindrance(OnTimeReason.PARKED, file.received_at, deadline)
        elif (
            file.verdict == FileVerdict.ACCEPTED and file.checked_at and file.checked_at >= deadline
        ):
            yield Hindrance(OnTimeReason.CHECK, file.received_at, file.checked_at)
    begun_at = _begun_at(declaration)
    if begun_at < deadline:
        for outage in Outage.objects.filter(starts_at__lt=deadline, ends_at__gte=deadline):
            yield Hindrance(OnTimeReason.OUTAGE, begun_at, outage.ends_at)


def _begun_at(declaration: Declaration) -> datetime.datetime:
    """When the month was first touched: its first draft or its first file."""
    mine = {"affiliate": declaration.affiliate_id, "period": declaration.period}
    first: datetime.datetime | None = ReceivedFile.objects.filter(**mine).aggregate(
        first=Min("received_at")
    )["first"]
    drafted: datetime.datetime = Declaration.objects.filter(**mine).aggregate(
        first=Min("created_at")
    )["first"]
    return min(first, drafted) if first else drafted
