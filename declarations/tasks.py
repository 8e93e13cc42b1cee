"""Background work of the declarations. Each task may run twice, at once, or stop at any line."""

import logging

from celery import shared_task

from declarations import crowds, queries, workflows
from declarations.enums import FileKind
from declarations.models import ReceivedFile
from portal import clock
from portal.tasks import PortalTask, wake
from regulation.errors import DomainError

logger = logging.getLogger(__name__)

#: Prefills issued in one run: a minute of work; the next run takes the next ones.
PREFILLS_A_RUN = 2_000

#: Small files checked in one transaction, at most: a fifth of a second of work.
CHECKED_TOGETHER = 100


@shared_task(base=PortalTask)
def check_file(file_id: int) -> None:
    """Check one received file and, with it, the small ones that wait; their rows say what is still to do.

    A file that was tried before is checked alone: whatever stopped its worker stops no other file. So is a
    spreadsheet, whose reading may take long.
    """
    file = ReceivedFile.objects.get(pk=file_id)
    alone = file.attempts or file.kind == FileKind.SHEET
    beside = [] if alone else crowds.small_files_waiting(CHECKED_TOGETHER)
    workflows.check_files(file_ids={file_id, *beside}, at=clock.now())


@shared_task(base=PortalTask)
def sweep_files() -> None:
    """Send again the checks that are due; the claim parks those that failed three times."""
    for file_id in workflows.due_files(at=clock.now()):
        wake(check_file, file_id)


def wake_check(file: ReceivedFile) -> None:
    """Tell a worker that a file waits. Without a broker the sweep will."""
    wake(check_file, file.pk)


@shared_task(base=PortalTask)
def issue_prefills() -> None:
    """Issue the prefill of the month to every active affiliate that has none; one transaction each."""
    at = clock.now()
    period = queries.period_to_prefill(clock.day_of(at))
    for affiliate in queries.without_prefill(period)[:PREFILLS_A_RUN]:
        try:
            workflows.issue_prefill(actor=None, at=at, affiliate=affiliate, period=period)
        except DomainError:
            # One firm whose record does not fit the format must not keep the others waiting.
            logger.exception("prefill of affiliate %s", affiliate.pk)


@shared_task(base=PortalTask)
def send_reminders() -> None:
    """Write the reminders of the day. Scheduled several times a day: what ran already is not written again."""
    workflows.send_reminders(at=clock.now())


@shared_task(base=PortalTask)
def reattach_lines() -> None:
    """Give their number to people declared while they had none; one transaction per affiliate."""
    at = clock.now()
    for affiliate in workflows.affiliates_to_reattach():
        workflows.reattach(at=at, affiliate=affiliate)


@shared_task(base=PortalTask)
def nudge_silent_affiliates() -> None:
    """Write to those who never declared. Scheduled daily; a reminder already written is not written again."""
    workflows.nudge_silent(at=clock.now())
