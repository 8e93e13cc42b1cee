"""The account statement: by declared month, by movement."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import F

from affiliates.models import Affiliate
from payments.enums import (
    AccountKind,
    EntryKind,
)
from payments.models import (
    LedgerLine,
    PaymentSlip,
)
from payments.queries.sums import LOWERING, total_of
from regulation.money import ZERO
from regulation.periods import Period


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One month of the account statement, in dirhams. due = paid + outstanding + credited."""

    period: Period
    slips: tuple[PaymentSlip, ...]
    due: Decimal
    paid: Decimal
    credited: Decimal
    surcharges: Decimal
    outstanding: Decimal
    due_on: date | None


@dataclass(frozen=True, slots=True)
class Span:
    """From one month to another, both included; None: no bound."""

    first: Period | None = None
    last: Period | None = None

    def holds(self, day: date) -> bool:
        """Whether a day lies in it."""
        return (self.first is None or day >= self.first.first_day) and (
            self.last is None or day <= self.last.last_day
        )


EVER = Span()


def statement_by_period(affiliate: Affiliate, span: Span = EVER) -> list[PeriodRow]:
    """The account statement by declared month within `span`, newest first, in two queries.

    `due` counts slips, surcharges and penalties of the month; `credited` what disputes and corrections took off.
    """
    sums: dict[date, dict[str, Any]] = {
        row["period"] or date.min: dict(row)
        for row in LedgerLine.objects.filter(
            account__affiliate=affiliate,
            account__kind=AccountKind.RECEIVABLE.value,
            period__isnull=False,
        )
        .values("period")
        .annotate(
            due=total_of(
                "debit",
                entry__kind__in=[
                    EntryKind.SLIP_ISSUED.value,
                    EntryKind.SURCHARGE_ASSESSED.value,
                    EntryKind.PENALTY_ASSESSED.value,
                ],
            ),
            surcharges=total_of(
                "debit",
                entry__kind__in=[
                    EntryKind.SURCHARGE_ASSESSED.value,
                    EntryKind.PENALTY_ASSESSED.value,
                ],
            ),
            credited=total_of(F("credit") - F("debit"), entry__kind__in=LOWERING),
            outstanding=total_of(F("debit") - F("credit")),
        )
    }
    slips: dict[date, list[PaymentSlip]] = defaultdict(list)
    for slip in PaymentSlip.objects.filter(affiliate=affiliate).order_by("pk"):
        slips[slip.period].append(slip)
    rows = []
    for day in sorted(sums.keys() | slips.keys(), reverse=True):
        if not span.holds(day):
            continue
        found = sums.get(day)
        due, credited = (found["due"], found["credited"]) if found else (ZERO, ZERO)
        outstanding = found["outstanding"] if found else ZERO
        rows.append(
            PeriodRow(
                period=Period.from_day(day),
                slips=tuple(slips[day]),
                due=due,
                paid=due - credited - outstanding,
                credited=credited,
                surcharges=found["surcharges"] if found else ZERO,
                outstanding=outstanding,
                due_on=min((slip.due_on for slip in slips[day]), default=None),
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement of an affiliate's account with the balance after it, in dirhams. Positive balance: owed."""

    line: LedgerLine
    balance: Decimal

    @property
    def kind(self) -> EntryKind:
        return EntryKind(self.line.entry.kind)

    @property
    def is_credit_account(self) -> bool:
        """True for a movement of the affiliate's own credit, False for what it owes."""
        return self.line.account.kind == AccountKind.CREDIT.value


def credit_movements(affiliate: Affiliate, *, most: int = 20) -> list[LedgerLine]:
    """What last went into an affiliate's own credit and out of it, newest first; one query."""
    lines = LedgerLine.objects.filter(
        account__affiliate=affiliate, account__kind=AccountKind.CREDIT.value
    ).select_related("entry", "bank_line")
    return list(lines.order_by("-entry__booked_on", "-entry_id", "-pk")[:most])


def movements(affiliate: Affiliate, span: Span = EVER) -> list[Movement]:
    """Movements booked within `span` on the receivable and credit accounts, by day, then as written; one query.

    The running balance counts every earlier day too: a span opens on the balance of its eve.
    """
    lines = (
        LedgerLine.objects.filter(
            account__affiliate=affiliate,
            account__kind__in=[AccountKind.RECEIVABLE.value, AccountKind.CREDIT.value],
        )
        .select_related(
            "entry", "account", "slip", "surcharge__slip", "filing_penalty", "bank_line"
        )
        .order_by("entry__booked_on", "entry_id", "pk")
    )
    running, found = ZERO, []
    for line in lines:
        running += line.debit - line.credit
        if span.holds(line.entry.booked_on):
            found.append(Movement(line, running))
    return found
