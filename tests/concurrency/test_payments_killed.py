"""Power cuts while money moves: after the restart nothing is lost, nothing is there twice, no row is stuck."""

import datetime
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection, connections, transaction

from affiliates.models import Affiliate
from payments.enums import DebitState, LineVerdict
from payments.ledger_check import check
from payments.models import (
    BankFile,
    BankLine,
    DebitOrder,
    DebitRun,
    LedgerEntry,
    LedgerLine,
    PaymentSlip,
)
from payments.queries import slip_facts
from payments.tasks import care_for_debits, import_bank_file, sweep_bank_files, write_debit_run
from payments.transitions import cut_off, first_collection_day
from payments.workflows.debits import orders as debits
from payments.workflows.debits import runs
from portal import clock
from portal.clock import CASABLANCA
from portal.models import AuditEntry
from regulation.periods import Period
from tests.cast import Cast
from tests.drills import kill_a_worker_at, named_failpoints, own_broker, send_to, until
from tests.payments.camt_files import camt, details, entry
from tests.payments.debit_world import (
    authority,
    draft,
    released,
    second_person,
    sent,
    signed,
)
from tests.payments.factories import received, slip
from tests.payments.test_pain_status import block, order, pain_002
from tests.running import CHECKOUT, Worker, die_at, environment_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
D = Decimal

IN_AN_IMPORT = (
    "bank-file-claimed",
    "bank-file-judged",
    "bank-file-matched",
    "bank-file-half-staged",
    "bank-file-half-settled",
    "bank-file-written",
    "bank-file-half-reversed",
    "bank-file-settled",
)
IN_A_RUN = (
    "debit-run-claimed",
    "debit-run-half-sent",
    "debit-run-before-commit",
    "debit-run-written",
)
IN_AN_ANSWER = ("debit-answer-half", "bank-file-written")
IN_A_SIGNATURE = ("debit-half-signed",)
IN_A_RELEASE = ("debit-run-released",)
ELSEWHERE = {
    "bank-file-kept",  # test_deposits_killed.py
    "bank-file-received",
    "bank-answer-kept",
    "slip-before-commit",  # test_exactly_once.py
    "correction-lowered",  # test_corrections.py
    "correction-before-commit",
}


def test_every_place_of_the_room_is_drilled() -> None:
    drilled = {*IN_AN_IMPORT, *IN_A_RUN, *IN_AN_ANSWER, *IN_A_SIGNATURE, *IN_A_RELEASE, *ELSEWHERE}
    assert named_failpoints("payments") == drilled


# -- a file ----------------------------------------------------------------------------------------

UNKNOWN = 2_047
"""With three lines that mean something, more than one chunk of an import."""


def yesterday() -> datetime.date:
    return clock.today() - datetime.timedelta(days=1)


def dated(data: bytes) -> bytes:
    """The worker has the real clock: the file speaks of yesterday."""
    return data.replace(b"2026-04-10", yesterday().isoformat().encode())


def notice(cast: Cast, first: str, second: str, count: int = UNKNOWN) -> bytes:
    """A payment, a return of what an earlier file paid, many credits that nobody knows, and another payment."""
    return_ = details(ref="B0", extra="<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>")
    return dated(
        camt(
            entry("60.00", txs=details(ref="P1", rf=first)),
            entry("100.00", sign="DBIT", ref="B0", txs=return_),
            *(entry("7.00", ref=f"U{rank:05}") for rank in range(count)),
            entry("40.00", txs=details(ref="P2", rf=second)),
            account=cast.bank_account.rib,
            message_id="KILLED",
        )
    )


def one_to_read(cast: Cast) -> tuple[BankFile, PaymentSlip, PaymentSlip]:
    """A file that waits for its worker, the slip it pays in two lines, and the paid one that it undoes."""
    owed, returned = (slip(cast.affiliate, Period(2026, month)) for month in (1, 2))
    paid = entry("100.00", ref="B0", txs=details(ref="B0", rf=reference(returned)))
    received(cast.bank, cast.bank_account, dated(camt(paid, account=cast.bank_account.rib)))
    returned.refresh_from_db()
    assert returned.outstanding == 0
    data = notice(cast, reference(owed), reference(owed))
    return received(cast.bank, cast.bank_account, data, read=False), owed, returned


def reference(one: PaymentSlip) -> str:
    return slip_facts(one).creditor_reference


def lease_is_over(model: type[BankFile] | type[DebitRun]) -> None:
    earlier = clock.now() - model.LEASE - datetime.timedelta(seconds=1)
    model._default_manager.filter(started_at__isnull=False).update(started_at=earlier)


