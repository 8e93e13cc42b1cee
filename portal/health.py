"""Whether the parts answer: database, migrations, broker, worker. Asked by a supervisor, so it must be cheap."""

import time
from typing import Any

import psycopg2
import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

_BEAT_KEY = "damancom:worker-seen"
_SEEN_LIMIT_SECONDS = 60
_BEAT_EVERY_SECONDS = 5
_DATABASE_SECONDS = 2

# Once applied, migrations of this program stay applied: asked until the answer is yes.
_migrated = False
_last_beat = 0.0


def report() -> dict[str, Any]:
    """``{"status": "ok"|"broken", "database": …, "migrations": …, "broker": …, "worker": …}``, each True or False."""
    parts = {"database": _database(), "migrations": False, "broker": False, "worker": False}
    parts["migrations"] = parts["database"] and _migrations()
    parts["broker"], parts["worker"] = _broker_and_worker()
    return {"status": "ok" if all(parts.values()) else "broken", **parts}


def beat() -> None:
    """Say that this worker lives; called by the worker's own heart, kept five seconds apart."""
    global _last_beat  # noqa: PLW0603 - one heart per process
    if time.monotonic() - _last_beat < _BEAT_EVERY_SECONDS:
        return
    with _client() as client:
        client.set(_BEAT_KEY, "1", ex=_SEEN_LIMIT_SECONDS)
    _last_beat = time.monotonic()


def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.CELERY_BROKER_URL, socket_timeout=1, socket_connect_timeout=1
    )


def _database() -> bool:
    """A new connection each time: a frozen server accepts, then never answers; only connecting ever gives up."""
    asked = connection.get_connection_params() | {"connect_timeout": _DATABASE_SECONDS}
    try:
        psycopg2.connect(**asked).close()
    except psycopg2.Error:
        return False
    return True


def _migrations() -> bool:
    global _migrated  # noqa: PLW0603 - a fact about this process
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def _broker_and_worker() -> tuple[bool, bool]:
    try:
        with _client() as client:
            return bool(client.ping()), bool(client.exists(_BEAT_KEY))
    except redis.RedisError:
        return False, False
