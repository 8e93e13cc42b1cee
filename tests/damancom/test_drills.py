"""The pieces of ``make drill``: what it says was lost was lost, what it kills is what it says, nothing is endless."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from damancom import backups, embedded, metrics, restoring
from damancom.celery import app
from drills import examine, report, scenes, stack, watch
from drills.load import Acknowledged, Load
from drills.watch import PastLimit, Watch
from payments.models import BankFile
from portal import audit
from portal.enums import JobState
from tests.cast import Cast
from tests.drills import until
from tests.payments.camt_files import camt, entry
from tests.payments.factories import received


def nobody_gives_up(words: str) -> None:
    raise AssertionError(words)


def told(**what: dict[str, str]) -> Acknowledged:
    return Acknowledged(**what)


# -- what was acknowledged and what is found -----------------------------------------------------


def test_what_was_told_and_is_not_there_is_lost_and_twice_is_doubled() -> None:
    said = {"a": "1", "b": "2", "c": "3", "d": "4"}
    kept = [("a", "1"), ("b", "other"), ("c", "3"), ("c", "3b"), ("never told", "9")]
    assert examine._compare(said, kept) == examine.Compared(["b", "d"], ["c"])


def test_a_finding_is_a_fault() -> None:
    assert examine.Found([], [], [], "", "", 1).faults == []
    found = examine.Found(["a"], ["b"], ["c"], "ledger", "trace", 0)
    assert found.faults == ["lost a", "doubled b", "stuck c", "ledger", "trace"]


@pytest.fixture
def files(cast: Cast) -> tuple[BankFile, BankFile]:
    """A bank file that was read, and one that was set aside."""
    read, parked = (
        received(
            cast.bank,
            cast.bank_account,
            camt(entry(ref=ref), account=cast.bank_account.rib, message_id=ref),
            read=ref == "B1",
        )
        for ref in ("B1", "B2")
    )
    BankFile.objects.filter(pk=parked.pk).update(state=JobState.PARKED.value)
    return read, parked


@pytest.mark.django_db
def test_what_is_there_is_sound_what_is_not_is_lost_and_what_is_set_aside_is_stuck(
    files: tuple[BankFile, BankFile],
) -> None:
    acknowledged = told(
        files={one.sha256: one.receipt_number for one in files} | {"0" * 64: "B-1"},
        papers={"intent": "ATT-1"},
    )
    found = examine.examine(acknowledged, known_head="", watch=Watch(60, nobody_gives_up))
    assert (found.lost, found.doubled) == (["0" * 64, "intent"], [])
    assert found.stuck == [f"{files[1].receipt_number} parked"]
    assert (found.sound, acknowledged.count) == (2, 4)
    assert (found.ledger, found.trace) == ("", "")


@pytest.mark.django_db
def test_a_tail_of_the_trace_that_is_gone_is_said(files: tuple[BankFile, BankFile]) -> None:
    audit.seal(everywhere=True)
    position, _colon, digest = examine.head().partition(":")
    head = f"{int(position) + 1}:{digest}"
    found = examine.examine(told(), known_head=head, watch=Watch(60, nobody_gives_up))
    assert found.trace.startswith("trace: ")


@pytest.mark.django_db
def test_a_row_that_nobody_takes_is_stuck_before_the_limit(
    files: tuple[BankFile, BankFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    BankFile.objects.filter(pk=files[1].pk).update(state=JobState.WAITING.value)
    # Nobody is told of it.
    monkeypatch.setattr(examine, "_hurry", lambda waiting: None)
    found = examine.examine(told(), known_head="", watch=Watch(0.5, nobody_gives_up))
    assert found.stuck == [f"bank_file {files[1].pk}"]


@pytest.mark.django_db
def test_the_claim_of_a_dead_worker_is_aged_once(files: tuple[BankFile, BankFile]) -> None:
    rows = BankFile.objects.filter(pk=files[1].pk)
    began = files[1].received_at
    rows.update(state=JobState.RUNNING.value, attempts=1, started_at=began)
    seen: set[tuple[str, int, int]] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examine, "SURELY_LOST", examine.datetime.timedelta(0))
        examine._age(seen)
        examine._age(seen)
    assert rows.get().started_at == began - BankFile.LEASE


def test_what_is_hurried_is_in_the_schedule() -> None:
    assert set(examine.SWEEPS) <= {kind for kind, _model, _since in metrics.JOBS}
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert set(examine.SWEEPS.values()) <= scheduled


# -- clients that insist -------------------------------------------------------------------------


def load(seconds: float) -> Load:
    deadline = time.monotonic() + seconds
    return Load("http://127.0.0.1:1", "", ["27AB"], seed="1 a scene", deadline=deadline)


def test_a_client_insists_until_it_is_told() -> None:
    answers = iter([OSError("away"), "", "R-1"])

    def act() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    one = load(60)
    assert one._insist(act) == "R-1"
    assert (one.told.tries, one.told.refused, one.told.given_up) == (3, 2, 0)


def test_a_client_gives_up_at_the_limit_of_the_scene() -> None:
    one = load(0)
    assert one._insist(lambda: "R-1") == ""
    assert one.told.given_up == 1


def test_a_load_stops_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Load, "_post_file", lambda *_: "R-1")
    monkeypatch.setattr(Load, "_ask_papers", lambda *_: None)
    with load(60) as one:
        pass
    assert not any(thread.is_alive() for thread in one._threads)
    assert set(one.told.files.values()) <= {"R-1"}


# -- nothing is endless --------------------------------------------------------------------------


def test_a_scene_past_its_limit_says_where_it_stood() -> None:
    one = Watch(600, nobody_gives_up)

    def play() -> None:
        with one.running():
            assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 600
            one.step("playing")
            one.step("waiting for a page")
            signal.raise_signal(signal.SIGALRM)  # as the timer does when it ends

    with pytest.raises(PastLimit, match="limit of 600 s while: waiting for a page"):
        play()
    assert set(one.spent) == {"playing", "waiting for a page"}


def test_a_scene_that_has_ended_is_not_interrupted_later() -> None:
    with Watch(600, nobody_gives_up).running():
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_what_no_signal_ends_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    # The grace is over long before the signal of the limit comes: as if that had changed nothing.
    monkeypatch.setattr(watch, "GRACE_SECONDS", -599.95)
    monkeypatch.setattr(watch.faulthandler, "dump_traceback", lambda _file: None)
    ended, said = threading.Event(), []

    def give_up(words: str) -> None:
        said.append(words)
        ended.set()

    one = Watch(600, give_up)
    one.step("asking the database")
    with one.running():
        assert ended.wait(120)
    assert "past its limit of 600 s while: asking the database" in said[0]


def test_every_scene_has_a_limit_and_all_of_them_a_quarter_of_an_hour() -> None:
    assert {"kill a web process", "kill the web server", "kill a task", "kill the worker"} < set(
        scenes.SCENES
    )
    assert {"kill the clock", "kill the broker", "kill a database session"} < set(scenes.SCENES)
    assert {"kill the database", "broker gone", "disk full", "slow clients"} < set(scenes.SCENES)
    assert "restore from backup" in scenes.SCENES
    limits = [scene.limit for scene in scenes.SCENES.values()]
    assert min(limits) > scenes.LOAD_SECONDS
    assert sum(limits) <= 15 * 60


# -- what is told at the end ---------------------------------------------------------------------


def test_the_table_has_a_row_a_scene_and_says_what_is_red() -> None:
    outcomes = [
        report.Outcome("kill a task", acknowledged=12, found=12, seconds=9.25, limit=60, load=0.5),
        report.Outcome("disk full", acknowledged=9, found=8, lost=1, faults=("lost X",), load=0.5),
    ]
    said = report.conclusion(outcomes, [], seed="7", seconds=99.6).splitlines()
    titles = "scene acknowledged found lost doubled seconds limit load"
    assert said[1].split() == titles.split()
    assert said[2].split() == ["kill", "a", "task", "12", "12", "0", "0", "9.2", "60", "0.5", "ok"]
    assert said[3].split()[-1] == "RED"
    assert said[4] == "    lost X"
    assert said[-2:] == ["1 red, in 100 s; seed 7", "nothing left behind"]
    assert report.conclusion([], ["folder x"], seed="1", seconds=0).endswith(
        "left behind:\nfolder x"
    )


# -- processes, disks, folders -------------------------------------------------------------------


@pytest.fixture
def parent() -> Iterator["subprocess.Popen[str]"]:
    """A process that made another."""
    command = (
        "import subprocess; child = subprocess.Popen(['sleep', '60']); "
        "print(child.pid, flush=True); child.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_the_children_of_a_process_are_found_and_killed(parent: "subprocess.Popen[str]") -> None:
    pid = int(parent.stdout.readline())
    assert stack.children_of(parent.pid) == [pid]
    assert stack._does_the_work("worker", pid)
    assert not stack._does_the_work("postgres", pid)
    assert stack._kill([pid]) == 1
    parent.wait()
    assert stack._kill([pid]) == 0


def test_a_folder_of_its_own_is_gone_afterwards_with_its_disk(tmp_path: Path) -> None:
    folder = tmp_path / "drill"
    folder.mkdir()
    (folder / "left by a drill that was killed").touch()
    with stack.own_folder(folder) as disk:
        assert list(folder.iterdir()) == []
        assert disk in (None, folder, embedded.away_folder(folder))
        assert disk is None or os.path.ismount(disk)
        (folder / "one").write_text("one")
    assert stack.left_behind(folder) == []
    assert not folder.exists()


def test_what_is_left_behind_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "drill"
    folder.mkdir()
    with subprocess.Popen(["sleep", "60"], env={"VAR_DIR": str(folder)}) as left:
        try:
            # Between its birth and its first instruction a process has no words of its own.
            until(Path(f"/proc/{left.pid}/environ").read_bytes)
            found = stack.left_behind(folder)
        finally:
            left.kill()
    assert found == [f"folder {folder}", f"process {left.pid} sleep 60"]
    shutil.rmtree(folder)
    assert stack.left_behind(folder) == []


# -- a backup with a flipped byte ----------------------------------------------------------------


@pytest.mark.parametrize("is_found", [True, False])
def test_a_flipped_byte_that_is_restored_all_the_same_is_wrong(
    is_found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "one"
    place.mkdir()
    (place / backups.DUMP).write_bytes(b"0" * 100)

    def compare(flipped: Path, *, key: bytes) -> None:
        if is_found and (flipped / backups.DUMP).read_bytes() != b"0" * 100:
            raise backups.BackupFailed("not what was written")

    monkeypatch.setattr(restoring, "restore", compare)
    if is_found:
        scenes._must_be_refused(place, b"", random.Random(1))
    else:
        with pytest.raises(scenes.Wrong, match="was not found"):
            scenes._must_be_refused(place, b"", random.Random(1))
    assert [one.name for one in tmp_path.iterdir()] == ["one"]
