"""What a declaration costs, computed or as stored."""

from collections.abc import Collection

from django.db.models import Sum

from affiliates.queries import statuses_on, taken_over_on, with_special_terms
from declarations.models import (
    Declaration,
)
from regulation.contributions import Bases, ContributionResult, contributions_from_bases
from regulation.enums import ContributionStatus
from regulation.money import ZERO
from regulation.periods import Period


def contributions_of(declaration: Declaration) -> ContributionResult:
    """What the declaration costs, branch by branch; the preview and the submission call this one function."""
    return contributions_of_all([declaration])[declaration.pk]


def contributions_of_all(declarations: Collection[Declaration]) -> dict[int, ContributionResult]:
    """What each of these declarations costs, by key; two queries, and three for each employer of a special status."""
    special = with_special_terms({one.affiliate_id for one in declarations})
    results = {}
    for one in declarations:
        period = Period.from_day(one.period)
        bases, statuses = (
            Bases(one.wage_bill, one.capped_wage_bill),
            frozenset[ContributionStatus](),
        )
        if one.affiliate_id in special:
            bases, statuses = _bases(one, period), statuses_on(one.affiliate, period.first_day)
        results[one.pk] = contributions_from_bases(period, bases, statuses)
    return results


def _bases(declaration: Declaration, period: Period) -> Bases:
    """The sums of a declaration, and those of its lines that the State takes over on the first day of the month."""
    gross = capped = ZERO
    numbers = taken_over_on(declaration.affiliate, period.first_day)
    if numbers:
        taken = declaration.lines.filter(registration_number__in=numbers).aggregate(
            gross=Sum("gross_wage"), capped=Sum("capped_wage")
        )
        gross, capped = taken["gross"] or ZERO, taken["capped"] or ZERO
    return Bases(declaration.wage_bill, declaration.capped_wage_bill, gross, capped)


def stored_contributions(declaration: Declaration) -> ContributionResult:
    """What was computed when the declaration was submitted, with its working."""
    return ContributionResult.from_json(declaration.working or {})
