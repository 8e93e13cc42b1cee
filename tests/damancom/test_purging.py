"""What is past its time is forgotten, by chunks, once, without a name; what a right or a proof rests on never is."""

import datetime
import io
import threading
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models, transaction

from affiliates import workflows
from affiliates.enums import Role
from affiliates.models import AffiliationRequest, Invitation, RegistrationRequest
from damancom import privacy, tasks
from damancom.demo import build
from portal import clock, purging
from portal.enums import PurgeRule
from portal.models import (
    Attempt,
    AuditEntry,
    Incident,
    Mail,
    OpenSession,
    Purge,
    StoredChunk,
    StoredFile,
)
from tests.affiliates.factories import MembershipFactory, UserFactory
from tests.affiliates.test_affiliations import begun
from tests.affiliates.test_registrations import AT, request_of
from tests.drills import kill_a_worker_at

DAY = datetime.timedelta(days=1)
SECOND = datetime.timedelta(seconds=1)
LATER = AT + 200 * DAY
ONE_OF_EACH = dict.fromkeys(PurgeRule, 1)
NONE = dict.fromkeys(PurgeRule, 0)


def letter(key: str, **facts: object) -> Mail:
    said = {"address": "nadia@exemple.ma", "subject": "s", "text": "t", "state": "done"}
    return Mail.objects.create(
        **said | {"key": key, "language": "fr", "created_at": AT, "due_at": AT} | facts
    )


def counters(count: int, at: datetime.datetime = AT) -> None:
    Attempt.objects.bulk_create(
        Attempt(key=f"{rank:064}", window_start=at, count=1) for rank in range(count)
    )


@pytest.fixture
def past(db: None) -> None:
    """One row of each kind that the clock ends."""
    Incident.objects.create(code="A", at=AT, place="p", kind="ValueError")
    counters(1)
    OpenSession.objects.create(session_key="x" * 32, session_data="", expire_date=AT)
    owner = MembershipFactory()
    workflows.invite(
        actor=owner.user, at=AT, affiliate=owner.affiliate, email="jamais@exemple.ma",
        full_name="Jamais Venue", role=Role.READER,
    )  # fmt: skip
    begun(at=AT)
    request_of(owner.affiliate, sent=False)
    Mail.objects.all().delete()
    letter("k", user=owner.user)


def test_the_old_is_forgotten_once_with_its_files_and_nobody_is_named(past: None) -> None:
    assert StoredFile.objects.count() == 1
    assert purging.run(privacy.RULES, at=LATER) == ONE_OF_EACH
    for model in (Incident, Attempt, OpenSession, Invitation, AffiliationRequest, RegistrationRequest,
                  StoredFile, StoredChunk):  # fmt: skip
        assert not model.objects.exists(), model
    assert Mail.objects.get().text == ""

    assert purging.run(privacy.RULES, at=LATER) == NONE
    assert dict(Purge.objects.values_list("rule", "removed")) == ONE_OF_EACH
    traces = AuditEntry.objects.filter(action="privacy.purged")
    assert traces.count() == len(PurgeRule)
    assert all(set(one.facts) == {"rule", "removed"} and one.actor is None for one in traces)


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (PurgeRule.ATTEMPTS, DAY),
        (PurgeRule.SESSIONS, 0 * DAY),
        (PurgeRule.INCIDENTS, 90 * DAY),
        (PurgeRule.LETTERS, 90 * DAY),
        (PurgeRule.REGISTRATIONS, 90 * DAY),
        (PurgeRule.AFFILIATIONS, 30 * DAY),
        # Open for some days first: those are told from the row.
        (PurgeRule.INVITATIONS, 90 * DAY),
    ],
)
def test_each_thing_is_kept_to_the_second_of_its_time(
    past: None, rule: PurgeRule, kept: datetime.timedelta
) -> None:
    since = Invitation.objects.get().expires_at if rule is PurgeRule.INVITATIONS else AT
    one = {rule: privacy.RULES[rule]}
    assert purging.run(one, at=since + kept) == {rule: 0}
    assert purging.run(one, at=since + kept + SECOND) == {rule: 1}


def test_what_somebody_answered_or_sent_stays(past: None) -> None:
    invitation = Invitation.objects.get()
    guest = UserFactory(email=invitation.email)
    workflows.accept_as(actor=guest, at=AT, invitation=invitation)
    draft = RegistrationRequest.objects.get()
    workflows.send_request(actor=draft.created_by, at=AT, request=draft)
    letter("waiting", state="waiting")
    found = purging.run(privacy.RULES, at=LATER)
    assert (found[PurgeRule.INVITATIONS], found[PurgeRule.REGISTRATIONS]) == (0, 0)
    assert Invitation.objects.exists()
    assert StoredFile.objects.exists()
    assert Mail.objects.get(key="waiting").text == "t"


