"""What a check concluded, as data: the same for the command, the public page and whoever asks for JSON."""

from typing import Any

from declarations.deviations import DEVIATIONS
from declarations.enums import FileVerdict
from declarations.finding_texts import TEXTS, in_a_sheet, message_of
from declarations.findings import Finding
from declarations.rules import Examination
from declarations.rules.sheet import SheetJudgement
from portal import formats
from regulation.money import from_cents
from regulation.periods import InvalidPeriod, Period


def as_data(examination: Examination | SheetJudgement) -> dict[str, Any]:
    """The verdict of a check as plain JSON values; amounts in dirhams, as texts.

    Keys and severities are a contract with payroll software: nothing is added to them and nothing taken away.
    """
    summary = examination.summary
    accepted = examination.verdict is FileVerdict.ACCEPTED
    return {
        "verdict": "accepted" if accepted else "refused",
        "affiliation_number": summary.affiliation_number,
        "period": _period(summary.period),
        "kind": summary.kind.value if summary.kind else None,
        "supplement_number": summary.supplement_number,
        "lines": summary.employees,
        "wage_bill": str(from_cents(summary.wage_bill)),
        "capped_wage_bill": str(from_cents(summary.capped_wage_bill)),
        "findings": [finding_as_data(finding) for finding in examination.findings],
    }


def _period(text: str) -> str:
    try:
        return str(Period.parse(text))
    except InvalidPeriod:
        return text


def finding_as_data(finding: Finding) -> dict[str, Any]:
    """`record` is the number of the record in the file, 1 for the first; in a spreadsheet, of its row."""
    message = message_of(
        finding.code,
        value=finding.value,
        expected=finding.expected,
        field=finding.field,
        line_number=finding.line_number,
        facts=finding.facts,
    )
    text = TEXTS[finding.code]
    if "sheet" in finding.facts:
        text = in_a_sheet(text)
    remedy = formats.label(text.remedy)
    if finding.deviation:
        remedy = f"{formats.label(DEVIATIONS[finding.deviation])} {remedy}"
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "record": finding.line_number,
        "columns": list(finding.columns) if finding.columns else None,
        "field": finding.field,
        "value": finding.value,
        "expected": finding.expected,
        "message": formats.sentence(message),
        "remedy": remedy,
    }
