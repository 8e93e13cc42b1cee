"""/healthz names the part that is broken."""

import socket

import pytest
import redis
from django.core.checks import run_checks
from django.db import connection
from django.test import Client

from portal import health
from tests.drills import own_broker
from tests.running import Worker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_worker_seen(request: pytest.FixtureRequest, settings) -> None:
    if "worker" not in request.fixturenames:
        # The worker of another test may be alive: its heart would beat between two lines of ours.
        settings.CELERY_BROKER_URL = own_broker()
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
        broker.delete(health._BEAT_KEY)
    health._last_beat = float("-inf")
    health._migrated = False


def test_all_is_well_once_a_worker_was_seen(client: Client):
    health.beat()
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "database": True,
        "migrations": True,
        "broker": True,
        "worker": True,
    }


def test_no_worker_for_a_minute_is_broken(client: Client, settings):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["worker"]) == (503, False)
    health.beat()
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
        assert 0 < broker.ttl(health._BEAT_KEY) <= 60


def test_a_broker_that_is_away_is_broken_and_the_door_still_opens(client: Client, settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert (answer.json()["broker"], answer.json()["database"]) == (False, True)
    assert client.get("/connexion/").status_code == 200


def test_a_missing_migration_is_broken(client: Client):
    health.beat()
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations)"
        )
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["migrations"]) == (503, False)


def _move_database_to(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", str(port))


def test_a_database_that_is_away_is_broken(client: Client, monkeypatch: pytest.MonkeyPatch):
    _move_database_to(monkeypatch, 1)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert (answer.json()["database"], answer.json()["migrations"]) == (False, False)


def test_a_database_that_accepts_and_never_answers_is_broken(
    client: Client, monkeypatch: pytest.MonkeyPatch
):
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        _move_database_to(monkeypatch, frozen.getsockname()[1])
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["database"]) == (503, False)


@pytest.mark.django_db(transaction=True)
def test_the_real_worker_is_seen(worker: Worker, client: Client):
    worker._wait_for(lambda: client.get("/healthz").json()["worker"], "no heartbeat", 30)


def test_settings_that_fail_silently_are_found(settings):
    assert [found.id for found in run_checks() if found.id.startswith("portal.")] == []
    settings.MIDDLEWARE = [
        name
        for name in settings.MIDDLEWARE
        if "LoginRequired" not in name and "ReadsOnly" not in name
    ]
    settings.CELERY_ACCEPT_CONTENT = ["json", "pickle"]
    found = {found.id for found in run_checks()}
    assert {"portal.E001", "portal.E002", "portal.E005"} <= found
