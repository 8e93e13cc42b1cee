"""Questions about what is owed, what was paid and what waits. Never writes; constant query counts."""

from payments.queries.bank_files import (
    FileTotals,
    VerdictTotal,
    file_totals,
    return_header,
    return_lines,
    search_lines,
)
from payments.queries.dues import (
    Balance,
    OpenDue,
    awaited_slips,
    balance_at,
    credit_of,
    home_balance,
    open_dues,
    payable_by,
    penalty_for,
    sentences_of,
)
from payments.queries.matching import open_items_of, rib_owners, suspense_of, waiting_lines
from payments.queries.slips import (
    PaymentFact,
    SlipFacts,
    SlipLineFact,
    payments_for,
    receipts_for,
    slip_facts,
    slips_for,
)
from payments.queries.statement import Movement, PeriodRow, movements, statement_by_period

__all__ = [
    "Balance",
    "FileTotals",
    "Movement",
    "OpenDue",
    "PaymentFact",
    "PeriodRow",
    "SlipFacts",
    "SlipLineFact",
    "VerdictTotal",
    "awaited_slips",
    "balance_at",
    "credit_of",
    "file_totals",
    "home_balance",
    "movements",
    "open_dues",
    "open_items_of",
    "payable_by",
    "payments_for",
    "penalty_for",
    "receipts_for",
    "return_header",
    "return_lines",
    "rib_owners",
    "search_lines",
    "sentences_of",
    "slip_facts",
    "slips_for",
    "statement_by_period",
    "suspense_of",
    "waiting_lines",
]
