"""The reading of one file by a worker: inspect, accept or refuse, then write and settle its lines chunk by chunk.

Each chunk is one transaction that also says how far the file has come: a worker that takes it up after a crash reads
the kept bytes again and goes on after the last line written. Reversals come last: they may undo lines of any file.
"""

from __future__ import annotations

import gc
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime
from itertools import islice
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Concat

from payments.codecs import reading
from payments.codecs.faults import FormatError
from payments.codecs.kinds import FileFormat
from payments.codecs.records import ReadingProfile
from payments.enums import BankFileVerdict, LineKind, LineVerdict
from payments.matching import alone_in_entry
from payments.models import Bank, BankAccount, BankFile, BankLine
from payments.workflows.allocations import settle, settle_reversals
from payments.workflows.bank_files import answers, verdicts
from payments.workflows.profiles import profile_for
from payments.workflows.staging import Ready, Staging
from portal import audit, clock, jobs
from portal.enums import JobState
from portal.failpoints import failpoint
from portal.storage import open_stored

CHUNK: Final = 4_000
"""Lines written and settled in one transaction: some tenths of a second, during which their dues are locked."""

RETURNS: Final = 500
"""Returns settled in one transaction: fewer, since the credits they undo and all that these paid are locked too."""

TURN: Final = 300
"""Seconds of reversals in one turn, well under the limit of a task: a file of returns may take several."""

_LIKE_AN_ORDER: Final = r"^\s*T[-0-9 .]{11,}\s*$"


def due_files(*, at: datetime) -> list[int]:
    """Files whose reading is due: never started, or left by a lost worker."""
    rows = jobs.due(BankFile.objects.order_by("pk"), at=at)
    return list(rows.values_list("pk", flat=True))


def import_file(*, bank_file_id: int, at: datetime) -> None:
    """Read, match and settle one file. Safe to run twice, at the same time, or to stop at any line.

    After three attempts that did not finish, the file is parked for staff and the others go on.
    """
    row = BankFile.objects.filter(pk=bank_file_id).select_related("bank", "stored", "profile")
    taken = jobs.claim(row, at=at, on_park=_note_parked)
    if not taken:
        return
    failpoint("bank-file-claimed")
    with _few_collections():
        _import(taken[0], at)


def _import(bank_file: BankFile, at: datetime) -> None:
    today = clock.day_of(at)
    if bank_file.profile is None:
        bank_file.profile = profile_for(bank_file.bank, today)
    try:
        with _opened(bank_file, today) as opened:
            if bank_file.verdict == BankFileVerdict.PENDING.value:
                _judge(bank_file, opened, today)
            failpoint("bank-file-judged")
            bank_file.refresh_from_db()
            if bank_file.verdict == BankFileVerdict.ACCEPTED.value:
                _write_lines(bank_file, opened)
            elif bank_file.verdict == BankFileVerdict.INFORMATION.value:
                answers.apply_answers(bank_file, opened.stream, at)
    except FormatError as error:
        verdicts.refuse(bank_file, [error.fault], 0)
    failpoint("bank-file-written")
    whole = bank_file.verdict != BankFileVerdict.ACCEPTED.value or _settle_reversals(bank_file)
    failpoint("bank-file-settled")
    _finish(bank_file, at) if whole else _hand_over(bank_file)


