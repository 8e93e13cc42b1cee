"""The steps of orders: judged by the table, written with their events and their trace. The caller holds the locks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from payments.enums import DebitAct, DebitCause, DebitState
from payments.models import DebitEvent, DebitOrder
from payments.transitions import after
from portal import audit
from portal.bulk import update_rows
from portal.models import User


def lock_orders(**which: Any) -> list[DebitOrder]:
    """Orders of these conditions under lock, ascending, with their affiliate, authority and signer."""
    return list(
        DebitOrder.objects.filter(**which)
        .select_related("affiliate", "authority", "signed_by")
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


class Steps:
    """One act on many locked orders: each moves in memory when it is taken, all are written together."""

    def __init__(
        self,
        act: DebitAct,
        *,
        actor: User | None,
        at: datetime,
        cause: DebitCause | None = None,
    ) -> None:
        self._act, self._actor, self._at = act, actor, at
        self._cause = cause.value if cause else ""
        self._changed: dict[str, None] = {}
        self._rows: list[DebitOrder] = []
        self._events: list[DebitEvent] = []
        self._acts: list[audit.Act] = []

    def take(
        self, order: DebitOrder, *, facts: Mapping[str, Any] | None = None, **changes: Any
    ) -> None:
        """Move an order by the table and set `changes` on it, the same fields for all. Refuses DebitMoveRefused.

        `facts` are what the bank said, kept as it said it.
        """
        was, said = order.state, dict(facts or {})
        order.state = after(DebitState(order.state), self._act).value
        order.cause = self._cause
        for name, value in changes.items():
            setattr(order, name, value)
        self._changed |= dict.fromkeys(changes)
        self._rows.append(order)
        self._events.append(_event(order, self._actor, self._at, said))
        traced = {
            "reference": order.reference,
            "amount": order.amount,
            "was": was,
            "state": order.state,
            "cause": order.cause,
            **said,
        }
        self._acts.append(audit.Act(order, order.affiliate.affiliation_number, traced))

    def write(self) -> None:
        """Write the orders, their events and the trace."""
        if not self._rows:
            return
        update_rows(self._rows, ["state", "cause", *self._changed])
        DebitEvent.objects.bulk_create(self._events)
        audit.record_all(
            actor=self._actor, action=f"payments.debit_{self._act.value}", acts=self._acts
        )


def step(
    order: DebitOrder,
    act: DebitAct,
    *,
    actor: User | None,
    at: datetime,
    cause: DebitCause | None = None,
    facts: Mapping[str, Any] | None = None,
    **changes: Any,
) -> None:
    """One step of one order, written at once. Refuses DebitMoveRefused."""
    steps = Steps(act, actor=actor, at=at, cause=cause)
    steps.take(order, facts=facts, **changes)
    steps.write()


def tell(order: DebitOrder, *, actor: User | None, at: datetime, facts: dict[str, Any]) -> None:
    """One line in the life of an order."""
    _event(order, actor, at, facts).save(force_insert=True)


def _event(
    order: DebitOrder, actor: User | None, at: datetime, facts: dict[str, Any]
) -> DebitEvent:
    return DebitEvent(
        order=order, at=at, actor=actor, state=order.state, cause=order.cause, facts=facts
    )
