"""Submitting a draft, exactly once, or abandoning it."""

import datetime

from django.db import transaction

from affiliates.models import Affiliate
from declarations import queries
from declarations.enums import DeclarationKind, DeclarationStatus, FileVerdict, FilingMode
from declarations.errors import AnotherIsSubmitted, DraftChanged, FormToComplete, MainMissing
from declarations.models import ContributionLine, Declaration
from declarations.transitions import Act, after
from declarations.workflows.receipts import issue_receipt
from portal import audit
from portal.failpoints import failpoint
from portal.models import User
from regulation.contributions import ContributionResult
from regulation.periods import Period


@transaction.atomic
def submit(
    *, actor: User, at: datetime.datetime, declaration: Declaration, version: int
) -> Declaration:
    """Submit a draft: compute what it costs, once, and number its receipt.

    Asked again, by another click or another browser, gives the same submitted declaration. Refuses a draft
    that is not the one shown (DraftChanged: `version`), one that was abandoned or replaced (MoveRefused), a
    second main declaration of the month (AnotherIsSubmitted), a supplementary one before the main one
    (MainMissing) and a form that would be refused as a file (FormToComplete). `payments` collects what is submitted.
    """
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=declaration.affiliate_id)
    row = Declaration.objects.select_for_update(of=("self",)).get(pk=declaration.pk)
    row.affiliate = affiliate
    if row.status == DeclarationStatus.SUBMITTED:
        return row
    status = after(DeclarationStatus(row.status), Act.SUBMIT)
    if row.version != version:
        raise DraftChanged()
    _check_place(row)
    _check_form(row)
    result = queries.contributions_of(row)
    row.status, row.submitted_at, row.submitted_by = status.value, at, actor
    row.receipt_number = _receipt_number(row)
    row.contributions_total = result.total
    row.working = result.to_json()
    row.version += 1
    row.save()
    _keep_lines(row, result)
    receipt = issue_receipt(row)
    audit.record(
        actor=actor,
        action="declarations.declaration.submitted",
        subject=row,
        affiliation_number=affiliate.affiliation_number,
        period=f"{row.period:%Y-%m}",
        receipt_number=row.receipt_number,
        receipt_digest=receipt.digest,
        employees=row.employee_count,
        wage_bill=row.wage_bill,
        contributions=row.contributions_total,
    )
    failpoint("submit.before_commit")
    return row


def _check_place(row: Declaration) -> None:
    period = Period.from_day(row.period)
    submitted = Declaration.objects.filter(
        affiliate=row.affiliate_id, period=row.period, status=DeclarationStatus.SUBMITTED.value
    )
    same = submitted.filter(kind=row.kind, supplement_number=row.supplement_number)
    if same.exists():
        raise AnotherIsSubmitted(kind=DeclarationKind(row.kind), period=period)
    main = submitted.filter(kind=DeclarationKind.MAIN.value)
    if row.kind == DeclarationKind.SUPPLEMENTARY and not main.exists():
        raise MainMissing(period=period)


def _check_form(row: Declaration) -> None:
    """A file was judged before it became a draft; a form is judged as it is submitted."""
    if row.mode != FilingMode.FORM:
        return
    judgement = queries.judge_form(row, list(row.lines.order_by("rank")))
    if judgement.verdict is not FileVerdict.ACCEPTED:
        raise FormToComplete(count=judgement.to_complete)


def _receipt_number(row: Declaration) -> str:
    """Month, affiliate, supplement number and rank: `202601-1234567-0-1`. Unique under the affiliate's lock."""
    issued = Declaration.objects.filter(
        affiliate=row.affiliate_id,
        period=row.period,
        supplement_number=row.supplement_number,
        receipt_number__isnull=False,
    ).count()
    number = row.affiliate.affiliation_number
    return f"{row.period:%Y%m}-{number}-{row.supplement_number}-{issued + 1}"


def _keep_lines(row: Declaration, result: ContributionResult) -> None:
    ContributionLine.objects.bulk_create(
        ContributionLine(
            declaration=row,
            branch=line.branch.value,
            base=line.base,
            rate_employer=line.rate_employer,
            rate_employee=line.rate_employee,
            employer_share=line.employer,
            employee_share=line.employee,
            working=line.to_json(),
        )
        for line in result.lines
    )


@transaction.atomic
def cancel(*, actor: User, declaration: Declaration) -> Declaration:
    """Abandon a draft. Asked again, changes nothing; refuses anything but a draft (MoveRefused)."""
    Affiliate.objects.select_for_update(of=("self",)).get(pk=declaration.affiliate_id)
    row = (
        Declaration.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .get(pk=declaration.pk)
    )
    if row.status == DeclarationStatus.CANCELLED:
        return row
    row.status = after(DeclarationStatus(row.status), Act.CANCEL).value
    row.version += 1
    row.save(update_fields=["status", "version"])
    audit.record(
        actor=actor,
        action="declarations.draft.cancelled",
        subject=row,
        affiliation_number=row.affiliate.affiliation_number,
        period=f"{row.period:%Y-%m}",
    )
    return row
