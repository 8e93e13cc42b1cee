"""Forgetting what is past its time: by chunks, each with its count in one transaction; safe to run twice or at once.

Which rules there are is said by damancom/privacy.py. A run that is killed has forgotten whole chunks: the next one
goes on and tells the whole number. The trace says how many rows of what, never whose.
"""

import datetime
from collections.abc import Callable, Mapping
from typing import Final

from django.db import connection, transaction

from portal import audit
from portal.enums import PurgeRule
from portal.failpoints import failpoint
from portal.models import Purge

#: Rows forgotten in one transaction.
CHUNK: Final = 500
#: Only one run works at a time; the number is arbitrary and belongs to this lock alone.
LOCK: Final = 4_711_002

#: ``forget(at=…, most=…)`` forgets at most so many rows past their time and says how many; fewer: none is left.
Forget = Callable[..., int]


def run(
    rules: Mapping[PurgeRule, Forget], *, at: datetime.datetime, chunk: int = CHUNK
) -> dict[PurgeRule, int]:
    """Apply every rule; how many rows each forgot. A rule that another run is applying is left to it."""
    return {rule: _apply(rule, forget, at, chunk) for rule, forget in rules.items()}


def _apply(rule: PurgeRule, forget: Forget, at: datetime.datetime, chunk: int) -> int:
    total = 0
    while True:
        done = _forget_some(rule, forget, at, chunk)
        total += done
        if done < chunk:
            return total
        failpoint("purge-chunk-forgotten")


@transaction.atomic
def _forget_some(rule: PurgeRule, forget: Forget, at: datetime.datetime, chunk: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
    row, _created = Purge.objects.get_or_create(
        rule=rule.value, ended_at=None, defaults={"began_at": at}
    )
    done = forget(at=at, most=chunk)
    row.removed += done
    if done == chunk:
        row.save(update_fields=["removed"])
    elif row.removed:
        row.ended_at = at
        row.save(update_fields=["removed", "ended_at"])
        audit.record(
            actor=None,
            action="privacy.purged",
            subject=row,
            rule=rule.value,
            removed=row.removed,
        )
    else:
        row.delete()
    return done
