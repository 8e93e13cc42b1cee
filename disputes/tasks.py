"""Background work of this room."""

from celery import shared_task

from disputes.workflows import escalations, risks
from portal import clock
from portal.tasks import PortalTask


@shared_task(base=PortalTask)
def measure_risks() -> None:
    """Measure the signs of risk again from what is declared."""
    risks.measure_all(at=clock.now())


@shared_task(base=PortalTask)
def escalate_late_disputes() -> None:
    """Tell both sides of the delays that ran out."""
    escalations.escalate_due(at=clock.now())
