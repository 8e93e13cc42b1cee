"""Bars: their heights are the amounts, their order is the reading order."""

from decimal import Decimal

import pytest
from django.template import Context, Template

from portal.charts import Bar, BarChart, Curve, CurveChart, Series, curves, layout


def chart(*amounts: tuple[str, str]) -> BarChart:
    return BarChart(
        title="Cotisations",
        heading="Période",
        series=[Series("Payé", "ok"), Series("Reste à payer", "bad")],
        bars=[
            Bar(f"mois {rank}", str(rank), [Decimal(paid), Decimal(left)])
            for rank, (paid, left) in enumerate(amounts, start=1)
        ],
    )


def test_heights_follow_the_amounts_and_parts_are_stacked():
    parts = layout(chart(("100", "0"), ("50", "50")), right_to_left=False)["parts"]
    assert [(part["tone"], int(part["height"])) for part in parts] == [
        ("ok", 190),
        ("ok", 95),
        ("bad", 95),
    ]
    assert int(parts[2]["y"]) + 95 == int(parts[1]["y"])


def test_a_small_amount_is_still_seen():
    parts = layout(chart(("1000000", "1")), right_to_left=False)["parts"]
    assert [int(part["height"]) for part in parts] == [189, 2]


@pytest.mark.parametrize("amounts", [[], [("0", "0")], [("0", "0"), ("0", "0")]])
def test_nothing_to_draw_is_no_error(amounts: list[tuple[str, str]]):
    assert layout(chart(*amounts), right_to_left=False)["parts"] == []


def test_the_oldest_bar_comes_first_in_the_reading_direction():
    bars = chart(("1", "0"), ("2", "0"), ("3", "0"))
    french = [int(label["x"]) for label in layout(bars, right_to_left=False)["labels"]]
    arabic = [int(label["x"]) for label in layout(bars, right_to_left=True)["labels"]]
    assert french == sorted(french)
    assert arabic == sorted(arabic, reverse=True)


def test_the_chart_comes_with_its_table():
    page = Template("{% load portal %}{% bar_chart chart %}").render(
        Context({"chart": chart(("1234.56", "0"))})
    )
    assert 'role="img" aria-label="Cotisations"' in page
    assert "1\u202f234,56\u00a0DH</td>" in page
    assert "style=" not in page


@pytest.mark.parametrize("right_to_left", [False, True])
def test_a_curve_goes_with_the_reading_and_stops_where_nothing_is_known(
    right_to_left: bool,
) -> None:
    chart = CurveChart(
        "Soldé", (0, 1, 12), [Curve(Series("T1", "ok"), [Decimal("0.0"), Decimal("50.0"), None])]
    )
    (line,) = curves(chart, right_to_left=right_to_left)["lines"]
    (first, second) = line["points"]
    assert (int(first["x"]) > int(second["x"])) == right_to_left
    assert (first["y"], second["y"]) == ("208", "113")
