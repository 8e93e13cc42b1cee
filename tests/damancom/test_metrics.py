"""/metrics: for the bearer of the token, numbers only, true ones."""

import datetime
import io
import json
import re
from pathlib import Path

import pytest
import redis
from django.core.management import CommandError, call_command
from django.test import Client

from damancom import backups, metrics
from damancom.settings import env
from portal import audit, clock
from portal import metrics as counters
from portal.models import AuditEntry, Mail
from tests.cast import Cast
from tests.declarations.factories import submitted

pytestmark = pytest.mark.django_db
TOKEN = "only-for-tests-only-for-tests-only-for-tests"


@pytest.fixture(autouse=True)
def _fresh_counters(settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(counters._KEY)


def read(client: Client) -> dict[str, float]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _space, value in (line.rpartition(" ") for line in lines)}


def test_nobody_reads_them_without_the_token(client: Client, settings) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 404
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_a_weak_token_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "short")
    with pytest.raises(Exception, match="METRICS_TOKEN"):
        env.optional_secret("METRICS_TOKEN", minimum_length=32)
    monkeypatch.delenv("METRICS_TOKEN")
    assert env.optional_secret("METRICS_TOKEN", minimum_length=32) == ""


def test_what_waits_is_counted_and_aged(client: Client) -> None:
    now = clock.now()
    for rank, state in enumerate(["waiting", "waiting", "running", "parked", "done"]):
        Mail.objects.create(
            key=str(rank), address="a@b.ma", language="fr", subject="s", state=state, created_at=now,
            due_at=now - datetime.timedelta(minutes=rank),
        )  # fmt: skip
    told = read(client)
    assert told['damancom_jobs{kind="mail",state="waiting"}'] == 2
    assert told['damancom_jobs{kind="mail",state="running"}'] == 1
    assert told['damancom_jobs{kind="mail",state="parked"}'] == 1
    assert 120 <= told['damancom_jobs_oldest_seconds{kind="mail"}'] < 1_000
    assert told['damancom_jobs_oldest_seconds{kind="bank_file"}'] == 0
    assert told['damancom_up{part="database"}'] == 1
    assert 'damancom_queue_messages{queue="money"}' in told


def test_what_went_wrong_is_counted(client: Client) -> None:
    assert read(client)["damancom_sign_in_refused_total"] == 0
    client.post("/connexion/", {"username": "a@b.ma", "password": "x"})
    assert read(client)["damancom_sign_in_refused_total"] == 1


def test_without_redis_the_rest_is_told(client: Client, settings) -> None:
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    counters.count(counters.FAILED)
    told = read(client)
    assert told['damancom_up{part="broker"}'] == 0
    assert "damancom_trace_unsealed" in told
    assert "damancom_pages_failed_total" not in told


def test_every_name_is_explained_once(client: Client) -> None:
    text = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
    told = re.findall(r"^# HELP (\S+)", text, re.MULTILINE)
    assert len(told) == len(set(told))
    assert set(told) <= set(metrics.HELP)
    assert text.endswith("\n")


def test_what_the_database_holds_is_counted_truly(client: Client, cast: Cast) -> None:
    audit.seal(everywhere=True)
    before = read(client)
    assert (before["damancom_trace_unsealed"], before["damancom_slips_due"]) == (0, 0)
    submitted(cast.owner, cast.affiliate)
    unsealed = AuditEntry.objects.filter(seal__isnull=True).count()
    told = read(client)
    assert (told["damancom_trace_unsealed"], told["damancom_slips_due"]) == (unsealed, 1)
    assert unsealed > 0


def proved_backup(
    folder: Path, *, made: datetime.timedelta, proved: datetime.timedelta | None
) -> None:
    place = folder / "one"
    place.mkdir(parents=True)
    at = clock.now()
    (place / backups.MANIFEST).write_text(json.dumps({"made_at": (at - made).isoformat()}))
    if proved is not None:
        backups.write_proof(place, at=at - proved, seconds=1, found={})


@pytest.mark.parametrize(
    ("proved", "late"),
    [(None, 1), (datetime.timedelta(days=6), 0), (datetime.timedelta(days=8), 1)],
)
def test_a_backup_that_was_never_or_long_ago_restored_is_red(
    client: Client, settings, tmp_path: Path, proved: datetime.timedelta | None, late: int
) -> None:
    settings.BACKUP_DIR = str(tmp_path)
    proved_backup(tmp_path, made=datetime.timedelta(days=9), proved=proved)
    told = read(client)
    assert told["damancom_restore_proof_late"] == late
    days = proved.days if proved else None
    assert (told.get("damancom_restore_proof_age_seconds", -1) // 86_400) == (
        -1 if days is None else days
    )
    assert told["damancom_backup_age_seconds"] // 86_400 == 9
    if late:
        with pytest.raises(CommandError, match="restore"):
            call_command("restore", check=True)
    else:
        said = io.StringIO()
        call_command("restore", check=True, stdout=said)
        assert "il y a 6 jours" in said.getvalue()


def test_without_a_backup_the_proof_is_late(client: Client, settings, tmp_path: Path) -> None:
    settings.BACKUP_DIR = str(tmp_path / "none")
    told = read(client)
    assert told["damancom_restore_proof_late"] == 1
    assert "damancom_backup_age_seconds" not in told


@pytest.mark.urls("tests.portal.urls_for_tests")
def test_pages_that_fail_are_counted(settings) -> None:
    before = counters.counted()[counters.FAILED]
    assert Client(raise_request_exception=False).get("/t/breaks/").status_code == 500
    assert counters.counted()[counters.FAILED] == before + 1


def test_throttled_sign_ins_and_unknown_keys_are_counted(client: Client) -> None:
    for _try in range(6):
        client.post("/connexion/", {"username": "a@b.ma", "password": "x"})
    client.get("/api/v1/bank-files/", headers={"Authorization": "Bearer dmc_0_0"})
    told = read(client)
    assert told["damancom_sign_in_throttled_total"] >= 1
    assert told["damancom_bank_key_refused_total"] == 1
