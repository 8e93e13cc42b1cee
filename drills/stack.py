"""A portal of its own for the drills: servers, web, worker and clock as in production, killed and started again."""

import contextlib
import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from damancom import embedded, start
from damancom.processes import CannotStart, Child, Family

SERVICES = ("postgres", "valkey")
OURS = ("web", "worker", "beat")
READY_SECONDS = 60
DISK_MEGABYTES = 600
RECORD = "drill.json"


class Portal:
    """The five processes. What ends by itself is started again, as any supervisor does, unless it is held down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.family = Family(folder / RECORD)
        self.home = embedded.find_home(folder)
        self.logs = folder / "log"
        self.held: set[str] = set()
        self.notes: list[str] = []
        self._hand = threading.RLock()
        self._over = threading.Event()
        self._supervisor = threading.Thread(target=self._mend_until_over, daemon=True)
        self.port = embedded.free_port()
        self.ports: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, step: Callable[[str], object]) -> None:
        """Everything, from nothing to a page that answers, demonstration included."""
        step("servers")
        for name in SERVICES:
            self._serve(name)
        step("demonstration")
        prepare = [sys.executable, "-m", "damancom.start", "prepare"]
        subprocess.run(prepare, check=True, stdout=subprocess.DEVNULL)
        step("web, worker, clock")
        for name in OURS:
            self._run(name)
        self.await_page(READY_SECONDS)

    def stop(self) -> None:
        self._over.set()
        with self._hand:
            self.family.stop_all()

    def tear_down(self) -> None:
        """End everything at once, whatever it is doing, and erase it."""
        self._over.set()
        for child in self.family.children.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
        for place in _places(self.folder):
            _remove(place)

    def supervise(self) -> None:
        """From now on, start again whatever ends."""
        self._supervisor.start()

    def _mend_until_over(self) -> None:
        while not self._over.wait(0.1):
            with self._hand:
                if self._over.is_set():
                    return
                try:
                    self._mend()
                except (CannotStart, OSError) as reason:
                    # A supervisor goes on: what it could not start it tries again.
                    self.notes.append(str(reason).splitlines()[0])

    def _mend(self) -> None:
        ended = [
            name
            for name in (*SERVICES, *OURS)
            if name not in self.held
            and (
                name not in self.family.children
                or self.family.children[name].process.poll() is not None
            )
        ]
        for name in ended:
            self.family.stop(name)
            if name in SERVICES:
                self._serve(name)
            else:
                self._run(name)

    def kill(self, name: str) -> int:
        """``kill -9`` of a process of ours; returns how many were killed."""
        return _kill([self.family.children[name].process.pid])

    def kill_children(self, name: str, one_by: random.Random | None = None) -> int:
        """``kill -9`` of those that a process made to do its work, or of one of them; returns how many were killed.

        Of the database: the sessions of our clients. Of the others: all but the helper that counts shared resources.
        """
        made = children_of(self.family.children[name].process.pid)
        workers = [pid for pid in made if _does_the_work(name, pid)]
        return _kill([one_by.choice(workers)] if one_by and workers else workers)

    @contextlib.contextmanager
    def without(self, name: str) -> Iterator[None]:
        """The portal while one of its parts is stopped."""
        with self._hand:
            self.held.add(name)
            self.family.stop(name)
        try:
            yield
        finally:
            self.held.discard(name)

    @contextlib.contextmanager
    def left_alone(self, name: str) -> Iterator[None]:
        """While the block runs, this part may end and nobody starts it again."""
        self.held.add(name)
        try:
            yield
        finally:
            self.held.discard(name)

    def await_page(self, seconds: float) -> None:
        """Return once a page answers as it should."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/connexion/", timeout=5).close()
            except (OSError, http.client.HTTPException) as fault:
                if isinstance(fault, urllib.error.HTTPError):
                    fault.close()
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(f"{self.url} does not answer; see {self.logs}")

    def _serve(self, name: str) -> None:
        begin = {"postgres": embedded.start_postgres, "valkey": embedded.start_valkey}[name]
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                url = begin(self.family, self.home, durable=True, port=self.ports.get(name, 0))
                break
            except CannotStart:
                # What was killed leaves its lock or its port for an instant; a full disk, for longer.
                self.family.stop(name)
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
        self.ports[name] = urlsplit(url).port or 0
        os.environ["DATABASE_URL" if name == "postgres" else "REDIS_URL"] = url

    def _run(self, name: str) -> Child:
        return self.family.start(
            name,
            [sys.executable, "-m", *start._commands("127.0.0.1", self.port)[name]],
            log=self.logs / f"{name}.log",
            environment=os.environ
            | start.OWN_ENVIRONMENT.get(name, {})
            | {"PORT": str(self.port), "DATABASE_URL": _as_in_production(), "ROW_WALLS": "whole"},
            cwd=embedded.CHECKOUT,
            grace_seconds=20,
        )


