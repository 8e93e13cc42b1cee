"""What several workflows of the register do first: lock the affiliate, judge days."""

import datetime

from django.db.models import Model, Q, QuerySet

from affiliates.errors import DaysReversed
from affiliates.models import Affiliate


def locked(affiliate: Affiliate) -> Affiliate:
    return Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)


def check_days(start: datetime.date, end: datetime.date | None) -> None:
    if end is not None and end < start:
        raise DaysReversed(start=f"{start:%d/%m/%Y}", end=f"{end:%d/%m/%Y}")


def overlapping(
    rows: QuerySet[Model],
    start_field: str,
    end_field: str,
    start: datetime.date,
    end: datetime.date | None,
) -> bool:
    """Whether one of ``rows`` covers a day from ``start`` to ``end``; the exclusion constraint says the same."""
    rows = rows.filter(Q(**{f"{end_field}__isnull": True}) | Q(**{f"{end_field}__gte": start}))
    if end is not None:
        rows = rows.filter(**{f"{start_field}__lte": end})
    return rows.exists()
