"""Opening an account again for somebody who lost every means of signing in.

They come to an agency with a paper that says who they are. One member of staff sees it and asks; another, of the same
agency, sees it too and approves; a link of short life then leaves for the address of the account. Whoever follows it
chooses a new password; every former means and every open browser ends there. Nobody of the staff can do it alone, none
of them holds the link, and for some days the account moves no money and gives no right.
"""

import datetime
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.core import signing
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from affiliates.enums import FILE_ROLES, CardKind, RecoveryState, Role, StaffRole
from affiliates.errors import (
    AccountUnknown,
    NotAtAnAgency,
    OwnAccount,
    RecoveryClosed,
    RecoveryElsewhere,
    RecoveryOpen,
    SamePerson,
)
from affiliates.models import AccountRecovery, Membership, Representative, StaffAssignment
from portal import audit, mail
from portal.clock import day_of
from portal.models import OpenSession, User
from regulation.parameters import value_at

_LINK = signing.Signer(salt="affiliates.recovery")
_STOP = signing.Signer(salt="affiliates.recovery.stop")
_OPEN = (RecoveryState.WAITING.value, RecoveryState.APPROVED.value)


@transaction.atomic
def open_recovery(
    *, actor: User, at: datetime.datetime, email: str, document: CardKind, lost: str
) -> AccountRecovery:
    """Ask that the account of this address be opened again: ``actor`` saw the person and the paper.

    The person and those who share their firms are told at once, and may stop it. Refuses whoever handles files at
    no agency (NotAtAnAgency), an unknown or closed account (AccountUnknown), one's own (OwnAccount), and a second
    request while one is open (RecoveryOpen); one whose link has expired gives way.
    """
    agency_id = _agency_of(actor)
    user = (
        User.objects.select_for_update(of=("self",))
        .filter(email=email.strip().lower(), is_active=True)
        .first()
    )
    if user is None:
        raise AccountUnknown
    if user.pk == actor.pk:
        raise OwnAccount
    AccountRecovery.objects.filter(
        user=user, state=RecoveryState.APPROVED.value, opens_until__lte=at
    ).update(state=RecoveryState.EXPIRED.value, closed_at=at)
    if AccountRecovery.objects.filter(user=user, state__in=_OPEN).exists():
        raise RecoveryOpen
    row = AccountRecovery.objects.create(
        user=user,
        agency_id=agency_id,
        document=document.value,
        lost=lost.strip()[:200],
        opened_by=actor,
        opened_at=at,
    )
    audit.record(
        actor=actor, action="recovery.opened", subject=row, user=user.pk, document=document.value
    )
    _write(
        row, user, "opened", at, path=reverse("affiliates:stop_recovery", args=[stop_token(row)])
    )
    return row


@transaction.atomic
def approve_recovery(
    *, actor: User, at: datetime.datetime, recovery: AccountRecovery
) -> AccountRecovery:
    """The second person saw the paper too: the link leaves for the account's address, for a few hours.

    Approved again by the same person, nothing changes. Refuses whoever asked (SamePerson), the person themselves
    (OwnAccount), another agency (RecoveryElsewhere), and a request that does not wait any more (RecoveryClosed).
    """
    row = _locked(recovery)
    _check_second(actor, row)
    if row.state == RecoveryState.APPROVED and row.decided_by_id == actor.pk:
        return row
    if row.state != RecoveryState.WAITING:
        raise RecoveryClosed
    hours = int(value_at("recovery.link_hours", day_of(at)).value)
    row.state, row.decided_by, row.decided_at = RecoveryState.APPROVED.value, actor, at
    row.opens_until = at + datetime.timedelta(hours=hours)
    row.save(update_fields=["state", "decided_by", "decided_at", "opens_until"])
    audit.record(actor=actor, action="recovery.approved", subject=row, user=row.user_id)
    _write(
        row, row.user, "link", at, path=reverse("affiliates:recover", args=[token_of_recovery(row)]),
        hours=hours, is_secret=True,
    )  # fmt: skip
    for colleague in who_is_told(row.user):
        _write(row, colleague, "told", at, path=reverse("portal:security"))
    return row


@transaction.atomic
def refuse_recovery(
    *, actor: User, at: datetime.datetime, recovery: AccountRecovery, words: str
) -> AccountRecovery:
    """Stop a request that waits, or whose link was not used yet, with the reason. Refused again changes nothing.

    Anybody of the agency may, but whoever asked only takes it back. Refuses RecoveryElsewhere and RecoveryClosed.
    """
    row = _locked(recovery)
    if _agency_of(actor) != row.agency_id:
        raise RecoveryElsewhere
    if row.state == RecoveryState.REFUSED:
        return row
    if row.state not in _OPEN:
        raise RecoveryClosed
    row.state, row.words, row.closed_at = RecoveryState.REFUSED.value, words.strip()[:200], at
    row.save(update_fields=["state", "words", "closed_at"])
    audit.record(actor=actor, action="recovery.refused", subject=row, user=row.user_id)
    _write(row, row.user, "stopped", at)
    return row


