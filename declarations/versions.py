"""What was filed for a month, version after version, and what each changed, person by person and branch by branch."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from declarations import queries
from declarations.codecs.e_bds import AWAITING_NUMBER, OCCASIONAL_LABOUR
from declarations.enums import DeclarationStatus, StopReason
from declarations.errors import CorrectionStopped, CorrectionTooLate
from declarations.models import CorrectionStop, Declaration, DeclarationLine
from regulation.contributions import ContributionResult
from regulation.enums import Branch
from regulation.money import ZERO
from regulation.parameters import value_at
from regulation.periods import Period

#: What a line says of a person; the rank and the origin of the line say nothing of them.
TOLD = (
    "registration_number",
    "full_name",
    "cin",
    "af_returned",
    "days_declared",
    "gross_wage",
    "capped_wage",
    "situation",
)


@dataclass(frozen=True, slots=True)
class ChangedPerson:
    """One person of whom two versions say something else; None where the person is absent."""

    old: DeclarationLine | None
    new: DeclarationLine | None

    @property
    def line(self) -> DeclarationLine:
        """The line that names the person."""
        line = self.new or self.old
        if line is None:
            raise ValueError("a person is in one version at least")
        return line

    @property
    def is_added(self) -> bool:
        return self.old is None

    @property
    def is_removed(self) -> bool:
        return self.new is None

    @property
    def wage_difference(self) -> Decimal:
        """New wage less old one, in dirhams."""
        return (self.new.gross_wage if self.new else ZERO) - (
            self.old.gross_wage if self.old else ZERO
        )

    @property
    def days_changed(self) -> bool:
        return not (self.old and self.new) or self.old.days_declared != self.new.days_declared

    @property
    def situation_changed(self) -> bool:
        return bool(self.old and self.new) and self.old.situation != self.new.situation  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class ChangedBranch:
    """One branch in two versions, both shares together, in dirhams."""

    branch: Branch
    old: Decimal
    new: Decimal

    @property
    def difference(self) -> Decimal:
        return self.new - self.old


@dataclass(frozen=True, slots=True)
class Difference:
    """What a version changed of the one before. Amounts in dirhams."""

    old: Declaration
    new: Declaration
    branches: tuple[ChangedBranch, ...]
    people: tuple[ChangedPerson, ...]
    result: ContributionResult  # the contributions of the new one

    @property
    def old_total(self) -> Decimal:
        return sum((branch.old for branch in self.branches), ZERO)

    @property
    def new_total(self) -> Decimal:
        return sum((branch.new for branch in self.branches), ZERO)

    @property
    def total(self) -> Decimal:
        """New contributions less old ones: above zero there is more to pay."""
        return self.new_total - self.old_total

    @property
    def wage_bill(self) -> Decimal:
        return self.new.wage_bill - self.old.wage_bill

    @property
    def capped_wage_bill(self) -> Decimal:
        return self.new.capped_wage_bill - self.old.capped_wage_bill

    @property
    def employees(self) -> int:
        return self.new.employee_count - self.old.employee_count


def check_correctable(declaration: Declaration, today: datetime.date) -> None:
    """Refuse a month further back than the prescription (CorrectionTooLate, art. 76) or closed by the fund
    (CorrectionStopped). What may be wrong with the law of the month shows when its contributions are computed."""
    period = Period.from_day(declaration.period)
    first = Period.from_day(today) - 12 * int(value_at("recovery.prescription_years", today).value)
    if period < first:
        raise CorrectionTooLate(period=period, first=first)
    stop = CorrectionStop.objects.filter(
        affiliate=declaration.affiliate_id, period=declaration.period, lifted_at__isnull=True
    ).first()
    if stop is not None:
        raise CorrectionStopped(
            period=period, reason=StopReason(stop.reason).label, reference=stop.reference
        )


def history(declaration: Declaration) -> QuerySet[Declaration]:
    """Every version filed in the place of a declaration, the latest first."""
    return (
        queries.filed_in_place(declaration)
        .select_related("submitted_by", "received_file__stored", "corrects")
        .order_by("-submitted_at", "-pk")
    )


def standing_of(declaration: Declaration) -> Declaration | None:
    """What stands today in the place of a filed declaration; itself unless it was corrected."""
    if declaration.status == DeclarationStatus.SUBMITTED:
        return declaration
    return (
        queries.filed_in_place(declaration).filter(status=DeclarationStatus.SUBMITTED.value).first()
    )


def difference(old: Declaration, new: Declaration) -> Difference:
    """What `new` (a draft, or submitted) changes of `old`: two queries and those of the computation."""
    result = computed(new)
    return Difference(
        old,
        new,
        tuple(_branches(queries.stored_contributions(old), result)),
        tuple(_people(old, new)),
        result,
    )


def computed(declaration: Declaration) -> ContributionResult:
    """The contributions of a declaration: as stored once submitted, otherwise as they would be."""
    if declaration.status == DeclarationStatus.DRAFT:
        return queries.contributions_of(declaration)
    return queries.stored_contributions(declaration)


def says_something_else(old: Declaration, new: Declaration) -> bool:
    """Whether two versions differ in anything they tell of anybody."""

    def told(one: Declaration) -> list[tuple[object, ...]]:
        return sorted(one.lines.values_list(*TOLD), key=repr)

    return told(old) != told(new)


def _branches(old: ContributionResult, new: ContributionResult) -> Iterator[ChangedBranch]:
    before = {line.branch: line.employer + line.employee for line in old.lines}
    after = {line.branch: line.employer + line.employee for line in new.lines}
    for branch in Branch:
        if branch in before or branch in after:
            yield ChangedBranch(branch, before.get(branch, ZERO), after.get(branch, ZERO))


def _people(old: Declaration, new: Declaration) -> Iterator[ChangedPerson]:
    before, after = _by_person(old), _by_person(new)
    for key in sorted(before.keys() | after.keys(), key=repr):
        one, other = before.get(key), after.get(key)
        if one is None or other is None or _told(one) != _told(other):
            yield ChangedPerson(one, other)


def _told(line: DeclarationLine) -> tuple[object, ...]:
    return tuple(getattr(line, name) for name in TOLD)


def _by_person(declaration: Declaration) -> Mapping[tuple[str, ...], DeclarationLine]:
    """Lines by who they are about: the number, or the identity card of those who wait for one."""
    found: dict[tuple[str, ...], DeclarationLine] = {}
    for line in declaration.lines.order_by("rank"):
        key: tuple[str, ...] = (line.registration_number,)
        if line.registration_number == AWAITING_NUMBER:
            key = (line.registration_number, line.cin)
        elif line.registration_number == OCCASIONAL_LABOUR:
            key = (line.registration_number, line.full_name)
        again = 0
        while key in found:
            again += 1
            key = (*key[:2], str(again))
        found[key] = line
    return found
