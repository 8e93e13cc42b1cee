"""What three lost workers left half-way: a member of staff has it taken up again, or leaves it as it is.

Nothing that was finished is undone by either: the chunks of a file are in the books, the rest is not
(docs/decisions/parked-work.md). Both are the money desk's (PostMissing).
"""

from __future__ import annotations

from django.db import transaction

from affiliates.access import require_post
from affiliates.enums import MONEY_ROLES
from payments.codecs.faults import fault
from payments.errors import NotParked, ReasonNeeded
from payments.models import BankFile, DebitRun
from portal import audit, jobs
from portal.enums import JobState
from portal.models import User

LEFT = "F29"


@transaction.atomic
def resume_file(*, actor: User, file_id: int, reason: str) -> BankFile:
    """Have a parked file read on from its last finished chunk, with three attempts again.

    One that is not parked stays as it is. Refuses ReasonNeeded.
    """
    require_post(actor, MONEY_ROLES)
    bank_file = BankFile.objects.select_for_update(of=("self",)).get(pk=file_id)
    if bank_file.state != JobState.PARKED.value:
        return bank_file
    said = _said(reason)
    jobs.give_back(bank_file)
    bank_file.faults = [one for one in bank_file.faults if one["code"] != LEFT]
    bank_file.save(update_fields=["faults"])
    audit.record(
        actor=actor, action="payments.bank_file_resumed", subject=bank_file, reason=said,
        lines_done=bank_file.lines_done,
    )  # fmt: skip
    return bank_file


@transaction.atomic
def leave_file(*, actor: User, file_id: int, reason: str) -> BankFile:
    """Leave a parked file as it stands: its finished chunks count, its bank is told to send the rest again.

    Left before: nothing changes. Refuses NotParked and ReasonNeeded.
    """
    require_post(actor, MONEY_ROLES)
    bank_file = BankFile.objects.select_for_update(of=("self",)).get(pk=file_id)
    if bank_file.state != JobState.PARKED.value:
        raise NotParked(number=bank_file.receipt_number)
    if is_left(bank_file):
        return bank_file
    said = _said(reason)
    told = fault(LEFT, n1=bank_file.lines_done, n2=bank_file.lines_total)
    bank_file.faults = [*bank_file.faults, {"code": told.code, "facts": dict(told.facts)}]
    bank_file.save(update_fields=["faults"])
    audit.record(
        actor=actor, action="payments.bank_file_left", subject=bank_file, reason=said,
        lines_done=bank_file.lines_done,
    )  # fmt: skip
    return bank_file


def is_left(bank_file: BankFile) -> bool:
    """Whether staff decided to read no further."""
    return any(one["code"] == LEFT for one in bank_file.faults)


@transaction.atomic
def resume_run(*, actor: User, run_id: int, reason: str) -> DebitRun:
    """Have a parked run written, with three attempts again: whole, or not at all once its day has come.

    One that is not parked stays as it is. Refuses ReasonNeeded.
    """
    require_post(actor, MONEY_ROLES)
    run = DebitRun.objects.select_for_update(of=("self",)).get(pk=run_id)
    if run.state != JobState.PARKED.value:
        return run
    said = _said(reason)
    jobs.give_back(run)
    audit.record(
        actor=actor, action="payments.debit_run_resumed", subject=run, message_id=run.message_id,
        reason=said,
    )  # fmt: skip
    return run


def _said(reason: str) -> str:
    if not reason.strip():
        raise ReasonNeeded
    return reason.strip()[:500]
