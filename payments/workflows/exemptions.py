"""Exemptions from surcharges: decided, dated, recorded once; the assessment and the quotes read them."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from affiliates.access import require_post
from affiliates.enums import MONEY_ROLES
from affiliates.models import Affiliate
from payments.errors import ExemptionDaysReversed, ExemptionDiffers, ExemptionUnfounded
from payments.models import SurchargeExemption
from portal import audit
from portal.models import User
from regulation.parameters import due_day, french_day
from regulation.periods import Period


@transaction.atomic
def grant_exemption(
    *,
    actor: User | None,
    at: datetime,
    affiliate: Affiliate | None,
    first: Period,
    last: Period,
    until: date,
    reference: str,
    decided_on: date,
) -> SurchargeExemption:
    """No surcharge for the declared months `first` to `last` in months of delay that start by `until`.

    `affiliate` None: every affiliate. What was called already is not taken back, but later months of the same slip
    claim that much less. The same decision again is the first one. `actor` None: the console. Refuses whoever is not at
    the money desk (PostMissing), ExemptionUnfounded, ExemptionDaysReversed and ExemptionDiffers.
    """
    if actor is not None:
        require_post(actor, MONEY_ROLES)
    reference = reference.strip()
    if not reference:
        raise ExemptionUnfounded()
    if last < first or until <= due_day(last):
        raise ExemptionDaysReversed(
            first=first, last=last, until=french_day(until), due_on=french_day(due_day(last))
        )
    row, created = SurchargeExemption.objects.get_or_create(
        affiliate=affiliate,
        first_period=first.first_day,
        last_period=last.first_day,
        reference=reference,
        defaults={"until": until, "decided_on": decided_on},
    )
    if not created:
        if row.until != until:
            raise ExemptionDiffers(reference=reference, until=french_day(row.until))
        return row
    audit.record(
        actor=actor,
        action="payments.exemption_granted",
        subject=row,
        affiliation_number=affiliate.affiliation_number if affiliate else "",
        first=str(first),
        last=str(last),
        until=until,
        decision=reference,
    )
    return row
