"""The real web server and the real worker, as processes of their own beside the tests."""

import contextlib
import os
import signal
import sys
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import redis
from django.db import connections

from damancom.celery import app
from damancom.embedded import APPLICATION_ROLE, CHECKOUT, ROLE, free_port
from damancom.processes import Child, Family
from portal import failpoints

START_SECONDS = 60


def environment_for(database: str) -> dict[str, str]:
    """This process's environment, with the test database instead of the one the tests were made from."""
    url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}"))
    return {**os.environ, "DATABASE_URL": url, "PYTHONUNBUFFERED": "1"}


def environment_of_production(database: str) -> dict[str, str]:
    """The same, logged in as in production: a role that owns no table and sees no row by itself (portal.walls)."""
    given = environment_for(database)
    here = urlsplit(given["DATABASE_URL"])
    if here.username != ROLE:  # a server that is not ours: its own role is all we have
        return given
    url = here._replace(netloc=here.netloc.replace(ROLE, APPLICATION_ROLE, 1)).geturl()
    return {**given, "DATABASE_URL": url, "ROW_WALLS": "whole"}


@dataclass
class Worker:
    """One Celery worker process; its log is read when something goes wrong."""

    child: Child
    log: Path
    broker: "redis.Redis"

    @classmethod
    @contextlib.contextmanager
    def running(cls, folder: Path, database: str, **environment: str) -> Iterator["Worker"]:
        """A worker on this database; `environment` adds to its variables (another broker, a failpoint)."""
        family, log = Family(folder / "processes.json"), folder / "worker.log"
        queues = [queue.name for queue in app.conf.task_queues]
        broker = redis.Redis.from_url(environment.get("REDIS_URL", app.conf.broker_url))
        child = family.start(
            "worker",
            [
                sys.executable, "-m", "celery", "-A", "damancom.celery", "worker", "--concurrency", "1",
                "--queues", ",".join(queues), "--loglevel", "INFO", "--without-gossip", "--without-mingle",
            ],
            log=log,
            environment={**environment_of_production(database), **environment},
            cwd=CHECKOUT,
        )  # fmt: skip
        try:
            worker = cls(child, log, broker)
            worker._wait_for(lambda: " ready." in worker.read_log(), "the worker did not start")
            yield worker
        finally:
            family.stop_all()
            broker.close()

    def read_log(self) -> str:
        return self.log.read_text("utf-8", errors="replace")

    def forget_messages(self) -> None:
        """Drop what earlier tests left in the queues: their rows are gone."""
        self.broker.delete(*[queue.name for queue in app.conf.task_queues])

    def wait_idle(self, seconds: float = 30) -> None:
        """Return once every message is taken and acknowledged (tasks acknowledge when they are done)."""
        self._wait_for(self._stays_idle, "the worker is still busy", seconds)

    def _stays_idle(self) -> bool:
        # A message is in neither place for an instant, between its queue and the list of those not acknowledged.
        for _look in range(4):
            if self._pending():
                return False
            time.sleep(0.05)
        return True

    def _pending(self) -> int:
        queued = sum(self.broker.llen(queue.name) for queue in app.conf.task_queues)
        return int(queued + self.broker.hlen("unacked"))

    def _wait_for(self, condition, complaint: str, seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if self.child.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{complaint}; its log:\n{self.read_log()[-4000:]}")
            time.sleep(0.02)


@dataclass
class Server:
    """One web server process at ``url``."""

    child: Child
    log: Path
    url: str

    @classmethod
    @contextlib.contextmanager
    def running(cls, folder: Path, database: str, **environment: str) -> Iterator["Server"]:
        """A server on this database; `environment` adds to its variables (a failpoint)."""
        family, log, port = Family(folder / "processes.json"), folder / "server.log", free_port()
        url = f"http://127.0.0.1:{port}"
        child = family.start(
            "server",
            [
                sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
                "--workers", "1", "--blocking-threads", "2", "--no-ws", "damancom.wsgi:application",
            ],
            log=log,
            environment={**environment_of_production(database), "PUBLIC_URL": url, **environment},
            cwd=CHECKOUT,
        )  # fmt: skip
        try:
            server = cls(child, log, url)
            server._wait_until_it_answers()
            yield server
        finally:
            family.stop_all()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=5).close()
            except urllib.error.HTTPError as answer:
                answer.close()
                return  # any answer will do: health is another test's subject
            except OSError:
                if self.child.process.poll() is not None or time.monotonic() > deadline:
                    log = self.log.read_text("utf-8", errors="replace")[-4000:]
                    raise AssertionError(f"the web server did not start; its log:\n{log}") from None
                time.sleep(0.05)
            else:
                return


def die_at(place: str, act: Callable[[], object]) -> None:
    """Do `act` in a process of its own, killed with -9 at this failpoint; fails if it was not reached.

    A fork, not a new interpreter: the same code, a connection of its own, and a tenth of a second. The connections
    of this process are left alone: psycopg2 closes only what its own process opened.
    """
    inherited = [one.connection for one in connections.all()]
    child = os.fork()
    if child == 0:
        try:
            for one in connections.all():
                one.connection = None
            failpoints._ARMED = place
            act()
        except BaseException:  # noqa: BLE001 (nothing of the child may run the rest of the tests)
            traceback.print_exc()
        finally:
            os._exit(bool(inherited))
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{place} was not reached: exit {status}"
    assert os.WTERMSIG(status) == signal.SIGKILL
