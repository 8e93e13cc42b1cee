"""Refunds that our bank paid: the debit that cites one closes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from payments import posting
from payments.enums import ActKind, ActState
from payments.matching import Received, Refund, refund_numbers
from payments.models import BankLine, ClerkAct
from payments.workflows.ledger import Event
from portal import audit
from portal.models import User


class CitedRefunds:
    """The refunds that lines cite, ordered and locked, as matching reads them at each line."""

    def __init__(self, received: Iterable[Received]) -> None:
        numbers = {number for line in received for number in refund_numbers(line)}
        rows = (
            ClerkAct.objects.filter(
                kind=ActKind.REFUND.value, state=ActState.DONE.value, order_number__in=numbers
            )
            .select_related("affiliate")
            .order_by("pk")
            .select_for_update(of=("self",))
        )
        self._rows = {row.order_number: row for row in rows} if numbers else {}
        self._paid_now: dict[str, BankLine] = {}

    def __bool__(self) -> bool:
        """Whether any refund is cited."""
        return bool(self._rows)

    def seen(self) -> Mapping[str, Refund]:
        """The refunds as they stand now."""
        return {
            number: Refund(
                number,
                row.amount,
                row.affiliate.affiliation_number if row.affiliate else "",
                row.paid_line_id is not None or number in self._paid_now,
            )
            for number, row in self._rows.items()
        }

    def pay(self, number: str, line: BankLine) -> Event:
        """Note that this debit paid a refund; returns what is posted for it."""
        self._paid_now[number] = line
        entry = posting.refund_paid(line.account_id, line.pk, line.amount)
        return Event(entry, f"bank_line:{line.pk}", line.booking_day)

    def save(self, actor: User | None) -> None:
        """Write which debit paid which refund; the lines are written by now."""
        for number, line in self._paid_now.items():
            row = self._rows[number]
            row.paid_line = line
            row.save(update_fields=["paid_line"])
            audit.record(
                actor=actor,
                action="payments.refund_paid",
                subject=row,
                affiliation_number=row.affiliate.affiliation_number if row.affiliate else "",
                number=number,
                amount=line.amount,
                line=line.pk,
            )
