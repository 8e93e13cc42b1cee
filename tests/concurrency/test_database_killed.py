"""PostgreSQL killed while money moves: what was committed is there, what was not is done again, nothing is twice."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from payments.tasks import care_for_debits, import_bank_file, sweep_bank_files, write_debit_run
from tests.concurrency.test_deposits_killed import Depositor, yesterdays
from tests.drills import OwnDatabase, send_to, until
from tests.payments.camt_files import camt, details, entry
from tests.running import Server, Worker

pytestmark = pytest.mark.slow
D = Decimal

_numbers = count(1)


@pytest.fixture(scope="module")
def power() -> Iterator[OwnDatabase]:
    with OwnDatabase.running() as own:
        yield own


@pytest.fixture
def own(power: OwnDatabase) -> OwnDatabase:
    power.begin(f"drill_{next(_numbers)}")
    return power


def made(own: OwnDatabase, script: str, given: bytes = b"") -> Any:
    """What this script made in the other database."""
    return json.loads(own.run("-c", "import django, sys; django.setup()\n" + script, given=given))


# -- a file ----------------------------------------------------------------------------------------

ACCOUNT = "230780999999999900000128"
LINES = 8_001

A_FILE = """
import json
from payments.queries import slip_facts
from tests.cast import people
from tests.payments.factories import received, slip
cast = people()
reference = slip_facts(slip(cast.affiliate)).creditor_reference
data = sys.stdin.buffer.read().replace(b"REFERENCE", reference.encode())
print(json.dumps(received(cast.bank, cast.bank_account, data, read=False).pk))
"""


def test_the_database_killed_in_the_middle_of_a_file(own: OwnDatabase, tmp_path: Path) -> None:
    data = yesterdays(
        camt(
            *(entry("7.00", ref=f"U{rank:05}") for rank in range(LINES - 1)),
            entry("100.00", txs=details(ref="P1", rf="REFERENCE")),
            account=ACCOUNT,
        )
    )
    bank_file = made(own, A_FILE, data)
    so_far = "SELECT lines_done, state FROM payments_bankfile"
    broker = own.environment["REDIS_URL"]
    with Worker.running(tmp_path, "", **own.environment) as worker:
        send_to(broker, import_bank_file, bank_file)
        until(lambda: own.ask(so_far)[0], worker.read_log)
        own.kill()
        own.start_again()
        done, state = own.ask(so_far)
        assert (0 < done < LINES, state) == (True, "running")
        assert own.ask("SELECT count(*) FROM payments_bankline") == (done,)
        assert own.books_balance()
        own.ask("UPDATE payments_bankfile SET started_at = started_at - interval '12 minutes'")
        # The worker that lost its database goes on with the new one.
        send_to(broker, sweep_bank_files)
        worker.wait_idle(90)
    assert own.ask(so_far) == (LINES, "done")
    lines = "SELECT count(*), count(DISTINCT rank), sum(amount) FROM payments_bankline"
    assert own.ask(lines) == (LINES, LINES, (LINES - 1) * D("7.00") + 100)
    assert own.ask("SELECT state FROM payments_paymentslip") == ("paid",)
    assert own.books_balance()


# -- a deposit -------------------------------------------------------------------------------------

A_BANK = """
import json
from tests.cast import people
from tests.concurrency.test_deposits_killed import Depositor
print(json.dumps(Depositor.signed_in(people().bank).kept))
"""


def test_the_database_killed_in_the_middle_of_a_deposit(own: OwnDatabase, tmp_path: Path) -> None:
    bank = Depositor.from_kept(made(own, A_BANK))
    data = yesterdays(camt(entry("7.00", ref="U1"), account=ACCOUNT))
    rows = (
        "SELECT (SELECT count(*) FROM payments_bankfile), (SELECT count(*) FROM portal_storedfile),"
        " (SELECT count(*) FROM portal_auditentry WHERE action = 'payments.bank_file_received')"
    )
    with Server.running(tmp_path / "web", "", **own.environment) as server:
        with contextlib.closing(own.connect()) as other, ThreadPoolExecutor(1) as beside:
            # The bytes are written, their file not yet: somebody else holds its table.
            other.cursor().execute("LOCK TABLE payments_bankfile IN SHARE MODE")
            sending = beside.submit(bank.send, server, data)
            until(own.someone_waits)
            own.kill()
            assert sending.result().status in (0, 500, 503)
        own.start_again()
        assert own.ask(rows) == (0, 0, 0)
        # The same server, its connections all broken, takes the file from whoever tries again.
        answers = [bank.send(server, data) for _twice in range(2)]
        assert [answer.status for answer in answers] == [302, 302]
        assert len({answer.location for answer in answers}) == 1
        assert own.ask(rows) == (1, 1, 1)
    with Worker.running(tmp_path / "worker", "", **own.environment) as worker:
        send_to(own.environment["REDIS_URL"], sweep_bank_files)
        worker.wait_idle(60)
    assert own.ask("SELECT state, lines_done FROM payments_bankfile") == ("done", 1)
    assert own.books_balance()


# -- a run of debits -------------------------------------------------------------------------------

A_RUN = """
import json
from datetime import timedelta
from payments.transitions import cut_off, first_collection_day
from portal import clock
from portal.clock import CASABLANCA
from regulation.periods import Period
from tests.cast import people
from tests.payments.debit_world import authority, released, signed
from tests.payments.factories import slip
cast, now = people(), clock.now()
day, behind = first_collection_day(now, CASABLANCA), authority(cast)
for month in (1, 2):
    signed(cast, slip(cast.affiliate, Period(2026, month)), behind=behind, at=now, day=day)
