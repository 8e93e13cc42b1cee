"""Scheduled work of the room; damancom/celery.py says when."""

from celery import shared_task

from certificates import workflows
from portal import clock


@shared_task(name="certificates.supersede_outdated")
def supersede_outdated() -> None:
    """Write down which certificates a later declaration contradicts; readers see it without waiting for this."""
    workflows.supersede_outdated(at=clock.now())
