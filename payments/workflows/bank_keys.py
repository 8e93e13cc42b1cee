"""Keys of banks' machines: issued by a supervisor, shown once, two at most at a time, revoked at once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from django.db import transaction
from django.db.models import Q

from affiliates.access import require_post
from affiliates.enums import StaffRole
from payments.enums import KeyScope
from payments.errors import PublicKeyKnown, TooManyKeys, UnknownNetwork, UnreadablePublicKey
from payments.models import Bank, BankKey
from portal import audit
from portal.models import User

MARK = "dmc"
LONGEST = timedelta(days=400)
_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key and its token, which nobody can read again."""

    key: BankKey
    token: str


@transaction.atomic
def issue_key(
    *,
    actor: User,
    bank: Bank,
    label: str,
    scopes: Sequence[KeyScope],
    days: int,
    at: datetime,
    networks: Sequence[str] = (),
    public_key: str = "",
) -> Issued:
    """A new key of `bank` for `days` days (at most 400). Refuses TooManyKeys while two are valid.

    `public_key` (Ed25519, PEM or base64) is the half by which the bank's signatures are checked: a key that has one
    opens nothing unsigned. Refuses UnreadablePublicKey, and PublicKeyKnown for one that any key has or had.

    An expired key gives its place up. `networks`, addresses or networks (192.0.2.0/24), are where its calls may come
    from; anywhere when none is given. Refuses UnknownNetwork for a word that is neither, PostMissing for whoever is no
    supervisor.
    """
    require_post(actor, {StaffRole.SUPERVISOR})
    places = [_network(text) for text in networks]
    public = _public(public_key) if public_key.strip() else ""
    Bank.objects.select_for_update(of=("self",)).get(pk=bank.pk)
    BankKey.objects.filter(bank=bank, revoked_at__isnull=True, expires_at__lte=at).update(
        revoked_at=at
    )
    taken = set(
        BankKey.objects.filter(bank=bank, revoked_at__isnull=True).values_list("slot", flat=True)
    )
    free = sorted({1, 2} - taken)
    if not free:
        raise TooManyKeys
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    if public and BankKey.objects.filter(public_key=public).exists():
        raise PublicKeyKnown
    key = BankKey.objects.create(
        public_key=public,
        bank=bank,
        label=label.strip()[:60],
        prefix=prefix,
        digest=_digest(secret),
        scopes=[scope.value for scope in scopes],
        networks=places,
        slot=free[0],
        created_at=at,
        created_by=actor,
        expires_at=at + min(timedelta(days=days), LONGEST),
    )
    audit.record(
        actor=actor,
        action="payments.bank_key_issued",
        subject=key,
        bank=bank.code,
        key=prefix,
        scopes=key.scopes,
        networks=key.networks,
        expires_at=key.expires_at,
    )
    return Issued(key, f"{MARK}_{prefix}_{secret}")


@transaction.atomic
def revoke_key(*, actor: User, key_id: int, at: datetime) -> BankKey:
    """End a key now; one already revoked stays as it is. Refuses PostMissing."""
    require_post(actor, {StaffRole.SUPERVISOR})
    key = BankKey.objects.select_for_update(of=("self",)).select_related("bank").get(pk=key_id)
    if key.revoked_at is not None:
        return key
    key.revoked_at = at
    key.save(update_fields=["revoked_at"])
    audit.record(
        actor=actor,
        action="payments.bank_key_revoked",
        subject=key,
        bank=key.bank.code,
        key=key.prefix,
    )
    return key


def find_key(token: str, *, at: datetime) -> BankKey | None:
    """The valid key of this token; None when it is unknown, wrong, expired or revoked. Writes nothing."""
    mark, _first, rest = token.partition("_")
    prefix, _second, secret = rest.partition("_")
    if mark != MARK or not prefix or not secret:
        return None
    key = key_named(prefix, at=at)
    if key is None or not hmac.compare_digest(key.digest, _digest(secret)):
        return None
    return key


def key_named(prefix: str, *, at: datetime) -> BankKey | None:
    """The key of this name, while it is valid."""
    rows = BankKey.objects.select_related("bank")
    return rows.filter(prefix=prefix, revoked_at__isnull=True, expires_at__gt=at).first()


def _public(text: str) -> str:
    """The 32 bytes of an Ed25519 public key, in base64, from those or from a PEM; UnreadablePublicKey otherwise."""
    # Loaded where it is used, like whatever is made of this library.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        if "BEGIN" in text:
            key = load_pem_public_key(text.strip().encode())
            if not isinstance(key, Ed25519PublicKey):
                raise UnreadablePublicKey
            raw = key.public_bytes_raw()
        else:
            raw = base64.b64decode("".join(text.split()), validate=True)
            Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnreadablePublicKey from error
    return base64.b64encode(raw).decode()


def may_call_from(key: BankKey, address: str) -> bool:
    """Whether this key takes calls from an address; an address that cannot be read is nowhere."""
    if not key.networks:
        return True
    try:
        place = ip_address(address)
    except ValueError:
        return False
    # A server that listens on both kinds of addresses tells the older ones in the form of the newer.
    place = getattr(place, "ipv4_mapped", None) or place
    return any(place in ip_network(one) for one in key.networks)


def _network(text: str) -> str:
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        raise UnknownNetwork(text=text[:43]) from None


def note_use(key_id: int, *, at: datetime) -> None:
    """Remember that a key was used, at most once a minute."""
    BankKey.objects.filter(
        Q(last_used_at__isnull=True) | Q(last_used_at__lt=at - _USED_EVERY), pk=key_id
    ).update(last_used_at=at)


def _digest(secret: str) -> str:
    """256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
