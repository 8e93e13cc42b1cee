"""Checking received files: each row is a job, and the small ones that wait are checked together.

A crowd at the due day is served by the hundred, in a constant number of statements; every file keeps its own
verdict, findings, draft and trace.
"""

import datetime
import io
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from django.db import transaction

from affiliates.access import taken_back
from affiliates.enums import Scope
from affiliates.models import Affiliate
from declarations import crowds, queries
from declarations.codecs import prefill as prefill_codec
from declarations.codecs.prefill import PrefillFile
from declarations.enums import DeclarationKind, DeclarationStatus, FileKind, FileVerdict, FilingMode
from declarations.errors import TooWideForPrefill
from declarations.models import Declaration, ReceivedFile
from declarations.rules import Examination, Expected
from declarations.rules.sheet import SheetJudgement
from declarations.transitions import Act, after
from declarations.workflows.files import record
from declarations.workflows.prefills import issue_prefill
from declarations.workflows.rows import LineBuffer, load_findings, load_lines
from declarations.workflows.sheets import examine_sheet
from portal import audit, jobs
from portal.bulk import insert_rows, update_rows
from portal.clock import day_of
from portal.enums import JobState
from portal.failpoints import failpoint
from portal.storage import open_all
from regulation.money import from_cents
from regulation.periods import Period

#: A check that has run longer than this lost its worker: it may be taken again.
#: How many lines between two written progresses: about ten a second.
PROGRESS_EVERY = 8_000


@dataclass(slots=True)
class _Check:
    """One file in hand: what was found in it, and the lines it declares."""

    file: ReceivedFile
    examination: Examination | SheetJudgement
    lines: LineBuffer = field(default_factory=LineBuffer)

    @property
    def place(self) -> tuple[int, datetime.date, str, int]:
        """What the declaration of the file would be: affiliate, month, kind, supplement number."""
        summary = self.examination.summary
        kind = summary.kind or DeclarationKind.MAIN
        return self.file.affiliate_id, self.file.period, kind.value, summary.supplement_number


def check_file(*, file_id: int, at: datetime.datetime) -> ReceivedFile:
    """Check a received file: findings, verdict and, when it is accepted, its draft. See `check_files`."""
    check_files(file_ids=[file_id], at=at)
    return ReceivedFile.objects.get(pk=file_id)


def check_files(*, file_ids: Collection[int], at: datetime.datetime) -> None:
    """Check those of these files that are due, together.

    A file whose sender lost the right to declare since is dropped: nothing found in it is kept, no draft is made.
    Safe to run twice, at once or after a crash: each run claims the rows with their attempt number, counted and
    committed before the work, and only the last claim may write the outcome. After three attempts a row is
    parked, for staff to see.
    """
    rows = ReceivedFile.objects.filter(pk__in=file_ids).select_related(
        "affiliate", "stored", "corrects"
    )
    claimed = jobs.claim(rows, at=at, on_park=_note_parked)
    failpoint("check_file.claimed")
    for files in _one_of_a_month(claimed):
        expected = _expected(files, at)
        streams = open_all([file.stored for file in files])
        checks = [_examined(file, expected[file.pk], streams.pop(file.stored_id)) for file in files]
        failpoint("check_file.checked")
        _conclude(checks, at)
        failpoint("check_file.committed")


def _one_of_a_month(files: Sequence[ReceivedFile]) -> list[list[ReceivedFile]]:
    """The files in rounds, oldest first: of one month of one employer, the newer takes the place of the older."""
    rounds: list[list[ReceivedFile]] = []
    seen: Counter[tuple[int, datetime.date]] = Counter()
    for file in files:
        month = (file.affiliate_id, file.period)
        if seen[month] == len(rounds):
            rounds.append([])
        rounds[seen[month]].append(file)
        seen[month] += 1
    return rounds


def due_files(*, at: datetime.datetime) -> list[int]:
    """The files whose check is due: never started, or left by a lost worker."""
    rows = jobs.due(ReceivedFile.objects.order_by("pk"), at=at)
    return list(rows.values_list("pk", flat=True))


