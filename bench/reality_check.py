"""A seeded population like that of 2020, through the engine, beside the dues that the fund reported.

    .venv/bin/python -m bench.reality_check

What the 2020 annual report gives: 3,308,320 people declared, 150.09 bn DH of wages, a mean wage of
5,152 DH a month, hence 8.81 months a person; 52.7 % of the people below the minimum wage, 13.5 %
above 6,000 DH; contributions of the general regime (PF, CT, IPE, LT) of 22.53 bn DH.

What is assumed: wages spread evenly inside each bracket up to 6,000 DH, as a Pareto tail above; more
months for higher wages (7.6, 9.8 and 11.0, which average 8.81). The tail is stretched until the mean
is the reported one. One person in a hundred is drawn, and sums are multiplied back.

One JSON line; exit code 1 when the figure leaves 20.3-23.5 bn DH, the bounds that hold for any
spread inside the brackets.
"""

import json
import random
import sys
from decimal import Decimal

from regulation.contributions import Bases, WageLine, contributions_from_bases, sum_wages
from regulation.enums import Box
from regulation.parameters import monthly_minimum_wage, value_at
from regulation.periods import Period

PEOPLE = 3_308_320
SAMPLE = 100
BELOW_MINIMUM, ABOVE_CEILING = 0.527, 0.135
MEAN_WAGE = 5_152
EMPLOYEE_MONTHS = 29_130_000
REPORTED_BN = Decimal("22.53")
LOW_BN, HIGH_BN = Decimal("20.3"), Decimal("23.5")
BILLION = Decimal(10**9)
PERIOD = Period(2020, 9)


def draw(chance: random.Random) -> tuple[list[tuple[float, int]], list[tuple[float, int]]]:
    """Draw (wage, months) pairs: those up to 6,000 DH, then those above."""
    minimum = float(monthly_minimum_wage(PERIOD.first_day))
    ceiling = float(value_at("ceiling.monthly", PERIOD.first_day).value)
    ordinary, high = [], []
    for _person in range(PEOPLE // SAMPLE):
        place = chance.random()
        if place < BELOW_MINIMUM:
            ordinary.append((chance.uniform(0, minimum), months(chance, 7.6)))
        elif place < 1 - ABOVE_CEILING:
            ordinary.append((chance.uniform(minimum, ceiling), months(chance, 9.8)))
        else:
            high.append((chance.paretovariate(1.6) - 1, months(chance, 11.0)))
    return ordinary, high


def months(chance: random.Random, mean: float) -> int:
    """Draw 1 to 12 months with about this mean."""
    whole = int(mean)
    drawn = whole + (chance.random() < mean - whole) + chance.randint(-1, 1)
    return min(12, max(1, drawn))


def population(chance: random.Random) -> list[WageLine]:
    """One wage line for each month of each person drawn, with the reported mean wage."""
    ordinary, high = draw(chance)
    ceiling = float(value_at("ceiling.monthly", PERIOD.first_day).value)
    count = sum(worked for _wage, worked in ordinary) + sum(worked for _wage, worked in high)
    below = sum(wage * worked for wage, worked in ordinary)
    at_ceiling = sum(ceiling * worked for _excess, worked in high)
    excess = sum(drawn * worked for drawn, worked in high)
    stretch = (MEAN_WAGE * count - below - at_ceiling) / excess
    wages = ordinary + [(ceiling + drawn * stretch, worked) for drawn, worked in high]
    return [
        line
        for wage, worked in wages
        for line in [WageLine(Decimal(round(wage * 100)).scaleb(-2))] * worked
    ]


def main() -> int:
    lines = population(random.Random(2020))
    ceiling = value_at("ceiling.monthly", PERIOD.first_day).value
    drawn = sum_wages(lines, ceiling)
    # Scale to the reported number of employee-months, as whole centimes.
    scale = Decimal(EMPLOYEE_MONTHS) / len(lines)
    whole = Bases((drawn.gross * scale).quantize(ceiling), (drawn.capped * scale).quantize(ceiling))
    boxes = contributions_from_bases(PERIOD, whole).by_box
    dues = (boxes[Box.PF] + boxes[Box.SOCIAL_BENEFITS]) / BILLION
    inside = LOW_BN <= dues <= HIGH_BN
    print(
        json.dumps(
            {
                "bench": "reality_check",
                "year": 2020,
                "lines": len(lines),
                "payroll_bn": str(round(whole.gross / BILLION, 2)),
                "capped_share": str(round(whole.capped / whole.gross, 3)),
                "general_regime_bn": str(round(dues, 2)),
                "reported_bn": str(REPORTED_BN),
                "ratio": str(round(dues / REPORTED_BN, 3)),
                "bounds_bn": [str(LOW_BN), str(HIGH_BN)],
                "inside": inside,
            }
        )
    )
    return 0 if inside else 1


if __name__ == "__main__":
    sys.exit(main())
