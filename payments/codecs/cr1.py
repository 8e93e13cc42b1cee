"""CR1, our answer to a bank: one verdict per operation and the same control totals. Fields: docs/formats/cr1.md.

Writer and reader are exact inverses; the reader also serves banks that want to check their own software.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from payments.codecs.faults import FormatError, fault, quoted
from payments.enums import LineKind, LineVerdict
from regulation.money import from_cents, to_cents

_SEPARATOR = re.compile(r"[ \u00a0\u202f]?;")

WHOLE_FILE: Final = 0
"""The rank of a record that speaks of the file and not of an operation."""

_SIGNS: Final = {
    LineKind.CREDIT: "C",
    LineKind.DEBIT: "D",
    LineKind.REJECT: "R",
    LineKind.INFO: "I",
}
_KINDS: Final = {sign: kind for kind, sign in _SIGNS.items()}
_ORDER: Final = tuple(LineVerdict)


@dataclass(frozen=True, slots=True)
class ReturnHeader:
    """What the answer is about: our receipt, the bank's own file identifier, the digest of the bytes."""

    receipt_number: str
    file_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """The answer to one operation; rank 0 and verdict REF for a fault of the whole file. Amount in dirhams."""

    rank: int
    bank_ref: str
    kind: LineKind
    amount: Decimal
    verdict: LineVerdict
    code: str = ""
    message: str = ""


def write(header: ReturnHeader, lines: Iterable[ReturnLine]) -> Iterator[bytes]:
    """The bytes of the return file, record by record (UTF-8, LF), totals counted as they pass."""
    yield _record("E", "CR1", header.receipt_number, header.file_id, header.sha256)
    counts = dict.fromkeys(_ORDER, 0)
    sums = dict.fromkeys(_ORDER, Decimal("0.00"))
    for line in lines:
        if line.rank != WHOLE_FILE:
            counts[line.verdict] += 1
            sums[line.verdict] += line.amount
        yield _record(
            "R",
            str(line.rank),
            line.bank_ref,
            _SIGNS[line.kind],
            str(to_cents(line.amount)),
            line.verdict.value,
            line.code,
            line.message,
        )
    fields: list[str] = []
    for verdict in _ORDER:
        fields += [verdict.value, str(counts[verdict]), str(to_cents(sums[verdict]))]
    total = to_cents(sum(sums.values(), Decimal("0.00")))
    yield _record("F", *fields, "TOT", str(sum(counts.values())), str(total))


def read(data: bytes) -> tuple[ReturnHeader, list[ReturnLine]]:
    """Header and answers of a return file; refuses wrong records (E-F22, E-F23) and totals (E-F14)."""
    rows = [row.split(";") for row in data.decode("utf-8").removeprefix("\ufeff").splitlines()]
    shapes = {"E": 5, "R": 8, "F": 1 + 3 * (len(_ORDER) + 1)}
    for number, row in enumerate(rows, start=1):
        expected = "E" if number == 1 else "F" if number == len(rows) else "R"
        if row[0] != expected:
            raise FormatError(fault("E-F23", code=quoted(row[0]), ligne=number, ordre="E, R…, F"))
        if len(row) != shapes[expected]:
            raise FormatError(
                fault("E-F22c", ligne=number, longueur=len(row), attendue=shapes[expected])
            )
    if len(rows) < 2:
        raise FormatError(fault("E-F23", code="–", ligne=len(rows) + 1, ordre="E, R…, F"))
    header = ReturnHeader(*rows[0][2:])
    lines = [
        ReturnLine(
            int(rank), bank_ref, _KINDS[sign], from_cents(int(cents)), LineVerdict(verdict), code, message
        )
        for _record_name, rank, bank_ref, sign, cents, verdict, code, message in rows[1:-1]
    ]  # fmt: skip
    said_count, said_total = int(rows[-1][-2]), from_cents(int(rows[-1][-1]))
    answers = [line for line in lines if line.rank != WHOLE_FILE]
    total = sum((line.amount for line in answers), Decimal("0.00"))
    if said_count != len(answers) or said_total != total:
        raise FormatError(
            fault(
                "E-F14",
                n1=said_count,
                s1=said_total,
                n2=len(answers),
                s2=total,
                ecart=total - said_total,
            )
        )
    return header, lines


def _record(*fields: str) -> bytes:
    return (";".join(_clean(field) for field in fields) + "\n").encode()


def _clean(value: str) -> str:
    """No separator, no line break, no control character inside a field."""
    inside = _SEPARATOR.sub(
        ",", value
    )  # French sets a space before a semicolon, none before a comma
    return "".join(c if c.isprintable() else " " for c in inside)
