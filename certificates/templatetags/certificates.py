"""Filters of the certificates' pages."""

from dataclasses import dataclass, field

from django import template

from certificates.eligibility import Refusal
from portal import formats

register = template.Library()


@dataclass(frozen=True, slots=True)
class _Said:
    message: str
    facts: dict[str, object] = field(default_factory=dict)


@register.filter
def remedy(refusal: Refusal) -> str:
    """What to do about a refusal, with its facts, in the language of the screen."""
    return formats.sentence(_Said(refusal.remedy, dict(refusal.facts)))
