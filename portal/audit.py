"""The trace of acts: written in the transaction of the act, or the act fails."""

from contextvars import ContextVar
from decimal import Decimal
from typing import Any

from django.db import models

from portal.models import AuditEntry, User

# Set by the middleware for the time of a request, so that an act can be found from a support code.
current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")

SYSTEM = "Portail"


def record(
    *,
    actor: User | None,
    action: str,
    subject: models.Model,
    affiliation_number: str = "",
    **facts: Any,
) -> AuditEntry:
    """Write one audit entry for ``action`` on ``subject``; ``actor`` is None when the portal acts by itself.

    Facts are what a reader needs to understand the act (amounts in dirhams, days as ISO text); no personal
    data that the subject does not already hold. Must be called inside the transaction of the act.
    """
    return AuditEntry.objects.create(
        actor=actor,
        actor_name=actor.full_name if actor else SYSTEM,
        action=action,
        affiliation_number=affiliation_number,
        subject_type=subject._meta.label_lower,
        subject_id=str(subject.pk),
        facts={name: _plain(value) for name, value in facts.items()},
        request_id=current_request_id.get(),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bool | int | str | type(None)):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)
