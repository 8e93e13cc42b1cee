"""A web server killed while a bank deposits a file: who tries again has one file, one receipt, each dirham once."""

from __future__ import annotations

import datetime
import http.client
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import reverse

from payments.enums import KeyScope
from payments.ledger_check import check
from payments.models import ApiAnswer, BankFile, BankLine, LedgerEntry
from payments.queries import slip_facts
from payments.tasks import sweep_bank_files
from payments.workflows.bank_keys import issue_key
from portal import clock
from portal.models import AuditEntry, StoredChunk, StoredFile, User
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.factories import slip, supervisor
from tests.running import Server, Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
D = Decimal

BY_FORM = ("bank-file-kept", "bank-file-received")
BY_MACHINE = ("bank-file-kept", "bank-file-received", "bank-answer-kept")


def yesterdays(data: bytes) -> bytes:
    """The server has the real clock: the file speaks of yesterday."""
    day = clock.today() - datetime.timedelta(days=1)
    return data.replace(b"2026-04-10", day.isoformat().encode())


@dataclass(frozen=True)
class Answered:
    """What came back; status 0 when the connection died."""

    status: int
    location: str
    body: bytes


def posted(
    server: Server, path: str, data: bytes, headers: dict[str, str], **more: str
) -> Answered:
    """One file sent as a form sends it."""
    body = encode_multipart(BOUNDARY, {**more, "file": SimpleUploadedFile("releve.xml", data)})
    line = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    try:
        line.request("POST", path, body, {"Content-Type": MULTIPART_CONTENT, **headers})
        answer = line.getresponse()
        return Answered(answer.status, answer.headers.get("Location", ""), answer.read())
    except OSError:
        return Answered(0, "", b"")
    finally:
        line.close()


@dataclass(frozen=True)
class Depositor:
    """The browser of a member of a bank, already behind the door: what its cookies hold."""

    cookies: str
    token: str

    @classmethod
    def signed_in(cls, user: User) -> Depositor:
        browser = Client()
        browser.force_login(user)
        browser.get(reverse("payments:bank_home"))
        held = {name: cookie.value for name, cookie in browser.cookies.items()}
        cookies = "; ".join(f"{name}={value}" for name, value in held.items())
        return cls(cookies, held[settings.CSRF_COOKIE_NAME])

    @property
    def kept(self) -> list[str]:
        """The same, to be carried from one process to another."""
        return [self.cookies, self.token]

    @classmethod
    def from_kept(cls, kept: list[str]) -> Depositor:
        return cls(*kept)

    def send(self, server: Server, data: bytes) -> Answered:
        """The button of the page."""
        headers = {"Cookie": self.cookies, "Origin": server.url}
        return posted(
            server, reverse("payments:bank_home"), data, headers, csrfmiddlewaretoken=self.token
        )


@pytest.fixture
def data(cast: Cast) -> bytes:
    """A notice that pays a slip, and a sum that nobody knows."""
    paid = details(ref="P1", rf=slip_facts(slip(cast.affiliate)).creditor_reference)
    return yesterdays(
        camt(entry("100.00", txs=paid), entry("7.00", ref="U1"), account=cast.bank_account.rib)
    )


def assert_nothing() -> None:
    for model in (BankFile, StoredFile, StoredChunk, ApiAnswer):
        assert not model._default_manager.exists()
    assert not AuditEntry.objects.filter(action="payments.bank_file_received").exists()


def assert_one(data: bytes) -> BankFile:
    bank_file = BankFile.objects.get()
    assert StoredFile.objects.get().pk == bank_file.stored_id
    assert bytes(StoredChunk.objects.get().data) == data
    assert AuditEntry.objects.filter(action="payments.bank_file_received").count() == 1
    return bank_file


def assert_read_once(worker: Worker) -> None:
    """Whether a message was sent or not, the sweep finds what is due."""
    sweep_bank_files.delay()
    worker.wait_idle()
    bank_file = BankFile.objects.get()
    assert (bank_file.state, bank_file.verdict, bank_file.lines_done) == ("done", "accepted", 2)
    assert sorted(BankLine.objects.values_list("amount", flat=True)) == [D("7.00"), D("100.00")]
    assert LedgerEntry.objects.filter(cause__startswith="bank_line:").count() == 2
    assert check().breaches == ()


@pytest.mark.parametrize("place", BY_FORM)
def test_killed_while_a_person_deposits_a_file(
    place: str, cast: Cast, data: bytes, tmp_path: Path, worker: Worker
) -> None:
    bank, database = Depositor.signed_in(cast.bank), connection.settings_dict["NAME"]

    with Server.running(tmp_path / "armed", database, FAILPOINT=place) as server:
        assert bank.send(server, data).status == 0

    if place == "bank-file-kept":
        assert_nothing()
    else:
        assert_one(data)
    with Server.running(tmp_path / "sound", database) as server:
        answers = [bank.send(server, data) for _twice in range(2)]
    receipt = assert_one(data).receipt_number
    page = reverse("payments:bank_file", args=[receipt])
    assert [(one.status, one.location) for one in answers] == [(302, page)] * 2
    assert_read_once(worker)


@pytest.mark.parametrize("place", BY_MACHINE)
def test_killed_while_a_machine_deposits_a_file(
    place: str, cast: Cast, data: bytes, tmp_path: Path, worker: Worker
) -> None:
    key = issue_key(
        actor=supervisor(),
        bank=cast.bank_account.bank,
        label="nuit",
        scopes=(KeyScope.SEND, KeyScope.READ),
        days=30,
        at=clock.now(),
    )
    database, path = connection.settings_dict["NAME"], reverse("payments:api_bank_files")
    headers = {"Authorization": f"Bearer {key.token}", "Idempotency-Key": str(uuid4())}

    with Server.running(tmp_path / "armed", database, FAILPOINT=place) as server:
        assert posted(server, path, data, headers).status == 0

    if place == "bank-answer-kept":
        assert_one(data)
        assert ApiAnswer.objects.get().status == 201
    else:
        # The effect and the answer are of one transaction: neither is there without the other.
        assert_nothing()
    with Server.running(tmp_path / "sound", database) as server:
        answers = [posted(server, path, data, headers) for _twice in range(2)]
        other = posted(server, path, data + b"\n", headers)
    assert_one(data)
    assert [one.status for one in (*answers, other)] == [201, 201, 422]
    assert json.loads(answers[0].body) == json.loads(answers[1].body)
    assert_read_once(worker)
