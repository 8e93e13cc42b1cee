"""Work carried by rows: claimed by one worker at a time, counted before it starts, set aside after three attempts.

A claim is committed before the work, with the number of the attempt: whoever wrote the last number owns the
outcome. A claim older than its lease lost its worker and may be taken again (promises 9, 10 and 11).
"""

import datetime
import time
from collections.abc import Callable
from typing import Final, TypeVar

from django.db import transaction
from django.db.models import F, Q, QuerySet

from portal import clock
from portal.enums import JobState
from portal.models import FileJob, Job

MOST_ATTEMPTS: Final = 3

Row = TypeVar("Row", bound=Job)


def due(rows: QuerySet[Row], *, at: datetime.datetime) -> QuerySet[Row]:
    """Those of `rows` that wait, and those whose worker was lost: claimed longer ago than the lease of their kind."""
    waiting = Q(state=JobState.WAITING.value)
    lost = Q(state=JobState.RUNNING.value, started_at__lte=at - rows.model.LEASE)
    return rows.filter(waiting | lost)


@transaction.atomic
def claim(
    rows: QuerySet[Row],
    *,
    at: datetime.datetime,
    on_park: Callable[[Row], object],
) -> list[Row]:
    """Take the due ones of `rows` for this worker, in the order of their keys; the others are left alone.

    Those that three attempts did not finish are parked instead: `on_park` leaves the trace of it. A row that
    another worker is claiming at this instant is passed over.
    """
    free = due(rows, at=at).order_by("pk")
    found = list(free.select_for_update(of=("self",), skip_locked=True))
    taken = [row for row in found if row.attempts < MOST_ATTEMPTS]
    for row in found:
        if row.attempts >= MOST_ATTEMPTS:
            row.state = JobState.PARKED.value
            row.save(update_fields=["state"])
            on_park(row)
    rows.model._default_manager.filter(pk__in=[row.pk for row in taken]).update(
        attempts=F("attempts") + 1, state=JobState.RUNNING.value, started_at=at
    )
    for row in taken:
        row.attempts += 1
        row.state, row.started_at = JobState.RUNNING.value, at
    return taken


def give_back(row: Job) -> None:
    """Let a row set aside be claimed again, its attempts counted anew; the caller holds its lock."""
    row.state, row.attempts, row.started_at = JobState.WAITING.value, 0, None
    row.save(update_fields=["state", "attempts", "started_at"])


def owns(row: Job, claimed: Job) -> bool:
    """Whether `row`, just locked, still belongs to the worker that was given `claimed`."""
    return (row.state, row.attempts) == (JobState.RUNNING, claimed.attempts)


def renew(claimed: Job) -> None:
    """Start the lease again: this worker is alive. Does nothing once another worker has taken the row over."""
    rows = type(claimed)._default_manager.filter(pk=claimed.pk, attempts=claimed.attempts)
    rows.filter(state=JobState.RUNNING.value).update(started_at=clock.now())


class Pulse:
    """What long work calls at each of its steps: the lease starts again, at most once in twenty seconds."""

    EVERY_SECONDS: Final = 20

    def __init__(self, claimed: Job) -> None:
        self._claimed = claimed
        self._last = time.monotonic()

    def __call__(self) -> None:
        now = time.monotonic()
        if now - self._last >= self.EVERY_SECONDS:
            self._last = now
            renew(self._claimed)


def tell_progress(claimed: FileJob, lines_done: int) -> None:
    """Show how far the work has come, and start its lease again; nothing once another worker has taken it over."""
    rows = type(claimed)._default_manager.filter(pk=claimed.pk, attempts=claimed.attempts)
    rows.filter(state=JobState.RUNNING.value).update(lines_done=lines_done, started_at=clock.now())
