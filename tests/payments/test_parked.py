"""What three lost workers left half-way: finished chunks stay, a person has it taken up again or leaves it."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from payments.errors import NotParked, ReasonNeeded
from payments.ledger_check import check
from payments.models import BankFile, BankLine, DebitOrder, DebitRun
from payments.queries import parked
from payments.workflows.bank_files import import_file, importing
from payments.workflows.debits import runs
from payments.workflows.parked import leave_file, resume_file, resume_run
from portal import clock
from portal.models import AuditEntry
from tests.cast import Cast
from tests.payments.camt_files import entry
from tests.payments.debit_world import AFTER_CUT_OFF, released, signed
from tests.payments.factories import file_of, received, slip
from tests.payments.test_any_order import books

pytestmark = pytest.mark.django_db
D = Decimal
LINES = [entry("7.00", ref=f"U{rank}") for rank in range(9)]
MONDAY_MORNING = "2026-04-13 09:00:00+00:00"


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        yield


class Lost(Exception):
    """The worker died here."""


@pytest.fixture
def stopped(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> BankFile:
    """A file of nine lines in chunks of two, whose worker died three times, after a chunk each time."""

    def die(place: str) -> None:
        if place == "bank-file-half-settled":
            raise Lost

    bank_file = received(cast.bank, cast.bank_account, file_of(cast, *LINES), read=False)
    monkeypatch.setattr(importing, "CHUNK", 2)
    with monkeypatch.context() as deadly:
        deadly.setattr(importing, "failpoint", die)
        for attempt in range(3):
            with pytest.raises(Lost):
                import_file(bank_file_id=bank_file.pk, at=clock.now() + attempt * BankFile.LEASE)
        import_file(bank_file_id=bank_file.pk, at=clock.now() + 3 * BankFile.LEASE)
    bank_file.refresh_from_db()
    assert (bank_file.state, bank_file.lines_done, bank_file.lines_total) == ("parked", 6, 9)
    return bank_file


def test_a_worker_that_advances_keeps_its_file(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each chunk starts the lease again; without it a long file would pass from worker to worker, and be parked."""
    bank_file = received(cast.bank, cast.bank_account, file_of(cast, *LINES), read=False)
    monkeypatch.setattr(importing, "CHUNK", 2)
    seen: list[list[int]] = []

    def look(place: str) -> None:
        if place == "bank-file-half-settled":
            seen.append(importing.due_files(at=clock.now()))

    monkeypatch.setattr(importing, "failpoint", look)
    import_file(bank_file_id=bank_file.pk, at=clock.now() - 2 * BankFile.LEASE)
    assert seen == [[]] * 5
    bank_file.refresh_from_db()
    assert bank_file.state == "done"


def read_on(bank_file: BankFile) -> None:
    import_file(bank_file_id=bank_file.pk, at=clock.now() + 4 * BankFile.LEASE)
    bank_file.refresh_from_db()


def verdicts(bank_file: BankFile) -> list[str]:
    return list(bank_file.lines.order_by("rank").values_list("verdict", flat=True))


def test_finished_chunks_are_kept_and_the_rest_is_read_when_taken_up_again(
    cast: Cast, stopped: BankFile
) -> None:
    assert check().breaches == ()
    assert verdicts(stopped) == ["ATT"] * 6
    resume_file(actor=cast.treasurer, file_id=stopped.pk, reason="machine réparée")
    resume_file(actor=cast.treasurer, file_id=stopped.pk, reason="deux fois")
    read_on(stopped)
    assert (stopped.state, stopped.lines_done, verdicts(stopped)) == ("done", 9, ["ATT"] * 9)
    assert check().breaches == ()
    trace = AuditEntry.objects.get(action="payments.bank_file_resumed")
    assert trace.facts["reason"] == "machine réparée"


