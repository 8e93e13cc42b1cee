"""Another mail address for an account: asked by whoever just showed who they are, confirmed by the link sent there.

The former address is told twice, when it is asked and when it is done; nothing says whether the new one has an
account here. The link opens in a session of the same account only, once, for a day.
"""

import uuid
from datetime import datetime, timedelta

from django.core import signing
from django.db import transaction
from django.urls import reverse

from portal import audit, mail
from portal.enums import Language
from portal.errors import AddressLinkClosed, AddressUnchanged, constraints_refuse
from portal.models import AddressChange, OpenSession, User

LASTS = timedelta(days=1)
_LINK = signing.Signer(salt="portal.addresses")


@transaction.atomic
def ask_address(*, actor: User, at: datetime, email: str) -> None:
    """Send a link to the new address, in the place of any former one. Refuses the address one has.

    An address that has an account gets a letter that says so, and no link: the answer on the screen is the same.
    """
    user = User.objects.select_for_update(of=("self",)).get(pk=actor.pk)
    email = email.strip().lower()
    if email == user.email:
        raise AddressUnchanged
    entry = audit.record(actor=actor, action="user.address_asked", subject=user)
    row, _made = AddressChange.objects.update_or_create(
        user=user,
        defaults={
            "key": uuid.uuid4(), "email": email, "asked_at": at, "expires_at": at + LASTS,
        },
    )  # fmt: skip
    there = mail.Address(email, Language(user.language))
    if User.objects.filter(email=email).exists():
        row.delete()
        mail.write(
            key=f"address:{entry.pk}:taken", to=there, template="portal/mail/address_taken.txt",
            facts={}, at=at, path=reverse("portal:login"),
        )  # fmt: skip
    else:
        mail.write(
            key=f"address:{entry.pk}:link", to=there, template="portal/mail/address_link.txt",
            facts={"name": user.full_name}, at=at, is_secret=True,
            path=reverse("portal:confirm_address", args=[token_of(row)]),
        )  # fmt: skip
    mail.write(
        key=f"address:{entry.pk}:asked", to=user, template="portal/mail/address_asked.txt",
        facts={"at": at}, at=at, path=reverse("portal:security"),
    )  # fmt: skip


def confirm_address(*, actor: User, at: datetime, change: AddressChange, here: str | None) -> User:
    """The link was followed: the account has its new address; every browser but ``here`` ends.

    Refuses a link that has served, expired or was replaced, and an address that got an account meanwhile
    (AddressLinkClosed).
    """
    with (
        constraints_refuse({"portal_user_email_key": AddressLinkClosed()}),
        transaction.atomic(),
    ):
        return _confirm(actor, at, change, here)


def _confirm(actor: User, at: datetime, change: AddressChange, here: str | None) -> User:
    user = User.objects.select_for_update(of=("self",)).get(pk=actor.pk)
    row = AddressChange.objects.filter(pk=change.pk, key=change.key, user=user).first()
    if row is None or not at < row.expires_at:
        raise AddressLinkClosed
    former = mail.Address(user.email, Language(user.language))
    user.email = row.email
    user.save(update_fields=["email"])
    row.delete()
    entry = audit.record(actor=actor, action="user.address_changed", subject=user)
    OpenSession.objects.filter(user=user).exclude(session_key=here or "").delete()
    for reader in (former, user):
        mail.write(
            key=f"address:{entry.pk}:changed:{'former' if reader is former else 'new'}",
            to=reader, template="portal/mail/address_changed.txt", facts={"at": at}, at=at,
        )  # fmt: skip
    return user


def token_of(change: AddressChange) -> str:
    """What the link holds."""
    return _LINK.sign(change.key.hex)


def change_of(token: str, user: User) -> AddressChange | None:
    """The change behind a link that we made for this person; None for any other."""
    try:
        key = uuid.UUID(hex=_LINK.unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    return AddressChange.objects.filter(key=key, user=user).first()
