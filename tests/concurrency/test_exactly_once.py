"""One month, one declaration, one receipt, one slip: whoever clicks, however often, whatever is killed on the way."""

import datetime
import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections
from django.db.models.query import QuerySet
from django.test import Client
from django.urls import reverse

from affiliates.models import Affiliate
from declarations import tasks, workflows
from declarations.codecs import e_bds
from declarations.enums import DeclarationStatus
from declarations.models import Declaration, DeclarationLine, Receipt, ReceivedFile
from payments.ledger_check import check
from payments.models import LedgerEntry, PaymentSlip
from payments.tasks import issue_slips
from payments.workflows import slips
from portal import clock, jobs
from portal.models import AuditEntry, StoredFile, User
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory, MembershipFactory, UserFactory
from tests.declarations.factories import AT, JANUARY, answer, employ, issue, send
from tests.drills import kill_a_worker_at, named_failpoints
from tests.running import CHECKOUT, Server, Worker, environment_for

pytestmark = pytest.mark.django_db(transaction=True)

CROWD = 20


# -- the world -----------------------------------------------------------------------------------


def firm() -> tuple[User, Affiliate]:
    owner, affiliate = UserFactory(), AffiliateFactory()
    MembershipFactory(user=owner, affiliate=affiliate)
    employ(affiliate, 2)
    return owner, affiliate


def from_a_file(owner: User, affiliate: Affiliate) -> Declaration:
    file = send(owner, affiliate, answer(issue(owner, affiliate)))
    return Declaration.objects.get(received_file=file)


def from_the_form(owner: User, affiliate: Affiliate) -> Declaration:
    one = workflows.open_form(actor=owner, at=AT, affiliate=affiliate, period=JANUARY)
    cells = {line.pk: {"days": "26", "wage": "5000"} for line in one.lines.all()}
    return workflows.save_form(actor=owner, declaration=one, version=one.version, cells=cells)


DRAFTS = pytest.mark.parametrize("drafted", [from_a_file, from_the_form])


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run `act` in `count` threads that start together; what each gave or raised."""
    barrier = threading.Barrier(count)

    def one(rank: int) -> Any:
        try:
            barrier.wait(30)
            return act(rank)
        except Exception as fault:  # noqa: BLE001 (the test looks at it)
            return fault
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def assert_once() -> None:
    """One declaration that counts, one receipt, one slip, one entry in the ledger, one trace of each act."""
    one = Declaration.objects.get(status=DeclarationStatus.SUBMITTED.value)
    assert Receipt.objects.get().declaration_id == one.pk
    assert PaymentSlip.objects.get().declaration_id == one.pk
    assert LedgerEntry.objects.count() == 1
    assert DeclarationLine.objects.filter(declaration=one).count() == 2
    for action in ("declarations.declaration.submitted", "payments.slip_issued"):
        assert AuditEntry.objects.filter(action=action).count() == 1
    assert check().breaches == ()


# -- a crowd -------------------------------------------------------------------------------------


@DRAFTS
def test_twenty_submissions_and_twenty_issues_make_one_of_each(
    drafted: Callable[[User, Affiliate], Declaration],
) -> None:
    owner, affiliate = firm()
    one = drafted(owner, affiliate)

    def submit(_rank: int) -> Declaration:
        return workflows.submit(actor=owner, at=AT, declaration=one, version=one.version)

    answers = at_once(CROWD, submit)
    assert len({getattr(done, "receipt_number", done) for done in answers}) == 1

    charged = at_once(
        CROWD, lambda _: slips.issue_slip(actor=None, declaration_id=one.pk, at=AT).pk
    )
    assert len(set(charged)) == 1
    assert_once()


@DRAFTS
def test_without_the_lock_the_submissions_collide(
    drafted: Callable[[User, Affiliate], Declaration], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control: all have read the draft before any writes."""
    owner, affiliate = firm()
    one = drafted(owner, affiliate)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    meeting = threading.Barrier(4)
    judge = workflows.drafts._check_form

    def all_have_read(row: Declaration) -> None:
        judge(row)
        meeting.wait(30)

    monkeypatch.setattr(workflows.drafts, "_check_form", all_have_read)

    answers = at_once(
        4, lambda _: workflows.submit(actor=owner, at=AT, declaration=one, version=one.version)
    )
    assert sum(isinstance(done, Exception) for done in answers) == 3


