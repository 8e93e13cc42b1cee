"""MT940 statements, with the mt-940 library behind our own checks. Fields: docs/formats/mt940.md.

The library is handed one statement at a time, already decoded (it would guess an encoding that never fails) and already
checked: every figure of a `:61:` line in ASCII, so that no amount of another script or shape reaches it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import IO, Any, Final

import mt940

from payments.codecs import text
from payments.codecs.faults import Faults, FormatError, fault, quoted
from payments.codecs.kinds import FileFormat
from payments.codecs.reasons import REASONS
from payments.codecs.records import (
    CanonicalLine,
    MessageSummary,
    ReadingProfile,
    StatementSummary,
    account_number,
    meaningful,
)
from payments.enums import LineKind

_OPTIONS: Final = mt940.Options.all()
_TAG: Final = re.compile(r":([0-9]{2}[A-Z]?):", re.ASCII)
_MOVEMENT: Final = re.compile(
    r":61:(?P<value>[0-9]{6})(?P<entry>[0-9]{4}|    )?(?P<mark>R?[DC])[A-Z]?(?P<amount>[^A-Z]*)",
    re.ASCII,
)
_AMOUNT: Final = re.compile(r"[0-9]{1,15},[0-9]*", re.ASCII)
_BALANCE: Final = re.compile(
    r"(?P<mark>[CD])[0-9]{6}(?P<currency>[A-Z]{3})(?P<amount>[0-9]{1,15},[0-9]*)", re.ASCII
)
_OPENINGS: Final = ("60F", "60M")
_CLOSINGS: Final = ("62F", "62M")
_RETURN: Final = "NRTI"
_ISO_REASON: Final = re.compile(r"(?<![A-Z0-9])[A-Z]{2}[0-9]{2}(?![A-Z0-9])", re.ASCII)
_SUBFIELD: Final = re.compile(r"\?[0-9]{2}", re.ASCII)
"""What parts the text of some banks; the library takes it away only behind a code of three digits."""
_EREF: Final = re.compile(r"/EREF/([^/\n]+)")
_MARF: Final = re.compile(r"/MARF/([^/\n]+)")
_REMI: Final = re.compile(r"(?:/REMI/.*?)?(RF[0-9]{2}[0-9A-Z]{1,21})", re.DOTALL)
_MOST_CHARACTERS: Final = 20_000_000
"""A statement held in memory at once, at most; a real one has some thousand lines."""


def inspect(stream: IO[bytes], profile: ReadingProfile) -> MessageSummary:
    """First pass: tags, amounts, days and the balance of each statement."""
    summary = MessageSummary(format=FileFormat.MT940)
    try:
        for line in _lines(stream, profile, summary):
            summary.count(line)
    except FormatError as error:
        summary.faults.append(error.fault)
        return summary
    if not summary.lines and not summary.faults.refuses:
        summary.faults.add("F21")
    return summary


def read(stream: IO[bytes], profile: ReadingProfile) -> Iterator[CanonicalLine]:
    """Second pass, for a file that `inspect` accepts."""
    yield from _lines(stream, profile, MessageSummary(format=FileFormat.MT940))


def _lines(
    stream: IO[bytes], profile: ReadingProfile, summary: MessageSummary
) -> Iterator[CanonicalLine]:
    encoding = text.encoding_of(stream, profile.encoding)
    rank = 0
    closings: dict[str, Decimal] = {}
    for first_line, block in _statements(text.lines(stream, encoding)):
        lines = _statement(block, first_line, rank, profile, summary, closings)
        rank += len(lines)
        yield from lines
    # A last balance that is only intermediate says that pages follow in another file.
    summary.last_page = not closings
    if summary.statements and summary.statements[0].page.isdecimal():
        summary.page = int(summary.statements[0].page)
    if not summary.statements and not summary.faults.refuses:
        raise FormatError(
            fault("E-F23", code="–", ligne=1, ordre=":20:, :25:, :28C:, :60F:, :61:…, :62F:")
        )


def _statements(numbered: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The text of each statement, from its `:20:`, and the number of its first line."""
    block: list[str] = []
    start = size = 0
    for number, line in numbered:
        place = line.find(":20:") if not block or line.startswith((":20:", "{1:")) else -1
        if place >= 0 and (place == 0 or line.startswith("{")):
            if block:
                yield start, "\n".join(block)
            block, start, size = [line[place:]], number, 0
        elif line.startswith("{1:"):
            continue
        elif block and line not in ("-", "-}") and not line.startswith("-}"):
            block.append(line)
            size += len(line)
            if size > _MOST_CHARACTERS:
                raise FormatError(fault("E-F05", ligne=number, colonne=1, detail=":20:"))
        elif line.strip() and not block:
            raise FormatError(fault("E-F23", code=quoted(line[:6]), ligne=number, ordre=":20:"))
    if block:
        yield start, "\n".join(block)


