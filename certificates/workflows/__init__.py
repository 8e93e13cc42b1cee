"""What happens to a certificate: each verb is one transaction, audited, and safe to run twice."""

from certificates.workflows.issuing import (
    issue_at_the_desk,
    request,
    revoke,
    supersede,
    supersede_outdated,
)
from certificates.workflows.sharing import note_opening, share, token_of, withdraw

__all__ = [
    "issue_at_the_desk",
    "note_opening",
    "request",
    "revoke",
    "share",
    "supersede",
    "supersede_outdated",
    "token_of",
    "withdraw",
]