def test_without_the_lock_the_issues_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, affiliate = firm()
    one = from_a_file(owner, affiliate)
    workflows.submit(actor=owner, at=AT, declaration=one, version=one.version)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    meeting = threading.Barrier(4)
    plain = slips.references

    def all_have_read(declarations: Any) -> dict[int, str]:
        meeting.wait(30)
        return plain(declarations)

    monkeypatch.setattr(slips, "references", all_have_read)
    # Without the lock the mark of the first would make the others wait: it goes as well.
    monkeypatch.setattr(QuerySet, "update", lambda self, **_: 0)

    answers = at_once(4, lambda _: slips.issue_slips(actor=None, declaration_ids=[one.pk], at=AT))
    assert sum(isinstance(done, Exception) for done in answers) == 3


def upload() -> Callable[[int], tuple[ReceivedFile, bool]]:
    """What each browser does: send the same bytes for the same month."""
    owner, affiliate = firm()
    content = answer(issue(owner, affiliate))
    name = e_bds.file_name(affiliate.affiliation_number, JANUARY.compact)
    return lambda _rank: workflows.receive_file(
        actor=owner, at=AT, affiliate=affiliate, period=JANUARY, name=name, chunks=[content]
    )


def test_the_same_bytes_sent_twenty_times_are_one_file_and_one_draft() -> None:
    answers = at_once(CROWD, upload())
    assert len({file.pk for file, _due in answers}) == 1
    file = ReceivedFile.objects.get()
    assert StoredFile.objects.get().pk == file.stored_id

    at_once(CROWD, lambda _: workflows.check_file(file_id=file.pk, at=AT))
    assert Declaration.objects.get().received_file_id == file.pk
    assert DeclarationLine.objects.count() == 2
    assert AuditEntry.objects.filter(action="declarations.file.checked").count() == 1


def test_without_the_lock_the_same_bytes_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    send_it = upload()
    meeting = threading.Barrier(4)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    plain = QuerySet.create

    def all_have_looked(rows: QuerySet[Any], **values: Any) -> Any:
        if rows.model is ReceivedFile:
            meeting.wait(30)
        return plain(rows, **values)

    monkeypatch.setattr(QuerySet, "create", all_have_looked)
    answers = at_once(4, send_it)
    assert sorted(type(done).__name__ for done in answers) == [*["IntegrityError"] * 3, "tuple"]


def test_without_the_claim_two_workers_do_the_work_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    file, _due = upload()(0)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    meeting = threading.Barrier(2)
    plain = jobs.due

    def as_both_have_read_it(rows: QuerySet[Any], **when: Any) -> QuerySet[Any]:
        found = [row.pk for row in plain(rows, **when)]
        meeting.wait(30)
        return rows.filter(pk__in=found)

    monkeypatch.setattr(jobs, "due", as_both_have_read_it)
    at_once(2, lambda _: workflows.check_file(file_id=file.pk, at=AT))
    assert ReceivedFile.objects.get().attempts == 2


# -- two browsers --------------------------------------------------------------------------------


@DRAFTS
def test_two_browsers_submit_one_month(
    drafted: Callable[[User, Affiliate], Declaration],
) -> None:
    owner, affiliate = firm()
    one = drafted(owner, affiliate)
    address = reverse("declarations:submit", args=[affiliate.affiliation_number, one.pk])

    def click(_rank: int) -> int:
        browser = Client()
        browser.force_login(owner)
        return browser.post(address, {"version": one.version}).status_code

    assert at_once(2, click) == [302, 302]
    slips.issue_slip(actor=None, declaration_id=one.pk, at=AT)
    assert_once()


# -- killed anywhere -----------------------------------------------------------------------------


IN_THE_CHECK = (
    "check_file.claimed",
    "check_file.checked",
    "check_file.before_commit",
    "check_file.committed",
)
IN_THE_PAGE = ("submit.before_commit",)
IN_A_CORRECTION = ("open_correction.before_commit",)


def test_every_place_of_the_room_is_drilled() -> None:
    assert named_failpoints("declarations") == {
        *IN_THE_CHECK,
        *IN_THE_PAGE,
        *IN_A_CORRECTION,
    }


def last_month() -> Period:
    return Period.from_day(clock.today()).previous()


def sent_today() -> tuple[User, Affiliate, ReceivedFile]:
    """A file for last month, received now and not yet checked: the worker has the real clock."""
    owner, affiliate = firm()
    period = last_month()
    row = workflows.issue_prefill(actor=owner, at=clock.now(), affiliate=affiliate, period=period)
    file, _due = workflows.receive_file(
        actor=owner,
        at=clock.now(),
        affiliate=affiliate,
        period=period,
        name=e_bds.file_name(affiliate.affiliation_number, period.compact),
        chunks=[answer(row)],
    )
    return owner, affiliate, file


