"""Background work that spans the rooms; damancom/celery.py says when."""

from celery import shared_task

from damancom import privacy
from portal import clock, purging
from portal.tasks import PortalTask


@shared_task(base=PortalTask)
def purge() -> None:
    """Forget what is past its time. Scheduled nightly; safe to run twice and at once."""
    purging.run(privacy.RULES, at=clock.now())
