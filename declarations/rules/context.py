"""What a declaration is compared with, and what an examination remembers on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from declarations.codecs.e_bds import NewHireLine, PrefilledLine
from declarations.codecs.fixed_width import Layout
from declarations.codecs.prefill import PrefillFile
from declarations.codecs.records import AffiliateHeader, FileHeader, Record
from declarations.enums import DeclarationKind, Severity
from declarations.findings import Finding
from regulation.periods import Period

#: One for all the findings that need none: there may be twenty thousand.
NO_FACTS: Mapping[str, str | int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is known outside the file. Everything may be unknown: an unknown is not checked.

    `affiliation_number` and `period` are those of the account and of the page where the file
    arrives; `prefill` is what the fund issued; then whether a main declaration exists, the
    supplement numbers already used, the registration numbers already declared for the period.
    `corrects` is the place of the declaration that this one is sent to correct; what that one
    said is not in the others.
    """

    affiliation_number: str | None = None
    period: Period | None = None
    prefill: PrefillFile | None = None
    file_name: str | None = None
    main_declared: bool | None = None
    supplements_used: frozenset[int] = frozenset()
    already_declared: frozenset[str] = frozenset()
    corrects: tuple[DeclarationKind, int] | None = None


@dataclass(slots=True)
class Sums:
    """Running totals of one block of lines, in the order of the official total record."""

    employees: int = 0
    children: int = 0
    af_payable: int = 0
    af_deducted: int = 0
    af_net: int = 0
    registration_numbers: int = 0
    af_returned: int = 0
    days_declared: int = 0
    gross_wage: int = 0
    capped_wage: int = 0
    control_sums: int = 0
    #: A line that could not be read makes its block's sums unknowable: they are not compared.
    unreadable_lines: int = 0

    def add_prefilled(self, line: PrefilledLine) -> None:
        """One x02 more; the empty form counts for nobody."""
        if line.registration_number:
            self.employees += 1
            self.registration_numbers += int(line.registration_number)
        self.children += line.children
        self.af_payable += line.af_payable
        self.af_deducted += line.af_deducted
        self.af_net += line.af_net
        self.af_returned += line.af_returned
        self.days_declared += line.days_declared
        self.gross_wage += line.gross_wage
        self.capped_wage += line.capped_wage
        self.control_sums += line.control_sum

    def add_all_prefilled(self, lines: Sequence[PrefilledLine]) -> None:
        """Many x02 more, each with a number: a sum a column."""
        columns = list(zip(*lines, strict=True))
        self.employees += len(lines)
        self.registration_numbers += sum(map(int, columns[2]))
        self.children += sum(columns[4])
        self.af_payable += sum(columns[5])
        self.af_deducted += sum(columns[6])
        self.af_net += sum(columns[7])
        self.af_returned += sum(columns[8])
        self.days_declared += sum(columns[9])
        self.gross_wage += sum(columns[10])
        self.capped_wage += sum(columns[11])
        self.control_sums += sum(columns[13])

    def add_new_hire(self, line: NewHireLine) -> None:
        """One x04 more; the empty form counts for nobody."""
        if not line.is_empty_form:
            self.employees += 1
        if line.registration_number:
            self.registration_numbers += int(line.registration_number)
        self.days_declared += line.days_declared
        self.gross_wage += line.gross_wage
        self.capped_wage += line.capped_wage
        self.control_sums += line.control_sum


@dataclass(slots=True)
class State:
    """What is known at a given line: headers, legal values of the period, people already seen."""

    expected: Expected
    record: Record = field(default_factory=lambda: Record(0, "", "", ""))
    layout: Layout | None = None
    family: str = ""
    file_header: FileHeader | None = None
    header: AffiliateHeader | None = None
    period: Period | None = None
    ceiling: int | None = None  # centimes a month
    minimum_wage: int | None = None  # centimes a month
    prefilled: Sums = field(default_factory=Sums)
    new_hires: Sums = field(default_factory=Sums)
    prefilled_lines: int = 0
    new_hire_lines: int = 0
    empty_forms: int = 0
    first_seen: dict[str, int] = field(default_factory=dict)
    previous_number: str = ""
    number_openings: set[str] = field(default_factory=set)  # first eight digits, made when asked
    allowances: int = 0  # lines of active staff with a net family allowance
    allowances_returned: int = 0  # those that give it all back (D14)

    def finding(
        self,
        code: str,
        severity: Severity,
        field: str = "",
        value: object = "",
        expected: object = "",
        *,
        deviation: str = "",
        **facts: str | int,
    ) -> Finding:
        """A finding at the current record, its columns taken from the layout."""
        columns = self.layout.columns(field) if self.layout and field else None
        return Finding(
            code,
            severity,
            self.record.name,
            self.record.line_number or None,
            columns,
            field,
            str(value),
            str(expected),
            deviation,
            facts or NO_FACTS,
        )
