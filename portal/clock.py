"""The present, asked in one place: instants in UTC, days in Africa/Casablanca."""

import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

CASABLANCA = ZoneInfo("Africa/Casablanca")


def now() -> datetime.datetime:
    """This instant, aware, in UTC."""
    return timezone.now()


def today() -> datetime.date:
    """The calendar day in Morocco, which leaves UTC+1 for UTC+0 during Ramadan."""
    return day_of(now())


def end_of(day: datetime.date) -> datetime.datetime:
    """The first instant after a Moroccan calendar day: what arrives before it arrived on that day."""
    midnight = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time.min)
    return midnight.replace(tzinfo=CASABLANCA).astimezone(datetime.UTC)


def day_of(instant: datetime.datetime) -> datetime.date:
    """The Moroccan calendar day of an aware instant."""
    return instant.astimezone(CASABLANCA).date()
