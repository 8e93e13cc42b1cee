"""Filters of the printed documents, which speak French and Arabic on the same page."""

from typing import Any

from django import template
from django.utils import translation

from portal import formats
from regulation.enums import Branch

register = template.Library()


@register.filter
def arabic(message: object) -> str:
    """A French msgid, or the label of an enumeration's member, in Arabic."""
    with translation.override("ar"):
        return formats.label(message)


@register.filter
def arabic_sentence(said: Any) -> str:
    """A sentence with its facts, in Arabic."""
    with translation.override("ar"):
        return formats.sentence(said)


@register.filter
def branch_label(value: str) -> str:
    """The French name of a branch from its stored value."""
    return formats.label(Branch(value))


@register.filter
def groups(code: str, size: int = 4) -> str:
    """A long number in groups, apart by no-break spaces: ``RF08 1234 5672 6010 179``."""
    return "\u00a0".join(code[start : start + size] for start in range(0, len(code), size))
