"""A declaration file of 38,000 people: bytes to stored rows, against a bare COPY of the same rows.

    .venv/bin/python -m bench.ebds_rows

Ours: read, every control, rows by COPY into the constrained table, committed. Bare: the same rows, already
formatted, by COPY into the same table. Held by processor time, ours and the database's, which busy neighbours do not
change. Beside it: reading and checking against reading alone, by the same reader of many lines together (and, for
scale, against reading one by one), and the whole task (claim, bytes from the
database, findings, draft, audit) in a process of its own, as a worker runs it, with the most memory it held: once
when the file is right, once with a fault on every line. One JSON line; exit code 1 when a goal is missed.
"""

import io
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from bench._database import database
from bench.filings import processor_of
from declarations.codecs import e_bds, prefill
from declarations.codecs.prefill import PrefillFile, PrefillLine
from declarations.codecs.records import AffiliateHeader
from declarations.rules import Examination, Expected
from declarations.rules.examination import MOST_TOGETHER
from regulation.identifiers import complete_registration_number, transfer_identifier
from regulation.periods import Period

LINES = 38_000
ROUNDS = 5
GOAL_ROWS = 0.5  # of the bare COPY's speed
GOAL_CHECK = 1 / 3  # of the speed of reading alone
GOAL_MEMORY = 128  # MB, of the process that checks
NUMBER, PERIOD = "1234567", Period(2026, 1)


def month(lines: int) -> tuple[bytes, bytes]:
    """The prefill of a month and the declaration that answers it."""
    header = AffiliateHeader(
        NUMBER,
        PERIOD.compact,
        *("SOCIETE MESUREE", "", "1 RUE DES ORANGERS", "CASABLANCA", "20000"),
        *("01", "20260127", "20260210"),
    )
    identifier = transfer_identifier(NUMBER, PERIOD)
    people = [
        PrefillLine(
            NUMBER,
            PERIOD.compact,
            complete_registration_number(f"1{rank:07}"),
            f"NOM {rank}".ljust(30) + "PRENOM",
            *(rank % 4, 0, 0, 0),
        )
        for rank in range(1, lines + 1)
    ]
    answers = [
        e_bds.prefilled_line(
            person,
            days_declared=26,
            gross_wage=350_000 + 17 * rank,
            capped_wage=min(350_000 + 17 * rank, 600_000),
        )
        for rank, person in enumerate(people)
    ]
    return (
        b"".join(prefill.write(transfer_identifier=identifier, header=header, lines=people)),
        b"".join(e_bds.write(transfer_identifier=identifier, header=header, lines=answers)),
    )


def seconds(act: Callable[[], object]) -> float:
    """Seconds of processor that `act` takes here."""
    start = time.process_time()
    act()
    return time.process_time() - start


def check_alone(file_id: int, name: str, given: Connection) -> None:
    """The work of a worker, in a fresh process: how long by the clock, and the most memory it held."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "damancom.settings.test"
    import django

    django.setup()
    from django.db import connection

    import damancom.celery  # noqa: F401 - a worker holds it too
    from declarations import workflows
    from portal import clock

    connection.settings_dict["NAME"] = name
    start = time.perf_counter()
    workflows.check_file(file_id=file_id, at=clock.now())
    given.send((time.perf_counter() - start, most_memory()))


def most_memory() -> int:
    """The most memory this process ever held, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) // 1024
    raise AssertionError("no VmHWM")


def worker(file_id: int) -> tuple[float, int]:
    """Seconds and MB of a check in a process that holds nothing else."""
    from django.db import connection

    fresh = multiprocessing.get_context("spawn")
    ours, theirs = fresh.Pipe()
    child = fresh.Process(
        target=check_alone, args=(file_id, connection.settings_dict["NAME"], theirs)
    )
    child.start()
    theirs.close()
    took, memory = ours.recv()
    child.join()
    return float(took), int(memory)


def check(content: bytes, issued: PrefillFile) -> None:
    examination = Examination(Expected(prefill=issued))
    for _line in examination.run(io.BytesIO(content)):
        pass
    if examination.findings:
        raise AssertionError(examination.findings[:3])


def read(content: bytes) -> None:
    """Every record of the file as values, many lines together, and not a control."""
    reader = e_bds.reader(io.BytesIO(content))
    records = iter(reader)
    while True:
        together = reader.together("B02", MOST_TOGETHER)
        if together is not None:
            reader.skip(together, len(together.contents))
        elif next(records, None) is None:
            return


