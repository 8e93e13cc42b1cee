"""The declaration file (e-BDS): main B00 to B06 and supplementary E00 to E06, read and written.

Layout: Cahier des Charges e-BDS v2 (February 2006); field by field in docs/formats/e-bds.md.
Amounts are whole centimes. The reader judges form only; truth is for `declarations.rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from declarations.codecs.fixed_width import Field, Layout
from declarations.codecs.prefill import PrefillLine
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
    RecordReader,
    RecordType,
)
from declarations.enums import LineSituation

MAIN, SUPPLEMENTARY = "B", "E"
MAIN_CATEGORY = "B0"
#: Rank of a situation in the control sum (e-BDS §5.1), looked up once for every line.
RANKS = {situation.value: situation.rank for situation in LineSituation}
AWAITING_NUMBER = "000000000"
OCCASIONAL_LABOUR = "999999999"


class PrefilledLine(NamedTuple):
    """x02: what the employer declares for a person of the prefill."""

    affiliation_number: str
    period: str
    registration_number: str
    name: str
    children: int
    af_payable: int
    af_deducted: int
    af_net: int
    af_returned: int
    days_declared: int
    gross_wage: int
    capped_wage: int
    situation: str
    control_sum: int


class PrefilledTotals(NamedTuple):
    """x03: the sums of the x02 records."""

    affiliation_number: str
    period: str
    employees: int
    children: int
    af_payable: int
    af_deducted: int
    af_net: int
    registration_numbers: int
    af_returned: int
    days_declared: int
    gross_wage: int
    capped_wage: int
    control_sums: int


class NewHireLine(NamedTuple):
    """x04: a person absent from the prefill; all blank and zero when there is none."""

    affiliation_number: str
    period: str
    registration_number: str
    name: str
    cin: str
    days_declared: int
    gross_wage: int
    capped_wage: int
    control_sum: int

    @property
    def is_empty_form(self) -> bool:
        """The single record that says "no new hire" (e-BDS §4.7)."""
        return self[2:] == ("", "", "", 0, 0, 0, 0)


class Totals(NamedTuple):
    """x05, the sums of the x04 records, and x06, the sums of x03 and x05."""

    affiliation_number: str
    period: str
    employees: int
    registration_numbers: int
    days_declared: int
    gross_wage: int
    capped_wage: int
    control_sums: int


PREFILLED_LINE = Layout(
    "02",
    (
        *KEY_FIELDS,
        Field("N_Num_Assure", "registration_number", 9, D, may_be_blank=True),
        Field("L_Nom_Prenom", "name", 60, AN),
        Field("N_Enfants", "children", 2, N),
        Field("N_AF_A_Payer", "af_payable", 6, N),
        Field("N_AF_A_Deduire", "af_deducted", 6, N),
        Field("N_AF_Net_A_Payer", "af_net", 6, N),
        Field("N_AF_A_Reverser", "af_returned", 6, N),
        Field("N_Jours_Declares", "days_declared", 2, N),
        Field("N_Salaire_Reel", "gross_wage", 13, N),
        Field("N_Salaire_Plaf", "capped_wage", 9, N),
        Field("L_Situation", "situation", 2, AN),
        Field("S_Ctr", "control_sum", 19, N),
        Field("L_filler", "", 104, FILLER),
    ),
)
PREFILLED_TOTALS = Layout(
    "03",
    (
        *KEY_FIELDS,
        Field("N_Nbr_Salaries", "employees", 6, N),
        Field("N_T_Enfants", "children", 6, N),
        Field("N_T_AF_A_Payer", "af_payable", 12, N),
        Field("N_T_AF_A_Deduire", "af_deducted", 12, N),
        Field("N_T_AF_Net_A_Payer", "af_net", 12, N),
        Field("N_T_Num_Imma", "registration_numbers", 15, N),
        Field("N_T_AF_A_Reverser", "af_returned", 12, N),
        Field("N_T_Jours_Declares", "days_declared", 6, N),
        Field("N_T_Salaire_Reel", "gross_wage", 15, N),
        Field("N_T_Salaire_Plaf", "capped_wage", 13, N),
        Field("N_T_Ctr", "control_sums", 19, N),
        Field("L_filler", "", 116, FILLER),
    ),
)
NEW_HIRE_LINE = Layout(
    "04",
    (
        *KEY_FIELDS,
        Field("N_Num_Assure", "registration_number", 9, D, may_be_blank=True),
        Field("L_Nom_Prenom", "name", 60, AN),
        Field("L_Num_CIN", "cin", 8, AN),
        Field("N_Nbr_Jours", "days_declared", 2, N),
        Field("N_Sal_Reel", "gross_wage", 13, N),
        Field("N_Sal_Plaf", "capped_wage", 9, N),
        Field("S_Ctr", "control_sum", 19, N),
        Field("L_filler", "", 124, FILLER),
    ),
)


def _totals_layout(code: str) -> Layout:
    return Layout(
        code,
        (
            *KEY_FIELDS,
            Field("N_Nbr_Salaries", "employees", 6, N),
            Field("N_T_Num_Imma", "registration_numbers", 15, N),
            Field("N_T_Jours_Declares", "days_declared", 6, N),
            Field("N_T_Salaire_Reel", "gross_wage", 15, N),
            Field("N_T_Salaire_Plaf", "capped_wage", 13, N),
            Field("N_T_Ctr", "control_sums", 19, N),
            Field("L_filler", "", 170, FILLER),
        ),
    )


NEW_HIRE_TOTALS = _totals_layout("05")
GRAND_TOTALS = _totals_layout("06")

TYPES = {
    **HEADER_TYPES,
    "02": RecordType(PREFILLED_LINE, PrefilledLine),
    "03": RecordType(PREFILLED_TOTALS, PrefilledTotals),
    "04": RecordType(NEW_HIRE_LINE, NewHireLine),
    "05": RecordType(NEW_HIRE_TOTALS, Totals),
    "06": RecordType(GRAND_TOTALS, Totals),
}


def reader(stream: BinaryIO, opening: bytes = b"") -> RecordReader:
    """The records of a declaration file, one pass, whatever its length.

    `opening` are bytes already taken from the stream.
    """
    return RecordReader(stream, TYPES, opening)


def control_sum(line: PrefilledLine | NewHireLine) -> int:
    """S_Ctr of a line (e-BDS §4.5, §4.7): number + AF returned + days + wages + situation rank."""
    total = int(line.registration_number or 0) + line.days_declared
    total += line.gross_wage + line.capped_wage
    if isinstance(line, PrefilledLine):
        total += line.af_returned + RANKS[line.situation]
    return total


def prefilled_line(
    prefill: PrefillLine,
    *,
    days_declared: int,
    gross_wage: int,
    capped_wage: int,
    situation: str = "",
    af_returned: int = 0,
) -> PrefilledLine:
    """The B02 that answers an A02, its control sum made (wages in centimes)."""
    line = PrefilledLine(
        *prefill, af_returned, days_declared, gross_wage, capped_wage, situation, 0
    )
    return line._replace(control_sum=control_sum(line))


def new_hire_line(
    header: AffiliateHeader,
    *,
    registration_number: str,
    name: str,
    cin: str = "",
    days_declared: int,
    gross_wage: int,
    capped_wage: int,
) -> NewHireLine:
    """A B04 with its control sum made (wages in centimes)."""
    line = NewHireLine(
        header.affiliation_number,
        header.period,
        registration_number,
        name,
        cin,
        days_declared,
        gross_wage,
        capped_wage,
        0,
    )
    return line._replace(control_sum=control_sum(line))


def prefilled_totals(header: AffiliateHeader, lines: Iterable[PrefilledLine]) -> PrefilledTotals:
    """The x03 that these lines call for."""
    sums = [0] * 11
    for line in lines:
        number = int(line.registration_number or 0)
        sums[0] += 1 if line.registration_number else 0
        for index, value in enumerate((*line[4:8], number, *line[8:12], line.control_sum), 1):
            sums[index] += value
    return PrefilledTotals(header.affiliation_number, header.period, *sums)


def new_hire_totals(header: AffiliateHeader, lines: Iterable[NewHireLine]) -> Totals:
    """The x05 that these lines call for; the empty form is not counted."""
    sums = [0] * 6
    for line in lines:
        sums[0] += 0 if line.is_empty_form else 1
        for index, value in enumerate((int(line.registration_number or 0), *line[5:9]), 1):
            sums[index] += value
    return Totals(header.affiliation_number, header.period, *sums)


def grand_totals(prefilled: PrefilledTotals, new_hires: Totals) -> Totals:
    """The x06: x03 and x05 added, field by field."""
    return Totals(
        prefilled.affiliation_number,
        prefilled.period,
        prefilled.employees + new_hires.employees,
        prefilled.registration_numbers + new_hires.registration_numbers,
        prefilled.days_declared + new_hires.days_declared,
        prefilled.gross_wage + new_hires.gross_wage,
        prefilled.capped_wage + new_hires.capped_wage,
        prefilled.control_sums + new_hires.control_sums,
    )


def file_name(affiliation_number: str, period: str, *, supplement_number: int = 0) -> str:
    """`DS_…` or `DSC<n>_…` with the period as AAAAMM, the form seen in the field (e-BDS §3)."""
    prefix = f"DSC{supplement_number}" if supplement_number else "DS"
    return f"{prefix}_{affiliation_number}_{period}.txt"


def write(
    *,
    transfer_identifier: str,
    header: AffiliateHeader,
    lines: Iterable[PrefilledLine] = (),
    new_hires: Iterable[NewHireLine] = (),
    supplement_number: int = 0,
) -> Iterator[bytes]:
    """A whole conforming file, record by record, each with its line feed.

    Lines keep their own control sums; totals are made here. With a `supplement_number`
    (1 to 9) the file is supplementary and `lines` must be empty. Raises FieldOverflow when a
    value or a total does not fit: nothing is ever cut (e-BDS §4.9).
    """
    prefilled = list(lines)
    hires = list(new_hires)
    family, category = MAIN, MAIN_CATEGORY
    if supplement_number:
        if prefilled:
            raise ValueError("a supplementary declaration holds new hires only")
        family, category = SUPPLEMENTARY, f"E{supplement_number}"
        prefilled = [empty_prefilled_line(header)]
    hires = hires or [empty_new_hire(header)]
    subtotal, hired = prefilled_totals(header, prefilled), new_hire_totals(header, hires)
    yield _encoded(FILE_HEADER.write(family, FileHeader(transfer_identifier, category)))
    yield _encoded(AFFILIATE_HEADER.write(family, header))
    for line in prefilled:
        yield _encoded(PREFILLED_LINE.write(family, line))
    yield _encoded(PREFILLED_TOTALS.write(family, subtotal))
    for hire in hires:
        yield _encoded(NEW_HIRE_LINE.write(family, hire))
    yield _encoded(NEW_HIRE_TOTALS.write(family, hired))
    yield _encoded(GRAND_TOTALS.write(family, grand_totals(subtotal, hired)))


def empty_new_hire(header: AffiliateHeader) -> NewHireLine:
    """The x04 that says "no new hire"."""
    return NewHireLine(header.affiliation_number, header.period, "", "", "", 0, 0, 0, 0)


def empty_prefilled_line(header: AffiliateHeader) -> PrefilledLine:
    """The E02 that every supplementary file carries (e-BDS §4.9)."""
    return PrefilledLine(
        header.affiliation_number, header.period, "", "", 0, 0, 0, 0, 0, 0, 0, 0, "", 0
    )


def _encoded(record: str) -> bytes:
    return record.encode("ascii") + b"\n"
