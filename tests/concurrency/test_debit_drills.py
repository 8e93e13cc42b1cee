"""Debits killed anywhere: nothing lost, nothing twice, no row stuck, the books right."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from lxml import etree

from payments import tasks
from payments.ledger_check import check
from payments.models import BankFile, DebitOrder, DebitRun
from payments.transitions import cut_off, first_collection_day
from payments.workflows import bank_files
from payments.workflows.debits import runs
from portal import clock
from portal.models import AuditEntry, Mail
from portal.storage import open_stored
from regulation.periods import Period
from tests.cast import Cast
from tests.concurrency.test_exactly_once import kill_a_worker_at, named_failpoints
from tests.payments.debit_world import authority, draft, rib, second_person, signed
from tests.payments.factories import received, slip
from tests.payments.test_pain_status import block, order, pain_002
from tests.running import CHECKOUT, Worker, environment_for

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal

IN_A_RUN = (
    "debit-run-claimed",
    "debit-run-half-sent",
    "debit-run-before-commit",
    "debit-run-written",
)
IN_A_SIGNATURE = ("debit-half-signed",)
IN_AN_ANSWER = ("debit-answer-half",)


def test_every_place_of_the_debits_is_drilled() -> None:
    assert named_failpoints("payments/workflows/debits") == {
        *IN_A_RUN,
        *IN_A_SIGNATURE,
        *IN_AN_ANSWER,
    }


def a_run(cast: Cast) -> DebitRun:
    """Two orders for a day still to come, in a run released by the second person: the worker has the real clock."""
    now = clock.now()
    day = first_collection_day(now, clock.CASABLANCA)
    behind = authority(cast)
    for month in (1, 2):
        owed = slip(cast.affiliate, Period(2026, month))
        signed(cast, owed, behind=behind, at=now, day=day)
    after = cut_off(day, clock.CASABLANCA) + datetime.timedelta(minutes=1)
    run = runs.prepare_run(actor=cast.staff, account=cast.bank_account, collect_on=day, at=after)
    return runs.release_run(actor=second_person(), run=run, count=2, total=D("200.00"), at=after)


def lease_is_over(run: DebitRun) -> None:
    earlier = clock.now() - runs.LEASE - datetime.timedelta(seconds=1)
    DebitRun.objects.filter(pk=run.pk, started_at__isnull=False).update(started_at=earlier)


@pytest.mark.parametrize("place", IN_A_RUN)
def test_a_worker_killed_in_a_run(place: str, cast: Cast, tmp_path: Path, worker: Worker) -> None:
    run = a_run(cast)

    kill_a_worker_at(place, tmp_path, tasks.write_debit_run, run.pk)

    run.refresh_from_db()
    left = place == "debit-run-written"
    states = set(DebitOrder.objects.values_list("state", flat=True))
    assert (run.sent_at is not None, states) == (left, {"sent" if left else "planned"})
    kept = open_stored(run.stored).read() if run.stored else b""
    lease_is_over(run)
    tasks.care_for_debits.delay()
    worker.wait_idle()

    run.refresh_from_db()
    assert (run.state, run.order_count, run.total) == ("done", 2, D("200.00"))
    assert run.sent_at is not None
    assert run.stored is not None
    content = open_stored(run.stored).read()
    assert content == (kept or content)
    cited = etree.fromstring(content).xpath("//*[local-name()='EndToEndId']/text()")
    assert sorted(cited) == sorted(DebitOrder.objects.values_list("reference", flat=True))
    for one in DebitOrder.objects.all():
        assert (one.state, one.events.filter(state="sent").count()) == ("sent", 1)
    assert AuditEntry.objects.filter(action="payments.debit_run_written").count() == 1
    assert runs.due_runs(at=clock.now() + runs.LEASE * 2) == []
    assert check().breaches == ()


def test_a_worker_killed_while_it_hears_an_answer(
    cast: Cast, tmp_path: Path, worker: Worker
) -> None:
    run = a_run(cast)
    runs.write_run(run_id=run.pk, at=clock.now())
    one, two = DebitOrder.objects.order_by("pk")
    said = clock.now().astimezone(clock.CASABLANCA).isoformat(timespec="seconds")
    data = pain_002(
        block(order(one.reference, "RJCT", "AM04"), order(two.reference, "ACCP"))
    ).replace(b"CNSSPRL202604100001", run.message_id.encode())
    data = _dated(data, said)
    bank_file = received(cast.bank, cast.bank_account, data, read=False)

    kill_a_worker_at(IN_AN_ANSWER[0], tmp_path, tasks.import_bank_file, bank_file.pk)

    earlier = clock.now() - bank_files.LEASE - datetime.timedelta(seconds=1)
    BankFile.objects.filter(pk=bank_file.pk, started_at__isnull=False).update(started_at=earlier)
    tasks.sweep_bank_files.delay()
    worker.wait_idle()
    bank_file.refresh_from_db()
    assert (bank_file.state, bank_file.verdict, bank_file.faults) == ("done", "information", [])
    for row, state in ((one, "rejected"), (two, "accepted")):
        row.refresh_from_db()
        assert (row.state, row.events.filter(state=state).count()) == (state, 1)
    letters = Mail.objects.filter(key__startswith=f"debit:{one.reference}:rejected").values("user")
    assert len({row["user"] for row in letters}) == letters.count() > 0
    assert check().breaches == ()


def _dated(data: bytes, said: str) -> bytes:
    """The same answer, created at this instant."""
    root = etree.fromstring(data)
    for element in root.xpath("//*[local-name()='GrpHdr']/*[local-name()='CreDtTm']"):
        element.text = said
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


SIGN = """
import django, sys; django.setup()
from payments.models import DebitOrder; from payments.workflows.debits import orders; from portal import clock
one = DebitOrder.objects.select_related("affiliate", "prepared_by").get(pk=int(sys.argv[1]))
orders.sign_order(actor=one.prepared_by, affiliate=one.affiliate, intent=one.intent, at=clock.now())
"""


@pytest.mark.parametrize("place", IN_A_SIGNATURE)
def test_a_process_killed_while_an_order_is_signed(place: str, cast: Cast) -> None:
    now = clock.now()
    two = [authority(cast, account=number) for number in (1, 2)]
    made = draft(
        cast,
        [slip(cast.affiliate)],
        [(two[0], "60.00"), (two[1], "40.00")],
        intent=uuid4(),
        day=first_collection_day(now, clock.CASABLANCA),
        at=now,
    )
    assert rib(1) == two[0].rib
    sound = environment_for(connection.settings_dict["NAME"]) | {
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"]
    }

    def sign(environment: dict[str, str]) -> int:
        return subprocess.run(
            [sys.executable, "-c", SIGN, str(made[0].pk)],
            env=environment,
            cwd=CHECKOUT,
            capture_output=True,
            timeout=120,
            check=False,
        ).returncode

    assert sign(sound | {"FAILPOINT": place}) == -9
    assert set(DebitOrder.objects.values_list("state", flat=True)) == {"draft"}
    assert [sign(sound), sign(sound)] == [0, 0]
    for one in DebitOrder.objects.all():
        assert (one.state, one.events.filter(state="signed").count()) == ("planned", 1)
    assert check().breaches == ()
