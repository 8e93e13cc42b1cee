"""The shape of what is said of a fault: what happened, why, what to do, what it changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FindingText:
    """The words of one code: `title` heads the group, `message` names the case at hand."""

    title: str
    message: str
    cause: str
    remedy: str
    consequence: str