def measure() -> dict[str, object]:
    from django.db import connection, transaction

    from affiliates.models import Affiliate, Agency
    from declarations import workflows
    from declarations.models import Declaration, DeclarationLine, Prefill
    from declarations.workflows.rows import LineBuffer, load_lines
    from portal import clock
    from portal.models import User

    prefilled, content = month(LINES)
    issued = prefill.read(io.BytesIO(prefilled))
    agency = Agency.objects.create(code="01", name="Agence", name_ar="وكالة", city="Casablanca")
    affiliate = Affiliate.objects.create(
        affiliation_number=NUMBER,
        name="SOCIETE MESUREE",
        address="1 RUE DES ORANGERS",
        city="CASABLANCA",
        agency=agency,
        affiliated_on=PERIOD.first_day,
    )
    actor = User.objects.create_user("mesure@exemple.ma", full_name="Mesure")
    declaration = Declaration.objects.create(
        affiliate=affiliate, period=PERIOD.first_day, mode="file"
    )
    table = DeclarationLine._meta.db_table

    def empty() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")  # what points at lines is empty here

    def ours() -> None:
        with transaction.atomic():
            buffer = LineBuffer()
            examination = Examination(Expected(prefill=issued))
            for line in examination.run(io.BytesIO(content)):
                buffer.add(line)
            load_lines([(declaration, buffer)])

    ours()
    columns = [field.column for field in DeclarationLine._meta.fields if not field.primary_key]
    dumped = io.StringIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) TO STDOUT", dumped)

    def bare() -> None:
        dumped.seek(0)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", dumped)

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]

    def with_database(act: Callable[[], object]) -> float:
        before = processor_of(backend)
        return seconds(act) + processor_of(backend) - before

    rows: list[tuple[float, float]] = []
    for _round in range(ROUNDS):
        empty()
        copied = with_database(bare)
        empty()
        rows.append((copied, with_database(ours)))
    copy, stored = (min(times) for times in zip(*rows, strict=True))
    parsed = min(seconds(lambda: read(content)) for _ in range(ROUNDS))
    one_by_one = min(
        seconds(lambda: [None for _ in e_bds.reader(io.BytesIO(content))]) for _ in range(ROUNDS)
    )
    checked = min(seconds(lambda: check(content, issued)) for _ in range(ROUNDS))

    empty()
    declaration.delete()
    Prefill.objects.create(
        affiliate=affiliate,
        period=PERIOD.first_day,
        transfer_id=issued.transfer_identifier,
        issued_on=clock.today(),
        due_on=clock.today(),
        employee_count=LINES,
        content=prefilled,
    )

    def received(sent: bytes) -> int:
        file, _due = workflows.receive_file(
            actor=actor,
            at=clock.now(),
            affiliate=affiliate,
            period=PERIOD,
            name=e_bds.file_name(NUMBER, PERIOD.compact),
            chunks=[sent],
        )
        return int(file.pk)

    task, memory = worker(received(content))
    if DeclarationLine.objects.count() != LINES:
        raise AssertionError("the task did not store every row")
    # Another name on every line: a finding each, until the file is told to be hopeless.
    faulty, faulty_memory = worker(received(content.replace(b"NOM ", b"NON ")))
    return {
        "bench": "ebds_rows",
        "lines": LINES,
        "bare_copy_rows_per_s": round(LINES / copy),
        "ours_rows_per_s": round(LINES / stored),
        "ratio": round(copy / stored, 2),
        "goal": GOAL_ROWS,
        "parse_lines_per_s": round(LINES / parsed),
        "parse_one_by_one_lines_per_s": round(LINES / one_by_one),
        "check_lines_per_s": round(LINES / checked),
        "check_ratio": round(parsed / checked, 2),
        "check_goal": round(GOAL_CHECK, 2),
        "task_s": round(task, 2),
        "peak_mb": memory,
        "faulty_task_s": round(faulty, 2),
        "faulty_peak_mb": faulty_memory,
        "peak_goal_mb": GOAL_MEMORY,
    }


def main() -> int:
    with database():
        result = measure()
    print(json.dumps(result))
    reached = [
        float(str(result["ratio"])) >= GOAL_ROWS,
        float(str(result["check_ratio"])) >= GOAL_CHECK,
        int(str(result["peak_mb"])) <= GOAL_MEMORY,
        int(str(result["faulty_peak_mb"])) <= GOAL_MEMORY,
    ]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
