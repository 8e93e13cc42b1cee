"""Orders that give way when a due falls or is held."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from payments.enums import DebitAct, DebitCause, DebitState
from payments.models import DebitOrder, DebitShare
from payments.queries.debits import Payable, about, claimed_on, field_of, free_on, held_on
from payments.transitions import UNSENT
from payments.workflows.debits.notices import tell_outcome
from payments.workflows.debits.steps import lock_orders, step
from portal import clock
from portal.models import User
from regulation.money import ZERO

__all__ = ["field_of", "free_on", "give_way", "stop", "stop_one"]

_UNSENT = [state.value for state in UNSENT]


def give_way(
    rows: Collection[Payable],
    *,
    actor: User | None = None,
    at: datetime | None = None,
    cause: DebitCause = DebitCause.DUE_CHANGED,
    about_to_hold: Decimal = ZERO,
) -> None:
    """Stop the unsent orders that would take more than these dues, as they now stand in memory, leave.

    The caller holds the locks of the dues and has not written them yet: the database refuses a due below its orders.
    What was signed is never lowered in silence: the whole intention stops, and the employer is told why. A hold only
    suspends what is planned; everything else cancels. `about_to_hold` is what the caller is about to hold of them.
    """
    if not rows:
        return
    waiting = set(
        DebitShare.objects.filter(about(rows), order__state__in=_UNSENT).values_list(
            "order__intent", flat=True
        )
    )
    if not waiting:
        return
    claimed, held = claimed_on(rows), held_on(rows)
    over = [
        row
        for row in rows
        if claimed.get((field_of(row), row.pk), ZERO)
        > row.outstanding - about_to_hold - held.get((field_of(row), row.pk), ZERO)
    ]
    if over:
        stop(over, actor=actor, at=at or clock.now(), cause=cause)


def stop(rows: Collection[Payable], *, actor: User | None, at: datetime, cause: DebitCause) -> None:
    """Stop every unsent order, and its siblings, that pays one of these dues."""
    intents = set(
        DebitShare.objects.filter(about(rows), order__state__in=_UNSENT).values_list(
            "order__intent", flat=True
        )
    )
    for order in lock_orders(intent__in=intents, state__in=_UNSENT):
        stop_one(order, actor=actor, at=at, cause=cause)


def stop_one(order: DebitOrder, *, actor: User | None, at: datetime, cause: DebitCause) -> None:
    """Suspend a planned order that a hold or a sleeping authority restrains; cancel in every other case."""
    suspends = cause is DebitCause.HOLD and order.state == DebitState.PLANNED.value
    act = DebitAct.SUSPEND if suspends else DebitAct.CANCEL
    step(order, act, actor=actor, at=at, cause=cause, run=None)
    tell_outcome(order, at=at)
