"""Where the months of affiliates stand: their declaration, their slips, what remains to be done.

One place gathers what the rooms know, for the home of an affiliate and for the list of a person who has many.
The number of queries does not depend on how many affiliates or months are asked for.
"""

import datetime
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from affiliates.models import Affiliate
from damancom.enums import MonthState
from declarations.enums import DeclarationKind, DeclarationStatus, FileVerdict, FilingMode
from declarations.models import Declaration, ReceivedFile
from payments.enums import SlipState
from payments.models import DebitShare, FilingPenalty, Hold, PaymentSlip, Surcharge
from payments.queries import credit_of
from payments.transitions import CLAIMING
from regulation.parameters import due_day
from regulation.periods import Period

ZERO = Decimal("0.00")
SHOWN_MONTHS = 12

_ON_ITS_WAY = [state.value for state in CLAIMING]

DONE = frozenset({MonthState.PAID, MonthState.HELD, MonthState.ORDERED, MonthState.SUBMITTED})
LATE = frozenset({MonthState.LATE_TO_DECLARE, MonthState.LATE_TO_PAY})


@dataclass
class Month:
    """One month of one affiliate. Amounts in dirhams."""

    period: Period
    due_on: datetime.date
    # The newest file received, the live main declaration, and the slips that count (not replaced, not cancelled).
    file: ReceivedFile | None = None
    declaration: Declaration | None = None
    slips: list[PaymentSlip] = field(default_factory=list)
    total: Decimal = ZERO
    outstanding: Decimal = ZERO
    # The contested part of what is outstanding: nothing may be claimed on it for now.
    held: Decimal = ZERO
    # What of the claimed part is in debit orders on their way: to pay it again would be to pay twice.
    ordered: Decimal = ZERO
    # What being late has cost so far, paid or not.
    surcharges: Decimal = ZERO
    # What filing late, or not at all, has cost so far.
    penalty: Decimal = ZERO

    def state(self, today: datetime.date) -> MonthState:
        """Where the month stands on ``today``."""
        late = today > self.due_on
        if self.slips:
            if self.outstanding == 0:
                return MonthState.PAID
            if self.claimed == 0:
                return MonthState.HELD
            if self.ordered >= self.claimed:
                return MonthState.ORDERED
            return MonthState.LATE_TO_PAY if late else MonthState.TO_PAY
        if self.declaration and self.declaration.status == DeclarationStatus.SUBMITTED:
            return MonthState.SUBMITTED
        # A file newer than the draft speaks for the month: a draft made from an older one is not what was last sent.
        # A form being filled outlives a file that is not accepted.
        draft = self.declaration
        if self.file and (draft is None or draft.received_file_id != self.file.pk):
            if self.file.verdict == FileVerdict.PENDING:
                return MonthState.CHECKING
            refused = self.file.verdict in (FileVerdict.BLOCKED, FileVerdict.REFUSED)
            if refused and (draft is None or draft.mode != FilingMode.FORM):
                return MonthState.TO_CORRECT
        if draft:
            return MonthState.FILLING if draft.to_complete else MonthState.READY
        return MonthState.LATE_TO_DECLARE if late else MonthState.TO_DECLARE

    @property
    def is_filed(self) -> bool:
        """Whether the main declaration of the month is submitted."""
        return (
            self.declaration is not None and self.declaration.status == DeclarationStatus.SUBMITTED
        )

    @property
    def settled(self) -> Decimal:
        """What of the month's slips is paid or was taken off."""
        return self.total - self.outstanding

    @property
    def claimed(self) -> Decimal:
        """What is outstanding and not held."""
        return max(self.outstanding - self.held, ZERO)

    @property
    def to_pay(self) -> Decimal:
        """What is claimed and not ordered yet."""
        return max(self.claimed - self.ordered, ZERO)

    @property
    def open_slips(self) -> list[PaymentSlip]:
        """The slips with something to pay."""
        return [slip for slip in self.slips if slip.outstanding > 0]


def months_of(
    affiliates: Collection[Affiliate], *, today: datetime.date, only: Period | None = None
) -> dict[int, list[Month]]:
    """By affiliate's key, the last twelve months and the current one, oldest first; five queries.

    With ``only``, that month alone. A month before the affiliation is left out.
    """
    current = only or Period.from_day(today)
    first = only or current - SHOWN_MONTHS
    table: dict[int, dict[datetime.date, Month]] = {}
    dues = {first + rank: due_day(first + rank) for rank in range(first.months_until(current) + 1)}
    for affiliate in affiliates:
        start = Period.from_day(affiliate.affiliated_on)
        table[affiliate.pk] = {
            period.first_day: Month(period, due_on)
            for period, due_on in dues.items()
            if period >= start
        }
    span: dict[str, object] = {
        "affiliate__in": list(table),
        "period__range": (first.first_day, current.first_day),
    }
    _add_declarations(table, span)
    _add_files(table, span)
    _add_slips(table, span)
    for row in FilingPenalty.objects.filter(**span).defer("working"):
        if month := table[row.affiliate_id].get(row.period):
            month.penalty = row.amount
    return {key: list(months.values()) for key, months in table.items()}


