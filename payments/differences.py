"""What a correction changes of what was called, branch by branch: called lines in, raises and lowerings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from regulation.enums import Branch
from regulation.money import ZERO


@dataclass(frozen=True, slots=True)
class CalledLine:
    """What still stands of one line of a slip, in dirhams, after earlier corrections."""

    line: int
    slip: int
    branch: Branch
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Lowering:
    """A line that falls by `amount` dirhams."""

    line: int
    slip: int
    branch: Branch
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """By branch what is to be called beside, and line by line what falls."""

    raises: Mapping[Branch, Decimal]
    lowerings: tuple[Lowering, ...]

    @property
    def raised(self) -> Decimal:
        """All that is called beside, in dirhams."""
        return sum(self.raises.values(), ZERO)

    @property
    def lowered(self) -> Decimal:
        """All that falls, in dirhams."""
        return sum((one.amount for one in self.lowerings), ZERO)


def plan(called: Iterable[CalledLine], wanted: Mapping[Branch, Decimal]) -> Plan:
    """From what is called to what the law wants, in dirhams by branch, with the fewest changes.

    `called` comes with the latest slip first: that one falls before the older ones, which are more often paid.
    Afterwards what stands of each branch is exactly what is wanted.
    """
    lines = list(called)
    standing: dict[Branch, Decimal] = {}
    for line in lines:
        standing[line.branch] = standing.get(line.branch, ZERO) + line.amount
    too_much = {
        branch: amount - wanted.get(branch, ZERO)
        for branch, amount in standing.items()
        if amount > wanted.get(branch, ZERO)
    }
    lowerings = []
    for line in lines:
        part = min(line.amount, too_much.get(line.branch, ZERO))
        if part > 0:
            too_much[line.branch] -= part
            lowerings.append(Lowering(line.line, line.slip, line.branch, part))
    raises = {
        branch: amount - standing.get(branch, ZERO)
        for branch, amount in wanted.items()
        if amount > standing.get(branch, ZERO)
    }
    return Plan(raises, tuple(lowerings))
