"""A page of the form as it is shown: people, cells, and what the rules say beside each."""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator

from declarations import queries
from declarations.codecs.fixed_width import transliterate
from declarations.enums import FormColumn, Severity
from declarations.finding_texts import message_of
from declarations.findings import Finding
from declarations.models import Declaration, DeclarationLine
from declarations.rules.form import COLUMNS, FormJudgement
from portal.searches import SEARCH
from regulation.errors import DomainError
from regulation.money import parse_amount
from regulation.text import Sentence, ascii_digits

#: The parameters of an address that narrow the list.
TO_COMPLETE = "voir"
#: People on a page: a form of 2,000 stays light.
FORM_PAGE = 50


@dataclass(frozen=True)
class Shown:
    """Which people of a form are shown: all, those to complete, those whose number or name answers a search."""

    to_complete: bool = False
    search: str = ""
    #: What the address says of the search.
    key: str = ""
    page: int | str = 1

    @property
    def narrows(self) -> bool:
        return self.to_complete or bool(self.search)

    @property
    def query(self) -> str:
        """What an address says of it, the page left out."""
        said = {TO_COMPLETE: "a-completer"} if self.to_complete else {}
        return urlencode(said | ({SEARCH: self.key} if self.search else {}))

    def at(self, page: int | str) -> str:
        """The address of one of its pages, from `?` on."""
        return f"?{self.query}{'&' if self.query else ''}page={page}"

    def takes(self, line: DeclarationLine, blocked: Container[int]) -> bool:
        """Whether a line is shown; each word searched starts a number or a card, or is part of a name."""
        if self.to_complete and line.pk not in blocked:
            return False
        words = transliterate(ascii_digits(self.search)).upper().split()
        return all(
            line.registration_number.startswith(word)
            or line.cin.startswith(word)
            or word in line.full_name
            for word in words
        )


@dataclass(frozen=True)
class FormNote:
    """What the rules say beside a cell, or under the name of a person."""

    code: str
    severity: Severity
    text: Sentence | DomainError


@dataclass(frozen=True)
class FormCell:
    """One input: its name, what it shows, and, after a conflict, what is stored instead."""

    column: FormColumn
    name: str
    text: str
    notes: list[FormNote]
    stored: str | None = None

    @property
    def is_wrong(self) -> bool:
        return any(note.severity is not Severity.WARNING for note in self.notes)


@dataclass(frozen=True)
class FormRow:
    """One person of the form; `is_untouched` when nothing was typed yet."""

    line: DeclarationLine
    days: FormCell
    wage: FormCell
    situation: FormCell
    notes: list[FormNote]
    is_untouched: bool


@dataclass(frozen=True)
class FormPage:
    """A page of the form, and what the whole form still asks for."""

    shown: Shown
    page: Page
    rows: list[FormRow]
    general: list[FormNote]
    first_to_complete: int | None  # the page of the first line that prevents the submission
    ranks: list[int]  # of the lines shown on all the pages

    @property
    def here(self) -> str:
        """The address of this page, from `?` on."""
        return self.shown.at(self.page.number)

    def page_of(self, place: int) -> int:
        """The page of the line at a place of `ranks`; the last page beyond the end."""
        return min(max(place, 0), max(len(self.ranks) - 1, 0)) // FORM_PAGE + 1

    def page_after(self, rank: int) -> int:
        """The page of the first line after a rank: what was completed may have left the list meanwhile."""
        return self.page_of(bisect_right(self.ranks, rank))

    def page_before(self, rank: int) -> int:
        """The page of the last line before a rank."""
        return self.page_of(bisect_left(self.ranks, rank) - 1)


