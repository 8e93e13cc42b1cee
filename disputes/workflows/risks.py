"""The nightly measure of the signs of risk."""

import datetime

from django.db import transaction

from affiliates.models import Affiliate
from disputes import risks
from disputes.models import RiskFact
from disputes.queries.risks import measured, medians
from portal import clock

BATCH = 5_000


def measure_all(*, at: datetime.datetime) -> int:
    """Measure every firm again, so many at a time; returns how many signs are given.

    Each batch replaces its own rows in one transaction: stopped half-way and run again, it ends the same.
    """
    today = clock.day_of(at)
    sector = medians(today)
    given, last = 0, 0
    while True:
        batch = list(
            Affiliate.objects.filter(pk__gt=last)
            .order_by("pk")
            .values_list("pk", flat=True)[:BATCH]
        )
        if not batch:
            return given
        last = batch[-1]
        rows = [
            RiskFact(
                affiliate_id=each.affiliate_id,
                indicator=each.sign.value,
                measured_on=today,
                value=each.value,
                points=risks.INDICATORS[each.sign].weight,
            )
            for each in measured(batch, today, sector)
            if risks.speaks(each.sign, each.value)
        ]
        with transaction.atomic():
            RiskFact.objects.filter(affiliate__in=batch).delete()
            RiskFact.objects.bulk_create(rows)
        given += len(rows)