def assert_read_once(bank_file: BankFile, owed: PaymentSlip, returned: PaymentSlip) -> None:
    """Each line once with its answer, each dirham once in the books, the file answered."""
    for row in (bank_file, owed, returned):
        row.refresh_from_db()
    assert (bank_file.state, bank_file.lines_done) == ("done", UNKNOWN + 3)
    ranks = sorted(bank_file.lines.values_list("rank", flat=True))
    assert ranks == list(range(1, UNKNOWN + 4))
    verdicts = list(bank_file.lines.values_list("verdict", flat=True))
    assert verdicts.count(LineVerdict.WAITING.value) == UNKNOWN
    assert "" not in verdicts
    assert (owed.state, owed.outstanding) == ("paid", D("0.00"))
    assert (returned.state, returned.outstanding) == ("issued", D("100.00"))
    assert LedgerEntry.objects.filter(cause__startswith="bank_line:").count() == UNKNOWN + 4
    in_bank = LedgerLine.objects.filter(account__bank_account__isnull=False)
    moved = sum((line.debit - line.credit for line in in_bank), D("0.00"))
    assert moved == D("100.00") - D("100.00") + D("100.00") + UNKNOWN * D("7.00")
    assert check().breaches == ()


@pytest.mark.parametrize("place", IN_AN_IMPORT)
def test_a_worker_killed_in_an_import(
    place: str, cast: Cast, tmp_path: Path, worker: Worker
) -> None:
    bank_file, owed, returned = one_to_read(cast)

    kill_a_worker_at(place, tmp_path, import_bank_file, bank_file.pk)

    bank_file.refresh_from_db()
    assert (bank_file.state, bank_file.attempts) == ("running", 1)
    assert check().breaches == ()
    lease_is_over(BankFile)
    sweep_bank_files.delay()
    worker.wait_idle(60)
    assert_read_once(bank_file, owed, returned)
    assert bank_file.attempts == 2


def test_the_parent_killed_leaves_a_child_that_may_not_write_beside_its_successor(
    cast: Cast, tmp_path: Path, worker: Worker
) -> None:
    """The child of a dead worker goes on for a while; the file is given to another, and still is read once."""
    bank_file, owed, returned = one_to_read(cast)
    broker, database = own_broker(), connection.settings_dict["NAME"]
    with Worker.running(tmp_path, database, REDIS_URL=broker) as dying:
        send_to(broker, import_bank_file, bank_file.pk)
        until(lambda: BankFile.objects.get(pk=bank_file.pk).lines_done, dying.read_log)
        os.kill(dying.child.process.pid, signal.SIGKILL)
        lease_is_over(BankFile)
        sweep_bank_files.delay()
        worker.wait_idle(60)
        dying.broker.flushdb()
    assert_read_once(bank_file, owed, returned)


# -- debits --------------------------------------------------------------------------------------


def ordered(cast: Cast) -> tuple[list[DebitOrder], datetime.datetime]:
    """Two signed orders for the first day that can still be had, and the instant when their run may be made."""
    now = clock.now()
    day = first_collection_day(now, CASABLANCA)
    mandate = authority(cast)
    made = [
        signed(cast, slip(cast.affiliate, Period(2026, month)), behind=mandate, at=now, day=day)
        for month in (1, 2)
    ]
    return made, cut_off(day, CASABLANCA) + datetime.timedelta(minutes=1)


def states() -> list[str]:
    return list(DebitOrder.objects.order_by("pk").values_list("state", flat=True))


@pytest.mark.parametrize("place", IN_A_RUN)
def test_a_worker_killed_while_a_run_is_written(
    place: str, cast: Cast, tmp_path: Path, worker: Worker
) -> None:
    orders, after = ordered(cast)
    run = released(cast, orders[0].collect_on, after)

    kill_a_worker_at(place, tmp_path, write_debit_run, run.pk)

    run.refresh_from_db()
    gone = place == "debit-run-written"
    assert states() == [DebitState.SENT.value if gone else DebitState.PLANNED.value] * 2
    assert (run.stored_id is not None) == gone
    lease_is_over(DebitRun)
    care_for_debits.delay()
    worker.wait_idle()
    run.refresh_from_db()
    assert states() == [DebitState.SENT.value] * 2
    assert (run.state, run.order_count, run.total) == ("done", 2, D("200.00"))
    assert AuditEntry.objects.filter(action="payments.debit_run_written").count() == 1
    assert check().breaches == ()


@pytest.mark.parametrize("place", IN_AN_ANSWER)
def test_a_worker_killed_while_orders_hear_their_answer(
    place: str, cast: Cast, tmp_path: Path, worker: Worker
) -> None:
    orders, after = ordered(cast)
    run = sent(cast, orders[0].collect_on, after)
    said = block(order(orders[0].reference, "ACCP"), order(orders[1].reference, "RJCT", "AM04"))
    data = dated(pain_002(said)).replace(b"CNSSPRL202604100001", run.message_id.encode())
    bank_file = received(cast.bank, cast.bank_account, data, read=False)

    kill_a_worker_at(place, tmp_path, import_bank_file, bank_file.pk)

    lease_is_over(BankFile)
    sweep_bank_files.delay()
    worker.wait_idle()
    bank_file.refresh_from_db()
    assert (bank_file.state, bank_file.verdict, bank_file.faults) == ("done", "information", [])
    assert states() == [DebitState.ACCEPTED.value, DebitState.REJECTED.value]
    told = [one.events.filter(facts__has_key="status").count() for one in orders]
    assert told == [1, 1]
    assert not BankLine.objects.exists()
    assert check().breaches == ()


