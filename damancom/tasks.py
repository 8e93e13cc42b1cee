"""Background work that spans the rooms; damancom/celery.py says when."""

from celery import shared_task

from damancom import copying, privacy
from portal import clock, purging
from portal.tasks import PortalTask, wake


@shared_task(base=PortalTask)
def purge() -> None:
    """Forget what is past its time. Scheduled nightly; safe to run twice and at once."""
    purging.run(privacy.RULES, at=clock.now())


@shared_task(base=PortalTask)
def make_copy(copy_id: int) -> None:
    """Make a copy of somebody's data; see `damancom.copying.make`."""
    copying.make(copy_id=copy_id, at=clock.now())


@shared_task(base=PortalTask)
def sweep_copies() -> None:
    """Wake a worker for each copy that waits or lost its worker, and erase those that expired. Scheduled."""
    now = clock.now()
    copying.forget(at=now)
    for copy_id in copying.due(at=now):
        wake(make_copy, copy_id)
