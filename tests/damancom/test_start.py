"""`make run`, played for real on a copy of the checkout: it starts, it says so, it stops, and it survives a crash."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from damancom.embedded import CHECKOUT, free_port

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "var", "tests", "bench", "__pycache__", ".*_cache"
)
LAST_LINE = "Ctrl-C"


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as parent:
        Path(parent).chmod(0o755)
        copy = Path(parent) / "un clone"
        shutil.copytree(CHECKOUT, copy, ignore=NOT_COPIED)
        yield copy
        subprocess.run(
            [sys.executable, "-m", "damancom.embedded", "reset"],
            cwd=copy,
            env=environment(0),
            check=True,
        )


def environment(port: int) -> dict[str, str]:
    """A person's terminal: nothing of this test run's own services and settings."""
    ours = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "ALLOWED_HOSTS", "PUBLIC_URL",
            "SIGNING_PEM_FILE", "CREDITOR_NUMBER"}  # fmt: skip
    return {name: value for name, value in os.environ.items() if name not in ours} | {
        "PORT": str(port)
    }


@contextlib.contextmanager
def start(copy: Path, port: int) -> "Iterator[subprocess.Popen[str]]":
    with subprocess.Popen(
        [sys.executable, "-m", "damancom.start"],
        cwd=copy,
        env=environment(port),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()  # only what failed is still alive; leaving it would make us wait for it


def read_until_started(process: "subprocess.Popen[str]") -> str:
    lines = []
    for line in process.stdout:
        lines.append(line)
        if LAST_LINE in line:
            return "".join(lines)
    raise AssertionError("it did not start:\n" + "".join(lines))


def processes_of(copy: Path) -> list[str]:
    """The command lines of living processes that work in the copy or name it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            folder = (entry / "cwd").readlink()
        except OSError:
            continue
        if command and (str(copy) in command or folder.is_relative_to(copy)):
            found.append(command)
    return found


def wait_until_gone(copy: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while left := processes_of(copy):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.slow
def test_it_starts_stops_and_recovers_from_a_crash(copy: Path) -> None:
    port = free_port()
    with start(copy, port) as crashed:
        said = read_until_started(crashed)
        assert f":{port}" in said
        assert "Mot de passe" in said
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as page:
            assert page.status == 200

        with start(copy, free_port()) as twin:
            assert "Déjà en cours dans ce dossier" in twin.communicate(timeout=60)[0]
            assert twin.returncode == 1

        crashed.kill()
        crashed.wait()
    wait_until_gone(copy, 30)

    with start(copy, port) as again:
        read_until_started(again)
        # One of its processes dies: the others go on, and it is started again.
        web = json.loads((copy / "var" / "run.json").read_text())["children"]["web"]["pid"]
        os.kill(web, signal.SIGKILL)
        assert "web s'est arrêté" in again.stdout.readline()
        again.send_signal(signal.SIGINT)
        assert "Arrêté." in again.communicate(timeout=60)[0]
    assert again.returncode == 0
    assert processes_of(copy) == []

    # Whoever changes their mind at once, at whatever step of the start, leaves nothing behind either.
    for seconds in (0.1, 0.8, 1.6, 2.4, 3.2):
        with start(copy, port) as hasty:
            time.sleep(seconds)
            hasty.send_signal(signal.SIGTERM)
            hasty.communicate(timeout=60)
        assert processes_of(copy) == [], seconds

    with start(copy, port) as orphaned:
        read_until_started(orphaned)
        # The database dies: nothing can go on without it, so all of it ends, and says why.
        children = json.loads((copy / "var" / "services.json").read_text())["children"]
        os.kill(children["postgres"]["pid"], signal.SIGKILL)
        said = orphaned.communicate(timeout=60)[0]
    assert "postgres s'est arrêté" in said
    assert "« make run » relance tout" in said
    assert orphaned.returncode == 1
    assert processes_of(copy) == []


def test_a_taken_port_is_said_before_anything_starts(copy: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with start(copy, port) as refused:
            said = refused.communicate(timeout=60)[0]
    assert refused.returncode == 1
    assert said.startswith(f"Le port {port} n'est pas libre")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("port", ["0", "70000", "quatre", "²"])
def test_a_port_that_is_none_is_refused(copy: Path, port: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "damancom.start"],
        cwd=copy, env=environment(0) | {"PORT": port}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == f"PORT doit être un nombre entre 1 et 65535, pas « {port} ».\n"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://quelque-part", "DATABASE_URL doit avoir la forme"),
        ("postgres://personne:rien@127.0.0.1:1/rien", "Connection refused"),
    ],
)
def test_a_given_database_that_does_not_answer_is_said_without_a_traceback(
    copy: Path, url: str, why: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "damancom.start"],
        cwd=copy, env=environment(free_port()) | {"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "La base de données ne répond pas" in done.stderr
    assert why in done.stderr
    assert "Traceback" not in done.stderr