def test_left_the_bank_is_told_and_sends_the_rest_which_counts_once(
    cast: Cast, stopped: BankFile, client: Client
) -> None:
    for reason in ("disque perdu", "encore"):
        leave_file(actor=cast.treasurer, file_id=stopped.pk, reason=reason)
    assert AuditEntry.objects.filter(action="payments.bank_file_left").count() == 1
    assert parked.count() == 0
    client.force_login(cast.bank)
    page = client.get(reverse("payments:bank_file", args=[stopped.receipt_number]))
    assert "6 opération(s) sur 9 sont prises en compte" in page.content.decode()
    again = received(cast.bank, cast.bank_account, file_of(cast, *LINES, message_id="M2"))
    assert verdicts(again) == ["DBL"] * 6 + ["ATT"] * 3
    state = books()
    assert check().breaches == ()
    # Minds may change: what the bank sent again meanwhile is known.
    resume_file(actor=cast.treasurer, file_id=stopped.pk, reason="finalement lu")
    read_on(stopped)
    assert (stopped.state, verdicts(stopped)) == ("done", ["ATT"] * 6 + ["DBL"] * 3)
    assert stopped.faults == []
    assert books() == state
    assert check().breaches == ()


def test_no_decision_without_a_reason_nor_on_a_file_that_is_read(
    cast: Cast, stopped: BankFile
) -> None:
    for decide in (resume_file, leave_file):
        with pytest.raises(ReasonNeeded):
            decide(actor=cast.treasurer, file_id=stopped.pk, reason="  ")
    done = received(cast.bank, cast.bank_account, file_of(cast, entry("1.00"), message_id="M3"))
    with pytest.raises(NotParked):
        leave_file(actor=cast.treasurer, file_id=done.pk, reason="non")
    assert resume_file(actor=cast.treasurer, file_id=done.pk, reason="non").state == "done"


def test_the_page_of_what_was_set_aside(cast: Cast, stopped: BankFile, client: Client) -> None:
    page, decide = (
        reverse("admin:payments_bankfile_parked"),
        reverse("admin:payments_bankfile_decide", args=[stopped.pk]),
    )
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        outsider = Client()
        outsider.force_login(user)
        assert outsider.get(page).status_code in (302, 403, 404)
        assert outsider.post(decide, {"suite": "laisser", "motif": "x"}).status_code in (
            302, 403, 404,
        )  # fmt: skip
    stopped.refresh_from_db()
    assert stopped.faults == []
    client.force_login(cast.treasurer)
    text = client.get(page).content.decode()
    assert stopped.receipt_number in text
    assert "6 sur 9" in text
    assert client.get(decide).status_code == 405
    client.post(decide, {"suite": "laisser", "motif": ""})
    stopped.refresh_from_db()
    assert stopped.faults == []
    client.post(decide, {"suite": "laisser", "motif": "disque perdu"})
    stopped.refresh_from_db()
    assert [one["code"] for one in stopped.faults] == ["F29"]
    client.post(decide, {"suite": "reprendre", "motif": "machine réparée"})
    stopped.refresh_from_db()
    assert (stopped.state, stopped.attempts) == ("waiting", 0)


def parked_run(cast: Cast) -> tuple[DebitRun, DebitOrder]:
    order = signed(cast, slip(cast.affiliate))
    run = released(cast)
    DebitRun.objects.filter(pk=run.pk).update(attempts=3)
    runs.write_run(run_id=run.pk, at=AFTER_CUT_OFF)
    run.refresh_from_db()
    assert (run.state, run.stored) == ("parked", None)
    return run, order


def test_a_run_set_aside_leaves_whole_when_taken_up_again(cast: Cast, client: Client) -> None:
    run, order = parked_run(cast)
    client.force_login(cast.treasurer)
    assert run.message_id in client.get(reverse("admin:payments_bankfile_parked")).content.decode()
    client.post(
        reverse("admin:payments_debitrun_resume", args=[run.pk]), {"motif": "machine réparée"}
    )
    runs.write_run(run_id=run.pk, at=AFTER_CUT_OFF)
    run.refresh_from_db()
    order.refresh_from_db()
    assert (run.state, run.order_count, order.state) == ("done", 1, "sent")
    assert parked.count() == 0


def test_a_run_taken_up_too_late_takes_nothing(cast: Cast) -> None:
    run, order = parked_run(cast)
    with time_machine.travel(MONDAY_MORNING, tick=False):
        resume_run(actor=cast.treasurer, run_id=run.pk, reason="lundi")
        runs.write_run(run_id=run.pk, at=clock.now())
    run.refresh_from_db()
    order.refresh_from_db()
    assert (run.state, run.stored, order.state) == ("done", None, "cancelled")
    assert BankLine.objects.count() == 0