def _statement(
    block: str,
    first_line: int,
    rank: int,
    profile: ReadingProfile,
    summary: MessageSummary,
    closings: dict[str, Decimal],
) -> list[CanonicalLine]:
    faults = summary.faults
    fields = _fields(block)
    for wanted in (("20",), ("25",), ("28C", "28"), _OPENINGS, _CLOSINGS):
        if not any(tag in fields for tag in wanted):
            raise FormatError(
                fault(
                    "E-F23",
                    code=f":{wanted[0]}:",
                    ligne=first_line,
                    ordre=":20:, :25:, :28C:, :60F:, :61:…, :62F:",
                )
            )
    account = _account(fields["25"][0], profile)
    one = StatementSummary(
        statement_id=fields["20"][0].strip()[:35],
        account=account,
        currency="MAD",
        sequence=(fields.get("28C") or fields["28"])[0].partition("/")[0].strip().lstrip("0"),
        page=(fields.get("28C") or fields["28"])[0].partition("/")[2].strip().lstrip("0"),
    )
    one.opening = _balance(_first(fields, _OPENINGS), faults)
    one.closing = _balance(_first(fields, _CLOSINGS), faults)
    one.created_on = _balance_day(_first(fields, _CLOSINGS))
    before = faults.refusing
    movements = [found for found in block.split("\n") if found.startswith(":61:")]
    for place, movement in enumerate(movements, start=rank + 1):
        _check_movement(movement, place, faults)
    summary.statements.append(one)
    if not summary.message_id:
        year = one.created_on.year if one.created_on else ""
        summary.message_id = f"{one.statement_id}/{one.sequence}/{one.page}/{account[-10:]}/{year}"
    if faults.refusing > before or one.opening is None or one.closing is None:
        return []
    transactions = _parsed(block, first_line)
    if len(transactions) != len(movements):
        raise FormatError(fault("E-F05", ligne=first_line, colonne=1, detail=":61:"))
    lines = [
        _line(transaction.data, place, one, profile)
        for place, transaction in enumerate(transactions, start=rank + 1)
    ]
    for line in lines:
        one.entries += 1
        one.booked += line.signed
    _check_balances(one, fields, closings, faults)
    return lines


def _parsed(block: str, first_line: int) -> Any:
    """The library's reading of one statement; what it cannot read refuses the file at that statement."""
    try:
        return list(mt940.parse(block, options=_OPTIONS))
    except (RuntimeError, ValueError, ArithmeticError, KeyError, AttributeError, TypeError):
        raise FormatError(fault("E-F05", ligne=first_line, colonne=1, detail="MT940")) from None


