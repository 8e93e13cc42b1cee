"""The engine of controls: each fault named at its place, nothing said of a sound file."""

import re
import string
from dataclasses import replace
from pathlib import Path

import pytest
from django.utils import translation
from django.utils.translation import gettext
from hypothesis import given
from hypothesis import strategies as st

from declarations.codecs import e_bds
from declarations.deviations import DEVIATIONS
from declarations.enums import FileVerdict, Severity
from declarations.finding_examples import EXAMPLES
from declarations.finding_texts import TEXTS, TRANSLATED_FACTS
from declarations.finding_texts.sheets import SHEET_TEXTS
from declarations.findings import Finding
from declarations.rules import Expected, examination
from declarations.rules.numbers import registration_keys
from regulation.enums import KeySeries
from regulation.identifiers import complete_registration_number, registration_key
from regulation.periods import Period
from tests.declarations.damage import CASES, TESTED_ELSEWHERE, Case
from tests.declarations.samples import (
    ALPHA,
    HEADER,
    HIRES,
    LINES,
    MAIN,
    SUPPLEMENTARY,
    at,
    codes,
    examine,
    found,
    put,
    read_prefill,
)

DECLARATIONS = Path(__file__).parents[2] / "declarations"


def test_the_worked_example_is_accepted_in_silence() -> None:
    expected = Expected(
        affiliation_number="1234567",
        period=Period(2026, 1),
        prefill=read_prefill(),
        file_name="DS_1234567_202601.txt",
    )

    checked = examine(MAIN.content, expected)

    assert checked.findings == []
    assert checked.verdict is FileVerdict.ACCEPTED
    assert checked.summary.employees == 5
    assert checked.summary.wage_bill == 2033532
    assert checked.summary.capped_wage_bill == 1783481
    assert checked.summary.days_declared == 85


def test_a_supplementary_file_is_accepted_in_silence() -> None:
    checked = examine(
        SUPPLEMENTARY.content,
        Expected(prefill=read_prefill(), main_declared=True, file_name="DSC1_1234567_012026.txt"),
    )

    assert checked.findings == []
    assert checked.summary.supplement_number == 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.severity}")
def test_each_fault_is_named_at_its_place(case: Case) -> None:
    checked = examine(case.make(), case.expected())

    finding = found(checked, case.code)
    assert finding.severity is case.severity
    assert (finding.record, finding.line_number, finding.field) == case.place
    if case.deviation:
        assert finding.deviation == case.deviation
    verdicts = {
        Severity.FILE: {FileVerdict.REFUSED},
        Severity.LINE: {FileVerdict.BLOCKED, FileVerdict.REFUSED},
        Severity.WARNING: set(FileVerdict) - {FileVerdict.PENDING},
    }
    assert checked.verdict in verdicts[case.severity]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.severity}")
def test_each_message_has_its_facts(case: Case) -> None:
    finding = found(examine(case.make(), case.expected()), case.code)

    message = TEXTS[finding.code].message.format(
        value=finding.value,
        expected=finding.expected,
        field=finding.field,
        line=finding.line_number,
        **finding.facts,
    )

    assert "{" not in message


def test_every_code_of_the_engine_has_a_text_and_a_damaged_file() -> None:
    sources = "".join(path.read_text() for path in (DECLARATIONS / "rules").glob("*.py"))
    raised = set(re.findall(r'"([RDF][0-9]{1,2})"', sources))
    raised |= {f"R{number}" for number in range(51, 63)}  # made by counting in totals.py
    tested = {case.code for case in CASES} | TESTED_ELSEWHERE
    explained = {case.deviation for case in CASES if case.deviation}

    # What is said of the form of a spreadsheet has its faults in test_sheets.
    of_files = set(TEXTS) - set(SHEET_TEXTS)
    assert raised == of_files | set(DEVIATIONS)
    assert of_files == tested
    assert set(DEVIATIONS) == explained


