"""A spreadsheet judged as the file it stands for: a table in, the findings of each cell out.

The rows become the lines of a form, the form becomes its e-BDS file, and that file is examined: one engine,
the same codes. What a cell holds and no line can (a formula, a day among the wages) is said here (S8, S9).
docs/formats/tableur.md says what each column may hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TypeAlias

from declarations.codecs.e_bds import AWAITING_NUMBER
from declarations.codecs.fixed_width import ALPHABET, FieldOverflow, transliterate
from declarations.codecs.prefill import PrefillFile, PrefillLine
from declarations.codecs.sheets import REQUIRED
from declarations.enums import (
    DeclarationKind,
    FileVerdict,
    FormColumn,
    LineOrigin,
    LineSituation,
    Severity,
    SheetColumn,
)
from declarations.findings import Finding
from declarations.rules.context import Expected
from declarations.rules.examination import MOST_LINES, DetailLine, Summary
from declarations.rules.form import FormJudgement, FormLine, judge
from portal.enums import CellKind
from portal.sheets.table import Cell, SheetFault, SheetTable, cell_name
from portal.sheets.texts import ADVISORY
from regulation.errors import DomainError
from regulation.money import parse_amount, to_cents
from regulation.parameters import value_at
from regulation.periods import InvalidPeriod, Period
from regulation.text import _

FILE, LINE, WARNING = Severity.FILE, Severity.LINE, Severity.WARNING

#: Which column shows a finding on an official field.
_COLUMNS: Mapping[str, SheetColumn] = {
    "N_Num_Assure": SheetColumn.NUMBER,
    "L_Nom_Prenom": SheetColumn.LAST_NAME,
    "L_Num_CIN": SheetColumn.CIN,
    "N_Enfants": SheetColumn.CHILDREN,
    "N_AF_A_Payer": SheetColumn.AF_PAYABLE,
    "N_AF_A_Deduire": SheetColumn.AF_DEDUCTED,
    "N_AF_Net_A_Payer": SheetColumn.AF_NET,
    "N_AF_A_Reverser": SheetColumn.AF_RETURNED,
    "N_Jours_Declares": SheetColumn.DAYS,
    "N_Nbr_Jours": SheetColumn.DAYS,
    "N_Salaire_Reel": SheetColumn.WAGE,
    "N_Sal_Reel": SheetColumn.WAGE,
    "N_Salaire_Plaf": SheetColumn.CAPPED,
    "N_Sal_Plaf": SheetColumn.CAPPED,
    "L_Situation": SheetColumn.SITUATION,
}
#: A column that need not be there shows its findings in this one.
_INSTEAD: Mapping[SheetColumn, SheetColumn] = {
    SheetColumn.CAPPED: SheetColumn.WAGE,
    SheetColumn.LAST_NAME: SheetColumn.FULL_NAME,
}
_GONE = (LineSituation.LEFT.value, LineSituation.DECEASED.value)
_SITUATIONS = frozenset(situation.value for situation in LineSituation)
_MOST_DAYS = 26
#: A wage has thirteen digits in the file.
_MOST_WAGE = 10**13 - 1
_MOST_ALLOWANCE = 999_999
_DIGITS = re.compile("[0-9]{1,9}", re.ASCII)
_CIN = re.compile("[A-Z0-9]{1,8}", re.ASCII)

_MOST_CAPPED = 10**9 - 1
_KEYS = {SheetColumn.AFFILIATE, SheetColumn.PERIOD}
_IDENTITY = (
    SheetColumn.NUMBER,
    SheetColumn.LAST_NAME,
    SheetColumn.FIRST_NAME,
    SheetColumn.FULL_NAME,
    SheetColumn.CIN,
)
_ALLOWANCES = (SheetColumn.AF_PAYABLE, SheetColumn.AF_DEDUCTED, SheetColumn.AF_NET)
#: Where one cell that cannot be read would make the engine speak of the others.
_AMOUNTS = {
    SheetColumn.DAYS,
    SheetColumn.WAGE,
    SheetColumn.CAPPED,
    SheetColumn.SITUATION,
    SheetColumn.AF_RETURNED,
    *_ALLOWANCES,
}
_VALUES = (CellKind.TEXT, CellKind.NUMBER)

_WHOLE = _("un nombre entier")
_DAYS_FORM = _("un nombre entier de 0 à 26")
_NO_SITUATION = _("une cellule vide : un entrant n’a pas de situation")
_AMOUNT = _("un montant comme 1234,56")
_NUMBER = _("neuf chiffres, comme 112233441")
_CARD = _("huit lettres et chiffres au plus, comme AB123456")
_PLAIN_VALUE = _("un code comme SO, IL ou CS")

Cells: TypeAlias = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class SheetJudgement:
    """What the file of the sheet would be told, each finding at its cell; `summary` as for a file."""

    verdict: FileVerdict
    findings: list[Finding]
    summary: Summary


def judge_sheet(
    table: SheetTable,
    expected: Expected,
    *,
    take: Callable[[DetailLine], None] | None = None,
) -> SheetJudgement:
    """Judge a table against its month; `expected.prefill` and `expected.period` must be known.

    A sheet corrects what `expected.corrects` says. Else it holds the main declaration, or the first free
    supplementary one when the main one is submitted and nobody of the prefill is in it. `take` is given each
    line as its file would declare it.
    """
    return _Reading(table, expected).judge(take)


@dataclass(slots=True)
class _Reading:
    table: SheetTable
    expected: Expected
    findings: list[Finding] = field(default_factory=list)
    #: Rows whose amounts, or whose card, could not be read: the engine is not asked about these.
    blocked: set[int] = field(default_factory=set)
    blocked_cards: set[int] = field(default_factory=set)

    @property
    def prefill(self) -> PrefillFile:
        if self.expected.prefill is None:
            raise ValueError("a spreadsheet is judged against its prefill")
        return self.expected.prefill

    @property
    def period(self) -> Period:
        if self.expected.period is None:
            raise ValueError("a spreadsheet is judged for its month")
        return self.expected.period

    def judge(self, take: Callable[[DetailLine], None] | None) -> SheetJudgement:
        self.findings += [self._form_fault(fault) for fault in self.table.faults]
        supplement = self._supplement()
        summary = self._empty_summary(supplement)
        if any(finding.severity is FILE for finding in self.findings):
            return SheetJudgement(FileVerdict.REFUSED, self.findings, summary)
        if len(self.table.rows) > MOST_LINES:
            self.findings.append(Finding("F1", FILE, expected=str(MOST_LINES)))
            return SheetJudgement(FileVerdict.REFUSED, self.findings, summary)
        lines = list(self._lines(supplement))
        try:
            judged = judge(lines, self.expected, supplement, take=take)
        except FieldOverflow as overflow:
            field_name = _COLUMNS.get(str(overflow).partition(":")[0].replace("_T_", "_"))
            shown = (field_name or SheetColumn.WAGE).label
            self.findings.append(Finding("S13", FILE, field=shown))
            return SheetJudgement(FileVerdict.REFUSED, self.findings, summary)
        self._take_over(judged)
        severities = {finding.severity for finding in self.findings}
        verdict = FileVerdict.ACCEPTED
        if FILE in severities:
            verdict = FileVerdict.REFUSED
        elif LINE in severities:
            verdict = FileVerdict.BLOCKED
        return SheetJudgement(verdict, self._in_order(), judged.summary)

    # -- findings --------------------------------------------------------------------------------

    def _form_fault(self, fault: SheetFault) -> Finding:
        expected = fault.expected
        if fault.code == "S4":
            names = expected.split(",") if expected else [one.value for one in REQUIRED]
            expected = ", ".join(SheetColumn(name).label for name in names)
        facts: dict[str, str | int] = {"sheet": fault.sheet}
        if fault.row or fault.column:
            facts["cell"] = cell_name(fault.row, fault.column)
        if fault.nature:
            facts["nature"] = fault.nature
        return Finding(
            fault.code,
            WARNING if fault.code in ADVISORY else FILE,
            line_number=fault.row or None,
            value=fault.value,
            expected=expected,
            facts=facts,
        )

    def _at(
        self,
        code: str,
        severity: Severity,
        row: int,
        column: SheetColumn,
        *,
        value: str = "",
        expected: str = "",
        **facts: str | int,
    ) -> Finding:
        return Finding(
            code,
            severity,
            line_number=row,
            field=column.label,
            value=value,
            expected=expected,
            facts={**self._place(row, column), **facts},
        )

    def _place(self, row: int, column: SheetColumn) -> dict[str, str | int]:
        there = self.table.columns
        shown = column if column in there else _INSTEAD.get(column, column)
        place = there.get(shown, there.get(SheetColumn.NUMBER, 0))
        return {"sheet": self.table.sheet, "cell": cell_name(row, place)}

    def _wrong(self, row: int, column: SheetColumn, cell: Cell, form: str) -> None:
        """S8 or S9: what the cell holds is no value of its column."""
        if cell.kind is CellKind.FORMULA:
            self.findings.append(self._at("S8", LINE, row, column, value=cell.text[:60]))
        else:
            self.findings.append(
                self._at(
                    "S9", LINE, row, column, value=cell.text[:60], nature=cell.kind.label, form=form
                )
            )

    def _take_over(self, judged: FormJudgement) -> None:
        """The findings of the engine, each at its cell; headers are the fund's own and not spoken of."""
        for row, found in judged.by_line.items():
            for finding in found:
                column = _COLUMNS.get(finding.field, SheetColumn.NUMBER)
                if row in self.blocked and column in _AMOUNTS:
                    continue  # the cell that could not be read is told already
                if row in self.blocked_cards and column is SheetColumn.CIN:
                    continue
                self.findings.append(self._told(finding, row, column))
        self.findings += [
            replace(finding, record="", line_number=None, columns=None, field="")
            for finding in judged.general
            if finding.is_blocking
        ]

    def _told(self, finding: Finding, row: int, column: SheetColumn) -> Finding:
        return replace(
            finding,
            record="",
            line_number=row,
            columns=None,
            field=column.label,
            deviation="",  # habits are those of payroll software
            facts={**finding.facts, **self._place(row, column)},
        )

    def _in_order(self) -> list[Finding]:
        """What concerns the whole first, then row by row."""
        return sorted(self.findings, key=lambda finding: finding.line_number or 0)

    # -- rows ------------------------------------------------------------------------------------

    def _supplement(self) -> int:
        """0 for the main declaration."""
        if self.expected.corrects is not None:
            return self.expected.corrects[1]
        if not self.expected.main_declared:
            return 0
        numbers = (_digits(cells.get(SheetColumn.NUMBER)) for _row, cells in self.table.rows)
        if any(number in self.prefill.lines for number in numbers):
            return 0
        used = self.expected.supplements_used
        return next((number for number in range(1, 10) if number not in used), 9)

    def _empty_summary(self, supplement: int) -> Summary:
        kind = DeclarationKind.SUPPLEMENTARY if supplement else DeclarationKind.MAIN
        header = self.prefill.header
        return Summary(
            kind=kind,
            supplement_number=supplement,
            affiliation_number=header.affiliation_number,
            period=header.period,
            employees=0,
            days_declared=0,
            wage_bill=0,
            capped_wage_bill=0,
        )

    def _lines(self, supplement: int) -> Iterator[FormLine]:
        ceiling = self._ceiling()
        elsewhere = False
        for row, cells in self.table.rows:
            if not cells.keys() - _KEYS:
                continue
            total = _total(cells)
            if total:
                self.findings.append(
                    Finding(
                        "S11",
                        WARNING,
                        line_number=row,
                        value=total,
                        facts=self._place(row, SheetColumn.NUMBER),
                    )
                )
                continue
            if not elsewhere:
                elsewhere = self._is_elsewhere(row, cells)
            number = self._number(row, cells)
            if number is None:
                continue
            issued = None if supplement else self.prefill.lines.get(number)
            yield self._line(row, cells, number, issued, ceiling)

    def _line(
        self,
        row: int,
        cells: Cells,
        number: str,
        issued: PrefillLine | None,
        ceiling: int,
    ) -> FormLine:
        unread: dict[str, str] = {}
        days = self._days(row, cells, unread)
        wage = self._amount(row, cells, SheetColumn.WAGE, _MOST_WAGE) or 0
        situation = self._situation(row, cells, unread, issued is not None)
        capped = self._amount(row, cells, SheetColumn.CAPPED, _MOST_CAPPED)
        returned = self._amount(row, cells, SheetColumn.AF_RETURNED, _MOST_ALLOWANCE)
        allowances = [0, 0, 0]
        children = 0
        if issued is not None:
            allowances = [issued.af_payable, issued.af_deducted, issued.af_net]
            for place, column in enumerate(_ALLOWANCES):
                typed = self._amount(row, cells, column, _MOST_ALLOWANCE)
                allowances[place] = allowances[place] if typed is None else typed
            children = self._children(row, cells, issued)
        if returned is None:
            returned = allowances[2] if situation in _GONE else 0
        return FormLine(
            key=row,
            rank=row,
            origin=LineOrigin.NEW_HIRE if issued is None else LineOrigin.PREFILLED,
            registration_number=number,
            full_name=self._name(cells, issued),
            cin=self._card(row, cells) if issued is None else "",
            children=children,
            af_payable=allowances[0],
            af_deducted=allowances[1],
            af_net=allowances[2],
            af_returned=returned,
            days_declared=days,
            gross_wage=wage,
            capped_wage=min(wage, ceiling) if capped is None else capped,
            situation=situation,
            unread=unread,
        )

    def _ceiling(self) -> int:
        value = value_at("ceiling.monthly", self.period.first_day).value
        if not isinstance(value, Decimal):
            raise TypeError("the ceiling is an amount")
        return to_cents(value)

    # -- cells -----------------------------------------------------------------------------------

    def _is_elsewhere(self, row: int, cells: Cells) -> bool:
        """S14, said once: the row names another affiliate or another month."""
        said = cells.get(SheetColumn.AFFILIATE)
        ours = self.prefill.header.affiliation_number
        if said is not None and said.text.strip() and said.text.strip().zfill(7) != ours:
            self.findings.append(
                self._at(
                    "S14", FILE, row, SheetColumn.AFFILIATE, value=said.text[:60], expected=ours
                )
            )
            return True
        said = cells.get(SheetColumn.PERIOD)
        if said is not None and said.text.strip() and _month(said) != self.period:
            self.findings.append(
                self._at(
                    "S14",
                    FILE,
                    row,
                    SheetColumn.PERIOD,
                    value=said.text[:60],
                    expected=self.period.compact,
                )
            )
            return True
        return False

    def _number(self, row: int, cells: Cells) -> str | None:
        """The registration number; nine zeros for nobody's yet, None when it cannot be read."""
        cell = cells.get(SheetColumn.NUMBER)
        if cell is None or not cell.text.strip():
            return AWAITING_NUMBER
        digits = _digits(cell)
        if not digits:
            self._wrong(row, SheetColumn.NUMBER, cell, _NUMBER)
            return None
        return digits

    def _days(self, row: int, cells: Cells, unread: dict[str, str]) -> int:
        cell = cells.get(SheetColumn.DAYS)
        text = cell.text.strip() if cell else ""
        if cell is None or not text:
            return 0
        if cell.kind not in _VALUES or not _DIGITS.fullmatch(text):
            self._wrong(row, SheetColumn.DAYS, cell, _DAYS_FORM)
            self.blocked.add(row)
            return 0
        if int(text) > _MOST_DAYS:
            unread[FormColumn.DAYS.value] = text.lstrip("0")
            return 0
        return int(text)

    def _amount(self, row: int, cells: Cells, column: SheetColumn, most: int) -> int | None:
        """An amount in centimes; None when the cell is blank or cannot be read (S8, S9)."""
        cell = cells.get(column)
        if cell is None or not cell.text.strip():
            return None
        cents = None
        if cell.kind in _VALUES:
            try:
                cents = to_cents(parse_amount(cell.text))
            except DomainError:
                cents = None
        if cents is None or cents > most:
            self._wrong(row, column, cell, _AMOUNT)
            self.blocked.add(row)
            return None
        return cents

    def _children(self, row: int, cells: Cells, issued: PrefillLine) -> int:
        cell = cells.get(SheetColumn.CHILDREN)
        text = cell.text.strip() if cell else ""
        if cell is None or not text:
            return issued.children
        if cell.kind not in _VALUES or not _DIGITS.fullmatch(text) or int(text) > 99:
            self._wrong(row, SheetColumn.CHILDREN, cell, _WHOLE)
            return issued.children
        return int(text)

    def _situation(self, row: int, cells: Cells, unread: dict[str, str], known: bool) -> str:
        cell = cells.get(SheetColumn.SITUATION)
        code = cell.text.strip().upper() if cell else ""
        if cell is None or not code:
            return ""
        if cell.kind is not CellKind.TEXT:
            self._wrong(row, SheetColumn.SITUATION, cell, _PLAIN_VALUE)
            self.blocked.add(row)
            return ""
        if not known:
            self._wrong(row, SheetColumn.SITUATION, cell, _NO_SITUATION)
            return ""
        if code not in _SITUATIONS:
            unread[FormColumn.SITUATION.value] = code
            return ""
        return code

    def _name(self, cells: Cells, issued: PrefillLine | None) -> str:
        """The name in the columns of the exchange; that of the prefill when the cells say the same."""
        full = _text(cells, SheetColumn.FULL_NAME)
        last, first = _text(cells, SheetColumn.LAST_NAME), _text(cells, SheetColumn.FIRST_NAME)
        typed = f"{last} {first}".split() or full.split()
        if issued is not None:
            parts = {SheetColumn.LAST_NAME, SheetColumn.FIRST_NAME}
            complete = bool(full) or parts <= self.table.columns.keys()
            if not typed or not complete or typed == transliterate(issued.name).split():
                return issued.name
        return (last[:30].ljust(30) + first[:30]).rstrip() if last or first else full[:60]

    def _card(self, row: int, cells: Cells) -> str:
        cell = cells.get(SheetColumn.CIN)
        text = "".join(cell.text.split()).upper() if cell else ""
        if cell is None or not text:
            return ""
        if cell.kind not in _VALUES or not _CIN.fullmatch(text):
            self._wrong(row, SheetColumn.CIN, cell, _CARD)
            self.blocked_cards.add(row)
            return ""
        return text


def _digits(cell: Cell | None) -> str:
    """A registration number of nine digits, its lost zeros given back; empty when it is none."""
    if cell is None or cell.kind not in _VALUES:
        return ""
    text = re.sub(r"[\s.\u00a0\u202f-]", "", cell.text)
    return text.zfill(9) if _DIGITS.fullmatch(text) else ""


def _month(cell: Cell) -> Period | None:
    """The month of `202610`, `2026-10`, or of the day that a spreadsheet made of it."""
    text = cell.text.strip()
    try:
        return Period.parse(text[:7] if cell.kind is CellKind.DAY else text)
    except InvalidPeriod:
        return None


def _total(cells: Cells) -> str:
    """The word that makes a row a total, if one does."""
    for column in _IDENTITY:
        cell = cells.get(column)
        text = cell.text.strip() if cell and cell.kind is CellKind.TEXT else ""
        if text.casefold().startswith(("total", "المجموع")):
            return text[:60]
    return ""


def _text(cells: Cells, column: SheetColumn) -> str:
    """A name in the alphabet of the exchange."""
    cell = cells.get(column)
    if cell is None:
        return ""
    plain = transliterate(cell.text)
    return "".join(c if c in ALPHABET else " " for c in plain).strip()
