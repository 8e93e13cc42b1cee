"""Background work of this room."""

from celery import shared_task

from disputes.workflows import risks
from portal import clock
from portal.tasks import PortalTask


@shared_task(base=PortalTask)
def measure_risks() -> None:
    """Measure the signs of risk again from what is declared."""
    risks.measure_all(at=clock.now())
