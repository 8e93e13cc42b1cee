"""The pieces of ``make drill``: what it says was lost was lost, and what it kills is the right process."""

import subprocess
import sys
from pathlib import Path

import pytest

from drills import examine, scenes, stack
from drills.load import Acknowledged, Load


def test_what_was_told_and_is_not_there_is_lost_and_twice_is_doubled() -> None:
    told = {"a": "1", "b": "2", "c": "3", "d": "4"}
    kept = [("a", "1"), ("b", "other"), ("c", "3"), ("c", "3b"), ("never told", "9")]
    assert examine._compare(told, kept) == (["b", "d"], ["c"])


def test_a_finding_is_a_fault() -> None:
    assert examine.Found([], [], [], "", "", 0.1).faults == []
    found = examine.Found(["a"], ["b"], ["c"], "ledger", "trace", 0.1)
    assert found.faults == ["lost a", "doubled b", "stuck c", "ledger", "trace"]


def test_a_client_insists_until_it_is_told() -> None:
    load = Load("http://127.0.0.1:1", "", [], seed=1)
    answers = iter([OSError("away"), "", "R-1"])

    def act() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    assert load._insist(act) == "R-1"
    assert (load.told.tries, load.told.refused) == (3, 2)


def test_a_load_stops_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Load, "_post_file", lambda *_: "R-1")
    monkeypatch.setattr(Load, "_ask_papers", lambda *_: None)
    with Load("http://127.0.0.1:1", "", ["27AB"], seed=1) as load:
        pass
    assert not any(thread.is_alive() for thread in load._threads)
    assert set(load.told.files.values()) <= {"R-1"}
    assert isinstance(load.told, Acknowledged)


def test_each_part_has_its_blow() -> None:
    assert {"kill the web server", "kill the worker", "kill the clock", "kill the broker"} <= set(
        scenes.SCENES
    )
    assert {"kill the database", "broker gone", "disk full", "slow clients"} <= set(scenes.SCENES)
    assert "restore from backup" in scenes.SCENES


def test_the_children_of_a_process_are_found() -> None:
    command = (
        "import subprocess; child = subprocess.Popen(['sleep', '60']); "
        "print(child.pid, flush=True); child.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, text=True
    ) as parent:
        try:
            pid = int(parent.stdout.readline())
            assert stack.children_of(parent.pid) == [pid]
        finally:
            subprocess.run(["kill", "-9", str(pid)], check=True)
            parent.wait()


def test_a_small_disk_is_gone_afterwards_and_an_ordinary_folder_does_where_none_may_be(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "disk"
    with stack.small_disk(folder) as mounted:
        (folder / "one").write_text("one")
    assert (folder / "one").exists() is not mounted
