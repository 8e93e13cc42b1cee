"""Receiving a declaration file, and checking it: the row is the job."""

import datetime
import io
from collections.abc import Iterable, Iterator

from django.db import transaction

from affiliates.models import Affiliate
from declarations import queries
from declarations.codecs import prefill as prefill_codec
from declarations.codecs.prefill import PrefillFile
from declarations.enums import (
    DeclarationKind,
    DeclarationStatus,
    FileVerdict,
    FilingMode,
)
from declarations.errors import TooWideForPrefill
from declarations.models import Declaration, ReceivedFile
from declarations.rules import Examination, Expected, Summary
from declarations.transitions import Act, after
from declarations.workflows.prefills import issue_prefill
from declarations.workflows.rows import LineBuffer, load_findings
from portal import audit, clock, jobs
from portal.enums import JobState
from portal.failpoints import failpoint
from portal.models import StoredFile, User
from portal.storage import open_stored, store
from regulation.money import from_cents
from regulation.periods import Period

#: The longest legal file has 38,468 records of 262 bytes, 10.1 MB; accents and blanks may add to it.
LIMIT = 16 * 1_048_576
#: A check that has run longer than this lost its worker: it may be taken again.
LEASE = datetime.timedelta(seconds=120)
#: How many lines between two written progresses: about ten a second.
PROGRESS_EVERY = 8_000


@transaction.atomic
def receive_file(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    period: Period,
    name: str,
    chunks: Iterable[bytes],
) -> tuple[ReceivedFile, bool]:
    """Keep the bytes of a declaration file, to be checked by the task; says whether a check is due.

    The same bytes for the same month are one row: while its draft or its declaration is alive nothing more
    happens, otherwise it is checked again, under the name it now carries. Refuses a month that is not open
    (PeriodNotOpen) and a file that is too large (FileTooLargeError). Nothing is read in the bytes here but
    the number of lines.
    """
    queries.check_open(affiliate, period, clock.day_of(at))
    counted = _LineCount(chunks)
    kept = transaction.savepoint()
    stored = store(counted, name=name, limit=LIMIT, stored_by=actor)
    Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    known = ReceivedFile.objects.filter(
        affiliate=affiliate, period=period.first_day, sha256=stored.sha256
    ).first()
    if known is not None:
        # The second copy of the bytes is not needed. Locks taken since the savepoint go with it.
        transaction.savepoint_rollback(kept)
        return _check_again(known.pk, actor=actor, at=at, name=name)
    transaction.savepoint_commit(kept)
    file = ReceivedFile.objects.create(
        affiliate=affiliate,
        period=period.first_day,
        stored=stored,
        sha256=stored.sha256,
        received_at=at,
        received_by=actor,
        lines_total=counted.lines,
    )
    _record("declarations.file.received", file, actor, name=stored.name, size=stored.size)
    return file, True


def _check_again(
    file_id: int, *, actor: User, at: datetime.datetime, name: str
) -> tuple[ReceivedFile, bool]:
    file = (
        ReceivedFile.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .get(pk=file_id)
    )
    if file.state in (JobState.WAITING, JobState.RUNNING):
        return file, file.state == JobState.WAITING
    if Declaration.objects.filter(received_file=file, status__in=queries.LIVE).exists():
        return file, False
    StoredFile.objects.filter(pk=file.stored_id).update(name=name[:255])
    file.state, file.verdict = JobState.WAITING.value, FileVerdict.PENDING.value
    file.attempts, file.lines_done, file.started_at = 0, 0, None
    file.received_at, file.received_by = at, actor
    file.save()
    _record("declarations.file.received_again", file, actor, name=name[:255])
    return file, True


