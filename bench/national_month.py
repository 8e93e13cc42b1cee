"""A national month: every employer's filing, seeded, from stored bytes to the issued slip, in a database of its own.

    .venv/bin/python -m bench.national_month [FILINGS]

270,000 filings and 3.3 million lines unless told otherwise; the database is made for the run and dropped, never the
portal's. Some filings in a hundred are at fault, each kind counted. A progress bar shows what is truly done, and
what a line cost in processor time is told at 10³, 3·10³, 10⁴… lines; then one JSON line. Exit code 1 when the ledger
is not balanced, a right filing lacks its receipt, slip or trace, a faulty one its verdict, or the dearest line costs
twice the cheapest.
"""

import itertools
import json
import resource
import sys
from collections import Counter
from typing import Any

from bench import _month
from bench._database import database
from bench.filings import in_two

FILINGS = 270_000
#: Made, filed and forgotten at a time: memory does not grow with the month.
GROUPS = (150, 800)
GROUP = 1_000
MOST_UNEVEN = 2.0


def bar(done: int, total: int, lines: int, seconds: float) -> None:
    full = 30 * done // total
    left = (total - done) * seconds / done if done else 0
    sys.stderr.write(
        f"\r[{'#' * full}{'.' * (30 - full)}] {done:>7}/{total} filings  {lines:>9} lines"
        f"  {lines / seconds if seconds else 0:7.0f} lines/s  {left:5.0f} s left "
    )
    sys.stderr.flush()


def peak() -> dict[str, int]:
    """The most memory held until now: by the command itself, and by the largest of the processes that file."""
    return {
        name: resource.getrusage(who).ru_maxrss // 1024
        for name, who in (("self", resource.RUSAGE_SELF), ("filing", resource.RUSAGE_CHILDREN))
    }


def say(row: dict[str, Any]) -> None:
    """A row of the table as soon as it is known: a long run that is cut short has still said something."""
    memory = ", ".join(f"{name} {most} MB" for name, most in row["peak_mb"].items())
    print(
        f"\n{row['lines']:>9} lines  {row['us_per_line']:>7} µs a line  {memory}",
        file=sys.stderr,
        flush=True,
    )


def measure(count: int) -> dict[str, object]:
    source = _month.filings(count, faults=_month.FAULTS)
    groups = itertools.chain(GROUPS, itertools.repeat(GROUP))
    kinds: Counter[_month.Kind] = Counter()
    wrong: list[str] = []
    done = lines = 0
    seconds = processor = 0.0
    table: list[dict[str, Any]] = []
    mark_lines, mark_spent = 0, 0.0
    marks = (digit * 10**power for power in itertools.count(3) for digit in (1, 3))
    mark = next(marks)
    while batch := list(itertools.islice(source, next(groups))):
        ids = _month.receive(batch, at=_month.AT)
        spent = in_two(_month.file_them, ids)
        seconds += spent.clock
        processor += spent.processor
        done += len(batch)
        lines += sum(one.people for one in batch)
        bar(done, count, lines, seconds)
        right, astray = _month.outcomes(batch, ids)
        kinds += right
        wrong = (wrong + astray)[:10]
        # The rest after a mark counts when it is long enough to say something.
        if lines >= mark or (done == count and lines - mark_lines >= 1_000):
            used, added = processor - mark_spent, lines - mark_lines
            cost = round(used / added * 1e6, 1)
            table.append({"lines": lines, "us_per_line": cost, "peak_mb": peak()})
            say(table[-1])
            mark_lines, mark_spent = lines, processor
            while lines >= mark:
                mark = next(marks)
    sys.stderr.write("\n")
    costs = [float(str(row["us_per_line"])) for row in table]
    return {
        "bench": "national_month",
        "filings": count,
        "lines": lines,
        "seconds": round(seconds, 1),
        "filings_per_s": round(count / seconds),
        "lines_per_s": round(lines / seconds),
        "processor_us_per_line": round(processor / lines * 1e6, 1),
        "cost": table,
        "dearest_to_cheapest": round(max(costs) / min(costs), 2),
        "kinds": dict(kinds),
        "not_as_expected": wrong,
        "complete": kinds.total() == done and not wrong and _month.books_balance(),
    }


def main(arguments: list[str]) -> int:
    with database():
        result = measure(int(arguments[0]) if arguments else FILINGS)
        print(json.dumps(result), flush=True)
    even = float(str(result["dearest_to_cheapest"])) <= MOST_UNEVEN
    return 0 if result["complete"] and even else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
