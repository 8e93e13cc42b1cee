"""Slips and bank files for tests, made the way the portal makes them."""

from __future__ import annotations

import datetime
import itertools
from decimal import Decimal

from django.core.files.uploadedfile import SimpleUploadedFile

from affiliates.enums import StaffRole
from affiliates.models import Affiliate
from declarations.enums import DeclarationStatus, FilingMode
from declarations.models import ContributionLine, Declaration
from payments.models import BankAccount, BankFile, BankLine, ClerkAct, PaymentSlip
from payments.queries import slip_facts
from payments.workflows import acts
from payments.workflows.bank_files import import_file, receive
from payments.workflows.slips import issue_slip
from portal import clock
from portal.models import User
from regulation.enums import Branch
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory, StaffAssignmentFactory, UserFactory
from tests.cast import Cast
from tests.payments.camt_files import OTHER_RIB, camt, details, entry

_numbers = itertools.count(1)

JANUARY = Period(2026, 1)


def submitted(
    affiliate: Affiliate | None = None,
    period: Period = JANUARY,
    amounts: dict[Branch, str] | None = None,
    **changes: object,
) -> Declaration:
    """A submitted declaration whose contributions are `amounts` by branch (default 100.00 of PF)."""
    amounts = amounts or {Branch.PF: "100.00"}
    facts = {
        "status": DeclarationStatus.SUBMITTED.value,
        "submitted_at": datetime.datetime(2026, 2, 5, 9, tzinfo=datetime.UTC),
        "receipt_number": f"R-TEST-{next(_numbers):06}",
        "contributions_total": sum((Decimal(text) for text in amounts.values()), Decimal("0.00")),
        **changes,
    }
    declaration = Declaration.objects.create(
        affiliate=affiliate or AffiliateFactory(),
        period=period.first_day,
        mode=FilingMode.FILE.value,
        employee_count=2,
        wage_bill=Decimal("10000.00"),
        **facts,
    )
    for branch, text in amounts.items():
        ContributionLine.objects.create(
            declaration=declaration,
            branch=branch.value,
            base=Decimal("10000.00"),
            rate_employer=Decimal("6.400"),
            rate_employee=Decimal("0.000"),
            employer_share=Decimal(text),
            employee_share=Decimal("0.00"),
            working=[],
        )
    return declaration


def slip(
    affiliate: Affiliate | None = None,
    period: Period = JANUARY,
    amounts: dict[Branch, str] | None = None,
) -> PaymentSlip:
    """An issued slip."""
    return issue_slip(
        actor=None, declaration_id=submitted(affiliate, period, amounts).pk, at=clock.now()
    )


def received(user: User, account: BankAccount, data: bytes, *, read: bool = True) -> BankFile:
    """A bank file uploaded by a bank user and, unless told otherwise, read to the end."""
    upload = SimpleUploadedFile("releve.xml", data)
    bank_file = receive(actor=user, bank=account.bank, upload=upload, at=clock.now()).bank_file
    if read:
        import_file(bank_file_id=bank_file.pk, at=clock.now())
        bank_file.refresh_from_db()
    return bank_file


def file_of(cast: Cast, *entries: str, **changes: object) -> bytes:
    return camt(*entries, account=cast.bank_account.rib, **changes)  # type: ignore[arg-type]


def refunded(cast: Cast, amount: str) -> ClerkAct:
    """A part of the credit that the employer asked back and two persons ordered."""
    asked = acts.request_refund(
        actor=cast.owner, affiliate=cast.affiliate, amount=Decimal(amount), rib=OTHER_RIB, at=clock.now(),
    )  # fmt: skip
    acts.propose_refund(actor=cast.treasurer, act_id=asked.pk, reason="vu", at=clock.now())
    return acts.approve(actor=supervisor(), act_id=asked.pk, at=clock.now())


def supervisor() -> User:
    """The second person of the money desk; the same one in a test."""
    known = User.objects.filter(email="controle@exemple.ma").first()
    if known is not None:
        return known
    person: User = UserFactory(
        email="controle@exemple.ma", full_name="Samira El Fassi", is_staff=True
    )
    StaffAssignmentFactory(user=person, role=StaffRole.SUPERVISOR.value)
    return person


def pay(
    cast: Cast, owed: PaymentSlip, amount: str, ref: str = "B1", message: str = "M1"
) -> BankLine:
    data = file_of(
        cast,
        entry(amount, ref=ref, txs=details(ref=ref, rf=slip_facts(owed).creditor_reference)),
        message_id=message,
    )
    return received(cast.bank, cast.bank_account, data).lines.get()
