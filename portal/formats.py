"""How amounts, periods, days and sentences are written for a person, in French and in Arabic.

Moroccan use: digits are 0-9 in both languages, the month names in Arabic are those of Morocco.
"""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from django.utils.translation import get_language, gettext

from portal.clock import CASABLANCA
from regulation.periods import Period
from regulation.text import Sentence

NARROW_SPACE = "\u202f"
NO_BREAK_SPACE = "\u00a0"
LEFT_TO_RIGHT_MARK = "\u200e"

_FRENCH_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip
# The names in use in Morocco; Django's Arabic catalogue has those of the Mashreq (أغسطس, نوفمبر…).
_ARABIC_MONTHS = (
    "يناير", "فبراير", "مارس", "أبريل", "ماي", "يونيو",
    "يوليوز", "غشت", "شتنبر", "أكتوبر", "نونبر", "دجنبر",
)  # fmt: skip


class Refusal(Protocol):
    """Anything that says a French sentence with named facts: a DomainError, a Finding."""

    @property
    def message(self) -> str: ...
    @property
    def facts(self) -> Mapping[str, object]: ...


def _arabic() -> bool:
    return (get_language() or "fr").startswith("ar")


def number(value: Decimal | int) -> str:
    """``1 234,56``: the decimals of ``value`` are kept as they are, thousands by narrow no-break spaces."""
    text = f"{abs(value):,f}" if isinstance(value, Decimal) else f"{abs(value):,d}"
    text = text.replace(",", NARROW_SPACE).replace(".", ",")
    if value >= 0:
        return text
    # In Arabic text the sign would jump to the other side of the number without the mark.
    return f"{LEFT_TO_RIGHT_MARK}\u2212{text}" if _arabic() else f"\u2212{text}"


def left_to_right(code: str) -> str:
    """A code of several groups, in one piece and in its own order: an Arabic sentence would turn its groups round."""
    if not _arabic():
        return code
    return f"\u2066{code.replace(' ', NO_BREAK_SPACE)}\u2069"


def typed(value: Decimal) -> str:
    """An amount as a person would type it in a field: ``1234,56``."""
    return f"{value:.2f}".replace(".", ",")


def signed(value: Decimal) -> str:
    """A difference with its sign, ``+1 234,56`` or ``−1 234,56``; nothing changes is ``0,00``."""
    if value <= 0:
        return number(value)
    mark = LEFT_TO_RIGHT_MARK if _arabic() else ""
    return f"{mark}+{number(value)}"


def dirhams(value: Decimal) -> str:
    """An amount in dirhams with its two places: ``1 234,56 DH``, in Arabic ``1 234,56 درهم``."""
    unit = "درهم" if _arabic() else "DH"
    return f"{number(value.quantize(Decimal('0.01')))}{NO_BREAK_SPACE}{unit}"


def rib(value: str) -> str:
    """A bank account as it is read: bank, town, account, key, ``230 780 1234567890120000 38``."""
    if len(value) != 24:
        return value
    return NO_BREAK_SPACE.join((value[:3], value[3:6], value[6:22], value[22:]))


def period(value: Period | datetime.date | str) -> str:
    """A declared month in words: ``janvier 2026``; takes a Period, its first day, or ``2026-01``."""
    if isinstance(value, str):
        value = Period.parse(value)
    months = _ARABIC_MONTHS if _arabic() else _FRENCH_MONTHS
    return f"{months[value.month - 1]}{NO_BREAK_SPACE}{value.year}"


def of_period(value: Period | datetime.date | str) -> str:
    """What belongs to a declared month: ``de janvier 2026``, ``d’octobre 2026``; in Arabic the month alone says so."""
    month = period(value)
    if _arabic():
        return month
    return f"d’{month}" if month[0] in "ao" else f"de {month}"


def day(value: datetime.date) -> str:
    """A day in words: ``1er février 2026``, ``10 février 2026``; an instant gives its day in Morocco."""
    if isinstance(value, datetime.datetime):
        value = value.astimezone(CASABLANCA).date()
    if _arabic():
        return f"{value.day}{NO_BREAK_SPACE}{_ARABIC_MONTHS[value.month - 1]}{NO_BREAK_SPACE}{value.year}"
    rank = "1er" if value.day == 1 else str(value.day)
    return f"{rank}{NO_BREAK_SPACE}{_FRENCH_MONTHS[value.month - 1]}{NO_BREAK_SPACE}{value.year}"


def instant(value: datetime.datetime) -> str:
    """An aware instant on the clocks of Morocco: ``10 février 2026 à 14:05``."""
    local = value.astimezone(CASABLANCA)
    return gettext("%(day)s à %(time)s") % {"day": day(local), "time": f"{local:%H:%M}"}


def fact(value: object) -> str:
    """One fact inside a sentence. A Decimal keeps its decimals and has no unit: the sentence says ``DH``."""
    if isinstance(value, bool):
        return gettext("oui") if value else gettext("non")
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, Period):
        return period(value)
    if isinstance(value, datetime.datetime):
        return instant(value)
    if isinstance(value, datetime.date):
        return day(value)
    label = getattr(value, "label", None)
    if label is not None:
        return gettext(str(label)) if label else ""
    return str(value)


def sentence(said: Refusal | Sentence) -> str:
    """The French sentence of a refusal, a finding or a Sentence, translated and filled with its facts."""
    translated = getattr(said, "translated", ())
    facts = {
        name: gettext(str(value)) if name in translated and value else fact(value)
        for name, value in said.facts.items()
    }
    return gettext(said.message).format(**facts)


def label(member: object) -> str:
    """The label of an enumeration's member, or any French msgid, in the language of the screen."""
    text = str(getattr(member, "label", member))
    return gettext(text) if text else ""
