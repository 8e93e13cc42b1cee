"""What matching and the clerk need to know of the books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal

from django.db.models import F

from payments.enums import (
    AccountKind,
)
from payments.matching import Item
from payments.models import (
    Allocation,
    LedgerLine,
    PaymentSlip,
)
from payments.queries.sums import total_of
from regulation.money import ZERO
from regulation.periods import Period


def open_items_of(numbers: Collection[str]) -> dict[str, list[Item]]:
    """Open slips by affiliation number, for proposals."""
    found: dict[str, list[Item]] = defaultdict(list)
    if not numbers:
        return found
    for slip in PaymentSlip.objects.filter(
        affiliate__affiliation_number__in=numbers, outstanding__gt=0
    ).select_related("affiliate"):
        number = slip.affiliate.affiliation_number
        found[number].append(
            Item(slip.payment_reference, number, Period.from_day(slip.period), slip.outstanding)
        )
    return found


def rib_owners(ribs: Collection[str]) -> dict[str, list[str]]:
    """Whose payments came from these accounts before: account to affiliation numbers."""
    found: dict[str, list[str]] = defaultdict(list)
    if not ribs:
        return found
    pairs = (
        Allocation.objects.filter(
            bank_line__payer_rib__in=ribs, undoes__isnull=True, undone_by__isnull=True
        )
        .values_list("bank_line__payer_rib", "affiliate__affiliation_number")
        .distinct()
        .order_by("bank_line__payer_rib", "affiliate__affiliation_number")
    )
    for rib, number in pairs:
        found[rib].append(number)
    return found


def suspense_of(line_id: int) -> Decimal:
    """What of a bank line still waits in suspense, from the ledger."""
    return suspense_of_each([line_id]).get(line_id, ZERO)


def suspense_of_each(line_ids: Collection[int]) -> dict[int, Decimal]:
    """The same of each of these lines; those of which nothing ever waited are left out."""
    rows = (
        LedgerLine.objects.filter(
            bank_line_id__in=line_ids, account__kind=AccountKind.SUSPENSE.value
        )
        .values("bank_line_id")
        .annotate(left=total_of(F("credit") - F("debit")))
    )
    return {row["bank_line_id"]: Decimal(row["left"]) for row in rows}
