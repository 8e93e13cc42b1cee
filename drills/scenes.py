"""The blows, each under load. A scene says what it did; what was acknowledged and found is told by the caller."""

import random
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from damancom import backups, restoring
from drills.stack import Portal
from portal import clock

SLOW_CLIENTS = 40
LOAD_SECONDS = 6.0


@dataclass(frozen=True)
class Stage:
    """Where a scene is played."""

    portal: Portal
    folder: Path
    has_small_disk: bool
    chance: random.Random


Scene = Callable[[Stage], str]


def kill(name: str, *, child: bool = False) -> Scene:
    """``kill -9`` at a seeded moment under load; the supervisor starts it again."""

    def play(stage: Stage) -> str:
        moment = stage.chance.uniform(1, LOAD_SECONDS - 2)
        time.sleep(moment)
        stage.portal.kill(name, child=child)
        time.sleep(LOAD_SECONDS - moment)
        return f"kill -9 after {moment:.1f} s"

    return play


def broker_gone(stage: Stage) -> str:
    """No broker at all for five seconds: pages and banks are served, the queue is swept afterwards."""
    time.sleep(1)
    with stage.portal.without("valkey"):
        time.sleep(5)
    time.sleep(2)
    return "no broker for 5 s"


def disk_full(stage: Stage) -> str:
    """Not a byte left for PostgreSQL for four seconds, its log included."""
    if not stage.has_small_disk:
        return "not played: a small disk cannot be mounted here (root is needed)"
    ballast = stage.folder / "ballast"
    time.sleep(1)
    written = _fill(ballast)
    with stage.portal.left_alone("postgres"):
        time.sleep(4)
        ballast.unlink()
    time.sleep(2)
    return f"disk filled with {written // 1_048_576} MB for 4 s"


def slow_clients(stage: Stage) -> str:
    """Forty clients that send a byte a second; meanwhile a page is asked for again and again."""
    waits: list[float] = []
    over = threading.Event()
    with ExitStack() as stack:
        for rank in range(SLOW_CLIENTS):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", stage.portal.port)))
            head = b"POST /connexion/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
            line.sendall(head + (b"\r\n" if rank % 2 else b""))
            threading.Thread(target=_drip, args=(line, over), daemon=True).start()
        until = time.monotonic() + LOAD_SECONDS
        while time.monotonic() < until:
            began = time.monotonic()
            with suppress(OSError):
                urllib.request.urlopen(f"{stage.portal.url}/connexion/", timeout=10).close()
            waits.append(time.monotonic() - began)
            time.sleep(0.2)
        over.set()
    waits.sort()
    median, slowest = waits[len(waits) // 2], waits[-1]
    return f"{SLOW_CLIENTS} slow clients; a page meanwhile: median {median:.2f} s, slowest {slowest:.2f} s"


def restore(stage: Stage) -> str:
    """A backup taken under load, restored elsewhere and proved."""
    time.sleep(1)
    key = b"only-for-the-drill-only-for-the-drill-only-for-it"
    place = backups.make(stage.folder / "backups", key=key, at=clock.now())
    done = restoring.restore(place, key=key)
    if done.faults:
        raise AssertionError(done.faults)
    size = done.manifest.size // 1024
    return f"{size} kB, {sum(done.manifest.rows.values())} rows restored and proved in {done.seconds} s: {done.found}"


SCENES: dict[str, Scene] = {
    "kill a web process": kill("web", child=True),
    "kill the web server": kill("web"),
    "kill a task": kill("worker", child=True),
    "kill the worker": kill("worker"),
    "kill the clock": kill("beat"),
    "kill the broker": kill("valkey"),
    "kill a database session": kill("postgres", child=True),
    "kill the database": kill("postgres"),
    "broker gone": broker_gone,
    "disk full": disk_full,
    "slow clients": slow_clients,
    "restore from backup": restore,
}


def _fill(path: Path) -> int:
    """Write until there is no room; returns how many bytes went in."""
    written = 0
    with path.open("wb", buffering=0) as ballast:
        for size in (1_048_576, 4_096, 1):
            try:
                while True:
                    written += ballast.write(b"\0" * size)
            except OSError:
                continue
    return written


def _drip(line: socket.socket, over: threading.Event) -> None:
    while not over.wait(1):
        try:
            line.sendall(b"x")
        except OSError:
            return
