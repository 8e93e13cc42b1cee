"""The dated tables of the law: what was in force on a day, and what says so.

`value_at` and `choice_at` answer or raise: nothing outside what is established
is ever invented.  A choice that no text settles carries the confidence
`policy` and is shown as such wherever it is used.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from regulation.enums import Confidence
from regulation.errors import DomainError
from regulation.periods import Period
from regulation.series import SERIES
from regulation.text import _

ONE_DAY = timedelta(days=1)


class UnknownParameter(DomainError):
    """No series has this name."""

    code = "parameter.unknown"
    message = _("« {name} » n’est pas un paramètre de la loi : choisissez un nom de la liste.")


class NotYetKnown(DomainError):
    """The day lies before the first established value."""

    code = "parameter.too_early"
    message = _(
        "« {title} » n’a pas de valeur établie au {day} : choisissez une date "
        "à partir du {first_day}."
    )
    translated = ("title",)


class NotEstablished(DomainError):
    """The day lies inside a span whose value no source establishes."""

    code = "parameter.not_established"
    message = _(
        "« {title} » n’a pas de valeur établie au {day} ({reason}) : choisissez une autre date, "
        "ou complétez la table avec le texte officiel avant de calculer."
    )
    translated = ("title", "reason")


class TableFault(Exception):
    """A table of the law is malformed: overlap, gap, missing source, unknown field."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What holds from a day: established by `reference`, or unknown for a stated reason."""

    name: str
    effective_from: date
    effective_to: date | None
    reviewed_on: date
    reference: str = ""
    published_on: date | None = None
    decided_on: date | None = None
    confidence: Confidence | None = None
    unknown: str = ""
    number: Decimal | None = None
    choice: str = ""

    @property
    def known_from(self) -> date:
        """The first day on which a person could know this entry."""
        return self.published_on or self.decided_on or self.effective_from


