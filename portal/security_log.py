"""What happens at the doors, for whoever watches them: one named logger, ``damancom.security``.

An event names an account by its key and a place by a keyed digest, never by its address: the same visitor is
recognised from line to line, and nobody is named. The proxy's own log joins a code to a network address.
"""

import logging
from enum import StrEnum

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

logger = logging.getLogger("damancom.security")


class SecurityEvent(StrEnum):
    """What is watched. Words for programs: nobody reads them on a screen."""

    SIGNED_IN = "sign-in"
    SIGN_IN_REFUSED = "sign-in.refused"
    THROTTLED = "throttled"
    SECOND_FACTOR_REFUSED = "second-factor.refused"
    CONFIRMATION_REFUSED = "confirmation.refused"
    FACTORS_CHANGED = "factors.changed"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 (a word, not a secret)
    ADDRESS_CHANGED = "address.changed"
    ACCOUNT_RECOVERED = "account.recovered"
    RECOVERY_STOPPED = "recovery.stopped"
    DOOR_REFUSED = "door.refused"
    FORM_REFUSED = "form.refused"
    KEY_REFUSED = "key.refused"

    @property
    def is_ordinary(self) -> bool:
        """Whether nobody need look at it when it happens once."""
        return self in {
            self.SIGNED_IN,
            self.FACTORS_CHANGED,
            self.PASSWORD_CHANGED,
            self.ADDRESS_CHANGED,
        }


def note(
    event: SecurityEvent, *, user_id: int | None = None, place: str = "", **facts: object
) -> None:
    """Log one event; ``place`` is where it came from (an address), digested here."""
    told = {"event": event.value, "user": user_id, "place": digest_of(place), **facts}
    level = logging.INFO if event.is_ordinary else logging.WARNING
    logger.log(level, event.value, extra={"facts": told})


def note_refused_door(request: HttpRequest, status: int, place: str) -> None:
    """A door that did not open for somebody who is signed in: a page that is not theirs, or does not exist."""
    match = request.resolver_match
    user = getattr(request, "user", None)
    note(
        SecurityEvent.DOOR_REFUSED,
        user_id=getattr(user, "pk", None),
        place=place,
        status=status,
        view=match.view_name if match else "",
        method=request.method,
    )


def digest_of(text: str) -> str:
    """Twelve characters that stand for ``text``; empty for nothing."""
    return salted_hmac("portal.security_log", text).hexdigest()[:12] if text else ""
