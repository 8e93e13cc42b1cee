"""Real transactions against each other: one declaration, one receipt, one row of bytes."""

import datetime
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models.query import QuerySet

from declarations import workflows
from declarations.codecs import e_bds
from declarations.enums import DeclarationStatus, FileVerdict
from declarations.errors import MoveRefused
from declarations.models import Declaration, DeclarationLine, Prefill, ReceivedFile
from portal.models import AuditEntry, StoredFile
from tests.affiliates.factories import AffiliateFactory, EmploymentFactory, UserFactory
from tests.declarations.factories import AT, JANUARY, answer, draft, issue

pytestmark = pytest.mark.django_db(transaction=True)


def together(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run `act` in `count` threads that start at the same instant; answers or exceptions, in order."""
    barrier = threading.Barrier(count)

    def one(rank: int) -> Any:
        try:
            barrier.wait(timeout=20)
            return act(rank)
        except Exception as fault:  # noqa: BLE001 (the test looks at it)
            return fault
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def submit_together(one: Declaration, count: int = 20) -> list[Any]:
    actor = UserFactory()
    return together(
        count,
        lambda _: workflows.submit(actor=actor, at=AT, declaration=one, version=one.version),
    )


def test_twenty_clicks_make_one_receipt() -> None:
    one = draft(UserFactory(), AffiliateFactory())

    answers = submit_together(one)

    assert {getattr(done, "receipt_number", done) for done in answers} == {
        Declaration.objects.get().receipt_number
    }
    assert AuditEntry.objects.filter(action="declarations.declaration.submitted").count() == 1


def test_without_the_locks_the_same_clicks_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: the race above is real."""
    one = draft(UserFactory(), AffiliateFactory())
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    meeting = threading.Barrier(4)

    def all_have_read(declaration: Declaration, at: datetime.datetime) -> None:
        meeting.wait(timeout=20)

    monkeypatch.setattr(workflows.drafts, "_check_place", all_have_read)

    answers = submit_together(one, count=4)

    assert sum(isinstance(done, Exception) for done in answers) == 3


def test_a_submission_and_an_abandonment_have_one_winner() -> None:
    one = draft(UserFactory(), AffiliateFactory())
    actor = UserFactory()

    def act(rank: int) -> Declaration:
        if rank % 2:
            return workflows.cancel(actor=actor, declaration=one)
        return workflows.submit(actor=actor, at=AT, declaration=one, version=one.version)

    answers = together(8, act)

    one.refresh_from_db()
    losers = [done for done in answers if isinstance(done, MoveRefused)]
    assert len(losers) == 4
    assert one.status in (DeclarationStatus.SUBMITTED, DeclarationStatus.CANCELLED)


def test_the_same_bytes_sent_by_ten_browsers_are_kept_once() -> None:
    actor, affiliate = UserFactory(), AffiliateFactory()
    EmploymentFactory(affiliate=affiliate)
    content = answer(issue(actor, affiliate))
    name = e_bds.file_name(affiliate.affiliation_number, JANUARY.compact)

    answers = together(
        10,
        lambda _: workflows.receive_file(
            actor=actor, at=AT, affiliate=affiliate, period=JANUARY, name=name, chunks=[content]
        ),
    )

    file = ReceivedFile.objects.get()
    assert {row.pk for row, _ in answers} == {file.pk}
    assert StoredFile.objects.count() == 1


def test_one_file_checked_by_six_workers_makes_one_draft() -> None:
    actor, affiliate = UserFactory(), AffiliateFactory()
    EmploymentFactory(affiliate=affiliate)
    content = answer(issue(actor, affiliate))
    name = e_bds.file_name(affiliate.affiliation_number, JANUARY.compact)
    file, _ = workflows.receive_file(
        actor=actor, at=AT, affiliate=affiliate, period=JANUARY, name=name, chunks=[content]
    )

    answers = together(6, lambda _: workflows.check_file(file_id=file.pk, at=AT))

    assert not [done for done in answers if isinstance(done, Exception)]
    file.refresh_from_db()
    assert file.verdict == FileVerdict.ACCEPTED
    assert Declaration.objects.count() == 1
    assert DeclarationLine.objects.count() == 1
    assert file.attempts == 1


def test_ten_requests_issue_one_prefill() -> None:
    actor, affiliate = UserFactory(), AffiliateFactory()

    answers = together(10, lambda _: issue(actor, affiliate))

    assert {row.pk for row in answers} == {Prefill.objects.get().pk}
    assert connection.vendor == "postgresql"


def test_two_people_saving_one_form_have_one_winner_and_one_conflict() -> None:
    affiliate = AffiliateFactory()
    EmploymentFactory(affiliate=affiliate)
    actor = UserFactory()
    one = workflows.open_form(actor=actor, at=AT, affiliate=affiliate, period=JANUARY)
    line = one.lines.get()

    def act(rank: int) -> Declaration:
        cells = {line.pk: {"days": "26", "wage": f"{rank + 1}000"}}
        return workflows.save_form(actor=actor, declaration=one, version=1, cells=cells)

    answers = together(2, act)

    assert sorted(type(done).__name__ for done in answers) == ["Declaration", "FormChanged"]
    one.refresh_from_db()
    line.refresh_from_db()
    assert (one.version, one.wage_bill) == (2, line.gross_wage)


def test_two_browsers_opening_the_form_make_one_draft() -> None:
    affiliate = AffiliateFactory()
    EmploymentFactory(affiliate=affiliate)
    actor = UserFactory()

    answers = together(
        4,
        lambda _: workflows.open_form(actor=actor, at=AT, affiliate=affiliate, period=JANUARY),
    )

    assert {getattr(done, "pk", done) for done in answers} == {Declaration.objects.get().pk}
    assert DeclarationLine.objects.count() == 1