def lease_is_over(file: ReceivedFile) -> None:
    earlier = clock.now() - ReceivedFile.LEASE - datetime.timedelta(seconds=1)
    ReceivedFile.objects.filter(pk=file.pk, started_at__isnull=False).update(started_at=earlier)


@pytest.mark.parametrize("place", IN_THE_CHECK)
def test_a_worker_killed_in_a_check(place: str, tmp_path: Path, worker: Worker) -> None:
    owner, _affiliate, file = sent_today()

    kill_a_worker_at(place, tmp_path, tasks.check_file, file.pk)

    drafts = Declaration.objects.count()
    assert drafts == (1 if place == "check_file.committed" else 0)
    lease_is_over(file)
    tasks.sweep_files.delay()
    worker.wait_idle()
    one = Declaration.objects.get()
    workflows.submit(actor=owner, at=clock.now(), declaration=one, version=one.version)
    issue_slips.delay()
    worker.wait_idle()
    assert_once()


def test_a_worker_killed_while_it_issues_a_slip(tmp_path: Path, worker: Worker) -> None:
    owner, _affiliate, file = sent_today()
    workflows.check_file(file_id=file.pk, at=clock.now())
    one = Declaration.objects.get()
    workflows.submit(actor=owner, at=clock.now(), declaration=one, version=one.version)

    kill_a_worker_at("slip-before-commit", tmp_path, issue_slips)

    assert not PaymentSlip.objects.exists()
    assert not LedgerEntry.objects.exists()
    issue_slips.delay()
    worker.wait_idle()
    assert_once()


@DRAFTS
@pytest.mark.parametrize("place", IN_THE_PAGE)
def test_a_server_killed_while_a_declaration_is_submitted(
    place: str, drafted: Callable[[User, Affiliate], Declaration], tmp_path: Path
) -> None:
    owner, affiliate = firm()
    one = drafted(owner, affiliate)
    database = connection.settings_dict["NAME"]

    def click(server: Server) -> int:
        """The button of the page, as the browser sends it; 0 when the connection died."""
        browser = Client()
        browser.force_login(owner)
        page = reverse("declarations:declaration", args=[affiliate.affiliation_number, one.pk])
        token = str(browser.get(page).context["csrf_token"])
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in browser.cookies.items())
        line = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
        try:
            line.request(
                "POST",
                reverse("declarations:submit", args=[affiliate.affiliation_number, one.pk]),
                f"version={one.version}&csrfmiddlewaretoken={token}",
                {
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Cookie": cookies,
                    "Origin": server.url,
                },
            )
            return line.getresponse().status
        except OSError:
            return 0
        finally:
            line.close()

    with Server.running(tmp_path / "armed", database, FAILPOINT=place) as server:
        assert click(server) == 0
    one.refresh_from_db()
    assert one.status == DeclarationStatus.DRAFT
    assert not Receipt.objects.exists()

    with Server.running(tmp_path / "sound", database) as server:
        assert [click(server), click(server)] == [302, 302]
    slips.issue_slip(actor=None, declaration_id=one.pk, at=AT)
    assert_once()


OPEN_A_CORRECTION = """
import django, sys; django.setup()
from declarations import workflows; from declarations.models import Declaration; from portal import clock
one = Declaration.objects.select_related("submitted_by").get(pk=int(sys.argv[1]))
workflows.open_correction(actor=one.submitted_by, at=clock.now(), declaration=one)
"""


@pytest.mark.parametrize("place", IN_A_CORRECTION)
def test_a_process_killed_while_a_correction_is_opened(place: str) -> None:
    owner, _affiliate, file = sent_today()
    workflows.check_file(file_id=file.pk, at=clock.now())
    one = Declaration.objects.get()
    one = workflows.submit(actor=owner, at=clock.now(), declaration=one, version=one.version)
    environment = environment_for(connection.settings_dict["NAME"]) | {
        "FAILPOINT": place,
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
    }

    killed = subprocess.run(
        [sys.executable, "-c", OPEN_A_CORRECTION, str(one.pk)],
        env=environment,
        cwd=CHECKOUT,
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    assert Declaration.objects.get() == one
    assert DeclarationLine.objects.count() == 2
    drafts = at_once(
        4, lambda _: workflows.open_correction(actor=owner, at=clock.now(), declaration=one)
    )
    assert len({getattr(draft, "pk", draft) for draft in drafts}) == 1
    assert Declaration.objects.count() == 2
