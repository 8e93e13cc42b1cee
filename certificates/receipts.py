"""What slips, filing receipts and payment receipts say, read from the rooms that own them."""

import datetime

from affiliates.models import Affiliate
from certificates.facts import (
    PaymentFacts,
    PaymentLineFacts,
    ReceiptFacts,
    SlipFacts,
    SlipLineFacts,
)
from certificates.queries import affiliate_facts
from declarations.enums import DeclarationKind, DeclarationStatus, FilingMode
from declarations.models import Declaration
from payments.enums import AccountKind, SlipState
from payments.models import Allocation, PaymentSlip
from regulation.enums import Branch
from regulation.identifiers import creditor_reference
from regulation.periods import Period
from regulation.text import _

_SLIP = _("bordereau de cotisations")
_SURCHARGE = _("majoration de retard")
_PENALTY = _("astreinte")


def slip_facts(affiliate: Affiliate, pk: int, *, on: datetime.date) -> SlipFacts | None:
    """A payment slip of this affiliate as it stands on ``on``; None for anyone else's."""
    slip = (
        PaymentSlip.objects.filter(affiliate=affiliate, pk=pk).select_related("declaration").first()
    )
    if slip is None:
        return None
    return SlipFacts(
        affiliate=affiliate_facts(affiliate),
        payment_reference=slip.payment_reference,
        creditor_reference=creditor_reference(slip.payment_reference),
        period=Period.from_day(slip.period),
        issued_on=slip.issued_on,
        due_on=slip.due_on,
        employee_count=slip.declaration.employee_count,
        receipt_number=slip.declaration.receipt_number or "",
        lines=tuple(
            SlipLineFacts(
                branch=Branch(line.branch),
                base=line.base,
                employer_share=line.employer_share,
                employee_share=line.employee_share,
                amount=line.amount,
            )
            for line in slip.lines.all()
        ),
        total=slip.total,
        outstanding=slip.outstanding,
        state=SlipState(slip.state).label,
        as_of=on,
    )


def receipt_facts(affiliate: Affiliate, pk: int) -> ReceiptFacts | None:
    """The filing of a declaration of this affiliate; None while it is a draft, and for anyone else's."""
    declaration = (
        Declaration.objects.filter(
            affiliate=affiliate,
            pk=pk,
            status__in=[DeclarationStatus.SUBMITTED.value, DeclarationStatus.REPLACED.value],
        )
        .select_related("received_file__stored", "submitted_by")
        .first()
    )
    if (
        declaration is None
        or declaration.submitted_at is None
        or declaration.contributions_total is None
    ):
        return None
    stored = declaration.received_file.stored if declaration.received_file else None
    return ReceiptFacts(
        affiliate=affiliate_facts(affiliate),
        receipt_number=declaration.receipt_number or "",
        period=Period.from_day(declaration.period),
        kind=DeclarationKind(declaration.kind).label,
        mode=FilingMode(declaration.mode).label,
        submitted_at=declaration.submitted_at,
        submitted_by=declaration.submitted_by.full_name if declaration.submitted_by else "",
        employee_count=declaration.employee_count,
        days_declared=declaration.days_declared,
        wage_bill=declaration.wage_bill,
        capped_wage_bill=declaration.capped_wage_bill,
        contributions_total=declaration.contributions_total,
        file_name=stored.name if stored else "",
        file_sha256=stored.sha256 if stored else "",
    )


def payment_facts(affiliate: Affiliate, pk: int) -> PaymentFacts | None:
    """The bank operation behind an allocation of this affiliate, with everything of it that went to them.

    None for anyone else's, and when all of it was undone: money given back has no receipt.
    """
    chosen = Allocation.objects.filter(affiliate=affiliate, pk=pk).first()
    if chosen is None:
        return None
    kept = list(
        Allocation.objects.filter(
            affiliate=affiliate,
            bank_line=chosen.bank_line_id,
            undoes__isnull=True,
            undone_by__isnull=True,
        )
        .select_related(
            "bank_line__account__bank", "slip", "surcharge__slip", "filing_penalty", "entry"
        )
        .order_by("pk")
    )
    if not kept:
        return None
    line = kept[0].bank_line
    return PaymentFacts(
        affiliate=affiliate_facts(affiliate),
        number=f"Q-{affiliate.affiliation_number}-{line.pk:07}",
        amount=sum((allocation.amount for allocation in kept[1:]), kept[0].amount),
        paid_on=kept[0].paid_on,
        booked_on=line.booking_day,
        bank=line.account.bank.name,
        bank_reference=line.bank_ref,
        payer=line.payer_name,
        lines=tuple(_paid(allocation) for allocation in kept),
    )


def _paid(allocation: Allocation) -> PaymentLineFacts:
    if allocation.slip is not None:
        return PaymentLineFacts(
            _SLIP,
            allocation.slip.payment_reference,
            Period.from_day(allocation.slip.period),
            allocation.amount,
        )
    if allocation.surcharge is not None:
        surcharge = allocation.surcharge
        return PaymentLineFacts(
            _SURCHARGE,
            surcharge.payment_reference,
            Period.from_day(surcharge.slip.period),
            allocation.amount,
        )
    if allocation.filing_penalty is not None:
        penalty = allocation.filing_penalty
        return PaymentLineFacts(
            _PENALTY,
            penalty.payment_reference,
            Period.from_day(penalty.period),
            allocation.amount,
        )
    return PaymentLineFacts(AccountKind.CREDIT.label, "", None, allocation.amount)
