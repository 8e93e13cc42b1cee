"""Employers: their entry in the register and the status under which they contribute."""

import datetime

from django.db import transaction

from affiliates.errors import AlreadyAffiliated, StatusOverlaps, UnknownKey
from affiliates.models import Affiliate, AffiliateStatus, Agency
from affiliates.workflows.steps import check_days, locked, overlapping
from portal import audit
from portal.models import User
from regulation.enums import ContributionStatus, KeySeries
from regulation.identifiers import affiliation_key, check_affiliation_number, check_ice


@transaction.atomic
def register(
    *,
    actor: User,
    at: datetime.datetime,
    affiliation_number: str,
    name: str,
    address: str,
    city: str,
    agency: Agency,
    affiliated_on: datetime.date,
    name_ar: str = "",
    activity: str = "",
    postal_code: str = "",
    ice: str = "",
) -> Affiliate:
    """Enter an employer in the register under a number whose key is of either series (e-BDS §6.3).

    Refuses a malformed number (InvalidAffiliationNumber), a key of neither series (UnknownKey) and a number held
    by another name (AlreadyAffiliated). The same number and name again gives the first one.
    """
    number = check_affiliation_number(affiliation_number)
    if affiliation_key(number) is KeySeries.UNKNOWN:
        raise UnknownKey(number=number)
    affiliate, created = Affiliate.objects.get_or_create(
        affiliation_number=number,
        defaults={
            "name": name,
            "name_ar": name_ar,
            "activity": activity,
            "address": address,
            "city": city,
            "postal_code": postal_code,
            "ice": check_ice(ice) if ice else "",
            "agency": agency,
            "affiliated_on": affiliated_on,
        },
    )
    if not created:
        if affiliate.name != name:
            raise AlreadyAffiliated(number=number, name=affiliate.name)
        return affiliate
    audit.record(
        actor=actor,
        action="affiliate.registered",
        subject=affiliate,
        affiliation_number=number,
        name=name,
        affiliated_on=affiliated_on,
    )
    return affiliate


@transaction.atomic
def set_status(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    status: ContributionStatus,
    effective_from: datetime.date,
    effective_to: datetime.date | None = None,
) -> AffiliateStatus:
    """Record that ``affiliate`` contributes under ``status`` for these days, both included.

    Refuses reversed days and days that the same status already covers otherwise (StatusOverlaps).
    """
    check_days(effective_from, effective_to)
    affiliate = locked(affiliate)
    same = AffiliateStatus.objects.filter(affiliate=affiliate, status=status.value)
    existing = same.filter(effective_from=effective_from, effective_to=effective_to).first()
    if existing:
        return existing
    if overlapping(same, "effective_from", "effective_to", effective_from, effective_to):
        raise StatusOverlaps(name=affiliate.name)
    created = AffiliateStatus.objects.create(
        affiliate=affiliate,
        status=status.value,
        effective_from=effective_from,
        effective_to=effective_to,
    )
    audit.record(
        actor=actor,
        action="affiliate.status_set",
        subject=created,
        affiliation_number=affiliate.affiliation_number,
        status=status.value,
        effective_from=effective_from,
        effective_to=effective_to,
    )
    return created
