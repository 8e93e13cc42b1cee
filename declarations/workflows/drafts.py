"""Submitting a draft, exactly once, or abandoning it."""

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence

from django.db import transaction

from affiliates.models import Affiliate
from declarations import crowds, queries, versions
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
from declarations.workflows.receipts import issue_receipts
from portal import audit, clock, formats
from portal.bulk import insert_rows, update_rows
from portal.failpoints import failpoint
from portal.models import User
from regulation.contributions import ContributionResult
from regulation.errors import DomainError
from regulation.periods import Period

#: The name of the act in the trace.
SUBMITTED = "declarations.declaration.submitted"


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
    outcome = submit_all(actor=actor, at=at, drafts={declaration.pk: version})[declaration.pk]
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


@transaction.atomic
def submit_all(
    *, actor: User, at: datetime.datetime, drafts: Mapping[int, int]
) -> dict[int, Declaration | DomainError]:
    """Submit several drafts, given as key and version shown; each is submitted, or refused for its own reason.

    `submit` is this for one draft. One transaction, and for drafts of as many employers a number of statements that
    does not grow with them; each has its own receipt and trace.
    """
    known = Declaration.objects.filter(pk__in=list(drafts))
    affiliates = Affiliate.objects.filter(pk__in=known.values("affiliate")).order_by("pk")
    held = {row.pk: row for row in affiliates.select_for_update(of=("self",))}
    outcomes: dict[int, Declaration | DomainError] = {}
    rows = list(known.order_by("pk").select_for_update(of=("self",)))
    for row in rows:
        row.affiliate = held[row.affiliate_id]
    while rows:
        # One of an employer at a time: what it submits first counts for what it submits next.
        turn = list({row.affiliate_id: row for row in reversed(rows)}.values())
        rows = [row for row in rows if row not in turn]
        outcomes |= _submit_one_each(actor, at, turn, drafts)
    return outcomes


def _submit_one_each(
    actor: User,
    at: datetime.datetime,
    rows: Sequence[Declaration],
    versions_shown: Mapping[int, int],
) -> dict[int, Declaration | DomainError]:
    """Submit drafts of as many employers, all locked."""
    outcomes: dict[int, Declaration | DomainError] = {}
    filed = crowds.months_filed([(row.affiliate_id, row.period) for row in rows])
    sound = []
    for row in rows:
        if row.status == DeclarationStatus.SUBMITTED:
            outcomes[row.pk] = row
            continue
        try:
            after(DeclarationStatus(row.status), Act.SUBMIT)
            if row.version != versions_shown[row.pk]:
                raise DraftChanged()
            if row.corrects_id or (row.affiliate_id, row.period) in filed or row.supplement_number:
                _check_place(row, at)
            _check_form(row)
        except DomainError as refusal:
            outcomes[row.pk] = refusal
        else:
            sound.append(row)
    _write(actor, at, sound)
    return outcomes | {row.pk: row for row in sound}


def _write(actor: User, at: datetime.datetime, rows: Sequence[Declaration]) -> None:
    if not rows:
        return
    results = queries.contributions_of_all(rows)
    numbers = _receipt_numbers(rows)
    for row in rows:
        if row.corrects is not None:
            _hand_over(row.corrects)
        row.status = after(DeclarationStatus(row.status), Act.SUBMIT).value
        row.submitted_at, row.submitted_by = at, actor
        _keep_day(row, at)
        row.receipt_number = numbers[row.pk]
        row.contributions_total = results[row.pk].total
        row.working = results[row.pk].to_json()
        row.version += 1
    update_rows(
        rows,
        [
            "status", "submitted_at", "submitted_by", "filed_on", "kept_on_time_because", "receipt_number",
            "contributions_total", "working", "version",
        ],
    )  # fmt: skip
    insert_rows([line for row in rows for line in _lines(row, results[row.pk])])
    receipts = issue_receipts(rows)
    audit.record_all(
        actor=actor,
        action=SUBMITTED,
        acts=[
            audit.Act(
                row,
                row.affiliate.affiliation_number,
                {
                    "period": f"{row.period:%Y-%m}",
                    "receipt_number": row.receipt_number,
                    "receipt_digest": receipts[row.pk].digest,
                    "employees": row.employee_count,
                    "wage_bill": row.wage_bill,
                    "contributions": row.contributions_total,
                    "corrects": row.corrects.receipt_number if row.corrects else None,
                    "filed_on": row.filed_on,
                    "kept_on_time_because": row.kept_on_time_because,
                },
            )
            for row in rows
        ],
    )
    failpoint("submit.before_commit")


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


def _receipt_numbers(rows: Sequence[Declaration]) -> dict[int, str]:
    """Month, affiliate, supplement number and rank: `202601-1234567-0-1`. Unique under the affiliate's lock."""
    issued = Counter(
        Declaration.objects.filter(
            affiliate__in={row.affiliate_id for row in rows},
            period__in={row.period for row in rows},
            receipt_number__isnull=False,
        ).values_list("affiliate_id", "period", "supplement_number")
    )
    return {
        row.pk: f"{row.period:%Y%m}-{row.affiliate.affiliation_number}-{row.supplement_number}-"
        f"{issued[row.affiliate_id, row.period, row.supplement_number] + 1}"
        for row in rows
    }


def _lines(row: Declaration, result: ContributionResult) -> list[ContributionLine]:
    return [
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
    ]


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