def test_every_code_and_deviation_has_an_example() -> None:
    """Two different writings, and words for what cannot be shown as an extract."""
    assert set(EXAMPLES) == set(TEXTS) | set(DEVIATIONS)
    for code, example in EXAMPLES.items():
        assert example.wrong, code
        assert example.right, code
        assert example.wrong != example.right, code


@pytest.mark.parametrize("number", range(1, 29))
def test_every_deviation_of_the_format_note_is_named(number: int) -> None:
    """D1 to D28: each has words, an example and a file in which the engine recognises it."""
    name = f"D{number}"

    assert name in TEXTS or name in DEVIATIONS
    assert name in EXAMPLES
    assert any(name in (case.code, case.deviation) for case in CASES)


def test_every_word_about_a_finding_is_read_in_arabic() -> None:
    sentences = [
        sentence
        for text in TEXTS.values()
        for sentence in (text.title, text.message, text.cause, text.remedy, text.consequence)
    ]
    sentences += DEVIATIONS.values()
    written = [writing for one in EXAMPLES.values() for writing in (one.wrong, one.right)]
    # Extracts of a file and file names are the same in both languages; the rest is words.
    sentences += [one for one in written if re.search("[a-zà-ÿ]{2}", one.split("_")[0])]
    with translation.override("ar"):
        french = [one for one in sentences if not re.search("[\u0600-\u06ff]", gettext(one))]

    assert [one for one in french if not one.startswith("salaires")] == []


def test_every_official_control_exists() -> None:
    official = [*range(1, 17), *range(20, 38), *range(40, 64), *range(70, 81), *range(90, 95)]

    assert {f"R{number}" for number in official} <= set(TEXTS)


def test_messages_use_known_facts_only() -> None:
    known = {"value", "expected", "field", "line", "name", "first_line", "situation", "days"}
    known |= {"cell", "count", "other", "ceiling"} | TRANSLATED_FACTS

    for code, text in TEXTS.items():
        for sentence in (text.title, text.message, text.cause, text.remedy, text.consequence):
            names = {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
            assert names <= known, code


def test_all_faults_are_told_at_once() -> None:
    content = MAIN.with_line(0, days_declared=27, summed=False)
    content = put(content, 8, 94, "27")

    assert {"R28", "R36", "R73", "R78"} <= set(codes(examine(content)))


def test_an_unreadable_amount_stops_its_line_and_spares_the_totals() -> None:
    checked = examine(put(MAIN.content, 3, 114, "           8A"))

    assert codes(checked).count("R7") == 1
    assert not {"R46", "R47", "R48", "R49", "R50"} & set(codes(checked))
    assert found(checked, "R7").columns == (114, 126)
    assert found(checked, "R7").value == "           8A"


def test_habits_of_common_software_are_accepted() -> None:
    content = b"\n".join(line.rstrip() for line in MAIN.content.split(b"\n"))
    content = content.replace(b"\n", b"\r\n").rstrip(b"\r\n")
    checked = examine(content)

    assert checked.verdict is FileVerdict.ACCEPTED
    assert sorted(codes(checked)) == ["D1", "D2", "R3"]
    assert found(checked, "D2").facts["count"] == 9


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_accents_are_read_in_either_encoding(encoding: str) -> None:
    prefill = read_prefill()
    lines = MAIN.content.decode().split("\n")
    lines[2] = lines[2].replace("AMINE", "AMÎNÉ")
    checked = examine("\n".join(lines).encode(encoding), Expected(prefill=prefill))

    assert checked.verdict is FileVerdict.ACCEPTED
    assert set(codes(checked)) == {"D3", "R4"}
    assert found(checked, "R4").value.endswith("AMÎNÉ")


def test_accents_padded_by_bytes_keep_the_columns_in_place() -> None:
    lines = MAIN.content.decode().split("\n")
    lines[2] = lines[2].replace("AMINE    ", "AMÎNÉ  ")
    checked = examine("\n".join(lines).encode())

    assert checked.verdict is FileVerdict.ACCEPTED
    assert found(checked, "R4").value.endswith("AMÎNÉ")


@given(st.integers(10_000_001, 99_999_999))
def test_fast_keys_agree_with_the_identifiers_of_the_law(root: int) -> None:
    number = complete_registration_number(str(root))
    key, other = registration_keys(number)

    assert int(number[8]) == key
    if number[0] in "19":
        assert registration_key(number) is KeySeries.FIRST
        assert registration_key(number[:8] + str(other)) is KeySeries.SECOND


def test_both_key_series_and_both_first_digits_pass() -> None:
    for root in ("15566778", "95566778"):
        for key in registration_keys(root + "0"):
            number = f"{root}{key}"
            hire = e_bds.new_hire_line(
                HEADER,
                registration_number=number,
                name="ECHO",
                days_declared=26,
                gross_wage=600001,
                capped_wage=600000,
            )
            assert (
                examine(replace(MAIN, lines=(), new_hires=(hire,)).content, Expected()).findings
                == []
            )


def test_occasional_labour_is_not_capped() -> None:
    hire = e_bds.new_hire_line(
        HEADER,
        registration_number="999999999",
        name="",
        days_declared=0,
        gross_wage=2_500_000,
        capped_wage=2_500_000,
    )

    assert examine(replace(MAIN, new_hires=(hire,)).content).findings == []


def test_a_month_without_new_hires_is_accepted() -> None:
    checked = examine(replace(MAIN, new_hires=()).content)

    assert checked.findings == []
    assert checked.summary.employees == 3


def test_an_empty_form_beside_new_hires_is_refused() -> None:
    hires = (*HIRES, e_bds.empty_new_hire(HEADER))

    assert "R6" in at(Severity.FILE, examine(replace(MAIN, new_hires=hires).content))


def test_too_many_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "MOST_LINES", 4)

    checked = examine(MAIN.content)

    assert at(Severity.FILE, checked) == ["F1"]