def form_page(
    declaration: Declaration,
    *,
    shown: Shown | None = None,
    typed: dict[str, str] | None = None,
    keep: Container[int] = (),
) -> FormPage:
    """The people of a form, fifty at a time, judged; `typed` shows a person's texts instead of the stored.

    The lines of `keep` are shown even when they no longer answer: they are on the screen that asks.
    """
    shown = shown or Shown()
    lines = list(declaration.lines.order_by("rank"))
    judgement = queries.judge_form(declaration, lines)
    blocked = _blocked(judgement)
    taken = [line for line in lines if line.pk in keep or shown.takes(line, blocked)]
    shown_page = Paginator(taken, FORM_PAGE).get_page(shown.page)
    first = next((rank for rank, line in enumerate(lines) if line.pk in blocked), None)
    return FormPage(
        shown=shown,
        ranks=[line.rank for line in taken],
        page=shown_page,
        rows=[
            _form_row(line, declaration, judgement.by_line.get(line.pk, ()), typed or {})
            for line in shown_page
        ],
        general=[
            _form_note(finding, line=None, unread={})
            for finding in judgement.general
            if finding.is_blocking
        ],
        first_to_complete=None if first is None else first // FORM_PAGE + 1,
    )


def lines_shown(declaration: Declaration, shown: Shown) -> list[int]:
    """The keys of the lines of a form that are shown, over all pages."""
    lines = list(declaration.lines.order_by("rank"))
    if not shown.narrows:
        return [line.pk for line in lines]
    judgement = queries.judge_form(declaration, lines)
    blocked = _blocked(judgement)
    return [line.pk for line in lines if shown.takes(line, blocked)]


def _blocked(judgement: FormJudgement) -> set[int]:
    """The keys of the lines that prevent the submission."""
    return {
        key
        for key, found in judgement.by_line.items()
        if any(finding.is_blocking for finding in found)
    }


def _form_row(
    line: DeclarationLine,
    declaration: Declaration,
    findings: Sequence[Finding],
    typed: dict[str, str],
) -> FormRow:
    unread = declaration.unread.get(str(line.pk), {})
    untouched = not (line.days_declared or line.gross_wage or line.situation or unread)
    notes: dict[FormColumn | None, list[FormNote]] = {}
    unreadable = any(finding.code == "R7" for finding in findings)
    for finding in findings:
        if unreadable and finding.code == "R20":
            continue  # missing because it cannot be read, which is said already
        note = _form_note(finding, line=line, unread=unread)
        notes.setdefault(COLUMNS.get(finding.field), []).append(note)
    stored = {
        FormColumn.DAYS: str(line.days_declared or ""),
        FormColumn.WAGE: f"{line.gross_wage:.2f}".replace(".", ",") if line.gross_wage else "",
        FormColumn.SITUATION: line.situation,
    }
    cells = {}
    for column, text in stored.items():
        name = f"{column.value}-{line.pk}"
        text = unread.get(column.value, text)
        now = typed.get(name, text)
        cells[column] = FormCell(
            column, name, now, notes.get(column, []), None if now.strip() == text else text
        )
    return FormRow(
        line=line,
        days=cells[FormColumn.DAYS],
        wage=cells[FormColumn.WAGE],
        situation=cells[FormColumn.SITUATION],
        notes=notes.get(None, []),
        is_untouched=untouched,
    )


def _form_note(
    finding: Finding, *, line: DeclarationLine | None, unread: dict[str, str]
) -> FormNote:
    """A finding in the words of its code; the official field gives way to the name of the column."""
    column = COLUMNS.get(finding.field)
    text: Sentence | DomainError = message_of(
        finding.code,
        value=finding.value,
        expected=finding.expected,
        field=column.label if column else finding.field,
        line_number=line.rank if line else None,
        facts=finding.facts,
    )
    if column is not None and isinstance(text, Sentence):
        text = replace(text, translated=(*text.translated, "field"))
    if column is FormColumn.WAGE and column.value in unread:
        try:
            parse_amount(unread[column.value])
        except DomainError as refusal:
            text = refusal  # says better than the file's control how an amount is written
    return FormNote(finding.code, finding.severity, text)
