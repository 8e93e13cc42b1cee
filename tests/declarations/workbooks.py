"""Workbooks for the tests: filled as an accountant would, and damaged in every way."""

import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import xlsxwriter

TITLES = (
    "Numéro d’affiliation", "Période", "Numéro d’immatriculation", "Nom", "Prénom", "CIN", "Enfants",
    "AF à payer", "AF à déduire", "AF nettes", "Jours déclarés", "Salaire réel", "Situation",
)  # fmt: skip
#: The worked example of the format note (tests.declarations.samples), as a sheet: 3 known, 2 new.
ROWS: tuple[tuple[Any, ...], ...] = (
    ("1234567", 202601, "112233441", "ALPHA", "AMINE", None, 2, 600, 0, 600, 26, 8500.50, None),
    ("1234567", 202601, "155667789", "BRAVO", "BAHIJA", None, 0, 0, 0, 0, 20, 4123.45, None),
    ("1234567", 202601, "177889908", "CHARLIE", "CHAIMAE", None, 1, 300, 50, 250, None, None, "SO"),
    ("1234567", 202601, "000000000", "DELTA", "DRISS", "AB123456", None, None, None, None, 13, 1711.36, None),
    ("1234567", 202601, 190011223, "ECHO", "ESSAADIA", "K12345", None, None, None, None, 26, 6000.01, None),
)  # fmt: skip
DAYS, WAGE, SITUATION = 10, 11, 12

Damage = Callable[[xlsxwriter.Workbook, Any], None]


def workbook(
    rows: Sequence[Sequence[Any]] = ROWS,
    *,
    titles: Sequence[str] = TITLES,
    damage: Damage | None = None,
    first_row: int = 0,
) -> bytes:
    """A filled sheet called Salaires; `damage` is given the workbook and the sheet before they are written."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("Salaires")
        sheet.write_row(first_row, 0, titles)
        for number, row in enumerate(rows, first_row + 1):
            for place, value in enumerate(row):
                if value is not None:
                    sheet.write(number, place, value)
        if damage is not None:
            damage(book, sheet)
    return stream.getvalue()


def csv_of(
    rows: Sequence[Sequence[Any]] = ROWS,
    *,
    titles: Sequence[str] = TITLES,
    delimiter: str = ";",
    encoding: str = "utf-8-sig",
) -> bytes:
    lines = [delimiter.join(titles)]
    for row in rows:
        cells = ["" if value is None else str(value) for value in row]
        if delimiter == ";":
            cells = [cell.replace(".", ",") for cell in cells]
        lines.append(delimiter.join(cells))
    return "\r\n".join(lines).encode(encoding, errors="replace")


def with_cell(row: int, column: int, value: Any) -> list[list[Any]]:
    """The sound rows, one cell (both counted from 0) changed."""
    rows = [list(one) for one in ROWS]
    rows[row][column] = value
    return rows


def archive(parts: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as zipped:
        for name, content in parts.items():
            zipped.writestr(name, content)
    return stream.getvalue()


def with_part(content: bytes, name: str, change: Callable[[bytes], bytes] | bytes) -> bytes:
    """The workbook with one part replaced or added."""
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        parts = {one: zipped.read(one) for one in zipped.namelist()}
    parts[name] = change if isinstance(change, bytes) else change(parts[name])
    return archive(parts)
