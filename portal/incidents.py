"""What broke, kept under the code that the person was shown, so that staff can look it up.

The row says where in the program and what kind of error, never a value: those are somebody's.
"""

import datetime
import logging
from functools import partial

from django.db import Error, transaction
from django.http import HttpRequest

from portal import logs
from portal.models import Incident
from portal.request_code import current_request_id

logger = logging.getLogger(__name__)

KEPT = datetime.timedelta(days=90)


def note(
    *, code: str = "", place: str, error: BaseException | None, status: int | None = None
) -> None:
    """Keep one incident, in a transaction of its own; a database that is away costs the row, not the page."""
    try:
        with transaction.atomic():
            Incident.objects.create(
                code=code or current_request_id.get(),
                place=place[:120],
                status=status,
                kind=type(error).__name__ if error else "",
                where="\n".join(logs.places(error)) if error else "",
            )
    except Error:
        logger.warning("no database, the incident is in the log only")


def note_later(
    request: HttpRequest, *, place: str, error: BaseException | None, status: int
) -> None:
    """Keep it once the answer is made: the page of an error is made inside the transaction that only reads."""
    request.__dict__["_incident"] = partial(note, place=place, error=error, status=status)


def write(request: HttpRequest) -> None:
    """Write what ``note_later`` noted; called by the outermost middleware."""
    noted = request.__dict__.pop("_incident", None)
    if noted is not None:
        noted()


def forget_old(*, at: datetime.datetime, most: int) -> int:
    """Remove at most so many incidents that nobody asks about any more; returns how many."""
    old = Incident.objects.filter(at__lt=at - KEPT).order_by("pk").values("pk")[:most]
    removed, _by_model = Incident.objects.filter(pk__in=old).delete()
    return removed
