"""What the three families of e-BDS files share: record framing and the two headers.

Families: A, the prefill that the fund issues; B, the main declaration; E, a supplementary
one. Records x00 and x01 are the same in all three (e-BDS §4.1 and §4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from declarations.codecs.fixed_width import (
    RECORD_LENGTH,
    Block,
    Field,
    FieldFault,
    FieldKind,
    Layout,
    LineReader,
    PhysicalLine,
    characters_of,
)

N, D, AN, FILLER = FieldKind.NUMBER, FieldKind.DIGITS, FieldKind.TEXT, FieldKind.FILLER

#: Every detail and total record starts with these two fields.
KEY_FIELDS = (
    Field("N_Num_Affilie", "affiliation_number", 7, D),
    Field("L_Periode", "period", 6, D),
)


class FileHeader(NamedTuple):
    """x00: which transfer this is and what the file is (`A0`, `B0`, `E1` to `E9`)."""

    transfer_identifier: str
    category: str


class AffiliateHeader(NamedTuple):
    """x01: who declares, for which month, issued and due when (days as `AAAAMMJJ`)."""

    affiliation_number: str
    period: str
    company_name: str
    activity: str
    address: str
    city: str
    postal_code: str
    agency_code: str
    issued_on: str
    due_on: str


FILE_HEADER = Layout(
    "00",
    (
        Field("N_Identif_Transfert", "transfer_identifier", 14, D),
        Field("L_Cat", "category", 2, AN),
        Field("L_filler", "", 241, FILLER),
    ),
)
AFFILIATE_HEADER = Layout(
    "01",
    (
        *KEY_FIELDS,
        Field("L_Raison_Sociale", "company_name", 40, AN),
        Field("L_Activite", "activity", 40, AN),
        Field("L_Adresse", "address", 120, AN),
        Field("L_Ville", "city", 20, AN),
        Field("C_Code_Postal", "postal_code", 6, AN),
        Field("C_Code_Agence", "agency_code", 2, D),
        Field("D_Date_Emission", "issued_on", 8, D),
        Field("D_Date_Exig", "due_on", 8, D),
    ),
)


@dataclass(frozen=True, slots=True)
class RecordType:
    """A layout and the shape its values are read into."""

    layout: Layout
    shape: type[tuple[str | int, ...]]


HEADER_TYPES = {
    "00": RecordType(FILE_HEADER, FileHeader),
    "01": RecordType(AFFILIATE_HEADER, AffiliateHeader),
}


@dataclass(slots=True)
class Record:
    """One line of a file, read as far as it can be.

    `content` is None when the type is unknown, the length is wrong or a number cannot be
    read; `faults` then says where. A faulty filler leaves the content readable.
    """

    line_number: int
    text: str
    family: str
    code: str
    content: tuple[str | int, ...] | None = None
    faults: tuple[FieldFault, ...] = ()
    length: int = RECORD_LENGTH
    length_is_wrong: bool = False

    @property
    def name(self) -> str:
        """`B02` and the like, as the file says it."""
        return self.family + self.code


#: Lines read one by one after a fault, before reading together is tried again.
TRIED_AGAIN_AFTER = 32


@dataclass(frozen=True, slots=True)
class Together:
    """Records of one type, well formed, that follow each other; the first is on `first_line`."""

    first_line: int
    contents: Sequence[tuple[str | int, ...]]
    block: Block


class RecordReader:
    """Records of a stream in file order; `lines` holds what the physical reading noticed."""

    def __init__(
        self, stream: BinaryIO, types: Mapping[str, RecordType], opening: bytes = b""
    ) -> None:
        self.lines = LineReader(stream, opening)
        self.cut_lines = 0  # shorter than 260, re-padded (D2)
        self.first_cut = 0
        self._types = types
        self._alone_until = 0  # the last line of those that are read one by one
        self._converters = {
            code: tuple(_CONVERTERS[field.kind] for field in kind.layout.values)
            for code, kind in types.items()
        }

    def __iter__(self) -> Iterator[Record]:
        for line in self.lines:
            yield self._read(line)

    def together(self, name: str, most: int) -> Together | None:
        """The records `name` (`B02`) that come next, read together and not moved past; None when
        they have to be read one by one, which iterating does.

        Records without a fault of form are read so four times faster. After a fault the next
        ones are read one by one, so that a file full of faults is not read twice.
        """
        if self.lines.number < self._alone_until:
            return None
        block = self.lines.block(name.encode("ascii"), most)
        if block is None:
            return None
        kind = self._types[name[1:]]
        columns = kind.layout.columns_of(block)
        if columns is None:
            self._alone_until = self.lines.number + min(block.count, TRIED_AGAIN_AFTER)
            return None
        contents = list(map(kind.shape._make, zip(*columns, strict=True)))  # type: ignore[attr-defined]
        return Together(self.lines.number + 1, contents, block)

    def skip(self, together: Together, count: int) -> None:
        """Move on past the first `count` of the records that come next."""
        self.lines.skip(together.block, count)

    def _read(self, line: PhysicalLine) -> Record:
        text = line.text
        code = text[1:3]
        kind = self._types.get(code)
        length = len(text)
        record = Record(line.number, text, text[:1], code, length=length)
        if kind is None:
            return record
        if length != RECORD_LENGTH:
            if not kind.layout.meaningful <= length < RECORD_LENGTH:
                record.length_is_wrong = True
                return record
            self.cut_lines += 1
            self.first_cut = self.first_cut or line.number
            record.text = text = text.ljust(RECORD_LENGTH)
        values = kind.layout.cut(text)
        if values is None:
            record.faults = tuple(kind.layout.diagnose(text))
            if any(fault.field.kind is not FILLER for fault in record.faults):
                return record
            values = kind.layout.slices(text)
        if line.byte_positions:
            values = tuple(characters_of(value) for value in values)
        record.content = kind.shape._make(  # type: ignore[attr-defined]
            [convert(value) for convert, value in zip(self._converters[code], values, strict=True)]
        )
        return record


_CONVERTERS: Mapping[FieldKind, Callable[[str], str | int]] = {
    FieldKind.NUMBER: int,
    FieldKind.DIGITS: str.strip,
    FieldKind.TEXT: str.rstrip,
}
