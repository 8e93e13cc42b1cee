"""A month in a spreadsheet: read as it is, judged as its file, each fault at its cell, and no file moves the reader."""

import dataclasses
import datetime
import io
import re
import zipfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext
from hypothesis import given, settings
from hypothesis import strategies as st

from declarations.codecs import e_bds, sheets
from declarations.enums import FileVerdict, LineSituation, Severity, SheetColumn
from declarations.finding_texts import TEXTS, in_a_sheet
from declarations.finding_texts.e_bds import E_BDS_TEXTS
from declarations.finding_texts.sheets import _INSTEAD, SHEET_TEXTS
from declarations.findings import Finding
from declarations.rules import Expected
from declarations.rules.sheet import SheetJudgement, judge_sheet
from portal.reading_sheets import read_table
from portal.sheets import delimited, wire, xlsx
from portal.sheets.table import (
    SheetTable,
    UnreadableSheet,
    cell_name,
    parse_cell_name,
    read_titles,
)
from regulation.money import from_cents
from regulation.periods import Period
from tests.declarations.samples import LINES, MAIN, examine, person, read_prefill
from tests.declarations.workbooks import (
    DAYS,
    ROWS,
    SITUATION,
    TITLES,
    WAGE,
    archive,
    csv_of,
    with_cell,
    with_part,
    workbook,
)

FILE, LINE, WARNING = Severity.FILE, Severity.LINE, Severity.WARNING
JANUARY = Period(2026, 1)
SHEET = "xl/worksheets/sheet1.xml"


def expected(**known: Any) -> Expected:
    return Expected(affiliation_number="1234567", period=JANUARY, prefill=read_prefill(), **known)


def table_of(content: bytes) -> SheetTable:
    """What the child process would say, without the process."""
    try:
        if content.startswith(b"PK"):
            table = xlsx.read(io.BytesIO(content), len(content), sheets.LAYOUT)
        else:
            table = delimited.read(io.BytesIO(content), sheets.LAYOUT)
    except UnreadableSheet as unreadable:
        table = SheetTable(faults=[unreadable.fault])
    return wire.from_lines(line.encode() for line in wire.to_lines(table))


def judge(content: bytes, **known: Any) -> SheetJudgement:
    return judge_sheet(table_of(content), expected(**known))


def told(judged: SheetJudgement) -> list[tuple[str, Severity, str]]:
    return [(one.code, one.severity, str(one.facts.get("cell", ""))) for one in judged.findings]


# -- read as it is -----------------------------------------------------------------------------


def test_the_worked_example_as_a_workbook_is_its_file() -> None:
    """The lines are those of the file of the format note, its totals too."""
    lines: list[object] = []
    judged = judge_sheet(table_of(workbook()), expected(), take=lines.append)
    of_file = examine(MAIN.content, expected())

    assert judged.findings == []
    assert judged.verdict is FileVerdict.ACCEPTED
    assert judged.summary == of_file.summary
    assert lines[: len(LINES)] == list(LINES)


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "cp1252", "latin-1"])
def test_a_csv_of_any_spreadsheet_is_read(delimiter: str, encoding: str) -> None:
    content = csv_of(delimiter=delimiter, encoding=encoding)

    assert sheets.is_sheet(content[: sheets.SHEET_OPENING])
    assert judge(content).verdict is FileVerdict.ACCEPTED


def test_arabic_titles_and_digits_are_read() -> None:
    with translation.override("ar"):
        titles = [gettext(title) for title in TITLES]
    rows = with_cell(1, DAYS, "٢٠")
    rows[1][WAGE] = "٤١٢٣٫٤٥"

    assert judge(workbook(rows, titles=titles)).findings == []
    for encoding in ("utf-8-sig", "cp1256"):
        plain = [re.sub("[\u064b-\u0652]", "", title) for title in titles]
        assert judge(csv_of(titles=plain, encoding=encoding)).findings == []


def test_every_title_is_known_in_both_languages() -> None:
    for language in ("fr", "ar"):
        with translation.override(language):
            titles = [gettext(column.label) for column in SheetColumn]
        for column, title in zip(SheetColumn, titles, strict=True):
            content = workbook([], titles=[title])
            assert list(_titles(content)) == [column], title


def _titles(content: bytes) -> dict[str, int]:
    from portal.enums import CellKind
    from portal.sheets.table import Cell

    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        text = re.findall("<t[^>]*>([^<]*)</t>", zipped.read("xl/sharedStrings.xml").decode())
    cells = {place: Cell(CellKind.TEXT, one) for place, one in enumerate(text, 1)}
    return dict(read_titles(1, cells, sheets.LAYOUT).columns)


