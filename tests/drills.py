"""Killing a real worker, a real server or a real database at a named place, as a power cut would."""

import ast
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from django.conf import settings
from django.db import connection
from kombu import Connection

from damancom import embedded
from damancom.processes import CannotStart, Family
from tests.running import CHECKOUT, Worker


def named_failpoints(folder: str) -> set[str]:
    """The places where a drill may stop the code of a room."""
    found = set()
    for path in (settings.BASE_DIR / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == "failpoint":
                found.add(ast.literal_eval(node.args[0]))  # type: ignore[attr-defined]
    return found


def own_broker() -> str:
    """Another Redis database than the suite's: the message must reach the worker that is to be killed."""
    parts = urlsplit(settings.REDIS_URL)
    return parts._replace(path=f"/{int(parts.path.strip('/') or 0) + 8}").geturl()


def send_to(broker: str, task: Any, *args: int) -> None:
    """One message for the worker behind this broker."""
    with Connection(broker) as line:
        task.apply_async(args=args, connection=line)


def kill_a_worker_at(place: str, folder: Path, task: Any, *args: int) -> None:
    """A real worker takes the message and is killed, as by a power cut, at that place; nothing of it is left."""
    broker = own_broker()
    database = connection.settings_dict["NAME"]
    with Worker.running(folder, database, FAILPOINT=place, REDIS_URL=broker) as worker:
        send_to(broker, task, *args)
        deadline = time.monotonic() + 60
        while "signal 9 (SIGKILL)" not in worker.read_log():
            assert time.monotonic() < deadline, worker.read_log()[-2000:]
            time.sleep(0.05)
        worker.broker.flushdb()
        worker.child.process.kill()  # its message comes back for ever: no polite end


def until(condition: Callable[[], Any], log: Callable[[], str] = str, seconds: float = 60) -> None:
    """Return once the condition holds; fails with the end of the log when it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, log()[-4000:]
        time.sleep(0.01)


class OwnDatabase:
    """A durable PostgreSQL of a test's own: killed as by a power cut, started again where its clients look for it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._family = folder, Family(folder / "services.json")
        self._home, self._port = embedded.find_home(folder), embedded.free_port()
        self._name, self._url = embedded.DATABASE, self._start()
        self.run("manage.py", "migrate", "--verbosity", "0")

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator["OwnDatabase"]:
        """One with the tables of the portal, erased at the end."""
        with tempfile.TemporaryDirectory() as parent:
            # The servers of root run as nobody, who must reach their folder.
            Path(parent).chmod(0o755)
            own = cls(Path(parent) / "portal")
            try:
                yield own
            finally:
                own._family.stop_all()
                embedded.reset(own._folder)

    def _start(self) -> str:
        return embedded.start_postgres(self._family, self._home, durable=True, port=self._port)

    def begin(self, name: str) -> None:
        """An empty portal of this name, for one test."""
        with contextlib.closing(psycopg2.connect(self._url)) as line:
            line.autocommit = True
            line.cursor().execute(f"CREATE DATABASE {name} TEMPLATE {embedded.DATABASE}")
        self._name = name

    @property
    def environment(self) -> dict[str, str]:
        """What our programs need to work on this database, away from the broker of the other tests."""
        url = urlsplit(self._url)._replace(path=f"/{self._name}").geturl()
        return {"DATABASE_URL": url, "REDIS_URL": own_broker()}

    def kill(self) -> None:
        """As by a power cut."""
        process = self._family.children["postgres"].process
        process.kill()
        process.wait()

    def start_again(self) -> None:
        """Once the last of the killed sessions has noticed."""

        def started() -> bool:
            try:
                self._start()
            except CannotStart:
                self._family.stop("postgres")
                return False
            return True

        until(started)

    def connect(self) -> "psycopg2.extensions.connection":
        """A connection, for a lock or a question."""
        return psycopg2.connect(self.environment["DATABASE_URL"])

    def ask(self, question: str) -> Any:
        """The first row of the answer."""
        with contextlib.closing(self.connect()) as line, line, line.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone() if cursor.description else None

    def someone_waits(self) -> bool:
        """Whether a session of ours waits for the lock of another."""
        return bool(self.ask("SELECT count(*) FROM pg_locks WHERE NOT granted")[0])

    def run(self, *argv: str, given: bytes = b"") -> bytes:
        """What a program of ours says, working on this database."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            [sys.executable, *argv], input=given, env=environment, cwd=CHECKOUT, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        return done.stdout

    def books_balance(self) -> bool:
        """What `check_ledger` says."""
        return bool(json.loads(self.run("manage.py", "check_ledger", "--json"))["ok"])
