"""Canonical lines to rows: each operation once in the books, whatever file brings it and however often.

Identity and its four rules: docs/formats/camt.md. The unique constraint of the database has the last word.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from payments.codecs.faults import Fault, fault, quoted
from payments.codecs.kinds import FileFormat, IdentityRule
from payments.codecs.records import CanonicalLine, ReadingProfile, identity
from payments.enums import LineVerdict
from payments.matching import day_of_payment
from payments.models import BankAccount, BankFile, BankLine
from payments.workflows.allocations import Read, read_line
from payments.workflows.batches import Entries
from portal import clock
from portal.bulk import insert_rows, made_from, number_rows

_STATEMENTS: Final = frozenset(
    {FileFormat.CAMT_053.value, FileFormat.CFONB_120.value, FileFormat.MT940.value}
)
"""Formats that are the final word of the bank on a day: what they repeat is confirmed."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A line as far as the file alone says: its row, not yet numbered, and what matching reads of it."""

    line: CanonicalLine
    row: BankLine
    read: Read


@dataclass(frozen=True, slots=True)
class _Key:
    rule: IdentityRule
    digest: str


class Staging:
    """Makes the rows of one file, chunk by chunk, inside the caller's transactions."""

    def __init__(
        self, bank_file: BankFile, accounts: dict[str, BankAccount], profile: ReadingProfile
    ) -> None:
        self._file = bank_file
        self._accounts = accounts
        self._profile = profile
        self._seen: Counter[str] = Counter()
        self._entries = Entries()
        self._statement = bank_file.format in _STATEMENTS

    def prepare(self, chunk: Sequence[CanonicalLine]) -> list[Ready]:
        """What can be done with these lines before anything of the books is known; in the order of the file.

        Asks nothing of the database, so that it may run while the chunk before is being written.
        """
        ready = []
        for line in chunk:
            row = _row(self._file, self._accounts[line.our_account], line, self._key(line))
            ready.append(Ready(line, row, read_line(row)))
        return ready

    def rows(self, chunk: Sequence[Ready]) -> list[BankLine]:
        """The rows of these lines, numbered and not yet written.

        A repeated operation has the verdict DBL and a link to the first, in the books or in the same chunk.
        """
        lines = [one.line for one in chunk]
        rows = [one.row for one in chunk]
        known = self._known(rows)
        self._entries.look_ahead(lines, self._accounts)
        fresh: dict[tuple[int, str], BankLine] = {}
        number_rows(rows)
        for line, row in zip(lines, rows, strict=True):
            place = (row.account_id, row.identity_key or "")
            first = fresh.get(place) or known.get(place)
            other = (
                None
                if first is not None
                else self._entries.other_form(line, self._accounts[line.our_account])
            )
            if first is not None and first.amount != line.amount:
                self._set_apart(row, line, first, fresh)
            elif first is not None or other is not None:
                _repeat(row, first or other, self._file, line)
            else:
                fresh[place] = row
        return rows

    def pass_over(self, chunk: Sequence[CanonicalLine]) -> None:
        """Lines that an earlier attempt wrote: only their occurrences count."""
        for line in chunk:
            self._key(line)

    def write(self, rows: Sequence[BankLine]) -> None:
        """Write rows made by `rows`, answered or not; a statement confirms what it repeats."""
        insert_rows(rows)
        if self._statement:
            confirmed = [row.repeats_id for row in rows if row.repeats_id]
            if confirmed:
                BankLine.objects.filter(pk__in=confirmed).update(confirmed_by_statement=True)

    def _set_apart(
        self,
        row: BankLine,
        line: CanonicalLine,
        first: BankLine,
        fresh: dict[tuple[int, str], BankLine],
    ) -> None:
        """A known reference with another amount (L16): an operation of its own, which waits for a clerk."""
        text = f"{row.identity_key}|{line.amount}"
        row.identity_key = hashlib.sha256(text.encode()).hexdigest()
        place = (row.account_id, row.identity_key)
        again = fresh.get(place) or (
            BankLine.objects.filter(account=row.account_id, identity_key=row.identity_key)
            .select_related("bank_file")
            .first()
        )
        if again is not None:
            _repeat(row, again, self._file, line)
            return
        fresh[place] = row
        told = _other_amount(line, first, self._file)
        notes = row.details.get("notes", [])
        row.details["notes"] = [*notes, {"code": told.code, "facts": dict(told.facts)}]

    def _key(self, line: CanonicalLine) -> _Key:
        """Rules c and d count occurrences: two equal cash deposits of one day are both true."""
        rule, text = identity(line, self._profile)
        text = f"{text}|{line.kind.value}"
        if rule in (IdentityRule.END_TO_END, IdentityRule.FINGERPRINT):
            self._seen[text] += 1
            text = f"{text}|{self._seen[text]}"
        return _Key(rule, hashlib.sha256(text.encode()).hexdigest())

    def _known(self, rows: Sequence[BankLine]) -> dict[tuple[int, str], BankLine]:
        known = BankLine.objects.filter(
            account_id__in={row.account_id for row in rows},
            identity_key__in={row.identity_key for row in rows},
        ).select_related("bank_file")
        return {(row.account_id, row.identity_key or ""): row for row in known}