@pytest.mark.parametrize(
    "rows",
    [
        with_cell(0, 2, 112233441),  # a number of a number
        with_cell(0, 2, "112 233 441"),
        with_cell(3, 2, 0),  # nine zeros that the spreadsheet made one
        with_cell(3, 2, None),  # nobody's number yet
        with_cell(0, 0, 1234567),
        with_cell(0, 0, None),
        with_cell(0, 1, "2026-01"),
        with_cell(0, 3, "Alpha"),  # capitals are ours to put
        with_cell(0, WAGE, "8 500,50"),
        with_cell(0, WAGE, "8500.50"),
        with_cell(2, SITUATION, "so"),
        with_cell(2, DAYS, 0),
        [*ROWS[::-1]],  # any order
        [ROWS[0], (None,) * 13, *ROWS[1:]],  # a blank row
        [*ROWS, ("1234567", 202601)],  # the keys dragged down
    ],
)
def test_what_people_do_and_means_the_same(rows: list[Any]) -> None:
    judged = judge(workbook(rows))

    assert judged.findings == []
    assert judged.summary.wage_bill == 2_033_532


def test_titles_may_stand_lower_and_in_another_order() -> None:
    order = [11, 10, 12, 2, 3, 4, 5]
    content = workbook(
        [[row[place] for place in order] for row in ROWS],
        titles=[TITLES[place] for place in order],
        first_row=6,
    )

    assert judge(content).findings == []


def test_a_wage_keeps_its_centimes() -> None:
    """8500.55 is stored as 8500.5499999999993 in a workbook; what is declared is what is seen."""
    wages = [Decimal(cents) / 100 for cents in range(600_000, 700_000, 997)]
    for wage in wages[:40]:
        content = with_part(
            workbook(),
            SHEET,
            lambda part, wage=wage: part.replace(b"<v>8500.5</v>", b"<v>%r</v>" % float(wage)),  # type: ignore[misc]
        )
        lines: list[Any] = []
        judge_sheet(table_of(content), expected(), take=lines.append)
        assert from_cents(lines[0].gross_wage) == wage


def test_a_supplement_holds_those_who_were_left_out() -> None:
    judged = judge(workbook(ROWS[3:]), main_declared=True, supplements_used=frozenset({1}))

    assert judged.verdict is FileVerdict.ACCEPTED
    assert judged.summary.supplement_number == 2


def test_a_sheet_of_the_prefill_is_no_supplement() -> None:
    judged = judge(workbook(), main_declared=True)

    assert told(judged) == [("F3", FILE, "")]


# -- each fault at its cell --------------------------------------------------------------------


def formula(_book: Any, sheet: Any) -> None:
    sheet.write_formula(1, WAGE, "=K2*230", None, 5980)


def merged(book: Any, sheet: Any) -> None:
    sheet.merge_range(1, WAGE, 2, WAGE, 5, book.add_format())


def day(book: Any, sheet: Any) -> None:
    sheet.write_datetime(
        1, DAYS, datetime.date(2026, 1, 26), book.add_format({"num_format": "dd/mm/yy"})
    )


def boolean(_book: Any, sheet: Any) -> None:
    sheet.write_boolean(1, DAYS, True)


def second_list(book: Any, _sheet: Any) -> None:
    other = book.add_worksheet("Essai")
    other.write_row(0, 0, TITLES)


def hidden_sheet(book: Any, _sheet: Any) -> None:
    book.add_worksheet("Notes").hide()


