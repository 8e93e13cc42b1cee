"""Child processes that never outlive us: start, remember, stop, and clear what a crash left behind.

Three walls against orphans, because each has a hole that the next one closes:

1. an orderly stop signals each child and waits for it;
2. the kernel signals each child when its parent dies (``PR_SET_PDEATHSIG``), even by ``kill -9``;
3. every child is written down with its start time, so that the next start recognises a survivor and stops it,
   and never a stranger that was given the same number.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.02
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class CannotStart(Exception):
    """A reason not to start, as one French sentence for the person at the terminal."""


@contextlib.contextmanager
def exclusive(path: Path, *, wait_seconds: float = 0) -> Iterator[IO[str]]:
    """Hold the lock file ``path``; raises CannotStart with the holder's number when it is taken.

    The kernel frees the lock with the process, so a crash leaves no stale lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as handle:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    handle.seek(0)
                    raise CannotStart(
                        f"Déjà en cours dans ce dossier (processus {handle.read().strip() or 'inconnu'}) :"
                        " arrêtez-le d'abord, puis recommencez."
                    ) from None
                time.sleep(0.2)
        handle.seek(0)
        handle.truncate()
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        yield handle


class Family:
    """The children of one supervisor, written down in ``record`` while they live."""

    def __init__(self, record: Path) -> None:
        self.record = record
        self.children: dict[str, Child] = {}

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: tuple[int, int] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_seconds: float = 10,
    ) -> "Child":
        """Start one child in its own session (a Ctrl-C reaches us, who pass it on in order).

        ``user`` is the (uid, gid) to run under, for root only. Output goes to the end of ``log``.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        uid, gid = user or (None, None)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(part) for part in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment) if environment is not None else None,
                cwd=cwd,
                start_new_session=True,
                user=uid,
                group=gid,
                extra_groups=None if user is None else [],
                preexec_fn=_die_with(os.getpid(), stop_signal),  # noqa: PLW1509 - no thread has started yet
            )
        child = Child(name, process, stop_signal, grace_seconds)
        self.children[name] = child
        self._write()
        return child

    def stop(self, name: str) -> None:
        """Stop one child and wait for it; does nothing when it is gone already."""
        child = self.children.pop(name, None)
        if child is not None:
            child.stop()
            self._write()

    def stop_all(self) -> None:
        """Stop every child: all are asked at once, then waited for, last started first."""
        for child in reversed(self.children.values()):
            child.ask_to_stop()
        for name in reversed(list(self.children)):
            self.stop(name)

    def stop_survivors(self) -> list[str]:
        """Stop what an earlier supervisor of the same record left running; returns the names.

        A survivor is recognised by number, start time and boot: a stranger that was given an old number is untouched.
        """
        try:
            remembered = json.loads(self.record.read_text("utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return []
        if remembered.get("boot") != _boot_id():
            return []
        stopped = []
        for name, entry in reversed(list(remembered.get("children", {}).items())):
            pid = entry["pid"]
            if entry["started"] is not None and _start_time(pid) == entry["started"]:
                _stop_stranger(
                    pid, signal.Signals(entry["signal"]), entry["started"], entry["grace"]
                )
                stopped.append(name)
            for member in _session_members(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(member, signal.SIGKILL)
        self.record.unlink(missing_ok=True)
        return stopped

    def _write(self) -> None:
        entries = {
            name: {
                "pid": child.process.pid,
                "started": child.started,
                "signal": int(child.stop_signal),
                "grace": child.grace_seconds,
            }
            for name, child in self.children.items()
        }
        text = json.dumps({"boot": _boot_id(), "children": entries}, indent=1)
        draft = self.record.with_suffix(".new")
        try:
            draft.write_text(text, "utf-8")
            draft.replace(self.record)
        except OSError as reason:
            # A full disk must not stop what runs; the children die with this process in any case (`_die_with`).
            draft.unlink(missing_ok=True)
            print(f"{self.record} : {reason.strerror}", file=sys.stderr)


class Child:
    """One running child: its process, and how it wants to be stopped."""

    def __init__(
        self,
        name: str,
        process: "subprocess.Popen[bytes]",
        stop_signal: signal.Signals,
        grace_seconds: float,
    ) -> None:
        self.name = name
        self.process = process
        self.stop_signal = stop_signal
        self.grace_seconds = grace_seconds
        self.started = _start_time(process.pid)
        self._asked = False

    def ask_to_stop(self) -> None:
        """Signal the child, once only: to some programs a second signal means « at once, whatever is lost »."""
        if not self._asked and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        self._asked = True

    def stop(self) -> None:
        """Ask, wait, then insist; whatever the child itself started in its session goes too."""
        if self.process.poll() is None:
            self.ask_to_stop()
            try:
                self.process.wait(self.grace_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


def _die_with(parent: int, stop_signal: signal.Signals) -> Callable[[], None]:
    """What the child runs before it becomes its program: ask the kernel to signal it when we die."""

    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def _stop_stranger(pid: int, stop_signal: signal.Signals, started: int, grace: float) -> None:
    """Stop a process that is not our child: signal it, watch it go, then insist."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, stop_signal)
    deadline = time.monotonic() + grace
    while _start_time(pid) == started:
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name (which may hold spaces); None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields


def _start_time(pid: int) -> int | None:
    """Clock ticks between the machine's boot and the start of ``pid``: with the number, its identity."""
    fields = _stat(pid)
    return None if fields is None else int(fields[19])


def _session_members(session: int) -> list[int]:
    """Processes of a session whose leader is gone (the kernel gives no new process a number still in use so)."""
    if _stat(session) is not None:
        return []
    members = []
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields is not None and int(fields[3]) == session:
            members.append(int(entry.name))
    return members
