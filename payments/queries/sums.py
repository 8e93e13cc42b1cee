"""Sums of money in the database: zero when there is nothing to add."""

from __future__ import annotations

from typing import Any

from django.db.models import DecimalField, Q, Sum, Value
from django.db.models.functions import Coalesce

from payments.enums import EntryKind
from regulation.money import ZERO

LOWERING = (
    EntryKind.SLIP_LOWERED.value,
    EntryKind.SURCHARGE_LOWERED.value,
    EntryKind.WRITTEN_OFF.value,
    EntryKind.REMISSION_GRANTED.value,
    EntryKind.REMISSION_UNDONE.value,
)
"""Entries that take something off a due without money: a correction, a difference given up, a remission."""

MONEY = DecimalField(max_digits=17, decimal_places=2)


def total_of(expression: Any, **conditions: Any) -> Coalesce:
    """The sum of an expression over the rows that meet the conditions, in dirhams."""
    condition = Q(**conditions) if conditions else None
    return Coalesce(Sum(expression, filter=condition), Value(ZERO), output_field=MONEY)
