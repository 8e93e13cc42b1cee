"""CP1, our confirmation file for banks without a standard. Fields: docs/formats/cp1.md.

UTF-8 text, ``;`` between fields, one record a line: ``E`` the header, ``D`` one operation, ``F`` the totals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import IO, Final

from payments.codecs.faults import Faults, FormatError, fault, quoted
from payments.codecs.kinds import FileFormat
from payments.codecs.records import (
    CanonicalLine,
    MessageSummary,
    StatementSummary,
    account_number,
    meaningful,
)
from payments.enums import LineKind
from regulation.money import from_cents

_HEADER_FIELDS: Final = 8
_LINE_FIELDS: Final = 16
_TOTAL_FIELDS: Final = 7
_NATURES: Final = {"ENC": LineKind.CREDIT, "REJ": LineKind.REJECT, "ANN": LineKind.DEBIT}
_DAY: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})", re.ASCII)
_INSTANT: Final = re.compile(r"[0-9]{14}", re.ASCII)
_COUNT: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_LONGEST_LINE: Final = 2000


def inspect(stream: IO[bytes]) -> MessageSummary:
    """First pass: header, order of records, ranks, amounts, days and totals. Writes nothing."""
    summary = MessageSummary(format=FileFormat.CP1, version="1")
    try:
        for line in _operations(stream, summary, summary.faults):
            summary.count(line)
    except FormatError as error:
        summary.faults.append(error.fault)
        return summary
    if not summary.lines and not summary.faults.refuses:
        summary.faults.add("F21")
    return summary


def read(stream: IO[bytes]) -> Iterator[CanonicalLine]:
    """Second pass: the operations in the order of the file. To be called on a file that `inspect` accepts."""
    summary = MessageSummary(format=FileFormat.CP1)
    yield from _operations(stream, summary, summary.faults)


def _operations(
    stream: IO[bytes], summary: MessageSummary, faults: Faults
) -> Iterator[CanonicalLine]:
    stream.seek(0)
    day: date | None = None
    expected_rank = 1
    totals = {nature: (0, Decimal("0.00")) for nature in _NATURES}
    closed = False
    number = 0
    for number, text in _text_lines(stream):
        fields = text.split(";")
        record = fields[0]
        expected = "E" if number == 1 else "D | F"
        if closed or record not in expected.split(" | "):
            raise FormatError(fault("E-F23", code=quoted(record), ligne=number, ordre="E, D…, F"))
        if record == "E":
            day = _header(fields, number, summary, faults)
        elif record == "D":
            line = _operation(fields, number, summary, day, faults, expected_rank)
            expected_rank += 1
            if line is not None:
                count, total = totals[fields[2]]
                totals[fields[2]] = (count + 1, total + line.amount)
                yield line
        else:
            closed = True
            if not faults.refuses:
                _check_totals(fields, number, totals, faults)
    if not closed:
        raise FormatError(fault("E-F23", code="–", ligne=number + 1, ordre="E, D…, F"))


def _text_lines(stream: IO[bytes]) -> Iterator[tuple[int, str]]:
    """The lines of the file, numbered from 1, without their ends; refuses bytes that are not UTF-8 (E-F07)."""
    offset = 0
    for number, raw in enumerate(iter(lambda: stream.readline(_LONGEST_LINE), b""), start=1):
        body = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
        try:
            text = body.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            skipped = len(raw) - len(body)
            raise FormatError(
                fault("E-F07", octet=offset + skipped + error.start, encodage="UTF-8")
            ) from None
        offset += len(raw)
        if text or number == 1:
            yield number, text


def _right_count(fields: list[str], count: int, number: int) -> None:
    if len(fields) != count:
        raise FormatError(fault("E-F22c", ligne=number, longueur=len(fields), attendue=count))


def _header(fields: list[str], number: int, summary: MessageSummary, faults: Faults) -> date | None:
    _right_count(fields, _HEADER_FIELDS, number)
    _record, _name, bank_code, file_id, created, accounting_day, rib, currency = fields
    summary.bank_code = bank_code.strip()
    summary.message_id = file_id.strip()
    if not summary.message_id or len(summary.message_id) > 35:
        faults.add(
            "E-F09",
            schema="CP1",
            element="E.4",
            valeur=quoted(file_id),
            ligne=number,
            detail="1…35",
        )
    if currency != "MAD":
        faults.add("E-F13", devise=quoted(currency) or "–")
    day = _day(accounting_day)
    if day is None:
        faults.add("E-L04", rang=0, champ="E.6", valeur=quoted(accounting_day))
    if not _INSTANT.fullmatch(created):
        faults.add("E-L04", rang=0, champ="E.5", valeur=quoted(created))
    summary.created_on = _day(created[:8])
    summary.statements.append(
        StatementSummary(
            statement_id=summary.message_id,
            account=account_number(rib),
            currency=currency,
            created_on=summary.created_on,
        )
    )
    return day


def _operation(
    fields: list[str],
    number: int,
    summary: MessageSummary,
    day: date | None,
    faults: Faults,
    expected_rank: int,
) -> CanonicalLine | None:
    """One ``D`` record, or None when a fault (noted) makes it unreadable."""
    _right_count(fields, _LINE_FIELDS, number)
    (
        _record, rank, nature, channel, bank_ref, code, order_ref, affiliate, rib, payer, amount_text,
        operation, value, reason, original, text,
    ) = (field.strip() for field in fields)  # fmt: skip
    before = faults.total
    if rank != str(expected_rank):
        faults.add("E-F24", rang=quoted(rank) or "–")
    kind = _NATURES.get(nature)
    if kind is None:
        faults.add("E-L05", rang=expected_rank)
    amount = _cents(amount_text)
    if amount is None:
        code_of_fault = "E-L02" if amount_text.lstrip("-") != amount_text else "E-L01"
        faults.add(code_of_fault, rang=expected_rank, valeur=quoted(amount_text))
    elif not amount:
        faults.add("E-L02", rang=expected_rank)
    operation_day, value_day = _day(operation), _day(value)
    if operation_day is None:
        faults.add("E-L04", rang=expected_rank, champ="D.12", valeur=quoted(operation))
    if value_day is None and value:
        faults.add("E-L04", rang=expected_rank, champ="D.13", valeur=quoted(value))
    for place, missing in (("D.14", kind not in (None, LineKind.CREDIT) and not reason),
                           ("D.15", kind is LineKind.DEBIT and not original)):  # fmt: skip
        if missing:
            faults.add("E-F09", schema="CP1", element=place, valeur="", ligne=number, detail="–")
    if faults.total > before or kind is None or amount is None or day is None:
        return None
    return CanonicalLine(
        rank=expected_rank,
        kind=kind,
        amount=amount,
        currency="MAD",
        our_account=summary.statements[0].account,
        booking_day=day,
        value_day=value_day,
        operation_day=operation_day,
        is_reversal=kind is LineKind.DEBIT,
        statement=summary.message_id,
        transaction_ref=meaningful(bank_ref),
        end_to_end=meaningful(order_ref),
        creditor_ref=meaningful(code),
        free_text=text,
        payer_name=payer,
        payer_rib=account_number(rib),
        affiliation_number=affiliate,
        channel=channel,
        reason_code=reason,
        original_bank_ref=meaningful(original),
        source_path=f"D[{expected_rank}]",
        notes=() if value_day else (fault("L07", rang=expected_rank),),
    )


def _check_totals(
    fields: list[str], number: int, totals: dict[str, tuple[int, Decimal]], faults: Faults
) -> None:
    _right_count(fields, _TOTAL_FIELDS, number)
    for place, (nature, (count, total)) in enumerate(totals.items()):
        said_count, said_total = fields[1 + 2 * place], _cents(fields[2 + 2 * place])
        if not _COUNT.fullmatch(said_count) or said_total is None:
            faults.add("E-L01", rang=f"F.{nature}", valeur=quoted(fields[2 + 2 * place]))
        elif int(said_count) != count or said_total != total:
            faults.add(
                "E-F14", n1=int(said_count), s1=said_total, n2=count, s2=total,
                ecart=total - said_total,
            )  # fmt: skip


def _cents(text: str) -> Decimal | None:
    """Whole centimes in ASCII digits to dirhams."""
    return from_cents(int(text)) if _COUNT.fullmatch(text) else None


def _day(text: str) -> date | None:
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
