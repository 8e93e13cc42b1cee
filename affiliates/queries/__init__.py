"""Questions to the register."""

from affiliates.queries.register import (
    PAGE,
    AccessCard,
    Office,
    Person,
    access_card,
    employed_in,
    expected_situations,
    search,
    statuses_on,
    taken_over_on,
)

__all__ = [
    "PAGE",
    "AccessCard",
    "Office",
    "Person",
    "access_card",
    "employed_in",
    "expected_situations",
    "search",
    "statuses_on",
    "taken_over_on",
]
