"""Writing down that the portal did not serve."""

import datetime

from django.db import transaction

from declarations.errors import OutageOutOfOrder
from declarations.models import Outage
from portal import audit
from portal.models import User


@transaction.atomic
def record_outage(
    *,
    actor: User | None,
    at: datetime.datetime,
    starts_at: datetime.datetime,
    ends_at: datetime.datetime,
    what: str,
) -> Outage:
    """Write down a time during which the portal did not serve; saying it twice is once.

    Declarations submitted afterwards are judged with it. Refuses an end before the start (OutageOutOfOrder).
    """
    if ends_at <= starts_at:
        raise OutageOutOfOrder(starts_at=starts_at, ends_at=ends_at)
    row, is_new = Outage.objects.get_or_create(
        starts_at=starts_at, ends_at=ends_at, defaults={"what": what, "recorded_at": at}
    )
    if is_new:
        audit.record(
            actor=actor,
            action="declarations.outage.recorded",
            subject=row,
            starts_at=starts_at.isoformat(),
            ends_at=ends_at.isoformat(),
            what=what,
        )
    return row
