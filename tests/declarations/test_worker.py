"""The real path: the page, the broker, a worker in its own process, the page again."""

import time

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from declarations import tasks, workflows
from declarations.codecs import e_bds
from declarations.enums import FileVerdict
from declarations.models import Declaration, DeclarationLine, ReceivedFile
from portal import clock
from portal.enums import JobState
from regulation.periods import Period
from tests.cast import Cast
from tests.declarations.factories import answer, employ
from tests.running import Worker


def last_month() -> Period:
    return Period.from_day(clock.today()).previous()


def filled(cast: Cast) -> bytes:
    employ(cast.affiliate, 3)
    row = workflows.issue_prefill(
        actor=cast.owner, at=clock.now(), affiliate=cast.affiliate, period=last_month()
    )
    return answer(row)


def received(cast: Cast) -> ReceivedFile:
    file, _ = workflows.receive_file(
        actor=cast.owner,
        at=clock.now(),
        affiliate=cast.affiliate,
        period=last_month(),
        name=e_bds.file_name(cast.affiliate.affiliation_number, last_month().compact),
        chunks=[filled(cast)],
    )
    return file


def checked(file: ReceivedFile) -> ReceivedFile:
    """The file once its check has ended, however busy the machine is."""
    deadline = time.monotonic() + 60
    while file.state != JobState.DONE and time.monotonic() < deadline:
        time.sleep(0.05)
        file.refresh_from_db()
    return file


def test_an_upload_is_checked_by_the_worker(worker: Worker, cast: Cast) -> None:
    content = filled(cast)
    number = cast.affiliate.affiliation_number
    client = Client()
    client.force_login(cast.owner)
    name = e_bds.file_name(number, last_month().compact)

    client.post(
        reverse("declarations:upload", args=[number, last_month()]),
        {"file": SimpleUploadedFile(name, content)},
    )
    file = checked(ReceivedFile.objects.get())
    assert (file.state, file.verdict) == (JobState.DONE, FileVerdict.ACCEPTED)
    assert Declaration.objects.get().employee_count == 3


def test_the_sweep_finds_a_file_whose_message_was_lost(worker: Worker, cast: Cast) -> None:
    file = received(cast)

    tasks.sweep_files.delay()

    assert checked(file).verdict == FileVerdict.ACCEPTED


def test_a_message_sent_twice_makes_one_draft(worker: Worker, cast: Cast) -> None:
    file = received(cast)

    for _ in range(3):
        tasks.check_file.delay(file.pk)
    checked(file)
    worker.wait_idle()

    assert Declaration.objects.count() == 1
    assert DeclarationLine.objects.count() == 3