def _note_parked(file: ReceivedFile) -> None:
    record("declarations.file.parked", file, None, attempts=file.attempts)


def _expected(files: Sequence[ReceivedFile], at: datetime.datetime) -> dict[int, Expected]:
    """What the fund knows of the month that each file answers; a month without a prefill gets it now."""
    issued = crowds.prefills([(file.affiliate_id, file.period) for file in files])
    filed = crowds.months_filed([(file.affiliate_id, file.period) for file in files])
    found = {}
    for file in files:
        month = (file.affiliate_id, file.period)
        period = Period.from_day(file.period)
        stream = issued.pop(month, None)
        prefill = (
            _issued_now(file.affiliate, period, at)
            if stream is None
            else prefill_codec.read(stream)
        )
        found[file.pk] = queries.expected_of(
            file.affiliate,
            period,
            prefill=prefill,
            file_name=file.stored.name,
            nothing_filed=month not in filed,
            corrects=file.corrects,
        )
    return found


def _issued_now(affiliate: Affiliate, period: Period, at: datetime.datetime) -> PrefillFile | None:
    """The prefill of a month that had none; None when the register does not fit the format."""
    try:
        row = issue_prefill(actor=None, at=at, affiliate=affiliate, period=period)
    except TooWideForPrefill:
        return None
    return prefill_codec.read(io.BytesIO(bytes(row.content)))


def _examined(file: ReceivedFile, expected: Expected, stream: BinaryIO) -> _Check:
    if file.kind == FileKind.SHEET and expected.prefill is not None:
        lines = LineBuffer()
        return _Check(file, examine_sheet(stream, expected, take=lines.add), lines)
    examination = Examination(expected)
    check = _Check(file, examination)
    for done, line in enumerate(examination.run(stream), 1):
        check.lines.add(line)
        if done % PROGRESS_EVERY == 0:
            jobs.tell_progress(file, done)
    return check


@transaction.atomic
def _conclude(checks: Sequence[_Check], at: datetime.datetime) -> None:
    mine = _still_allowed(_locked(checks), at)
    accepted = [one for one in mine if one.examination.verdict is FileVerdict.ACCEPTED]
    taken = _places(accepted, DeclarationStatus.SUBMITTED)
    # A declaration was submitted while these were being read: check them again, against the new state.
    # What a correction is to take the place of stands there: its submission looks whether it still does.
    again = [one for one in accepted if one.place in taken and one.file.corrects_id is None]
    for one in again:
        one.file.state, one.file.attempts = JobState.WAITING.value, one.file.attempts - 1
    update_rows([one.file for one in again], ["state", "attempts"])
    done = [one for one in mine if one not in again]
    load_findings((one.file, one.examination.findings) for one in done)
    _draft([one for one in accepted if one not in again], at)
    for one in done:
        file, examination = one.file, one.examination
        file.state, file.verdict = JobState.DONE.value, examination.verdict.value
        file.finding_count, file.checked_at = len(examination.findings), at
        file.lines_done = file.lines_total
    update_rows(
        [one.file for one in done],
        ["state", "verdict", "finding_count", "checked_at", "lines_done"],
    )
    audit.record_all(
        actor=None,
        action="declarations.file.checked",
        acts=[
            audit.Act(
                one.file,
                one.file.affiliate.affiliation_number,
                {
                    "period": f"{one.file.period:%Y-%m}",
                    "verdict": one.file.verdict,
                    "findings": one.file.finding_count,
                },
            )
            for one in done
        ],
    )
    failpoint("check_file.before_commit")


def _locked(checks: Sequence[_Check]) -> list[_Check]:
    """The checks whose file is still ours, their rows locked; what another run took over is its own."""
    affiliates = Affiliate.objects.filter(pk__in={one.file.affiliate_id for one in checks})
    held = {row.pk: row for row in affiliates.order_by("pk").select_for_update(of=("self",))}
    files = ReceivedFile.objects.filter(pk__in=[one.file.pk for one in checks])
    sent = files.select_related("received_by").order_by("pk")
    rows = {row.pk: row for row in sent.select_for_update(of=("self",))}
    mine = []
    for one in checks:
        row = rows[one.file.pk]
        if jobs.owns(row, one.file):
            row.affiliate = held[row.affiliate_id]
            one.file = row
            mine.append(one)
    return mine


