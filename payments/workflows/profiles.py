"""Profiles of banks under four eyes: one person proposes a version, another approves it, and it holds from its day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction

from affiliates.access import require_post
from affiliates.enums import StaffRole
from payments.codecs.profiles import profile_from
from payments.enums import ProfileState
from payments.errors import ProfileDecided, SecondPersonNeeded
from payments.models import Bank, BankProfile
from portal import audit
from portal.models import User


def profile_for(bank: Bank, day: date) -> BankProfile | None:
    """The approved version that holds for this bank on this day; None: the standard."""
    return (
        BankProfile.objects.filter(
            bank=bank, state=ProfileState.APPROVED.value, effective_from__lte=day
        )
        .order_by("-effective_from", "-version")
        .first()
    )


@transaction.atomic
def propose_profile(
    *,
    actor: User,
    bank: Bank,
    data: dict[str, Any],
    agreement: str,
    effective_from: date,
    at: datetime,
) -> BankProfile:
    """Write the next version of a bank's profile; it holds for nothing until another person approves it.

    Refuses whoever is no supervisor (PostMissing), ProfileUnreadable with every faulty field. The same proposal still
    waiting is given back.
    """
    require_post(actor, {StaffRole.SUPERVISOR})
    profile_from(data)
    Bank.objects.select_for_update(of=("self",)).get(pk=bank.pk)
    last = BankProfile.objects.filter(bank=bank).order_by("-version").first()
    if (
        last is not None
        and last.state == ProfileState.PROPOSED.value
        and (last.data, last.agreement, last.effective_from) == (data, agreement, effective_from)
    ):
        return last
    profile = BankProfile.objects.create(
        bank=bank,
        version=last.version + 1 if last else 1,
        data=data,
        agreement=agreement,
        effective_from=effective_from,
        proposed_at=at,
        proposed_by=actor,
    )
    _trace(profile, actor, "payments.profile_proposed")
    return profile


@transaction.atomic
def decide_profile(*, actor: User, profile_id: int, approve: bool, at: datetime) -> BankProfile:
    """Approve or set aside a proposed version. Refuses PostMissing, SecondPersonNeeded and ProfileDecided."""
    require_post(actor, {StaffRole.SUPERVISOR})
    profile = BankProfile.objects.select_for_update(of=("self",)).get(pk=profile_id)
    wanted = ProfileState.APPROVED if approve else ProfileState.REJECTED
    if profile.state != ProfileState.PROPOSED.value:
        if profile.state == wanted.value:
            return profile
        raise ProfileDecided(state=ProfileState(profile.state).label)
    if profile.proposed_by_id == actor.pk:
        raise SecondPersonNeeded
    profile.state, profile.decided_by, profile.decided_at = wanted.value, actor, at
    profile.save(update_fields=["state", "decided_by", "decided_at"])
    _trace(profile, actor, f"payments.profile_{wanted.value}")
    return profile


def _trace(profile: BankProfile, actor: User, action: str) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=profile,
        bank=profile.bank.code,
        version=profile.version,
        agreement=profile.agreement,
        effective_from=profile.effective_from,
        data=profile.data,
    )
