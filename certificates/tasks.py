"""Background and scheduled work of the room; damancom/celery.py says when."""

from celery import shared_task

from certificates import workflows
from portal import clock
from portal.tasks import PortalTask, wake


@shared_task(base=PortalTask)
def supersede_outdated() -> None:
    """Write down which certificates a later declaration contradicts; readers see it without waiting for this."""
    workflows.supersede_outdated(at=clock.now())


@shared_task(base=PortalTask)
def draw_paper(printing_id: int) -> None:
    """Draw a long list that waits for it; see `certificates.workflows.draw`."""
    workflows.draw(printing_id=printing_id, at=clock.now())


@shared_task(base=PortalTask)
def sweep_papers() -> None:
    """Wake a worker for each paper that waits or lost its worker, and erase those kept for an hour. Scheduled."""
    now = clock.now()
    workflows.forget(at=now)
    for printing_id in workflows.due(at=now):
        wake(draw_paper, printing_id)


@shared_task(base=PortalTask)
def draw_receipts(archive_id: int) -> None:
    """Draw the receipts of an archive that waits for them; see `certificates.workflows.draw_receipts`."""
    workflows.draw_receipts(archive_id=archive_id, at=clock.now())


@shared_task(base=PortalTask)
def sweep_receipts() -> None:
    """Wake a worker for each archive that waits or lost its worker, and erase those kept for a day. Scheduled."""
    now = clock.now()
    workflows.forget_receipts(at=now)
    for archive_id in workflows.archives_due(at=now):
        wake(draw_receipts, archive_id)


@shared_task(base=PortalTask)
def watch_usage() -> None:
    """Notice bulk reading and issuing. Scheduled every five minutes; safe to run twice."""
    workflows.watch(at=clock.now())
