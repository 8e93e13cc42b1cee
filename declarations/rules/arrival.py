"""Whether a declaration that comes after its due day is late: not when the portal stood in the way."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from declarations.enums import OnTimeReason


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Something of ours that kept a filing, begun at `begun_at`, from being finished until `over_at`."""

    reason: OnTimeReason
    begun_at: datetime.datetime
    over_at: datetime.datetime


def on_time_because(
    *,
    deadline: datetime.datetime,
    submitted_at: datetime.datetime,
    retry: datetime.timedelta,
    hindrances: Iterable[Hindrance],
) -> OnTimeReason | None:
    """Why a filing that came after `deadline` is not late; None when it is, or when it came in time.

    `deadline` is the first instant after the due day. A hindrance counts when the filing was begun before the
    deadline and it was over only after it; the filing may then be finished during `retry` after both.
    """
    if submitted_at < deadline:
        return None
    for one in hindrances:
        in_the_way = one.begun_at < deadline <= one.over_at
        if in_the_way and submitted_at < one.over_at + retry:
            return one.reason
    return None
