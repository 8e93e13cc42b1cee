"""Questions about debit orders: what is free to be ordered, what an order says, what waits for whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from django.db.models import F, Q, QuerySet, Sum

from affiliates.models import Affiliate, DebitAuthority
from payments.codecs.reasons import REASONS, Reason, reason_of
from payments.enums import AccountKind, DebitCause, DebitState, NextStep
from payments.models import (
    Bank,
    Basket,
    DebitEvent,
    DebitOrder,
    DebitRun,
    DebitShare,
    FilingPenalty,
    Hold,
    LedgerLine,
    PaymentSlip,
    Surcharge,
)
from payments.queries.dues import OpenDue, open_dues
from payments.queries.sums import total_of
from payments.transitions import CLAIMING, cut_off, silent_from
from portal.clock import CASABLANCA
from regulation.enums import PaymentNature
from regulation.money import ZERO
from regulation.periods import Period

Extra = Surcharge | FilingPenalty
Payable = PaymentSlip | Extra

_CLAIMING = [state.value for state in CLAIMING]


def field_of(row: Payable) -> str:
    """The column of a share or an allocation that names this due."""
    if isinstance(row, PaymentSlip):
        return "slip"
    return "surcharge" if isinstance(row, Surcharge) else "filing_penalty"


def about(rows: Iterable[Payable]) -> Q:
    """Shares that pay one of these dues, or holds that restrain one."""
    keys: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        keys[field_of(row)].append(row.pk)
    which = Q(pk__in=[])
    for name, pks in keys.items():
        which |= Q(**{f"{name}__in": pks})
    return which


def claimed_on(rows: Iterable[Payable]) -> dict[tuple[str, int], Decimal]:
    """What orders signed, planned or at the bank already say they take, by due (`field_of`, key)."""
    sums = (
        DebitShare.objects.filter(about(rows), order__state__in=_CLAIMING)
        .order_by()
        .values_list("slip", "surcharge", "filing_penalty")
        .annotate(total=Sum("amount"))
    )
    return {_named(slip, surcharge, penalty): total for slip, surcharge, penalty, total in sums}


def held_on(rows: Collection[Payable]) -> dict[tuple[str, int], Decimal]:
    """What is held of each of these dues, by due (`field_of`, key)."""
    sums = (
        Hold.objects.filter(about(rows), released_at__isnull=True)
        .order_by()
        .values_list("slip", "surcharge", "filing_penalty")
        .annotate(total=Sum("amount"))
    )
    return {_named(slip, surcharge, penalty): total for slip, surcharge, penalty, total in sums}


def _named(slip: int | None, surcharge: int | None, penalty: int | None) -> tuple[str, int]:
    """The due that one of three columns names."""
    if slip:
        return "slip", slip
    return ("surcharge", surcharge) if surcharge else ("filing_penalty", penalty or 0)


def left_called(row: Extra) -> Decimal:
    """What still stands of a surcharge or filing penalty, paid or not: called, less what was lowered or forgiven."""
    about_it = {field_of(row): row}
    kinds = (AccountKind.PENALTIES.value, AccountKind.REMISSIONS.value)
    sums = LedgerLine.objects.filter(account__kind__in=kinds, **about_it).aggregate(
        total=total_of(F("credit") - F("debit"))
    )
    return Decimal(sums["total"])


def free_on(rows: Collection[Payable]) -> dict[str, Decimal]:
    """What may still be ordered of each due, by payment code: due, not held, not claimed; never below zero."""
    claimed, held = claimed_on(rows), held_on(rows)
    return {
        row.payment_reference: max(
            row.outstanding
            - held.get((field_of(row), row.pk), ZERO)
            - claimed.get((field_of(row), row.pk), ZERO),
            ZERO,
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class FreeDue:
    """A due with what may still be ordered of it, and why the rest may not (dirhams)."""

    due: OpenDue
    free: Decimal
    held: Decimal
    ordered: Decimal


def free_dues(affiliate: Affiliate) -> list[FreeDue]:
    """What an affiliate may order now, oldest period first; a constant number of queries."""
    rows: dict[str, Payable] = {}
    found: list[Payable] = [
        *PaymentSlip.objects.filter(affiliate=affiliate, outstanding__gt=0),
        *Surcharge.objects.filter(slip__affiliate=affiliate, outstanding__gt=0),
        *FilingPenalty.objects.filter(affiliate=affiliate, outstanding__gt=0),
    ]
    for row in found:
        rows[row.payment_reference] = row
    free, claimed, held = free_on(found), claimed_on(found), held_on(found)
    listed = []
    for due in open_dues(affiliate):
        row = rows[due.code]
        restrained = held.get((field_of(row), row.pk), ZERO)
        ordered = claimed.get((field_of(row), row.pk), ZERO)
        listed.append(FreeDue(due, free[due.code], restrained, ordered))
    return listed


# ------------------------------------------------------------------ orders


@dataclass(frozen=True, slots=True)
class Paid:
    """One thing that an order pays, with its code and its part (dirhams)."""

    code: str
    kind: str
    period: Period
    amount: Decimal
    slip: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """One debit of an intention: the order, what it pays, its life so far, the bank's reason if it has one."""

    order: DebitOrder
    pays: tuple[Paid, ...]
    events: tuple[DebitEvent, ...]
    reason: Reason | None
    retried_by: DebitOrder | None


