"""Tables that leave for a spreadsheet, as csv or xlsx: true numbers, true days, no text that a spreadsheet would run.

A table is a name, its columns and an iterable of rows; a row is a tuple of plain values, and the type of a value says
how it is written: ``Decimal`` an amount, ``int`` a count, ``date`` a day, an aware ``datetime`` an instant in Morocco,
``bool`` oui or non, ``str`` a text (a registration number is a text), ``None`` an empty cell. Anything else is a bug.

    return attachment_of(
        "xlsx", name="releve-2045187", title=_("Relevé"), columns=[Column(_("Date"), 12), …], rows=rows
    )

The whole file is written before its first byte leaves, so that no export is cut in two; it is written to disk beyond
one megabyte and rows are taken one by one, so that memory does not grow with them (docs/decisions/spreadsheets.md).
"""

from __future__ import annotations

import csv
import datetime
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias, cast

from django.http import FileResponse
from django.utils.translation import get_language_bidi, gettext

from portal import downloads
from portal.clock import CASABLANCA

if TYPE_CHECKING:
    import xlsxwriter
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

Value: TypeAlias = "str | int | Decimal | datetime.date | None"

#: Kept in memory until this many bytes, then on disk.
_SPOOLED: Final = 1_048_576
TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
#: The longest text that a cell of a spreadsheet holds.
_LONGEST: Final = 32_767

# A spreadsheet takes a text that begins so for a formula, whatever the quotes around it in a csv. It may skip what
# cannot be seen (spaces, marks of direction), and Japanese and Chinese editions read the full-width forms alike.
_LIVE: Final = re.compile(
    "[\\s\\u00ad\\u200b-\\u200f\\u2028-\\u202f\\u2060-\\u2069\\ufeff]*[=+\\-@|%\uff1d\uff0b\uff0d\uff20\uff5c\uff05]"
    "|[\\t\\r\\n]"
)
# What XML 1.0 cannot hold and nobody can read; tab and line feed are kept.
_UNWRITABLE: Final = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\\ud800-\\udfff\\ufffe\\uffff]"
)


@dataclass(frozen=True, slots=True)
class Column:
    """The title of a column, already in the reader's language, and its width in characters."""

    title: str
    width: int = 16


def is_live(text: str) -> bool:
    """Whether a spreadsheet that opens this text in a csv may take it for a formula."""
    return _LIVE.match(text) is not None


def plain(text: str) -> str:
    """A text without what no cell can hold, at most 32,767 characters."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)[:_LONGEST]


def inert(text: str) -> str:
    """A text that a spreadsheet shows and never runs: an apostrophe stands before one that it might run."""
    text = plain(text)
    return f"'{text}" if is_live(text) else text


# -- csv ---------------------------------------------------------------------------------------


def write_csv(
    stream: BinaryIO, *, columns: Sequence[Column], rows: Iterable[Sequence[Value]]
) -> None:
    """UTF-8 with its mark, semicolons, decimal commas, ISO days, CR LF: what a French spreadsheet opens at once."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([inert(column.title) for column in columns])
    writer.writerows([_csv_cell(value) for value in row] for row in rows)
    text.flush()
    text.detach()


def _csv_cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return gettext("oui") if value else gettext("non")
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, Decimal):
        return f"{value:f}".replace(".", ",")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(CASABLANCA).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"no cell holds a {type(value).__name__}")


# -- xlsx --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CellFormats:
    """The looks of an exported workbook."""

    title: Format
    text: Format
    live_text: Format
    amount: Format
    count: Format
    day: Format
    instant: Format


def open_workbook(stream: BinaryIO) -> xlsxwriter.Workbook:
    """A workbook whose rows leave memory as they are written, top to bottom, and whose texts stay texts."""
    # Ten megabytes that a process which writes no workbook, a worker above all, does without.
    import xlsxwriter

    workbook = xlsxwriter.Workbook(
        stream,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "remove_timezone": True,
        },
    )
    # The same table is the same bytes: nothing in it says when it was made.
    workbook.set_properties({"created": datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)})
    return workbook


