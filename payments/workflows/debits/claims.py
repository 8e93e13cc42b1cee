"""What is still free to be ordered on a due, and orders that give way when a due falls or is held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum

from payments.enums import DebitAct, DebitCause, DebitState
from payments.models import DebitOrder, DebitShare, FilingPenalty, Hold, PaymentSlip, Surcharge
from payments.transitions import CLAIMING, UNSENT
from payments.workflows.debits.steps import lock_orders, step
from portal import clock
from portal.models import User
from regulation.money import ZERO

Payable = PaymentSlip | Surcharge | FilingPenalty

_UNSENT = [state.value for state in UNSENT]
_CLAIMING = [state.value for state in CLAIMING]


def field_of(row: Payable) -> str:
    """The column of a share or an allocation that names this due."""
    if isinstance(row, PaymentSlip):
        return "slip"
    return "surcharge" if isinstance(row, Surcharge) else "filing_penalty"


def _about(rows: Iterable[Payable]) -> Q:
    keys: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        keys[field_of(row)].append(row.pk)
    which = Q(pk__in=[])
    for name, pks in keys.items():
        which |= Q(**{f"{name}__in": pks})
    return which


def claimed_on(rows: Collection[Payable]) -> dict[tuple[str, int], Decimal]:
    """What orders signed, planned or at the bank already say they take, by due (`field_of`, key)."""
    sums = (
        DebitShare.objects.filter(_about(rows), order__state__in=_CLAIMING)
        .order_by()
        .values_list("slip", "surcharge", "filing_penalty")
        .annotate(total=Sum("amount"))
    )
    found: dict[tuple[str, int], Decimal] = {}
    for slip, surcharge, penalty, total in sums:
        if slip:
            found["slip", slip] = total
        elif surcharge:
            found["surcharge", surcharge] = total
        else:
            found["filing_penalty", penalty] = total
    return found


def held_on(rows: Collection[Payable]) -> dict[int, Decimal]:
    """What is held of each slip among these dues."""
    slips = [row.pk for row in rows if isinstance(row, PaymentSlip)]
    return dict(
        Hold.objects.filter(slip__in=slips, released_at__isnull=True)
        .order_by()
        .values_list("slip")
        .annotate(total=Sum("amount"))
    )


def free_on(rows: Collection[Payable]) -> dict[str, Decimal]:
    """What may still be ordered of each due, by payment code: due, not held, not claimed; never below zero."""
    claimed, held = claimed_on(rows), held_on(rows)
    return {
        row.payment_reference: max(
            row.outstanding
            - (held.get(row.pk, ZERO) if isinstance(row, PaymentSlip) else ZERO)
            - claimed.get((field_of(row), row.pk), ZERO),
            ZERO,
        )
        for row in rows
    }


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
        DebitShare.objects.filter(_about(rows), order__state__in=_UNSENT).values_list(
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
        > row.outstanding
        - about_to_hold
        - (held.get(row.pk, ZERO) if isinstance(row, PaymentSlip) else ZERO)
    ]
    if over:
        stop(over, actor=actor, at=at or clock.now(), cause=cause)


def stop(rows: Collection[Payable], *, actor: User | None, at: datetime, cause: DebitCause) -> None:
    """Stop every unsent order, and its siblings, that pays one of these dues."""
    intents = set(
        DebitShare.objects.filter(_about(rows), order__state__in=_UNSENT).values_list(
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