@dataclass(frozen=True, slots=True)
class Intention:
    """What was signed in one go: one to three debits of the same day."""

    parts: tuple[Part, ...]

    @property
    def pays(self) -> list[Paid]:
        """What the whole pays, each due once, whatever the number of accounts it is split over."""
        found: dict[str, Paid] = {}
        for one in (paid for part in self.parts for paid in part.pays):
            before = found.get(one.code)
            found[one.code] = (
                replace(one, amount=before.amount + one.amount) if before is not None else one
            )
        return list(found.values())

    @property
    def first(self) -> DebitOrder:
        """The order whose reference names the whole."""
        return self.parts[0].order

    @property
    def total(self) -> Decimal:
        """What is taken in all, in dirhams."""
        return sum((part.order.amount for part in self.parts), ZERO)

    @property
    def state(self) -> DebitState:
        """The state to show first: the one that asks most of the employer."""
        states = {DebitState(part.order.state) for part in self.parts}
        return next(state for state in _GRAVEST_FIRST if state in states)

    @property
    def limit(self) -> datetime:
        """Until when it may be signed or stopped."""
        return cut_off(self.first.collect_on, CASABLANCA)

    @property
    def next_step(self) -> NextStep | None:
        """What the employer does about a debit that did not pass."""
        for part in self.parts:
            if part.reason is not None:
                waits = part.reason.retry and part.retried_by is None
                return NextStep.STAFF if waits else part.reason.step
        return None


_GRAVEST_FIRST = (
    DebitState.RETURNED,
    DebitState.REJECTED,
    DebitState.DRAFT,
    DebitState.SUSPENDED,
    DebitState.SIGNED,
    DebitState.PLANNED,
    DebitState.SENT,
    DebitState.ACCEPTED,
    DebitState.EXECUTED,
    DebitState.CANCELLED,
)


def orders_for(affiliate: Affiliate) -> QuerySet[DebitOrder]:
    """The orders of an affiliate, newest first."""
    return (
        DebitOrder.objects.filter(affiliate=affiliate)
        .select_related("authority", "signed_by")
        .order_by("-pk")
    )


def intention(affiliate: Affiliate, reference: str) -> Intention | None:
    """The whole intention behind the reference of one of its orders; four queries."""
    rows = list(
        DebitOrder.objects.filter(
            affiliate=affiliate,
            intent__in=DebitOrder.objects.filter(affiliate=affiliate, reference=reference).values(
                "intent"
            ),
        )
        .select_related("authority", "prepared_by", "signed_by", "bank_line", "retried_by", "run")
        .order_by("rank")
    )
    if not rows:
        return None
    pays: dict[int, list[Paid]] = defaultdict(list)
    for share in (
        DebitShare.objects.filter(order__in=rows)
        .select_related("slip", "surcharge__slip", "filing_penalty")
        .order_by("pk")
    ):
        pays[share.order_id].append(_paid(share))
    life: dict[int, list[DebitEvent]] = defaultdict(list)
    for event in DebitEvent.objects.filter(order__in=rows).select_related("actor").order_by("pk"):
        life[event.order_id].append(event)
    return Intention(
        tuple(
            Part(
                order,
                tuple(pays[order.pk]),
                tuple(life[order.pk]),
                _reason(order),
                getattr(order, "retried_by", None),
            )
            for order in rows
        )
    )


def _reason(order: DebitOrder) -> Reason | None:
    stopped = order.state in (DebitState.REJECTED.value, DebitState.RETURNED.value)
    if stopped:
        return reason_of(order.reason_code)
    # Suspended with its account, because a bank said why another debit of it did not pass.
    waits = order.state == DebitState.SUSPENDED.value and order.cause == DebitCause.AUTHORITY.value
    return REASONS.get(order.authority.reason) if waits else None


