"""The history of one series of the law as a line in steps: entries in, integer coordinates out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from regulation.parameters import Entry

WIDTH = 480
HEIGHT = 220
_TOP, _BASE, _START, _END = 30, 180, 8, 472


@dataclass
class StepChart:
    """What ``portal/_law_chart.html`` draws: coordinates are texts, so that no locale dresses them."""

    width: str = str(WIDTH)
    height: str = str(HEIGHT)
    base: str = str(_BASE)
    lines: list[str] = field(default_factory=list)
    unknown: list[dict[str, str]] = field(default_factory=list)
    values: list[dict[str, str]] = field(default_factory=list)
    years: list[dict[str, str]] = field(default_factory=list)


def step_chart(
    entries: Sequence[Entry], *, until: date, right_to_left: bool, write: Callable[[Entry], str]
) -> StepChart | None:
    """Draw the numbers of a series up to ``until``; None when no number is established.

    ``write`` gives the words of a value. A span without value is a band, not a line at zero. Later days are further
    in the reading direction.
    """
    numbers = [entry.number for entry in entries if entry.number is not None]
    if not numbers:
        return None
    first = entries[0].effective_from
    last = max(until, entries[-1].effective_from + timedelta(days=365))
    scale = _Scale(first, last, max(numbers), right_to_left)
    chart = StepChart()
    path: list[str] = []
    for entry in entries:
        start = scale.x(entry.effective_from)
        end = scale.x(
            min(entry.effective_to + timedelta(days=1), last) if entry.effective_to else last
        )
        if entry.number is None:
            chart.unknown.append({"x": str(min(start, end)), "width": str(abs(end - start))})
            _close(path, chart)
            continue
        y = scale.y(entry.number)
        path += [f"{start},{y}", f"{end},{y}"]
        chart.values.append(
            {
                "x": str((start + end) // 2),
                "y": str(y - 7),
                "text": write(entry),
                "wide": str(abs(end - start)),
            }
        )
    _close(path, chart)
    _drop_crowded(chart)
    chart.years = scale.years()
    return chart


def _close(path: list[str], chart: StepChart) -> None:
    if path:
        chart.lines.append(" ".join(path))
        path.clear()


def _drop_crowded(chart: StepChart) -> None:
    """Keep the figures that have room above their step; the table below has them all."""
    kept: list[dict[str, str]] = []
    for value in reversed(chart.values):
        room = 10 * len(value["text"])
        if all(abs(int(value["x"]) - int(other["x"])) > room for other in kept):
            x = min(max(int(value["x"]), room // 2 + 2), WIDTH - room // 2 - 2)
            kept.append({"x": str(x), "y": value["y"], "text": value["text"]})
    chart.values = kept[::-1]


class _Scale:
    """Days and numbers to coordinates."""

    def __init__(self, first: date, last: date, highest: Decimal, right_to_left: bool) -> None:
        self.first, self.days = first, max((last - first).days, 1)
        self.last = last
        self.highest = highest or Decimal(1)
        self.right_to_left = right_to_left

    def x(self, day: date) -> int:
        along = (day - self.first).days * (_END - _START) // self.days
        return _END - along if self.right_to_left else _START + along

    def y(self, number: Decimal) -> int:
        return _BASE - int(number / self.highest * (_BASE - _TOP))

    def years(self) -> list[dict[str, str]]:
        """At most six January firsts, evenly apart."""
        span = self.last.year - self.first.year
        step = max(1, -(-span // 5))
        years = range(self.first.year + 1, self.last.year + 1, step)
        return [{"x": str(self.x(date(year, 1, 1))), "text": str(year)} for year in years]
