"""Sessions in PostgreSQL, each with the person who opened it, so that a person sees and closes their own."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as PlainStore

from portal.models import OpenSession

# The device as a person would name it; more of what a browser says is not kept.
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)


class SessionStore(PlainStore):
    """Django's store in the database, on our own table."""

    @classmethod
    def get_model_class(cls) -> type[OpenSession]:
        return OpenSession

    def create_model_instance(self, data: dict[str, Any]) -> OpenSession:
        row: OpenSession = super().create_model_instance(data)  # type: ignore[assignment]
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.device = data.get("device", "")
        row.opened_at = _instant(data.get("opened_at"))
        row.seen_at = _instant(data.get("seen_at"))
        return row


def forget_ended(*, at: datetime, most: int) -> int:
    """Remove at most so many sessions whose time is over; returns how many."""
    ended = OpenSession.objects.filter(expire_date__lt=at).values("pk")[:most]
    removed, _by_model = OpenSession.objects.filter(pk__in=ended).delete()
    return removed


def device_of(user_agent: str) -> str:
    """« Firefox · Windows », from what a browser says of itself; empty when it says nothing known."""
    found = [
        next((name for mark, name in known if mark in user_agent), "")
        for known in (_BROWSERS, _SYSTEMS)
    ]
    return " · ".join(name for name in found if name)


def _instant(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
