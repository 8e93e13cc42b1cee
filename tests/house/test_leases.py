"""Work whose worker died is taken again within five minutes, whatever its kind."""

import datetime
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

from affiliates.models import DataCopy
from certificates.models import Printing, ReceiptArchive
from damancom import copying, metrics
from damancom.celery import app
from declarations import workflows as declaring
from declarations.models import ReceivedFile
from declarations.workflows import checks
from payments.models import BankFile, DebitRun
from portal import clock, jobs
from portal.enums import JobState
from portal.models import Job, Mail
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, answer, employ, issue

WITHIN = datetime.timedelta(minutes=5)
#: Which entry of the schedule looks for the lost rows of each kind.
SWEPT_BY = {
    BankFile: "check waiting bank files",
    DataCopy: "make the copies of data that wait",
    DebitRun: "care for the debits",
    Mail: "send the mails that are due",
    Printing: "draw the long lists that wait",
    ReceiptArchive: "draw the receipts that wait",
    ReceivedFile: "check waiting declaration files",
}


def test_every_kind_of_work_is_swept_and_measured() -> None:
    kinds = {model for model in apps.get_models() if issubclass(model, Job)}
    assert kinds == set(SWEPT_BY)
    assert kinds == {model for _name, model, _since in metrics.JOBS}


@pytest.mark.parametrize("kind", SWEPT_BY, ids=lambda kind: kind.__name__)
def test_a_lease_and_its_sweep_together_are_five_minutes_at_most(kind: type[Job]) -> None:
    every = app.conf.beat_schedule[SWEPT_BY[kind]]["schedule"]
    assert isinstance(every, float)
    assert kind.LEASE + datetime.timedelta(seconds=every) <= WITHIN


def test_nobody_else_says_when_a_claim_is_too_old() -> None:
    """A second measure of it, elsewhere, would be held by no test."""
    measured = {
        str(path.relative_to(settings.BASE_DIR))
        for room in apps.get_app_configs()
        if Path(room.path).parent == settings.BASE_DIR
        for path in Path(room.path).rglob("*.py")
        if re.search(r"started_at__\w+|\bstarted_at\s*[<>]", path.read_text("utf-8"))
    }
    assert measured == {"portal/jobs.py"}


# -- long work starts its lease again ------------------------------------------------------------


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.Pulse, "EVERY_SECONDS", 0)


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_patience")
def test_a_long_copy_keeps_its_worker(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    row = copying.ask(actor=cast.owner, at=clock.now(), affiliate=cast.affiliate)
    seen: list[list[int]] = []
    real = jobs.renew

    def look(claimed: Job) -> None:
        real(claimed)
        seen.append(copying.due(at=clock.now()))

    monkeypatch.setattr(jobs, "renew", look)
    copying.make(copy_id=row.pk, at=clock.now() - 2 * DataCopy.LEASE)
    assert len(seen) > 3
    assert not any(seen)
    row.refresh_from_db()
    assert (row.state, row.attempts) == (JobState.DONE, 1)


@pytest.mark.django_db
def test_a_long_check_keeps_its_worker(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    employ(cast.affiliate, 3)
    file, _due = declaring.receive_file(
        actor=cast.owner, at=AT, affiliate=cast.affiliate, period=JANUARY,
        name=f"DS_{cast.affiliate.affiliation_number}_202601.txt",
        chunks=[answer(issue(cast.owner, cast.affiliate))],
    )  # fmt: skip
    monkeypatch.setattr(checks, "PROGRESS_EVERY", 1)
    seen: list[list[int]] = []

    def look(place: str) -> None:
        if place == "check_file.checked":
            seen.append(declaring.due_files(at=clock.now()))

    monkeypatch.setattr(checks, "failpoint", look)
    declaring.check_file(file_id=file.pk, at=clock.now() - 2 * ReceivedFile.LEASE)
    assert seen == [[]]


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_patience")
def test_whoever_lost_the_row_does_not_keep_it(cast: Cast) -> None:
    row = copying.ask(actor=cast.owner, at=clock.now(), affiliate=cast.affiliate)
    (first,) = jobs.claim(DataCopy.objects.all(), at=clock.now(), on_park=lambda row: None)
    later = clock.now() + DataCopy.LEASE
    (second,) = jobs.claim(DataCopy.objects.all(), at=later, on_park=lambda row: None)
    assert (first.pk, second.attempts) == (row.pk, 2)
    jobs.Pulse(first)()
    row.refresh_from_db()
    assert row.started_at == later
