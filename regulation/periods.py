"""A declared month."""

import calendar
import re
from dataclasses import dataclass
from datetime import date
from functools import total_ordering

from regulation.errors import DomainError
from regulation.text import _, ascii_digits

_PERIOD = re.compile(r"([0-9]{4})-?([0-9]{2})", re.ASCII)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)


class InvalidPeriod(DomainError):
    """The text is not a month of a year."""

    code = "period.invalid"
    message = _(
        "La période « {value} » n’existe pas : écrivez l’année puis le mois, comme 2026-01 "
        "ou 202601."
    )


class InvalidDay(DomainError):
    """The text is not a day of the calendar."""

    code = "day.invalid"
    message = _("Le jour « {value} » n’existe pas : écrivez-le comme 2026-01-31.")


def parse_day(text: str) -> date:
    """Read `2026-01-31`; refuse anything else with `InvalidDay`."""
    match = _DAY.fullmatch(ascii_digits(text.strip()))
    try:
        if match:
            return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        pass
    raise InvalidDay(value=text[:20])


@total_ordering
@dataclass(frozen=True, slots=True)
class Period:
    """A month of a year, the unit of declarations. Years run from 1900 to 2999."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1900 <= self.year <= 2999 and 1 <= self.month <= 12):
            raise InvalidPeriod(value=f"{self.year:04}-{self.month:02}")

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Period):
            return NotImplemented
        return (self.year, self.month) < (other.year, other.month)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    def __add__(self, months: int) -> "Period":
        years, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Period(years, month + 1)

    def __sub__(self, months: int) -> "Period":
        return self + -months

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Read `2026-01` or `202601`; refuse anything else with `InvalidPeriod`."""
        match = _PERIOD.fullmatch(ascii_digits(text.strip()))
        if match is None:
            raise InvalidPeriod(value=text[:20])
        year, month = int(match[1]), int(match[2])
        if not (1900 <= year <= 2999 and 1 <= month <= 12):
            raise InvalidPeriod(value=text[:20])
        return cls(year, month)

    @classmethod
    def from_day(cls, day: date) -> "Period":
        """Return the period that contains `day`."""
        return cls(day.year, day.month)

    @property
    def compact(self) -> str:
        """The period as exchanged in files: `202601`."""
        return f"{self.year:04}{self.month:02}"

    @property
    def first_day(self) -> date:
        """The first day of the month."""
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        """The last day of the month."""
        return date(self.year, self.month, calendar.monthrange(self.year, self.month)[1])

    def next(self) -> "Period":
        """The following month."""
        return self + 1

    def previous(self) -> "Period":
        """The month before."""
        return self - 1

    def months_until(self, other: "Period") -> int:
        """How many months lie from this period to `other`; negative when it is earlier."""
        return (other.year - self.year) * 12 + other.month - self.month
