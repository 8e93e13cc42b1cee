"""What a month that is not filed in time costs today, and what waiting adds."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Subquery

from affiliates.models import Affiliate
from declarations import queries
from declarations.models import ContributionLine
from regulation.enums import Branch
from regulation.money import ZERO, round_half_up
from regulation.parameters import NotYetKnown, due_day
from regulation.penalties import (
    FilingPenaltyResult,
    SurchargeResult,
    by_group,
    filing_penalty,
    late_months,
    surcharge,
)
from regulation.periods import Period


@dataclass(frozen=True, slots=True)
class Lateness:
    """The cost of a month filed and paid on `today`, from the people and contributions of the last month filed.

    Amounts in dirhams. The law counts started months: waiting costs nothing until `next_on`, then `more` at once,
    which is `a_day` for each day of that month.
    """

    due_on: datetime.date
    today: datetime.date
    basis: Period
    penalty: FilingPenaltyResult
    surcharge: SurchargeResult
    next_on: datetime.date
    more: Decimal
    a_day: Decimal

    @property
    def total(self) -> Decimal:
        """Penalty and surcharges together."""
        return self.penalty.amount + self.surcharge.total

    @property
    def days(self) -> int:
        """Days since the due day."""
        return (self.today - self.due_on).days


def lateness_of(affiliate: Affiliate, period: Period, *, today: datetime.date) -> Lateness | None:
    """What a month costs that is not filed on `today`; None in time, or when nothing was ever filed. One query."""
    due_on = due_day(period)
    if today <= due_on:
        return None
    last = queries.mains_before(affiliate, period).values("pk")[:1]
    lines = list(
        ContributionLine.objects.filter(declaration=Subquery(last)).select_related("declaration")
    )
    if not lines:
        return None
    basis = lines[0].declaration
    principal: dict[Branch, Decimal] = {}
    for line in lines:
        branch = Branch(line.branch)
        amount = line.employer_share + line.employee_share
        principal[branch] = principal.get(branch, ZERO) + amount

    def cost(day: datetime.date) -> tuple[FilingPenaltyResult, SurchargeResult]:
        late = filing_penalty(employees=basis.employee_count, due_on=due_on, filed_on=day)
        return late, surcharge(by_group(principal), due_on=due_on, until=day)

    month = late_months(due_on, today)[-1]
    next_on = month.ends_on + datetime.timedelta(days=1)
    try:
        (penalty, charged), (next_penalty, next_charged) = cost(today), cost(next_on)
    except NotYetKnown:  # a month older than the tables of penalties
        return None
    more = next_penalty.amount + next_charged.total - penalty.amount - charged.total
    following = late_months(due_on, next_on)[-1]
    days = (following.ends_on - following.starts_on).days + 1
    return Lateness(
        due_on=due_on,
        today=today,
        basis=Period.from_day(basis.period),
        penalty=penalty,
        surcharge=charged,
        next_on=next_on,
        more=more,
        a_day=round_half_up(more / days),
    )
