"""What a person holds besides the password: an application that counts, passkeys, recovery codes on paper.

The rows are those of django-allauth; docs/decisions/second-factor.md says what of it is used and what is not.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings

from portal.models import User

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

APPLICATION = Authenticator.Type.TOTP
PASSKEY = Authenticator.Type.WEBAUTHN
RECOVERY = Authenticator.Type.RECOVERY_CODES

ISSUER = "Damancom"
RECOVERY_CODES = 10
_PERIOD_SECONDS = 30
# A clock half a minute off, or a code read aloud slowly, still opens.
_DRIFT_STEPS = (-1, 0, 1)
# Without the letters and digits that are mistaken for one another on paper.
_PAPER = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Held:
    """The second factors of a person, for the page that shows them."""

    application: Authenticator | None
    passkeys: list[Authenticator]
    recovery_left: int

    @property
    def any(self) -> bool:
        return self.application is not None or bool(self.passkeys)


def held_by(user: User) -> Held:
    """Everything ``user`` holds; one query."""
    rows = list(Authenticator.objects.filter(user_id=user.pk).order_by("pk"))
    codes = next((row for row in rows if row.type == RECOVERY), None)
    return Held(
        application=next((row for row in rows if row.type == APPLICATION), None),
        passkeys=[row for row in rows if row.type == PASSKEY],
        recovery_left=len(codes.data["digests"]) if codes else 0,
    )


def has_any(user: User) -> bool:
    """Whether ``user`` must show more than a password; recovery codes alone are not a second factor."""
    return Authenticator.objects.filter(user_id=user.pk, type__in=[APPLICATION, PASSKEY]).exists()


# ---------------------------------------------------------------- the application that counts


def new_secret() -> str:
    """160 bits of chance in base32, as RFC 4226 asks."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def address_of(user: User, secret: str) -> str:
    """What the square code holds: the account and the secret, for any application of the kind (RFC 6238)."""
    facts = urlencode({"secret": secret, "issuer": ISSUER}, quote_via=quote)
    return f"otpauth://totp/{ISSUER}:{quote(user.email)}?{facts}"


def step_of(secret: str, code: str, *, at: datetime, after: int = -1) -> int | None:
    """The half-minute for which ``code`` is right at ``at``, when it is later than ``after``; else None.

    Whoever keeps the answer and passes it as ``after`` accepts each code once, and none older than one accepted.
    """
    typed = "".join(code.split())
    now = int(at.timestamp()) // _PERIOD_SECONDS
    for step in (now + drift for drift in _DRIFT_STEPS):
        right = format_hotp_value(hotp_value(secret, step))
        if step > after and hmac.compare_digest(typed.encode(), right.encode()):
            return step
    return None


# ---------------------------------------------------------------- codes on paper


def new_recovery_codes() -> list[str]:
    """Ten codes of 79 bits each, in groups of four characters."""
    return [
        "-".join("".join(secrets.choice(_PAPER) for _letter in range(4)) for _group in range(4))
        for _code in range(RECOVERY_CODES)
    ]


def digest_of(code: str) -> str:
    """What is kept of a recovery code. So much chance cannot be guessed from its digest: it needs no slow one."""
    plain = "".join(letter for letter in code.upper() if letter in _PAPER)
    return hashlib.sha256(plain.encode()).hexdigest()


# ---------------------------------------------------------------- what must be read again is sealed


def _box() -> "MultiFernet":
    # Loaded where it is used: a worker, which opens no door, does without the library and its memory.
    from cryptography.fernet import Fernet, MultiFernet

    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet(
        Fernet(
            base64.urlsafe_b64encode(
                hmac.digest(key.encode(), b"portal.second_factors", hashlib.sha256)
            )
        )
        for key in keys
    )


def seal(text: str) -> str:
    """Encrypt with the site's secret: a copy of the database does not open accounts."""
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The inverse of ``seal``, also for what was sealed under a former secret that is still listed."""
    return _box().decrypt(sealed.encode()).decode()
