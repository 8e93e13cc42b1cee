"""Fixed-width records: each field described once, then cut, diagnosed and written from it.

Physical rules of the exchange (Cahier des Charges e-BDS v2, e-BDS §2): records of exactly
260 characters, one byte each, ended by a line feed. What common software does instead
(carriage returns, cut trailing blanks, accents, a byte-order mark) is recognised here and
counted, so that the rules can name it; nothing is repaired in silence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

RECORD_LENGTH = 260
#: The 38 characters that alphanumeric fields may hold (e-BDS §2).
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \t"
#: A line longer than this is cut when read: no record comes near it, and memory stays bounded.
LONGEST_LINE = 4096
CHUNK = 1 << 16


class FieldKind(StrEnum):
    """How a field is read and written; the values are those of the official tables."""

    NUMBER = "N"  # digits, zero-filled, read as an integer
    DIGITS = "N text"  # digits kept as text: identifiers, periods, dates
    TEXT = "AN"  # left-aligned, space-filled, read without its trailing blanks
    FILLER = "filler"  # spaces


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its official name, our attribute (empty for a filler) and its width."""

    name: str
    attribute: str
    length: int
    kind: FieldKind
    may_be_blank: bool = False


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A field that cannot be what its type says: R7 for digits, R16 for a filler."""

    field: Field
    columns: tuple[int, int]
    value: str


class FieldOverflow(ValueError):
    """A value does not fit its field. A writer refuses; it never cuts (e-BDS §4.9, D24)."""


_PATTERNS = {
    FieldKind.NUMBER: "([0-9]{%d})",
    FieldKind.DIGITS: "([0-9]{%d})",
    FieldKind.TEXT: "(.{%d})",
    FieldKind.FILLER: " {%d}",
}


class Layout:
    """The fields of one record type after its three-character type, 257 columns in all."""

    def __init__(self, code: str, fields: Sequence[Field]) -> None:
        self.code = code
        self.fields = tuple(fields)
        self.values = tuple(field for field in fields if field.kind is not FieldKind.FILLER)
        self._columns: dict[str, tuple[int, int]] = {}
        position = 4
        for field in self.fields:
            self._columns[field.name] = (position, position + field.length - 1)
            position += field.length
        if position - 1 != RECORD_LENGTH:
            raise AssertionError(f"layout {code} covers {position - 1} columns")
        #: Last column that holds a value: a shorter line has lost more than blanks.
        self.meaningful = max(self._columns[field.name][1] for field in self.values)
        self._pattern = re.compile(
            "..." + "".join(self._piece(field) for field in self.fields), re.DOTALL
        )

    @staticmethod
    def _piece(field: Field) -> str:
        piece = _PATTERNS[field.kind] % field.length
        if field.may_be_blank and field.kind is not FieldKind.TEXT:
            return f"({piece[1:-1]}| {{{field.length}}})"
        return piece

    def columns(self, name: str) -> tuple[int, int]:
        """First and last column of a field, 1-based and inclusive, as the official tables say."""
        return self._columns[name]

    def cut(self, text: str) -> tuple[str, ...] | None:
        """The raw values of a well-formed 260-character record; None when a field is at fault."""
        match = self._pattern.fullmatch(text)
        return match.groups() if match else None

    def slices(self, text: str) -> tuple[str, ...]:
        """The raw values wherever they stand, well formed or not."""
        return tuple(
            text[first - 1 : last] for first, last in (self.columns(f.name) for f in self.values)
        )

    def diagnose(self, text: str) -> list[FieldFault]:
        """Every field of the record that is not of its type, in column order."""
        faults = []
        for field in self.fields:
            first, last = self._columns[field.name]
            raw = text[first - 1 : last]
            if re.fullmatch(self._piece(field), raw, re.DOTALL) is None:
                faults.append(FieldFault(field, (first, last), raw))
        return faults

    def write(self, family: str, values: Sequence[str | int]) -> str:
        """One record of exactly 260 characters, without its line feed.

        `values` follows the order of the fields, fillers left out. Raises FieldOverflow
        when a value is too long, negative or not writable in its field.
        """
        pieces = [family + self.code]
        remaining = iter(values)
        for field in self.fields:
            if field.kind is FieldKind.FILLER:
                pieces.append(" " * field.length)
            else:
                pieces.append(_written(field, next(remaining)))
        return "".join(pieces)


def _written(field: Field, value: str | int) -> str:
    text = str(value)
    if field.kind is FieldKind.TEXT or (field.may_be_blank and not text):
        written = text.ljust(field.length)
    elif re.fullmatch("[0-9]+", text) is None:
        raise FieldOverflow(f"{field.name}: {text!r} is not a whole number")
    else:
        written = text.rjust(field.length, "0")
    if len(written) != field.length:
        raise FieldOverflow(f"{field.name}: {text!r} does not fit {field.length} columns")
    return written


def transliterate(text: str) -> str:
    """The same words in the 38 characters: upper case, no accent, punctuation as a space.

    A character without a plain equivalent (an Arabic letter, a question mark that stands
    for a lost accent) stays, so that the rules can point at it (e-BDS §2).
    """
    plain = unicodedata.normalize("NFD", text.replace("œ", "oe").replace("Œ", "OE"))
    without_accents = "".join(c for c in plain if not unicodedata.combining(c)).upper()
    return re.sub("['’`.\\-_]", " ", without_accents)


@dataclass(frozen=True, slots=True)
class PhysicalLine:
    """One line of the file, its terminator taken off; `byte_positions` when each byte is a column."""

    number: int
    text: str
    byte_positions: bool = False


class LineReader:
    """The lines of a binary stream, one pass, bounded memory, with what was seen on the way."""

    def __init__(self, stream: BinaryIO, opening: bytes = b"") -> None:
        self._stream = stream
        self._opening = opening  # bytes already taken from the stream
        self.bytes_read = 0
        self.byte_order_mark = False
        self.carriage_returns = 0  # lines ended by CR LF (D1)
        self.not_ascii = 0  # lines in UTF-8 or Latin-1 (D3)
        self.first_not_ascii = 0
        self.last_terminated = True

    def __iter__(self) -> Iterator[PhysicalLine]:
        for number, raw in enumerate(self._split(), 1):
            if raw.endswith(b"\r"):
                self.carriage_returns += 1
                raw = raw[:-1]
            if raw.isascii():
                yield PhysicalLine(number, raw.decode("ascii"))
            else:
                self.not_ascii += 1
                self.first_not_ascii = self.first_not_ascii or number
                yield _decoded(number, raw)

    def _split(self) -> Iterator[bytes]:
        kept = b""
        chunk = self._opening or self._stream.read(CHUNK)
        self.byte_order_mark = chunk.startswith(b"\xef\xbb\xbf")
        if self.byte_order_mark:
            chunk = chunk[3:]
        while chunk:
            self.bytes_read += len(chunk)
            *lines, kept = (kept + chunk).split(b"\n")
            yield from lines
            kept = kept[:LONGEST_LINE]
            chunk = self._stream.read(CHUNK)
        if kept:
            self.last_terminated = False
            yield kept


def _decoded(number: int, raw: bytes) -> PhysicalLine:
    """Text of a line that is not ASCII: UTF-8 when it is, Latin-1 otherwise.

    Some tools pad to 260 characters, others to 260 bytes; when the bytes are exactly a
    record and the characters are fewer, columns are counted in bytes.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return PhysicalLine(number, raw.decode("latin-1"))
    if len(raw) == RECORD_LENGTH and len(text) < RECORD_LENGTH:
        return PhysicalLine(number, raw.decode("latin-1"), byte_positions=True)
    return PhysicalLine(number, text)


def characters_of(field: str) -> str:
    """The characters of a field that was cut by bytes out of a UTF-8 line."""
    return field.encode("latin-1").decode("utf-8", errors="replace")