def _still_allowed(checks: Sequence[_Check], at: datetime.datetime) -> list[_Check]:
    """The checks whose sender may still declare; the others are dropped. Rights change under the same lock."""
    pairs = [(one.file.received_by, one.file.affiliate) for one in checks]
    lost = taken_back(Scope.DECLARE, pairs, on=day_of(at)) if pairs else set()
    kept: list[_Check] = []
    dropped: list[_Check] = []
    for one in checks:
        gone = (one.file.received_by_id, one.file.affiliate_id) in lost
        (dropped if gone else kept).append(one)
    for one in dropped:
        one.file.state, one.file.verdict = JobState.DONE.value, FileVerdict.DROPPED.value
        one.file.finding_count, one.file.checked_at = 0, at
    update_rows([one.file for one in dropped], ["state", "verdict", "finding_count", "checked_at"])
    audit.record_all(
        actor=None,
        action="declarations.file.dropped",
        acts=[
            audit.Act(
                one.file,
                one.file.affiliate.affiliation_number,
                {"period": f"{one.file.period:%Y-%m}", "person": one.file.received_by.full_name},
            )
            for one in dropped
        ],
    )
    return kept


def _places(
    checks: Sequence[_Check], status: DeclarationStatus
) -> dict[tuple[int, datetime.date, str, int], Declaration]:
    """The declarations of this status that stand where those of the checks would, locked."""
    wanted = {one.place for one in checks}
    rows = Declaration.objects.filter(
        affiliate__in={place[0] for place in wanted},
        period__in={place[1] for place in wanted},
        status=status.value,
    )
    found = {
        (row.affiliate_id, row.period, row.kind, row.supplement_number): row
        for row in rows.order_by("pk").select_for_update(of=("self",))
    }
    return {place: row for place, row in found.items() if place in wanted}


def _draft(checks: Sequence[_Check], at: datetime.datetime) -> None:
    """Make the drafts of accepted files; a draft whose place one takes is replaced."""
    replaced = []
    own = {one.file.pk for one in checks}
    for draft in _places(checks, DeclarationStatus.DRAFT).values():
        if draft.received_file_id not in own:
            draft.status = after(DeclarationStatus(draft.status), Act.REPLACE).value
            replaced.append(draft)
    update_rows(replaced, ["status"])
    known = Declaration.objects.filter(received_file__in=own).order_by("pk")
    mine = {row.received_file_id: row for row in known.select_for_update(of=("self",))}
    new = []
    for one in checks:
        own_draft = mine.get(one.file.pk)
        if own_draft is None:
            new.append(_fill(Declaration(received_file=one.file, created_at=at), one))
            continue
        own_draft.status = after(DeclarationStatus(own_draft.status), Act.RESTORE).value
        own_draft.version += 1
        _fill(own_draft, one).save()
    insert_rows(new)
    mine |= {row.received_file_id: row for row in new}
    load_lines((mine[one.file.pk], one.lines) for one in checks)


def _fill(draft: Declaration, check: _Check) -> Declaration:
    summary = check.examination.summary
    draft.affiliate, draft.period = check.file.affiliate, check.file.period
    draft.corrects_id = check.file.corrects_id
    draft.kind = (summary.kind or DeclarationKind.MAIN).value
    draft.supplement_number = summary.supplement_number
    is_sheet = check.file.kind == FileKind.SHEET
    draft.mode = (FilingMode.SHEET if is_sheet else FilingMode.FILE).value
    draft.employee_count = summary.employees
    draft.days_declared = summary.days_declared
    draft.wage_bill = from_cents(summary.wage_bill)
    draft.capped_wage_bill = from_cents(summary.capped_wage_bill)
    return draft
