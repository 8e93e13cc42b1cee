"""One step of one order: judged by the table, written with its event and its trace. The caller holds the lock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from payments.enums import DebitAct, DebitCause, DebitState
from payments.models import DebitEvent, DebitOrder
from payments.transitions import after
from portal import audit
from portal.models import User


def lock_orders(**which: Any) -> list[DebitOrder]:
    """Orders of these conditions under lock, ascending, with their affiliate and authority."""
    return list(
        DebitOrder.objects.filter(**which)
        .select_related("affiliate", "authority")
        .order_by("pk")
        .select_for_update(of=("self",))
    )


def due_codes_of(orders: Iterable[int]) -> set[str]:
    """The payment codes of what these orders pay, so that dues are locked before orders."""
    rows = DebitOrder.objects.filter(pk__in=orders).values_list(
        "shares__slip__payment_reference",
        "shares__surcharge__payment_reference",
        "shares__filing_penalty__payment_reference",
    )
    return {code for row in rows for code in row if code}


def step(
    order: DebitOrder,
    act: DebitAct,
    *,
    actor: User | None,
    at: datetime,
    cause: DebitCause | None = None,
    facts: dict[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Move a locked order by the table, set `changes` on it, and leave the event and the trace.

    Refuses DebitMoveRefused. `facts` are what the bank said, kept as it said it.
    """
    was = order.state
    order.state = after(DebitState(order.state), act).value
    order.cause = cause.value if cause else ""
    for name, value in changes.items():
        setattr(order, name, value)
    order.save(update_fields=["state", "cause", *changes])
    tell(order, actor=actor, at=at, facts=facts or {})
    audit.record(
        actor=actor,
        action=f"payments.debit_{act.value}",
        subject=order,
        affiliation_number=order.affiliate.affiliation_number,
        reference=order.reference,
        amount=order.amount,
        was=was,
        state=order.state,
        cause=order.cause,
        **(facts or {}),
    )


def tell(order: DebitOrder, *, actor: User | None, at: datetime, facts: dict[str, Any]) -> None:
    """One line in the life of an order."""
    DebitEvent.objects.create(
        order=order, at=at, actor=actor, state=order.state, cause=order.cause, facts=facts
    )
