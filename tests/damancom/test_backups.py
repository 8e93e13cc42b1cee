"""A backup is whole or absent, cannot change unnoticed, and is restored for real before it is believed."""

import datetime
import hashlib
import io
import json
import os
import resource
from pathlib import Path

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from damancom import backups, proof, restoring, sealed_stream
from damancom.backups import BackupFailed
from payments.workflows.slips import issue_slips
from portal import audit
from portal.models import AuditEntry
from tests.cast import Cast
from tests.declarations.factories import AT, submitted

KEY = b"k" * 43
NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


# -- sealing -------------------------------------------------------------------------------------


def sealed(content: bytes, key: bytes = KEY) -> bytes:
    return b"".join(sealed_stream.seal(io.BytesIO(content), key))


def unsealed(content: bytes, key: bytes = KEY) -> bytes:
    return b"".join(sealed_stream.unseal(io.BytesIO(content), key))


@pytest.mark.parametrize("length", [0, 1, 1_048_575, 1_048_576, 1_048_577, 3_000_000])
def test_what_is_sealed_comes_back(length: int) -> None:
    content = os.urandom(length)
    assert unsealed(sealed(content)) == content


def test_nothing_can_be_changed_moved_or_cut() -> None:
    content = os.urandom(2_500_000)
    good = sealed(content)
    header, size = 24, 1_048_576 + 16
    first, second, third = (
        good[header + size * rank : header + size * (rank + 1)] for rank in range(3)
    )
    bad = {
        "flipped": good[:-1] + bytes([good[-1] ^ 1]),
        "header": good[:10] + bytes([good[10] ^ 1]) + good[11:],
        "swapped": good[:header] + second + first + third,
        "cut": good[: header + 2 * size],
        "left out": good[:header] + first + third,
        "lengthened": good + b"\0",
        "empty": b"",
    }
    for damaged in bad.values():
        with pytest.raises(sealed_stream.Unreadable):
            unsealed(damaged)
    with pytest.raises(sealed_stream.Unreadable):
        unsealed(good, b"x" * 43)


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short\n")
    with pytest.raises(ValueError, match="43"):
        sealed_stream.read_key(tmp_path / "key")


# -- what a backup says of itself ----------------------------------------------------------------


def written(place: Path, *, at: datetime.datetime = NOON) -> Path:
    """A backup as it is on the disk, of nothing."""
    place.mkdir(parents=True)
    (place / backups.DUMP).write_bytes(sealed(b"nothing" * 1_000))
    content = (place / backups.DUMP).read_bytes()
    manifest = backups.Manifest(
        at.isoformat(), len(content), hashlib.sha256(content).hexdigest(), True, {}, "0.00", ""
    )
    (place / backups.MANIFEST).write_text(backups._signed(manifest, KEY))
    return place


