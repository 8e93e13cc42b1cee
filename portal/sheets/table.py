"""What a spreadsheet holds, whatever its format: cells, a line of titles, rows, and the faults of their form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from portal.enums import CellKind
from regulation.text import ascii_digits

#: Where the line of titles is looked for, and how many of its cells.
TITLE_ROWS = 30
TITLE_CELLS = 256
#: A text longer than this is nobody's name, and is cut.
LONGEST_TEXT = 200
#: Form faults told; a sheet that is wrong everywhere says so often enough.
MOST_FAULTS = 2_000


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """Which columns a kind of list has: what its reader must know of it, and no more.

    `titles` gives the column that each writing of a title stands for (written by `titles_of`), `required` the
    columns without which nothing can be read, `most_rows` where the reading stops.
    """

    titles: Mapping[str, str]
    required: tuple[str, ...]
    most_rows: int


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
    columns: Mapping[str, int]
    required: tuple[str, ...]
    unknown: Mapping[int, str] = field(default_factory=dict)
    repeated: Mapping[int, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        return [column for column in self.required if column not in self.columns]

    @property
    def is_list(self) -> bool:
        """Whether the row is meant as the titles of the list: two thirds of what is needed are there."""
        return 3 * len(self.missing) <= len(self.required)


@dataclass(slots=True)
class SheetTable:
    """The one list of a spreadsheet: rows by number, of the known columns only."""

    sheet: str = ""
    columns: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[int, dict[str, Cell]]] = field(default_factory=list)
    faults: list[SheetFault] = field(default_factory=list)


def plain_title(text: str) -> str:
    """A title without accents, signs of any kind and capitals, so that « N° d'Affiliation » is found."""
    bare = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(" " if not c.isalnum() else c for c in bare if not unicodedata.combining(c))
    return " ".join(kept.split())


def titles_of(written: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """The titles of a layout from the writings of each column, compared without accents, signs and capitals."""
    return {plain_title(title): column for column, titles in written.items() for title in titles}


def read_titles(row: int, cells: Mapping[int, Cell], layout: SheetLayout) -> Titles:
    """What a row says as a line of titles."""
    columns: dict[str, int] = {}
    unknown: dict[int, str] = {}
    repeated: dict[int, str] = {}
    for place, cell in sorted(cells.items())[:TITLE_CELLS]:
        text = cell.text.strip()
        if not text:
            continue
        known = layout.titles.get(plain_title(text)) if cell.kind is CellKind.TEXT else None
        if known is None:
            unknown[place] = text
        elif known in columns:
            repeated[place] = text
        else:
            columns[known] = place
    return Titles(row, columns, layout.required, unknown, repeated)


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
    sheet: str,
    numbered: Iterator[tuple[int, dict[int, Cell]]],
    table: SheetTable,
    layout: SheetLayout,
) -> Titles | None:
    """Fill a table with the rows under its titles; gives the titles, None when there are none.

    Blank rows are passed over. Stops at the most that the list may hold.
    """
    titles: Titles | None = None
    best: Titles | None = None
    wanted: dict[int, str] = {}
    for row, cells in numbered:
        if titles is None:
            if row > TITLE_ROWS:
                return best
            read = read_titles(row, cells, layout)
            if not read.is_list:
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
        if len(table.rows) >= layout.most_rows:
            break
    return titles if titles is not None else best


def shortened(text: str) -> str:
    """A text as it is kept: its digits ASCII, not longer than a cell of ours can mean."""
    return ascii_digits(text[: LONGEST_TEXT + 1])[:LONGEST_TEXT]