def _row(bank_file: BankFile, account: BankAccount, line: CanonicalLine, key: _Key) -> BankLine:
    details: dict[str, Any] = {"our_account": line.our_account}
    for name in (
        "instruction",
        "mandate",
        "nature",
        "channel",
        "affiliation_number",
        "creditor_rib",
        "source_path",
    ):
        value = getattr(line, name)
        if value:
            details[name] = value
    if line.whole:
        details["whole"] = True
    elif line.entry_count > 1:
        details |= {"entry_index": line.entry_index, "entry_amount": str(line.entry_amount)}
    if line.notes:
        details["notes"] = [{"code": note.code, "facts": dict(note.facts)} for note in line.notes]
    return made_from(
        BankLine,
        {
            "id": None,
            "bank_file_id": bank_file.pk,
            "rank": line.rank,
            "account_id": account.pk,
            "kind": line.kind.value,
            "is_reversal": line.is_reversal,
            "amount": line.amount,
            "booking_day": line.booking_day,
            "value_day": line.value_day,
            "operation_day": line.operation_day,
            "bank_status": line.status[:35],
            "bank_ref": line.bank_ref[:80],
            "end_to_end": line.end_to_end[:35],
            "batch": line.batch[:35],
            "creditor_ref": line.creditor_ref[:140],
            "free_text": line.free_text,
            "payer_name": line.payer_name[:140],
            "payer_rib": line.payer_rib[:34],
            "reason_code": line.reason_code[:35],
            "reason_text": line.reason_text[:140],
            "original_bank_ref": line.original_bank_ref[:80],
            "entry_ref": line.entry_ref[:35],
            "entry_count": line.entry_count,
            "paid_on": day_of_payment(
                channel=line.channel,
                nature=line.nature,
                operation_day=line.operation_day,
                value_day=line.value_day,
                booking_day=line.booking_day,
            ),
            "details": details,
            "identity_rule": key.rule.value,
            "identity_key": key.digest,
            "repeats_id": None,
            "confirmed_by_statement": False,
            "rule": "",
            "proposals": [],
            "verdict": "",
            "verdict_code": "",
            "verdict_facts": {},
        },
    )


def _tell(row: BankLine, verdict: LineVerdict, told: Fault) -> None:
    row.verdict = verdict.value
    row.verdict_code = told.code
    row.verdict_facts = dict(told.facts)


def _repeat(
    row: BankLine, first: BankLine | None, bank_file: BankFile, line: CanonicalLine
) -> None:
    if first is None:
        return
    row.identity_key = None
    row.repeats_id = first.pk
    received = bank_file if first.bank_file_id == bank_file.pk else first.bank_file
    told = fault(
        "L17",
        rang=line.rank,
        date=clock.day_of(received.received_at),
        fichier=quoted(received.message_id) or received.receipt_number,
    )
    _tell(row, LineVerdict.DUPLICATE, told)


def _other_amount(line: CanonicalLine, first: BankLine, bank_file: BankFile) -> Fault:
    received = bank_file if first.bank_file_id == bank_file.pk else first.bank_file
    return fault(
        "L16",
        rang=line.rank,
        ref=quoted(line.bank_ref),
        date=clock.day_of(received.received_at),
        montant=first.amount,
    )
