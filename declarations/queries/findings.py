"""The findings of a received file, in groups and page by page."""

from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count

from declarations.deviations import DEVIATIONS
from declarations.enums import (
    DeclarationStatus,
    FileKind,
    Severity,
)
from declarations.finding_examples import EXAMPLES, Example
from declarations.finding_texts import TEXTS, FindingText, in_a_sheet, message_of
from declarations.models import (
    Declaration,
    FileFinding,
    ReceivedFile,
)
from declarations.rules.repair import ADVICE_MENDED, BLOCKING_MENDED
from regulation.text import Sentence

FINDINGS_PAGE = 100


@dataclass(frozen=True)
class FindingGroup:
    """The findings of one code: how many, how grave, in which words."""

    code: str
    severity: Severity
    count: int
    text: FindingText
    example: Example


def finding_groups(file: ReceivedFile) -> list[FindingGroup]:
    """Findings counted by severity and code, the gravest first; one query."""
    rows = (
        FileFinding.objects.filter(received_file=file)
        .order_by()
        .values("severity", "code")
        .annotate(count=Count("id"))
    )
    order = {severity.value: rank for rank, severity in enumerate(Severity)}
    is_sheet = file.kind == FileKind.SHEET
    groups = [
        FindingGroup(
            row["code"],
            Severity(row["severity"]),
            row["count"],
            _words(row["code"], is_sheet),
            EXAMPLES[row["code"]],
        )
        for row in rows
    ]
    return sorted(groups, key=lambda group: (order[group.severity], -group.count, group.code))


def _words(code: str, is_sheet: bool) -> FindingText:
    return in_a_sheet(TEXTS[code]) if is_sheet else TEXTS[code]


def may_be_repaired(groups: list[FindingGroup], declaration: Declaration | None) -> bool:
    """Whether a repair is worth looking for: every blocking fault is of a kind that can be mended.

    The page of the repair says whether one is certain. What was submitted is not touched any more.
    """
    if declaration is not None and declaration.status != DeclarationStatus.DRAFT:
        return False
    blocking = {one.code for one in groups if one.severity is not Severity.WARNING}
    if blocking:
        return blocking <= BLOCKING_MENDED
    return any(one.code in ADVICE_MENDED for one in groups)


@dataclass(frozen=True)
class ShownFinding:
    """A finding with its words; `habit` says which habit of some software explains it, if one does.

    `deviation` is the name of that habit, and `example` shows it.
    """

    row: FileFinding
    message: Sentence
    text: FindingText
    habit: str
    deviation: str
    example: Example


def shown(row: FileFinding) -> ShownFinding:
    """A stored finding with its words."""
    message = message_of(
        row.code,
        value=row.value,
        expected=row.expected,
        field=row.field,
        line_number=row.line_number,
        facts=row.facts,
    )
    deviation = row.facts.get("deviation", "")
    habit = DEVIATIONS.get(deviation, "")
    example = EXAMPLES.get(deviation) or EXAMPLES[row.code]
    return ShownFinding(row, message, TEXTS[row.code], habit, deviation, example)


def finding_page(
    file: ReceivedFile, *, severity: str = "", code: str = "", page: int | str = 1
) -> "Page":
    """The findings of a file in file order, a hundred at a time, narrowed to a severity or a code."""
    rows = FileFinding.objects.filter(received_file=file).order_by("rank")
    if severity:
        rows = rows.filter(severity=severity)
    if code:
        rows = rows.filter(code=code)
    return Paginator(rows, FINDINGS_PAGE).get_page(page)
