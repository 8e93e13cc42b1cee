"""The same through the real worker, over the real broker."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from payments.models import BankFile, PaymentSlip
from payments.queries import slip_facts
from payments.tasks import import_bank_file, issue_slips, sweep_bank_files
from payments.workflows.bank_files import due_files, import_file
from portal import clock
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.factories import received, submitted
from tests.running import Worker

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal


def file_of(cast: Cast, *entries: str) -> bytes:
    return camt(*entries, account=cast.bank_account.rib).replace(b"2026-04-10", b"2026-11-20")


def test_submission_to_slip_to_payment(cast: Cast, worker: Worker) -> None:
    submitted(cast.affiliate)
    issue_slips.delay()
    worker.wait_idle()
    owed = PaymentSlip.objects.get()
    rf = slip_facts(owed).creditor_reference
    client = Client()
    client.force_login(cast.bank)
    data = file_of(cast, entry("100.00", txs=details(ref="B1", rf=rf)))
    client.post(reverse("payments:bank_home"), {"file": SimpleUploadedFile("releve.xml", data)})
    worker.wait_idle()
    owed.refresh_from_db()
    bank_file = BankFile.objects.get()
    assert (owed.state, owed.outstanding, bank_file.state) == ("paid", D("0.00"), "done")


def test_a_lost_message_is_swept(cast: Cast, worker: Worker) -> None:
    bank_file = received(cast.bank, cast.bank_account, file_of(cast, entry(ref="B1")), read=False)
    sweep_bank_files.delay()
    worker.wait_idle()
    bank_file.refresh_from_db()
    assert (bank_file.state, bank_file.verdict, bank_file.attempts) == ("done", "accepted", 1)


def test_a_task_sent_twice_works_once(cast: Cast, worker: Worker) -> None:
    bank_file = received(cast.bank, cast.bank_account, file_of(cast, entry(ref="B1")), read=False)
    for _ in range(3):
        import_bank_file.delay(bank_file.pk)
    worker.wait_idle()
    assert bank_file.lines.count() == 1


def test_a_file_that_never_finishes_is_parked_and_said(cast: Cast, worker: Worker) -> None:
    bank_file = received(cast.bank, cast.bank_account, file_of(cast, entry(ref="B1")), read=False)
    BankFile.objects.filter(pk=bank_file.pk).update(attempts=3)
    import_bank_file.delay(bank_file.pk)
    worker.wait_idle()
    bank_file.refresh_from_db()
    assert bank_file.state == "parked"
    client = Client()
    client.force_login(cast.bank)
    page = client.get(reverse("payments:bank_file", args=[bank_file.receipt_number]))
    assert "n’a pas pu aboutir" in page.content.decode()


def test_a_file_in_hand_is_left_alone_until_its_lease_ends(cast: Cast) -> None:
    bank_file = received(cast.bank, cast.bank_account, file_of(cast, entry(ref="B1")), read=False)
    start = clock.now()
    BankFile.objects.filter(pk=bank_file.pk).update(state="running", attempts=1, started_at=start)
    import_file(bank_file_id=bank_file.pk, at=start)
    bank_file.refresh_from_db()
    assert (bank_file.state, bank_file.attempts, due_files(at=start)) == ("running", 1, [])
    later = start + BankFile.LEASE
    assert due_files(at=later) == [bank_file.pk]
    import_file(bank_file_id=bank_file.pk, at=later)
    bank_file.refresh_from_db()
    assert (bank_file.state, bank_file.attempts) == ("done", 2)
