"""Small fixed-width and MT940 files built by hand. Identifiers are invented, with right keys."""

from __future__ import annotations

import datetime
import io
from typing import Any

from payments.codecs import reading
from payments.codecs.faults import FormatError
from payments.codecs.profiles import shipped
from payments.codecs.records import CanonicalLine, MessageSummary, ReadingProfile

NEAR = datetime.date(2026, 4, 10)
EXAMPLE = shipped("cfonb-example")
BANK, BRANCH, ACCOUNT = "30078", "00001", "12345678901"
PLACE = BANK + BRANCH + ACCOUNT


def put(length: int, **zones: str) -> str:
    """A record with texts at positions (`at35`), from 1; the rest is blank."""
    record = [" "] * length
    for place, text in zones.items():
        start = int(place.removeprefix("at")) - 1
        record[start : start + len(text)] = text
    assert len(record) == length
    return "".join(record)


def overpunched(cents: int) -> str:
    """Fourteen characters, the last one carrying the sign."""
    figures = f"{abs(cents):014}"
    letters = "{ABCDEFGHI" if cents >= 0 else "}JKLMNOPQR"
    return figures[:13] + letters[int(figures[13])]


def record_120(code: str, cents: int | None = None, *, day: str = "100426", **zones: str) -> str:
    amount = {"at91": overpunched(cents)} if cents is not None else {}
    return put(
        120, at1=code, at3=BANK, at12=BRANCH, at17="MAD", at20="2", at22=ACCOUNT, at35=day, **amount, **zones
    )  # fmt: skip


def cfonb_120(*records: str, opening: int = 0, closing: int = 0) -> bytes:
    text = [record_120("01", opening, day="090426"), *records, record_120("07", closing)]
    return ("\r\n".join(text) + "\r\n").encode("cp1252")


def cfonb_160(*orders: str, total: int, operation: str = "08") -> bytes:
    head = put(
        160, at1="03", at3=operation, at13="123456", at26="10046", at31="CNSS", at87=BRANCH, at92=ACCOUNT, at150=BANK
    )  # fmt: skip
    tail = put(160, at1="08", at3=operation, at103=f"{total:016}")
    return "\n".join([head, *orders, tail]).encode("cp1252")


def order_160(reference: str, cents: int, reason: str = "") -> str:
    return put(
        160, at1="06", at3="08", at19=reference, at31="ATLAS MAILLE", at103=f"{cents:016}", at119="COTISATIONS",
        at148=reason,
    )  # fmt: skip


def cfonb_240(*details: str, total: int, operation: str = "27") -> bytes:
    head = put(240, at1="31", at3="000001", at9=operation, at11="100426", at22=PLACE, at43="CNSS")
    tail = put(240, at1="39", at3=f"{len(details) + 2:06}", at9=operation, at229=f"{total:012}")
    return "\n".join([head, *details, tail]).encode("cp1252")


def detail_240(sequence: int, cents: int, operation: str = "27", **zones: str) -> str:
    return put(
        240, at1="34", at3=f"{sequence:06}", at9=operation, at22=PLACE, at78="30099", at99="ATLAS",
        at229=f"{cents:012}", **zones,
    )  # fmt: skip


def mt940(
    *movements: str, opening: str = "C260409MAD1000,00", closing: str = "C260410MAD1000,00",
    account: str = "230780123456789012000038", reference: str = "STMT1", number: str = "00012/001",
    opening_tag: str = "60F", closing_tag: str = "62F",
) -> str:  # fmt: skip
    lines = [f":20:{reference}", f":25:{account}", f":28C:{number}", f":{opening_tag}:{opening}"]
    return "\n".join([*lines, *movements, f":{closing_tag}:{closing}", "-", ""])


def inspected(data: bytes, profile: ReadingProfile = EXAMPLE) -> MessageSummary:
    with reading.open_file(io.BytesIO(data), profile, near=NEAR) as opened:
        return reading.inspect(opened)


def lines(data: bytes, profile: ReadingProfile = EXAMPLE) -> list[CanonicalLine]:
    with reading.open_file(io.BytesIO(data), profile, near=NEAR) as opened:
        return list(reading.lines(opened))


def codes(data: bytes, profile: ReadingProfile = EXAMPLE) -> list[str]:
    """The codes told about a file, whoever refuses it."""
    try:
        return [item.code for item in inspected(data, profile).faults]
    except FormatError as error:
        return [error.fault.code]


def facts(data: bytes, profile: ReadingProfile = EXAMPLE) -> dict[str, Any]:
    """The facts of the first fault."""
    return dict(next(iter(inspected(data, profile).faults)).facts)
