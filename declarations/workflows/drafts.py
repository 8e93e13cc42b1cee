"""Submitting a draft, exactly once, or abandoning it."""

import datetime

from django.db import transaction

from affiliates.models import Affiliate
from declarations import queries, versions
from declarations.arrival import day_that_counts
from declarations.enums import DeclarationKind, DeclarationStatus, FileVerdict, FilingMode
from declarations.errors import (
    AnotherIsSubmitted,
    CorrectedMeanwhile,
    DraftChanged,
    FormToComplete,
    MainMissing,
    NothingCorrected,
)
from declarations.models import ContributionLine, Declaration
from declarations.transitions import Act, after
from declarations.workflows.receipts import issue_receipt
from portal import audit, clock, formats
from portal.failpoints import failpoint
from portal.models import User
from regulation.contributions import ContributionResult
from regulation.periods import Period


@transaction.atomic
def submit(
    *, actor: User, at: datetime.datetime, declaration: Declaration, version: int
) -> Declaration:
    """Submit a draft: compute what it costs, once, and number its receipt.

    A correction takes the place of what it corrects, which stays readable with its receipt. Asked again, by another
    click or another browser, gives the same submitted declaration. Refuses a draft that is not the one shown
    (DraftChanged: `version`), one that was abandoned or replaced (MoveRefused), a second main declaration of the
    month (AnotherIsSubmitted), a supplementary one before the main one (MainMissing) and a form that would be
    refused as a file (FormToComplete). Of a correction it refuses one made upon what somebody corrected meanwhile
    (CorrectedMeanwhile), one that changes nothing (NothingCorrected) and a month that may not be corrected
    (versions.check_correctable). `payments` collects what is submitted.
    """
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=declaration.affiliate_id)
    row = Declaration.objects.select_for_update(of=("self",)).get(pk=declaration.pk)
    row.affiliate = affiliate
    if row.status == DeclarationStatus.SUBMITTED:
        return row
    status = after(DeclarationStatus(row.status), Act.SUBMIT)
    if row.version != version:
        raise DraftChanged()
    _check_place(row, at)
    _check_form(row)
    result = queries.contributions_of(row)
    if row.corrects is not None:
        _hand_over(row.corrects)
    row.status, row.submitted_at, row.submitted_by = status.value, at, actor
    _keep_day(row, at)
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
        corrects=row.corrects.receipt_number if row.corrects else None,
        filed_on=row.filed_on,
        kept_on_time_because=row.kept_on_time_because,
    )
    failpoint("submit.before_commit")
    return row


def _check_place(row: Declaration, at: datetime.datetime) -> None:
    if row.corrects is not None:
        _check_correction(row, row.corrects.pk, at)
        return
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


def _check_correction(row: Declaration, former_id: int, at: datetime.datetime) -> None:
    former = Declaration.objects.select_for_update(of=("self",)).get(pk=former_id)
    former.affiliate = row.affiliate
    row.corrects = former
    check_stands(former)
    if row.mode != FilingMode.FUND:
        versions.check_correctable(former, clock.day_of(at))
    if not versions.says_something_else(former, row):
        raise NothingCorrected()


def check_stands(former: Declaration) -> None:
    """Refuse to correct what was corrected already (CorrectedMeanwhile), or never submitted (MoveRefused)."""
    if former.status == DeclarationStatus.REPLACED:
        since = former.corrections.filter(submitted_at__isnull=False).first()
        if since is not None and since.submitted_at is not None:
            by = since.submitted_by.full_name if since.submitted_by else ""
            raise CorrectedMeanwhile(at=formats.instant(since.submitted_at), by=by)
    after(DeclarationStatus(former.status), Act.CORRECT)


def _hand_over(former: Declaration) -> None:
    """What is corrected does not count any more; its lines, its computation and its receipt stay."""
    former.status = after(DeclarationStatus(former.status), Act.CORRECT).value
    former.version += 1
    former.save(update_fields=["status", "version"])


def _check_form(row: Declaration) -> None:
    """A file was judged before it became a draft; a form is judged as it is submitted."""
    if row.mode != FilingMode.FORM:
        return
    judgement = queries.judge_form(row, list(row.lines.order_by("rank")))
    if judgement.verdict is not FileVerdict.ACCEPTED:
        raise FormToComplete(count=judgement.to_complete)


def _keep_day(row: Declaration, at: datetime.datetime) -> None:
    """The day that counts; a correction keeps that of what it corrects, which was filed then."""
    if row.corrects is not None and row.corrects.filed_on is not None:
        row.filed_on = row.corrects.filed_on
        row.kept_on_time_because = row.corrects.kept_on_time_because
        return
    row.filed_on, reason = day_that_counts(row, at=at)
    row.kept_on_time_because = reason.value if reason else ""


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
