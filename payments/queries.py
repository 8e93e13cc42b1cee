"""Questions about what is owed, what was paid and what waits. Never writes; constant query counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from affiliates.models import Affiliate
from declarations.enums import DeclarationStatus
from declarations.models import Declaration
from payments.codecs.cr1 import WHOLE_FILE, ReturnHeader, ReturnLine
from payments.codecs.faults import REST, public_code, sentence
from payments.enums import (
    AccountKind,
    BankFileVerdict,
    EntryKind,
    LineKind,
    LineVerdict,
    SlipState,
)
from payments.matching import Item
from payments.models import (
    Allocation,
    BankFile,
    BankLine,
    FilingPenalty,
    Hold,
    LedgerLine,
    PaymentSlip,
    SlipLine,
    Surcharge,
)
from regulation.enums import Branch
from regulation.identifiers import creditor_reference
from regulation.money import ZERO
from regulation.parameters import value_at
from regulation.periods import Period
from regulation.text import Sentence

MONEY = DecimalField(max_digits=17, decimal_places=2)


def _total(expression: Any, **conditions: Any) -> Coalesce:
    condition = Q(**conditions) if conditions else None
    return Coalesce(Sum(expression, filter=condition), Value(ZERO), output_field=MONEY)


# ---------------------------------------------------------------- what an affiliate owes


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
    def net(self) -> Decimal:
        """What remains to pay once the credit is used; negative when the fund owes the affiliate."""
        return self.outstanding - self.credit


def home_balance(affiliate: Affiliate, *, on: date) -> Balance:
    """The balance shown on the home page of an affiliate, on a Moroccan day."""
    slips = PaymentSlip.objects.filter(affiliate=affiliate).aggregate(
        all=_total("outstanding"), late=_total("outstanding", due_on__lt=on)
    )
    surcharges = Surcharge.objects.filter(slip__affiliate=affiliate).aggregate(
        all=_total("outstanding")
    )
    penalties = FilingPenalty.objects.filter(affiliate=affiliate).aggregate(
        all=_total("outstanding")
    )
    extra = surcharges["all"] + penalties["all"]
    return Balance(slips["all"] + extra, slips["late"] + extra, credit_of(affiliate))


def credit_of(affiliate: Affiliate) -> Decimal:
    """The affiliate's own credit at the fund, from the ledger."""
    sums = LedgerLine.objects.filter(
        account__kind=AccountKind.CREDIT.value, account__affiliate=affiliate
    ).aggregate(balance=_total(F("credit") - F("debit")))
    return Decimal(sums["balance"])