def _fields(block: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for line in block.split("\n"):
        tag = _TAG.match(line)
        if tag is not None:
            fields.setdefault(tag[1], []).append(line[tag.end() :])
    return fields


def _first(fields: dict[str, list[str]], tags: tuple[str, ...]) -> str:
    return next(fields[tag][0] for tag in tags if tag in fields)


def _account(field: str, profile: ReadingProfile) -> str:
    """`:25:` as one of our accounts: as the profile names it, else the account after the bank's own code."""
    whole = account_number(field)
    known = profile.accounts.get(field.strip()) or profile.accounts.get(whole)
    return known or account_number(field.rpartition("/")[2])


def _balance(field: str, faults: Faults) -> Decimal | None:
    match = _BALANCE.match(field)
    if match is None:
        faults.add("E-L01", rang=0, valeur=quoted(field))
        return None
    if match["currency"] != "MAD":
        faults.add("E-F13", devise=match["currency"])
    amount = Decimal(match["amount"].replace(",", ".") + "0")
    if amount != amount.quantize(Decimal("0.01")):
        faults.add("E-L03", rang=0, valeur=quoted(match["amount"]))
        return None
    amount = amount.quantize(Decimal("0.01"))
    return -amount if match["mark"] == "D" else amount


def _balance_day(field: str) -> date | None:
    figures = field[1:7]
    try:
        return date(2000 + int(figures[:2]), int(figures[2:4]), int(figures[4:6]))
    except ValueError:
        return None


def _check_movement(movement: str, rank: int, faults: Faults) -> None:
    """Sign, days and amount of a `:61:` line, before the library may read it its own way."""
    match = _MOVEMENT.match(movement)
    if match is None:
        marked = re.match(r":61:[0-9]{6}([0-9]{4}| {4})?R?[DC]", movement, re.ASCII)
        dated = re.match(r":61:[0-9]{6}", movement, re.ASCII)
        if marked or not dated:
            faults.add("E-L04", rang=rank, champ=":61:", valeur=quoted(movement[4:14]))
        else:
            faults.add("E-L05", rang=rank)
        return
    if _balance_day(f" {match['value']}") is None:
        faults.add("E-L04", rang=rank, champ=":61:", valeur=match["value"])
    written = match["amount"].strip()
    if not _AMOUNT.fullmatch(written):
        faults.add("E-L01", rang=rank, valeur=quoted(written))
        return
    amount = Decimal(written.replace(",", ".") + "0")
    if amount == 0:
        faults.add("E-L02", rang=rank)
    elif amount != amount.quantize(Decimal("0.01")):
        faults.add("E-L03", rang=rank, valeur=quoted(written))


def _line(
    data: dict[str, Any], rank: int, statement: StatementSummary, profile: ReadingProfile
) -> CanonicalLine:
    mark = str(data["status"]).upper()
    credit = mark in ("C", "RD")
    kind = str(data.get("id") or "").strip()
    value = _plain(data["date"])
    entry = data.get("guessed_entry_date") or data.get("entry_date")
    label = _label(data)
    customer = meaningful(str(data.get("customer_reference") or ""))
    bank_ref = meaningful(str(data.get("bank_reference") or ""))
    end_to_end, mandate, creditor = _EREF.search(label), _MARF.search(label), _REMI.search(label)
    reversal = mark in ("RC", "RD") or kind == _RETURN
    # A word that is a reason in a return may be anything in the text of a payment.
    reason = _reason(label, profile) if reversal else ""
    return CanonicalLine(
        rank=rank,
        kind=LineKind.CREDIT if credit else LineKind.DEBIT,
        amount=abs(Decimal(data["amount"].amount)).quantize(Decimal("0.01")),
        currency="MAD",
        our_account=statement.account,
        booking_day=_plain(entry) if entry else value,
        value_day=value,
        operation_day=_plain(entry) if entry else value,
        is_reversal=reversal,
        statement=statement.statement_id,
        transaction_ref=bank_ref,
        end_to_end=meaningful(end_to_end[1]) if end_to_end else customer,
        mandate=meaningful(mandate[1]) if mandate else "",
        creditor_ref=creditor[1] if creditor else "",
        free_text=label,
        nature=profile.natures.get(kind, kind),
        reason_code=reason,
        original_bank_ref=bank_ref if reversal else "",
        source_path=f":61:[{rank}]",
    )  # fmt: skip


def _reason(label: str, profile: ReadingProfile) -> str:
    """The reason a bank wrote in the text of a return: one agreed with it, else an ISO one that our table knows."""
    said = _SUBFIELD.sub(" ", label)
    words = said.split()
    agreed = (known for known in profile.reasons if known and known in words)
    return next(agreed, "") or next(
        (code for code in _ISO_REASON.findall(said) if code in REASONS), ""
    )


def _plain(day: Any) -> date:
    return date(day.year, day.month, day.day)


def _label(data: dict[str, Any]) -> str:
    """Everything the bank wrote around the movement, in one text."""
    names = ("extra_details", "transaction_details", "purpose", "additional_purpose", "end_to_end_reference",
             "applicant_name", "posting_text")  # fmt: skip
    return "\n".join(str(data[name]) for name in names if data.get(name))


def _check_balances(
    one: StatementSummary,
    fields: dict[str, list[str]],
    closings: dict[str, Decimal],
    faults: Faults,
) -> None:
    """Opening + movements = closing; the page after a 62M opens with its balance."""
    if one.opening is None or one.closing is None:
        return
    if one.opening + one.booked != one.closing:
        faults.add(
            "E-F15",
            ouverture=one.opening,
            mvt=one.booked,
            calcul=one.opening + one.booked,
            final=one.closing,
        )
    last = closings.pop(one.account, None)
    if "60M" in fields and last is not None and last != one.opening:
        faults.add("E-F17", pages=one.page or "–")
    if "62M" in fields:
        closings[one.account] = one.closing
