"""What the employer is told of its debits, before and after; and banks that say nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Count
from django.urls import reverse

from payments.codecs.reasons import reason_of
from payments.enums import DebitAct, DebitState
from payments.models import DebitEvent, DebitOrder, DebitShare, Surcharge
from payments.queries.debits import Payable, silent_orders
from payments.transitions import cut_off, working_day_before
from payments.workflows.debits.steps import lock_orders, tell
from payments.workflows.letters import readers_of_each
from portal import audit, mail
from portal.clock import CASABLANCA, day_of
from regulation.parameters import value_at


@dataclass(frozen=True, slots=True)
class _Letter:
    """What is told of one order: the event that names the letter once for ever, and the template."""

    order: DebitOrder
    event: str
    template: str


def _write(letters: Sequence[_Letter], *, at: datetime) -> None:
    """One letter an event and a reader, in the transaction of the event; a constant number of queries before them."""
    orders = [one.order for one in letters]
    signers = [(one.affiliate_id, one.signed_by) for one in orders if one.signed_by]
    readers = readers_of_each({one.affiliate_id for one in orders}, signers, at=at)
    dues = _dues_of(orders)
    offices = audit.offices_of(orders, f"payments.debit_{DebitAct.SIGN.value}")
    for letter in letters:
        order = letter.order
        path = reverse("payments:order", args=[order.affiliate.affiliation_number, order.reference])
        reason = reason_of(order.reason_code)
        for reader in readers.get(order.affiliate_id, ()):
            mail.write(
                key=f"debit:{order.reference}:{letter.event}:{reader.pk}",
                to=reader,
                template=letter.template,
                facts={
                    "order": order,
                    "firm": order.affiliate,
                    "account": order.authority.masked_rib,
                    "office": offices.get(str(order.pk), ""),
                    "limit": cut_off(order.collect_on, CASABLANCA),
                    "reason": reason.label,
                    "step": reason.step,
                    "dues": dues[order.pk],
                },
                at=at,
                path=path,
            )


def _dues_of(orders: Collection[DebitOrder]) -> dict[int, list[dict[str, Any]]]:
    """By order what it pays: month, code, dirhams."""
    found: dict[int, list[dict[str, Any]]] = {order.pk: [] for order in orders}
    shares = DebitShare.objects.filter(order__in=found).order_by("pk")
    for share in shares.select_related("slip", "surcharge__slip", "filing_penalty"):
        due = share.slip or share.surcharge or share.filing_penalty
        if due is not None:
            found[share.order_id].append(
                {"period": period_of(due), "code": due.payment_reference, "amount": share.amount}
            )
    return found


def period_of(due: Payable) -> date:
    """The month of a due, as its first day."""
    return due.slip.period if isinstance(due, Surcharge) else due.period


_OUTCOMES: Final = {
    DebitState.REJECTED.value: "payments/mail/debit_rejected.txt",
    DebitState.RETURNED.value: "payments/mail/debit_returned.txt",
    DebitState.CANCELLED.value: "payments/mail/debit_stopped.txt",
    DebitState.SUSPENDED.value: "payments/mail/debit_stopped.txt",
}


def tell_outcome(order: DebitOrder, *, at: datetime) -> None:
    """A debit did not pass, came back, or was stopped by the portal: said the same day."""
    tell_outcomes([order], at=at)


def tell_outcomes(orders: Sequence[DebitOrder], *, at: datetime) -> None:
    """The same of many; each after the event that it tells."""
    told = [order for order in orders if order.state in _OUTCOMES]
    if not told:
        return
    events = DebitEvent.objects.filter(order__in=[order.pk for order in told]).order_by()
    counts = dict(events.values_list("order").annotate(Count("pk")))
    _write(
        [
            _Letter(order, f"{order.state}:{counts.get(order.pk, 0)}", _OUTCOMES[order.state])
            for order in told
        ],
        at=at,
    )


def announce(*, at: datetime) -> int:
    """Tell what is coming, at least one working day before it is taken; once an order. Returns how many."""
    today, done = day_of(at), 0
    waiting = DebitOrder.objects.filter(
        state="planned", announced_at__isnull=True, collect_on__gt=today
    )
    for key, day in list(waiting.values_list("pk", "collect_on")):
        first = day
        for _rank in range(1 + int(value_at("debit.notice_days", day).value)):
            first = working_day_before(first)
        if first > today:
            continue
        with transaction.atomic():
            for order in lock_orders(pk=key, state="planned", announced_at__isnull=True):
                order.announced_at = at
                order.save(update_fields=["announced_at"])
                _write([_Letter(order, "coming", "payments/mail/debit_coming.txt")], at=at)
                done += 1
    return done


def watch(*, at: datetime) -> int:
    """Mark once each order of a bank that says nothing; the desk lists them. Returns how many are new."""
    done = 0
    for silent in silent_orders(on=day_of(at)):
        with transaction.atomic():
            for order in lock_orders(pk=silent.pk, state__in=["sent", "accepted"]):
                if not order.events.filter(facts__has_key="silent").exists():
                    tell(order, actor=None, at=at, facts={"silent": str(order.collect_on)})
                    done += 1
    return done
