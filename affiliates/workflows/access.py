"""Who may act for an affiliate: its members, and the offices it gives a mandate."""

import datetime
from collections.abc import Iterable

from django.db import transaction

from affiliates.enums import Role, Scope
from affiliates.errors import LastOwner, MandateEmpty, MandateOverlaps
from affiliates.models import Affiliate, Mandate, Membership, Representative
from affiliates.workflows.steps import check_days, locked, overlapping
from portal import audit
from portal.models import User


@transaction.atomic
def add_member(
    *, actor: User, at: datetime.datetime, affiliate: Affiliate, user: User, role: Role
) -> Membership:
    """Let ``user`` act for ``affiliate`` with ``role``; a member with another role changes to it.

    Refuses to take the last owner's role away (LastOwner).
    """
    affiliate = locked(affiliate)
    membership = Membership.objects.filter(
        affiliate=affiliate, user=user, ended_at__isnull=True
    ).first()
    if membership is None:
        membership = Membership.objects.create(
            affiliate=affiliate, user=user, role=role.value, since=at
        )
    elif membership.role == role:
        return membership
    else:
        _keep_an_owner(membership)
        membership.role = role.value
        membership.save(update_fields=["role"])
    audit.record(
        actor=actor,
        action="membership.given",
        subject=membership,
        affiliation_number=affiliate.affiliation_number,
        person=user.full_name,
        role=role.value,
    )
    return membership


@transaction.atomic
def end_membership(*, actor: User, at: datetime.datetime, membership: Membership) -> Membership:
    """Take a member's access away, from the next request on. Refuses for the last owner (LastOwner)."""
    affiliate = locked(membership.affiliate)
    membership = Membership.objects.select_for_update(of=("self",)).get(pk=membership.pk)
    if membership.ended_at is not None:
        return membership
    _keep_an_owner(membership)
    membership.ended_at = at
    membership.save(update_fields=["ended_at"])
    audit.record(
        actor=actor,
        action="membership.ended",
        subject=membership,
        affiliation_number=affiliate.affiliation_number,
        person=membership.user.full_name,
        role=membership.role,
    )
    return membership


@transaction.atomic
def grant_mandate(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    representative: Representative,
    scopes: Iterable[Scope],
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
) -> Mandate:
    """Let a representative do ``scopes`` for ``affiliate`` on these days, both included; reading goes along.

    Refuses an empty mandate or one that would manage access (MandateEmpty), reversed days, and days that another
    mandate of the same representative covers (MandateOverlaps).
    """
    wanted = set(scopes)
    if not wanted or Scope.MANAGE in wanted:
        raise MandateEmpty
    check_days(starts_on, ends_on)
    values = [scope.value for scope in Scope if scope in wanted | {Scope.READ}]
    affiliate = locked(affiliate)
    live = Mandate.objects.filter(
        affiliate=affiliate, representative=representative, revoked_at__isnull=True
    )
    existing = live.filter(starts_on=starts_on, ends_on=ends_on, scopes=values).first()
    if existing:
        return existing
    if overlapping(live, "starts_on", "ends_on", starts_on, ends_on):
        raise MandateOverlaps(representative=representative.name)
    mandate = Mandate.objects.create(
        affiliate=affiliate,
        representative=representative,
        scopes=values,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    audit.record(
        actor=actor,
        action="mandate.granted",
        subject=mandate,
        affiliation_number=affiliate.affiliation_number,
        representative=representative.name,
        scopes=values,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    return mandate


@transaction.atomic
def revoke_mandate(*, actor: User, at: datetime.datetime, mandate: Mandate) -> Mandate:
    """Take a mandate back, from the next request on. A mandate already taken back stays as it is."""
    affiliate = locked(mandate.affiliate)
    mandate = (
        Mandate.objects.select_for_update(of=("self",))
        .select_related("representative")
        .get(pk=mandate.pk)
    )
    if mandate.revoked_at is not None:
        return mandate
    mandate.revoked_at = at
    mandate.save(update_fields=["revoked_at"])
    audit.record(
        actor=actor,
        action="mandate.revoked",
        subject=mandate,
        affiliation_number=affiliate.affiliation_number,
        representative=mandate.representative.name,
        scopes=mandate.scopes,
    )
    return mandate


def _keep_an_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    others = Membership.objects.filter(
        affiliate=membership.affiliate_id, role=Role.OWNER.value, ended_at__isnull=True
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise LastOwner(person=membership.user.full_name, name=membership.affiliate.name)