def balance_at(affiliate: Affiliate, day: date) -> Balance:
    """The balance of the ledger at the end of a day: receivable and credit; `overdue` is not known in the past."""
    sums = LedgerLine.objects.filter(
        account__affiliate=affiliate, entry__booked_on__lte=day
    ).aggregate(
        owed=_total(F("debit") - F("credit"), account__kind=AccountKind.RECEIVABLE.value),
        credit=_total(F("credit") - F("debit"), account__kind=AccountKind.CREDIT.value),
    )
    return Balance(sums["owed"], ZERO, sums["credit"])


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One month of the account statement, in dirhams. due = paid + outstanding + credited."""

    period: Period
    slips: tuple[PaymentSlip, ...]
    due: Decimal
    paid: Decimal
    credited: Decimal
    surcharges: Decimal
    outstanding: Decimal
    due_on: date | None


def statement_by_period(affiliate: Affiliate) -> list[PeriodRow]:
    """The account statement by declared month, newest first, in two queries.

    `due` counts slips, surcharges and penalties of the month; `credited` what disputes and corrections took off.
    """
    sums: dict[date, dict[str, Any]] = {
        row["period"] or date.min: dict(row)
        for row in LedgerLine.objects.filter(
            account__affiliate=affiliate,
            account__kind=AccountKind.RECEIVABLE.value,
            period__isnull=False,
        )
        .values("period")
        .annotate(
            due=_total(
                "debit",
                entry__kind__in=[
                    EntryKind.SLIP_ISSUED.value,
                    EntryKind.SURCHARGE_ASSESSED.value,
                    EntryKind.PENALTY_ASSESSED.value,
                ],
            ),
            surcharges=_total(
                "debit",
                entry__kind__in=[
                    EntryKind.SURCHARGE_ASSESSED.value,
                    EntryKind.PENALTY_ASSESSED.value,
                ],
            ),
            credited=_total(F("credit") - F("debit"), entry__kind=EntryKind.SLIP_LOWERED.value),
            outstanding=_total(F("debit") - F("credit")),
        )
    }
    slips: dict[date, list[PaymentSlip]] = defaultdict(list)
    for slip in PaymentSlip.objects.filter(affiliate=affiliate).order_by("pk"):
        slips[slip.period].append(slip)
    rows = []
    for day in sorted(sums.keys() | slips.keys(), reverse=True):
        found = sums.get(day)
        due, credited = (found["due"], found["credited"]) if found else (ZERO, ZERO)
        outstanding = found["outstanding"] if found else ZERO
        rows.append(
            PeriodRow(
                period=Period.from_day(day),
                slips=tuple(slips[day]),
                due=due,
                paid=due - credited - outstanding,
                credited=credited,
                surcharges=found["surcharges"] if found else ZERO,
                outstanding=outstanding,
                due_on=min((slip.due_on for slip in slips[day]), default=None),
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement of an affiliate's account with the balance after it, in dirhams. Positive balance: owed."""

    line: LedgerLine
    balance: Decimal

    @property
    def kind(self) -> EntryKind:
        return EntryKind(self.line.entry.kind)

    @property
    def is_credit_account(self) -> bool:
        """True for a movement of the affiliate's own credit, False for what it owes."""
        return self.line.account.kind == AccountKind.CREDIT.value


def movements(affiliate: Affiliate) -> list[Movement]:
    """Every movement of the receivable and credit accounts, oldest first, with the running balance; one query."""
    lines = (
        LedgerLine.objects.filter(
            account__affiliate=affiliate,
            account__kind__in=[AccountKind.RECEIVABLE.value, AccountKind.CREDIT.value],
        )
        .select_related(
            "entry", "account", "slip", "surcharge__slip", "filing_penalty", "bank_line"
        )
        .order_by("entry_id", "pk")
    )
    running, found = ZERO, []
    for line in lines:
        running += line.debit - line.credit
        found.append(Movement(line, running))
    return found


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


# ---------------------------------------------------------------- slips and receipts


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
        entry__kind=EntryKind.SLIP_LOWERED.value,
    ).aggregate(total=_total(F("credit") - F("debit")))["total"]
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


def sentences_of(working: Any) -> tuple[Sentence, ...]:
    """The sentences of a stored working, whatever stored it; empty when there are none."""
    stored = working.get("working", ()) if isinstance(working, dict) else working
    return tuple(Sentence.from_json(one) for one in stored)


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


# ---------------------------------------------------------------- what matching needs


def open_items_of(numbers: Collection[str]) -> dict[str, list[Item]]:
    """Open slips by affiliation number, for proposals."""
    found: dict[str, list[Item]] = defaultdict(list)
    if not numbers:
        return found
    for slip in PaymentSlip.objects.filter(
        affiliate__affiliation_number__in=numbers, outstanding__gt=0
    ).select_related("affiliate"):
        number = slip.affiliate.affiliation_number
        found[number].append(
            Item(slip.payment_reference, number, Period.from_day(slip.period), slip.outstanding)
        )
    return found


