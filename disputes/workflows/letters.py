"""What is told by mail of a dispute or an inspection, in the language of who reads it, once for each event.

A letter says that something happened and where to read it: never a name of an employee, never the words of the file.
"""

import datetime
from collections.abc import Iterable, Mapping

from django.urls import reverse

from affiliates.access import who_may
from affiliates.enums import ROLE_SCOPES, Role, Scope, StaffRole
from affiliates.models import Affiliate, Membership, StaffAssignment
from disputes.enums import ClockName, MessageSide
from disputes.models import Decision, Dispute, Escalation, Message
from portal import mail
from portal.clock import day_of
from portal.models import User

_DISPUTING = [role.value for role in Role if Scope.DISPUTES in ROLE_SCOPES[role]]


def readers_of(
    affiliate: Affiliate, others: Iterable[User], *, at: datetime.datetime
) -> list[User]:
    """Who disputes in the firm's name, and whoever acted for it and still may read it; each once."""
    members = Membership.objects.filter(
        affiliate=affiliate, role__in=_DISPUTING, ended_at__isnull=True
    ).select_related("user")
    found = {member.user_id: member.user for member in members}
    acted = {other.pk: other for other in others if other.pk not in found}
    if acted:
        pairs = who_may(Scope.READ, list(acted.values()), on=day_of(at))
        found |= {pk: user for pk, user in acted.items() if (pk, affiliate.pk) in pairs}
    return list(found.values())


def opened(dispute: Dispute, *, at: datetime.datetime) -> None:
    """Received: its number and the two days by which the fund promises to speak."""
    _to_firm(dispute, "opened", {"is_appeal": dispute.appeal_of_id is not None}, at=at)


def taken(dispute: Dispute, handler: User, *, at: datetime.datetime) -> None:
    """Somebody has it in hand. Told once for each person."""
    _to_firm(dispute, "taken", {"handler": handler}, at=at, mark=f"taken:{handler.pk}")


def written(dispute: Dispute, message: Message, *, at: datetime.datetime) -> None:
    """A message of one side, to the other."""
    if message.side == MessageSide.STAFF:
        _to_firm(dispute, "written", {}, at=at, mark=f"written:{message.pk}")
    elif dispute.assigned_to is not None:
        _to_desk(dispute, dispute.assigned_to, "answered", {}, at=at, mark=f"answered:{message.pk}")


def asked(dispute: Dispute, message: Message, *, at: datetime.datetime) -> None:
    """The fund waits for a piece or a precision."""
    _to_firm(dispute, "asked", {}, at=at, mark=f"asked:{message.pk}")


def decided(dispute: Dispute, decision: Decision, *, at: datetime.datetime) -> None:
    """Decided, and how; the reasons are read on the page."""
    _to_firm(dispute, "decided", {"decision": decision}, at=at)


def withdrawn(dispute: Dispute, *, at: datetime.datetime) -> None:
    """The firm gave up: to its own people, so that none is surprised, and to who had it in hand."""
    _to_firm(dispute, "withdrawn", {}, at=at)
    if dispute.assigned_to is not None:
        _to_desk(dispute, dispute.assigned_to, "closed", {}, at=at)


def assigned(dispute: Dispute, *, at: datetime.datetime) -> None:
    """A file was put on somebody's desk."""
    if dispute.assigned_to is not None:
        mark = f"assigned:{dispute.assigned_to_id}:{at:%Y%m%dT%H%M%S}"
        _to_desk(dispute, dispute.assigned_to, "assigned", {}, at=at, mark=mark)


def escalated(row: Escalation, *, at: datetime.datetime) -> None:
    """A delay ran out: the firm is told that its supervisor knows; the supervisors and the agent are told which."""
    dispute = row.dispute
    facts = {"escalation": row, "is_decision": row.clock == ClockName.DECISION}
    _to_firm(dispute, "late", facts, at=at, mark=f"late:{row.clock}")
    people = {user.pk: user for user in supervisors()}
    if dispute.assigned_to is not None:
        people[dispute.assigned_to.pk] = dispute.assigned_to
    for person in people.values():
        _to_desk(dispute, person, "escalated", facts, at=at, mark=f"escalated:{row.clock}")


def supervisors() -> list[User]:
    """Every supervisor in activity."""
    rows = StaffAssignment.objects.filter(
        role=StaffRole.SUPERVISOR.value, user__is_active=True, user__is_staff=True
    )
    return [row.user for row in rows.select_related("user").order_by("user")]


def _to_firm(
    dispute: Dispute,
    event: str,
    facts: Mapping[str, object],
    *,
    at: datetime.datetime,
    mark: str = "",
) -> None:
    firm = dispute.affiliate
    for reader in readers_of(firm, [dispute.opened_by], at=at):
        mail.write(
            key=f"dispute:{dispute.number}:{mark or event}:{reader.pk}",
            to=reader,
            template=f"disputes/mail/{event}.txt",
            facts={"dispute": dispute, "firm": firm, **facts},
            at=at,
            path=reverse("disputes:detail", args=[firm.affiliation_number, dispute.number]),
        )


def _to_desk(
    dispute: Dispute,
    person: User,
    event: str,
    facts: Mapping[str, object],
    *,
    at: datetime.datetime,
    mark: str = "",
) -> None:
    mail.write(
        key=f"dispute:{dispute.number}:{mark or event}:{person.pk}",
        to=person,
        template=f"disputes/mail/{event}.txt",
        facts={"dispute": dispute, "firm": dispute.affiliate, **facts},
        at=at,
        path=reverse("admin:disputes_dispute_change", args=[dispute.pk]),
    )
