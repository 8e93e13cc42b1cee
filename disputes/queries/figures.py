"""What became of the disputes: for the staff in full, for everyone without the cells that could name a firm."""

import datetime
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q, QuerySet

from disputes import rules
from disputes.enums import Age, DisputeState, Ground, Outcome
from disputes.models import Dispute

_Name = TypeVar("_Name", bound=Hashable)
_TOOK = ExpressionWrapper(F("closed_at") - F("opened_at"), output_field=DurationField())
_DECIDED = Q(state=DisputeState.DECIDED.value)


@dataclass(frozen=True, slots=True)
class GroundRow:
    """The disputes of one ground: opened, running, decided by outcome, and the mean days to decide."""

    ground: Ground
    opened: int
    running: int
    by_outcome: dict[Outcome, int]
    mean_days: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the disputes opened in a span of days. Shares are whole percents; delays in days."""

    opened: int
    running: int
    withdrawn: int
    decided: int
    appeals: int
    by_outcome: dict[Outcome, int]
    by_age: dict[Age, int]
    by_ground: list[GroundRow]
    answered_in_time: int | None
    decided_in_time: int | None
    mean_days_to_decide: int | None


def figures(
    disputes: QuerySet[Dispute], since: datetime.datetime, now: datetime.datetime
) -> Figures:
    """The outcome of the disputes opened at ``since`` or later; None where there is nothing to measure yet."""
    opened = disputes.filter(opened_at__gte=since)
    counts = opened.aggregate(
        opened=Count("pk"),
        running=Count("pk", filter=Q(closed_at__isnull=True)),
        withdrawn=Count("pk", filter=Q(state=DisputeState.WITHDRAWN.value)),
        decided=Count("pk", filter=_DECIDED),
        appeals=Count("pk", filter=Q(appeal_of__isnull=False)),
        answered=Count("pk", filter=Q(first_answered_at__isnull=False)),
        answered_in_time=Count(
            "pk", filter=Q(first_answered_at__date__lte=F("first_answer_due_on"))
        ),
        decided_in_time=Count("pk", filter=_DECIDED & Q(closed_at__date__lte=F("decision_due_on"))),
        mean=Avg(_TOOK, filter=_DECIDED),
        **_by_outcome(),
        **{age.name: Count("pk", filter=_of_age(age, now)) for age in Age},
    )
    return Figures(
        opened=counts["opened"],
        running=counts["running"],
        withdrawn=counts["withdrawn"],
        decided=counts["decided"],
        appeals=counts["appeals"],
        by_outcome={outcome: counts[outcome.name] for outcome in Outcome},
        by_age={age: counts[age.name] for age in Age},
        by_ground=_by_ground(opened),
        answered_in_time=_percent(counts["answered_in_time"], counts["answered"]),
        decided_in_time=_percent(counts["decided_in_time"], counts["decided"]),
        mean_days_to_decide=counts["mean"].days if counts["mean"] else None,
    )


def _by_outcome() -> dict[str, Any]:
    return {
        outcome.name: Count("pk", filter=Q(decision__outcome=outcome.value)) for outcome in Outcome
    }


def _of_age(age: Age, now: datetime.datetime) -> Q:
    """Running disputes opened that long before ``now``."""
    youngest, oldest = age.days
    found = Q(closed_at__isnull=True, opened_at__lte=now - datetime.timedelta(days=youngest))
    if oldest is not None:
        found &= Q(opened_at__gt=now - datetime.timedelta(days=oldest))
    return found


def _by_ground(opened: QuerySet[Dispute]) -> list[GroundRow]:
    rows = (
        opened.order_by()
        .values("ground")
        .annotate(
            opened=Count("pk"),
            running=Count("pk", filter=Q(closed_at__isnull=True)),
            mean=Avg(_TOOK, filter=_DECIDED),
            **_by_outcome(),
        )
    )
    known: dict[str, Any] = {row["ground"]: row for row in rows}
    return [
        GroundRow(
            ground,
            row["opened"],
            row["running"],
            {outcome: row[outcome.name] for outcome in Outcome},
            row["mean"].days if row["mean"] else None,
        )
        for ground in Ground
        if (row := known.get(ground.value))
    ]


def _percent(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None


@dataclass(frozen=True, slots=True)
class PublicFigures:
    """The same for everyone: a count is None when it is too small to be published, or would give away another."""

    opened: int | None
    by_fate: dict[str, int | None]
    by_outcome: dict[Outcome, int | None]
    by_ground: dict[Ground, int | None]
    by_age: dict[Age, int | None]
    answered_in_time: int | None
    decided_in_time: int | None
    mean_days_to_decide: int | None


def public_figures(
    since: datetime.datetime, now: datetime.datetime, *, least: int
) -> PublicFigures:
    """The figures of every agency together; shares and means only where enough disputes stand behind them."""
    found = figures(Dispute.objects.all(), since, now)
    fates = {"running": found.running, "withdrawn": found.withdrawn, "decided": found.decided}
    enough = found.decided >= least
    return PublicFigures(
        opened=found.opened if found.opened >= least else None,
        by_fate=_shown(fates, least),
        by_outcome=_shown(found.by_outcome, least),
        by_ground=_shown({row.ground: row.opened for row in found.by_ground}, least),
        by_age=_shown(found.by_age, least),
        answered_in_time=found.answered_in_time if found.opened >= least else None,
        decided_in_time=found.decided_in_time if enough else None,
        mean_days_to_decide=found.mean_days_to_decide if enough else None,
    )


def _shown(cells: Mapping[_Name, int], least: int) -> dict[_Name, int | None]:
    hidden = rules.too_small(list(cells.values()), least=least)
    return {
        name: None if rank in hidden else count for rank, (name, count) in enumerate(cells.items())
    }
