"""A portal of its own for the drills: servers, web, worker and clock as in production, killed and started again."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from damancom import embedded, start
from damancom.processes import Child, Family

SERVICES = ("postgres", "valkey")
OURS = ("web", "worker", "beat")
READY_SECONDS = 60
DISK_MEGABYTES = 900


class Portal:
    """The five processes. What ends by itself is started again, as any supervisor does, unless it is held down."""

    def __init__(self, folder: Path) -> None:
        self.family = Family(folder / "drill.json")
        self.home = embedded.find_home(folder)
        self.logs = folder / "log"
        self.held: set[str] = set()
        self._hand = threading.RLock()
        self._over = threading.Event()
        self._supervisor = threading.Thread(target=self._mend_until_over, daemon=True)
        self.port = embedded.free_port()
        self.ports: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Everything, from nothing to a page that answers, demonstration included."""
        for name in SERVICES:
            self._serve(name)
        prepare = [sys.executable, "-m", "damancom.start", "prepare"]
        subprocess.run(prepare, check=True, stdout=subprocess.DEVNULL)
        for name in OURS:
            self._run(name)
        self.await_page()

    def stop(self) -> None:
        self._over.set()
        with self._hand:
            self.family.stop_all()

    def supervise(self) -> None:
        """From now on, start again whatever ends."""
        self._supervisor.start()

    def _mend_until_over(self) -> None:
        while not self._over.wait(0.1):
            with self._hand:
                if not self._over.is_set():
                    self._mend()

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

    def kill(self, name: str, *, child: bool = False) -> int:
        """``kill -9`` of a process, or of one that it made; returns its number."""
        pid = self.family.children[name].process.pid
        if child:
            pid = next(iter(children_of(pid)), pid)
        os.kill(pid, signal.SIGKILL)
        return pid

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

    def await_page(self) -> None:
        """Return once a page answers, whatever it says."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/connexion/", timeout=5).close()
            except OSError as fault:
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
            except embedded.CannotStart:
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
            environment=os.environ | start.OWN_ENVIRONMENT.get(name, {}) | {"PORT": str(self.port)},
            cwd=embedded.CHECKOUT,
            grace_seconds=20,
        )


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
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a small disk at ``folder`` for the block; gives False, and an ordinary folder, where it may not."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={DISK_MEGABYTES}m,mode=755",
        "drill",
        str(folder),
    ]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)