@dataclass(frozen=True, slots=True)
class Value:
    """A number of the law, in force from `effective_from` to `effective_to` (open when None)."""

    name: str
    value: Decimal
    effective_from: date
    effective_to: date | None
    reference: str
    published_on: date | None
    confidence: Confidence
    reviewed_on: date

    @property
    def version(self) -> "Version":
        """What to keep beside a computed amount to replay it."""
        return Version(
            self.name, str(self.value), self.effective_from, self.reference, self.confidence
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice of management that no text settles, named and dated."""

    name: str
    option: str
    effective_from: date
    effective_to: date | None
    reference: str
    confidence: Confidence
    reviewed_on: date

    @property
    def version(self) -> "Version":
        """What to keep beside a computed amount to replay it."""
        return Version(self.name, self.option, self.effective_from, self.reference, self.confidence)


@dataclass(frozen=True, slots=True)
class Version:
    """The parameter version that a computed amount used."""

    name: str
    value: str
    effective_from: date
    reference: str
    confidence: Confidence

    def to_json(self) -> dict[str, str]:
        """Return plain JSON values, for storage beside the amount."""
        return {
            "name": self.name,
            "value": self.value,
            "effective_from": self.effective_from.isoformat(),
            "reference": self.reference,
            "confidence": self.confidence.value,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, str]) -> "Version":
        """Rebuild a version stored by `to_json`."""
        return cls(
            stored["name"],
            stored["value"],
            date.fromisoformat(stored["effective_from"]),
            stored["reference"],
            Confidence(stored["confidence"]),
        )


@dataclass(frozen=True, slots=True)
class Extension:
    """A due day moved by decision for one period."""

    period: Period
    due_on: date
    reference: str
    confidence: Confidence
    reviewed_on: date


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday: every year from a day, or on one day only."""

    name: str
    reference: str
    confidence: Confidence
    reviewed_on: date
    month: int | None = None
    day: int | None = None
    effective_from: date | None = None
    on: date | None = None

    def falls_on(self, day: date) -> bool:
        """Whether `day` is this holiday."""
        if self.on is not None:
            return day == self.on
        if self.effective_from is None or day < self.effective_from:
            return False
        return (day.month, day.day) == (self.month, self.day)


@dataclass(frozen=True, slots=True)
class CampaignRate:
    """The shares forgiven, in percent, under a condition."""

    condition: str
    surcharges: Decimal
    penalties_and_fees: Decimal


@dataclass(frozen=True, slots=True)
class Campaign:
    """A remission campaign: debts covered, window, shares forgiven."""

    name: str
    debts_until: Period
    closes_on: date
    reference: str
    confidence: Confidence
    reviewed_on: date
    debts_from: Period | None = None
    opens_on: date | None = None
    decided_on: date | None = None
    rates: tuple[CampaignRate, ...] = ()
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tables:
    """Every table, read and checked."""

    series: Mapping[str, tuple[Entry, ...]]
    extensions: Mapping[Period, Extension]
    holidays: tuple[Holiday, ...]
    campaigns: tuple[Campaign, ...]


_ENTRY_FIELDS = frozenset(
    {
        "effective_from",
        "effective_to",
        "value",
        "choice",
        "unknown",
        "reference",
        "published_on",
        "decided_on",
        "confidence",
        "reviewed_on",
    }
)


def parse_table(text: str) -> dict[str, Any]:
    """Parse a TOML table; decimals become `Decimal`, never binary floats."""
    return tomllib.loads(text, parse_float=Decimal)


def _entry(name: str, raw: Mapping[str, Any]) -> Entry:
    for field in set(raw) - _ENTRY_FIELDS:
        raise TableFault(f"{name}: unknown field {field}")
    for field in ("effective_from", "reviewed_on"):
        if type(raw.get(field)) is not date:
            raise TableFault(f"{name}: {field} is missing or is not a day")
    kinds = [field for field in ("value", "choice", "unknown") if field in raw]
    if len(kinds) != 1:
        raise TableFault(f"{name}: exactly one of value, choice, unknown at each date")
    common = (name, raw["effective_from"], raw.get("effective_to"), raw["reviewed_on"])
    if kinds == ["unknown"]:
        if not raw["unknown"].strip():
            raise TableFault(f"{name}: say why the value is unknown")
        return Entry(*common, unknown=raw["unknown"])
    if not raw.get("reference", "").strip():
        raise TableFault(f"{name}: no source means no value")
    if raw.get("confidence") not in {confidence.value for confidence in Confidence}:
        raise TableFault(f"{name}: confidence is missing or unknown")
    number = None
    if kinds == ["value"]:
        if isinstance(raw["value"], bool) or not isinstance(raw["value"], Decimal | int):
            raise TableFault(f"{name}: {raw['value']!r} is not an exact number")
        number = Decimal(raw["value"])
        if not number.is_finite() or number.is_signed():
            raise TableFault(f"{name}: {number} is negative or not a number")
    return Entry(
        *common,
        reference=raw["reference"],
        published_on=raw.get("published_on"),
        decided_on=raw.get("decided_on"),
        confidence=Confidence(raw["confidence"]),
        number=number,
        choice=raw.get("choice", ""),
    )


def read_series(name: str, raw_values: Sequence[Mapping[str, Any]]) -> tuple[Entry, ...]:
    """Read one series; refuse overlaps, gaps, missing sources and inexact numbers.

    An entry without `effective_to` holds until the next begins; the last one is
    open unless it says otherwise.
    """
    if not raw_values:
        raise TableFault(f"{name}: no value")
    entries = [_entry(name, raw) for raw in raw_values]
    if len({bool(entry.choice) for entry in entries if not entry.unknown}) > 1:
        raise TableFault(f"{name}: numbers and choices are mixed")
    closed: list[Entry] = []
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        end = entry.effective_to
        if following is not None:
            if following.effective_from <= entry.effective_from:
                raise TableFault(f"{name}: overlap at {following.effective_from}")
            expected = following.effective_from - ONE_DAY
            if end is not None and end != expected:
                fault = "overlap" if end > expected else "gap"
                raise TableFault(f"{name}: {fault} at {following.effective_from}")
            end = expected
        elif end is not None and end < entry.effective_from:
            raise TableFault(f"{name}: ends before it begins")
        closed.append(replace(entry, effective_to=end))
    return tuple(closed)


def _sourced(raw: Mapping[str, Any], what: str) -> dict[str, Any]:
    if not raw.get("reference", "").strip() or type(raw.get("reviewed_on")) is not date:
        raise TableFault(f"{what}: no source or no review day")
    return {
        "reference": raw["reference"],
        "confidence": Confidence(raw["confidence"]),
        "reviewed_on": raw["reviewed_on"],
    }


def _holiday(raw: Mapping[str, Any]) -> Holiday:
    fixed: dict[str, Any] = {
        field: raw.get(field) for field in ("month", "day", "effective_from", "on")
    }
    if (fixed["on"] is None) == (fixed["effective_from"] is None):
        raise TableFault(f"{raw['name']}: either one day, or a month, a day and a first date")
    return Holiday(name=raw["name"], **fixed, **_sourced(raw, raw["name"]))


def _campaign(raw: Mapping[str, Any]) -> Campaign:
    rates = tuple(
        CampaignRate(rate["condition"], rate["surcharges"], rate["penalties_and_fees"])
        for rate in raw.get("rates", [])
    )
    return Campaign(
        name=raw["name"],
        debts_from=Period.parse(raw["debts_from"]) if "debts_from" in raw else None,
        debts_until=Period.parse(raw["debts_until"]),
        opens_on=raw.get("opens_on"),
        closes_on=raw["closes_on"],
        decided_on=raw.get("decided_on"),
        rates=rates,
        terms=tuple(raw.get("terms", ())),
        **_sourced(raw, raw["name"]),
    )


def read_tables(texts: Iterable[str]) -> Tables:
    """Read TOML documents into checked tables; refuse anything doubtful with `TableFault`."""
    series: dict[str, tuple[Entry, ...]] = {}
    extensions: dict[Period, Extension] = {}
    holidays: list[Holiday] = []
    campaigns: list[Campaign] = []
    for text in texts:
        document = parse_table(text)
        for raw in document.pop("series", []):
            if raw["name"] in series:
                raise TableFault(f"{raw['name']}: written twice")
            series[raw["name"]] = read_series(raw["name"], raw.get("values", []))
        for raw in document.pop("extensions", []):
            period = Period.parse(raw["period"])
            if period in extensions:
                raise TableFault(f"extension of {period}: written twice")
            extensions[period] = Extension(
                period, raw["due_on"], **_sourced(raw, f"extension of {period}")
            )
        holidays += [_holiday(raw) for raw in document.pop("holidays", [])]
        campaigns += [_campaign(raw) for raw in document.pop("campaigns", [])]
        for unread in document:
            raise TableFault(f"unknown table {unread}")
    return Tables(series, extensions, tuple(holidays), tuple(campaigns))


@cache
def tables() -> Tables:
    """The tables of this version of the portal, read once."""
    folder = resources.files("regulation") / "parameters"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=str)
    return read_tables(item.read_text(encoding="utf-8") for item in files)