def rib_owners(ribs: Collection[str]) -> dict[str, list[str]]:
    """Whose payments came from these accounts before: account to affiliation numbers."""
    found: dict[str, list[str]] = defaultdict(list)
    if not ribs:
        return found
    pairs = (
        Allocation.objects.filter(
            bank_line__payer_rib__in=ribs, undoes__isnull=True, undone_by__isnull=True
        )
        .values_list("bank_line__payer_rib", "affiliate__affiliation_number")
        .distinct()
        .order_by("bank_line__payer_rib", "affiliate__affiliation_number")
    )
    for rib, number in pairs:
        found[rib].append(number)
    return found


def suspense_of(line_id: int) -> Decimal:
    """What of a bank line still waits in suspense, from the ledger."""
    sums = LedgerLine.objects.filter(
        bank_line_id=line_id, account__kind=AccountKind.SUSPENSE.value
    ).aggregate(left=_total(F("credit") - F("debit")))
    return Decimal(sums["left"])


# ---------------------------------------------------------------- bank files


def waiting_lines() -> QuerySet[BankLine]:
    """The suspense desk: lines that wait for a clerk, oldest booking first."""
    return (
        BankLine.objects.filter(verdict=LineVerdict.WAITING.value)
        .select_related("bank_file__bank", "account")
        .order_by("booking_day", "pk")
    )


@dataclass(frozen=True, slots=True)
class VerdictTotal:
    """How many lines of a file got a verdict, and their amount in dirhams."""

    verdict: LineVerdict
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class FileTotals:
    """The lines of one file by verdict, in the order of the return file."""

    by_verdict: tuple[VerdictTotal, ...] = field(default=())

    @property
    def count(self) -> int:
        return sum(row.count for row in self.by_verdict)

    @property
    def amount(self) -> Decimal:
        return sum((row.amount for row in self.by_verdict), ZERO)


def file_totals(bank_file: BankFile) -> FileTotals:
    """Counts and sums per verdict of one file; one query."""
    rows: Mapping[str, Any] = {
        row["verdict"]: row
        for row in bank_file.lines.order_by()
        .exclude(verdict="")
        .values("verdict")
        .annotate(amount=_total("amount"), number=Count("pk"))
    }
    return FileTotals(
        tuple(
            VerdictTotal(verdict, rows[verdict.value]["number"], rows[verdict.value]["amount"])
            for verdict in LineVerdict
            if verdict.value in rows
        )
    )


def search_lines(bank_file: BankFile, *, verdict: str, text: str) -> QuerySet[BankLine]:
    """The lines of a file, by verdict and by reference, payer or label."""
    lines = bank_file.lines.order_by("rank")
    if verdict in {item.value for item in LineVerdict}:
        lines = lines.filter(verdict=verdict)
    if text:
        lines = lines.filter(
            Q(bank_ref__icontains=text)
            | Q(end_to_end__icontains=text)
            | Q(creditor_ref__icontains=text)
            | Q(payer_name__icontains=text)
            | Q(free_text__icontains=text)
        )
    return lines


def return_header(bank_file: BankFile) -> ReturnHeader:
    """The header of the return file CR1."""
    return ReturnHeader(bank_file.receipt_number, bank_file.message_id, bank_file.sha256)


def return_lines(bank_file: BankFile) -> Iterator[ReturnLine]:
    """The answers of the return file CR1, in French: one per line, or the faults of a refused file."""
    if bank_file.verdict == BankFileVerdict.REFUSED.value:
        for stored in bank_file.faults:
            code, facts = stored["code"], stored["facts"]
            text = sentence(code, facts) if code else REST.format(**facts)
            yield ReturnLine(
                WHOLE_FILE, "", LineKind.INFO, ZERO, LineVerdict.REFUSED, public_code(code), text
            )
        return
    for line in bank_file.lines.order_by("rank").iterator(chunk_size=2000):
        code = line.verdict_code
        yield ReturnLine(
            line.rank,
            line.bank_ref,
            LineKind(line.kind),
            line.amount,
            LineVerdict(line.verdict),
            public_code(code),
            sentence(code, line.verdict_facts) if code else "",
        )
