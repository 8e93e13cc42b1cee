"""Surcharges: month by month, on what remains and is not held, from the dated tables of the law."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from payments import posting
from payments.enums import AccountKind, EntryKind, SlipState
from payments.models import Allocation, Hold, LedgerLine, PaymentSlip, SlipLine, Surcharge
from payments.posting import Due
from payments.workflows.ledger import Event, post
from portal import audit, clock
from portal.models import User
from regulation.enums import Branch, PaymentNature, SurchargeGroup
from regulation.identifiers import payment_code
from regulation.money import ZERO
from regulation.penalties import (
    GROUP_OF,
    HeldAmount,
    Payment,
    SurchargeResult,
    by_group,
    late_months,
    surcharge,
)
from regulation.periods import Period

GRACE = timedelta(days=5)
"""The run looks this far back: bank files bring payments a few days after their value day."""


def late_slips(as_of: date) -> QuerySet[PaymentSlip]:
    """Slips whose due day has passed and that may still owe a surcharge on that day."""
    return (
        PaymentSlip.objects.filter(due_on__lt=as_of)
        .exclude(state__in=[SlipState.REPLACED.value, SlipState.CANCELLED.value])
        .exclude(state=SlipState.PAID.value, settled_on__lt=as_of - timedelta(days=62))
        .order_by("pk")
    )


@transaction.atomic
def assess_surcharges(*, actor: User | None, slip_id: int, as_of: date) -> list[Surcharge]:
    """Assess the months of delay started on `as_of` that are not assessed yet; returns the new surcharges.

    Idempotent: one surcharge per slip and month. Each month claims what the whole delay costs up to it, less what
    earlier months claimed, so that the sum is the law's figure to the centime.
    """
    slip = (
        PaymentSlip.objects.select_related("affiliate")
        .select_for_update(of=("self",))
        .get(pk=slip_id)
    )
    if slip.state in (SlipState.REPLACED.value, SlipState.CANCELLED.value):
        return []
    done = {one.month_number: one.amount for one in Surcharge.objects.filter(slip=slip)}
    created = []
    for month in late_months(slip.due_on, as_of):
        if month.rank in done:
            continue
        result = surcharge_of(slip, until=month.starts_on)
        amount = result.total - sum(done.values(), ZERO)
        if amount <= 0:
            continue
        created.append(_assess(actor, slip, month.rank, amount, result, as_of))
        done[month.rank] = amount
    return created


def _assess(
    actor: User | None,
    slip: PaymentSlip,
    rank: int,
    amount: Decimal,
    result: SurchargeResult,
    as_of: date,
) -> Surcharge:
    number, period = slip.affiliate.affiliation_number, Period.from_day(slip.period)
    one = Surcharge.objects.create(
        slip=slip,
        month_number=rank,
        assessed_on=as_of,
        payment_reference=_free_code(number, period),
        amount=amount,
        outstanding=amount,
        working=result.to_json(),
    )
    due = Due(slip.affiliate_id, slip.period, surcharge=one.pk)
    post(Event(posting.surcharge_assessed(due, amount), f"surcharge:{one.pk}", as_of), actor=actor)
    audit.record(
        actor=actor,
        action="payments.surcharge_assessed",
        subject=one,
        affiliation_number=number,
        period=str(period),
        month=rank,
        amount=amount,
    )
    return one


def _free_code(number: str, period: Period) -> str:
    """The next unused 18-digit code of nature 7 for this affiliate and period."""
    used = set(
        Surcharge.objects.filter(
            slip__affiliate__affiliation_number=number, slip__period=period.first_day
        ).values_list("payment_reference", flat=True)
    )
    rank = len(used) + 1
    while (code := payment_code(number, period, nature=PaymentNature.SURCHARGE, rank=rank)) in used:
        rank += 1
    return code


def surcharge_of(slip: PaymentSlip, *, until: date) -> SurchargeResult:
    """What the delay of a slip costs if the rest is paid on `until`: the pure rule, fed from the books.

    Payments and corrections fill the lines of the slip in their order; a hold follows its line.
    """
    lines = list(SlipLine.objects.filter(slip=slip).order_by("rank"))
    principal: dict[Branch, Decimal] = {}
    for line in lines:
        branch = Branch(line.branch)
        principal[branch] = principal.get(branch, ZERO) + line.amount
    groups = by_group(principal)
    lowered = _lowered(slip)
    for group, amount in _fill(groups, [(slip.issued_on, sum(lowered, ZERO))]):
        groups[group] -= amount.amount
    paid = [
        (one.paid_on, one.amount)
        for one in Allocation.objects.filter(
            slip=slip, undoes__isnull=True, undone_by__isnull=True
        ).order_by("paid_on", "pk")
    ]
    paid += [
        (line.entry.booked_on, line.credit)
        for line in LedgerLine.objects.filter(
            slip=slip,
            account__kind=AccountKind.RECEIVABLE.value,
            entry__kind=EntryKind.CREDIT_USED.value,
        ).select_related("entry")
    ]
    payments = [payment for _, payment in _fill(groups, sorted(paid))]
    return surcharge(
        groups, due_on=slip.due_on, until=until, payments=payments, holds=_holds(slip, lines)
    )


def _lowered(slip: PaymentSlip) -> list[Decimal]:
    return list(
        LedgerLine.objects.filter(
            slip=slip,
            account__kind=AccountKind.CONTRIBUTIONS.value,
            entry__kind=EntryKind.SLIP_LOWERED.value,
        ).values_list("debit", flat=True)
    )


def _fill(
    groups: dict[SurchargeGroup, Decimal], paid: Iterable[tuple[date, Decimal]]
) -> list[tuple[SurchargeGroup, Payment]]:
    """Spread amounts over the groups in order, none beyond what it owes; what exceeds all of them is left out."""
    left = dict(groups)
    found = []
    for day, amount in paid:
        for group in left:
            part = min(amount, left[group])
            if part > 0:
                left[group] -= part
                amount -= part
                found.append((group, Payment(group, day, part)))
    return found


def _holds(slip: PaymentSlip, lines: list[SlipLine]) -> list[HeldAmount]:
    groups = {line.pk: GROUP_OF[Branch(line.branch)] for line in lines}
    default = groups[lines[0].pk] if lines else SurchargeGroup.GENERAL
    return [
        HeldAmount(
            group=groups.get(hold.slip_line_id or 0, default),
            amount=hold.amount,
            since=clock.day_of(hold.placed_at),
            until=clock.day_of(hold.released_at) if hold.released_at else None,
        )
        for hold in Hold.objects.filter(slip=slip)
    ]
