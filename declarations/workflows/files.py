"""Receiving a declaration file: its bytes are kept, and its row waits to be checked."""

import datetime
from collections.abc import Iterable, Iterator

from django.db import transaction

from affiliates.models import Affiliate
from declarations import queries, versions
from declarations.codecs.sheets import SHEET_OPENING, is_sheet
from declarations.enums import FileKind, FileVerdict
from declarations.models import Declaration, ReceivedFile
from declarations.workflows.drafts import check_stands
from portal import audit, clock
from portal.enums import JobState
from portal.models import StoredFile, User
from portal.storage import store
from regulation.periods import Period

#: The longest legal file has 38,468 records of 262 bytes, 10.1 MB; accents and blanks may add to it.
LIMIT = 16 * 1_048_576


@transaction.atomic
def receive_file(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    period: Period,
    name: str,
    chunks: Iterable[bytes],
    corrects: Declaration | None = None,
) -> tuple[ReceivedFile, bool]:
    """Keep the bytes of a declaration file, to be checked by the task; says whether a check is due.

    The same bytes for the same month are one row: while its draft or its declaration is alive nothing more
    happens, otherwise it is checked again, under the name it now carries. `corrects` is the submitted
    declaration that the file is sent to correct. Refuses a month that is not open (PeriodNotOpen) or not to be
    corrected (versions.check_correctable), what does not stand any more (CorrectedMeanwhile), and a file that
    is too large (FileTooLargeError). Nothing is read in the bytes here but the number of lines and, at their
    start, whether they are a spreadsheet.
    """
    queries.check_open(affiliate, period, clock.day_of(at))
    if corrects is not None:
        check_stands(corrects)
        versions.check_correctable(corrects, clock.day_of(at))
    counted = _LineCount(chunks)
    kept = transaction.savepoint()
    stored = store(counted, name=name, limit=LIMIT, stored_by=actor)
    Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    known = ReceivedFile.objects.filter(
        affiliate=affiliate, period=period.first_day, sha256=stored.sha256, corrects=corrects
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
        kind=(FileKind.SHEET if counted.is_sheet else FileKind.E_BDS).value,
        lines_total=0 if counted.is_sheet else counted.lines,
        corrects=corrects,
    )
    record("declarations.file.received", file, actor, name=stored.name, size=stored.size)
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
    record("declarations.file.received_again", file, actor, name=name[:255])
    return file, True


class _LineCount:
    """Passes chunks on, counts their line feeds, so that progress has a true total, and keeps their start."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.lines = 0
        self._opening = b""

    @property
    def is_sheet(self) -> bool:
        """Whether the bytes that went by are those of a spreadsheet of a month."""
        return is_sheet(self._opening)

    def __iter__(self) -> Iterator[bytes]:
        last = b"\n"
        for chunk in self._chunks:
            if len(self._opening) < SHEET_OPENING:
                self._opening += bytes(chunk[:SHEET_OPENING])
            self.lines += chunk.count(b"\n")
            last = chunk[-1:] or last
            yield chunk
        self.lines += last != b"\n"


def record(action: str, file: ReceivedFile, actor: User | None, **facts: object) -> None:
    """Trace an act on a received file."""
    audit.record(
        actor=actor,
        action=action,
        subject=file,
        affiliation_number=file.affiliate.affiliation_number,
        period=f"{file.period:%Y-%m}",
        **facts,
    )
