"""The slips, declarations, payments and decisions that have a paper, among those of one affiliate."""

from affiliates.models import Affiliate
from certificates.facts import (
    DecidedItemFacts,
    DecisionFacts,
    PaymentFacts,
    PaymentLineFacts,
)
from certificates.queries import affiliate_facts
from declarations.enums import DeclarationStatus
from declarations.models import Declaration
from disputes.enums import Ground, Outcome
from disputes.models import Decision
from disputes.workflows.opening import appeal_until
from payments.enums import AccountKind
from payments.models import Allocation, PaymentSlip
from portal.clock import day_of
from regulation.parameters import value_at
from regulation.periods import Period
from regulation.text import _

_SLIP = _("bordereau de cotisations")
_SURCHARGE = _("majoration de retard")
_PENALTY = _("astreinte")
_FILED = (DeclarationStatus.SUBMITTED.value, DeclarationStatus.REPLACED.value)


PAPERS_SHOWN = 12


def last_filed(affiliate: Affiliate) -> list[Declaration]:
    """The declarations that were filed last, those replaced since included: each has its receipt."""
    return list(
        Declaration.objects.filter(affiliate=affiliate, status__in=_FILED).order_by(
            "-submitted_at"
        )[:PAPERS_SHOWN]
    )


def last_paid(affiliate: Affiliate) -> list[Allocation]:
    """One allocation of each of the last payments that still stand: each payment has its receipt."""
    kept = Allocation.objects.filter(
        affiliate=affiliate, undoes__isnull=True, undone_by__isnull=True
    ).select_related("bank_line")
    of_line = kept.order_by("bank_line_id", "pk").distinct("bank_line_id").values("pk")
    return list(kept.filter(pk__in=of_line).order_by("-paid_on", "-pk")[:PAPERS_SHOWN])


def slip_of(affiliate: Affiliate, pk: int) -> PaymentSlip | None:
    """A payment slip of this affiliate; None for anyone else's."""
    return (
        PaymentSlip.objects.filter(affiliate=affiliate, pk=pk)
        .select_related("affiliate", "declaration", "replaced_by")
        .first()
    )


def filed(affiliate: Affiliate, pk: int) -> Declaration | None:
    """A declaration that this affiliate submitted, replaced since or not; None for a draft and anyone else's."""
    return Declaration.objects.filter(affiliate=affiliate, pk=pk, status__in=_FILED).first()


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


def decision_facts(affiliate: Affiliate, number: str) -> DecisionFacts | None:
    """What the fund decided on a dispute of this affiliate; None while undecided and for anyone else's."""
    decision = (
        Decision.objects.filter(dispute__affiliate=affiliate, dispute__number=number)
        .select_related("dispute", "decided_by")
        .first()
    )
    if decision is None:
        return None
    dispute = decision.dispute
    day = day_of(decision.decided_at)
    return DecisionFacts(
        affiliate=affiliate_facts(affiliate),
        number=dispute.number,
        opened_at=dispute.opened_at,
        decided_at=decision.decided_at,
        decided_by=decision.decided_by.full_name,
        ground=Ground(dispute.ground),
        outcome=Outcome(decision.outcome),
        items=tuple(
            DecidedItemFacts(
                period=Period.from_day(item.period) if item.period else None,
                what=item.label,
                outcome=Outcome(item.outcome),
                contested=item.amount,
                granted=item.granted,
            )
            for item in dispute.items.select_related("slip_line").order_by("pk")
        ),
        reasons=decision.reasons,
        legal_ground=decision.legal_ground,
        may_appeal=decision.outcome != Outcome.UPHELD,
        conciliation_months=int(value_at("dispute.conciliation_months", day).value),
        appeal_until=None if dispute.appeal_of_id else appeal_until(decision),
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
