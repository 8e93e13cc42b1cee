"""Filings a second: the real mix of employers, from stored bytes to the issued slip, on two processes.

    .venv/bin/python -m bench.filings [FILINGS]

Each file waits as an upload leaves it; two processes check them by the hundred as the worker does, submit every
accepted draft, and issue the slips. Beside it, for scale: how many empty transactions of one insert the same two
processes commit in a second. One JSON line; exit code 1 below the goal or when a filing lacks its own verdict,
receipt, slip or trace.
"""

import json
import multiprocessing
import sys
import time
from datetime import UTC, datetime

from bench import _month
from bench._database import database

FILINGS = 2_000
GOAL = 200  # filings a second
PROCESSES = 2
AT = datetime(2026, 2, 5, 9, tzinfo=UTC)


def in_two(work: "multiprocessing.process.BaseProcess | object", ids: list[int]) -> float:
    """Seconds that `work` takes on the halves of `ids`, side by side, once both processes are ready."""
    from django.db import connections

    connections.close_all()
    forks = multiprocessing.get_context("fork")
    ready = forks.Barrier(PROCESSES + 1)
    children = [
        forks.Process(target=_work, args=(work, ids[rank::PROCESSES], ready))
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
    return time.perf_counter() - start


def _work(work, ids, ready) -> None:  # type: ignore[no-untyped-def]
    from django.db import connection

    connection.ensure_connection()
    ready.wait()
    work(ids)
    connection.close()


def insert_one_by_one(ids: list[int]) -> None:
    """The floor: a transaction of one insert for each."""
    from django.db import connection

    with connection.cursor() as cursor:
        for one in ids:
            cursor.execute("INSERT INTO bench_floor VALUES (%s)", [one])


def complete() -> bool:
    """Whether every filing has its verdict, its receipt, its slip and its traces, each its own."""
    from declarations.models import Declaration, Receipt, ReceivedFile
    from payments.ledger_check import check
    from payments.models import PaymentSlip
    from portal.models import AuditEntry

    files = ReceivedFile.objects.count()
    counts = {
        ReceivedFile.objects.filter(verdict="accepted", state="done").count(),
        Declaration.objects.filter(status="submitted").count(),
        Receipt.objects.count(),
        PaymentSlip.objects.count(),
        *(
            AuditEntry.objects.filter(action=action).values("subject_id").distinct().count()
            for action in (
                "declarations.file.checked",
                "declarations.declaration.submitted",
                "payments.slip_issued",
            )
        ),
    }
    return counts == {files} and check().breaches == ()


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
    seconds = in_two(_month.file_them, ids)
    return {
        "bench": "filings",
        "filings": count,
        "lines": sum(one.people for one in filings),
        "processes": PROCESSES,
        "seconds": round(seconds, 2),
        "filings_per_s": round(count / seconds),
        "one_insert_transactions_per_s": round(count / floor),
        "goal": GOAL,
        "complete": complete(),
    }


def main(arguments: list[str]) -> int:
    with database():
        result = measure(int(arguments[0]) if arguments else FILINGS)
    print(json.dumps(result))
    return 0 if result["complete"] and int(str(result["filings_per_s"])) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
