"""A bar chart drawn by the server: figures in, rectangles out. It is always shown with its table."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.formats import dirhams, number

WIDTH = 480
HEIGHT = 252
_TOP = 18
_BASE = 208
# Kept free for the figures of the scale, on the side where reading starts.
_GUTTER = 60


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of the bars: tone is ok, warn, bad, info or neutral; label as shown in the legend."""

    label: str
    tone: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One column: its full name, the short one under it (two lines at most), and an amount in dirhams per series."""

    label: str
    short_label: str
    values: Sequence[Decimal]


@dataclass(frozen=True, slots=True)
class BarChart:
    """Stacked columns with a title that says what is shown, for eyes and for screen readers."""

    title: str
    heading: str
    series: Sequence[Series]
    bars: Sequence[Bar]


def _step(highest: Decimal) -> Decimal:
    """A round distance between grid lines, so that two to four of them fit under ``highest``."""
    if highest <= 0:
        return Decimal(1)
    power = Decimal(10) ** (highest.adjusted())
    for factor in (Decimal("0.25"), Decimal("0.5"), Decimal(1), Decimal("2.5")):
        if highest / (power * factor) <= 4:
            return power * factor
    return power * 5


def layout(
    chart: BarChart, *, right_to_left: bool, base: int = _BASE, foot: int = HEIGHT - _BASE
) -> dict[str, Any]:
    """What ``portal/_chart.html`` draws: integer coordinates, oldest bar first in the reading direction.

    ``base`` is how far down the bars stand and ``foot`` what their names take: a chart on paper may be lower than one
    on a screen, and its names of one line.
    """
    highest = max((sum(bar.values, Decimal(0)) for bar in chart.bars), default=Decimal(0))
    step = _step(highest)
    scale = Decimal(base - _TOP) / max(highest, step)
    slot = (WIDTH - _GUTTER) // max(len(chart.bars), 1)
    start = 0 if right_to_left else WIDTH - slot * len(chart.bars)
    width = min(slot * 6 // 10, 48)

    parts, labels = [], []
    for index, bar in enumerate(chart.bars):
        place = len(chart.bars) - 1 - index if right_to_left else index
        middle = start + place * slot + slot // 2
        y = base
        for series, value in zip(chart.series, bar.values, strict=True):
            height = int(value * scale)
            if value > 0:
                height = max(height, 2)
            y -= height
            if height:
                parts.append(
                    {
                        "tone": series.tone,
                        "x": str(middle - width // 2),
                        "y": str(y),
                        "width": str(width),
                        "height": str(height),
                        "title": f"{bar.label}, {series.label}: {dirhams(value)}",
                    }
                )
        labels += [
            {"x": str(middle), "y": str(base + 20 + 18 * line), "text": text}
            for line, text in enumerate(bar.short_label.split("\n"))
        ]

    grid = []
    level = step
    while level <= highest:
        y = base - int(level * scale)
        grid.append(
            {
                "y": str(y),
                "text_y": str(y - 4),
                "x": str(WIDTH if right_to_left else 0),
                "anchor": "end" if right_to_left else "start",
                "label": number(level.quantize(Decimal(1)) if level >= 1 else level.normalize()),
            }
        )
        level += step
    return {
        "title": chart.title,
        "heading": chart.heading,
        "width": str(WIDTH),
        "height": str(base + foot),
        "base": str(base),
        "parts": parts,
        "labels": labels,
        "grid": grid,
        "legend": chart.series,
        "rows": [
            {"label": bar.label, "values": [dirhams(value) for value in bar.values]}
            for bar in chart.bars
        ],
    }


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: its series and a share in percent at each place; None where it is not known yet."""

    series: Series
    shares: Sequence[Decimal | None]


@dataclass(frozen=True, slots=True)
class CurveChart:
    """Shares from 0 to 100 % over months. `places` are the months, from 0; the page gives the table."""

    title: str
    places: Sequence[int]
    curves: Sequence[Curve]


def curves(chart: CurveChart, *, right_to_left: bool) -> dict[str, Any]:
    """What ``portal/_curves.html`` draws: integer coordinates, time in the reading direction."""
    span = WIDTH - _GUTTER - 24
    last = max(chart.places, default=0) or 1

    def across(place: int) -> int:
        x = span * place // last + 12
        return WIDTH - _GUTTER - x if right_to_left else _GUTTER + x

    def down(share: Decimal) -> int:
        return _BASE - int(share * (_BASE - _TOP) / 100)

    lines = []
    for curve in chart.curves:
        known = [
            (place, share)
            for place, share in zip(chart.places, curve.shares, strict=True)
            if share is not None
        ]
        points = [
            {
                "x": str(across(place)),
                "y": str(down(share)),
                "title": f"{curve.series.label}, +{place}: {share} %",
            }
            for place, share in known
        ]
        lines.append(
            {
                "tone": curve.series.tone,
                "points": points,
                "path": " ".join(f"{one['x']},{one['y']}" for one in points),
            }
        )
    return {
        "title": chart.title,
        "width": str(WIDTH),
        "height": str(HEIGHT),
        "base": str(_BASE),
        "lines": lines,
        "legend": [curve.series for curve in chart.curves],
        "labels": [
            {"x": str(across(place)), "y": str(_BASE + 20), "text": f"+{place}"}
            for place in chart.places
        ],
        "grid": [
            {
                "y": str(down(Decimal(level))),
                "text_y": str(down(Decimal(level)) - 4),
                "x": str(WIDTH if right_to_left else 0),
                "anchor": "end" if right_to_left else "start",
                "label": f"{level} %",
            }
            for level in (25, 50, 75, 100)
        ],
    }
