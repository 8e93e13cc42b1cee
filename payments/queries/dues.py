"""What an affiliate owes and holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F

from affiliates.models import Affiliate
from declarations.enums import DeclarationStatus
from declarations.models import Declaration
from payments.enums import (
    AccountKind,
    ActKind,
    ActState,
    SlipState,
)
from payments.models import (
    ClerkAct,
    FilingPenalty,
    LedgerLine,
    PaymentSlip,
    Surcharge,
)
from payments.queries.sums import total_of
from regulation.money import ZERO
from regulation.parameters import value_at
from regulation.periods import Period
from regulation.text import Sentence


def awaited_slips(affiliate: Affiliate) -> list[Declaration]:
    """Submitted declarations whose slip is being prepared: a matter of seconds."""
    return list(
        Declaration.objects.filter(
            affiliate=affiliate,
            status=DeclarationStatus.SUBMITTED.value,
            slip_issued_at__isnull=True,
        ).order_by("period")
    )


@dataclass(frozen=True, slots=True)
class Balance:
    """What an affiliate owes and holds, in dirhams. `overdue` is the part whose due day has passed."""

    outstanding: Decimal
    overdue: Decimal
    credit: Decimal

    @property
    def debt(self) -> Decimal:
        """What was refunded and then taken back by a bank: a credit below zero, told as what it is."""
        return -min(self.credit, ZERO)

    @property
    def net(self) -> Decimal:
        """What remains to pay once the credit is used; negative when the fund owes the affiliate."""
        return self.outstanding - self.credit


def home_balance(affiliate: Affiliate, *, on: date) -> Balance:
    """The balance shown on the home page of an affiliate, on a Moroccan day."""
    slips = PaymentSlip.objects.filter(affiliate=affiliate).aggregate(
        all=total_of("outstanding"), late=total_of("outstanding", due_on__lt=on)
    )
    surcharges = Surcharge.objects.filter(slip__affiliate=affiliate).aggregate(
        all=total_of("outstanding")
    )
    penalties = FilingPenalty.objects.filter(affiliate=affiliate).aggregate(
        all=total_of("outstanding")
    )
    extra = surcharges["all"] + penalties["all"]
    return Balance(slips["all"] + extra, slips["late"] + extra, credit_of(affiliate))


def credit_of(affiliate: Affiliate) -> Decimal:
    """The affiliate's own credit at the fund, from the ledger."""
    sums = LedgerLine.objects.filter(
        account__kind=AccountKind.CREDIT.value, account__affiliate=affiliate
    ).aggregate(balance=total_of(F("credit") - F("debit")))
    return Decimal(sums["balance"])


def debt_of(affiliate: Affiliate) -> tuple[Decimal, str]:
    """What an affiliate owes beyond its dues, in dirhams, and the code to pay it with: refunded money that went back.

    A payment of a due that is settled already becomes credit, and fills this debt first. No code while every due is
    open: whatever is paid then pays them.
    """
    debt = -min(credit_of(affiliate), ZERO)
    if not debt:
        return ZERO, ""
    settled = PaymentSlip.objects.filter(affiliate=affiliate, state=SlipState.PAID.value)
    code = settled.order_by("-period", "-pk").values_list("payment_reference", flat=True).first()
    return debt, code or ""


def pledged_credit(affiliate: Affiliate) -> Decimal:
    """The part of the credit that open requests of refund hold."""
    sums = ClerkAct.objects.filter(
        affiliate=affiliate,
        kind=ActKind.REFUND.value,
        state__in=[ActState.REQUESTED.value, ActState.PROPOSED.value],
    ).aggregate(total=total_of("amount"))
    return Decimal(sums["total"])


def balance_at(affiliate: Affiliate, day: date) -> Balance:
    """The balance of the ledger at the end of a day: receivable and credit; `overdue` is not known in the past."""
    sums = LedgerLine.objects.filter(
        account__affiliate=affiliate, entry__booked_on__lte=day
    ).aggregate(
        owed=total_of(F("debit") - F("credit"), account__kind=AccountKind.RECEIVABLE.value),
        credit=total_of(F("credit") - F("debit"), account__kind=AccountKind.CREDIT.value),
    )
    return Balance(sums["owed"], ZERO, sums["credit"])


@dataclass(frozen=True, slots=True)
class OpenDue:
    """Something an affiliate may pay or contest: its code, what it is (slip, surcharge, penalty), what remains."""

    code: str
    period: Period
    kind: str
    amount: Decimal
    outstanding: Decimal
    due_on: date
    working: tuple[Sentence, ...] = ()


def payable_by(penalty: FilingPenalty) -> date:
    """The day by which a filing penalty is to be paid: some days from its notification (decree 2-19-718)."""
    days = int(value_at("filing_penalty.payable_days", penalty.assessed_on).value)
    return penalty.assessed_on + timedelta(days=days)


def penalty_for(affiliate: Affiliate, period: date) -> FilingPenalty | None:
    """The filing penalty called for a month, if any."""
    return FilingPenalty.objects.filter(affiliate=affiliate, period=period).first()


def open_dues(affiliate: Affiliate) -> list[OpenDue]:
    """What remains to pay, oldest period first."""
    slips = [
        OpenDue(
            slip.payment_reference,
            Period.from_day(slip.period),
            "slip",
            slip.total,
            slip.outstanding,
            slip.due_on,
        )
        for slip in PaymentSlip.objects.filter(affiliate=affiliate, outstanding__gt=0)
    ]
    surcharges = [
        OpenDue(
            one.payment_reference, Period.from_day(one.slip.period), "surcharge", one.amount, one.outstanding,
            one.assessed_on,
        )
        for one in Surcharge.objects.filter(slip__affiliate=affiliate, outstanding__gt=0).select_related("slip")
    ]  # fmt: skip
    penalties = [
        OpenDue(
            one.payment_reference,
            Period.from_day(one.period),
            "penalty",
            one.amount,
            one.outstanding,
            payable_by(one),
            sentences_of(one.working),
        )
        for one in FilingPenalty.objects.filter(affiliate=affiliate, outstanding__gt=0)
    ]
    return sorted(
        [*slips, *surcharges, *penalties], key=lambda due: (due.period, due.kind, due.code)
    )


def sentences_of(working: Any) -> tuple[Sentence, ...]:
    """The sentences of a stored working, whatever stored it; empty when there are none."""
    stored = working.get("working", ()) if isinstance(working, dict) else working
    return tuple(Sentence.from_json(one) for one in stored)
