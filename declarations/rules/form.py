"""The form (EFI) judged as its file would be: lines in, the findings of each line out.

There is no second engine: the lines are written as the e-BDS file that says the same and that
file is examined. What a cell holds and no record can (a word among the days, 27 days) is
written into its columns as it would stand in a file, so that its control is the file's too.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from declarations.codecs import e_bds
from declarations.codecs.e_bds import NEW_HIRE_LINE, PREFILLED_LINE, NewHireLine, PrefilledLine
from declarations.codecs.fixed_width import Layout
from declarations.enums import FileVerdict, FormColumn, LineOrigin
from declarations.findings import Finding
from declarations.rules.context import Expected
from declarations.rules.examination import DetailLine, Examination, Summary

DAYS, WAGE, SITUATION = FormColumn.DAYS, FormColumn.WAGE, FormColumn.SITUATION

#: Official field of each column, in the lines of the prefill and in those of new hires.
FIELDS = {
    LineOrigin.PREFILLED: {
        DAYS: "N_Jours_Declares",
        WAGE: "N_Salaire_Reel",
        SITUATION: "L_Situation",
    },
    LineOrigin.NEW_HIRE: {DAYS: "N_Nbr_Jours", WAGE: "N_Sal_Reel"},
}
#: Which cell shows a finding on an official field; any other field is about the person.
COLUMNS = {
    "N_Jours_Declares": DAYS,
    "N_Nbr_Jours": DAYS,
    "N_Salaire_Reel": WAGE,
    "N_Sal_Reel": WAGE,
    "N_Salaire_Plaf": WAGE,
    "N_Sal_Plaf": WAGE,
    "L_Situation": SITUATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLine:
    """One person of the form. Amounts in centimes; `unread` keeps what was typed in a cell and
    that the amounts beside it cannot hold. `key` names the line to the caller."""

    key: int
    origin: LineOrigin
    registration_number: str
    full_name: str
    cin: str = ""
    children: int = 0
    af_payable: int = 0
    af_deducted: int = 0
    af_net: int = 0
    af_returned: int = 0
    days_declared: int = 0
    gross_wage: int = 0
    capped_wage: int = 0
    situation: str = ""
    unread: Mapping[str, str] = field(default_factory=dict)
    rank: int = 0  # what a person calls the line


@dataclass(frozen=True, slots=True)
class FormJudgement:
    """What the file of the form would be told: by line, and for the form as a whole."""

    verdict: FileVerdict
    by_line: Mapping[int, Sequence[Finding]]
    general: Sequence[Finding]
    summary: Summary

    @property
    def to_complete(self) -> int:
        """How many lines, the form as a whole counting for one, prevent the submission."""
        lines = sum(any(one.is_blocking for one in found) for found in self.by_line.values())
        return lines + any(one.is_blocking for one in self.general)


def in_file_order(lines: Iterable[FormLine]) -> tuple[list[FormLine], list[FormLine]]:
    """The people of the prefill and the new hires, each in ascending registration number."""
    ordered = sorted(lines, key=lambda line: line.registration_number)
    known = [line for line in ordered if line.origin is LineOrigin.PREFILLED]
    return known, [line for line in ordered if line.origin is LineOrigin.NEW_HIRE]


def as_file(lines: Iterable[FormLine], expected: Expected, supplement_number: int = 0) -> bytes:
    """The e-BDS file that says what the form says; `expected.prefill` gives its headers."""
    records, _ = _written(lines, expected, supplement_number)
    return b"".join(records)


def judge(
    lines: Iterable[FormLine],
    expected: Expected,
    supplement_number: int = 0,
    *,
    take: Callable[[DetailLine], None] | None = None,
) -> FormJudgement:
    """Examine the form as the file it stands for; the same verdict, codes and facts.

    `expected.prefill` must be known. A finding carries the typed text as its value when the
    cell could not be read, and the rank of the earlier line when a person is there twice. `take`
    is given each line as a file would declare it.
    """
    records, places = _written(lines, expected, supplement_number)
    examination = Examination(replace(expected, file_name=None))
    for detail in examination.run(io.BytesIO(b"".join(records))):
        if take is not None:
            take(detail)
    by_line: dict[int, list[Finding]] = {}
    general = []
    # Whoever's line cannot be read is missing too (R20): it is said of the same line.
    unreadable = {line.registration_number: line for line in places.values() if line.unread}
    for finding in examination.findings:
        line = places.get(finding.line_number or 0)
        if finding.code == "R20" and line is None:
            line = unreadable.get(finding.expected)
        if line is None:
            general.append(finding)
            continue
        if "first_line" in finding.facts:
            first = places.get(int(finding.facts["first_line"]))
            if first is not None:
                finding = replace(finding, facts={**finding.facts, "first_line": first.rank})
        column = COLUMNS.get(finding.field)
        typed = line.unread.get(column.value) if column else None
        if typed is not None:
            finding = replace(finding, value=typed)
        by_line.setdefault(line.key, []).append(finding)
    return FormJudgement(examination.verdict, by_line, general, examination.summary)


def _written(
    lines: Iterable[FormLine], expected: Expected, supplement_number: int
) -> tuple[list[bytes], dict[int, FormLine]]:
    """The records of the file, and which of its lines (1-based) is whose."""
    prefill = expected.prefill
    if prefill is None:
        raise ValueError("a form is judged against its prefill")
    keys = (prefill.header.affiliation_number, prefill.header.period)
    known, hired = in_file_order(lines)
    records = list(
        e_bds.write(
            transfer_identifier=prefill.transfer_identifier,
            header=prefill.header,
            lines=[_prefilled(keys, line) for line in known],
            new_hires=[_new_hire(keys, line) for line in hired],
            supplement_number=supplement_number,
        )
    )
    first_hire = 3 + (1 if supplement_number else len(known)) + 1
    places = dict(enumerate(known, 3)) | dict(enumerate(hired, first_hire))
    for number, line in places.items():
        if line.unread:
            layout = NEW_HIRE_LINE if line.origin is LineOrigin.NEW_HIRE else PREFILLED_LINE
            records[number - 1] = _with_unread(records[number - 1], line, layout)
    return records, places


def _prefilled(keys: tuple[str, str], line: FormLine) -> PrefilledLine:
    record = PrefilledLine(
        *keys,
        line.registration_number,
        line.full_name,
        line.children,
        line.af_payable,
        line.af_deducted,
        line.af_net,
        line.af_returned,
        _days(line),
        line.gross_wage,
        line.capped_wage,
        line.situation,
        0,
    )
    return record._replace(control_sum=e_bds.control_sum(record))


def _new_hire(keys: tuple[str, str], line: FormLine) -> NewHireLine:
    record = NewHireLine(
        *keys,
        line.registration_number,
        line.full_name,
        line.cin,
        _days(line),
        line.gross_wage,
        line.capped_wage,
        0,
    )
    return record._replace(control_sum=e_bds.control_sum(record))


def _days(line: FormLine) -> int:
    """The days, or those typed beyond what a line holds: 27 to 99, anything higher as 99."""
    typed = line.unread.get(DAYS.value, "")
    if typed.isascii() and typed.isdecimal():
        return min(int(typed), 99)
    return line.days_declared


def _with_unread(record: bytes, line: FormLine, layout: Layout) -> bytes:
    """The record with what nobody can read standing in its columns, as a file would have it."""
    for column, official in FIELDS[line.origin].items():
        typed = line.unread.get(column.value)
        if typed is None or (column is DAYS and typed.isascii() and typed.isdecimal()):
            continue
        first, last = layout.columns(official)
        width = last - first + 1
        written = b"?" * width
        if column is SITUATION and len(typed) <= width:
            written = typed.encode("ascii", "replace").ljust(width)
        record = record[: first - 1] + written + record[last:]
    return record
