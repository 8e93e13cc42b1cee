"""A declaration file of 38,000 people: bytes to stored rows, against a bare COPY of the same rows.

    .venv/bin/python -m bench.ebds_rows

Ours: read, every control, rows by COPY into the constrained table, committed. Bare: the same rows, already
formatted, by COPY into the same table. Beside it: reading and checking against reading alone, and the whole task
(claim, bytes from the database, findings, draft, audit). One JSON line; exit code 1 when a goal is missed.
"""

import io
import json
import resource
import sys
import time
from collections.abc import Callable

from bench._database import database
from declarations.codecs import e_bds, prefill
from declarations.codecs.prefill import PrefillFile, PrefillLine
from declarations.codecs.records import AffiliateHeader
from declarations.rules import Examination, Expected
from regulation.identifiers import complete_registration_number, transfer_identifier
from regulation.periods import Period

LINES = 38_000
ROUNDS = 5
GOAL_ROWS = 0.25  # of the bare COPY's speed: a guard against slowing down, on a busy machine
AIM_ROWS = 0.5  # what the same rows should reach once COPY runs while the file is still being read
GOAL_CHECK = 1 / 3  # of reading alone
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
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def check(content: bytes, issued: PrefillFile) -> None:
    examination = Examination(Expected(prefill=issued))
    for _line in examination.run(io.BytesIO(content)):
        pass
    if examination.findings:
        raise AssertionError(examination.findings[:3])


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

    rows: list[tuple[float, float]] = []
    for _round in range(ROUNDS):
        empty()
        copied = seconds(bare)
        empty()
        rows.append((copied, seconds(ours)))
    copy, stored = (min(times) for times in zip(*rows, strict=True))
    parsed = min(
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
    file, _due = workflows.receive_file(
        actor=actor,
        at=clock.now(),
        affiliate=affiliate,
        period=PERIOD,
        name=e_bds.file_name(NUMBER, PERIOD.compact),
        chunks=[content],
    )
    task = seconds(lambda: workflows.check_file(file_id=file.pk, at=clock.now()))
    if DeclarationLine.objects.count() != LINES:
        raise AssertionError("the task did not store every row")
    return {
        "bench": "ebds_rows",
        "lines": LINES,
        "bare_copy_rows_per_s": round(LINES / copy),
        "ours_rows_per_s": round(LINES / stored),
        "ratio": round(copy / stored, 2),
        "goal": GOAL_ROWS,
        "aim": AIM_ROWS,
        "parse_lines_per_s": round(LINES / parsed),
        "check_lines_per_s": round(LINES / checked),
        "check_ratio": round(parsed / checked, 2),
        "check_goal": round(GOAL_CHECK, 2),
        "task_s": round(task, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> int:
    with database():
        result = measure()
    print(json.dumps(result))
    reached = float(str(result["ratio"])) >= GOAL_ROWS
    return 0 if reached and float(str(result["check_ratio"])) >= GOAL_CHECK else 1


if __name__ == "__main__":
    sys.exit(main())
