"""What wages cost, before any declaration: contributions, payslips, penalties if late."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from regulation.contributions import ContributionResult, WageLine, contributions
from regulation.enums import ContributionStatus
from regulation.money import ZERO
from regulation.parameters import due_day
from regulation.penalties import (
    FilingPenaltyResult,
    SurchargeResult,
    by_group,
    filing_penalty,
    surcharge,
)
from regulation.periods import Period


@dataclass(frozen=True, slots=True)
class Payslip:
    """One employee alone, in DH; a declaration rounds its totals, so centimes may differ."""

    gross_wage: Decimal
    result: ContributionResult
    state_takeover: bool = False

    @property
    def net(self) -> Decimal:
        """What is left to the employee before income tax."""
        return self.gross_wage - self.result.total_employee

    @property
    def cost(self) -> Decimal:
        """What the employee costs the employer."""
        return self.gross_wage + self.result.total_employer


@dataclass(frozen=True, slots=True)
class Simulation:
    """Contributions of some wages, one payslip each, and what lateness would add."""

    result: ContributionResult
    payslips: tuple[Payslip, ...]
    due_on: date
    surcharges: SurchargeResult | None
    filing_penalty: FilingPenaltyResult | None

    @property
    def gross(self) -> Decimal:
        """All wages, in DH."""
        return self.result.bases.gross

    @property
    def net(self) -> Decimal:
        """All wages less the employee shares, before income tax."""
        return self.gross - self.result.total_employee

    @property
    def cost(self) -> Decimal:
        """Wages and employer shares: what the month costs the employer."""
        return self.gross + self.result.total_employer

    @property
    def total_penalties(self) -> Decimal:
        """Surcharges and filing penalty together, in DH."""
        late = self.surcharges.total if self.surcharges else ZERO
        return late + (self.filing_penalty.amount if self.filing_penalty else ZERO)

    def to_json(self) -> dict[str, Any]:
        """Return the published shape: amounts and rates are texts; `state` only when the State bears something."""
        published: dict[str, Any] = {
            "period": str(self.result.period),
            "branches": [
                {
                    "branch": line.branch.value,
                    "base": str(line.base),
                    "rate_employer": str(line.rate_employer),
                    "rate_employee": str(line.rate_employee),
                    "employer": str(line.employer),
                    "employee": str(line.employee),
                    "text": line.text,
                }
                for line in self.result.lines
            ],
            "total_employer": str(self.result.total_employer),
            "total_employee": str(self.result.total_employee),
            "total": str(self.result.total),
            "penalties": self._penalties(),
        }
        if self.result.total_state:
            published["state"] = {
                "total": str(self.result.total_state),
                "branches": {
                    line.branch.value: str(line.state) for line in self.result.lines if line.state
                },
            }
        return published

    def _penalties(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if self.surcharges and self.surcharges.started_months:
            found += [
                {
                    "kind": "surcharge",
                    "group": group.group.value,
                    "months": self.surcharges.started_months,
                    "rate": str(group.rate),
                    "amount": str(group.amount),
                    "text": group.text,
                }
                for group in self.surcharges.groups
            ]
        if self.filing_penalty and self.filing_penalty.months:
            found.append(
                {
                    "kind": "filing_penalty",
                    "months": self.filing_penalty.months,
                    "amount": str(self.filing_penalty.amount),
                    "text": self.filing_penalty.text,
                }
            )
        return found


def simulate(
    period: Period,
    wages: Sequence[Decimal | WageLine],
    statuses: Iterable[ContributionStatus | str] = (ContributionStatus.ORDINARY,),
    *,
    paid_on: date | None = None,
    filed_on: date | None = None,
) -> Simulation:
    """Compute what `wages` (DH, one per employee, or a line that says that the State takes over) cost for a month.

    With `paid_on`, the surcharges of a payment in full on that day; with
    `filed_on`, the penalty of a declaration filed on that day.  Refuses as
    `contributions` and `surcharge` do.
    """
    statuses = tuple(statuses)
    lines = [wage if isinstance(wage, WageLine) else WageLine(wage) for wage in wages]
    result = contributions(period, lines, statuses)
    due_on = due_day(period)
    surcharges = None
    if paid_on is not None:
        principal = by_group({line.branch: line.total for line in result.lines})
        surcharges = surcharge(principal, due_on=due_on, until=paid_on)
    late = None
    if filed_on is not None:
        late = filing_penalty(employees=len(wages), due_on=due_on, filed_on=filed_on)
    payslips = tuple(
        Payslip(line.gross_wage, contributions(period, [line], statuses), line.state_takeover)
        for line in lines
    )
    return Simulation(result, payslips, due_on, surcharges, late)
