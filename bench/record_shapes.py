"""Two choices of the declaration reader: named tuples for lines, and a check digit of its own.

    .venv/bin/python -m bench.record_shapes

A line of 14 values built as a named tuple, against the same as a frozen dataclass; the check digit of a number
known to be nine digits, against `regulation.identifiers`, which takes what a person types. One JSON line; exit
code 1 when a choice no longer earns its exception to the customs of the house.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import make_dataclass
from timeit import repeat

from declarations.codecs.e_bds import PrefilledLine
from declarations.rules.numbers import registration_keys
from regulation.identifiers import registration_key

CALLS, ROUNDS = 50_000, 9
GOAL = 2.0  # times slower at least, or the plain way will do
NUMBER = "112233441"
VALUES = ["1234567", "202601", NUMBER, "ALPHA", 2, 60000, 0, 60000, 0, 26, 850050, 600000, "", 1]

Frozen = make_dataclass("Frozen", PrefilledLine._fields, frozen=True, slots=True)


def microseconds(call: Callable[[], object]) -> float:
    """The quickest round: the others measure the neighbours."""
    return min(repeat(call, number=CALLS, repeat=ROUNDS)) / CALLS * 1e6


def main() -> int:
    named = microseconds(lambda: PrefilledLine._make(VALUES))
    frozen = microseconds(lambda: Frozen(*VALUES))
    own = microseconds(lambda: registration_keys(NUMBER))
    general = microseconds(lambda: registration_key(NUMBER))
    ratios = frozen / named, general / own
    print(
        json.dumps(
            {
                "bench": "record_shapes",
                "named_tuple_us": round(named, 3),
                "frozen_dataclass_us": round(frozen, 3),
                "record_ratio": round(ratios[0], 1),
                "own_key_us": round(own, 3),
                "identifiers_key_us": round(general, 3),
                "key_ratio": round(ratios[1], 1),
                "goal": GOAL,
            }
        )
    )
    return 0 if min(ratios) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
