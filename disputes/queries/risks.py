"""The signs of risk of many firms at once, measured in the database from what was declared; and the list for staff."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import QuerySet, Sum

from affiliates.models import Affiliate
from disputes import risks
from disputes.enums import RiskSign
from disputes.models import RiskFact
from regulation.parameters import monthly_minimum_wage
from regulation.periods import Period
from regulation.text import Sentence


@dataclass(frozen=True, slots=True)
class Measured:
    """One value of one firm."""

    affiliate_id: int
    sign: RiskSign
    value: Decimal


# Stands before each question: the lines of declarations in force, in the window, of the chosen firms.
_DECLARED = """
    WITH declared AS (
        SELECT declaration.affiliate_id, declaration.period, line.registration_number, line.days_declared AS days,
            line.gross_wage AS wage, line.situation
        FROM declarations_declaration declaration
        JOIN declarations_declarationline line ON line.declaration_id = declaration.id
        WHERE declaration.status = 'submitted' AND declaration.affiliate_id = ANY(%(affiliates)s)
            AND declaration.period BETWEEN %(first)s AND %(last)s
    )
"""

_BELOW_MINIMUM = """
    SELECT affiliate_id, avg((wage < smig.monthly / 26 * days)::int) FROM declared
    JOIN unnest(%(months)s::date[], %(minimums)s::numeric[]) AS smig (period, monthly) USING (period)
    WHERE days > 0 AND situation = '' GROUP BY affiliate_id
"""

_SUDDEN_DROP = """
    , months AS (SELECT affiliate_id, period, sum(wage) AS bill FROM declared GROUP BY affiliate_id, period)
    SELECT affiliate_id,
        1 - avg(bill) FILTER (WHERE period >= %(recent)s) / avg(bill) FILTER (WHERE period < %(recent)s)
    FROM months GROUP BY affiliate_id
    HAVING avg(bill) FILTER (WHERE period < %(recent)s) > 0 AND count(*) FILTER (WHERE period >= %(recent)s) > 0
"""

# The median is that of the whole activity, not of the chosen firms: the caller gives it.
_DAILY_WAGE = """
    SELECT declared.affiliate_id, sum(wage) / sum(days) / activity.median
    FROM declared
    JOIN affiliates_affiliate firm ON firm.id = declared.affiliate_id
    JOIN unnest(%(activities)s::text[], %(medians)s::numeric[]) AS activity (name, median)
        ON activity.name = firm.activity
    WHERE period >= %(recent)s AND days > 0 GROUP BY declared.affiliate_id, activity.median
"""

_RAISED_BEFORE_BENEFIT = """
    , starts AS (
        SELECT affiliate_id, registration_number, min(period) AS period FROM declared
        WHERE situation IN ('IT', 'IL') GROUP BY affiliate_id, registration_number
    )
    SELECT affiliate_id, count(*) FROM (
        SELECT start.affiliate_id
        FROM starts start JOIN declared line USING (affiliate_id, registration_number)
        WHERE line.situation = '' AND line.days > 0 AND line.period < start.period
        GROUP BY start.affiliate_id, registration_number, start.period
        HAVING max(wage / days) FILTER (WHERE line.period >= start.period - interval '3 months')
            >= %(jump)s * avg(wage / days) FILTER (WHERE line.period < start.period - interval '3 months')
    ) raised GROUP BY affiliate_id
"""

_NEVER_FILED = """
    SELECT firm.id, extract(year FROM gap) * 12 + extract(month FROM gap)
    FROM affiliates_affiliate firm, age(%(today)s::date, firm.affiliated_on) AS gap
    WHERE firm.id = ANY(%(affiliates)s) AND firm.state = 'active'
        AND NOT EXISTS (SELECT 1 FROM declarations_declaration WHERE affiliate_id = firm.id AND status = 'submitted')
