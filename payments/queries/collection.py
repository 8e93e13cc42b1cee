"""Collection as a whole: declared, due, collected by month and by bank, how fast, and what is late. Set by set.

Slips alone tell months, speed and age, so that each figure is one pass over one table; amounts in dirhams.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from regulation.periods import Period

SPEEDS = (0, 1, 2, 3, 6, 12)
"""Months after the due day at which a vintage is looked at."""

DEBT_AGES = (0, 31, 91, 181, 366)
"""Days of delay from which each band of debt begins."""


@dataclass(frozen=True, slots=True)
class MonthRow:
    """One declared month: slips, what they called, what is left, and the share settled k months after the due day.

    A share is None while its day has not come.
    """

    period: Period
    slips: int
    due: Decimal
    outstanding: Decimal
    settled: tuple[Decimal | None, ...]

    @property
    def collected(self) -> Decimal:
        """What no longer remains: paid, or taken off."""
        return self.due - self.outstanding

    @property
    def share(self) -> Decimal:
        """Collected, in percent."""
        return percent(self.collected, self.due)


@dataclass(frozen=True, slots=True)
class BankRow:
    """What one bank brought in one month of booking."""

    bank: str
    month: Period
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class DebtBand:
    """Open slips late by at least `after` days and less than the next band."""

    after: int
    slips: int
    amount: Decimal


def percent(part: Decimal, whole: Decimal) -> Decimal:
    """A share in percent, one decimal; nothing called counts as nothing collected."""
    return (100 * part / whole).quantize(Decimal("0.1")) if whole else Decimal("0.0")


def by_month(first: Period, last: Period, *, on: date) -> list[MonthRow]:
    """Declared months from `first` to `last`, oldest first. One query over the slips of these months.

    A slip counts as settled in full on the day it was; what is paid in part counts once the rest is.
    """
    speeds = ", ".join(
        f"sum(total) FILTER (WHERE settled_on <= due_on + interval '{months} months'),"
        f" bool_and(due_on + interval '{months} months' <= %(on)s)"
        for months in SPEEDS
    )
    sql = (
        "SELECT period, count(*), sum(total), sum(outstanding), "  # noqa: S608
        + speeds
        + " FROM payments_paymentslip WHERE period BETWEEN %(first)s AND %(last)s"
        " AND state NOT IN ('replaced', 'cancelled') GROUP BY period ORDER BY period"
    )
    rows = _ask(sql, {"first": first.first_day, "last": last.first_day, "on": on})
    found = []
    for period, slips, due, outstanding, *pairs in rows:
        settled = tuple(
            percent(pairs[place] or Decimal(0), due) if pairs[place + 1] else None
            for place in range(0, len(pairs), 2)
        )
        found.append(MonthRow(Period.from_day(period), slips, due, outstanding, settled))
    return found


@dataclass(frozen=True, slots=True)
class Vintage:
    """The months of one quarter together: what they called, and the share settled k months after each due day."""

    year: int
    quarter: int
    due: Decimal
    settled: tuple[Decimal | None, ...]


def vintages(rows: Sequence[MonthRow]) -> list[Vintage]:
    """Months by quarter, oldest first, weighted by what they called; None until the day has come for all of them."""
    quarters: dict[tuple[int, int], list[MonthRow]] = {}
    for row in rows:
        quarters.setdefault((row.period.year, (row.period.month + 2) // 3), []).append(row)
    return [
        Vintage(
            year,
            quarter,
            sum((row.due for row in months), Decimal(0)),
            tuple(_weighted(months, place) for place in range(len(SPEEDS))),
        )
        for (year, quarter), months in quarters.items()
    ]


def _weighted(months: Sequence[MonthRow], place: int) -> Decimal | None:
    paid, due = Decimal(0), Decimal(0)
    for row in months:
        share = row.settled[place]
        if share is None:
            return None
        paid += share * row.due / 100
        due += row.due
    return percent(paid, due)


def by_bank(since: date) -> list[BankRow]:
    """Money booked since a day, by bank and month of booking: what a bank reported and we took. One query."""
    rows = _ask(
        """
        SELECT k.name, date_trunc('month', b.booking_day)::date AS month, count(*), sum(b.amount)
        FROM payments_bankline b
        JOIN payments_bankaccount a ON a.id = b.account_id JOIN payments_bank k ON k.id = a.bank_id
        WHERE b.kind = 'credit' AND b.verdict IN ('ACC', 'PAR', 'ATT') AND b.booking_day >= %(since)s
        GROUP BY k.name, month ORDER BY month, k.name
        """,
        {"since": since},
    )
    return [
        BankRow(bank, Period.from_day(month), count, amount) for bank, month, count, amount in rows
    ]


def debt_by_age(on: date) -> list[DebtBand]:
    """What is past its due day, by days of delay. One query over the open slips."""
    rows = _ask(
        """
        SELECT width_bucket(%(on)s - due_on, %(ages)s::integer[]), count(*), sum(outstanding)
        FROM payments_paymentslip WHERE outstanding > 0 AND due_on < %(on)s GROUP BY 1
        """,
        {"on": on, "ages": list(DEBT_AGES)},
    )
    found = {band: (count, amount) for band, count, amount in rows}
    return [
        DebtBand(after, *found.get(place, (0, Decimal("0.00"))))
        for place, after in enumerate(DEBT_AGES, start=1)
    ]


def _ask(sql: str, facts: Mapping[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, facts)
        return cursor.fetchall()
