"""What one person does in an hour that is out of the ordinary: counts in, alarms out. Pure.

No text fixes these numbers: an accountant of forty firms stays under them on the busiest day of the month, whoever
copies a register does not (docs/decisions/bulk-alarms.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from certificates.enums import AlarmKind

MOST = {
    AlarmKind.ISSUED: 30,
    AlarmKind.FETCHED: 60,
    AlarmKind.READ: 80,
    AlarmKind.FIRMS: 40,
}


@dataclass(frozen=True, slots=True)
class Usage:
    """What one person did in an hour: certificates issued, papers fetched, files read at the desk, firms concerned."""

    user_id: int
    issued: int
    fetched: int
    read: int
    firms: int


def alarms(usage: Usage) -> Iterator[tuple[AlarmKind, int]]:
    """The kinds whose number is passed, with how many there were."""
    counts = {
        AlarmKind.ISSUED: usage.issued,
        AlarmKind.FETCHED: usage.fetched,
        AlarmKind.READ: usage.read,
        AlarmKind.FIRMS: usage.firms,
    }
    for kind, count in counts.items():
        if count > MOST[kind]:
            yield kind, count
