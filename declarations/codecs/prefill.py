"""The prefill (préétabli) that the fund issues each month: records A00 to A03, read and written.

Layout: Cahier des Charges e-BDS v2 (February 2006); field by field in docs/formats/prefill.md.
Amounts are whole centimes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, cast

from declarations.codecs.fixed_width import Field, Layout
from declarations.codecs.records import (
    AFFILIATE_HEADER,
    AN,
    FILE_HEADER,
    FILLER,
    HEADER_TYPES,
    KEY_FIELDS,
    AffiliateHeader,
    D,
    FileHeader,
    N,
    Record,
    RecordReader,
    RecordType,
)

FAMILY = "A"
CATEGORY = "A0"


#: Lines read together: as many as a chunk of the file holds.
MOST_TOGETHER = 256


class PrefillLine(NamedTuple):
    """A02: one insured person the fund expects in the declaration."""

    affiliation_number: str
    period: str
    registration_number: str
    name: str
    children: int
    af_payable: int
    af_deducted: int
    af_net: int


class PrefillTotals(NamedTuple):
    """A03: the sums of the A02 records."""

    affiliation_number: str
    period: str
    employees: int
    children: int
    af_payable: int
    af_deducted: int
    af_net: int
    registration_numbers: int


LINE = Layout(
    "02",
    (
        *KEY_FIELDS,
        Field("N_Num_Assure", "registration_number", 9, D),
        Field("L_Nom_Prenom", "name", 60, AN),
        Field("N_Enfants", "children", 2, N),
        Field("N_AF_A_Payer", "af_payable", 6, N),
        Field("N_AF_A_Deduire", "af_deducted", 6, N),
        Field("N_AF_Net_A_Payer", "af_net", 6, N),
        Field("L_filler", "", 155, FILLER),
    ),
)
TOTALS = Layout(
    "03",
    (
        *KEY_FIELDS,
        Field("N_Nbr_Salaries", "employees", 6, N),
        Field("N_T_Enfants", "children", 6, N),
        Field("N_T_AF_A_Payer", "af_payable", 12, N),
        Field("N_T_AF_A_Deduire", "af_deducted", 12, N),
        Field("N_T_AF_Net_A_Payer", "af_net", 12, N),
        Field("N_T_Num_Imma", "registration_numbers", 15, N),
        Field("L_filler", "", 181, FILLER),
    ),
)
TYPES = {
    **HEADER_TYPES,
    "02": RecordType(LINE, PrefillLine),
    "03": RecordType(TOTALS, PrefillTotals),
}


@dataclass(frozen=True, slots=True)
class PrefillFile:
    """A prefill as read: what a declaration is compared with.

    `totals` is what the file states; `damaged` lists lines that could not be read, so that
    a broken download is said (R63) and not taken for the truth.
    """

    transfer_identifier: str
    header: AffiliateHeader
    lines: Mapping[str, PrefillLine] = field(default_factory=dict)
    totals: PrefillTotals | None = None
    damaged: tuple[int, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the stated totals agree with the lines (R63)."""
        if self.totals is None or self.damaged:
            return False
        return self.totals == totals_of(self.header, self.lines.values())


class NotAPrefill(ValueError):
    """The bytes are not a prefill: no readable A00 and A01."""


def file_name(affiliation_number: str, period: str) -> str:
    """`AFFEBDS_<affiliate>_<AAAAMM>.txt` (e-BDS §3); `period` as AAAAMM."""
    return f"AFFEBDS_{affiliation_number}_{period}.txt"


def totals_of(header: AffiliateHeader, lines: Iterable[PrefillLine]) -> PrefillTotals:
    """The A03 that these lines call for."""
    employees = children = payable = deducted = net = numbers = 0
    for line in lines:
        employees += 1
        children += line.children
        payable += line.af_payable
        deducted += line.af_deducted
        net += line.af_net
        numbers += int(line.registration_number)
    return PrefillTotals(
        header.affiliation_number,
        header.period,
        employees,
        children,
        payable,
        deducted,
        net,
        numbers,
    )


def write(
    *, transfer_identifier: str, header: AffiliateHeader, lines: Sequence[PrefillLine]
) -> Iterator[bytes]:
    """The file, record by record, each with its line feed; lines in ascending number.

    Raises FieldOverflow when a value does not fit: nothing is ever cut.
    """
    in_order = sorted(lines, key=lambda line: line.registration_number)
    yield _encoded(FILE_HEADER.write(FAMILY, FileHeader(transfer_identifier, CATEGORY)))
    yield _encoded(AFFILIATE_HEADER.write(FAMILY, header))
    for line in in_order:
        yield _encoded(LINE.write(FAMILY, line))
    yield _encoded(TOTALS.write(FAMILY, totals_of(header, in_order)))


def _encoded(record: str) -> bytes:
    return record.encode("ascii") + b"\n"


def read(stream: BinaryIO) -> PrefillFile:
    """A prefill from its bytes. Raises NotAPrefill when the two headers cannot be read."""
    heads: dict[str, Record] = {}
    lines: dict[str, PrefillLine] = {}
    totals: PrefillTotals | None = None
    damaged: list[int] = []
    reader = RecordReader(stream, TYPES)
    records = iter(reader)
    while True:
        together = reader.together(f"{FAMILY}02", MOST_TOGETHER) if len(heads) == 2 else None
        if together is not None:
            people = cast(Sequence[PrefillLine], together.contents)
            lines.update({line.registration_number: line for line in people})
            reader.skip(together, len(people))
            continue
        record = next(records, None)
        if record is None:
            break
        if record.line_number <= 2:
            if record.family != FAMILY or record.content is None:
                raise NotAPrefill(record.text[:40])
            heads[record.code] = record
        elif record.family != FAMILY or record.content is None:
            damaged.append(record.line_number)
        elif record.code == "02":
            line = cast(PrefillLine, record.content)
            lines[line.registration_number] = line
        elif record.code == "03":
            totals = cast(PrefillTotals, record.content)
    if heads.keys() != {"00", "01"}:
        raise NotAPrefill("")
    return PrefillFile(
        transfer_identifier=cast(FileHeader, heads["00"].content).transfer_identifier,
        header=cast(AffiliateHeader, heads["01"].content),
        lines=lines,
        totals=totals,
        damaged=tuple(damaged),
    )
