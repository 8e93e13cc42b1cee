"""A backup is a restore that was done: into a database of its own, and proved there.

The proof runs in a process that knows no other database and no broker: the migrations, the rows and the sums of the
manifest, the ledger, the trace up to its noted head, then a person who signs in and a certificate that is printed and
verified. What signing in writes is rolled back: a database that is kept is as the backup was.
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from django.conf import settings
from django.db import connection
from psycopg2 import sql

from damancom import backups
from damancom.backups import BackupFailed, Manifest
from damancom.settings import env

#: No broker and no cache: nothing of a restored database may reach the real ones.
_NOWHERE: Final = "redis://127.0.0.1:1/0"


@dataclass(frozen=True, slots=True)
class Restored:
    """A database made from a backup, what was found in it, and how long it took (seconds)."""

    database: str
    manifest: Manifest
    found: dict[str, str]
    faults: list[str]
    seconds: int


def restore(place: Path, *, key: bytes | None, into: str = "") -> Restored:
    """Restore a backup and prove it. Without ``into`` the database is a scratch one, dropped at the end.

    BackupFailed when the backup cannot be read or the database ``into`` exists already; nothing is then left. What
    the proof found wrong is in ``faults``, and the scratch database is gone all the same.
    """
    began = time.monotonic()
    manifest = backups.examine(place, key=key)
    name = into or f"{connection.settings_dict['NAME']}_scratch_{secrets.token_hex(6)}"
    with _made(name, keep=bool(into)):
        _fill(name, place, manifest, key)
        found, faults = _proved(name, manifest)
    return Restored(name, manifest, found, faults, int(time.monotonic() - began))


def url_of(name: str) -> str:
    """The address of another database of the same server, as the role that may create them."""
    url = settings.RESTORE_DATABASE_URL or os.environ["DATABASE_URL"]
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _settings_of(name: str) -> dict[str, Any]:
    return env.database(url_of(name), statement_timeout_s=0)


@contextlib.contextmanager
def _made(name: str, *, keep: bool) -> Iterator[None]:
    """A new, empty database; dropped at the end, or when filling it failed."""
    try:
        _administer(sql.SQL("CREATE DATABASE {} TEMPLATE template0"), name)
    except psycopg2.Error as fault:
        raise BackupFailed(str(fault).strip()) from fault
    kept = False
    try:
        yield
        kept = keep
    finally:
        if not kept:
            _administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), name)


def _administer(statement: sql.SQL, name: str) -> None:
    place = _settings_of(urlsplit(url_of("")).path.strip("/") or "postgres")
    connection = psycopg2.connect(
        host=place["HOST"],
        port=place["PORT"] or None,
        user=place["USER"],
        password=place["PASSWORD"],
        dbname="postgres",
        connect_timeout=5,
    )
    with contextlib.closing(connection):
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement.format(sql.Identifier(name)))


def _fill(name: str, place: Path, manifest: Manifest, key: bytes | None) -> None:
    command = [
        backups.program("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
        "--dbname", name,
    ]  # fmt: skip
    environment = backups.libpq_environment(_settings_of(name))
    with tempfile.TemporaryFile() as complaints:
        filling = subprocess.Popen(  # noqa: S603 - our own program and arguments
            command, env=environment, stdin=subprocess.PIPE, stderr=complaints
        )
        with filling, contextlib.suppress(BrokenPipeError):
            # It may leave before the end, with its reason in ``complaints``.
            target = cast("IO[bytes]", filling.stdin)
            for piece in backups.open_dump(place, manifest, key):
                target.write(piece)
            target.close()
        if filling.returncode != 0:
            complaints.seek(0)
            raise BackupFailed("pg_restore:", complaints.read().decode(errors="replace").strip())


def _proved(name: str, manifest: Manifest) -> tuple[dict[str, str], list[str]]:
    """Run the proof in a process of its own, which knows only that database."""
    environment = os.environ | {
        "DATABASE_URL": url_of(name),
        "REDIS_URL": _NOWHERE,
        "STATEMENT_TIMEOUT_SECONDS": "600",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "prove_restore"],
        input=json.dumps({"rows": manifest.rows, "debits": manifest.debits, "head": manifest.head}),
        capture_output=True,
        text=True,
        env=environment,
        cwd=settings.BASE_DIR,
        check=False,
    )
    if done.returncode not in {0, 1} or not done.stdout.strip():
        raise BackupFailed("prove_restore:", done.stderr.strip()[-2_000:])
    told = json.loads(done.stdout.splitlines()[-1])
    return told["found"], told["faults"]
