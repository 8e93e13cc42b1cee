"""Fixed-width records: each field described once, then cut, diagnosed and written from it.

Physical rules of the exchange (Cahier des Charges e-BDS v2, e-BDS §2): records of exactly
260 characters, one byte each, ended by a line feed. What common software does instead
(carriage returns, cut trailing blanks, accents, a byte-order mark) is recognised here and
counted, so that the rules can name it; nothing is repaired in silence.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
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
        widths = "".join(f"{field.length}s" for field in self.fields)
        #: The bytes of each field, fillers too, for the terminators of one and of two bytes.
        self._structs = {end: struct.Struct(f"3x{widths}{end}x") for end in (1, 2)}

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

    def columns_of(self, block: Block) -> list[Sequence[str | int]] | None:
        """The values of many records at once: one sequence a field, read as records read theirs.

        None when a field of any of them is not of its type, or is blank where that is allowed:
        each record is then to be read on its own.
        """
        columns: list[Sequence[str | int]] = []
        unpacked = self._structs[block.terminator].iter_unpack(block.content)
        for field, raw in zip(self.fields, zip(*unpacked, strict=True), strict=True):
            alike = raw.count(raw[0]) == len(raw)
            if field.kind is FieldKind.FILLER:
                if not alike or raw[0].strip(b" "):
                    return None
                continue
            joined = b"".join(raw)
            # A line feed inside a text: these are not the lines they seem to be.
            if b"\n" in joined if field.kind is FieldKind.TEXT else not joined.isdigit():
                return None
            read = _READERS[field.kind]
            columns.append([read(raw[0])] * len(raw) if alike else [read(one) for one in raw])
        return columns

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


def _text(raw: bytes) -> str:
    return raw.decode("ascii").rstrip()


_READERS: Mapping[FieldKind, Callable[[bytes], str | int]] = {
    FieldKind.NUMBER: int,
    FieldKind.DIGITS: _text,
    FieldKind.TEXT: _text,
}


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


@dataclass(frozen=True, slots=True)
class Block:
    """Records of 260 plain characters that follow each other, each with the same terminator."""

    content: bytes
    count: int
    terminator: int  # bytes: 1 for LF, 2 for CR LF


class LineReader:
    """The lines of a binary stream, one pass, bounded memory, with what was seen on the way."""

    def __init__(self, stream: BinaryIO, opening: bytes = b"") -> None:
        self._stream = stream
        self._buffer = opening or stream.read(CHUNK)  # opening: bytes already taken from the stream
        self._at = 0  # where the next line begins in the buffer
        self.number = 0  # of the last line given
        self.byte_order_mark = self._buffer.startswith(b"\xef\xbb\xbf")
        if self.byte_order_mark:
            self._at = 3
        self.carriage_returns = 0  # lines ended by CR LF (D1)
        self.not_ascii = 0  # lines in UTF-8 or Latin-1 (D3)
        self.first_not_ascii = 0
        self.last_terminated = True

    def __iter__(self) -> Iterator[PhysicalLine]:
        while (raw := self._next()) is not None:
            self.number += 1
            if raw.endswith(b"\r"):
                self.carriage_returns += 1
                raw = raw[:-1]
            if raw.isascii():
                yield PhysicalLine(self.number, raw.decode("ascii"))
            else:
                self.not_ascii += 1
                self.first_not_ascii = self.first_not_ascii or self.number
                yield _decoded(self.number, raw)

    def block(self, opening: bytes, most: int) -> Block | None:
        """Up to `most` records of the type `opening` that come next, without moving on; None when none does."""
        buffer, start = self._buffer, self._at
        terminator = 2 if buffer[start + RECORD_LENGTH : start + RECORD_LENGTH + 1] == b"\r" else 1
        width = RECORD_LENGTH + terminator
        ends = buffer[start + width - 1 : start + most * width : width]
        count = len(ends) - len(ends.lstrip(b"\n"))
        for rank, byte in enumerate(opening):
            firsts = buffer[start + rank : start + count * width : width]
            count = len(firsts) - len(firsts.lstrip(bytes((byte,))))
        content = buffer[start : start + count * width]
        ends_alike = content[RECORD_LENGTH::width] == (b"\r" if terminator == 2 else b"\n") * count
        if not count or not ends_alike or not content.isascii():
            return None
        return Block(content, count, terminator)

    def skip(self, block: Block, count: int) -> None:
        """Move on past the first `count` records of the block that comes next."""
        self._at += count * (RECORD_LENGTH + block.terminator)
        self.number += count
        self.carriage_returns += count if block.terminator == 2 else 0

    def _next(self) -> bytes | None:
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            # Nothing reads a longer line: its end is let go, and memory stays bounded.
            kept = self._buffer[self._at : self._at + LONGEST_LINE]
            more = self._stream.read(CHUNK)
            self._buffer, self._at = kept + more, 0
            if more:
                continue
            self._buffer = b""
            if not kept:
                return None
            self.last_terminated = False
            return kept
        raw = self._buffer[self._at : end]
        self._at = end + 1
        return raw


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
