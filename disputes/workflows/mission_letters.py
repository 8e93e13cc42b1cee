"""What is told by mail of an inspection: to the firm before the visit and at each act, to the team when it answers."""

import datetime
from collections.abc import Mapping

from django.urls import reverse

from disputes.models import Assessment, Mission, MissionStep, StepReply
from disputes.workflows.letters import readers_of
from portal import mail
from portal.models import User


def announced(mission: Mission, *, at: datetime.datetime) -> None:
    """The order is signed by three: who comes, when, and how to check it before opening the door."""
    facts = {"members": list(mission.members.select_related("user").order_by("grade"))}
    _to_firm(mission, "announced", facts, at=at)


def cancelled(mission: Mission, *, at: datetime.datetime) -> None:
    """Nobody comes; nothing when the firm had not been told of a visit."""
    if mission.ordered_at is not None:
        _to_firm(mission, "cancelled", {}, at=at)


def act_signed(step: MissionStep, *, at: datetime.datetime) -> None:
    """An act counts from now on, and may be answered; observations say until when."""
    _to_firm(step.mission, "act_signed", {"step": step}, at=at, mark=f"act:{step.pk}")


def assessed(assessment: Assessment, *, at: datetime.datetime) -> None:
    """An assessment is in force: what is asked, and that each line of its slip may be contested."""
    facts = {"assessment": assessment}
    _to_firm(assessment.mission, "assessed", facts, at=at, mark=f"assessed:{assessment.pk}")


def answered(reply: StepReply, *, at: datetime.datetime) -> None:
    """The firm answered an act: to each of the three inspectors."""
    mission = reply.step.mission
    for member in mission.members.select_related("user"):
        mail.write(
            key=f"mission:{mission.number}:answered:{reply.pk}:{member.user_id}",
            to=member.user,
            template="disputes/mail/mission_answered.txt",
            facts={"mission": mission, "step": reply.step},
            at=at,
            path=reverse("admin:disputes_mission_change", args=[mission.pk]),
        )


def to_sign(mission: Mission, people: list[User], *, at: datetime.datetime) -> None:
    """An order waits for the signature of each inspector."""
    for person in people:
        mail.write(
            key=f"mission:{mission.pk}:to_sign:{person.pk}",
            to=person,
            template="disputes/mail/mission_to_sign.txt",
            facts={"mission": mission},
            at=at,
            path=reverse("admin:disputes_mission_change", args=[mission.pk]),
        )


def _to_firm(
    mission: Mission,
    event: str,
    facts: Mapping[str, object],
    *,
    at: datetime.datetime,
    mark: str = "",
) -> None:
    firm = mission.affiliate
    for reader in readers_of(firm, [], at=at):
        mail.write(
            key=f"mission:{mission.number}:{mark or event}:{reader.pk}",
            to=reader,
            template=f"disputes/mail/mission_{event}.txt",
            facts={"mission": mission, "firm": firm, **facts},
            at=at,
            path=reverse("disputes:mission", args=[firm.affiliation_number, mission.number]),
        )
