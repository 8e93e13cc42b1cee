"""Slips, what was paid of them, receipts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from affiliates.models import Affiliate
from payments.enums import (
    AccountKind,
    SlipState,
)
from payments.models import (
    Allocation,
    Hold,
    LedgerLine,
    PaymentSlip,
    SlipLine,
    Surcharge,
)
from payments.queries.dues import sentences_of
from payments.queries.sums import LOWERING, MONEY, total_of
from regulation.enums import Branch
from regulation.identifiers import creditor_reference
from regulation.money import ZERO
from regulation.periods import Period
from regulation.text import Sentence


def slips_for(affiliate: Affiliate) -> QuerySet[PaymentSlip]:
    """The slips of an affiliate, newest period first, with what is held on each (`held`)."""
    held = (
        Hold.objects.filter(slip=OuterRef("pk"), released_at__isnull=True)
        .order_by()
        .values("slip")
        .annotate(total=Sum("amount"))
        .values("total")
    )
    return (
        PaymentSlip.objects.filter(affiliate=affiliate)
        .annotate(held=Coalesce(Subquery(held), Value(ZERO), output_field=MONEY))
        .select_related("declaration", "replaced_by")
        .order_by("-period", "-pk")
    )


@dataclass(frozen=True, slots=True)
class SlipLineFact:
    """One branch of a slip, in dirhams, with the sentences of its working."""

    pk: int
    branch: str
    base: Decimal
    employer_share: Decimal
    employee_share: Decimal
    amount: Decimal
    held: Decimal
    working: tuple[Sentence, ...]

    @property
    def label(self) -> str:
        """The French name of the branch."""
        return Branch(self.branch).label


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """One payment received for a slip."""

    pk: int
    paid_on: date
    amount: Decimal
    bank: str
    bank_ref: str
    undone: bool


@dataclass(frozen=True, slots=True)
class SlipFacts:
    """Everything a slip says, on screen and on paper. Amounts in dirhams."""

    pk: int
    affiliation_number: str
    affiliate_name: str
    period: Period
    payment_reference: str
    creditor_reference: str
    issued_on: date
    due_on: date
    total: Decimal
    credited: Decimal
    paid: Decimal
    held: Decimal
    outstanding: Decimal
    state: SlipState
    lines: tuple[SlipLineFact, ...]
    payments: tuple[PaymentFact, ...]
    surcharges: tuple[Surcharge, ...]
    replaced_by: str
    wage_bill: Decimal
    employee_count: int


def slip_facts(slip: PaymentSlip) -> SlipFacts:
    """The facts of one slip, from the rows and the ledger. Five queries whatever the slip holds."""
    affiliate, declaration = slip.affiliate, slip.declaration
    held_by_line: dict[int | None, Decimal] = defaultdict(lambda: ZERO)
    for hold in Hold.objects.filter(slip=slip, released_at__isnull=True):
        held_by_line[hold.slip_line_id] += hold.amount
    lines = tuple(
        SlipLineFact(
            line.pk, line.branch, line.base, line.employer_share, line.employee_share, line.amount,
            held_by_line[line.pk], sentences_of(line.working),
        )
        for line in SlipLine.objects.filter(slip=slip).order_by("rank")
    )  # fmt: skip
    payments = tuple(
        PaymentFact(
            one.pk,
            one.paid_on,
            one.amount,
            one.bank_line.bank_file.bank.name,
            one.bank_line.bank_ref,
            bool(getattr(one, "was_undone", False)),
        )
        for one in payments_for(slip)
    )
    credited = LedgerLine.objects.filter(
        slip=slip,
        account__kind=AccountKind.RECEIVABLE.value,
        entry__kind__in=LOWERING,
    ).aggregate(total=total_of(F("credit") - F("debit")))["total"]
    return SlipFacts(
        pk=slip.pk,
        affiliation_number=affiliate.affiliation_number,
        affiliate_name=affiliate.name,
        period=Period.from_day(slip.period),
        payment_reference=slip.payment_reference,
        creditor_reference=creditor_reference(slip.payment_reference),
        issued_on=slip.issued_on,
        due_on=slip.due_on,
        total=slip.total,
        credited=credited,
        paid=slip.total - credited - slip.outstanding,
        held=sum(held_by_line.values(), ZERO),
        outstanding=slip.outstanding,
        state=SlipState(slip.state),
        lines=lines,
        payments=payments,
        surcharges=tuple(Surcharge.objects.filter(slip=slip).order_by("month_number")),
        replaced_by=slip.replaced_by.payment_reference if slip.replaced_by else "",
        wage_bill=declaration.wage_bill,
        employee_count=declaration.employee_count,
    )


def payments_for(slip: PaymentSlip) -> QuerySet[Allocation]:
    """Payments allocated to a slip, oldest first; `was_undone` marks those that came back."""
    return (
        Allocation.objects.filter(slip=slip, undoes__isnull=True)
        .select_related("bank_line__bank_file__bank")
        .annotate(was_undone=Q(undone_by__isnull=False))
        .order_by("paid_on", "pk")
    )


def receipts_for(affiliate: Affiliate) -> QuerySet[Allocation]:
    """The payments of an affiliate, newest first: each one is a receipt."""
    return (
        Allocation.objects.filter(affiliate=affiliate, undoes__isnull=True)
        .select_related(
            "affiliate", "slip", "surcharge__slip", "filing_penalty", "bank_line__bank_file__bank"
        )
        .annotate(was_undone=Q(undone_by__isnull=False))
        .order_by("-paid_on", "-pk")
    )
