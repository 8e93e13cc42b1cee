"""Excel workbooks (Office Open XML, ISO/IEC 29500), read as a stream: what a cell holds, not what it shows.

Written here rather than taken from a library, because a declaration needs what readers leave out: formulas rather
than their last result, merged cells, hidden rows, days that a spreadsheet made of amounts
(docs/decisions/spreadsheets.md). Sizes that the file states are claims; what is read is counted.
"""

from __future__ import annotations

import datetime
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import IO, Any, BinaryIO, Final

from lxml import etree

from portal.enums import CellKind
from portal.sheets.table import (
    MOST_FAULTS,
    Cell,
    SheetFault,
    SheetLayout,
    SheetTable,
    Titles,
    UnreadableSheet,
    cell_name,
    collect,
    parse_cell_name,
    shortened,
)
from regulation.text import _

#: The real bytes of the parts together: a sheet of 38,000 people has 45 MB.
MOST_BYTES: Final = 160 * 1_048_576
MOST_ENTRIES: Final = 400
MOST_STRINGS: Final = 400_000
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1

_SETTINGS: Final[dict[str, bool]] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    # A comment inside a value would cut it; dropped by the parser, the value is what a spreadsheet shows.
    "remove_comments": True,
    "remove_pis": True,
}
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION: Final = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
# libxml2's own limits: memory, the size of a text, what entities may unfold to, depth.
_TOO_MUCH: Final = frozenset((2, 89, 114))
_TRUE: Final = ("1", "true")

# Numbers of the built-in formats that show a day or a time (ISO/IEC 29500, part 1, 18.8.30).
_DAY_FORMATS: Final = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_QUOTED: Final = re.compile(r'"[^"]*"|\\.|\[(?!h|m|s)[^\]]*\]|_.|\*.', re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
# A spreadsheet keeps fifteen digits and writes seventeen: 8500.55 is stored as 8500.5499999999993.
_FIFTEEN: Final = Context(prec=15)
_LARGEST_EXPONENT: Final = 20
_DAY_ZERO: Final = datetime.date(1899, 12, 30)
_LAST_DAY: Final = 2_958_465


def _unreadable(nature: str) -> UnreadableSheet:
    return UnreadableSheet(SheetFault("S1", nature=nature))


def _too_big(nature: str) -> UnreadableSheet:
    return UnreadableSheet(SheetFault("S3", nature=nature))


_DAMAGED: Final = _("un fichier endommagé")


# -- the archive -------------------------------------------------------------------------------


class _Counted:
    """A part of the archive; what is read of it counts against the whole."""

    def __init__(self, part: IO[bytes], package: Package) -> None:
        self._part = part
        self._package = package

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._part.read(min(size, 65_536) if size > 0 else 65_536)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError):
            raise _unreadable(_DAMAGED) from None
        self._package.spend(len(data))
        return data