def test_one_flipped_byte_is_found(tmp_path: Path) -> None:
    place = written(tmp_path / "one")
    assert backups.examine(place, key=KEY).size == 7_040
    content = bytearray((place / backups.DUMP).read_bytes())
    content[len(content) // 2] ^= 1
    (place / backups.DUMP).write_bytes(content)
    with pytest.raises(BackupFailed, match="not what was written"):
        backups.examine(place, key=KEY)


@pytest.mark.parametrize("field", ["rows", "head", "debits", "sha256", "made_at", "seal"])
def test_a_manifest_that_was_changed_is_found(tmp_path: Path, field: str) -> None:
    path = written(tmp_path / "one") / backups.MANIFEST
    told = json.loads(path.read_text())
    told[field] = {"portal_user": 0} if field == "rows" else "0"
    path.write_text(json.dumps(told))
    with pytest.raises(BackupFailed, match=r"changed|not what was written"):
        backups.examine(path.parent, key=KEY)


def test_another_key_or_none_opens_nothing(tmp_path: Path) -> None:
    place = written(tmp_path / "one")
    with pytest.raises(BackupFailed, match="another key"):
        backups.examine(place, key=b"x" * 43)
    with pytest.raises(BackupFailed, match="BACKUP_KEY_FILE"):
        backups.examine(place, key=None)


# -- a backup and its restore --------------------------------------------------------------------


@pytest.fixture
def world(transactional_db: None, cast: Cast) -> Cast:
    one = submitted(cast.owner, cast.affiliate)
    issue_slips(actor=None, declaration_ids=[one.pk], at=AT)
    audit.seal()
    return cast


@pytest.fixture
def backup(world: Cast, tmp_path: Path) -> Path:
    return backups.make(tmp_path / "all", key=KEY, at=NOON)


def databases() -> set[str]:
    """Ours and what was made of it: another process of the same run has its own beside it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)",
            [connection.settings_dict["NAME"]],
        )
        return {name for (name,) in cursor.fetchall()}


def test_a_backup_is_restored_and_proved(backup: Path, world: Cast) -> None:
    before = databases()
    done = restoring.restore(backup, key=KEY)
    assert done.faults == []
    assert set(done.found) == {"migrations", "rows", "ledger", "trace", "person"}
    assert done.found["ledger"] == "1 / 1 / 0"
    assert done.found["person"].startswith("ATT-")
    assert done.manifest.rows["declarations_declaration"] == 1
    # The head that the backup noted is found again.
    assert done.manifest.head == audit_head()
    assert databases() == before
    assert world.affiliate.name.encode() not in (backup / backups.DUMP).read_bytes()


def audit_head() -> str:
    verified = audit.verify()
    return f"{verified.sealed}:{verified.head}"


def test_a_restored_database_may_be_kept_under_a_new_name(backup: Path, world: Cast) -> None:
    name = f"{connection.settings_dict['NAME']}_restored"
    try:
        assert restoring.restore(backup, key=KEY, into=name).faults == []
        with pytest.raises(BackupFailed, match="already exists"):
            restoring.restore(backup, key=KEY, into=name)
        place = connection.settings_dict
        with psycopg2.connect(
            host=place["HOST"], port=place["PORT"], user=place["USER"], password=place["PASSWORD"], dbname=name
        ) as kept:  # fmt: skip
            cursor = kept.cursor()
            cursor.execute(
                "SELECT name FROM affiliates_affiliate WHERE id = %s", [world.affiliate.pk]
            )
            assert cursor.fetchall() == [(world.affiliate.name,)]
            # The proof signed someone in and printed a paper: nothing of it stayed.
            cursor.execute("SELECT count(*) FROM certificates_certificate")
            assert cursor.fetchone() == (0,)
            cursor.execute("SELECT count(*) FROM portal_auditentry")
            assert cursor.fetchone() == (AuditEntry.objects.count(),)
        kept.close()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def test_a_full_disk_leaves_no_backup_and_says_why(world: Cast, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(BackupFailed, match="File too large"):
            backups.make(folder, key=KEY, at=NOON)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(folder.iterdir()) == []
    assert backups.make(folder, key=KEY, at=NOON).is_dir()


def test_a_row_that_did_not_come_back_fails_the_proof(world: Cast) -> None:
    expected = proof.Expected(backups.count_rows(), backups.sum_debits(), backups.head_of_trace())
    assert proof.prove(expected).faults == []
    expected.rows["portal_user"] += 1
    assert [fault.split(":")[0] for fault in proof.prove(expected).faults] == ["rows"]


def test_a_trace_whose_tail_was_cut_fails_the_proof(world: Cast) -> None:
    head = f"{int(backups.head_of_trace().split(':')[0]) + 1}:{'0' * 64}"
    expected = proof.Expected(backups.count_rows(), backups.sum_debits(), head)
    assert [fault.split(":")[0] for fault in proof.prove(expected).faults] == ["trace"]


def test_a_door_that_stays_shut_fails_the_proof(world: Cast, settings) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
    expected = proof.Expected(backups.count_rows(), backups.sum_debits(), backups.head_of_trace())
    assert proof.prove(expected).faults == ["person: portal:login 422"]


def test_accounts_that_do_not_add_up_fail_the_proof(world: Cast) -> None:
    expected = proof.Expected(backups.count_rows(), backups.sum_debits(), backups.head_of_trace())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payments_paymentslip SET outstanding = outstanding - 1")
    assert [fault.split(":")[0] for fault in proof.prove(expected).faults] == ["ledger"]


def test_a_migration_that_is_missing_fails_the_proof(world: Cast) -> None:
    expected = proof.Expected(backups.count_rows(), backups.sum_debits(), backups.head_of_trace())
    expected.rows["django_migrations"] -= 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM django_migrations")
        (last,) = cursor.fetchone()
        cursor.execute("SELECT app, name, applied FROM django_migrations WHERE id = %s", [last])
        row = cursor.fetchone()
        cursor.execute("DELETE FROM django_migrations WHERE id = %s", [last])
        try:
            found = proof.prove(expected)
        finally:
            cursor.execute("INSERT INTO django_migrations VALUES (%s, %s, %s, %s)", [last, *row])
    assert [fault.split(":")[0] for fault in found.faults] == ["migrations"]
    assert row[1] in found.faults[0]


def test_before_the_first_owner_nobody_can_be_asked_to_sign_in(transactional_db: None) -> None:
    expected = proof.Expected(backups.count_rows(), backups.sum_debits(), backups.head_of_trace())
    done = proof.prove(expected)
    assert (done.found["person"], done.faults) == ("—", [])


# -- keeping the last ones -----------------------------------------------------------------------


@pytest.fixture
def five(tmp_path: Path) -> tuple[Path, list[Path]]:
    folder = tmp_path / "all"
    days = [NOON + datetime.timedelta(days=day) for day in range(5)]
    return folder, [written(folder / f"{day:%Y%m%dT%H%M%SZ}", at=day) for day in days]


def test_the_oldest_go_but_never_the_last_one_that_was_proved(five) -> None:
    folder, made = five
    backups.write_proof(made[1], at=NOON, seconds=3, found={})
    (folder / "20260301T000000Z.partial").mkdir()
    os.utime(folder / "20260301T000000Z.partial", (0, 0))
    gone = backups.prune(folder, keep=2, at=NOON + datetime.timedelta(days=5))
    assert [place.name for place in gone] == [
        made[0].name,
        made[2].name,
        "20260301T000000Z.partial",
    ]
    assert backups.backups(folder) == [made[1], made[3], made[4]]
    assert backups.prune(folder, keep=0, at=NOON) == [made[3]]


def test_the_ages_of_the_last_backup_and_of_the_last_proof(five, tmp_path: Path) -> None:
    folder, made = five
    at = NOON + datetime.timedelta(days=5)
    assert backups.ages(tmp_path / "none", at=at) == backups.Ages(None, None)
    assert backups.ages(folder, at=at) == backups.Ages(86_400, None)
    backups.write_proof(made[0], at=NOON, seconds=3, found={})
    assert backups.ages(folder, at=at) == backups.Ages(86_400, 5 * 86_400)


# -- the commands --------------------------------------------------------------------------------


def test_the_commands_back_up_restore_and_note_the_proof(
    world: Cast, tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    settings.BACKUP_DIR = str(tmp_path / "all")
    settings.BACKUP_KEY_FILE = str(tmp_path / "key")
    with pytest.raises(CommandError, match="pas encore de sauvegarde"):
        call_command("restore")
    said = io.StringIO()
    call_command("backup", stdout=said)
    assert "Sauvegarde" in said.getvalue()
    call_command("restore", stdout=said)
    assert "restaurée et prouvée" in said.getvalue()
    (place,) = backups.backups(tmp_path / "all")
    assert backups.proved_at(place) is not None
    (place / backups.DUMP).write_bytes(b"")
    with pytest.raises(CommandError, match="ne peut pas être restaurée"):
        call_command("restore")


def changed(place: Path, **facts: object) -> None:
    """A backup whose manifest says something else, under its own key."""
    told = json.loads((place / backups.MANIFEST).read_text()) | facts
    (place / backups.MANIFEST).write_text(backups._signed(backups.Manifest(**told), KEY))


def test_what_is_not_the_original_is_no_proof_and_leaves_nothing(
    backup: Path, tmp_path: Path, settings
) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    settings.BACKUP_KEY_FILE = str(tmp_path / "key")
    before = databases()
    rows = json.loads((backup / backups.MANIFEST).read_text())["rows"]
    changed(backup, rows=rows | {"portal_user": rows["portal_user"] + 1})
    with pytest.raises(CommandError, match="ne vaut pas l’original : rows: portal_user"):
        call_command("restore", str(backup), stdout=io.StringIO())
    assert backups.proved_at(backup) is None
    assert databases() == before


def test_what_cannot_be_filled_leaves_nothing(backup: Path) -> None:
    """A dump that is as it was written, and that no server can read."""
    before = databases()
    content = sealed(b"PGDMP and nothing of the kind" * 1_000)
    (backup / backups.DUMP).write_bytes(content)
    changed(backup, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    with pytest.raises(BackupFailed, match="pg_restore:"):
        restoring.restore(backup, key=KEY)
    assert databases() == before


def test_a_backup_without_a_key_is_refused_unless_the_data_are_invented(
    world: Cast, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="BACKUP_KEY_FILE"):
        call_command("backup", to=str(tmp_path / "all"))
    call_command("backup", to=str(tmp_path / "all"), plain=True, stdout=io.StringIO())
    (place,) = backups.backups(tmp_path / "all")
    assert backups.examine(place, key=None).is_sealed is False


def test_what_pg_dump_says_is_passed_on(
    world: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        backups,
        "libpq_environment",
        lambda _database: {"PGHOST": "127.0.0.1", "PGPORT": "1", "PATH": os.environ["PATH"]},
    )
    with pytest.raises(BackupFailed, match=r"pg_dump: .*refused"):
        backups.make(tmp_path / "all", key=KEY, at=NOON)
    assert list((tmp_path / "all").iterdir()) == []
