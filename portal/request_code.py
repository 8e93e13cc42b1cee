"""The code of the current request: short enough to be read over the telephone, found again in the logs."""

import secrets
from contextvars import ContextVar

# Set by the middleware for the time of a request, and by a task for its own; empty in a command.
current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")

# No vowel, no look-alike.
CODE_LETTERS = 8
_LETTERS = "23456789BCDFGHJKMNPQRSTVWXZ"


def new_request_code() -> str:
    """A random code such as ``7KQ4-92MX``."""
    letters = "".join(secrets.choice(_LETTERS) for _place in range(CODE_LETTERS))
    return f"{letters[:4]}-{letters[4:]}"