BIG = [
    [
        "1234567",
        202601,
        f"{190_000_000 + n}",
        "X",
        "Y",
        None,
        None,
        None,
        None,
        None,
        26,
        "99999999999,99",
    ]
    for n in range(120)
]
FAULTS: dict[str, tuple[bytes, list[tuple[str, Severity, str]]]] = {
    "formula": (workbook(damage=formula), [("S8", LINE, "L2")]),
    "formula in a csv": (csv_of(with_cell(0, WAGE, "=1+1")), [("S8", LINE, "L2")]),
    "merged": (workbook(damage=merged), [("S6", FILE, "L2")]),
    "a day among the days": (workbook(damage=day), [("S9", LINE, "K2")]),
    "a boolean": (workbook(damage=boolean), [("S9", LINE, "K2")]),
    "a word among the wages": (workbook(with_cell(0, WAGE, "rien")), [("S9", LINE, "L2")]),
    "a negative wage": (workbook(with_cell(0, WAGE, -5)), [("S9", LINE, "L2")]),
    "three decimals": (workbook(with_cell(0, WAGE, 1.005)), [("S9", LINE, "L2")]),
    "half a day": (workbook(with_cell(0, DAYS, 12.5)), [("S9", LINE, "K2")]),
    "31 days": (workbook(with_cell(0, DAYS, 31)), [("R28", LINE, "K2")]),
    "a paper situation": (workbook(with_cell(2, SITUATION, "CO")), [("R29", LINE, "M4")]),
    "a situation for a new hire": (workbook(with_cell(3, SITUATION, "SO")), [("S9", LINE, "M5")]),
    "nothing typed": (
        workbook([[*ROWS[0][:10]], *ROWS[1:]]),
        [("R30", LINE, "K2")],
    ),
    "a new hire without a card": (workbook(with_cell(3, 5, None)), [("R71", LINE, "F5")]),
    "a card too long": (workbook(with_cell(3, 5, "AB1234567")), [("S9", LINE, "F5")]),
    "a number of letters": (workbook(with_cell(4, 2, "K-12")), [("S9", LINE, "C6")]),
    "somebody left out": (workbook(ROWS[1:]), [("R20", LINE, "")]),
    "somebody twice": (workbook([*ROWS, ROWS[0]]), [("R22", LINE, "C7")]),
    "children changed": (workbook(with_cell(0, 6, 3)), [("R24", LINE, "G2")]),
    "an allowance changed": (workbook(with_cell(0, 7, 650)), [("R24", LINE, "H2"), ("R25", LINE, "J2")]),
    "another name": (workbook(with_cell(0, 3, "OMEGA")), [("R24", LINE, "D2")]),
    "another affiliate": (
        workbook([["7654321", *row[1:]] for row in ROWS]),
        [("S14", FILE, "A2")],
    ),
    "another month": (workbook(with_cell(0, 1, 202512)), [("S14", FILE, "B2")]),
    "a total": (workbook([*ROWS, (None, None, "TOTAL", *[None] * 8, 20335.32)]), [("S11", WARNING, "C7")]),
    "a hidden row": (
        workbook(damage=lambda _book, sheet: sheet.set_row(2, None, None, {"hidden": True})),
        [("S7", WARNING, "3")],
    ),
    "a hidden column": (
        workbook(damage=lambda _book, sheet: sheet.set_column(11, 11, None, None, {"hidden": True})),
        [("S7", WARNING, "L")],
    ),
    "a hidden sheet": (workbook(damage=hidden_sheet), [("S7", WARNING, "")]),
    "a column more": (
        workbook([[*row[:12], row[12], "note"] for row in ROWS], titles=[*TITLES, "Remarques"]),
        [("S10", WARNING, "N1")],
    ),
    "a title twice": (
        workbook([[*row, 1] for row in ROWS], titles=[*TITLES, "salaire reel"]),
        [("S5", FILE, "N1")],
    ),
    "no wages": (
        workbook([row[:11] for row in ROWS], titles=TITLES[:11]),
        [("S4", FILE, "1")],
    ),
    "no titles": (workbook(ROWS, titles=()), [("S4", FILE, "")]),
    "two lists": (workbook(damage=second_list), [("S12", FILE, "")]),
    "sums beyond the format": (workbook([*ROWS, *BIG]), [("S13", FILE, "")]),
    "macros": (with_part(workbook(), "xl/vbaProject.bin", b"x"), [("S2", FILE, "")]),
    "old macros": (with_part(workbook(), "xl/macrosheets/sheet1.xml", b"<x/>"), [("S2", FILE, "")]),
    "a binary workbook": (archive({"xl/workbook.bin": b"x"}), [("S1", FILE, "")]),
    "a Word document": (archive({"word/document.xml": b"<w/>"}), [("S1", FILE, "")]),
    "an OpenDocument": (archive({"content.xml": b"<w/>", "mimetype": b"x"}), [("S1", FILE, "")]),
    "an archive": (archive({"salaires.txt": b"x"}), [("S1", FILE, "")]),
    "a cut archive": (workbook()[:-300], [("S1", FILE, "")]),
    "a damaged part": (with_part(workbook(), SHEET, lambda part: part[: len(part) // 2]), [("S1", FILE, "")]),
    "an odd compression": (
        archive({"xl/workbook.xml": b"<x/>"}, compression=zipfile.ZIP_LZMA),
        [("S1", FILE, "")],
    ),
    "a quote left open": (
        csv_of() + b'\r\n"BENALI;26;5980,00\r\n',
        [("S15", FILE, "7")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_told_at_its_cell(name: str) -> None:
    content, wanted = FAULTS[name]

    judged = judge(content)

    assert [one for one in told(judged) if one[0] != "D15"] == wanted
    grave = {one.severity for one in judged.findings}
    assert (judged.verdict is FileVerdict.ACCEPTED) == (grave <= {WARNING})
    for finding in judged.findings:
        if finding.facts.get("cell"):
            assert finding.facts["sheet"] == (
                "" if "csv" in name or "quote" in name else "Salaires"
            )


def test_every_code_of_a_sheet_has_words_an_example_and_a_fault_that_raises_it() -> None:
    raised = {code for _content, wanted in FAULTS.values() for code, _, _ in wanted}

    assert set(SHEET_TEXTS) <= raised | {"S3"}  # S3 has its own tests below


def test_the_words_for_a_cell_replace_those_for_payroll_software() -> None:
    said = {words for text in E_BDS_TEXTS.values() for words in (text.cause, text.remedy)}
    reachable = {code for _content, wanted in FAULTS.values() for code, _, _ in wanted}

    assert set(_INSTEAD) <= said
    for code in reachable - {"F3"}:
        assert "logiciel" not in in_a_sheet(TEXTS[code]).remedy, code


def test_one_unreadable_cell_is_told_once() -> None:
    """A formula in the wage of somebody with days would else be told as a missing wage too (R30)."""
    rows = with_cell(0, WAGE, "#N/A")

    assert told(judge(workbook(rows))) == [("S9", LINE, "L2")]


def test_a_row_told_twice_names_the_row_of_the_sheet() -> None:
    judged = judge(workbook([*ROWS, ROWS[0]]))

    assert judged.findings[0].facts["first_line"] == 2


# -- one engine --------------------------------------------------------------------------------

_AMOUNTS = st.integers(0, 2_000_000)
_FILLED = st.tuples(
    st.integers(0, 27), _AMOUNTS, st.sampled_from([one.value for one in LineSituation])
)


@settings(max_examples=150)
@given(st.lists(_FILLED, min_size=3, max_size=3))
def test_a_sheet_and_its_file_are_told_the_same(filled: list[tuple[int, int, str]]) -> None:
    """The same days, wages and situations, in a workbook and in a file: the same codes for the same people."""
    rows = [list(row) for row in ROWS[:3]]
    lines = []
    for row, line, (days, wage, situation) in zip(rows, LINES, filled, strict=True):
        row[DAYS], row[WAGE], row[SITUATION] = days, f"{from_cents(wage)}", situation or None
        changed = line._replace(
            days_declared=days,
            gross_wage=wage,
            capped_wage=min(wage, 600_000),
            situation=situation,
            af_returned=line.af_net if situation in ("SO", "DE") else 0,
        )
        lines.append(changed._replace(control_sum=e_bds.control_sum(changed)))
    of_sheet = judge(csv_of(rows))
    of_file = examine(
        dataclasses.replace(MAIN, lines=tuple(lines), new_hires=()).content, expected()
    )

    assert of_sheet.verdict is of_file.verdict
    assert Counter(one.code for one in of_sheet.findings) == Counter(
        one.code for one in of_file.findings
    )


@settings(max_examples=60)
@given(st.integers(0, 3000), st.binary(min_size=1, max_size=30))
def test_whatever_the_bytes_the_answer_is_a_verdict(position: int, noise: bytes) -> None:
    for content in (workbook(), csv_of()):
        damaged = content[:position] + noise + content[position + len(noise) :]
        judged = judge(damaged)
        assert judged.verdict in set(FileVerdict) - {FileVerdict.PENDING}
        assert all(isinstance(one, Finding) and one.code in TEXTS for one in judged.findings)


@pytest.mark.parametrize("row", [1, 26, 27, 702, 703, 16_384])
def test_cells_are_named_as_spreadsheets_do(row: int) -> None:
    assert parse_cell_name(cell_name(14, row)) == (14, row)
    assert cell_name(14, 4) == "D14"
    assert cell_name(1, 27) == "AA1"


# -- a process of its own ----------------------------------------------------------------------


def bomb() -> bytes:
    """A sheet of 155 MB of spaces in 150 kB: within what a part may state, beyond what a text may hold."""
    return with_part(
        workbook(),
        SHEET,
        lambda part: part.replace(b"<sheetData>", b"<sheetData>" + b" " * 155_000_000),
    )


def overlapping() -> bytes:
    """Two entries of the directory that share their bytes."""
    content = workbook()
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        start = zipped.start_dir
    directory = content[start:-22]
    end = bytearray(content[-22:])
    count = int.from_bytes(end[8:10], "little") * 8
    end[8:10] = end[10:12] = count.to_bytes(2, "little")
    end[12:16] = (len(directory) * 8).to_bytes(4, "little")
    return content[:start] + directory * 8 + bytes(end)


ENTITIES = b'<?xml version="1.0"?><!DOCTYPE x [%s]>' % b"".join(
    b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10 if n else b"lol") for n in range(12)
)

WIDE_ROW = b'<row r="9">' + b"<c><v>1</v></c>" * 4_000_000 + b"</row>"


def _body(part: bytes) -> bytes:
    return part[part.index(b"<worksheet") :]


HOSTILE = {
    "a bomb": (bomb, "S3"),
    "a bomb that states its size": (
        lambda: with_part(workbook(), SHEET, b" " * 200_000_000),
        "S3",
    ),
    "entries that overlap": (overlapping, "S3"),
    "a thousand parts": (lambda: archive({f"xl/{n}.xml": b"" for n in range(1000)}), "S3"),
    "entities": (
        lambda: with_part(
            workbook(),
            SHEET,
            lambda part: ENTITIES + _body(part).replace(b"<v>26</v>", b"<v>&e11;</v>"),
        ),
        "S1",
    ),
    "an entity of the machine": (
        lambda: with_part(
            workbook(),
            "xl/sharedStrings.xml",
            lambda part: b'<!DOCTYPE x [<!ENTITY p SYSTEM "file:///etc/passwd">]>'
            + part[part.index(b"<sst") :].replace(b"<t>ALPHA</t>", b"<t>&p;</t>"),
        ),
        "S1",
    ),
    "a million columns in a row": (
        lambda: with_part(
            workbook(),
            SHEET,
            lambda part: part.replace(b"</sheetData>", WIDE_ROW + b"</sheetData>"),
        ),
        "S3",
    ),
    "depth": (
        lambda: with_part(
            workbook(), SHEET, lambda part: part.replace(b"<sheetData>", b"<x>" * 100_000 + b"<sheetData>")
        ),
        "S3",
    ),
    "not a workbook": (lambda: b"PK\x03\x04" + b"\x00" * 10_000, "S1"),
}  # fmt: skip


def peak_kilobytes() -> int:
    """The most memory this process held since `forget_peak`."""
    status = Path("/proc/self/status").read_text("ascii")
    found = re.search(r"VmHWM:\s+([0-9]+) kB", status)
    assert found
    return int(found[1])


def forget_peak() -> int:
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return peak_kilobytes()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_workbook_moves_only_its_own_process(name: str) -> None:
    make, code = HOSTILE[name]
    content = make()
    before = forget_peak()

    table = read_table(io.BytesIO(content), sheets.LAYOUT)

    grown = peak_kilobytes() - before
    assert [fault.code for fault in table.faults] == [code]
    assert table.rows == []
    assert grown < 32 * 1024  # kB: the copy of what was sent, nothing of what it unfolds to
    assert "root:" not in str(table)


def test_a_reader_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.reading_sheets.WALL_SECONDS", 0.05)
    monkeypatch.setattr("portal.reading_sheets._READER", ["/bin/sh", "-c", "exec sleep 30"])

    table = read_table(io.BytesIO(workbook()), sheets.LAYOUT)

    assert [(fault.code, bool(fault.nature)) for fault in table.faults] == [("S3", True)]


@pytest.mark.parametrize(
    ("status", "code"), [("kill -9 $$", "S3"), ("exit 3", "S3"), ("exit 1", "S1"), ("exit 0", "S3")]
)
def test_a_reader_that_dies_is_told(
    monkeypatch: pytest.MonkeyPatch, status: str, code: str
) -> None:
    monkeypatch.setattr("portal.reading_sheets._READER", ["/bin/sh", "-c", status])

    assert [fault.code for fault in read_table(io.BytesIO(b"x"), sheets.LAYOUT).faults] == [code]


def test_the_reader_sees_no_secret_and_no_database() -> None:
    """It is given the bytes and nothing else: no environment, no Django."""
    source = Path(xlsx.__file__).parent
    for path in source.glob("*.py"):
        assert "django" not in path.read_text("utf-8").lower(), path.name


def test_the_child_gives_what_the_codec_gives() -> None:
    for content in (workbook(), csv_of(), workbook(damage=merged)):
        assert read_table(io.BytesIO(content), sheets.LAYOUT) == table_of(content)


def test_an_iso_name_has_its_two_columns() -> None:
    lines: list[Any] = []
    judge_sheet(table_of(workbook()), expected(), take=lines.append)

    assert lines[3].name == person("DELTA", "DRISS")
