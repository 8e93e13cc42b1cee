"""The canonical record that stands between every bank format and `matching.py`.

A codec turns a file into one `MessageSummary` (first pass, writes nothing) and a stream of `CanonicalLine` (second
pass). Money is `Decimal` with two places, in dirhams; the sign is the `kind`, never the amount. Days are bank days,
taken as written. No field is invented: what the file does not say is empty or None.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from payments.codecs.faults import Fault, Faults
from payments.codecs.kinds import FileFormat, IdentityRule
from payments.enums import LineKind

NO_VALUE: Final = frozenset({"", "NOTPROVIDED", "NONREF", "NSTREF", "0"})
"""What banks write when they have no reference; it means « no value » wherever it stands."""


@dataclass(frozen=True, slots=True)
class ReadingProfile:
    """How one bank deviates from the standard, agreed in writing. The default tolerates nothing.

    `formats` empty means every format. `accounts` maps what a fixed-width file calls an account (bank, branch and
    account, joined) to one of our RIBs: it is never derived. `operations` says of a CFONB 240 operation code whether
    its amounts are received or unpaid, `unpaid_are_booked` whether unpaid collections were debited already.
    """

    name: str = ""
    version: int = 0
    formats: frozenset[FileFormat] = frozenset()
    namespaces: frozenset[str] = frozenset()
    tolerated_elements: frozenset[str] = frozenset()
    encoding: str = ""
    invert_reversals: bool = False
    unusable_references: frozenset[IdentityRule] = frozenset()
    accounts: Mapping[str, str] = field(default_factory=dict)
    natures: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    operations: Mapping[str, str] = field(default_factory=dict)
    unpaid_are_booked: bool = False


@dataclass(frozen=True, slots=True)
class CanonicalLine:
    """One operation of a bank file; `rank` counts from 1 in the file.

    `entry_count` operations share an entry of `entry_amount`; `whole` marks an entry that came without its details.
    """

    rank: int
    kind: LineKind
    amount: Decimal
    currency: str
    our_account: str
    booking_day: date
    value_day: date | None = None
    operation_day: date | None = None
    is_reversal: bool = False
    status: str = "BOOK"
    statement: str = ""
    transaction_ref: str = ""
    entry_ref: str = ""
    entry_index: int = 1
    entry_count: int = 1
    entry_amount: Decimal | None = None
    whole: bool = False
    end_to_end: str = ""
    instruction: str = ""
    batch: str = ""
    mandate: str = ""
    creditor_ref: str = ""
    free_text: str = ""
    payer_name: str = ""
    payer_rib: str = ""
    creditor_rib: str = ""
    affiliation_number: str = ""
    channel: str = ""
    nature: str = ""
    reason_code: str = ""
    reason_text: str = ""
    original_bank_ref: str = ""
    source_path: str = ""
    notes: tuple[Fault, ...] = ()

    @property
    def bank_ref(self) -> str:
        """The bank's own reference: of the transaction, else of the entry followed by its index."""
        if self.transaction_ref:
            return self.transaction_ref
        return f"{self.entry_ref}#{self.entry_index}" if self.entry_ref else ""

    @property
    def waits(self) -> Fault | None:
        """The note that sends this line to a clerk whatever the matching says (L18), if any."""
        return next((note for note in self.notes if note.code == "L18"), None)

    @property
    def signed(self) -> Decimal:
        """The effect on our account: credits positive, debits negative, anything not booked zero."""
        if self.kind is LineKind.CREDIT:
            return self.amount
        return -self.amount if self.kind is LineKind.DEBIT else Decimal("0.00")


@dataclass(slots=True)
class StatementSummary:
    """One `Stmt` or `Ntfctn` (or the whole of a CP1 file), as the first pass saw it."""

    statement_id: str
    account: str
    currency: str
    created_on: date | None = None
    sequence: str = ""
    page: str = ""
    copy_indicator: str = ""
    opening: Decimal | None = None
    closing: Decimal | None = None
    entries: int = 0
    booked: Decimal = Decimal("0.00")
    booked_inverted: Decimal = Decimal("0.00")