@transaction.atomic
def stop_recovery(*, at: datetime.datetime, recovery: AccountRecovery) -> AccountRecovery:
    """The person never asked: it stops, whoever approved it. Stopped again, or too late, changes nothing."""
    row = _locked(recovery)
    if row.state not in _OPEN:
        return row
    row.state, row.closed_at = RecoveryState.STOPPED.value, at
    row.save(update_fields=["state", "closed_at"])
    audit.record(actor=row.user, action="recovery.stopped", subject=row)
    for agent in (row.opened_by, row.decided_by):
        if agent is not None:
            _write(row, agent, "stopped", at)
    return row


@transaction.atomic
def complete_recovery(*, at: datetime.datetime, recovery: AccountRecovery, password: str) -> User:
    """The link was followed: the new password, already judged, and nothing of what opened the account before.

    Second factors, codes on paper and open browsers end. Until ``User.quiet_until`` the account moves no money and
    gives no right. Refuses a link that has served, was stopped or has expired (RecoveryClosed).
    """
    row = _locked(recovery)
    if not opens(row, at):
        raise RecoveryClosed
    user = User.objects.select_for_update(of=("self",)).get(pk=row.user_id)
    hours = int(value_at("recovery.quiet_hours", day_of(at)).value)
    user.set_password(password)
    user.quiet_until = at + datetime.timedelta(hours=hours)
    user.save(update_fields=["password", "quiet_until"])
    Authenticator.objects.filter(user=user).delete()
    closed, _by_model = OpenSession.objects.filter(user=user).delete()
    row.state, row.closed_at = RecoveryState.USED.value, at
    row.save(update_fields=["state", "closed_at"])
    audit.record(actor=user, action="recovery.used", subject=row, sessions_closed=closed)
    for reader in [user, *who_is_told(user)]:
        _write(row, reader, "used", at, path=reverse("portal:security"), until=user.quiet_until)
    return user


def who_is_told(user: User) -> list[User]:
    """Who shares what the account opens: the owners of its firms, its office, the supervisors of its agency."""
    firms = Membership.objects.filter(user=user, ended_at__isnull=True).values("affiliate")
    owners = Membership.objects.filter(
        affiliate__in=firms, role=Role.OWNER.value, ended_at__isnull=True
    ).values("user")
    offices = Representative.objects.filter(members=user)
    posts = StaffAssignment.objects.filter(user=user)
    supervisors = StaffAssignment.objects.filter(
        agency__in=posts.values("agency"), role=StaffRole.SUPERVISOR.value
    )
    people = User.objects.filter(
        Q(pk__in=owners)
        | Q(pk__in=offices.values("members"))
        | Q(pk__in=supervisors.values("user"))
    )
    return list(people.filter(is_active=True).exclude(pk=user.pk).distinct().order_by("pk"))


def opens(recovery: AccountRecovery, at: datetime.datetime) -> bool:
    """Whether the link of a letter still opens the account."""
    return (
        recovery.state == RecoveryState.APPROVED
        and recovery.opens_until is not None
        and at < recovery.opens_until
    )


def token_of_recovery(recovery: AccountRecovery) -> str:
    """What the link of the letter holds."""
    return _LINK.sign(recovery.key.hex)


def stop_token(recovery: AccountRecovery) -> str:
    """What the link holds that stops the request; it opens nothing."""
    return _STOP.sign(recovery.key.hex)


def recovery_of(token: str) -> AccountRecovery | None:
    """The request behind a link that opens; None for any other."""
    return _found(_LINK, token)


def recovery_to_stop(token: str) -> AccountRecovery | None:
    """The request behind a link that stops; None for any other."""
    return _found(_STOP, token)


def _found(signer: signing.Signer, token: str) -> AccountRecovery | None:
    try:
        key = UUID(hex=signer.unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    return AccountRecovery.objects.select_related("user", "agency").filter(key=key).first()


def _agency_of(actor: User) -> int:
    post = StaffAssignment.objects.filter(user=actor).first() if actor.is_staff else None
    if post is None or not actor.is_active or post.role not in FILE_ROLES:
        raise NotAtAnAgency
    return post.agency_id


def _check_second(actor: User, row: AccountRecovery) -> None:
    if _agency_of(actor) != row.agency_id:
        raise RecoveryElsewhere
    if actor.pk == row.opened_by_id:
        raise SamePerson
    if actor.pk == row.user_id:
        raise OwnAccount


def _locked(recovery: AccountRecovery) -> AccountRecovery:
    return (
        AccountRecovery.objects.select_for_update(of=("self",))
        .select_related("user", "agency", "opened_by", "decided_by")
        .get(pk=recovery.pk)
    )


def _write(
    row: AccountRecovery,
    to: User,
    what: str,
    at: datetime.datetime,
    *,
    path: str = "",
    is_secret: bool = False,
    **facts: object,
) -> None:
    mail.write(
        key=f"recovery:{row.pk}:{what}:{to.pk}",
        to=to,
        template=f"affiliates/mail/recovery_{what}.txt",
        facts={"name": row.user.full_name, "agency": row.agency, "at": at, **facts},
        at=at,
        path=path,
        is_secret=is_secret,
    )
