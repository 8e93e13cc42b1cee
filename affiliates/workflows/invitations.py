"""Asking somebody, by mail, to act for an affiliate: the first owner, later the colleagues.

The link is the signed key of a row; the row says whether it still opens. It opens once, for some days, and only for
the address it was sent to.
"""

import datetime
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from affiliates.enums import Role
from affiliates.errors import AlreadyMember, InvitationClosed, InvitationForAnother
from affiliates.models import Affiliate, Invitation, Membership
from affiliates.workflows.access import add_member
from affiliates.workflows.steps import locked
from portal import audit, mail
from portal.clock import day_of
from portal.enums import Language
from portal.models import User
from regulation.parameters import value_at

_LINK = signing.Signer(salt="affiliates.invitation")
#: How long an invitation that nobody accepted is kept once it is closed (docs/decisions/privacy.md).
UNANSWERED_KEPT = datetime.timedelta(days=90)


@transaction.atomic
def invite(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    email: str,
    full_name: str,
    role: Role,
    language: Language = Language.FRENCH,
) -> Invitation:
    """Invite an address to act for ``affiliate``; a former invitation of the address gives way to this one.

    Refuses an address that already acts for the affiliate (AlreadyMember).
    """
    affiliate, email = locked(affiliate), email.strip().lower()
    if Membership.objects.filter(
        affiliate=affiliate, user__email=email, ended_at__isnull=True
    ).exists():
        raise AlreadyMember(email=email, name=affiliate.name)
    Invitation.objects.filter(
        affiliate=affiliate, email=email, accepted_at__isnull=True, withdrawn_at__isnull=True
    ).update(withdrawn_at=at)
    days = int(value_at("invitation.days", day_of(at)).value)
    invitation = Invitation.objects.create(
        affiliate=affiliate,
        email=email,
        full_name=full_name.strip()[:120],
        role=role.value,
        language=language.value,
        invited_by=actor,
        invited_at=at,
        expires_at=at + datetime.timedelta(days=days),
    )
    audit.record(
        actor=actor,
        action="invitation.sent",
        subject=invitation,
        affiliation_number=affiliate.affiliation_number,
        role=role.value,
    )
    mail.write(
        key=f"invitation:{invitation.pk}",
        to=mail.Address(email, language),
        template="affiliates/mail/invitation.txt",
        facts={
            "affiliate_name": affiliate.name,
            "affiliation_number": affiliate.affiliation_number,
            "role": role,
            "days": days,
        },
        at=at,
        path=reverse("affiliates:invitation", kwargs={"token": token_of(invitation)}),
        is_secret=True,
    )
    return invitation


def token_of(invitation: Invitation) -> str:
    """What the link of an invitation holds."""
    return _LINK.sign(invitation.key.hex)


def invitation_of(token: str) -> Invitation | None:
    """The invitation behind a link that we made; None for any other. Whether it still opens is told by the row."""
    try:
        key = UUID(hex=_LINK.unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    return Invitation.objects.select_related("affiliate").filter(key=key).first()


def is_open(invitation: Invitation, at: datetime.datetime) -> bool:
    """Whether an invitation may still be accepted."""
    return (
        invitation.accepted_at is None
        and invitation.withdrawn_at is None
        and at < invitation.expires_at
    )


@transaction.atomic
def accept_with_password(
    *, at: datetime.datetime, invitation: Invitation, full_name: str, password: str
) -> User:
    """Open the account of somebody who had none, with the password already judged, and let them act.

    Holding the link proves the address. Refuses a closed invitation (InvitationClosed) and an address that has
    an account (InvitationForAnother: it must be opened first).
    """
    row = _claimed(invitation, at)
    if User.objects.filter(email=row.email).exists():
        raise InvitationForAnother()
    user = User.objects.create_user(
        row.email, password, full_name=full_name.strip()[:120], language=row.language
    )
    audit.record(actor=user, action="user.opened", subject=user)
    _accept(row, user, at)
    return user


@transaction.atomic
def accept_as(*, actor: User, at: datetime.datetime, invitation: Invitation) -> Membership:
    """Let the account that is signed in act; refuses another account than the one invited (InvitationForAnother)."""
    row = _claimed(invitation, at)
    if actor.email != row.email:
        raise InvitationForAnother()
    return _accept(row, actor, at)


@transaction.atomic
def withdraw_invitation(
    *, actor: User, at: datetime.datetime, invitation: Invitation
) -> Invitation:
    """Take an invitation back before it is accepted. Withdrawn again, or too late, changes nothing."""
    affiliate = locked(invitation.affiliate)
    row = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if row.accepted_at is not None or row.withdrawn_at is not None:
        return row
    row.withdrawn_at = at
    row.save(update_fields=["withdrawn_at"])
    audit.record(
        actor=actor,
        action="invitation.withdrawn",
        subject=row,
        affiliation_number=affiliate.affiliation_number,
    )
    return row


@transaction.atomic
def forget_unanswered(*, at: datetime.datetime, most: int) -> int:
    """Delete at most so many invitations closed long ago that nobody accepted; how many.

    Whoever never answered asked for nothing: their name and address have no more use here. The trace of the
    invitation, which names them not, stays.
    """
    closed = Q(expires_at__lt=at - UNANSWERED_KEPT) | Q(withdrawn_at__lt=at - UNANSWERED_KEPT)
    stale = Invitation.objects.filter(closed, accepted_at__isnull=True)
    removed, _by_model = Invitation.objects.filter(
        pk__in=list(stale.order_by("pk").values_list("pk", flat=True)[:most])
    ).delete()
    return removed


def _claimed(invitation: Invitation, at: datetime.datetime) -> Invitation:
    affiliate = locked(invitation.affiliate)
    row = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    row.affiliate = affiliate
    if not is_open(row, at):
        raise InvitationClosed()
    return row


def _accept(row: Invitation, user: User, at: datetime.datetime) -> Membership:
    row.accepted_at, row.accepted_by = at, user
    row.save(update_fields=["accepted_at", "accepted_by"])
    audit.record(
        actor=user,
        action="invitation.accepted",
        subject=row,
        affiliation_number=row.affiliate.affiliation_number,
        role=row.role,
    )
    return add_member(actor=user, at=at, affiliate=row.affiliate, user=user, role=Role(row.role))