SIGN = """
import django, sys; django.setup()
from affiliates.models import Affiliate
from payments.workflows.debits import orders
from portal import clock
from portal.models import User
orders.sign_order(actor=User.objects.get(pk=sys.argv[1]), affiliate=Affiliate.objects.get(pk=sys.argv[2]),
    intent=sys.argv[3], at=clock.now())
"""


def _sign_and_die(place: str, actor: int, affiliate: Affiliate, intent: UUID) -> int:
    environment = environment_for(connection.settings_dict["NAME"]) | {
        "FAILPOINT": place,
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
    }
    argv = [sys.executable, "-c", SIGN, str(actor), str(affiliate.pk), str(intent)]
    return subprocess.run(argv, env=environment, cwd=CHECKOUT, check=False).returncode


@pytest.mark.parametrize("place", IN_A_SIGNATURE)
def test_a_process_killed_between_two_orders_of_one_signature(place: str, cast: Cast) -> None:
    now = clock.now()
    owed = slip(cast.affiliate)
    parts = [(authority(cast, account=1), "60.00"), (authority(cast, account=2), "40.00")]
    intent = draft(cast, [owed], parts, day=first_collection_day(now, CASABLANCA), at=now)[0].intent

    assert _sign_and_die(place, cast.owner.pk, cast.affiliate, intent) == -signal.SIGKILL

    assert states() == [DebitState.DRAFT.value] * 2
    for _twice in range(2):
        debits.sign_order(actor=cast.owner, affiliate=cast.affiliate, intent=intent, at=now)
    assert states() == [DebitState.PLANNED.value] * 2
    assert check().breaches == ()


@pytest.mark.parametrize("place", IN_A_RELEASE)
def test_a_server_killed_while_the_second_person_lets_a_run_go(
    place: str, cast: Cast, worker: Worker
) -> None:
    orders, after = ordered(cast)
    day, second = orders[0].collect_on, second_person()
    run = runs.prepare_run(
        actor=cast.treasurer, account=cast.bank_account, collect_on=day, at=after
    )

    def release() -> None:
        runs.release_run(actor=second, run=run, count=2, total=D("200.00"), at=after)

    die_at(place, release)

    run.refresh_from_db()
    assert (run.released_at, run.state, states()) == (None, "waiting", ["planned"] * 2)
    for _twice in range(2):
        release()
    # Killed before it woke a worker, the release itself is found by the sweep.
    care_for_debits.delay()
    worker.wait_idle()
    run.refresh_from_db()
    assert (run.state, run.order_count, states()) == ("done", 2, ["sent"] * 2)
    assert AuditEntry.objects.filter(action="payments.debit_run_released").count() == 1
    assert check().breaches == ()


def test_the_parent_killed_in_a_run_leaves_a_child_that_may_not_write_beside_its_successor(
    cast: Cast, tmp_path: Path, worker: Worker
) -> None:
    """Both workers stand before the same dues, which somebody else holds; one file leaves when they are free."""
    orders, after = ordered(cast)
    run = released(cast, orders[0].collect_on, after)
    broker, database = own_broker(), connection.settings_dict["NAME"]
    with Worker.running(tmp_path, database, REDIS_URL=broker) as dying:
        with transaction.atomic():
            list(PaymentSlip.objects.select_for_update().order_by("pk"))
            send_to(broker, write_debit_run, run.pk)
            until(lambda: attempts_of(run) == 1, dying.read_log)
            os.kill(dying.child.process.pid, signal.SIGKILL)
            with ThreadPoolExecutor(1) as beside:
                beside.submit(_lose_the_lease).result()
            care_for_debits.delay()
            until(lambda: attempts_of(run) == 2, worker.read_log)
        worker.wait_idle(60)
        dying.broker.flushdb()
    run.refresh_from_db()
    assert (run.state, run.order_count, states()) == ("done", 2, ["sent"] * 2)
    assert AuditEntry.objects.filter(action="payments.debit_run_written").count() == 1
    assert [one.events.filter(state="sent").count() for one in orders] == [1, 1]
    assert check().breaches == ()


def attempts_of(run: DebitRun) -> int:
    return DebitRun.objects.get(pk=run.pk).attempts


def _lose_the_lease() -> None:
    """On a connection of its own: the one of the test is in a transaction that the workers must not wait for."""
    try:
        lease_is_over(DebitRun)
    finally:
        connections.close_all()
