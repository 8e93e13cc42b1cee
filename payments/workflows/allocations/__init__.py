"""Money finds its due: settle by reference, assign by a clerk, reverse what was wrong or came back.

Every function runs in one transaction. Locks: slips and other dues, then bank lines, ascending.
"""

from payments.workflows.allocations.batch import live_allocations
from payments.workflows.allocations.clerk import (
    BY_CLERK,
    Part,
    assign,
    assign_found,
    needs_second_person,
    reverse,
    take_back,
)
from payments.workflows.allocations.returns import settle_reversals
from payments.workflows.allocations.settling import Read, read_line, received_of, settle

__all__ = [
    "BY_CLERK",
    "Part",
    "Read",
    "assign",
    "assign_found",
    "live_allocations",
    "needs_second_person",
    "read_line",
    "received_of",
    "reverse",
    "settle",
    "settle_reversals",
    "take_back",
]