class _LineCount:
    """Passes chunks on and counts their line feeds, so that progress has a true total."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.lines = 0

    def __iter__(self) -> Iterator[bytes]:
        last = b"\n"
        for chunk in self._chunks:
            self.lines += chunk.count(b"\n")
            last = chunk[-1:] or last
            yield chunk
        self.lines += last != b"\n"


def check_file(*, file_id: int, at: datetime.datetime) -> ReceivedFile:
    """Check a received file: findings, verdict and, when it is accepted, its draft.

    Safe to run twice, at once or after a crash: each run claims the row with its attempt number, counted and
    committed before the work, and only the last claim may write the outcome. After three attempts the row is
    parked, for staff to see.
    """
    row = ReceivedFile.objects.filter(pk=file_id).select_related("affiliate", "stored")
    taken = jobs.claim(row, at=at, lease=LEASE, on_park=_note_parked)
    failpoint("check_file.claimed")
    if not taken:
        return ReceivedFile.objects.get(pk=file_id)
    claimed = taken[0]
    lines = LineBuffer()
    examination = Examination(_expected(claimed, at))
    for done, line in enumerate(examination.run(open_stored(claimed.stored)), 1):
        lines.add(line)
        if done % PROGRESS_EVERY == 0:
            jobs.tell_progress(claimed, done)
    failpoint("check_file.checked")
    file = _conclude(claimed, examination, lines, at)
    failpoint("check_file.committed")
    return file


def _note_parked(file: ReceivedFile) -> None:
    _record("declarations.file.parked", file, None, attempts=file.attempts)


def due_files(*, at: datetime.datetime) -> list[int]:
    """The files whose check is due: never started, or left by a lost worker."""
    rows = jobs.due(ReceivedFile.objects.order_by("pk"), at=at, lease=LEASE)
    return list(rows.values_list("pk", flat=True))


def _expected(file: ReceivedFile, at: datetime.datetime) -> Expected:
    """What the fund knows of the month that the file answers; a month without a prefill gets it now."""
    period = Period.from_day(file.period)
    return queries.expected_of(
        file.affiliate,
        period,
        prefill=_prefill(file.affiliate, period, at),
        file_name=file.stored.name,
    )


def _prefill(affiliate: Affiliate, period: Period, at: datetime.datetime) -> PrefillFile | None:
    """The prefill of the month as a file says it; None when the register does not fit the format."""
    known = queries.issued_prefill(affiliate, period)
    if known is not None:
        return known
    try:
        row = issue_prefill(actor=None, at=at, affiliate=affiliate, period=period)
    except TooWideForPrefill:
        return None
    return prefill_codec.read(io.BytesIO(bytes(row.content)))


@transaction.atomic
def _conclude(
    claimed: ReceivedFile, examination: Examination, lines: LineBuffer, at: datetime.datetime
) -> ReceivedFile:
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=claimed.affiliate_id)
    file = ReceivedFile.objects.select_for_update(of=("self",)).get(pk=claimed.pk)
    file.affiliate = affiliate
    if not jobs.owns(file, claimed):
        return file  # another run took over: its outcome stands
    verdict, summary = examination.verdict, examination.summary
    if verdict is FileVerdict.ACCEPTED and not _place_is_free(file, summary):
        # A declaration was submitted while this one was being read: check again, against the new state.
        file.state, file.attempts = JobState.WAITING.value, file.attempts - 1
        file.save(update_fields=["state", "attempts"])
        return file
    load_findings(file, examination.findings)
    if verdict is FileVerdict.ACCEPTED:
        _draft(file, affiliate, summary, lines, at)
    file.state, file.verdict = JobState.DONE.value, verdict.value
    file.finding_count, file.checked_at = len(examination.findings), at
    file.lines_done = file.lines_total
    file.save(update_fields=["state", "verdict", "finding_count", "checked_at", "lines_done"])
    _record(
        "declarations.file.checked",
        file,
        None,
        verdict=verdict.value,
        findings=len(examination.findings),
    )
    failpoint("check_file.before_commit")
    return file


def _place_is_free(file: ReceivedFile, summary: Summary) -> bool:
    return not Declaration.objects.filter(
        affiliate=file.affiliate_id,
        period=file.period,
        kind=summary.kind,
        supplement_number=summary.supplement_number,
        status=DeclarationStatus.SUBMITTED.value,
    ).exists()


def _draft(
    file: ReceivedFile,
    affiliate: Affiliate,
    summary: Summary,
    lines: LineBuffer,
    at: datetime.datetime,
) -> None:
    """Make the draft of an accepted file; the draft it takes the place of is replaced."""
    kind = summary.kind or DeclarationKind.MAIN
    earlier = Declaration.objects.select_for_update(of=("self",)).filter(
        affiliate=affiliate,
        period=file.period,
        kind=kind.value,
        supplement_number=summary.supplement_number,
        status=DeclarationStatus.DRAFT.value,
    )
    for draft in earlier.exclude(received_file=file):
        draft.status = after(DeclarationStatus(draft.status), Act.REPLACE).value
        draft.save(update_fields=["status"])
    mine = Declaration.objects.select_for_update(of=("self",)).filter(received_file=file).first()
    if mine is None:
        mine = Declaration(
            affiliate=affiliate, period=file.period, received_file=file, created_at=at
        )
    else:
        mine.status = after(DeclarationStatus(mine.status), Act.RESTORE).value
        mine.version += 1
    mine.kind, mine.supplement_number = kind.value, summary.supplement_number
    mine.mode = FilingMode.FILE.value
    mine.employee_count = summary.employees
    mine.days_declared = summary.days_declared
    mine.wage_bill = from_cents(summary.wage_bill)
    mine.capped_wage_bill = from_cents(summary.capped_wage_bill)
    mine.save()
    lines.load(mine)


def _record(action: str, file: ReceivedFile, actor: User | None, **facts: object) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=file,
        affiliation_number=file.affiliate.affiliation_number,
        period=f"{file.period:%Y-%m}",
        **facts,
    )
