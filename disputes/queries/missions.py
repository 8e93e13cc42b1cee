"""What each side sees of an inspection."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Prefetch, Q, QuerySet

from affiliates.models import Affiliate
from disputes import missions
from disputes.enums import AssessmentState, MissionState, SelectionReason, StepKind
from disputes.models import Assessment, Mission, MissionMember, MissionStep, ReplyPiece, StepReply
from portal import audit
from regulation.money import ZERO


@dataclass(frozen=True, slots=True)
class Step:
    """One act with the blanks of its form, (label, text), and what the firm answered."""

    step: MissionStep
    answers: list[tuple[str, str]]
    replies: list[StepReply]


@dataclass(frozen=True, slots=True)
class File:
    """All that the firm and the fund see of a mission; amounts in dirhams."""

    mission: Mission
    members: list[MissionMember]
    steps: list[Step]
    assessments: list[Assessment]
    in_force: Decimal
    proposed: Decimal


def missions_of(affiliate: Affiliate) -> QuerySet[Mission]:
    """The missions that the firm sees: announced ones, and those withdrawn after having been announced."""
    return affiliate.missions.filter(ordered_at__isnull=False).order_by("-id")


def running_first(rows: QuerySet[Mission]) -> QuerySet[Mission]:
    """Those that are not over before those that are, the latest first."""
    over = Q(state__in=[state.value for state in missions.ENDED])
    return rows.annotate(over=over).order_by("over", "-id")


def file_of(mission: Mission) -> File:
    """The mission with its team, its acts and what they led to; a constant number of queries."""
    pieces = Prefetch("pieces", ReplyPiece.objects.select_related("stored"))
    replies = Prefetch(
        "replies", StepReply.objects.select_related("author").prefetch_related(pieces)
    )
    steps = mission.steps.select_related("written_by", "countersigned_by").prefetch_related(replies)
    # Sets the office on the very replies that were fetched with their steps.
    audit.with_offices_of_authors(
        [reply for step in steps for reply in step.replies.all()], mission
    )
    assessments = list(
        mission.assessments.exclude(state=AssessmentState.DROPPED.value).select_related(
            "proposed_by", "first_approved_by", "second_approved_by"
        )
    )
    return File(
        mission=mission,
        members=list(mission.members.select_related("user")),
        steps=[Step(step, _answers(step), list(step.replies.all())) for step in steps],
        assessments=assessments,
        in_force=_sum(assessments, AssessmentState.IN_FORCE),
        proposed=_sum(assessments, AssessmentState.PROPOSED),
    )


def _answers(step: MissionStep) -> list[tuple[str, str]]:
    return [
        (blank.label, step.answers.get(blank.name, ""))
        for blank in missions.FORMS[StepKind(step.kind)]
    ]


def _sum(assessments: Sequence[Assessment], state: AssessmentState) -> Decimal:
    return sum((row.amount for row in assessments if row.state == state), ZERO)


def real_mission(code: str, today: datetime.date) -> Mission | None:
    """The mission that this code announces, for whoever stands at the door; None when there is none.

    A mission that is over stays known for a month, so that a late check still gets a true answer.
    """
    return (
        Mission.objects.filter(code=code, ordered_at__isnull=False)
        .filter(
            Q(ended_at__isnull=True) | Q(ended_at__date__gte=today - datetime.timedelta(days=31))
        )
        .select_related("affiliate")
        .prefetch_related(Prefetch("members", MissionMember.objects.select_related("user")))
        .first()
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """How the firms inspected since a day were chosen: how many for each reason, and the share drawn by lot."""

    by_reason: list[tuple[SelectionReason, int]]
    total: int
    random_percent: int | None


def selection(since: datetime.datetime) -> Selection:
    """The reasons of the missions announced since an instant; whole percents."""
    counted = dict(
        Mission.objects.filter(ordered_at__gte=since)
        .exclude(state=MissionState.CANCELLED.value)
        .order_by()
        .values_list("reason")
        .annotate(Count("pk"))
    )
    total = sum(counted.values())
    by_reason = [(reason, counted.get(reason.value, 0)) for reason in SelectionReason]
    drawn = counted.get(SelectionReason.RANDOM.value, 0)
    return Selection(by_reason, total, round(100 * drawn / total) if total else None)
