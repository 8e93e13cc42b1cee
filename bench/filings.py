"""Filings a second: the real mix of employers, from stored bytes to the issued slip, on two processes.

    .venv/bin/python -m bench.filings [FILINGS]

Each file waits as an upload leaves it; two processes check them by the hundred as the worker does, submit every
accepted draft, and issue the slips. The goal is held against processor time, ours and the database's: a busy
neighbour takes turns, not work. Beside it, for scale: how many transactions of one insert the same two processes
commit in a second. One JSON line; exit code 1 below the goal or when a filing lacks its own verdict, receipt, slip
or trace.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import _month
from bench._database import database

FILINGS = 2_000
GOAL = 200  # filings a second
PROCESSES = 2
AT = datetime(2026, 2, 5, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and seconds of processor: of our two processes and of the database's two beside them."""

    clock: float
    processor: float


def in_two(work: Callable[[list[int]], None], ids: list[int]) -> Spent:
    """What `work` takes on the halves of `ids`, side by side, once both processes are ready."""
    from django.db import connections

    connections.close_all()
    forks = multiprocessing.get_context("fork")
    ready = forks.Barrier(PROCESSES + 1)
    processor = forks.Value("d", 0.0)
    children = [
        forks.Process(target=_work, args=(work, ids[rank::PROCESSES], ready, processor))
        for rank in range(PROCESSES)
    ]
    for child in children:
        child.start()
    ready.wait()
    start = time.perf_counter()
    for child in children:
        child.join()
    if any(child.exitcode for child in children):
        raise SystemExit("a process failed")
    return Spent(time.perf_counter() - start, processor.value)


def _work(work: Callable[[list[int]], None], ids: list[int], ready: Any, processor: Any) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    ready.wait()
    before = time.process_time() + processor_of(backend)
    work(ids)
    spent = time.process_time() + processor_of(backend) - before
    with processor.get_lock():
        processor.value += spent
    connection.close()


def processor_of(pid: int) -> float:
    """Seconds of processor that a process took until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def insert_one_by_one(ids: list[int]) -> None:
    """The floor: a transaction of one insert for each."""
    from django.db import connection

    with connection.cursor() as cursor:
        for one in ids:
            cursor.execute("INSERT INTO bench_floor VALUES (%s)", [one])


def measure(count: int) -> dict[str, object]:
    from django.db import connection

    filings = list(_month.filings(count))
    ids = _month.receive(filings, at=AT)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_floor (id bigint)")
    floor = in_two(insert_one_by_one, ids)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_floor")
        cursor.execute("ANALYZE")
    spent = in_two(_month.file_them, ids)
    _right, wrong = _month.outcomes(filings, ids)
    return {
        "bench": "filings",
        "filings": count,
        "lines": sum(one.people for one in filings),
        "processes": PROCESSES,
        "seconds": round(spent.clock, 2),
        "filings_per_s": round(count / spent.clock),
        "one_insert_transactions_per_s": round(count / floor.clock),
        "processor_ms_per_filing": round(spent.processor / count * 1000, 2),
        "filings_per_s_of_processor": round(PROCESSES * count / spent.processor),
        "goal": GOAL,
        "complete": not wrong and _month.books_balance(),
    }


def main(arguments: list[str]) -> int:
    with database():
        result = measure(int(arguments[0]) if arguments else FILINGS)
    print(json.dumps(result))
    return 0 if result["complete"] and int(str(result["filings_per_s_of_processor"])) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
