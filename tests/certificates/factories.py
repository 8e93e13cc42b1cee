"""Declared months, slips and payments for the tests of certificates, made the way the portal makes them."""

import datetime
import itertools
from decimal import Decimal

from affiliates.models import Affiliate
from declarations.enums import DeclarationKind, DeclarationStatus, FilingMode
from declarations.models import ContributionLine, Declaration
from payments.models import Allocation, BankAccount, PaymentSlip
from payments.workflows.slips import issue_slip
from portal.models import User
from regulation.contributions import Bases, contributions_from_bases
from regulation.periods import Period
from tests.payments.camt_files import camt, details, entry
from tests.payments.factories import received

_rank = itertools.count(1)
FILED = datetime.datetime(2026, 2, 5, 9, 30, tzinfo=datetime.UTC)


def declared(
    affiliate: Affiliate,
    period: Period,
    *,
    by: User,
    wage_bill: str = "61234.50",
    kind: DeclarationKind = DeclarationKind.MAIN,
    at: datetime.datetime = FILED,
) -> Declaration:
    """A submitted declaration of twelve people, with its contributions."""
    bases = Bases(gross=Decimal(wage_bill), capped=Decimal(wage_bill) - Decimal("1234.50"))
    contributions = contributions_from_bases(period, bases)
    declaration = Declaration.objects.create(
        affiliate=affiliate,
        period=period.first_day,
        kind=kind.value,
        supplement_number=0 if kind is DeclarationKind.MAIN else 1,
        mode=FilingMode.FILE.value,
        status=DeclarationStatus.SUBMITTED.value,
        employee_count=12,
        days_declared=300,
        wage_bill=bases.gross,
        capped_wage_bill=bases.capped,
        submitted_at=at,
        submitted_by=by,
        receipt_number=f"R-2026-{next(_rank):07}",
        contributions_total=contributions.total,
        working=contributions.to_json(),
    )
    for line in contributions.lines:
        ContributionLine.objects.create(
            declaration=declaration,
            branch=line.branch.value,
            base=line.base,
            rate_employer=line.rate_employer,
            rate_employee=line.rate_employee,
            employer_share=line.employer,
            employee_share=line.employee,
            working=[],
        )
    return declaration


def slip_of(declaration: Declaration) -> PaymentSlip:
    """The slip of a declaration, issued when it was filed."""
    return issue_slip(actor=None, declaration_id=declaration.pk, at=FILED)


def paid(slip: PaymentSlip, *, account: BankAccount, by: User, excess: str = "0.00") -> Allocation:
    """Money for a whole slip, received in a bank file; ``excess`` goes to the employer's credit."""
    amount = slip.total + Decimal(excess)
    text = details(ref="BI-9912331", text=(slip.payment_reference,), payer="AL BARAKA SARL")
    line = entry(str(amount), ref="BI-9912331", day="2026-02-10", value="2026-02-09", txs=text)
    received(by, account, camt(line, account=account.rib))
    return Allocation.objects.get(slip=slip)
