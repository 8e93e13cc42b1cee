"""Correcting what is submitted: the draft that starts from it, and the months that may not be corrected."""

import datetime

from django.db import transaction

from affiliates.access import require_post
from affiliates.enums import FILE_ROLES
from affiliates.models import Affiliate
from declarations import queries, versions
from declarations.enums import DeclarationStatus, FilingMode, StopReason
from declarations.errors import ReopeningReasonMissing
from declarations.models import CorrectionStop, Declaration, DeclarationLine
from declarations.transitions import Act, after
from declarations.workflows.drafts import check_stands
from declarations.workflows.form import audit_form
from declarations.workflows.prefills import issue_prefill
from portal import audit, clock
from portal.failpoints import failpoint
from portal.models import User
from regulation.periods import Period

LONGEST_REASON = 300
_COPIED = [
    field.name
    for field in DeclarationLine._meta.concrete_fields
    if field.name not in ("id", "declaration")
]


@transaction.atomic
def open_correction(*, actor: User, at: datetime.datetime, declaration: Declaration) -> Declaration:
    """The form that corrects a submitted declaration, line for line as it was filed, to be changed and submitted.

    The draft there is, whoever opened it, is given again; one that came by file gives way. Nothing of what is
    filed changes before the submission. Refuses what was corrected meanwhile (CorrectedMeanwhile) or never
    submitted (MoveRefused), a month too far back (CorrectionTooLate) or closed (CorrectionStopped).
    """
    period = Period.from_day(declaration.period)
    issue_prefill(actor=actor, at=at, affiliate=declaration.affiliate, period=period)
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=declaration.affiliate_id)
    former = (
        Declaration.objects.select_for_update(of=("self",))
        .select_related("submitted_by")
        .get(pk=declaration.pk, affiliate=affiliate)
    )
    former.affiliate = affiliate
    check_stands(former)
    versions.check_correctable(former, clock.day_of(at))
    draft = _draft_of(former)
    if draft is not None:
        return draft
    row = Declaration.objects.create(
        affiliate=affiliate,
        period=former.period,
        kind=former.kind,
        supplement_number=former.supplement_number,
        mode=FilingMode.FORM.value,
        created_at=at,
        corrects=former,
        employee_count=former.employee_count,
        days_declared=former.days_declared,
        wage_bill=former.wage_bill,
        capped_wage_bill=former.capped_wage_bill,
    )
    DeclarationLine.objects.bulk_create(copied_lines(former, row), batch_size=2_000)
    row.to_complete = queries.judge_form(row, list(row.lines.order_by("rank"))).to_complete
    row.save(update_fields=["to_complete"])
    audit_form(actor, row, "declarations.correction.opened", corrects=former.receipt_number)
    failpoint("open_correction.before_commit")
    return row


def copied_lines(former: Declaration, row: Declaration) -> list[DeclarationLine]:
    """The lines of a declaration as those of another, in memory, in their order."""
    return [
        DeclarationLine(declaration=row, **{name: getattr(line, name) for name in _COPIED})
        for line in former.lines.order_by("rank")
    ]


def _draft_of(former: Declaration) -> Declaration | None:
    """The form draft that corrects this declaration already; a file draft there gives way."""
    draft = (
        Declaration.objects.select_for_update(of=("self",))
        .filter(
            affiliate=former.affiliate,
            period=former.period,
            kind=former.kind,
            supplement_number=former.supplement_number,
            status=DeclarationStatus.DRAFT.value,
        )
        .first()
    )
    if draft is None:
        return None
    draft.affiliate = former.affiliate
    if draft.mode == FilingMode.FORM and draft.corrects_id == former.pk:
        return draft
    draft.status = after(DeclarationStatus(draft.status), Act.REPLACE).value
    draft.version += 1
    draft.save(update_fields=["status", "version"])
    return None


@transaction.atomic
def stop_corrections(
    *,
    actor: User | None,
    at: datetime.datetime,
    affiliate: Affiliate,
    period: Period,
    reason: StopReason,
    reference: str,
) -> CorrectionStop:
    """Close a month to corrections by its employer: the fund decided on it.

    The same reason and reference again change nothing.
    """
    stop, made = CorrectionStop.objects.get_or_create(
        affiliate=affiliate,
        period=period.first_day,
        reason=reason.value,
        reference=reference,
        defaults={"placed_at": at},
    )
    if made:
        _record("declarations.corrections.stopped", stop, actor)
    return stop


@transaction.atomic
def allow_corrections(
    *, actor: User, at: datetime.datetime, stop: CorrectionStop, reason: str
) -> CorrectionStop:
    """Open a month to corrections again, for a reason (300 characters at most) that stays with it.

    One already open stays as it is. Refuses without a reason (ReopeningReasonMissing).
    Whoever handles no files is refused (PostMissing).
    """
    require_post(actor, FILE_ROLES)
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if not reason:
        raise ReopeningReasonMissing
    row = (
        CorrectionStop.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .get(pk=stop.pk)
    )
    if row.lifted_at is None:
        row.lifted_at, row.lifted_because = at, reason
        row.save(update_fields=["lifted_at", "lifted_because"])
        _record("declarations.corrections.allowed", row, actor, because=reason)
    return row


def _record(action: str, stop: CorrectionStop, actor: User | None, **more: str) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=stop,
        affiliation_number=stop.affiliate.affiliation_number,
        period=f"{stop.period:%Y-%m}",
        reason=stop.reason,
        reference=stop.reference,
        **more,
    )