_Table = dict[int, dict[datetime.date, Month]]


def _add_declarations(table: _Table, span: dict[str, object]) -> None:
    # A draft that corrects what is filed leaves the month filed.
    rows = Declaration.objects.filter(
        Q(status=DeclarationStatus.SUBMITTED.value)
        | Q(status=DeclarationStatus.DRAFT.value, corrects__isnull=True),
        **span,
        kind=DeclarationKind.MAIN.value,
    ).defer("working")
    for row in rows:
        if month := table[row.affiliate_id].get(row.period):
            month.declaration = row


def _add_files(table: _Table, span: dict[str, object]) -> None:
    newest = (
        ReceivedFile.objects.filter(**span)
        .order_by("affiliate_id", "period", "-received_at", "-pk")
        .distinct("affiliate_id", "period")
    )
    for row in newest:
        if month := table[row.affiliate_id].get(row.period):
            month.file = row


def _add_slips(table: _Table, span: dict[str, object]) -> None:
    held = (
        Hold.objects.filter(slip=OuterRef("pk"), released_at__isnull=True)
        .order_by()
        .values("slip")
        .annotate(held=Sum("amount"))
        .values("held")
    )
    surcharged = (
        Surcharge.objects.filter(slip=OuterRef("pk"))
        .order_by()
        .values("slip")
        .annotate(amount_sum=Sum(F("amount") - F("taken_back")))
        .values("amount_sum")
    )
    rows = (
        PaymentSlip.objects.filter(**span)
        .exclude(state__in=[SlipState.REPLACED.value, SlipState.CANCELLED.value])
        .annotate(
            held=Coalesce(Subquery(held), ZERO), surcharged=Coalesce(Subquery(surcharged), ZERO)
        )
        .order_by("pk")
    )
    months: dict[int, Month] = {}
    for row in rows:
        if month := table[row.affiliate_id].get(row.period):
            month.slips.append(row)
            month.total += row.total
            month.outstanding += row.outstanding
            month.held += min(row.held, row.outstanding)
            month.surcharges += row.surcharged
            months[row.pk] = month
    shares = DebitShare.objects.filter(slip__in=months, order__state__in=_ON_ITS_WAY)
    for slip, amount in shares.values_list("slip", "amount"):
        months[slip].ordered += amount


def most_urgent(months: Collection[Month], today: datetime.date) -> list[Month]:
    """The months that still ask something of the employer, the most urgent first.

    The current month comes after every earlier one; when nothing is late it is simply next.
    """
    waiting = [month for month in months if month.state(today) not in DONE]
    return sorted(waiting, key=lambda month: (month.due_on, month.period))


@dataclass(frozen=True)
class Owed:
    """What one affiliate owes and is owed, all periods together. Amounts in dirhams."""

    slips: Decimal
    held: Decimal
    surcharges: Decimal
    penalties: Decimal
    credit: Decimal

    @property
    def due(self) -> Decimal:
        """Everything that may be claimed."""
        return self.slips - self.held + self.surcharges + self.penalties


def owed_by(affiliate: Affiliate) -> Owed:
    """The position of ``affiliate`` now; five queries."""

    def total(rows: QuerySet[Any], column: str) -> Decimal:
        value: Decimal | None = rows.aggregate(total=Sum(column))["total"]
        return value or ZERO

    slips = PaymentSlip.objects.filter(affiliate=affiliate, outstanding__gt=0)
    live = Hold.objects.filter(released_at__isnull=True)
    holds = live.filter(slip__affiliate=affiliate, slip__outstanding__gt=0)
    extras = live.filter(
        Q(surcharge__slip__affiliate=affiliate, surcharge__outstanding__gt=0)
        | Q(filing_penalty__affiliate=affiliate, filing_penalty__outstanding__gt=0)
    )
    outstanding = total(slips, "outstanding")
    return Owed(
        slips=outstanding,
        held=min(total(holds, "amount"), outstanding) + total(extras, "amount"),
        surcharges=total(Surcharge.objects.filter(slip__affiliate=affiliate), "outstanding"),
        penalties=total(FilingPenalty.objects.filter(affiliate=affiliate), "outstanding"),
        credit=credit_of(affiliate),
    )
