"""CFONB 120 statements, 160 and 240 unpaid collections, through the profile of a bank. Fields: docs/formats/cfonb.md.

Fixed-width records of the French interbank committee, counted in characters after decoding. The 24-digit RIB does not
fit in their account zones: the profile names our account for each bank, branch and account; it is never derived.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import IO, Final

from payments.codecs import text
from payments.codecs.faults import Fault, Faults, FormatError, fault, quoted
from payments.codecs.kinds import FileFormat
from payments.codecs.profiles import RECEIVED, UNPAID
from payments.codecs.records import (
    CanonicalLine,
    MessageSummary,
    ReadingProfile,
    StatementSummary,
    account_number,
    meaningful,
)
from payments.enums import LineKind
from regulation.money import ZERO, from_cents

_LENGTHS: Final = {FileFormat.CFONB_120: 120, FileFormat.CFONB_160: 160, FileFormat.CFONB_240: 240}
_MAD: Final = frozenset({"MAD", "   "})
_POSITIVE: Final = {"{": 0, "é": 0} | {letter: n for n, letter in enumerate("ABCDEFGHI", start=1)}
_NEGATIVE: Final = {"}": 0, "è": 0} | {letter: n for n, letter in enumerate("JKLMNOPQR", start=1)}
"""The last character of an amount carries its sign. Old national sets print the braces as é and è."""

_REVERSALS: Final = frozenset({"10", "12", "27", "98", "99"})
"""Interbank codes of what comes back: collections rejected or unpaid, a transfer returned, a correction."""

_COLLECTIONS: Final = frozenset({"08", "85"})
_SUCCESSES: Final = frozenset({"", "0", "00", "0000"})


def inspect(
    stream: IO[bytes], format: FileFormat, profile: ReadingProfile, near: date
) -> MessageSummary:
    """First pass: order and length of records, amounts, days, balances and totals. `near` dates a year of one digit."""
    summary = MessageSummary(format=format, version=str(_LENGTHS[format]))
    try:
        for line in _READERS[format](stream, profile, summary, near):
            summary.count(line)
    except FormatError as error:
        summary.faults.append(error.fault)
        return summary
    if not summary.lines and not summary.faults.refuses:
        summary.faults.add("F21")
    return summary


def read(
    stream: IO[bytes], format: FileFormat, profile: ReadingProfile, near: date
) -> Iterator[CanonicalLine]:
    """Second pass, for a file that `inspect` accepts."""
    yield from _READERS[format](stream, profile, MessageSummary(format=format), near)


# ------------------------------------------------------------------ records


def _records(
    stream: IO[bytes], profile: ReadingProfile, summary: MessageSummary
) -> Iterator[tuple[int, str]]:
    """The records that are not empty, of the right length; the file as a whole gets its identifier here.

    CFONB files carry no identifier of message: the digest of the content stands for one, so that level 2 of
    idempotency never refuses a new file and level 4 recognises each operation.
    """
    length = _LENGTHS[summary.format]
    digest = hashlib.sha256()
    for number, record in text.lines(stream, text.encoding_of(stream, profile.encoding)):
        digest.update(record.encode())
        if not record.strip():
            continue
        if len(record) != length:
            raise FormatError(fault("E-F22", ligne=number, longueur=len(record), attendue=length))
        yield number, record
    summary.message_id = f"{summary.format.value}-{digest.hexdigest()[:16]}"


def _cut(record: str, first: int, last: int) -> str:
    """Positions as the documents give them: from 1, inclusive; outer blanks cut."""
    return record[first - 1 : last].strip()


def _unexpected(code: str, number: int, order: str) -> FormatError:
    return FormatError(fault("E-F23", code=quoted(code), ligne=number, ordre=order))


def signed_amount(zone: str, decimals: str) -> Decimal | str:
    """Fourteen characters with the sign in the last one, in units of 10^-decimals; or E-L01, E-L03."""
    figures, last = zone[:-1].strip() or "0", zone[-1:]
    digit, sign = _POSITIVE.get(last), 1
    if digit is None:
        digit, sign = _NEGATIVE.get(last), -1
    places = decimals.strip() or "2"
    if digit is None or not _is_digits(figures) or places not in "0123456789":
        return "E-L01"
    amount = Decimal(f"{figures}{digit}").scaleb(-int(places))
    rounded = amount.quantize(Decimal("0.01"))
    return rounded * sign if rounded == amount else "E-L03"


def _is_digits(zone: str) -> bool:
    return zone.isascii() and zone.isdigit()


def _day(zone: str, near: date) -> date | None:
    """JJMMAA, or JJMMA with the year of that last digit that is nearest to `near`."""
    zone = zone.strip()
    if not _is_digits(zone) or len(zone) not in (5, 6):
        return None
    if len(zone) == 6:
        year = 2000 + int(zone[4:])
    else:
        year = min(
            (near.year - near.year % 10 + int(zone[4]) + shift for shift in (-10, 0, 10)),
            key=lambda candidate: abs(candidate - near.year),
        )
    try:
        return date(year, int(zone[2:4]), int(zone[:2]))
    except ValueError:
        return None


def _our_account(place: str, profile: ReadingProfile) -> str:
    """Our RIB for this bank, branch and account; the place itself, for the refusal, when no profile names it."""
    return profile.accounts.get(place, place)


# ------------------------------------------------------------------ 120


@dataclass(slots=True)
class _Statement:
    summary: StatementSummary
    place: str
    decimals: str


class _Reader120:
    """01, then 04 each with its 05, then 07; as often as the file has statements."""

    def __init__(self, profile: ReadingProfile, summary: MessageSummary, near: date) -> None:
        self._profile, self._summary, self._near = profile, summary, near
        self._open: _Statement | None = None
        self._pending: CanonicalLine | None = None
        self._rank = 0
        self._closings: dict[str, Decimal] = {}
        self._readable = True

    def lines(self, records: Iterator[tuple[int, str]]) -> Iterator[CanonicalLine]:
        number = 0
        for number, record in records:
            code = record[:2]
            if code == "05":
                self._detail(record, number)
                continue
            if self._pending is not None:
                yield self._pending
                self._pending = None
            if code == "01" and self._open is None:
                self._opening(record)
            elif code == "04" and self._open is not None:
                self._movement(record, self._open)
            elif code == "07" and self._open is not None:
                self._closing(record, self._open)
            else:
                raise _unexpected(code, number, "04 | 07" if self._open else "01")
        if self._open is not None:
            raise _unexpected("–", number + 1, "07")

    def _amount(self, record: str, decimals: str, rank: int) -> Decimal | None:
        found = signed_amount(record[90:104], decimals)
        if isinstance(found, str):
            self._summary.faults.add(found, rang=rank, valeur=quoted(record[90:104].strip()))
            self._readable = False
            return None
        return found

    def _date(self, zone: str, name: str, rank: int) -> date | None:
        day = _day(zone, self._near)
        if day is None:
            self._summary.faults.add("E-L04", rang=rank, champ=name, valeur=quoted(zone))
            self._readable = False
        return day

    def _opening(self, record: str) -> None:
        place = record[2:7] + record[11:16] + record[21:32]
        currency = record[16:19]
        if currency not in _MAD:
            self._summary.faults.add("E-F13", devise=quoted(currency))
        one = StatementSummary(
            statement_id=_cut(record, 35, 40),
            account=_our_account(place, self._profile),
            currency="MAD",
        )
        self._readable = True
        one.opening = self._amount(record, record[19], 0)
        last = self._closings.get(place)
        if last is not None and one.opening is not None and last != one.opening:
            self._summary.faults.add("F16b", ouverture=one.opening, final=last)
        self._open = _Statement(one, place, record[19])

    def _movement(self, record: str, statement: _Statement) -> None:
        self._rank += 1
        rank, one = self._rank, statement.summary
        if record[2:7] + record[11:16] + record[21:32] != statement.place:
            self._summary.faults.add("E-F12", compte=quoted(_cut(record, 22, 32)))
        amount = self._amount(record, record[19], rank)
        booking = self._date(record[34:40], "35–40", rank)
        value = self._date(record[42:48], "43–48", rank) if record[42:48].strip(" 0") else None
        if amount == 0:
            self._summary.faults.add("E-L02", rang=rank)
            self._readable = False
        if not amount or booking is None:
            return
        one.entries += 1
        one.booked += amount
        code, reason = _cut(record, 33, 34), _cut(record, 41, 42)
        reference, entry = (
            meaningful(_cut(record, 105, 120)),
            meaningful(_cut(record, 82, 88).lstrip("0")),
        )
        notes = [] if value else [fault("L07", rang=rank)]
        iso, note = _reason(reason, self._profile, rank)
        self._pending = CanonicalLine(
            rank=rank,
            kind=LineKind.CREDIT if amount > 0 else LineKind.DEBIT,
            amount=abs(amount),
            currency="MAD",
            our_account=one.account,
            booking_day=booking,
            value_day=value,
            operation_day=booking,
            is_reversal=code in _REVERSALS,
            statement=one.statement_id,
            transaction_ref=reference or (f"{entry}/{booking:%Y%m%d}" if entry else ""),
            free_text=_cut(record, 49, 79),
            nature=self._profile.natures.get(code, code),
            reason_code=iso,
            original_bank_ref=reference if code in _REVERSALS else "",
            source_path=f"04[{rank}]",
            notes=(*notes, *note),
        )  # fmt: skip

    def _detail(self, record: str, number: int) -> None:
        """A 05 record adds to the movement before it."""
        if self._open is None or not self._rank:
            raise _unexpected("05", number, "04")
        line = self._pending
        if line is None:
            return
        qualifier, body = record[45:48], record[48:118].strip()
        head, tail = record[48:83].strip(), record[83:118].strip()
        changes: dict[str, str] = {}
        if qualifier == "RCN":
            changes["end_to_end"] = meaningful(head)
        elif qualifier == "REF":
            changes["batch"], changes["instruction"] = meaningful(head), meaningful(tail)
        elif qualifier == "LCS":
            changes["creditor_ref"] = meaningful(head)
        elif qualifier in ("LIB", "LCC", "LC2"):
            changes["free_text"] = f"{line.free_text}\n{body}".strip()
        elif qualifier == "NPY":
            changes["payer_name"] = body
        elif qualifier == "RUM":
            changes["mandate"] = meaningful(head)
        elif qualifier == "CPY":
            changes["payer_rib"] = account_number(body)
        self._pending = replace(line, **changes) if changes else line  # type: ignore[arg-type]

    def _closing(self, record: str, statement: _Statement) -> None:
        one = statement.summary
        one.closing = self._amount(record, record[19], 0)
        one.created_on = self._date(record[34:40], "35–40", 0)
        if one.created_on is not None:
            one.statement_id = f"{one.created_on:%Y%m%d}"
        self._open = None
        self._summary.statements.append(one)
        if one.opening is None or one.closing is None or not self._readable:
            return
        self._closings[statement.place] = one.closing
        if one.opening + one.booked != one.closing:
            self._summary.faults.add(
                "E-F15",
                ouverture=one.opening,
                mvt=one.booked,
                calcul=one.opening + one.booked,
                final=one.closing,
            )


def _read_120(
    stream: IO[bytes], profile: ReadingProfile, summary: MessageSummary, near: date
) -> Iterator[CanonicalLine]:
    yield from _Reader120(profile, summary, near).lines(_records(stream, profile, summary))


def _reason(code: str, profile: ReadingProfile, rank: int) -> tuple[str, tuple[Fault, ...]]:
    """The ISO reason of a national one; an unknown code is kept as it is and told (L21)."""
    if code in _SUCCESSES:
        return "", ()
    iso = profile.reasons.get(code)
    return (iso, ()) if iso else (code, (fault("L21", rang=rank, code=quoted(code)),))


def _fate(
    code: str, rank: int, profile: ReadingProfile
) -> tuple[LineKind, bool, str, tuple[Fault, ...]]:
    """What an order of a returns file says: kind, reversal, reason, notes. A success settles and reverses nothing."""
    if code in _SUCCESSES:
        return LineKind.INFO, False, "", (fault("L06", rang=rank, statut="–"),)
    iso, notes = _reason(code, profile, rank)
    kind = LineKind.DEBIT if profile.unpaid_are_booked else LineKind.REJECT
    return kind, kind is LineKind.DEBIT, iso, notes


# ------------------------------------------------------------------ 160 and 240


@dataclass(slots=True)
class _Run:
    """The header of a file of collections, and what its total must say."""

    day: date
    account: str
    count: int = 0
    total: Decimal = ZERO


def _read_160(
    stream: IO[bytes], profile: ReadingProfile, summary: MessageSummary, near: date
) -> Iterator[CanonicalLine]:
    faults, run, rank, number = summary.faults, None, 0, 0
    for number, record in _records(stream, profile, summary):
        code = record[:2]
        if code == "03" and run is None:
            if record[2:4] not in _COLLECTIONS:
                message = f"CFONB 160, opération {quoted(record[2:4])}"
                raise FormatError(fault("E-F08", message=message, attendus="08, 85"))
            place = record[149:154] + record[86:91] + record[91:102]
            run = _open_run(summary, record[25:30], place, profile, near, _cut(record, 55, 61))
        elif code == "06" and run is not None:
            rank += 1
            line = _order_160(record, run, rank, profile, faults)
            if line is not None:
                run.count += 1
                run.total += line.amount
                yield line
        elif code == "08" and run is not None:
            _close_run(record[102:118], run, faults)
            run = None
        else:
            raise _unexpected(code, number, "06 | 08" if run else "03")
    if run is not None:
        raise _unexpected("–", number + 1, "08")


def _order_160(
    record: str, run: _Run, rank: int, profile: ReadingProfile, faults: Faults
) -> CanonicalLine | None:
    amount = _cents(record[102:118], rank, faults)
    if amount is None:
        return None
    reference = meaningful(_cut(record, 19, 30))
    kind, reversal, iso, notes = _fate(_cut(record, 148, 149), rank, profile)
    return CanonicalLine(
        rank=rank,
        kind=kind,
        amount=amount,
        currency="MAD",
        our_account=run.account,
        booking_day=run.day,
        operation_day=run.day,
        is_reversal=reversal,
        end_to_end=reference,
        free_text=_cut(record, 119, 147),
        payer_name=_cut(record, 31, 54),
        payer_rib=account_number(record[149:154] + record[86:91] + record[91:102]),
        reason_code=iso,
        source_path=f"06[{rank}]",
        notes=notes,
    )


def _read_240(
    stream: IO[bytes], profile: ReadingProfile, summary: MessageSummary, near: date
) -> Iterator[CanonicalLine]:
    faults, run, rank, number = summary.faults, None, 0, 0
    for number, record in _records(stream, profile, summary):
        code = record[:2]
        sequence = record[2:8].strip()
        if not _is_digits(sequence) or int(sequence) != number:
            faults.add("E-F24", rang=quoted(sequence) or "–")
        if code == "31" and run is None:
            run = _open_run(
                summary, record[10:16], record[21:42], profile, near, _cut(record, 123, 128)
            )
        elif code == "34" and run is not None:
            rank += 1
            line = _order_240(record, run, rank, profile, faults)
            if line is not None:
                run.count += 1
                run.total += line.amount
                yield line
        elif code == "39" and run is not None:
            _close_run(record[228:240], run, faults)
            run = None
        else:
            raise _unexpected(code, number, "34 | 39" if run else "31")
    if run is not None:
        raise _unexpected("–", number + 1, "39")


def _order_240(
    record: str, run: _Run, rank: int, profile: ReadingProfile, faults: Faults
) -> CanonicalLine | None:
    operation = _cut(record, 9, 10)
    sense = profile.operations.get(operation)
    if sense not in (RECEIVED, UNPAID):
        # Whether these amounts came in or came back is agreed in writing, or the file is not read at all.
        raise FormatError(
            fault(
                "E-F08",
                message=f"CFONB 240, opération {quoted(operation)}",
                attendus=", ".join(sorted(profile.operations)) or "–",
            )
        )
    amount = _cents(record[228:240], rank, faults)
    if amount is None:
        return None
    ours, theirs = record[21:42], record[77:98]
    if profile.accounts.get(theirs) == run.account and theirs not in ("", ours):
        theirs = ours
    unpaid = LineKind.DEBIT if profile.unpaid_are_booked else LineKind.REJECT
    return CanonicalLine(
        rank=rank,
        kind=LineKind.CREDIT if sense == RECEIVED else unpaid,
        amount=amount,
        currency="MAD",
        our_account=run.account,
        booking_day=run.day,
        operation_day=run.day,
        is_reversal=sense == UNPAID,
        end_to_end=meaningful(
            _cut(record, 223, 228) if sense == UNPAID else _cut(record, 123, 128)
        ),
        free_text=_cut(record, 129, 216),
        payer_name=_cut(record, 99, 122),
        payer_rib=account_number(theirs),
        source_path=f"34[{rank}]",
    )


def _open_run(
    summary: MessageSummary, day: str, place: str, profile: ReadingProfile, near: date, batch: str
) -> _Run:
    found = _day(day, near)
    if found is None:
        raise FormatError(fault("E-L04", rang=0, champ="date", valeur=quoted(day)))
    account = _our_account(place, profile)
    summary.statements.append(
        StatementSummary(statement_id=batch, account=account, currency="MAD", created_on=found)
    )
    return _Run(found, account)


def _close_run(zone: str, run: _Run, faults: Faults) -> None:
    said = from_cents(int(zone)) if _is_digits(zone.strip()) else None
    if said is None:
        faults.add("E-L01", rang=0, valeur=quoted(zone.strip()))
    elif said != run.total and not faults.refuses:
        faults.add(
            "E-F14", n1=run.count, s1=said, n2=run.count, s2=run.total, ecart=run.total - said
        )


def _cents(zone: str, rank: int, faults: Faults) -> Decimal | None:
    zone = zone.strip()
    if not _is_digits(zone):
        faults.add("E-L01", rang=rank, valeur=quoted(zone))
        return None
    if not int(zone):
        faults.add("E-L02", rang=rank)
        return None
    return from_cents(int(zone))


_READERS: Final = {
    FileFormat.CFONB_120: _read_120,
    FileFormat.CFONB_160: _read_160,
    FileFormat.CFONB_240: _read_240,
}