def cell_formats(workbook: xlsxwriter.Workbook, **common: object) -> CellFormats:
    """The formats of a table; ``common`` goes into each but the titles."""
    title = {"bold": True, "text_wrap": True, "valign": "top", "bottom": 1, "bg_color": "#E8EEF4"}
    # "quote_prefix" keeps a text a text even when somebody edits the cell.
    return CellFormats(
        title=workbook.add_format(title),
        text=workbook.add_format({"num_format": "@", **common}),
        live_text=workbook.add_format({"num_format": "@", "quote_prefix": True, **common}),
        amount=workbook.add_format({"num_format": "#,##0.00", **common}),
        count=workbook.add_format({"num_format": "0", **common}),
        day=workbook.add_format({"num_format": "dd/mm/yyyy", "align": "center", **common}),
        instant=workbook.add_format(
            {"num_format": "dd/mm/yyyy hh:mm", "align": "center", **common}
        ),
    )


def write_cell(sheet: Worksheet, row: int, column: int, value: Value, looks: CellFormats) -> None:
    """One value into one cell (both counted from 0), by its type. A text is never a formula or a link."""
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_string(row, column, gettext("oui") if value else gettext("non"), looks.text)
    elif isinstance(value, str):
        look = looks.live_text if is_live(value) else looks.text
        sheet.write_string(row, column, plain(value), look)
    elif isinstance(value, Decimal):
        sheet.write_number(row, column, value, looks.amount)
    elif isinstance(value, int):
        sheet.write_number(row, column, value, looks.count)
    elif isinstance(value, datetime.datetime):
        sheet.write_datetime(row, column, value.astimezone(CASABLANCA), looks.instant)
    elif isinstance(value, datetime.date):
        sheet.write_datetime(row, column, value, looks.day)
    else:
        raise TypeError(f"no cell holds a {type(value).__name__}")


def write_xlsx(
    stream: BinaryIO,
    *,
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Value]],
) -> None:
    """One sheet called ``title`` (31 characters at most are kept), its titles frozen, from right to left in Arabic."""
    with open_workbook(stream) as workbook:
        looks = cell_formats(workbook)
        sheet = workbook.add_worksheet(sheet_name(title))
        if get_language_bidi():
            sheet.right_to_left()
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width)
            sheet.write_string(0, place, plain(column.title), looks.title)
        for number, row in enumerate(rows, 1):
            for place, value in enumerate(row):
                write_cell(sheet, number, place, value, looks)


def write_guide(
    workbook: xlsxwriter.Workbook, *, name: str, heading: str, lines: Iterable[tuple[str, str]]
) -> None:
    """A last sheet that says how to fill the others: a subject a line, and what must be known of it."""
    sheet = workbook.add_worksheet(sheet_name(name))
    title = workbook.add_format({"bold": True, "font_size": 14})
    strong = workbook.add_format({"bold": True, "valign": "top"})
    text = workbook.add_format({"text_wrap": True, "valign": "top"})
    if get_language_bidi():
        sheet.right_to_left()
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 92)
    sheet.hide_gridlines(2)
    sheet.write_string(0, 0, plain(heading), title)
    for number, (subject, words) in enumerate(lines, 2):
        sheet.write_string(number, 0, plain(subject), strong)
        sheet.write_string(number, 1, plain(words), text)


def sheet_name(text: str) -> str:
    """A name that every spreadsheet takes: 31 characters, none of ``[]:*?/\\``, no apostrophe at an end."""
    name = re.sub(r"[\[\]:*?/\\]", " ", plain(text)).strip().strip("'")
    return name[:31] or "1"


# -- both --------------------------------------------------------------------------------------


def made_whole(write: Callable[[BinaryIO], None]) -> BinaryIO:
    """What ``write`` puts in a file, from its start: in memory while it is small, on disk beyond."""
    stream = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_SPOOLED))  # noqa: SIM115 - the answer closes it
    try:
        write(stream)
        size = stream.tell()
        stream.seek(0)
        if size > _SPOOLED:
            return stream
        content = stream.read()
    except BaseException:
        stream.close()
        raise
    stream.close()
    return io.BytesIO(content)


def attachment_of(
    form: str,
    *,
    name: str,
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Value]],
) -> FileResponse:
    """The download of a table; ``form`` is ``csv`` or ``xlsx``, ``name`` the file's without its ending."""

    def write(stream: BinaryIO) -> None:
        if form == "csv":
            write_csv(stream, columns=columns, rows=rows)
        else:
            write_xlsx(stream, title=title, columns=columns, rows=rows)

    return downloads.attachment(made_whole(write), name=f"{name}.{form}", content_type=TYPES[form])
