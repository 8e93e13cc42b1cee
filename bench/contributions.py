"""Contributions of a 38,000-line declaration, against a bare loop that caps and sums the same wages.

    .venv/bin/python -m bench.contributions

One JSON line; the goal is a ratio of 3 at most. Exit code 1 above it.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from decimal import Decimal

from regulation.contributions import WageLine, contributions
from regulation.periods import Period

LINES = 38_000
GOAL = 3.0
ROUNDS = 40
CEILING = Decimal("6000.00")
PERIOD = Period(2026, 1)


def bare_loop(wages: list[Decimal]) -> tuple[Decimal, Decimal]:
    """The least that any computation must do."""
    gross = capped = Decimal("0.00")
    for wage in wages:
        gross += wage
        capped += wage if wage < CEILING else CEILING  # noqa: FURB136 - min() is four times slower
    return gross, capped


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> int:
    chance = random.Random(20260121)
    wages = [Decimal(chance.randrange(150_000, 3_000_000)).scaleb(-2) for _line in range(LINES)]
    lines = [WageLine(wage) for wage in wages]
    if contributions(PERIOD, lines).bases.capped != bare_loop(wages)[1]:
        raise AssertionError("the two computations disagree")
    # In turn, and the quickest round of each: the others measure the neighbours.
    rounds = [
        (seconds(lambda: bare_loop(wages)), seconds(lambda: contributions(PERIOD, lines)))
        for _round in range(ROUNDS)
    ]
    bare, ours = (min(times) for times in zip(*rounds, strict=True))
    ratio = ours / bare
    print(
        json.dumps(
            {
                "bench": "contributions",
                "lines": LINES,
                "bare_loop_ms": round(bare * 1000, 2),
                "contributions_ms": round(ours * 1000, 2),
                "ratio": round(ratio, 2),
                "goal": GOAL,
            }
        )
    )
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
