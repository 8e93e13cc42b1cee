"""What happens to a certificate: each verb is one transaction, audited, and safe to run twice."""

from certificates.workflows.archives import (
    acts_of_reading,
    archives_due,
    ask_for_receipts,
    draw_receipts,
    forget_receipts,
)
from certificates.workflows.drawing import draw, due, forget, prepare
from certificates.workflows.issuing import (
    issue_at_the_desk,
    request,
    revoke,
    supersede,
    supersede_outdated,
)
from certificates.workflows.sharing import note_opening, share, token_of, withdraw
from certificates.workflows.watching import close_alarm, watch

__all__ = [
    "acts_of_reading",
    "archives_due",
    "ask_for_receipts",
    "close_alarm",
    "draw",
    "draw_receipts",
    "due",
    "forget",
    "forget_receipts",
    "issue_at_the_desk",
    "note_opening",
    "prepare",
    "request",
    "revoke",
    "share",
    "supersede",
    "supersede_outdated",
    "token_of",
    "watch",
    "withdraw",
]
