"""The same list as comma-separated values: UTF-8 or the encodings of older spreadsheets, `;` `,` or tab."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from portal.enums import CellKind
from portal.sheets.table import (
    Cell,
    SheetFault,
    SheetLayout,
    SheetTable,
    UnreadableSheet,
    collect,
    read_titles,
    shortened,
)
from portal.sheets.xlsx import title_faults
from regulation.text import _

#: A spreadsheet that knows no Unicode writes French in the first, Arabic in the second.
ENCODINGS: Final = ("utf-8-sig", "cp1252", "cp1256")
DELIMITERS: Final = (";", ",", "\t")
#: How much is looked at to tell whether a text is such a list.
OPENING: Final = 4_096

# `="000123456"` is how programs keep the zeros of a number in a csv; `'=…` is how ours keeps a text inert.
_KEPT_TEXT: Final = re.compile(r'="([^"]*)"')
_INERT: Final = re.compile("'[=+\\-@|%\\s]")
_FORMULA: Final = re.compile(r"[=@]|[+-][^0-9]")


def looks_like_list(opening: bytes, layout: SheetLayout) -> bool:
    """Whether the first bytes of a file show the titles of a list."""
    return _dialect(opening[:OPENING], layout) is not None


def _dialect(opening: bytes, layout: SheetLayout) -> tuple[str, str] | None:
    """Encoding and delimiter with which the titles can be read."""
    for encoding in ENCODINGS:
        text = opening.decode(encoding, errors="replace" if encoding != "utf-8-sig" else "ignore")
        for line in text.splitlines()[:5]:
            for delimiter in DELIMITERS:
                cells = next(csv.reader([line], delimiter=delimiter), [])
                titles = read_titles(1, dict(enumerate(map(_cell, cells), 1)), layout)
                if len(titles.columns) > 1 and titles.is_list:
                    return encoding, delimiter
    return None


def read(stream: BinaryIO, layout: SheetLayout) -> SheetTable:
    """The list of a csv, with the faults of its form; raises UnreadableSheet (S15) where its quotes are broken."""
    content = stream.read()
    dialect = _dialect(content[:OPENING], layout)
    table = SheetTable()
    if dialect is None:
        table.faults.append(SheetFault("S4"))
        return table
    encoding, delimiter = dialect
    text = _decoded(content, encoding)
    titles = collect("", _rows(text, delimiter), table, layout)
    if titles is not None:
        table.faults = title_faults("", titles) + table.faults
    return table


def _decoded(content: bytes, encoding: str) -> str:
    """The text; bytes that UTF-8 refuses are those of a French spreadsheet of before Unicode."""
    if encoding == "utf-8-sig":
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            encoding = ENCODINGS[1]
    return content.decode(encoding, errors="replace")


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, dict[int, Cell]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            yield number, {place: _cell(cell) for place, cell in enumerate(cells, 1) if cell}
    except csv.Error:
        nature = _("un guillemet n’est pas refermé, ou une cellule est démesurée")
        raise UnreadableSheet(SheetFault("S15", row=number + 1, nature=nature)) from None


def _cell(text: str) -> Cell:
    kept = _KEPT_TEXT.fullmatch(text.strip())
    if kept is not None:
        return Cell(CellKind.TEXT, shortened(kept[1]))
    if _INERT.match(text):
        return Cell(CellKind.TEXT, shortened(text[1:]))
    if _FORMULA.match(text.strip()) and len(text.strip()) > 1:
        return Cell(CellKind.FORMULA, shortened(text.strip()))
    return Cell(CellKind.TEXT, shortened(text))
