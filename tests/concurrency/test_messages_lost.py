"""The queue is wiped, or holds what it must not: the rows are done all the same, and nothing but JSON is read."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import pytest
from celery.schedules import crontab

from damancom.celery import app
from declarations import tasks
from declarations.models import Declaration, ReceivedFile
from portal.enums import JobState
from portal.tasks import seal_trace
from tests.concurrency.test_exactly_once import sent_today
from tests.drills import until
from tests.running import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_file_is_checked_once_though_the_queue_is_wiped_meanwhile(worker: Worker) -> None:
    files = [sent_today()[2].pk for _rank in range(6)]
    for key in files:
        tasks.check_file.delay(key)
    worker.broker.flushdb()

    def all_done() -> bool:
        tasks.sweep_files.delay()
        worker.wait_idle()
        return not ReceivedFile.objects.exclude(state=JobState.DONE.value).exists()

    until(all_done, worker.read_log)
    assert Declaration.objects.count() == len(files)
    assert set(ReceivedFile.objects.values_list("attempts", flat=True)) == {1}


class Pickled:
    """What somebody who reaches the broker would send: read, it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.mark,)


@pytest.mark.parametrize("serializer", ["pickle", "yaml"])
def test_a_message_that_is_not_json_is_thrown_away_unread(
    serializer: str, worker: Worker, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    name = str(seal_trace.name)
    body: Any = ([Pickled(mark)], {}, {}) if serializer == "pickle" else ([], {}, {})
    headers = {"task": name, "id": f"bad-{serializer}", "lang": "py"}
    before = len(worker.read_log())
    with app.connection_for_write() as line:
        line.Producer().publish(
            body, serializer=serializer, exchange="", routing_key="default", headers=headers
        )
    worker.wait_idle()
    seal_trace.delay()
    worker.wait_idle()
    told = worker.read_log()[before:]
    assert "ContentDisallowed" in told
    assert f"bad-{serializer}" not in [line for line in told.splitlines() if "succeeded" in line]
    assert not mark.exists()
    # The one that was sent after it was read and done.
    assert f"{name}[" in told


#: What nobody asks for: if the clock forgets it, nothing else shows it. The longest that may pass between two runs.
WATCHED = {
    "portal.tasks.seal_trace": 60,
    "portal.tasks.send_mails": 60,
    "portal.tasks.keep_audit_head": 86_400,
    "damancom.tasks.purge": 86_400,
    "declarations.tasks.sweep_files": 60,
    "payments.tasks.sweep_bank_files": 60,
    "payments.tasks.issue_slips": 60,
    "payments.tasks.care_for_debits": 120,
    "certificates.tasks.sweep_papers": 60,
    "certificates.tasks.sweep_receipts": 60,
    "damancom.tasks.sweep_copies": 60,
    "certificates.tasks.supersede_outdated": 600,
    "certificates.tasks.watch_usage": 600,
}


def test_the_clock_forgets_nothing_that_nobody_else_asks_for() -> None:
    often = {entry["task"]: entry["schedule"] for entry in app.conf.beat_schedule.values()}

    def seconds(schedule: Any) -> float:
        if not isinstance(schedule, crontab):
            return float(schedule)
        if len(schedule.hour) < 24:
            every_day = len(schedule.day_of_month) == 31 and len(schedule.day_of_week) == 7
            return 86_400 if every_day else 32 * 86_400
        return 3_600 / len(schedule.minute)

    late = {
        name: most for name, most in WATCHED.items() if name not in often or seconds(often[name]) > most
    }  # fmt: skip
    assert late == {}
    # Whatever takes no key of a row is either run by the clock or does not exist.
    app.loader.import_default_modules()
    ours = {name: one for name, one in app.tasks.items() if not name.startswith("celery.")}
    alone = {name for name, one in ours.items() if not _parameters(one)}
    assert alone - set(often) == set()


def _parameters(task: Any) -> int:
    return len(inspect.signature(task.run).parameters)
