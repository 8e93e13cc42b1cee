"""The blows, each under load and within its limit. A scene says what it did; what is found is told by the caller."""

import http.client
import random
import shutil
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from damancom import backups, restoring
from drills.load import Load
from drills.stack import Portal
from drills.watch import Watch
from payments.models import BankFile
from portal import clock
from portal.enums import JobState

SLOW_CLIENTS = 40
LOAD_SECONDS = 5.0
#: The longest that a page may take while slow clients hold their lines.
PAGE_SECONDS = 10


@dataclass(frozen=True)
class Stage:
    """Where a scene is played."""

    portal: Portal
    #: A small disk of its own, where one could be mounted.
    disk: Path | None
    chance: random.Random
    load: Load
    watch: Watch


class Wrong(Exception):
    """What a scene itself saw go wrong."""


@dataclass(frozen=True)
class Scene:
    """What is done, and how long it may take with all that follows, in seconds, on a machine that has other work."""

    play: Callable[[Stage], str]
    limit: float


def kill(name: str) -> Callable[[Stage], str]:
    """``kill -9`` of a process at a seeded moment under load; the supervisor starts it again."""

    def play(stage: Stage) -> str:
        moment = stage.chance.uniform(1, LOAD_SECONDS - 1)
        time.sleep(moment)
        stage.portal.kill(name)
        time.sleep(LOAD_SECONDS - moment)
        return f"kill -9 after {moment:.1f} s"

    return play


def kill_a_child(name: str) -> Callable[[Stage], str]:
    """``kill -9`` of one of those who do the work of a process, at a seeded moment under load."""

    def play(stage: Stage) -> str:
        moment = stage.chance.uniform(1, LOAD_SECONDS - 1)
        time.sleep(moment)
        if not stage.portal.kill_children(name, stage.chance):
            raise Wrong(f"{name} had no child to kill")
        time.sleep(LOAD_SECONDS - moment)
        return f"kill -9 after {moment:.1f} s"

    return play


def kill_a_task(stage: Stage) -> str:
    """``kill -9`` of the children of the worker while one of them has a file in hand."""
    moment = stage.chance.uniform(1, 3)
    time.sleep(moment)
    in_hand = BankFile.objects.filter(state=JobState.RUNNING.value)
    until = time.monotonic() + 10
    while not in_hand.exists() and time.monotonic() < until:
        pass
    killed = stage.portal.kill_children("worker")
    left = in_hand.count()
    time.sleep(LOAD_SECONDS - moment)
    return f"kill -9 of {killed} after {moment:.1f} s, {left} file(s) in hand"


def broker_gone(stage: Stage) -> str:
    """No broker at all for three seconds: people and banks are served all the same."""
    time.sleep(1)
    with stage.portal.without("valkey"):
        before = stage.load.told.count
        time.sleep(3)
        served = stage.load.told.count - before
    if not served:
        raise Wrong("nothing was acknowledged without a broker")
    time.sleep(1)
    return f"no broker for 3 s, {served} acknowledged meanwhile"


def disk_full(stage: Stage) -> str:
    """Not a byte left for PostgreSQL for four seconds, its log included."""
    if stage.disk is None:
        return "not played: a small disk cannot be mounted here (root is needed)"
    ballast = stage.disk / "ballast"
    time.sleep(1)
    with stage.portal.left_alone("postgres"):
        try:
            written = _fill(ballast)
            time.sleep(4)
        finally:
            ballast.unlink(missing_ok=True)
    time.sleep(1)
    return f"disk filled with {written // 1_048_576} MB for 4 s"


def slow_clients(stage: Stage) -> str:
    """Forty clients that send a byte a second; meanwhile a page is asked for again and again."""
    waits: list[float] = []
    over = threading.Event()
    with ExitStack() as stack:
        stack.callback(over.set)
        for rank in range(SLOW_CLIENTS):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", stage.portal.port)))
            head = b"POST /connexion/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
            line.sendall(head + (b"\r\n" if rank % 2 else b""))
            threading.Thread(target=_drip, args=(line, over), daemon=True).start()
        until = time.monotonic() + LOAD_SECONDS
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                page = f"{stage.portal.url}/connexion/"
                urllib.request.urlopen(page, timeout=PAGE_SECONDS).close()
            except (OSError, http.client.HTTPException) as fault:
                raise Wrong(
                    f"a page was not served beside slow clients: {type(fault).__name__}"
                ) from fault
            waits.append(time.monotonic() - began)
            time.sleep(0.2)
    waits.sort()
    median, slowest = waits[len(waits) // 2], waits[-1]
    return f"{SLOW_CLIENTS} slow clients; a page meanwhile: median {median:.2f} s, slowest {slowest:.2f} s"


def restore(stage: Stage) -> str:
    """A backup taken under load, restored elsewhere and proved; with one byte of it flipped, it is refused."""
    key = b"only-for-the-drill-only-for-the-drill-only-for-it"
    time.sleep(1)
    stage.watch.step("backing up")
    place = backups.make(stage.portal.folder / "backups", key=key, at=clock.now())
    stage.watch.step("restoring with a flipped byte")
    _must_be_refused(place, key, stage.chance)
    stage.watch.step("restoring")
    done = restoring.restore(place, key=key)
    if done.faults:
        raise Wrong("; ".join(done.faults))
    size = done.manifest.size // 1024
    rows = sum(done.manifest.rows.values())
    return f"{size} kB, {rows} rows restored and proved in {done.seconds} s; a flipped byte refused"


def _must_be_refused(place: Path, key: bytes, chance: random.Random) -> None:
    flipped = shutil.copytree(place, place.with_name("flipped"))
    try:
        with (flipped / backups.DUMP).open("r+b") as dump:
            where = chance.randrange((flipped / backups.DUMP).stat().st_size)
            dump.seek(where)
            (byte,) = dump.read(1)
            dump.seek(where)
            dump.write(bytes([byte ^ 1]))
        restoring.restore(flipped, key=key)
    except backups.BackupFailed:
        return
    finally:
        shutil.rmtree(flipped)
    raise Wrong(f"a byte flipped at {where} was not found")


SCENES: dict[str, Scene] = {
    "kill a web process": Scene(kill_a_child("web"), 60),
    "kill the web server": Scene(kill("web"), 60),
    "kill a task": Scene(kill_a_task, 60),
    "kill the worker": Scene(kill("worker"), 60),
    "kill the clock": Scene(kill("beat"), 60),
    "kill the broker": Scene(kill("valkey"), 60),
    "kill a database session": Scene(kill_a_child("postgres"), 60),
    "kill the database": Scene(kill("postgres"), 90),
    "broker gone": Scene(broker_gone, 90),
    "disk full": Scene(disk_full, 120),
    "slow clients": Scene(slow_clients, 60),
    "restore from backup": Scene(restore, 120),
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