def test_a_number_of_draft_that_was_forgotten_does_not_stop_the_next(past: None) -> None:
    first = RegistrationRequest.objects.get()
    second = request_of(first.affiliate, card_number="BE123456")
    RegistrationRequest.objects.filter(pk=second.pk).update(created_at=LATER)
    purging.run(privacy.RULES, at=LATER)
    third = request_of(first.affiliate, card_number="BE654321")
    assert [second.number[-3:], third.number[-3:]] == ["002", "003"]


def test_a_long_list_goes_chunk_by_chunk_and_is_told_as_one(db: None) -> None:
    counters(7)
    rule = {PurgeRule.ATTEMPTS: privacy.RULES[PurgeRule.ATTEMPTS]}
    assert purging.run(rule, at=LATER, chunk=3) == {PurgeRule.ATTEMPTS: 7}
    assert AuditEntry.objects.get(action="privacy.purged").facts["removed"] == 7


@pytest.mark.slow
def test_thirty_years_later_no_account_career_piece_or_trace_has_moved(
    db: None, tmp_path: Path
) -> None:
    build.load(now=datetime.datetime(2026, 11, 21, 10, 0, tzinfo=datetime.UTC), folder=tmp_path)
    Mail.objects.update(state="done")  # no worker beside this test: they had left
    watched = [model for model in apps.get_models() if model is not Purge]
    before = {model: _content(model) for model in watched}
    purging.run(privacy.RULES, at=LATER + 30 * 365 * DAY)
    changed = {model._meta.label for model in watched if _content(model) != before[model]}
    ended = {label for label, kept in privacy.TABLE.items() if kept.ended_by}
    assert {"portal.Mail", "affiliates.RegistrationRequest"} <= changed
    assert changed <= ended | {"portal.AuditEntry"}
    lost = before[AuditEntry] - _content(AuditEntry)
    assert lost == set()


def _content(model: type[models.Model]) -> set[str]:
    """Every row of a table as the database writes it."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT md5(t::text) FROM "{model._meta.db_table}" AS t')
        return {digest for (digest,) in cursor}


def test_the_command_rehearses_unless_told(past: None) -> None:
    said = io.StringIO()
    call_command("purge", stdout=said)
    assert "attempts       1" in said.getvalue()
    assert Attempt.objects.count() == 1
    call_command("purge", apply=True, stdout=said)
    assert Attempt.objects.count() == 0


# -- at once, and killed ---------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_forget_each_row_once() -> None:
    counters(40)
    rule = {PurgeRule.ATTEMPTS: privacy.RULES[PurgeRule.ATTEMPTS]}
    found: list[int] = []
    gate = threading.Barrier(2)

    def work() -> None:
        gate.wait()
        found.append(purging.run(rule, at=LATER, chunk=5)[PurgeRule.ATTEMPTS])
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    # Whoever finds the other at work leaves it the rest: none is forgotten twice, and the next night ends it.
    last = purging.run(rule, at=LATER)[PurgeRule.ATTEMPTS]
    assert sum(found) + last == 40
    assert sum(Purge.objects.values_list("removed", flat=True)) == 40
    assert not Purge.objects.filter(ended_at__isnull=True).exists()


@pytest.mark.django_db(transaction=True)
def test_another_run_at_work_is_left_alone() -> None:
    """The control of the test above: with the lock held elsewhere nothing moves; once free, everything does."""
    counters(3)
    rule = {PurgeRule.ATTEMPTS: privacy.RULES[PurgeRule.ATTEMPTS]}
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [purging.LOCK])
            held.set()
            done.wait(30)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    held.wait(30)
    try:
        assert purging.run(rule, at=LATER) == {PurgeRule.ATTEMPTS: 0}
    finally:
        done.set()
        other.join()
    assert purging.run(rule, at=LATER) == {PurgeRule.ATTEMPTS: 3}


@pytest.mark.django_db(transaction=True)
def test_a_purge_killed_half_way_goes_on_and_tells_the_whole_number(tmp_path: Path) -> None:
    counters(2 * purging.CHUNK + 10)
    kill_a_worker_at("purge-chunk-forgotten", tmp_path, tasks.purge)
    assert Attempt.objects.count() == purging.CHUNK + 10
    assert not AuditEntry.objects.filter(action="privacy.purged").exists()
    tasks.purge()
    assert not Attempt.objects.exists()
    trace = AuditEntry.objects.get(action="privacy.purged")
    assert trace.facts == {"rule": "attempts", "removed": 2 * purging.CHUNK + 10}
    tasks.purge()
    assert AuditEntry.objects.filter(action="privacy.purged").count() == 1


def test_the_clock_of_this_test_is_past() -> None:
    """The command and the task take the real clock: what is above is old for it."""
    assert clock.now() > AT + 91 * DAY
