"""The trace: it only grows, its chain names the first fault, and acts never wait for each other."""

import datetime
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, connection, transaction
from django.db.utils import IntegrityError

from portal import audit
from portal.models import AuditEntry, AuditSeal, User
from tests.affiliates.factories import UserFactory

pytestmark = pytest.mark.django_db


@contextmanager
def as_owner_of_the_tables() -> Iterator[None]:
    """What only the owner of the tables can do: silence the triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("portal_auditentry", "portal_auditseal"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in ("portal_auditentry", "portal_auditseal"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def acts(user: User, count: int) -> list[AuditEntry]:
    return [
        audit.record(actor=user, action="test.act", subject=user, rank=rank)
        for rank in range(count)
    ]


@pytest.fixture
def sealed() -> list[AuditEntry]:
    entries = acts(UserFactory(), 5)
    assert audit.seal() == 5
    return entries


def test_an_entry_says_who_what_and_with_which_facts():
    user = UserFactory(full_name="Nadia Benjelloun")
    entry = audit.record(
        actor=user,
        action="slip.paid",
        subject=user,
        affiliation_number="2000009",
        amount=Decimal("10.50"),
        on=datetime.date(2026, 2, 10),
        lines=[1, "x"],
    )
    entry.refresh_from_db()
    assert (entry.actor_name, entry.subject_type, entry.subject_id) == (
        "Nadia Benjelloun",
        "portal.user",
        str(user.pk),
    )
    assert entry.facts == {"amount": "10.50", "on": "2026-02-10", "lines": [1, "x"]}
    assert entry.inserted_at is not None


def test_what_the_portal_does_by_itself_is_signed_by_it():
    user = UserFactory()
    assert audit.record(actor=None, action="x", subject=user).actor_name == "Portail"


def test_an_act_that_is_undone_leaves_no_entry():
    user = UserFactory()
    with transaction.atomic():
        acts(user, 1)
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE portal_auditentry SET action = 'other'",
        "DELETE FROM portal_auditentry",
        "TRUNCATE portal_auditentry CASCADE",
        "UPDATE portal_auditseal SET digest = 'x'",
        "DELETE FROM portal_auditseal",
        "TRUNCATE portal_auditseal",
    ],
)
def test_the_database_refuses_any_change(sealed: list[AuditEntry], statement: str):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises((InternalError, IntegrityError), match="append-only"):
            cursor.execute(statement)
        transaction.set_rollback(True)


def test_sealing_twice_seals_once(sealed: list[AuditEntry]):
    assert audit.seal() == 0
    assert list(AuditSeal.objects.order_by("position").values_list("position", "entry")) == [
        (rank, entry.pk) for rank, entry in enumerate(sealed, start=1)
    ]


def test_verification_seals_what_waits_and_finds_the_chain_whole(sealed: list[AuditEntry]):
    acts(UserFactory(), 2)
    found = audit.verify()
    assert (found.sealed, found.fault) == (7, None)
    assert found.head == AuditSeal.objects.get(position=7).digest


def fault() -> tuple[str, int | None]:
    found = audit.verify().fault
    assert found is not None
    return found.code, found.position


def test_an_altered_entry_is_named(sealed: list[AuditEntry]):
    with as_owner_of_the_tables():
        AuditEntry.objects.filter(pk=sealed[2].pk).update(facts={"rank": 99})
    assert fault() == ("altered", 3)


def test_a_deleted_entry_is_named(sealed: list[AuditEntry]):
    with as_owner_of_the_tables(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM portal_auditseal WHERE position = 2")
        cursor.execute("DELETE FROM portal_auditentry WHERE id = %s", [sealed[1].pk])
    assert fault() == ("deleted", 2)


def test_a_deleted_entry_is_named_when_the_seals_were_renumbered(
    sealed: list[AuditEntry],
):
    with as_owner_of_the_tables(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM portal_auditseal WHERE position = 2")
        cursor.execute("DELETE FROM portal_auditentry WHERE id = %s", [sealed[1].pk])
        for position in (3, 4, 5):
            cursor.execute(
                "UPDATE portal_auditseal SET position = %s WHERE position = %s",
                [position - 1, position],
            )
    assert fault() == ("reordered", 2)


def test_swapped_entries_are_named(sealed: list[AuditEntry]):
    with as_owner_of_the_tables(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE portal_auditseal SET position = -position WHERE position IN (2, 4);"
            "UPDATE portal_auditseal SET position = CASE position WHEN -2 THEN 4 ELSE 2 END"
            " WHERE position < 0"
        )
    assert fault() == ("reordered", 2)


def test_an_entry_slipped_in_among_older_ones_is_named(sealed: list[AuditEntry]):
    user = UserFactory()
    acts(user, 1)
    with as_owner_of_the_tables():
        last = AuditEntry.objects.order_by("pk").last()
        assert last is not None
        AuditEntry.objects.filter(pk=last.pk).update(
            inserted_at=sealed[0].inserted_at - datetime.timedelta(hours=1)
        )
    assert audit.seal() == 0  # the running sealer looks no further back than a transaction may last
    assert audit.seal(everywhere=True) == 1
    assert fault() == ("inserted", 6)


def test_an_entry_that_waits_too_long_says_that_sealing_has_stopped(sealed: list[AuditEntry]):
    (entry,) = acts(UserFactory(), 1)
    with as_owner_of_the_tables():
        AuditEntry.objects.filter(pk=entry.pk).update(
            inserted_at=entry.inserted_at - datetime.timedelta(minutes=6)
        )
    found = audit.verify().fault
    assert found is not None
    assert (found.code, found.entry) == ("unsealed", entry.pk)
    assert audit.verify().fault is None  # it is sealed now


def test_a_cut_tail_shows_against_a_head_kept_outside(sealed: list[AuditEntry]):
    head = AuditSeal.objects.get(position=5)
    with as_owner_of_the_tables(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM portal_auditseal WHERE position > 3")
        cursor.execute("DELETE FROM portal_auditentry WHERE id > %s", [sealed[2].pk])
    assert audit.verify().fault is None  # the chain alone cannot see it
    found = audit.verify(known_head=(5, head.digest)).fault
    assert found is not None
    assert (found.code, found.position) == ("cut", 5)


def test_the_command_answers_for_people_and_for_programs(
    sealed: list[AuditEntry], capsys: pytest.CaptureFixture[str]
):
    call_command("verify_audit")
    assert "5 traces scellées, chaîne intacte" in capsys.readouterr().out
    with as_owner_of_the_tables():
        AuditEntry.objects.filter(pk=sealed[0].pk).update(actor_name="Personne")
    with pytest.raises(CommandError, match="a été modifiée") as stopped:
        call_command("verify_audit", "--json")
    assert stopped.value.returncode == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["fault"], answer["position"]) == (False, "altered", 1)


@pytest.mark.django_db(transaction=True)
def test_eight_threads_make_one_chain_without_a_fork():
    user = UserFactory()
    start = threading.Barrier(8)
    errors: list[Exception] = []

    def work() -> None:
        try:
            start.wait(10)
            for _round in range(15):
                with transaction.atomic():
                    acts(user, 2)
                audit.seal()
        except Exception as error:  # noqa: BLE001 - reported below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    found = audit.verify()
    assert (found.sealed, found.fault) == (240, None)
    assert AuditSeal.objects.values("previous_digest").distinct().count() == 240


@pytest.mark.django_db(transaction=True)
def test_an_act_never_waits_for_the_sealer():
    user = UserFactory()
    with transaction.atomic():
        acts(user, 3)
    holding, done = threading.Event(), threading.Event()

    def seal_slowly() -> None:
        with transaction.atomic():
            audit.seal()
            holding.set()
            done.wait(10)
        connection.close()

    sealer = threading.Thread(target=seal_slowly)
    sealer.start()
    assert holding.wait(10)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '200ms'")
        acts(user, 1)
    assert audit.seal() == 0  # a second sealer leaves at once
    done.set()
    sealer.join(10)
    assert audit.verify().sealed == 4


def test_the_head_kept_outside_shows_a_tail_that_was_cut(tmp_path):
    heads = tmp_path / "out" / "heads.txt"
    at = datetime.datetime(2026, 2, 4, 1, 15, tzinfo=datetime.UTC)
    assert audit.keep_head(heads, at=at) is None, "nothing is sealed yet"
    user = UserFactory()
    acts(user, 3)
    audit.seal()
    first = audit.keep_head(heads, at=at)
    acts(user, 2)
    audit.seal()
    last = audit.keep_head(heads, at=at)
    assert first is not None
    assert last is not None
    assert (first[0], last[0]) == (3, 5)
    assert heads.read_text("ascii") == "".join(
        f"2026-02-04T01:15:00+00:00 {position}:{digest}\n" for position, digest in (first, last)
    )
    call_command("verify_audit", heads=heads)
    with as_owner_of_the_tables(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM portal_auditseal WHERE position = 5 RETURNING entry_id")
        cursor.execute("DELETE FROM portal_auditentry WHERE id = %s", [cursor.fetchone()[0]])
    assert audit.verify().fault is None, "the chain alone cannot see it"
    with pytest.raises(CommandError, match="n’y est plus"):
        call_command("verify_audit", heads=heads)


def test_a_file_of_heads_that_does_not_read_is_refused(tmp_path):
    with pytest.raises(CommandError, match="ne se lit pas"):
        call_command("verify_audit", heads=tmp_path / "missing.txt")
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(CommandError, match="POSITION:EMPREINTE"):
        call_command("verify_audit", heads=tmp_path / "empty.txt")