print(json.dumps(released(cast, day, cut_off(day, CASABLANCA) + timedelta(minutes=1)).pk))
"""
STATES = "SELECT array_agg(state::text ORDER BY id) FROM payments_debitorder"
RUN = "SELECT state, order_count, total FROM payments_debitrun"
ONCE = (
    "SELECT (SELECT count(*) FROM portal_storedfile),"
    " (SELECT count(*) FROM portal_auditentry WHERE action = 'payments.debit_run_written'),"
    " (SELECT count(*) FROM payments_debitevent WHERE state = 'sent')"
)


def test_the_database_killed_while_a_run_is_written(own: OwnDatabase, tmp_path: Path) -> None:
    run, broker = made(own, A_RUN), own.environment["REDIS_URL"]
    with Worker.running(tmp_path, "", **own.environment) as worker:
        with contextlib.closing(own.connect()) as other:
            # Every order has moved, the bytes are not kept yet: somebody else holds their table.
            other.cursor().execute("LOCK TABLE portal_storedchunk IN SHARE MODE")
            send_to(broker, write_debit_run, run)
            until(own.someone_waits, worker.read_log)
            own.kill()
        own.start_again()
        assert own.ask(STATES) == (["planned", "planned"],)
        assert own.ask(RUN) == ("running", 0, D("0.00"))
        assert own.ask(ONCE) == (0, 0, 0)
        assert own.books_balance()
        own.ask("UPDATE payments_debitrun SET started_at = started_at - interval '12 minutes'")
        # The worker that lost its database goes on with the new one.
        send_to(broker, care_for_debits)
        worker.wait_idle(90)
    assert own.ask(STATES) == (["sent", "sent"],)
    assert own.ask(RUN) == ("done", 2, D("200.00"))
    assert own.ask(ONCE) == (1, 1, 2)
    assert own.books_balance()


def test_the_database_killed_right_after_a_run_is_written(own: OwnDatabase, tmp_path: Path) -> None:
    """What the worker had committed when it died survives the power cut, and is not done again."""
    run, broker = made(own, A_RUN), own.environment["REDIS_URL"]
    with Worker.running(
        tmp_path / "one", "", **own.environment, FAILPOINT="debit-run-written"
    ) as dying:
        send_to(broker, write_debit_run, run)
        until(lambda: "signal 9 (SIGKILL)" in dying.read_log(), dying.read_log)
        own.kill()
        dying.child.process.kill()  # its message comes back for ever: no polite end
        dying.broker.flushdb()
    own.start_again()
    kept = "SELECT sha256, size FROM portal_storedfile"
    bytes_kept = own.ask(kept)
    assert own.ask(STATES) == (["sent", "sent"],)
    own.ask("UPDATE payments_debitrun SET started_at = started_at - interval '12 minutes'")
    with Worker.running(tmp_path / "two", "", **own.environment) as worker:
        send_to(broker, care_for_debits)
        send_to(broker, write_debit_run, run)
        worker.wait_idle(60)
    assert (own.ask(RUN), own.ask(kept)) == (("done", 2, D("200.00")), bytes_kept)
    assert own.ask(ONCE) == (1, 1, 2)
    assert own.books_balance()