@dataclass(slots=True)
class MessageSummary:
    """What the first pass learned of a file. `faults.refuses` says whether the second pass may run."""

    format: FileFormat
    message_id: str = ""
    version: str = ""
    bank_code: str = ""
    created_on: date | None = None
    last_page: bool = True
    page: int = 1
    statements: list[StatementSummary] = field(default_factory=list)
    lines: int = 0
    total: Decimal = Decimal("0.00")
    credits: int = 0
    credit_total: Decimal = Decimal("0.00")
    debits: int = 0
    debit_total: Decimal = Decimal("0.00")
    first_day: date | None = None
    last_day: date | None = None
    faults: Faults = field(default_factory=Faults)

    def count(self, line: CanonicalLine) -> None:
        """Add one line to the totals; lines that are not booked count in `lines` and `total` only."""
        self.lines += 1
        self.total += line.amount
        if line.kind is LineKind.CREDIT:
            self.credits += 1
            self.credit_total += line.amount
        elif line.kind is LineKind.DEBIT:
            self.debits += 1
            self.debit_total += line.amount
        if line.kind in (LineKind.CREDIT, LineKind.DEBIT):
            day = line.booking_day
            self.first_day = (
                day if self.first_day is None or day < self.first_day else self.first_day
            )
            self.last_day = day if self.last_day is None or day > self.last_day else self.last_day


def meaningful(reference: str) -> str:
    """The reference without outer blanks, or nothing when the bank wrote one of its words for « none »."""
    reference = reference.strip()
    return "" if reference.upper() in NO_VALUE else reference


_NOT_ALNUM: Final = re.compile(r"[^0-9A-Z]+", re.ASCII)
_IBAN_OF_MOROCCO: Final = re.compile(r"MA[0-9]{26}", re.ASCII)


def account_number(text: str) -> str:
    """An account as we compare it: no separator, upper case, and the 24 digits of the RIB inside a Moroccan IBAN.

    The key is not judged here: a wrong key must stay visible (L08).
    """
    compact = _NOT_ALNUM.sub("", text.upper())
    return compact[4:] if _IBAN_OF_MOROCCO.fullmatch(compact) else compact


def identity(
    line: CanonicalLine, profile: ReadingProfile = ReadingProfile()
) -> tuple[IdentityRule, str]:
    """Level 4 identity of a line, without its occurrence number: the first rule that has what it needs.

    (a) account + transaction reference; (b) account + entry reference + index; (c) account + end-to-end + sign +
    amount + booking day; (d) a fingerprint of everything else. Changing this function never re-keys stored lines:
    they keep their key with the number of its rule.
    """
    usable = profile.unusable_references
    if line.transaction_ref and IdentityRule.TRANSACTION not in usable:
        return IdentityRule.TRANSACTION, f"{line.our_account}|{line.transaction_ref}"
    if line.entry_ref and IdentityRule.ENTRY not in usable:
        # Among several the place says how many, so that the first detail of a batch is not taken for the batch.
        among = f"/{line.entry_count}" if line.entry_count > 1 and not line.whole else ""
        return IdentityRule.ENTRY, f"{line.our_account}|{line.entry_ref}|{line.entry_index}{among}"
    sign = _sign(line)
    if line.end_to_end and IdentityRule.END_TO_END not in usable:
        return (
            IdentityRule.END_TO_END,
            f"{line.our_account}|{line.end_to_end}|{sign}|{line.amount}|{line.booking_day}",
        )
    parts = (
        line.our_account, sign, str(line.amount), str(line.booking_day), str(line.value_day), line.payer_rib,
        line.end_to_end, line.instruction, line.batch, line.mandate, line.creditor_ref,
        " ".join(line.free_text.upper().split()),
    )  # fmt: skip
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return IdentityRule.FINGERPRINT, f"{line.our_account}|{digest}"


def _sign(line: CanonicalLine) -> str:
    return f"{line.kind.value}{'R' if line.is_reversal else ''}"
