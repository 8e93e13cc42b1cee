"""A database that is frozen, not dead: it takes connections and never answers. Whoever watches is told so."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from damancom import embedded
from tests.running import Server

TOKEN = "only-for-this-test-only-for-this-test"
#: Far above what either page allows itself: a page that hangs is told from a machine that is busy.
LONGEST_SECONDS = 60


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A PostgreSQL of its own, empty, named in the environment; gives the process that leads it."""
    monkeypatch.delenv("DATABASE_URL")
    folder = tmp_path / "var"
    with embedded.missing_services(folder, durable=False) as services:
        postmaster = services.children["postgres"].process.pid
        try:
            yield postmaster
        finally:
            each(postmaster, signal.SIGCONT)
    embedded.reset(folder)


def each(postmaster: int, number: int) -> None:
    """Send a signal to every process of this PostgreSQL, the leading one first."""
    os.kill(postmaster, number)
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(place.read_text("ascii", errors="replace").rpartition(")")[2].split()[1])
            if parent == postmaster:
                os.kill(int(place.parent.name), number)
        except (OSError, IndexError):
            continue  # it ended meanwhile


def asked(server: Server, path: str) -> str:
    request = urllib.request.Request(
        server.url + path, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=LONGEST_SECONDS) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as answer:
        with answer:
            return str(answer.read().decode())


def health(server: Server) -> dict[str, Any]:
    return dict(json.loads(asked(server, "/healthz")))


def test_a_frozen_database_is_told_and_not_waited_for(cluster: int, tmp_path: Path) -> None:
    with Server.running(
        tmp_path / "server", embedded.DATABASE, METRICS_TOKEN=TOKEN, ROW_WALLS="off"
    ) as server:
        assert health(server)["database"] is True
        assert 'damancom_up{part="database"} 1' in asked(server, "/metrics")
        each(cluster, signal.SIGSTOP)
        for _more_often_than_there_are_threads in range(4):
            began = time.monotonic()
            told = health(server)
            assert (told["status"], told["database"], told["migrations"]) == (
                "broken",
                False,
                False,
            )
            assert time.monotonic() - began < LONGEST_SECONDS
            assert 'damancom_up{part="database"} 0' in asked(server, "/metrics")
        each(cluster, signal.SIGCONT)
        assert health(server)["database"] is True