def _paid(share: DebitShare) -> Paid:
    if share.slip is not None:
        row = share.slip
        return Paid(
            row.payment_reference, "slip", Period.from_day(row.period), share.amount, row.pk
        )
    if share.surcharge is not None:
        period = Period.from_day(share.surcharge.slip.period)
        code = share.surcharge.payment_reference
        return Paid(code, "surcharge", period, share.amount, share.surcharge.slip_id)
    if share.filing_penalty is None:
        raise LookupError(share.pk)  # a share names one due: the database says so
    penalty = share.filing_penalty
    period = Period.from_day(penalty.period)
    return Paid(penalty.payment_reference, "penalty", period, share.amount, None)


def upcoming(affiliate: Affiliate) -> list[DebitOrder]:
    """Debits that are coming, nearest first: what the home page announces."""
    return list(
        DebitOrder.objects.filter(
            affiliate=affiliate,
            state__in=["signed", "planned", "sent", "accepted"],
        )
        .select_related("authority")
        .order_by("collect_on", "pk")[:3]
    )


def troubled(affiliate: Affiliate, *, since: date) -> list[DebitOrder]:
    """Debits suspended, refused or brought back lately, whose sum is still due and not ordered again."""
    rows = list(
        DebitOrder.objects.filter(
            affiliate=affiliate,
            state__in=["rejected", "returned", "suspended"],
            collect_on__gte=since,
            retried_by__isnull=True,
        ).order_by("-pk")[:20]
    )
    if not rows:
        return []
    dues: dict[int, list[Payable]] = defaultdict(list)
    for share in DebitShare.objects.filter(order__in=rows).select_related(
        "slip", "surcharge", "filing_penalty"
    ):
        due = share.slip or share.surcharge or share.filing_penalty
        if due is not None:
            dues[share.order_id].append(due)
    every = {due.payment_reference: due for found in dues.values() for due in found}
    claimed = claimed_on(every.values())
    return [
        row
        for row in rows
        if any(due.outstanding > claimed.get((field_of(due), due.pk), ZERO) for due in dues[row.pk])
    ][:3]


def of_month(affiliate: Affiliate, period: Period) -> list[DebitOrder]:
    """The debits on their way for the slips of one month, nearest first."""
    return list(
        DebitOrder.objects.filter(
            affiliate=affiliate, state__in=_CLAIMING, shares__slip__period=period.first_day
        )
        .distinct()
        .order_by("collect_on", "pk")
    )


# ------------------------------------------------------------------ authorities, runs, silence


def authorities_of(affiliate: Affiliate) -> QuerySet[DebitAuthority]:
    """The authorities of an affiliate, newest first."""
    return DebitAuthority.objects.filter(affiliate=affiliate).select_related(
        "prepared_by", "signed_by"
    )


def bank_names(authorities: Iterable[DebitAuthority]) -> dict[str, str]:
    """The names of the banks that we know, by their three digits."""
    codes = {authority.bank_code for authority in authorities}
    return dict(Bank.objects.filter(code__in=codes).values_list("code", "name"))


def authorities_at(bank: Bank) -> QuerySet[DebitAuthority]:
    """The authorities on accounts that this bank keeps, those to confirm first."""
    return (
        DebitAuthority.objects.filter(rib__startswith=bank.code)
        .exclude(state="to_sign")
        .select_related("affiliate")
        .order_by("-pk")
    )


def runs_for(bank: Bank) -> QuerySet[DebitRun]:
    """The runs written for the accounts of the fund at this bank, newest first."""
    return (
        DebitRun.objects.filter(bank_account__bank=bank, sent_at__isnull=False)
        .select_related("stored", "bank_account")
        .order_by("-pk")
    )


def silent_orders(*, on: date) -> list[DebitOrder]:
    """Orders that a bank holds without a word, some working days after their collection day."""
    rows = (
        DebitOrder.objects.filter(state__in=["sent", "accepted"], collect_on__lt=on)
        .select_related("affiliate", "run__bank_account__bank", "authority")
        .order_by("collect_on", "pk")
    )
    days = {
        day: silent_from(day) for day, _group in groupby(rows.values_list("collect_on", flat=True))
    }
    return [order for order in rows if days[order.collect_on] <= on]


def debits_awaiting(*, on: date) -> int:
    """How much waits for the desk: runs to release or set aside, and orders of silent banks."""
    stuck = DebitRun.objects.filter(sent_at__isnull=True).exclude(state="done").count()
    return stuck + len(silent_orders(on=on))


def baskets_behind(codes: Collection[str]) -> dict[str, list[str]]:
    """What the basket codes among these hold; no query when none can be one."""
    maybe = [code for code in codes if len(code) == 18 and code[13] == PaymentNature.BASKET.value]
    if not maybe:
        return {}
    rows = Basket.objects.filter(payment_reference__in=maybe)
    return {row.payment_reference: list(row.codes) for row in rows}
