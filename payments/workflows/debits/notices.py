"""What the employer is told of its debits, before and after; and banks that say nothing."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.urls import reverse

from payments.codecs.reasons import reason_of
from payments.enums import DebitState
from payments.models import DebitOrder, Surcharge
from payments.queries.debits import Payable, silent_orders
from payments.transitions import cut_off, working_day_before
from payments.workflows.debits.steps import lock_orders, tell
from payments.workflows.letters import readers_of
from portal import mail
from portal.clock import CASABLANCA, day_of
from regulation.parameters import value_at


def write(order: DebitOrder, event: str, template: str, *, at: datetime) -> None:
    """One letter an event and a reader, in the transaction of the event."""
    path = reverse("payments:order", args=[order.affiliate.affiliation_number, order.reference])
    shares = order.shares.select_related("slip", "surcharge__slip", "filing_penalty").order_by("pk")
    dues = [
        {"period": period_of(due), "code": due.payment_reference, "amount": share.amount}
        for share in shares
        if (due := share.slip or share.surcharge or share.filing_penalty) is not None
    ]
    for reader in readers_of(order.affiliate, order.signed_by):
        mail.write(
            key=f"debit:{order.reference}:{event}:{reader.pk}",
            to=reader,
            template=template,
            facts={
                "order": order,
                "firm": order.affiliate,
                "account": order.authority.masked_rib,
                "limit": cut_off(order.collect_on, CASABLANCA),
                "reason": reason_of(order.reason_code).label,
                "step": reason_of(order.reason_code).step,
                "dues": dues,
            },
            at=at,
            path=path,
        )


def period_of(due: Payable) -> date:
    """The month of a due, as its first day."""
    return due.slip.period if isinstance(due, Surcharge) else due.period


def tell_outcome(order: DebitOrder, *, at: datetime) -> None:
    """A debit did not pass, came back, or was stopped by the portal: said the same day."""
    template = {
        DebitState.REJECTED.value: "payments/mail/debit_rejected.txt",
        DebitState.RETURNED.value: "payments/mail/debit_returned.txt",
        DebitState.CANCELLED.value: "payments/mail/debit_stopped.txt",
        DebitState.SUSPENDED.value: "payments/mail/debit_stopped.txt",
    }.get(order.state)
    if template is not None:
        write(order, f"{order.state}:{order.events.count()}", template, at=at)


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
                write(order, "coming", "payments/mail/debit_coming.txt", at=at)
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
