"""Authorities to debit an account: prepared, signed by the firm, confirmed by the bank, revoked at any moment."""

import datetime
from decimal import Decimal

from django.db import transaction

from affiliates.enums import AuthorityAct, AuthorityState
from affiliates.errors import AuthorityCapMissing, AuthorityExists, TooManyAuthorities
from affiliates.models import Affiliate, DebitAuthority
from affiliates.transitions import LIVE_AUTHORITIES, move_authority
from affiliates.workflows.steps import locked
from portal import audit
from portal.models import User
from regulation.identifiers import check_account

_MOST = 999


@transaction.atomic
def prepare_authority(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    rib: str,
    holder: str,
    cap: Decimal,
) -> DebitAuthority:
    """Write an authority on an account, to be signed. `cap` is the largest single debit accepted, in dirhams.

    Refuses a RIB or IBAN with a wrong key (InvalidRib, WrongRibKey, InvalidIban), a cap of nothing, and an account
    already under an authority on other terms (AuthorityExists). The same terms again give the first one.
    """
    account = check_account(rib)
    if cap <= 0:
        raise AuthorityCapMissing
    affiliate = locked(affiliate)
    known = DebitAuthority.objects.filter(
        affiliate=affiliate, rib=account, state__in=[state.value for state in LIVE_AUTHORITIES]
    ).first()
    if known is not None:
        if (known.holder, known.cap) == (holder, cap):
            return known
        raise AuthorityExists(reference=known.reference)
    rank = 1 + DebitAuthority.objects.filter(affiliate=affiliate).count()
    if rank > _MOST:
        raise TooManyAuthorities(count=_MOST)
    authority = DebitAuthority.objects.create(
        affiliate=affiliate,
        reference=f"P{affiliate.affiliation_number}{rank:03}",
        rib=account,
        holder=holder,
        cap=cap,
        prepared_by=actor,
        prepared_at=at,
    )
    _record(actor, "prepared", authority)
    return authority


@transaction.atomic
def sign_authority(
    *, actor: User, at: datetime.datetime, authority: DebitAuthority
) -> DebitAuthority:
    """A person who answers for the firm signs; the bank is then asked. Signed already: nothing changes."""
    authority = _locked_authority(authority)
    if authority.signed_at is not None and authority.state != AuthorityState.REVOKED.value:
        return authority
    _move(authority, AuthorityAct.SIGN)
    authority.signed_by, authority.signed_at = actor, at
    authority.save(update_fields=["state", "signed_by", "signed_at"])
    _record(actor, "signed", authority)
    return authority


@transaction.atomic
def activate_authority(
    *, actor: User, at: datetime.datetime, authority: DebitAuthority
) -> DebitAuthority:
    """The bank that keeps the account confirms, or the fund does on the form that the bank stamped."""
    authority = _locked_authority(authority)
    if authority.state == AuthorityState.ACTIVE.value:
        return authority
    _move(authority, AuthorityAct.ACTIVATE)
    authority.activated_by, authority.activated_at, authority.reason = actor, at, ""
    authority.save(update_fields=["state", "activated_by", "activated_at", "reason"])
    _record(actor, "activated", authority)
    return authority


@transaction.atomic
def refuse_authority(
    *, actor: User, at: datetime.datetime, authority: DebitAuthority, reason: str
) -> DebitAuthority:
    """The bank refuses, and says why."""
    authority = _locked_authority(authority)
    if authority.state == AuthorityState.REFUSED.value:
        return authority
    _move(authority, AuthorityAct.REFUSE)
    authority.reason, authority.ended_at = reason[:140], at
    authority.save(update_fields=["state", "reason", "ended_at"])
    _record(actor, "refused", authority, reason=authority.reason)
    return authority


@transaction.atomic
def suspend_authority(
    *, actor: User | None, at: datetime.datetime, authority: DebitAuthority, reason: str
) -> DebitAuthority:
    """A bank answered that debits do not pass: nothing more is taken until it confirms again."""
    authority = _locked_authority(authority)
    if authority.state != AuthorityState.ACTIVE.value:
        return authority
    _move(authority, AuthorityAct.SUSPEND)
    authority.reason = reason[:140]
    authority.save(update_fields=["state", "reason"])
    _record(actor, "suspended", authority, reason=authority.reason)
    return authority


@transaction.atomic
def revoke_authority(
    *, actor: User | None, at: datetime.datetime, authority: DebitAuthority, reason: str = ""
) -> DebitAuthority:
    """Take an authority back, from the next request on. One already ended stays as it is."""
    authority = _locked_authority(authority)
    if authority.state in (AuthorityState.REVOKED.value, AuthorityState.REFUSED.value):
        return authority
    _move(authority, AuthorityAct.REVOKE)
    authority.reason, authority.ended_at = reason[:140], at
    authority.save(update_fields=["state", "reason", "ended_at"])
    _record(actor, "revoked", authority, reason=authority.reason)
    return authority


def _locked_authority(authority: DebitAuthority) -> DebitAuthority:
    return (
        DebitAuthority.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .get(pk=authority.pk)
    )


def _move(authority: DebitAuthority, act: AuthorityAct) -> None:
    authority.state = move_authority(AuthorityState(authority.state), act).value


def _record(actor: User | None, verb: str, authority: DebitAuthority, **facts: object) -> None:
    audit.record(
        actor=actor,
        action=f"authority.{verb}",
        subject=authority,
        affiliation_number=authority.affiliate.affiliation_number,
        reference=authority.reference,
        cap=authority.cap,
        account=authority.masked_rib,
        **facts,
    )