@contextmanager
def _few_collections() -> Iterator[None]:
    """A chunk makes many objects and no cycle: looking for cycles all the time took a quarter of an import."""
    usual = gc.get_threshold()
    gc.set_threshold(200_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _note_parked(bank_file: BankFile) -> None:
    audit.record(actor=None, action="payments.bank_file_parked", subject=bank_file)


@contextmanager
def _opened(bank_file: BankFile, today: date) -> Iterator[reading.Opened]:
    """The kept bytes in a temporary file, recognised and read as the profile of the bank says."""
    profile = bank_file.profile.reading if bank_file.profile else ReadingProfile()
    with tempfile.TemporaryFile() as stream:
        with open_stored(bank_file.stored) as stored:
            shutil.copyfileobj(stored, stream, 1 << 20)
        with reading.open_file(stream, profile, near=today) as opened:
            yield opened


def _judge(bank_file: BankFile, opened: reading.Opened, today: date) -> None:
    """First pass: the file is accepted or refused as a whole, and nothing else is written."""
    summary = reading.inspect(opened)
    if not summary.faults.refuses:
        verdicts.check_truth(bank_file, summary, set(_accounts(bank_file)), today)
        if opened.format is FileFormat.PAIN_002:
            answers.check_run(bank_file, opened.stream, summary.faults)
    if summary.faults.refuses:
        verdicts.refuse_for(bank_file, summary)
    else:
        verdicts.accept(bank_file, summary, today)


def _accounts(bank_file: BankFile) -> dict[str, BankAccount]:
    return {account.rib: account for account in BankAccount.objects.filter(bank=bank_file.bank_id)}


# ------------------------------------------------------------------ the lines


def _write_lines(bank_file: BankFile, opened: reading.Opened) -> None:
    """Second pass: the lines, a chunk a transaction, from where an earlier attempt stopped."""
    if bank_file.lines_done and bank_file.lines_done == bank_file.lines_total:
        return
    staging = Staging(bank_file, _accounts(bank_file), opened.profile)
    lines = reading.lines(opened)
    done = bank_file.lines_done
    while done and (passed := list(islice(lines, min(done, CHUNK)))):
        staging.pass_over(passed)
        done -= len(passed)
    with ThreadPoolExecutor(1) as ahead:

        def prepared() -> Future[list[Ready]]:
            return ahead.submit(lambda: staging.prepare(list(islice(lines, CHUNK))))

        # A chunk is read while the one before is written: the database does the most of that, and here one waits.
        coming = prepared()
        while chunk := coming.result():
            coming = prepared()
            if not _write_chunk(bank_file, staging, chunk):
                return
            failpoint("bank-file-half-settled")


@transaction.atomic
def _write_chunk(bank_file: BankFile, staging: Staging, chunk: list[Ready]) -> bool:
    """Write and settle these lines; False when another worker has taken the file over.

    Locks: bank (so that two files of one bank do not both take an operation for new), file, dues, lines.
    """
    Bank.objects.select_for_update(of=("self",)).get(pk=bank_file.bank_id)
    locked = BankFile.objects.select_for_update(of=("self",)).get(pk=bank_file.pk)
    # A turn starts the count of attempts again: how far the file has come says whose turn it is as well.
    if not jobs.owns(locked, bank_file) or locked.lines_done != bank_file.lines_done:
        return False
    rows = staging.rows(chunk)
    settle(
        actor=None,
        lines=[row for row in rows if not row.verdict and not _undoes(row)],
        # A line that was set apart meanwhile has one more note: it is read again.
        read={one.row.pk: one.read for one in chunk if len(one.read[0].notes) == _notes(one.row)},
    )
    failpoint("bank-file-matched")
    staging.write(rows)
    failpoint("bank-file-half-staged")
    locked.lines_done += len(chunk)
    locked.started_at = clock.now()
    locked.save(update_fields=["lines_done", "started_at"])
    bank_file.lines_done = locked.lines_done
    return True


def _notes(row: BankLine) -> int:
    return len(row.details.get("notes", ()))


def _undoes(row: BankLine) -> bool:
    return row.is_reversal and row.kind == LineKind.DEBIT.value


def _settle_reversals(bank_file: BankFile) -> bool:
    """Settle the reversals that are new, and those that found nothing before and may find it now.

    False when time ran out first: what is done is done, the rest is for the next turn.
    """
    end = time.monotonic() + TURN
    rows = BankLine.objects.filter(
        account__bank=bank_file.bank, kind=LineKind.DEBIT.value, is_reversal=True
    )
    due = rows.filter(Q(verdict="") | _may_find_now()).order_by("pk").values_list("pk", flat=True)
    waiting = iter(list(due))
    while keys := list(islice(waiting, RETURNS)):
        if time.monotonic() > end:
            return False
        settle_reversals(actor=None, line_ids=keys)
        jobs.renew(bank_file)
        failpoint("bank-file-half-reversed")
    return True


def _may_find_now() -> Q:
    """Waiting reversals (L19) that cite some answered credit of their account, or look like an order's."""
    received = BankLine.objects.filter(
        account=OuterRef("account"), kind=LineKind.CREDIT.value, repeats__isnull=True
    ).exclude(verdict="")
    whole, cited = received.filter(details__whole=True), OuterRef("original_bank_ref")
    alone = Concat(cited, Value(alone_in_entry("")))
    return Q(verdict=LineVerdict.WAITING.value, verdict_code="L19") & (
        ~Q(original_bank_ref="")
        & (Q(Exists(received.filter(bank_ref=cited))) | Q(Exists(whole.filter(bank_ref=alone))))
        | ~Q(end_to_end="") & Q(Exists(received.filter(end_to_end=OuterRef("end_to_end"))))
        | Q(end_to_end__iregex=_LIKE_AN_ORDER)
        | ~Q(batch="")
        & Q(Exists(received.filter(batch=OuterRef("batch"), amount=OuterRef("amount"))))
    )


@transaction.atomic
def _hand_over(claimed: BankFile) -> None:
    """Leave the rest of a long file to the next sweep: it advances, so no attempt is counted against it."""
    bank_file = BankFile.objects.select_for_update(of=("self",)).get(pk=claimed.pk)
    if jobs.owns(bank_file, claimed):
        bank_file.state, bank_file.attempts = JobState.WAITING.value, 0
        bank_file.started_at = None
        bank_file.save(update_fields=["state", "attempts", "started_at"])


@transaction.atomic
def _finish(claimed: BankFile, at: datetime) -> None:
    bank_file = BankFile.objects.select_for_update(of=("self",)).get(pk=claimed.pk)
    if not jobs.owns(bank_file, claimed):
        return
    bank_file.state = JobState.DONE.value
    bank_file.finished_at = at
    bank_file.save(update_fields=["state", "finished_at"])
