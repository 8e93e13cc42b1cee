"""Slips: issued once for each submitted declaration, paid with the credit of their firm."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from affiliates.models import Affiliate
from declarations.enums import DeclarationStatus
from declarations.models import ContributionLine, Declaration
from payments import posting
from payments.enums import LineVerdict, SlipState
from payments.errors import DeclarationNotSubmitted
from payments.models import BankLine, PaymentSlip, SlipLine
from payments.posting import Due
from payments.queries import credit_of, suspense_of
from payments.workflows import corrections, credits
from payments.workflows.allocations import Part, assign_found
from payments.workflows.ledger import Event, post_all
from payments.workflows.slip_codes import references
from portal import audit, clock
from portal.bulk import insert_rows
from portal.failpoints import failpoint
from portal.models import User
from regulation.money import ZERO
from regulation.parameters import due_day
from regulation.periods import Period


def due_declarations() -> QuerySet[Declaration]:
    """Submitted declarations that have no slip yet, oldest first."""
    return Declaration.objects.filter(
        status=DeclarationStatus.SUBMITTED.value, slip_issued_at__isnull=True
    ).order_by("pk")


def issue_slip(*, actor: User | None, declaration_id: int, at: datetime) -> PaymentSlip:
    """The slip of a submitted declaration: its lines, its due day, its code, its ledger entry.

    Safe to run twice and at the same time: a second call returns the slip of the first. Refuses
    DeclarationNotSubmitted.
    """
    issue_slips(actor=actor, declaration_ids=[declaration_id], at=at)
    slip = PaymentSlip.objects.filter(declaration_id=declaration_id).first()
    if slip is None:
        raise DeclarationNotSubmitted
    return slip


@transaction.atomic
def issue_slips(*, actor: User | None, declaration_ids: Collection[int], at: datetime) -> None:
    """The slips of those of these declarations that are submitted and have none, together.

    Each has its own code, lines, ledger entry and trace; the number of statements does not grow with theirs,
    except for corrections and for money that waited. A correction made after the due day calls or takes off the
    difference only (see corrections). The rows are locked and marked in the same transaction, so that twins make
    one slip. A month that the law's tables cannot date refuses all of them.
    """
    corrections.lock_affiliates(declaration_ids)
    due = due_declarations().filter(pk__in=declaration_ids).select_related("affiliate")
    declarations = list(due.select_for_update(of=("self",)))
    if not declarations:
        return
    Declaration.objects.filter(pk__in=[one.pk for one in declarations]).update(slip_issued_at=at)
    differing = corrections.differing(declarations)
    for one in differing:
        corrections.post_difference(actor=actor, declaration=one, at=at)
    whole = [one for one in declarations if one not in differing]
    if whole:
        _issue_whole(whole, actor, at)


def _issue_whole(declarations: Sequence[Declaration], actor: User | None, at: datetime) -> None:
    issued = _create(declarations, clock.day_of(at))
    events = [
        Event(
            posting.slip_issued(Due(slip.affiliate_id, slip.period, slip=slip.pk), slip.total),
            f"slip:{slip.pk}",
            slip.issued_on,
        )
        for slip in issued
        if slip.total
    ]
    post_all(events, actor=actor)
    failpoint("slip-before-commit")
    audit.record_all(
        actor=actor,
        action="payments.slip_issued",
        acts=[
            audit.Act(
                slip,
                slip.affiliate.affiliation_number,
                {
                    "period": f"{slip.period:%Y-%m}",
                    "total": slip.total,
                    "reference": slip.payment_reference,
                },
            )
            for slip in issued
        ],
    )
    corrected = _with_an_older_slip(issued)
    for slip in issued:
        if slip.pk in corrected:
            corrections.replace_older(actor=actor, slip=slip, at=at)
    awaited = _awaited_codes([slip.payment_reference for slip in issued])
    for slip in issued:
        if slip.payment_reference in awaited:
            _claim_waiting_money(actor, slip, at)


def _create(declarations: Sequence[Declaration], issued_on: date) -> list[PaymentSlip]:
    codes = references(declarations)
    contributions: dict[int, list[ContributionLine]] = {one.pk: [] for one in declarations}
    rows = ContributionLine.objects.filter(declaration__in=list(contributions))
    for row in rows.order_by("pk"):
        contributions[row.declaration_id].append(row)
    slips, lines = [], []
    for declaration in declarations:
        branches = contributions[declaration.pk]
        total = sum((one.employer_share + one.employee_share for one in branches), ZERO)
        slip = PaymentSlip(
            affiliate=declaration.affiliate,
            declaration=declaration,
            period=declaration.period,
            payment_reference=codes[declaration.pk],
            issued_on=issued_on,
            due_on=due_day(Period.from_day(declaration.period)),
            total=total,
            outstanding=total,
            state=(SlipState.ISSUED if total else SlipState.PAID).value,
            settled_on=None if total else issued_on,
        )
        slips.append(slip)
        lines += [(slip, rank, line) for rank, line in enumerate(branches, start=1)]
    insert_rows(slips)
    insert_rows(
        [
            SlipLine(
                slip=slip,
                rank=rank,
                branch=line.branch,
                base=line.base,
                employer_share=line.employer_share,
                employee_share=line.employee_share,
                amount=line.employer_share + line.employee_share,
                working=line.working,
            )
            for slip, rank, line in lines
        ]
    )
    return slips


def _with_an_older_slip(issued: Sequence[PaymentSlip]) -> set[int]:
    """Those whose declaration takes the place of one that had a slip."""
    rows = PaymentSlip.objects.filter(
        affiliate__in={slip.affiliate_id for slip in issued},
        period__in={slip.period for slip in issued},
        declaration__status=DeclarationStatus.REPLACED.value,
    ).exclude(state=SlipState.REPLACED.value)
    older = set(rows.values_list("affiliate_id", "period"))
    return {slip.pk for slip in issued if (slip.affiliate_id, slip.period) in older}


def _awaited_codes(codes: Sequence[str]) -> set[str]:
    """Those of these codes that money has already cited."""
    rows = BankLine.objects.filter(
        verdict=LineVerdict.WAITING.value, verdict_code="L11", verdict_facts__ref__in=list(codes)
    )
    return set(rows.values_list("verdict_facts__ref", flat=True))


@transaction.atomic
def use_credit(*, actor: User, affiliate: Affiliate, slip_id: int, at: datetime) -> Decimal:
    """The employer pays a slip with its own credit, as far as both go; returns the amount used.

    Nothing left to pay or no credit: nothing happens and 0 is returned, so that a second click is harmless.
    """
    Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    slip = PaymentSlip.objects.select_for_update(of=("self",)).get(pk=slip_id, affiliate=affiliate)
    amount = min(credit_of(affiliate), slip.outstanding)
    if amount <= 0:
        return ZERO
    # Two sides each: the number of the sides is the rank.
    used = slip.ledger_lines.filter(entry__cause__startswith=f"credit_used:{slip.pk}:").count()
    credits.use_credit_on(
        actor, slip, amount, cause=f"credit_used:{slip.pk}:{2 * used}", on=clock.day_of(at)
    )
    audit.record(
        actor=actor,
        action="payments.credit_used",
        subject=slip,
        affiliation_number=affiliate.affiliation_number,
        amount=amount,
    )
    return amount


def _claim_waiting_money(actor: User | None, slip: PaymentSlip, at: datetime) -> None:
    """Money that cited this code before the slip existed stops waiting."""
    waiting = BankLine.objects.filter(
        verdict=LineVerdict.WAITING.value,
        verdict_code="L11",
        verdict_facts__ref=slip.payment_reference,
    ).order_by("pk")
    for line in waiting:
        left = suspense_of(line.pk)
        if not left:
            continue
        slip.refresh_from_db()
        to_slip = min(left, slip.outstanding)
        parts = [Part(to_slip, slip.payment_reference)] if to_slip else []
        if left > to_slip:
            parts.append(Part(left - to_slip, affiliate=slip.affiliate))
        assign_found(actor=actor, line_id=line.pk, parts=parts, rule="R4", at=at)