def history(name: str) -> tuple[Entry, ...]:
    """Return every entry of a series, oldest first, spans without value included."""
    try:
        return tables().series[name]
    except KeyError:
        raise UnknownParameter(name=name) from None


def first_known_day(name: str) -> date:
    """Return the first day on which a series has an established value; its first day when it never has one."""
    known = (entry.effective_from for entry in history(name) if not entry.unknown)
    return next(known, history(name)[0].effective_from)


def _find(name: str, day: date, known_on: date | None) -> Entry:
    entries = history(name)
    seen = [entry for entry in entries if known_on is None or entry.known_from <= known_on]
    found = None
    for entry in seen:
        if entry.effective_from <= day:
            found = entry
    title = SERIES[name].title if name in SERIES else name
    if found is None:
        raise NotYetKnown(
            title=title, name=name, day=french_day(day), first_day=french_day(first_known_day(name))
        )
    if found.unknown or (found is entries[-1] and _ended(found, day)):
        raise NotEstablished(
            title=title, name=name, day=french_day(day), reason=found.unknown or found.reference
        )
    return found


def _ended(entry: Entry, day: date) -> bool:
    return entry.effective_to is not None and day > entry.effective_to


def value_at(name: str, day: date, *, known_on: date | None = None) -> Value:
    """Return the number in force on `day`, or raise one sentence that names value, day and remedy.

    With `known_on`, entries published or decided later are ignored: the law as
    it could be read on that day.
    """
    entry = _find(name, day, known_on)
    if entry.number is None or entry.confidence is None:
        raise UnknownParameter(name=name)
    return Value(
        name,
        entry.number,
        entry.effective_from,
        entry.effective_to,
        entry.reference,
        entry.published_on,
        entry.confidence,
        entry.reviewed_on,
    )


def choice_at(name: str, day: date) -> Choice:
    """Return the management choice in force on `day`, or raise as `value_at` does."""
    entry = _find(name, day, None)
    if not entry.choice or entry.confidence is None:
        raise UnknownParameter(name=name)
    return Choice(
        name,
        entry.choice,
        entry.effective_from,
        entry.effective_to,
        entry.reference,
        entry.confidence,
        entry.reviewed_on,
    )


def due_day(period: Period) -> date:
    """Return the day by which a period must be declared and paid.

    The ordinary day is moved by a decided extension only: a due day that falls
    on a weekend or a holiday stays (`policy.due.closed_day`).
    """
    extension = tables().extensions.get(period)
    if extension is not None:
        return extension.due_on
    month = period.next()
    day = value_at("due.day_of_next_month", month.first_day).value
    return date(month.year, month.month, int(day))


def due_day_reference(period: Period) -> str:
    """Return the text that fixes the due day of a period."""
    extension = tables().extensions.get(period)
    if extension is not None:
        return extension.reference
    return value_at("due.day_of_next_month", period.next().first_day).reference


def holiday_on(day: date) -> Holiday | None:
    """Return the public holiday that falls on `day`, if any."""
    return next((holiday for holiday in tables().holidays if holiday.falls_on(day)), None)


def is_working_day(day: date) -> bool:
    """Whether `day` is neither a Saturday, a Sunday nor a known public holiday."""
    return day.weekday() < 5 and holiday_on(day) is None


def monthly_minimum_wage(day: date) -> Decimal:
    """Return the monthly SMIG in DH on `day`: the hourly wage times the legal hours."""
    return value_at("smig.hourly", day).value * value_at("smig.monthly_hours", day).value


def french_day(day: date) -> str:
    """Write a day as in French administrative texts: `10/02/2026`."""
    return f"{day.day:02}/{day.month:02}/{day.year}"
