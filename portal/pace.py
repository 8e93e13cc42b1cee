"""How many pages a minute a reader may ask for.

Counted in the cache, atomically: a page that is only read writes nothing in the database (portal.limits, which
does, is for attempts that are posted).
"""

import logging
import time

from django.core.cache import cache
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60


def seconds_to_wait(door: str, who: str, *, limit: int) -> int:
    """Count one page of ``door`` for ``who``: 0 when allowed, otherwise the seconds to wait.

    At most ``limit`` a minute. Who it is never reaches the cache in clear. Without the cache everybody
    passes: a limit is not worth a closed door.
    """
    minute, elapsed = divmod(int(time.time()), WINDOW_SECONDS)
    key = f"limit:{door}:{minute}:{salted_hmac('portal.pace', who).hexdigest()[:32]}"
    try:
        cache.add(key, 0, timeout=2 * WINDOW_SECONDS)
        pages = cache.incr(key)
    except (RedisError, ConnectionError):
        logger.warning("no cache, the limit of %s is off", door)
        return 0
    return 0 if pages <= limit else WINDOW_SECONDS - elapsed
