"""Background work of the declarations. Each task may run twice, at once, or stop at any line."""

from celery import shared_task

from declarations import workflows
from declarations.models import ReceivedFile
from portal import clock
from portal.tasks import PortalTask, wake


@shared_task(base=PortalTask)
def check_file(file_id: int) -> None:
    """Check one received file; the row says whether there is still something to do."""
    workflows.check_file(file_id=file_id, at=clock.now())


@shared_task(base=PortalTask)
def sweep_files() -> None:
    """Send again the checks that are due, and park those that failed three times."""
    for file_id in workflows.park_poison(at=clock.now()):
        wake(check_file, file_id)


def wake_check(file: ReceivedFile) -> None:
    """Tell a worker that a file waits. Without a broker the sweep will."""
    wake(check_file, file.pk)