def test_the_check_stops_after_too_many_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "MOST_FINDINGS", 1)
    lines = tuple(line._replace(days_declared=30) for line in LINES)

    checked = examine(replace(MAIN, lines=lines).content)

    assert "F2" in at(Severity.FILE, checked)
    assert "R20" not in codes(checked)  # people not read are not people forgotten


def test_a_file_of_nothing_but_rubbish_is_not_read_to_the_end() -> None:
    checked = examine(MAIN.content[:261] + b"x\n" * 1_000_000)

    assert len(checked.findings) < examination.MOST_FINDINGS + 10
    assert checked.lines_read < examination.MOST_FINDINGS + 10


def test_too_many_missing_people_are_not_all_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "MOST_FINDINGS", 2)

    checked = examine(replace(MAIN, lines=()).content)

    assert codes(checked) == ["R20", "R20", "F2"]


def test_a_month_before_the_tables_is_refused() -> None:
    checked = examine(MAIN.content.replace(b"1234567202601", b"1234567190001"), Expected())

    assert "R13" in at(Severity.FILE, checked)


@given(
    st.binary(max_size=600) | st.just(MAIN.content),
    st.integers(0, 2700),
    st.binary(min_size=1, max_size=20),
)
def test_whatever_the_bytes_the_answer_is_a_verdict(
    content: bytes, position: int, noise: bytes
) -> None:
    damaged = content[:position] + noise + content[position + len(noise) :]

    checked = examine(damaged)

    assert checked.verdict in set(FileVerdict) - {FileVerdict.PENDING}
    for finding in checked.findings:
        assert isinstance(finding, Finding)
        assert finding.code in TEXTS


@given(st.binary(max_size=400))
def test_noise_after_a_sound_opening_is_answered(noise: bytes) -> None:
    assert examine(MAIN.content[:800] + noise).verdict is FileVerdict.REFUSED


def test_findings_of_one_person_do_not_hide_the_prefill_line() -> None:
    assert read_prefill().lines[ALPHA.registration_number] == ALPHA