def _as_in_production() -> str:
    """The address of the database for who answers the network: a role that owns no table."""
    here = urlsplit(os.environ["DATABASE_URL"])
    name = f"{embedded.APPLICATION_ROLE}:"
    return here._replace(netloc=here.netloc.replace(f"{embedded.ROLE}:", name, 1)).geturl()


def _kill(pids: list[int]) -> int:
    killed = 0
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed


def _does_the_work(name: str, pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return False
    return b" 127.0.0.1(" in command if name == "postgres" else b"resource_tracker" not in command


def children_of(pid: int) -> list[int]:
    """The processes that ``pid`` made, oldest first."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text("utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(entry.parent.name))
    return sorted(found)


@contextlib.contextmanager
def own_folder(folder: Path) -> Iterator[Path | None]:
    """A folder for the block and nothing of it afterwards; gives where a small disk of its own could be mounted.

    That is where the servers keep their data: in ``folder``, or where root's servers can reach it. What a drill that
    was killed left there goes first.
    """
    places = _places(folder)
    Family(folder / RECORD).stop_survivors()
    for place in places:
        _remove(place)
        place.mkdir(parents=True)
    try:
        yield places[-1] if _mount(places[-1]) else None
    finally:
        for place in places:
            _remove(place)


def _places(folder: Path) -> list[Path]:
    return list(dict.fromkeys([folder, embedded.home_folder(folder)]))


def _mount(place: Path) -> bool:
    options = f"size={DISK_MEGABYTES}m,mode=755"
    try:
        command = ["mount", "-t", "tmpfs", "-o", options, "drill", str(place)]
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def _remove(place: Path) -> None:
    """Unmount and erase; a server that is just ending may still be writing for an instant."""
    shutil.rmtree(place, ignore_errors=True)
    while os.path.ismount(place):
        done = subprocess.run(["umount", str(place)], capture_output=True)
        if done.returncode and subprocess.run(["umount", "--lazy", str(place)]).returncode:
            break
    shutil.rmtree(place, ignore_errors=True)


def left_behind(folder: Path) -> list[str]:
    """What of a drill is still there: its processes, its mounts, its folders."""
    places = list(dict.fromkeys([folder, embedded.away_folder(folder)]))
    mounts = Path("/proc/mounts").read_text("utf-8", errors="replace")
    found = [f"mount {place}" for place in places if f" {place} " in mounts]
    found += [f"folder {place}" for place in places if place.exists()]
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) != os.getpid() and (command := _command_of(entry, places)):
            found.append(f"process {entry.name} {command}")
    return found


def _command_of(entry: Path, places: list[Path]) -> str:
    """What a process was started as, when one of these folders is its own; nothing for any other."""
    with contextlib.suppress(OSError):
        command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
        told = b"%b %b" % (command, (entry / "environ").read_bytes())
        if command and any(os.fsencode(place) in told for place in places):
            return command.decode(errors="replace").strip()[:120]
    return ""
