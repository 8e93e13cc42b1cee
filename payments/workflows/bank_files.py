"""A bank file from its bytes to its last verdict: receive, read, stage, match, settle, answer.

The row of the file is the job: it may be taken up again at any line. Bytes are kept before any parsing; a fault of
the whole file moves nothing; accepted lines are staged in one transaction, then settled in chunks, each line once.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import IO, Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from payments.codecs import reading
from payments.codecs.faults import Fault, Faults, FormatError, fault, quoted
from payments.codecs.kinds import FileFormat
from payments.codecs.records import CanonicalLine, MessageSummary, ReadingProfile
from payments.enums import BankFileVerdict, LineKind, LineVerdict
from payments.models import Bank, BankAccount, BankFile, BankLine
from payments.workflows.allocations import settle, settle_reversal
from payments.workflows.staging import Staging
from portal import audit, clock, jobs
from portal.enums import JobState
from portal.failpoints import failpoint
from portal.models import User
from portal.storage import open_stored, store

CHUNK: Final = 500
LEASE: Final = timedelta(minutes=11)
"""A little longer than a task may last: a file that runs longer lost its worker and may be taken again."""


@dataclass(frozen=True, slots=True)
class Received:
    """The file, and whether these bytes were here before."""

    bank_file: BankFile
    again: bool


def receive(*, actor: User, bank: Bank, upload: UploadedFile[Any], at: datetime) -> Received:
    """Keep the bytes a bank sends, give a receipt number, and leave the reading to the worker.

    The same bytes again give the first receipt and change nothing. Refuses FileTooLargeError.
    """
    digest = hashlib.sha256()
    for piece in upload.chunks():
        digest.update(piece)
    sha256 = digest.hexdigest()
    known = BankFile.objects.filter(bank=bank, sha256=sha256).first()
    if known is not None:
        return Received(known, True)
    try:
        with transaction.atomic():
            stored = store(
                upload.chunks(), name=upload.name or "fichier", limit=reading.LIMIT, stored_by=actor
            )
            bank_file = BankFile.objects.create(
                bank=bank,
                stored=stored,
                sha256=sha256,
                receipt_number=_receipt_number(clock.day_of(at)),
                received_at=at,
                received_by=actor,
            )
            audit.record(
                actor=actor,
                action="payments.bank_file_received",
                subject=bank_file,
                bank=bank.code,
                receipt=bank_file.receipt_number,
                size=stored.size,
                sha256=sha256,
            )
    except IntegrityError:
        # A twin upload of the same bytes committed first: its receipt is the answer.
        return Received(BankFile.objects.get(bank=bank, sha256=sha256), True)
    return Received(bank_file, False)


def _receipt_number(day: date) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('payments_receipt_number')")
        number = cursor.fetchone()[0]
    return f"RB{day.year % 100:02}-{number:07}"


def due_files(*, at: datetime) -> list[int]:
    """Files whose reading is due: never started, or left by a lost worker."""
    rows = jobs.due(BankFile.objects.order_by("pk"), at=at, lease=LEASE)
    return list(rows.values_list("pk", flat=True))


def import_file(*, bank_file_id: int, at: datetime) -> None:
    """Read, stage, match and settle one file. Safe to run twice, at the same time, or to stop at any line.

    After three attempts that did not finish, the file is parked for staff and the others go on.
    """
    row = BankFile.objects.filter(pk=bank_file_id).select_related("bank", "stored")
    taken = jobs.claim(row, at=at, lease=LEASE, on_park=_note_parked)
    if not taken:
        return
    failpoint("bank-file-claimed")
    bank_file = taken[0]
    if bank_file.verdict == BankFileVerdict.PENDING.value:
        with tempfile.TemporaryFile() as stream:
            with open_stored(bank_file.stored) as stored:
                shutil.copyfileobj(stored, stream, 1 << 20)
            _read_and_stage(bank_file, stream, clock.day_of(at))
    failpoint("bank-file-staged")
    bank_file.refresh_from_db()
    if bank_file.verdict != BankFileVerdict.REFUSED.value:
        _settle_all(bank_file)
    failpoint("bank-file-settled")
    _finish(bank_file_id, at)


def _note_parked(bank_file: BankFile) -> None:
    audit.record(actor=None, action="payments.bank_file_parked", subject=bank_file)


# ------------------------------------------------------------------ reading


def _read_and_stage(bank_file: BankFile, stream: IO[bytes], today: date) -> None:
    try:
        with reading.open_file(stream, ReadingProfile(), near=today) as opened:
            _inspect_and_stage(bank_file, opened, today)
    except FormatError as error:
        _refuse(bank_file, [error.fault], 0)


def _inspect_and_stage(bank_file: BankFile, opened: reading.Opened, today: date) -> None:
    summary = reading.inspect(opened)
    accounts = {account.rib: account for account in BankAccount.objects.filter(bank=bank_file.bank)}
    if not summary.faults.refuses:
        _check_truth(bank_file, summary, set(accounts), today)
    if summary.faults.refuses:
        refusing = [item for item in summary.faults if item.refuses_file]
        _refuse(bank_file, refusing, summary.faults.refusing - len(refusing), summary)
        return
    _stage(bank_file, summary, accounts, reading.lines(opened), today)


def _check_truth(
    bank_file: BankFile, summary: MessageSummary, accounts: set[str], today: date
) -> None:
    """What only our books know: whose bank, whose accounts, which message, which days."""
    faults, bank = summary.faults, bank_file.bank
    if summary.bank_code and summary.bank_code != bank.code:
        faults.add("E-F20", code_fichier=quoted(summary.bank_code), code_user=bank.code)
    for account in dict.fromkeys(one.account for one in summary.statements):
        if account not in accounts:
            faults.add("E-F12", compte=quoted(account) or "–")
    used = _used_message(bank_file, summary)
    if used is not None:
        faults.add("E-F11", id=quoted(summary.message_id), date=clock.day_of(used.received_at))
    reading.check_days(summary, today)
    if not summary.last_page or summary.page > 1:
        faults.add("E-F17", pages="…" if not summary.last_page else f"1–{summary.page - 1}")
    _check_sequences(bank_file, summary, faults)


def _used_message(bank_file: BankFile, summary: MessageSummary) -> BankFile | None:
    return (
        BankFile.objects.filter(
            bank=bank_file.bank,
            format=summary.format.value,
            message_id=summary.message_id[:70],
            verdict__in=[BankFileVerdict.ACCEPTED.value, BankFileVerdict.INFORMATION.value],
        )
        .exclude(pk=bank_file.pk)
        .first()
    )


def _check_sequences(bank_file: BankFile, summary: MessageSummary, faults: Faults) -> None:
    """F16: a statement number that does not follow the last one of its account and year. Never a refusal."""
    for one in summary.statements:
        if not _is_number(one.sequence) or one.created_on is None:
            continue
        last = _last_sequence(bank_file, summary.format, one.account, one.created_on)
        if last is not None and int(one.sequence) != last + 1:
            faults.add("F16", recu=one.sequence, attendu=last + 1)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _last_sequence(bank_file: BankFile, format: FileFormat, account: str, day: date) -> int | None:
    earlier = BankFile.objects.filter(
        bank=bank_file.bank,
        format=format.value,
        verdict=BankFileVerdict.ACCEPTED.value,
        statements__contains=[{"account": account, "year": day.year}],
    ).values_list("statements", flat=True)[:400]
    numbers = [
        int(one["sequence"])
        for statements in earlier
        for one in statements
        if one["account"] == account and one["year"] == day.year and _is_number(one["sequence"])
    ]
    return max(numbers, default=None)


# ------------------------------------------------------------------ refusing and staging


@transaction.atomic
def _refuse(
    bank_file: BankFile, faults: list[Fault], more: int, summary: MessageSummary | None = None
) -> None:
    """Answer the file as a whole; nothing else moves."""
    locked = BankFile.objects.select_for_update(of=("self",)).get(pk=bank_file.pk)
    if locked.verdict != BankFileVerdict.PENDING.value:
        return
    locked.verdict = BankFileVerdict.REFUSED.value
    locked.faults = _stored(faults, more)
    if summary is not None:
        locked.format = summary.format.value
        locked.message_id = summary.message_id[:70]
    locked.save(update_fields=["verdict", "faults", "format", "message_id"])
    audit.record(
        actor=None,
        action="payments.bank_file_refused",
        subject=locked,
        codes=[item.code for item in faults][:20],
    )


def _stored(faults: list[Fault], more: int) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = [{"code": item.code, "facts": dict(item.facts)} for item in faults]
    if more:
        told.append({"code": "", "facts": {"n": str(more)}})
    return told


def _stage(
    bank_file: BankFile,
    summary: MessageSummary,
    accounts: dict[str, BankAccount],
    lines: Iterator[CanonicalLine],
    today: date,
) -> None:
    """Write the lines of an accepted file, all or none. Files of one bank are staged one at a time."""
    try:
        with transaction.atomic():
            Bank.objects.select_for_update(of=("self",)).get(pk=bank_file.bank_id)
            locked = BankFile.objects.select_for_update(of=("self",)).get(pk=bank_file.pk)
            if locked.verdict != BankFileVerdict.PENDING.value:
                return
            _accept(locked, summary, today)
            staging = Staging(locked, accounts, ReadingProfile())
            while chunk := list(islice(lines, 1000)):
                staging.add(chunk)
            failpoint("bank-file-half-staged")
            audit.record(
                actor=None,
                action="payments.bank_file_accepted",
                subject=locked,
                format=locked.format,
                lines=locked.lines_total,
                credits=locked.total_credits,
                debits=locked.total_debits,
            )
    except IntegrityError as error:
        if "bank_file_message_once" not in str(error):
            raise
        # Another file with this message identifier was accepted between our check and this insert.
        told = fault("E-F11", id=quoted(summary.message_id), date=today)
        _refuse(bank_file, [told], 0, summary)


def _accept(bank_file: BankFile, summary: MessageSummary, today: date) -> None:
    bank_file.verdict = BankFileVerdict.ACCEPTED.value
    bank_file.format = summary.format.value
    bank_file.message_id = summary.message_id[:70]
    bank_file.lines_total = summary.lines
    bank_file.total_credits = summary.credit_total
    bank_file.total_debits = summary.debit_total
    bank_file.faults = _stored(list(summary.faults), summary.faults.more)
    bank_file.statements = [
        {
            "id": one.statement_id[:70],
            "account": one.account,
            "year": (one.created_on or today).year,
            "sequence": one.sequence,
            "opening": str(one.opening) if one.opening is not None else None,
            "closing": str(one.closing) if one.closing is not None else None,
        }
        for one in summary.statements
    ]
    bank_file.save()


# ------------------------------------------------------------------ settling


def _settle_all(bank_file: BankFile) -> None:
    """Answer every staged line, a chunk a transaction; then the reversals, which may undo lines of any file."""
    unanswered = bank_file.lines.filter(verdict="").exclude(
        kind=LineKind.DEBIT.value, is_reversal=True
    )
    while chunk := list(unanswered.order_by("rank")[:CHUNK]):
        settle(actor=None, lines=chunk)
        failpoint("bank-file-half-settled")
        BankFile.objects.filter(pk=bank_file.pk).update(lines_done=chunk[-1].rank)
    reversals = (
        BankLine.objects.filter(
            Q(verdict="") | Q(verdict=LineVerdict.WAITING.value, verdict_code="L19"),
            account__bank=bank_file.bank,
            kind=LineKind.DEBIT.value,
            is_reversal=True,
        )
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    for line_id in list(reversals):
        settle_reversal(actor=None, line_id=line_id)


@transaction.atomic
def _finish(bank_file_id: int, at: datetime) -> None:
    bank_file = BankFile.objects.select_for_update(of=("self",)).get(pk=bank_file_id)
    if bank_file.state == JobState.DONE.value:
        return
    bank_file.state = JobState.DONE.value
    bank_file.lines_done = bank_file.lines_total
    bank_file.finished_at = at
    bank_file.save(update_fields=["state", "lines_done", "finished_at"])
