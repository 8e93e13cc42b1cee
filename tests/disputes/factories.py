"""Slips to contest and disputes about them, for tests. Amounts in dirhams; people come from the cast."""

import datetime
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django.core.files.base import ContentFile

from affiliates.models import Affiliate
from declarations.enums import DeclarationKind, DeclarationStatus, FilingMode
from declarations.models import ContributionLine, Declaration
from disputes.enums import Ground, SubjectKind
from disputes.models import Dispute
from disputes.rules import Subject
from disputes.workflows import opening
from payments.models import PaymentSlip, SlipLine
from payments.workflows.slips import issue_slip
from portal.models import User
from regulation.enums import Branch

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 40
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\x00" * 40

# Monday 2 March 2026, ten in the morning in Casablanca.
OPENED_AT = datetime.datetime(2026, 3, 2, 10, tzinfo=datetime.UTC)

LINES = (
    (Branch.PF, Decimal("10000.00"), Decimal("640.00"), Decimal("0.00")),
    (Branch.LT, Decimal("10000.00"), Decimal("793.00"), Decimal("396.00")),
    (Branch.AMO, Decimal("16345.67"), Decimal("369.41"), Decimal("369.41")),
)


def slip_of(
    affiliate: Affiliate,
    period: datetime.date = datetime.date(2026, 1, 1),
    lines: Sequence[tuple[Branch, Decimal, Decimal, Decimal]] = LINES,
    working: Mapping[str, Any] = MappingProxyType({"working": []}),
) -> PaymentSlip:
    """A slip as issued, nothing paid: ``lines`` are (branch, base, employer's share, employee's share)."""
    total = sum((employer + employee for _, _, employer, employee in lines), Decimal("0.00"))
    declaration = Declaration.objects.create(
        affiliate=affiliate,
        period=period,
        kind=DeclarationKind.MAIN.value,
        mode=FilingMode.FILE.value,
        status=DeclarationStatus.SUBMITTED.value,
        employee_count=2,
        days_declared=52,
        wage_bill=Decimal("16345.67"),
        capped_wage_bill=Decimal("10000.00"),
        submitted_at=datetime.datetime(2026, 2, 5, 9, tzinfo=datetime.UTC),
        receipt_number=f"REC-{affiliate.affiliation_number}-{period:%Y%m}",
        contributions_total=total,
    )
    for branch, base, employer, employee in lines:
        ContributionLine.objects.create(
            declaration=declaration,
            branch=branch.value,
            base=base,
            rate_employer=Decimal("1.000"),
            rate_employee=Decimal("1.000"),
            employer_share=employer,
            employee_share=employee,
            working=dict(working),
        )
    return issue_slip(actor=None, declaration_id=declaration.pk, at=declaration.submitted_at)


def line_subject(line: SlipLine) -> Subject:
    """A line of a slip, as an address names it."""
    return Subject.of(SubjectKind.LINE, line.pk)


def upload(name: str = "bulletin.pdf", content: bytes = PDF) -> "ContentFile[bytes]":
    return ContentFile(content, name=name)


def dispute_of(
    actor: User,
    slip: PaymentSlip,
    *,
    amount: Decimal = Decimal("100.00"),
    rank: int = 3,
    at: datetime.datetime = OPENED_AT,
    intent: uuid.UUID | None = None,
) -> Dispute:
    """A dispute opened by ``actor`` on one line of ``slip``."""
    line = slip.lines.get(rank=rank)
    return opening.open_dispute(
        actor=actor,
        affiliate=slip.affiliate,
        intent=intent or uuid.uuid4(),
        ground=Ground.WRONG_BASE,
        text="La salariée était en congé sans solde : son salaire est compté à tort.",
        contested={line_subject(line): amount},
        at=at,
    )
