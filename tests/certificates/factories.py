"""Declared months, slips and payments for the tests of certificates."""

import datetime
import itertools
from decimal import Decimal

from affiliates.models import Affiliate
from declarations.enums import DeclarationKind, DeclarationStatus, FilingMode
from declarations.models import Declaration
from payments.enums import EntryKind, LineKind, SlipState
from payments.models import (
    Allocation,
    BankAccount,
    BankFile,
    BankLine,
    LedgerEntry,
    PaymentSlip,
    SlipLine,
)
from portal.models import StoredFile, User
from regulation.enums import Branch
from regulation.identifiers import slip_reference
from regulation.periods import Period

_rank = itertools.count(1)


def declared(
    affiliate: Affiliate,
    period: Period,
    *,
    by: User,
    wage_bill: str = "61234.50",
    kind: DeclarationKind = DeclarationKind.MAIN,
    at: datetime.datetime | None = None,
) -> Declaration:
    """A submitted declaration of twelve people."""
    rank = next(_rank)
    return Declaration.objects.create(
        affiliate=affiliate,
        period=period.first_day,
        kind=kind.value,
        supplement_number=0 if kind is DeclarationKind.MAIN else 1,
        mode=FilingMode.FILE.value,
        status=DeclarationStatus.SUBMITTED.value,
        employee_count=12,
        days_declared=300,
        wage_bill=Decimal(wage_bill),
        capped_wage_bill=Decimal(wage_bill) - Decimal("1234.50"),
        submitted_at=at or datetime.datetime(2026, 2, 5, 9, 30, tzinfo=datetime.UTC),
        submitted_by=by,
        receipt_number=f"R-2026-{rank:07}",
        contributions_total=Decimal("16939.70"),
        working={},
    )


def slip_of(
    declaration: Declaration, *, outstanding: str = "16939.70", due_on: datetime.date | None = None
) -> PaymentSlip:
    """The slip of a declaration: seven branches, 16 939,70 DH."""
    period = Period.from_day(declaration.period)
    slip = PaymentSlip.objects.create(
        affiliate=declaration.affiliate,
        declaration=declaration,
        period=declaration.period,
        payment_reference=slip_reference(declaration.affiliate.affiliation_number, period),
        issued_on=datetime.date(2026, 2, 5),
        due_on=due_on or datetime.date(2026, 2, 10),
        total=Decimal("16939.70"),
        outstanding=Decimal(outstanding),
        state=SlipState.ISSUED.value,
    )
    lines = [
        (Branch.PF, "61234.50", "3919.01", "0.00"),
        (Branch.CT, "60000.00", "609.00", "304.50"),
        (Branch.LT, "60000.00", "4599.40", "2296.80"),
        (Branch.IPE, "60000.00", "220.40", "110.20"),
        (Branch.TFP, "61234.50", "979.75", "0.00"),
        (Branch.AMO_SOLIDARITY, "61234.50", "1132.84", "0.00"),
        (Branch.AMO, "61234.50", "1383.90", "1383.90"),
    ]
    for rank, (branch, base, employer, employee) in enumerate(lines, start=1):
        SlipLine.objects.create(
            slip=slip,
            rank=rank,
            branch=branch.value,
            base=Decimal(base),
            employer_share=Decimal(employer),
            employee_share=Decimal(employee),
            amount=Decimal(employer) + Decimal(employee),
            working={},
        )
    return slip


def paid(
    slip: PaymentSlip, amount: str, *, account: BankAccount, by: User, excess: str = ""
) -> Allocation:
    """Money for a slip, received in a bank file; ``excess`` goes to the employer's credit."""
    rank = next(_rank)
    stored = StoredFile.objects.create(name="a.xml", size=1, sha256=f"{rank:064}", stored_by=by)
    bank_file = BankFile.objects.create(
        bank=account.bank,
        stored=stored,
        sha256=stored.sha256,
        receipt_number=f"B-{rank}",
        received_by=by,
    )
    whole = Decimal(amount) + Decimal(excess or "0.00")
    line = BankLine.objects.create(
        bank_file=bank_file,
        rank=1,
        account=account,
        kind=LineKind.CREDIT.value,
        amount=whole,
        booking_day=datetime.date(2026, 2, 10),
        bank_ref="BI-9912331",
        payer_name="BOULANGERIE AL BARAKA SARL",
        identity_rule="A",
        identity_key=f"{rank:064}",
    )
    entry = LedgerEntry(
        kind=EntryKind.PAYMENT.value, booked_on=line.booking_day, cause=f"test:{rank}"
    )
    entry.save()
    first = Allocation.objects.create(
        bank_line=line,
        affiliate=slip.affiliate,
        slip=slip,
        amount=Decimal(amount),
        rule="R1",
        paid_on=datetime.date(2026, 2, 9),
        entry=entry,
        allocated_by=by,
    )
    if excess:
        Allocation.objects.create(
            bank_line=line,
            affiliate=slip.affiliate,
            amount=Decimal(excess),
            rule="R1",
            paid_on=datetime.date(2026, 2, 9),
            entry=entry,
            allocated_by=by,
        )
    return first