"""

_MEDIANS = """
    SELECT activity, percentile_cont(0.5) WITHIN GROUP (ORDER BY daily) FROM (
        SELECT firm.activity, declaration.affiliate_id,
            sum(declaration.wage_bill) / nullif(sum(declaration.days_declared), 0) AS daily
        FROM declarations_declaration declaration
        JOIN affiliates_affiliate firm ON firm.id = declaration.affiliate_id
        WHERE declaration.status = 'submitted' AND declaration.period BETWEEN %(recent)s AND %(last)s
            AND firm.activity <> ''
        GROUP BY firm.activity, declaration.affiliate_id
    ) firms WHERE daily > 0 GROUP BY activity HAVING count(*) >= %(firms)s
"""

_QUERIES = {
    RiskSign.NEVER_FILED: _NEVER_FILED,
    RiskSign.BELOW_MINIMUM: _BELOW_MINIMUM,
    RiskSign.RAISED_BEFORE_BENEFIT: _RAISED_BEFORE_BENEFIT,
    RiskSign.SUDDEN_DROP: _SUDDEN_DROP,
    RiskSign.SECTOR_OUTLIER: _DAILY_WAGE,
}


def medians(today: datetime.date) -> dict[str, Decimal]:
    """The median daily wage (DH) of each activity with enough firms, over the recent months."""
    with connection.cursor() as cursor:
        cursor.execute(_MEDIANS, _window(today) | {"firms": risks.SECTOR_FIRMS})
        return {activity: Decimal(str(median)) for activity, median in cursor.fetchall()}


def measured(
    affiliates: Sequence[int], today: datetime.date, activity_medians: dict[str, Decimal]
) -> Iterator[Measured]:
    """Every value of the firms given by their ids; a few set-based queries whatever their number."""
    last = Period.from_day(today) - 1
    months = [(last - back).first_day for back in range(risks.WINDOW_MONTHS)]
    facts: dict[str, Any] = _window(today) | {
        "affiliates": list(affiliates),
        "today": today,
        # Each month against its own minimum: a rise in January says nothing of December.
        "months": months,
        "minimums": [monthly_minimum_wage(month) for month in months],
        "jump": risks.JUMP,
        "activities": list(activity_medians),
        "medians": list(activity_medians.values()),
    }
    with connection.cursor() as cursor:
        for sign, query in _QUERIES.items():
            cursor.execute(_DECLARED + query, facts)
            for affiliate_id, value in cursor.fetchall():
                if value is not None:
                    yield Measured(affiliate_id, sign, Decimal(value).quantize(Decimal("0.0001")))


def _window(today: datetime.date) -> dict[str, datetime.date]:
    last = Period.from_day(today) - 1
    return {
        "last": last.first_day,
        "first": (last - (risks.WINDOW_MONTHS - 1)).first_day,
        "recent": (last - (risks.RECENT_MONTHS - 1)).first_day,
    }


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of one firm, explained."""

    sign: RiskSign
    words: Sentence
    formula: str
    points: int


@dataclass(frozen=True, slots=True)
class Signs:
    """A firm and its signs, the heaviest first."""

    affiliate: Affiliate
    points: int
    signs: list[Sign]


def ranked(affiliates: QuerySet[Affiliate]) -> QuerySet[Affiliate]:
    """The firms that give at least one sign, by the points of all of them."""
    given = affiliates.filter(risk_facts__isnull=False)
    return given.annotate(risk_points=Sum("risk_facts__points")).order_by("-risk_points", "pk")


def signs_of(affiliates: Sequence[Affiliate]) -> list[Signs]:
    """Each firm with its signs; one query."""
    facts: dict[int, list[Sign]] = {}
    rows = RiskFact.objects.filter(affiliate__in=affiliates).order_by("-points", "indicator")
    for row in rows:
        sign = RiskSign(row.indicator)
        facts.setdefault(row.affiliate_id, []).append(
            Sign(
                sign,
                risks.explained(sign, row.value),
                risks.INDICATORS[sign].formula,
                row.points,
            )
        )
    return [
        Signs(
            affiliate,
            sum(sign.points for sign in facts.get(affiliate.pk, [])),
            facts.get(affiliate.pk, []),
        )
        for affiliate in affiliates
    ]