class Package:
    """The parts of a workbook by name, each opened as a counted stream."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        try:
            self._archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError):
            raise _unreadable(_DAMAGED) from None
        self._left = MOST_BYTES
        entries = self._archive.infolist()
        if len(entries) > MOST_ENTRIES:
            raise _too_big(_("l’archive contient trop de parties"))
        if sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise _too_big(_("il est démesuré une fois décompressé"))
        # Entries that share their bytes (the bombs without recursion) pack more than the file holds.
        if sum(entry.compress_size for entry in entries) > size:
            raise _too_big(_("ses parties se recouvrent"))
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise _unreadable(_("un classeur protégé par un mot de passe"))
        if any(entry.compress_type not in _METHODS for entry in entries):
            raise _unreadable(_("une archive d’un genre inhabituel"))
        self.names = {entry.filename for entry in entries}

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise _too_big(_("il est démesuré une fois décompressé"))

    def elements(self, name: str, tags: tuple[str, ...]) -> Iterator[Any]:
        """The elements of these local names in a part, each at its end tag, then emptied."""
        if name not in self.names:
            return
        try:
            with self._archive.open(name) as part:
                seen = False
                events = etree.iterparse(
                    _Counted(part, self),
                    events=("end",),
                    tag=tuple(f"{{*}}{tag}" for tag in tags),
                    **_SETTINGS,
                )
                for _event, element in events:
                    if not seen and element.getroottree().docinfo.doctype:
                        raise _unreadable(
                            _("un document XML avec une DTD, que le portail ne lit pas")
                        )
                    seen = True
                    yield element
                    element.clear()
                    while element.getprevious() is not None:
                        del element.getparent()[0]
        except etree.XMLSyntaxError as error:
            if error.code in _TOO_MUCH:
                raise _too_big(_("il contient un texte ou une ligne démesurés")) from None
            raise _unreadable(_DAMAGED) from None
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
            raise _unreadable(_DAMAGED) from None


def _refuse_other_formats(package: Package) -> None:
    names = package.names
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise UnreadableSheet(SheetFault("S2", value="vbaProject.bin"))
    if any(name.startswith(("xl/macrosheets/", "xl/dialogsheets/")) for name in names):
        raise UnreadableSheet(SheetFault("S2", value="Excel 4.0"))
    if "xl/workbook.bin" in names:
        raise _unreadable(_("un classeur binaire (.xlsb)"))
    if "content.xml" in names:
        raise _unreadable(_("un document OpenDocument (.ods)"))
    if any(name.startswith("word/") for name in names):
        raise _unreadable(_("un document Word"))
    if "xl/workbook.xml" not in names:
        raise _unreadable(_("une archive ZIP"))


# -- the workbook ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _SheetPart:
    name: str
    part: str
    is_hidden: bool


def _sheet_parts(package: Package) -> list[_SheetPart]:
    targets = {}
    for relation in package.elements("xl/_rels/workbook.xml.rels", ("Relationship",)):
        target = relation.get("Target", "")
        kind = relation.get("Type", "")
        if kind.endswith("/worksheet"):
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            targets[relation.get("Id")] = part
    found = []
    for sheet in package.elements("xl/workbook.xml", ("sheet",)):
        part = targets.get(sheet.get(_RELATION) or sheet.get(_STRICT_RELATION))
        if part is not None:
            hidden = sheet.get("state") in ("hidden", "veryHidden")
            found.append(_SheetPart(shortened(sheet.get("name", "")), part, hidden))
    return found


def _shared_strings(package: Package) -> list[str]:
    strings: list[str] = []
    for item in package.elements("xl/sharedStrings.xml", ("si",)):
        if len(strings) >= MOST_STRINGS:
            raise _too_big(_("il contient trop de textes"))
        strings.append(_text(item))
    return strings


def _text(item: Any) -> str:
    """The text of a string: its own, or those of its runs; phonetic hints apart."""
    pieces = []
    for child in item:
        name = _local(child)
        if name == "t":
            pieces.append(child.text or "")
        elif name == "r":
            pieces += [run.text or "" for run in child if _local(run) == "t"]
    return shortened("".join(pieces))


def _local(element: Any) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _day_styles(package: Package) -> frozenset[int]:
    """Which cell styles show a day or a time."""
    custom: dict[str, bool] = {}
    styles: set[int] = set()
    for element in package.elements("xl/styles.xml", ("numFmt", "cellXfs")):
        if _local(element) == "numFmt":
            code = _QUOTED.sub("", element.get("formatCode", ""))
            custom[element.get("numFmtId", "")] = any(c in "ymdhsYMDHS" for c in code)
            continue
        for index, style in enumerate(element):
            number = style.get("numFmtId", "0")
            known = number.isascii() and number.isdecimal() and int(number) in _DAY_FORMATS
            if custom.get(number, known):
                styles.add(index)
    return frozenset(styles)


# -- one sheet ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sheet:
    """A sheet while it is read; what its rows do not say is known once they are read."""

    package: Package
    source: _SheetPart
    strings: list[str]
    day_styles: frozenset[int]
    merged: list[str] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def rows(self) -> Iterator[tuple[int, dict[int, Cell]]]:
        number = 0
        for element in self.package.elements(self.source.part, ("row", "col", "mergeCell")):
            name = _local(element)
            if name == "mergeCell":
                if len(self.merged) < MOST_FAULTS:
                    self.merged.append(element.get("ref", "")[:40])
            elif name == "col":
                if element.get("hidden") in _TRUE and len(self.hidden_columns) < MOST_FAULTS:
                    first, last = element.get("min", "0")[:6], element.get("max", "0")[:6]
                    if (first + last).isascii() and first.isdecimal() and last.isdecimal():
                        self.hidden_columns.append((int(first), int(last)))
            else:
                stated = element.get("r", "")
                number = (
                    int(stated)
                    if stated.isascii() and stated.isdecimal() and len(stated) < 8
                    else number + 1
                )
                cells = self._cells(element)
                if cells and element.get("hidden") in _TRUE and len(self.hidden_rows) < MOST_FAULTS:
                    self.hidden_rows.append(number)
                yield number, cells

    def _cells(self, row: Any) -> dict[int, Cell]:
        cells: dict[int, Cell] = {}
        place = 0
        for element in row:
            name = element.get("r")
            place = self._place(name) if name else place + 1
            cell = self._cell(element)
            if cell is not None:
                cells[place] = cell
        return cells

    def _place(self, name: str) -> int:
        letters = name.rstrip("0123456789")
        place = self._places.get(letters)
        if place is None:
            place = self._places[letters] = parse_cell_name(letters)[1]
        return place

    def _cell(self, element: Any) -> Cell | None:
        value, formula, inline = "", None, ""
        for child in element:
            name = _local(child)
            if name == "v":
                value = child.text or ""
            elif name == "f":
                formula = child.text or ""
            elif name == "is":
                inline = _text(child)
        if formula is not None:
            return Cell(CellKind.FORMULA, shortened(f"={formula or '…'}"))
        kind = element.get("t", "n")
        if kind == "inlineStr":
            return Cell(CellKind.TEXT, inline) if inline else None
        if not value:
            return None
        if kind == "s":
            known = value.isascii() and value.isdecimal() and len(value) < 8
            index = int(value) if known else len(self.strings)
            if index >= len(self.strings):
                raise _unreadable(_DAMAGED)
            return Cell(CellKind.TEXT, self.strings[index])
        if kind == "n":
            return self._number(value, element.get("s", "0"))
        if kind == "b":
            return Cell(CellKind.BOOLEAN, "VRAI" if value == "1" else "FAUX")
        if kind == "e":
            return Cell(CellKind.ERROR, shortened(value))
        if kind == "d":
            return Cell(CellKind.DAY, shortened(value))
        return Cell(CellKind.TEXT, shortened(value))

    def _number(self, value: str, style: str) -> Cell:
        if _NUMBER.fullmatch(value) is None:
            return Cell(CellKind.TEXT, shortened(value))
        number = _FIFTEEN.create_decimal(value)
        if abs(number.adjusted()) > _LARGEST_EXPONENT and number:
            return Cell(CellKind.TEXT, shortened(value))
        is_day = style.isascii() and style.isdecimal() and int(style[:6]) in self.day_styles
        if is_day and 0 < number <= _LAST_DAY:
            day = _DAY_ZERO + datetime.timedelta(days=int(number))
            return Cell(CellKind.DAY, day.isoformat())
        return Cell(CellKind.NUMBER, _written(number))


def _written(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# -- the whole ---------------------------------------------------------------------------------


def read(stream: BinaryIO, size: int, layout: SheetLayout) -> SheetTable:
    """The one list of a workbook of `size` bytes, with the faults of its form.

    Raises UnreadableSheet when nothing can be read: another format (S1), macros (S2), too large (S3).
    """
    package = Package(stream, size)
    _refuse_other_formats(package)
    sources = _sheet_parts(package)
    strings, day_styles = _shared_strings(package), _day_styles(package)
    table = SheetTable()
    chosen: Titles | None = None
    nearly: tuple[_SheetPart, Titles] | None = None
    others: list[str] = []
    faults: list[SheetFault] = []
    for source in sources:
        if source.is_hidden:
            faults.append(SheetFault("S7", source.name, value=source.name, nature=_("feuille")))
            continue
        sheet = _Sheet(package, source, strings, day_styles)
        mine = SheetTable()
        titles = collect(source.name, sheet.rows(), mine, layout)
        if titles is None or not mine.columns:
            if titles is not None and nearly is None:
                nearly = source, titles
            continue
        others.append(source.name)
        if chosen is None:
            chosen, table = titles, mine
            faults += _form_faults(sheet, titles, mine)
    if len(others) > 1:
        raise UnreadableSheet(SheetFault("S12", value=" ; ".join(others)[:60]))
    if chosen is None:
        faults.insert(0, _no_titles(nearly))
    table.faults = faults + table.faults
    return table


def _no_titles(nearly: tuple[_SheetPart, Titles] | None) -> SheetFault:
    if nearly is None:
        return SheetFault("S4")
    source, titles = nearly
    missing = ",".join(titles.missing)
    return SheetFault("S4", source.name, titles.row, 0, expected=missing)


def _form_faults(sheet: _Sheet, titles: Titles, table: SheetTable) -> list[SheetFault]:
    name = sheet.source.name
    faults = title_faults(name, titles)
    last = table.rows[-1][0] if table.rows else titles.row
    ours: Mapping[int, object] = {place: column for column, place in titles.columns.items()}
    for reference in sheet.merged:
        first, _colon, end = reference.partition(":")
        (top, left), (bottom, right) = parse_cell_name(first), parse_cell_name(end or first)
        if top <= last and bottom >= titles.row and any(left <= place <= right for place in ours):
            faults.append(SheetFault("S6", name, top, left, value=reference))
    rows = [row for row in sheet.hidden_rows if row > titles.row]
    if rows:
        shown = ", ".join(map(str, rows[:8])) + (" …" if len(rows) > 8 else "")
        faults.append(SheetFault("S7", name, rows[0], 0, value=shown, nature=_("ligne")))
    for first_column, last_column in sheet.hidden_columns:
        hidden = [place for place in sorted(ours) if first_column <= place <= last_column]
        faults += [
            SheetFault("S7", name, 0, place, value=cell_name(0, place), nature=_("colonne"))
            for place in hidden
        ]
    return faults


def title_faults(sheet: str, titles: Titles) -> list[SheetFault]:
    """What is wrong with a line of titles: S4 missing, S5 repeated, S10 unknown."""
    faults = []
    if titles.missing:
        missing = ",".join(titles.missing)
        faults.append(SheetFault("S4", sheet, titles.row, 0, expected=missing))
    for code, cells in (("S5", titles.repeated), ("S10", titles.unknown)):
        faults += [
            SheetFault(code, sheet, titles.row, place, value=text[:60])
            for place, text in list(cells.items())[:50]
        ]
    return faults
