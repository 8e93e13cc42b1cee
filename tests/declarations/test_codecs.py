"""Prefill and e-BDS: bytes to records and back, to the byte."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declarations.codecs import e_bds, prefill
from declarations.codecs.e_bds import NewHireLine, PrefilledLine
from declarations.codecs.fixed_width import ALPHABET, FieldOverflow, transliterate
from declarations.codecs.prefill import NotAPrefill, PrefillLine
from declarations.codecs.records import AffiliateHeader, RecordType
from tests.declarations.samples import (
    HEADER,
    HIRES,
    LINES,
    MAIN,
    PREFILL_BYTES,
    PREFILLED,
    SUPPLEMENTARY,
    TRANSFER,
    put,
    read_prefill,
)

DATA = Path(__file__).parent / "data"

#: The meaningful part of records as the format note prints them (e-BDS §7).
PRINTED = (
    (1, "B0012345672601017B0"),
    (
        3,
        (
            "B021234567202601112233441ALPHA                         AMINE                         "
            "02060000000000060000000000260000000850050000600000  0000000000113683517"
        ),
    ),
    (
        5,
        (
            "B021234567202601177889908CHARLIE                       CHAIMAE                       "
            "01030000005000025000025000000000000000000000000000SO0000000000177914909"
        ),
    ),
    (
        6,
        (
            "B0312345672026010000030000030000000900000000000050000000000850000000004457911380000000250000000460"
            "0000000126239500000010123450000000000448090925"
        ),
    ),
    (
        7,
        (
            "B041234567202601000000000DELTA                         DRISS                         "
            "AB1234561300000001711360001711360000000000000342285"
        ),
    ),
    (
        9,
        (
            "B0512345672026010000020000001900112230000390000000007711370000000771136000000000019155353"
            "5"
        ),
    ),
    (
        10,
        (
            "B0612345672026010000050000006358023610000850000000020335320000001783481000000000063964446"
            "0"
        ),
    ),
)


@pytest.mark.parametrize(("line", "text"), PRINTED)
def test_the_writer_gives_the_printed_example(line: int, text: str) -> None:
    assert MAIN.content.decode().split("\n")[line - 1] == text.ljust(260)


def test_golden_files_are_written_to_the_byte() -> None:
    assert (DATA / "DS_1234567_202601.txt").read_bytes() == MAIN.content
    assert (DATA / "DSC1_1234567_202601.txt").read_bytes() == SUPPLEMENTARY.content
    assert (DATA / "AFFEBDS_1234567_202601.txt").read_bytes() == PREFILL_BYTES


def test_every_record_has_260_characters_and_a_line_feed() -> None:
    for content in (MAIN.content, SUPPLEMENTARY.content, PREFILL_BYTES):
        assert all(len(line) == 261 for line in content.splitlines(keepends=True))
        assert content.endswith(b"\n")


def test_the_reader_gives_back_what_was_written() -> None:
    records = list(e_bds.reader(io.BytesIO(MAIN.content)))

    assert [record.name for record in records] == (
        ["B00", "B01", "B02", "B02", "B02", "B03", "B04", "B04", "B05", "B06"]
    )
    assert records[1].content == HEADER
    assert tuple(record.content for record in records[2:5]) == LINES
    assert tuple(record.content for record in records[6:8]) == HIRES


def test_a_prefill_reads_back_whole() -> None:
    read = read_prefill()

    assert read.transfer_identifier == TRANSFER
    assert read.header == HEADER
    assert tuple(read.lines.values()) == PREFILLED
    assert read.is_whole


def test_a_prefill_is_written_in_ascending_number() -> None:
    shuffled = b"".join(
        prefill.write(transfer_identifier=TRANSFER, header=HEADER, lines=PREFILLED[::-1])
    )

    assert shuffled == PREFILL_BYTES


def test_a_damaged_prefill_says_so() -> None:
    assert not read_prefill(put(PREFILL_BYTES, 6, 22, "9")).is_whole
    assert not read_prefill(PREFILL_BYTES[: 261 * 5]).is_whole
    assert read_prefill(put(PREFILL_BYTES, 3, 88, "X")).damaged == (3,)


@pytest.mark.parametrize("content", [b"", b"B00\n", MAIN.content, PREFILL_BYTES[:261]])
def test_what_is_not_a_prefill_is_refused(content: bytes) -> None:
    with pytest.raises(NotAPrefill):
        read_prefill(content)


def test_file_names() -> None:
    assert prefill.file_name("1234567", "202601") == "AFFEBDS_1234567_202601.txt"
    assert e_bds.file_name("1234567", "202601") == "DS_1234567_202601.txt"
    assert e_bds.file_name("1234567", "202601", supplement_number=3) == "DSC3_1234567_202601.txt"


def test_a_writer_refuses_rather_than_cut() -> None:
    with pytest.raises(FieldOverflow):
        MAIN.with_line(0, gross_wage=10**13)
    with pytest.raises(FieldOverflow):
        MAIN.with_line(0, gross_wage=-1)
    with pytest.raises(FieldOverflow):
        MAIN.with_hire(0, cin="AB1234567")
    many = tuple(LINES[0] for _ in range(40_000))
    with pytest.raises(FieldOverflow, match="N_T_Jours_Declares"):
        _ = replace(MAIN, lines=many).content


def test_a_supplementary_file_holds_new_hires_only() -> None:
    with pytest.raises(ValueError, match="new hires only"):
        _ = replace(SUPPLEMENTARY, lines=LINES).content


def test_a_line_without_end_stays_small_in_memory() -> None:
    records = list(e_bds.reader(io.BytesIO(b"B00" + b"x" * 1_000_000)))

    assert len(records) == 1
    assert records[0].length_is_wrong
    assert len(records[0].text) < 100_000


def test_transliteration() -> None:
    assert transliterate("Aït-Ouâkrim d'Œuvre") == "AIT OUAKRIM D OEUVRE"


text = st.text(ALPHABET, max_size=60).map(str.rstrip)


def number(digits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 10**digits - 1)


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


prefilled_lines = st.builds(
    PrefilledLine,
    *(digits(7), digits(6), digits(9), text, number(2)),
    *(number(6), number(6), number(6), number(6), number(2), number(13), number(9)),
    st.sampled_from(["", "SO", "DE", "IT", "IL", "AT", "CS", "MS", "MP", "ZZ"]),
    number(19),
)
new_hire_lines = st.builds(
    NewHireLine,
    *(digits(7), digits(6), digits(9) | st.just("")),
    text,
    st.text(ALPHABET, max_size=8).map(str.rstrip),
    *(number(2), number(13), number(9), number(19)),
)
headers = st.builds(
    AffiliateHeader,
    digits(7),
    digits(6),
    *(st.text(ALPHABET, max_size=width).map(str.rstrip) for width in (40, 40, 120, 20, 6)),
    *(digits(2), digits(8), digits(8)),
)


@given(headers, st.lists(prefilled_lines, max_size=3), st.lists(new_hire_lines, max_size=3))
def test_any_declaration_survives_the_round_trip(
    header: AffiliateHeader, lines: list[PrefilledLine], hires: list[NewHireLine]
) -> None:
    content = b"".join(
        e_bds.write(
            transfer_identifier=TRANSFER,
            header=header,
            lines=[line._replace(days_declared=1, control_sum=7) for line in lines],
            new_hires=[hire._replace(days_declared=1, control_sum=7) for hire in hires],
        )
    )
    records = list(e_bds.reader(io.BytesIO(content)))

    assert not any(record.faults or record.length_is_wrong for record in records)
    assert records[1].content == header
    read = [record.content for record in records if record.code == "02"]
    assert read == [line._replace(days_declared=1, control_sum=7) for line in lines]
    if hires:
        read = [record.content for record in records if record.code == "04"]
        assert read == [hire._replace(days_declared=1, control_sum=7) for hire in hires]


prefill_lines = st.builds(
    PrefillLine, digits(7), digits(6), digits(9), text, number(2), number(6), number(6), number(6)
)


@given(headers, st.lists(prefill_lines, max_size=4, unique_by=lambda line: line[2]))
def test_any_prefill_survives_the_round_trip(
    header: AffiliateHeader, lines: list[PrefillLine]
) -> None:
    content = b"".join(prefill.write(transfer_identifier=TRANSFER, header=header, lines=lines))
    read = prefill.read(io.BytesIO(content))

    assert read.is_whole
    assert read.header == header
    assert sorted(read.lines.values()) == sorted(lines)
    again = prefill.write(
        transfer_identifier=TRANSFER, header=read.header, lines=list(read.lines.values())
    )
    assert b"".join(again) == content


@given(st.sampled_from(sorted(e_bds.TYPES)), st.text(ALPHABET + "é-", min_size=257, max_size=257))
def test_a_record_is_cut_exactly_when_nothing_is_diagnosed(code: str, body: str) -> None:
    layout = e_bds.TYPES[code].layout
    record = f"B{code}{body}"

    assert (layout.cut(record) is None) == bool(layout.diagnose(record))


DOCS = Path(__file__).parents[2] / "docs" / "formats"


@pytest.mark.parametrize(
    ("page", "types"), [("prefill.md", prefill.TYPES), ("e-bds.md", e_bds.TYPES)]
)
def test_the_page_of_a_format_gives_every_field_its_columns(
    page: str, types: dict[str, RecordType]
) -> None:
    words = (DOCS / page).read_text()

    for kind in types.values():
        for field in kind.layout.fields:
            first, last = kind.layout.columns(field.name)
            assert f"| {field.name} | {first}-{last} | {field.length} |" in words
