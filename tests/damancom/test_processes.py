"""No orphan: not after a stop, not after a crash of the supervisor, and no stranger is ever harmed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from damancom.processes import CannotStart, Family, exclusive

SLEEP = ["sleep", "60"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    family = Family(tmp_path / "family.json")
    yield family
    family.stop_all()


def test_a_stopped_child_is_gone_and_forgotten(family: Family, tmp_path: Path) -> None:
    child = family.start("sleep", SLEEP, log=tmp_path / "log")
    assert is_alive(child.process.pid)
    family.stop_all()
    assert child.process.returncode == -signal.SIGTERM
    assert json.loads(family.record.read_text())["children"] == {}


def test_a_full_disk_stops_nothing(
    family: Family, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draft = family.record.with_suffix(".new")
    draft.symlink_to("/dev/full")
    first = family.start("first", ["sleep", "60"], log=tmp_path / "first.log")
    assert is_alive(first.process.pid)
    assert "No space left" in capsys.readouterr().err
    draft.symlink_to("/dev/full")
    family.stop("first")
    assert not is_alive(first.process.pid)
    family.start("second", ["sleep", "60"], log=tmp_path / "second.log")
    assert list(json.loads(family.record.read_text())["children"]) == ["second"]


def test_children_stop_side_by_side(family: Family, tmp_path: Path) -> None:
    """Three that need half a second each are gone in less than the sum, and each was asked once."""
    slow = (
        "import signal, sys, time\n"
        "def leave(*_):\n"
        "    print('asked', flush=True)\n"
        "    time.sleep(0.5)\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    logs = [tmp_path / f"log{number}" for number in range(3)]
    for log in logs:
        family.start(log.name, [sys.executable, "-c", slow], log=log)
    wait_until(lambda: all(log.exists() and "up" in log.read_text() for log in logs))
    before = time.monotonic()
    family.stop_all()
    assert time.monotonic() - before < 1.4
    assert [log.read_text().count("asked") for log in logs] == [1, 1, 1]


def test_a_child_that_will_not_stop_is_ended(family: Family, tmp_path: Path) -> None:
    child = family.start("stubborn", STUBBORN, log=tmp_path / "log", grace_seconds=0.2)
    wait_until(lambda: "up" in (tmp_path / "log").read_text())
    family.stop("stubborn")
    assert child.process.returncode == -signal.SIGKILL


def test_what_a_child_started_goes_with_it(family: Family, tmp_path: Path) -> None:
    child = family.start("parent", ["sh", "-c", "sleep 60 & echo $!; wait"], log=tmp_path / "log")
    wait_until(lambda: (tmp_path / "log").read_text().strip())
    grandchild = int((tmp_path / "log").read_text())
    child.process.kill()
    assert is_alive(grandchild)
    family.stop("parent")
    wait_until(lambda: not is_alive(grandchild))


def test_children_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal, sys\n"
        "from damancom.processes import Family\n"
        f"child = Family(pathlib.Path({str(tmp_path / 'family.json')!r})).start("
        f"'sleep', ['sleep', '60'], log=pathlib.Path({str(tmp_path / 'log')!r}))\n"
        "print(child.process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    child = int(done.stdout)
    wait_until(lambda: not is_alive(child))


def test_the_next_start_stops_a_survivor(family: Family, tmp_path: Path) -> None:
    child = family.start("stubborn", STUBBORN, log=tmp_path / "log", grace_seconds=0.2)
    wait_until(lambda: "up" in (tmp_path / "log").read_text())
    assert Family(family.record).stop_survivors() == ["stubborn"]
    assert not is_alive(child.process.pid)


@pytest.mark.parametrize("change", ["started", "boot"])
def test_a_stranger_with_the_same_number_is_left_alone(
    family: Family, tmp_path: Path, change: str
) -> None:
    child = family.start("sleep", SLEEP, log=tmp_path / "log")
    record = json.loads(family.record.read_text())
    if change == "started":
        record["children"]["sleep"]["started"] += 1
    else:
        record["boot"] = "another"
    family.record.write_text(json.dumps(record))
    assert Family(family.record).stop_survivors() == []
    assert is_alive(child.process.pid)


def test_a_folder_has_one_user_at_a_time(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "lock"),
        pytest.raises(CannotStart) as refusal,
        exclusive(tmp_path / "lock"),
    ):
        pytest.fail("two users")
    assert str(os.getpid()) in str(refusal.value)
    with exclusive(tmp_path / "lock"):
        pass
