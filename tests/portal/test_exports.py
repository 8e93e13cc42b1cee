"""What leaves for a spreadsheet: true numbers, true days, nothing that runs, and memory that does not grow."""

import csv
import datetime
import io
import tempfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, BinaryIO
from xml.etree import ElementTree as Tree

import pytest
import time_machine
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from portal import exports
from portal.exports import Column

COLUMNS = [Column("Numéro", 12), Column("Nom", 30), Column("Montant"), Column("Jour"), Column("Le")]
NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
ROW = (
    "099887766",
    "BENALI SALMA",
    Decimal("-1234.50"),
    datetime.date(2026, 2, 10),
    datetime.datetime(2026, 2, 10, 23, 30, tzinfo=datetime.UTC),
)


def made(
    form: str, rows: list[tuple[exports.Value, ...]], columns: list[Column] = COLUMNS
) -> bytes:
    answer = exports.attachment_of(form, name="essai", title="Essai", columns=columns, rows=rows)
    return b"".join(answer)  # type: ignore[arg-type]


def sheet_of(content: bytes) -> Tree.Element:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return Tree.fromstring(archive.read("xl/worksheets/sheet1.xml"))


def cells_of(content: bytes) -> list[list[Tree.Element]]:
    return [list(row) for row in sheet_of(content).iter(f"{NS}row")]


def text_of(cell: Tree.Element) -> str:
    return "".join(one.text or "" for one in cell.iter(f"{NS}t"))


def test_a_csv_opens_at_once_in_a_french_spreadsheet() -> None:
    content = made("csv", [ROW, ("1", "", None, None, None)])

    assert (
        content
        == (
            "\ufeffNuméro;Nom;Montant;Jour;Le\r\n"
            "099887766;BENALI SALMA;-1234,50;2026-02-10;2026-02-11 00:30:00\r\n"
            "1;;;;\r\n"
        ).encode()
    )


def test_an_xlsx_holds_true_numbers_and_days() -> None:
    title, row = cells_of(made("xlsx", [ROW]))
    number, name, amount, day, instant = row

    assert [text_of(cell) for cell in title] == [column.title for column in COLUMNS]
    assert (number.get("t"), text_of(number)) == ("inlineStr", "099887766")
    assert text_of(name) == "BENALI SALMA"
    assert [cell.get("t") for cell in (amount, day, instant)] == [None, None, None]
    values = [cell.findtext(f"{NS}v") for cell in (amount, day, instant)]
    # 10 February 2026 is day 46063; half past eleven at night in UTC is half past midnight in Morocco.
    assert values[:2] == ["-1234.50", "46063"]
    assert (values[2] or "").startswith("46064.0208333")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_download_is_named_and_cannot_run(form: str) -> None:
    answer = exports.attachment_of(form, name="releve", title="R", columns=COLUMNS, rows=[])

    assert answer.headers["Content-Disposition"] == f'attachment; filename="releve.{form}"'
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert int(answer.headers["Content-Length"]) > 0


LIVE = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20A1",
    "  =1", "\u00a0=1", "\u200f=1", "\ufeff=1", "|calc", "%0A",
]  # fmt: skip


@pytest.mark.parametrize("text", LIVE, ids=ascii)
def test_no_text_runs(text: str) -> None:
    columns = [Column("Nom")]
    line = list(
        csv.reader(io.StringIO(made("csv", [(text,)], columns).decode("utf-8-sig")), delimiter=";")
    )
    cell = cells_of(made("xlsx", [(text,)], columns))[1][0]

    assert line[1][0].startswith("'")
    assert cell.find(f"{NS}f") is None
    assert cell.get("t") == "inlineStr"


def test_a_text_that_would_run_keeps_its_quote_when_edited() -> None:
    """Excel's own mark for « this is a text », so that F2 and Enter do not wake the formula."""
    content = made("xlsx", [("=1+1",), ("BENALI",)], [Column("Nom")])
    live, calm = (row[0] for row in cells_of(content)[1:])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        styles = Tree.fromstring(archive.read("xl/styles.xml"))
    quoted = [one.get("quotePrefix") == "1" for one in styles.find(f"{NS}cellXfs") or []]

    assert quoted[int(live.get("s", "0"))]
    assert not quoted[int(calm.get("s", "0"))]


ANY = st.text(st.characters(codec=None), max_size=40)


@given(text=ANY)
def test_any_text_comes_back_as_a_text(text: str) -> None:
    columns = [Column(text[:10])]
    cell = cells_of(made("xlsx", [(text,)], columns))[-1]
    read = list(
        csv.reader(io.StringIO(made("csv", [(text,)], columns).decode("utf-8-sig")), delimiter=";")
    )

    assert all(one.find(f"{NS}f") is None and one.get("t") == "inlineStr" for one in cell)
    assert len(read) == 2 or not exports.plain(text)
    assert all(not exports.is_live(one) for line in read for one in line)


def test_a_value_of_another_type_is_a_bug() -> None:
    for form in ("csv", "xlsx"):
        with pytest.raises(TypeError, match="float"):
            made(form, [(1.5,)], [Column("Montant")])  # type: ignore[list-item]


def test_the_sheet_reads_from_right_to_left_in_arabic() -> None:
    with translation.override("ar"):
        content = made("xlsx", [(True,)], [Column("نعم")])

    view = sheet_of(content).find(f"{NS}sheetViews/{NS}sheetView")
    assert view is not None
    assert view.get("rightToLeft") == "1"
    assert text_of(cells_of(content)[1][0]) == "نعم"


@pytest.mark.parametrize(
    ("title", "kept"),
    [("Août [2026]: a/b?", "Août  2026   a b"), ("x" * 40, "x" * 31), ("''", "1"), ("", "1")],
)
def test_a_sheet_has_a_name_that_spreadsheets_take(title: str, kept: str) -> None:
    assert exports.sheet_name(title) == kept


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_memory_does_not_grow_with_the_rows(form: str) -> None:
    def rows(count: int) -> Iterator[tuple[exports.Value, ...]]:
        for number in range(count):
            yield (f"{number:09}", "NOM", Decimal(number), datetime.date(2026, 1, 1), None)

    def peak(count: int) -> int:
        tracemalloc.start()
        with tempfile.TemporaryFile() as stream:
            if form == "csv":
                exports.write_csv(stream, columns=COLUMNS, rows=rows(count))
            else:
                exports.write_xlsx(stream, title="T", columns=COLUMNS, rows=rows(count))
            most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)  # what is loaded once
    assert peak(12_000) < 1.5 * peak(3_000)


def test_the_planted_fault_is_seen() -> None:
    """A writer that lets formulas through fails the tests above: this is how such a cell reads."""
    import xlsxwriter

    stream: IO[bytes] = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"constant_memory": True}) as workbook:
        workbook.add_worksheet().write(0, 0, "=1+1")
    cell = cells_of(stream.getvalue())[0][0]  # type: ignore[attr-defined]

    assert cell.find(f"{NS}f") is not None


def test_a_large_file_waits_on_disk_and_is_whole() -> None:
    def write(stream: BinaryIO) -> None:
        stream.write(b"x" * 3_000_000)

    with exports.made_whole(write) as stream:
        assert not isinstance(stream, io.BytesIO)
        assert stream.read() == b"x" * 3_000_000


def test_the_same_table_is_the_same_bytes() -> None:
    first = made("xlsx", [ROW])
    with time_machine.travel(datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)):
        assert made("xlsx", [ROW]) == first
