"""What happens to a certificate: each verb is one transaction, audited, and safe to run twice."""

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
    "close_alarm",
    "draw",
    "due",
    "forget",
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
