"""Which due does a bank line pay? Pure: a line and the open items in, one answer with its rule and reasons out."""

from payments.matching.facts import (
    Books,
    Item,
    Match,
    Order,
    Proposal,
    Received,
    Refund,
    Settled,
    Share,
)
from payments.matching.references import (
    References,
    alone_in_entry,
    order_reference_of,
    references,
    refund_numbers,
)
from payments.matching.rules import day_of_payment, match

__all__ = [
    "Books",
    "Item",
    "Match",
    "Order",
    "Proposal",
    "Received",
    "References",
    "Refund",
    "Settled",
    "Share",
    "alone_in_entry",
    "day_of_payment",
    "match",
    "order_reference_of",
    "references",
    "refund_numbers",
]
