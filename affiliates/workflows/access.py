"""Who belongs to an affiliate, and with which role."""

import datetime

from django.db import transaction

from affiliates.enums import Role
from affiliates.errors import LastOwner
from affiliates.models import Affiliate, Membership
from affiliates.workflows.steps import locked
from portal import audit, mail
from portal.models import User


@transaction.atomic
def add_member(
    *, actor: User, at: datetime.datetime, affiliate: Affiliate, user: User, role: Role
) -> Membership:
    """Let ``user`` act for ``affiliate`` with ``role``; a member with another role changes to it and is told by mail.

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
        _tell("role_changed", membership, affiliate, actor, at)
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
    """Take a member's access away, from the next request on; they are told by mail.

    Refuses for the last owner (LastOwner).
    """
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
    _tell("access_ended", membership, affiliate, actor, at)
    return membership


def _tell(
    event: str, membership: Membership, affiliate: Affiliate, actor: User, at: datetime.datetime
) -> None:
    mail.write(
        key=f"membership-{event}:{membership.pk}:{at.timestamp()}",
        to=membership.user,
        template=f"affiliates/mail/{event}.txt",
        facts={"firm": affiliate, "role": Role(membership.role), "actor": actor.full_name},
        at=at,
    )


def _keep_an_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    others = Membership.objects.filter(
        affiliate=membership.affiliate_id, role=Role.OWNER.value, ended_at__isnull=True
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise LastOwner(person=membership.user.full_name, name=membership.affiliate.name)
