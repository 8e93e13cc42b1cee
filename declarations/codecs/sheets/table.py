"""What a spreadsheet holds, whatever its format: cells, a line of titles, rows, and the faults of their form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from declarations.enums import CellKind, SheetColumn
from regulation.text import ascii_digits

#: Where the line of titles is looked for, and how many of its cells.
TITLE_ROWS = 30
TITLE_CELLS = 256
#: A text longer than this is nobody's name, and is cut.
LONGEST_TEXT = 200
#: One more than a declaration can hold, so that too many is seen (e-BDS §4.9).
MOST_ROWS = 38_462
#: Form faults told; a sheet that is wrong everywhere says so often enough.
MOST_FAULTS = 2_000

#: Without these there is nothing to declare.
REQUIRED = (SheetColumn.NUMBER, SheetColumn.DAYS, SheetColumn.WAGE)

#: Other writings of the titles, in French and in Arabic; compared without accents, signs and capitals.
_OTHER_TITLES: Mapping[SheetColumn, tuple[str, ...]] = {
    SheetColumn.AFFILIATE: ("رقم الانخراط", "affilié", "n° affilié", "n° affiliation"),
    SheetColumn.PERIOD: ("الفترة", "mois"),
    SheetColumn.NUMBER: (
        "رقم التسجيل", "n° immatriculation", "immatriculation", "n° cnss", "numéro cnss", "matricule cnss",
        "n° assuré",
    ),
    SheetColumn.LAST_NAME: ("الاسم العائلي", "nom de famille"),
    SheetColumn.FIRST_NAME: ("الاسم الشخصي", "prénoms"),
    SheetColumn.FULL_NAME: ("الاسم الكامل", "nom prénom", "nom & prénom", "salarié"),
    SheetColumn.CIN: ("البطاقة الوطنية", "cnie", "n° cin", "numéro de cin"),
    SheetColumn.CHILDREN: ("الأطفال", "nombre d’enfants", "nb enfants"),
    SheetColumn.AF_PAYABLE: ("التعويضات العائلية المستحقة",),
    SheetColumn.AF_DEDUCTED: ("التعويضات العائلية المقتطعة",),
    SheetColumn.AF_NET: ("التعويضات العائلية الصافية", "af net"),
    SheetColumn.AF_RETURNED: ("التعويضات العائلية المسترجعة",),
    SheetColumn.DAYS: (
        "الأيام المصرّح بها", "الأيام", "jours", "nombre de jours", "nb jours", "jours travaillés",
    ),
    SheetColumn.WAGE: ("الأجر الحقيقي", "salaire", "salaire brut", "brut", "salaire réel (dh)"),
    SheetColumn.CAPPED: ("الأجر المسقّف",),
    SheetColumn.SITUATION: ("الوضعية", "code situation"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One filled cell: what it is, and its value as text (numbers as `1234.5`, days as `2026-02-10`)."""

    kind: CellKind
    text: str


@dataclass(frozen=True, slots=True)
class SheetFault:
    """Something wrong with the form of a spreadsheet; rows and columns are counted from 1, 0 for none."""

    code: str
    sheet: str = ""
    row: int = 0
    column: int = 0
    value: str = ""
    expected: str = ""
    nature: str = ""


class UnreadableSheet(Exception):
    """Nothing of the file can be read; its one fault says why."""

    def __init__(self, fault: SheetFault) -> None:
        super().__init__(fault.code)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Titles:
    """The line of titles: which column (from 1) is which, what is unknown, repeated or missing."""

    row: int
    columns: Mapping[SheetColumn, int]
    unknown: Mapping[int, str] = field(default_factory=dict)
    repeated: Mapping[int, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[SheetColumn]:
        return [column for column in REQUIRED if column not in self.columns]


@dataclass(slots=True)
class SheetTable:
    """The one list of a spreadsheet: rows by number, of the known columns only."""

    sheet: str = ""
    columns: dict[SheetColumn, int] = field(default_factory=dict)
    rows: list[tuple[int, dict[SheetColumn, Cell]]] = field(default_factory=list)
    faults: list[SheetFault] = field(default_factory=list)


def _plain(text: str) -> str:
    """A title without accents, signs of any kind and capitals, so that « N° d'Affiliation » is found."""
    bare = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(" " if not c.isalnum() else c for c in bare if not unicodedata.combining(c))
    return " ".join(kept.split())


_KNOWN = {
    _plain(title): column
    for column in SheetColumn
    for title in (column.label, *_OTHER_TITLES.get(column, ()))
}


def read_titles(row: int, cells: Mapping[int, Cell]) -> Titles:
    """What a row says as a line of titles."""
    columns: dict[SheetColumn, int] = {}
    unknown: dict[int, str] = {}
    repeated: dict[int, str] = {}
    for place, cell in sorted(cells.items())[:TITLE_CELLS]:
        text = cell.text.strip()
        if not text:
            continue
        known = _KNOWN.get(_plain(text)) if cell.kind is CellKind.TEXT else None
        if known is None:
            unknown[place] = text
        elif known in columns:
            repeated[place] = text
        else:
            columns[known] = place
    return Titles(row, columns, unknown, repeated)


def is_list(titles: Titles) -> bool:
    """Whether a row is meant as the titles of a list of wages: two of the three that are needed."""
    return len(titles.missing) < 2


def column_name(place: int) -> str:
    """The letters of a column: 1 is A, 27 is AA."""
    name = ""
    while place > 0:
        place, rest = divmod(place - 1, 26)
        name = chr(65 + rest) + name
    return name


def cell_name(row: int, column: int) -> str:
    """`D14`; a whole row is `14`, a whole column `D`."""
    return f"{column_name(column)}{row or ''}"


def parse_cell_name(name: str) -> tuple[int, int]:
    """Row and column of `D14`, with or without `$`; zero for what is not there."""
    match = re.fullmatch(r"\$?([A-Z]{0,3})\$?([0-9]{0,7})", name, re.ASCII)
    if match is None:
        return 0, 0
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2] or 0), column


def collect(
    sheet: str, numbered: Iterator[tuple[int, dict[int, Cell]]], table: SheetTable
) -> Titles | None:
    """Fill a table with the rows under its titles; gives the titles, None when there are none.

    Blank rows are passed over. Stops once there are more rows than a declaration holds.
    """
    titles: Titles | None = None
    best: Titles | None = None
    wanted: dict[int, SheetColumn] = {}
    for row, cells in numbered:
        if titles is None:
            if row > TITLE_ROWS:
                return best
            read = read_titles(row, cells)
            if not is_list(read):
                if best is None and read.columns:
                    best = read
                continue
            titles = read
            table.sheet, table.columns = sheet, dict(titles.columns)
            wanted = {place: column for column, place in titles.columns.items()}
            continue
        found = {wanted[place]: cell for place, cell in cells.items() if place in wanted}
        if not any(cell.text.strip() for cell in found.values()):
            continue
        table.rows.append((row, found))
        if len(table.rows) >= MOST_ROWS:
            break
    return titles if titles is not None else best


def shortened(text: str) -> str:
    """A text as it is kept: its digits ASCII, not longer than a cell of ours can mean."""
    return ascii_digits(text[: LONGEST_TEXT + 1])[:LONGEST_TEXT]
