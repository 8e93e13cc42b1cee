"""Limits on what one person or one place may try, counted in the database so that they hold without Redis.

Counting comes before the attempt: twenty attempts at once are twenty, not one.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from portal import clock
from portal.errors import TooManyAttempts
from portal.models import Attempt


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` attempts of ``kind`` per ``window``, for each value (an account, an address, both)."""

    kind: str
    most: int
    window: timedelta


# A stranger who tries someone's account is stopped by the first two. The third catches attempts spread over
# many addresses; a browser that has already opened the account is exempt from it, so that nobody can shut
# the owner out.
ACCOUNT_FROM_ADDRESS = Limit("sign-in:account+address", 5, timedelta(minutes=15))
ADDRESS = Limit("sign-in:address", 60, timedelta(minutes=15))
ACCOUNT_FROM_ANYWHERE = Limit("sign-in:account", 40, timedelta(minutes=15))
# Codes of a second factor, after the right password; and showing again who one is, in an open session.
CODE_FROM_ADDRESS = Limit("sign-in:code+address", 10, timedelta(minutes=15))
CODE_FROM_ANYWHERE = Limit("sign-in:code", 40, timedelta(minutes=15))
CONFIRMATIONS = Limit("confirm:account", 10, timedelta(minutes=15))
PASSKEYS_FROM_ADDRESS = Limit("sign-in:passkey+address", 60, timedelta(minutes=15))
# Requests written by one affiliate, and by one visitor without an account.
REQUESTS = Limit("requests:affiliate", 120, timedelta(hours=1))
# Files sent by the machines of one bank.
BANK_CALLS = Limit("api:bank", 600, timedelta(minutes=1))
# Copies of all that is held on somebody: by one person, for a firm, for insured persons at the desk.
COPIES = Limit("copies:user", 10, timedelta(days=1))
# Archives of receipts, each of hundreds of pages to draw: by one person.
RECEIPT_ARCHIVES = Limit("receipts:user", 30, timedelta(days=1))
INVITATIONS = Limit("invitations:affiliate", 20, timedelta(hours=1))
MANDATE_REQUESTS = Limit("mandates:office", 60, timedelta(hours=1))
VISITOR_REQUESTS = Limit("requests:visitor", 10, timedelta(hours=1))
# Certificates asked for by one person, for all the firms they act for.
CERTIFICATES = Limit("certificates:user", 60, timedelta(hours=1))
# The public check of files costs a second of work each.
CHECKS_FROM_ADDRESS = Limit("check:address", 60, timedelta(minutes=15))

_COUNT = """
    INSERT INTO portal_attempt AS attempt (key, window_start, count) VALUES (%(key)s, %(now)s, 1)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN attempt.window_start <= %(old)s THEN 1 ELSE attempt.count + 1 END,
        window_start = CASE WHEN attempt.window_start <= %(old)s THEN %(now)s ELSE attempt.window_start END
    RETURNING count
"""


def count(limit: Limit, value: str) -> None:
    """Count one attempt; raise TooManyAttempts when it is one too many. Not to be called in a transaction."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": _key(limit, value), "now": now, "old": now - limit.window})
        (counted,) = cursor.fetchone()
    if counted > limit.most:
        raise TooManyAttempts(minutes=int(limit.window.total_seconds() // 60))


def forget(limit: Limit, value: str) -> None:
    """Start again from zero, after a success."""
    Attempt.objects.filter(key=_key(limit, value)).delete()


def purge(*, at: datetime, most: int) -> int:
    """Remove at most so many counters that no window can use any more; return how many."""
    old = Attempt.objects.filter(window_start__lt=at - timedelta(days=1)).values("pk")[:most]
    removed, _by_model = Attempt.objects.filter(pk__in=old).delete()
    return removed


def _key(limit: Limit, value: str) -> str:
    text = f"{limit.kind}\n{value.strip().lower()}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()
