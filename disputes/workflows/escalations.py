"""A delay that runs out does not pass in silence: written down, queued for the supervisors, told to both sides."""

import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from disputes.enums import ClockName
from disputes.models import Dispute, Escalation
from disputes.workflows import letters
from disputes.workflows.thread import locked, record
from portal import clock
from portal.failpoints import failpoint


def escalate_due(*, at: datetime.datetime) -> int:
    """Escalate every delay that had run out the day before ``at``; returns how many. Safe to run twice, or half-way."""
    today = clock.day_of(at)
    running = Dispute.objects.filter(closed_at__isnull=True).order_by("pk")
    answers = running.filter(first_answered_at__isnull=True, first_answer_due_on__lt=today).exclude(
        _told(ClockName.FIRST_ANSWER)
    )
    decisions = running.filter(decision_due_on__lt=today).exclude(_told(ClockName.DECISION))
    due = [(pk, ClockName.FIRST_ANSWER) for pk in answers.values_list("pk", flat=True)]
    due += [(pk, ClockName.DECISION) for pk in decisions.values_list("pk", flat=True)]
    return sum(escalate(dispute_id=pk, name=name, at=at) for pk, name in due)


def _told(name: ClockName) -> Exists:
    return Exists(Escalation.objects.filter(dispute=OuterRef("pk"), clock=name.value))


@transaction.atomic
def escalate(*, dispute_id: int, name: ClockName, at: datetime.datetime) -> bool:
    """Escalate one delay of one dispute, if it still waits; says whether it did."""
    dispute = locked(dispute_id)
    is_answer = name is ClockName.FIRST_ANSWER
    due_on = dispute.first_answer_due_on if is_answer else dispute.decision_due_on
    settled = dispute.closed_at is not None or (is_answer and dispute.first_answered_at is not None)
    if settled or due_on >= clock.day_of(at):
        return False
    row, is_new = Escalation.objects.get_or_create(
        dispute=dispute, clock=name.value, defaults={"due_on": due_on, "at": at}
    )
    if not is_new:
        return False
    failpoint("dispute-escalated")
    record(dispute, None, "dispute.escalate", clock=name.value, due_on=due_on)
    letters.escalated(row, at=at)
    return True
