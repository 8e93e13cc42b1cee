"""From a member of staff to the disputes on their desk, and what they are to each of them."""

from django.db.models import Q, QuerySet

from affiliates.access import Actor, staff_affiliates
from affiliates.enums import FILE_ROLES, StaffRole
from affiliates.models import StaffAssignment
from disputes.enums import Party
from disputes.errors import NotStaff
from disputes.models import Decision, Dispute, Mission
from portal.models import User


def staff_disputes(user: Actor) -> QuerySet[Dispute]:
    """The disputes of the affiliates that ``user`` may see as staff; none for anyone else."""
    return Dispute.objects.filter(affiliate__in=staff_affiliates(user))


def staff_party(user: User, dispute: Dispute) -> Party:
    """What a member of staff is to a dispute: its handler, another clerk, a supervisor, or of its first instance.

    Raises NotStaff without a post that handles files: an auditor or a technical account decides nothing.
    """
    assignment = (
        StaffAssignment.objects.filter(user=user).first()
        if user.is_active and user.is_staff
        else None
    )
    if assignment is None or assignment.role not in FILE_ROLES:
        raise NotStaff
    if dispute.appeal_of_id is not None and user.pk in _first_instance(dispute):
        return Party.FIRST_INSTANCE
    if dispute.assigned_to_id == user.pk:
        return Party.HANDLER
    return Party.SUPERVISOR if assignment.role == StaffRole.SUPERVISOR else Party.CLERK


def _first_instance(appeal: Dispute) -> set[int]:
    """Whoever examined or decided the dispute of which this one is the appeal."""
    pairs = Decision.objects.filter(dispute=appeal.appeal_of_id).values_list(
        "examined_by", "decided_by"
    )
    return {person for pair in pairs for person in pair}


def staff_missions(user: Actor) -> QuerySet[Mission]:
    """The missions of the affiliates that ``user`` may see as staff, and those on which they are sent."""
    if not isinstance(user, User) or not (user.is_active and user.is_staff):
        return Mission.objects.none()
    sent = user.mission_memberships.values("mission_id")
    return Mission.objects.filter(Q(affiliate__in=staff_affiliates(user)) | Q(pk__in=sent))
