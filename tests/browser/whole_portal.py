"""``make run`` as a visitor gets it: the supervisor, its private services, the demo, the three programs."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from damancom.embedded import CHECKOUT, free_port

START_SECONDS = 180


@dataclass(frozen=True)
class WholePortal:
    """One running portal: its address, its working files, the environment its commands need."""

    url: str
    folder: Path
    password: str
    environment: dict[str, str]

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a management command against this portal's own services."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=CHECKOUT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@contextlib.contextmanager
def running(folder: Path) -> Iterator[WholePortal]:
    """Start it in ``folder``; on leaving, ask it to stop and check that nothing of it is left."""
    own = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "PUBLIC_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    port = free_port()
    environment |= {"VAR_DIR": str(folder), "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    log = folder / "start.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "damancom.start"],
            cwd=CHECKOUT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        password = _await_accounts(process, log)
        yield WholePortal(
            f"http://localhost:{port}", folder, password, _environment_of(folder, environment)
        )
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    assert process.returncode == 0, log.read_text()
    assert _left_behind(folder) == []


def _await_accounts(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while True:
        text = log.read_text()
        found = re.search(r"Mot de passe\s+(\S+)", text)
        if found:
            return found[1]
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the portal did not start:\n{text[-4000:]}")
        time.sleep(0.1)


def _environment_of(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """The environment that the web server got, read from the process itself."""
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            pairs = entry.read_bytes().decode(errors="replace").split("\0")
            found = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
            if found.get("VAR_DIR") == str(folder) and "DATABASE_URL" in found:
                return environment | found
    raise AssertionError("no process of the portal knows its database")


def _left_behind(folder: Path) -> list[str]:
    left = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = entry.read_bytes().decode(errors="replace").replace("\0", " ")
            if str(folder) in words:
                left.append(words)
    return left
