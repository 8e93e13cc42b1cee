"""Inspections: one verb per function, each safe to run twice.

Locks: mission, then its members, acts and assessments. No inspector can do alone what binds the firm: the order takes
three signatures, each act two, an assessment two approvals from outside the mission.
"""

import datetime
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from affiliates.access import is_supervisor
from affiliates.models import Affiliate
from declarations.workflows.established import EstablishedWage, establish
from disputes import missions
from disputes.enums import (
    AssessmentRule,
    AssessmentState,
    Grade,
    MissionState,
    SelectionReason,
    StepKind,
)
from disputes.errors import (
    AlreadyInspected,
    ApproverInvolved,
    IntentReused,
    MissionMoveRefused,
    NotAnInspector,
    NothingEstablished,
    NotOnTheTeam,
    NotSupervisor,
    PeriodOutsideScope,
    SecondSignatureByAnother,
)
from disputes.models import (
    Assessment,
    Inspector,
    Mission,
    MissionMember,
    MissionStep,
    ReplyPiece,
    StepReply,
)
from disputes.rules import text_of
from disputes.workflows import mission_letters
from portal import audit, clock
from portal.failpoints import failpoint
from portal.models import User
from portal.pieces import Upload, keep_piece, pieces_of
from regulation.contributions import WageLine, contributions
from regulation.money import ZERO, check_amount
from regulation.parameters import is_working_day, value_at
from regulation.periods import Period

# Without vowels nor look-alikes: read aloud on a doorstep, typed on a phone.
_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"
_CODE_LENGTH = 10


@dataclass(frozen=True, slots=True)
class Order:
    """What an order of mission says. Days are those of the visits; periods are declared months."""

    reason: SelectionReason
    reason_facts: str
    first: Period
    last: Period
    scope: str
    limits: str
    starts_on: datetime.date
    ends_on: datetime.date


# ---------------------------------------------------------------- the order


@transaction.atomic
def draft(
    *,
    actor: User,
    affiliate: Affiliate,
    intent: UUID,
    order: Order,
    team: Sequence[User],
    at: datetime.datetime,
) -> Mission:
    """Prepare an order of mission; nothing is announced before its three inspectors have signed it.

    Sent again with the same ``intent``, returns the one already prepared. Refuses: anyone but a supervisor, a team
    that is not one inspector of each grade, a notice too short, months that are not over or prescribed, a firm that
    is already inspected.
    """
    _check_supervisor(actor)
    Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    done = Mission.objects.filter(intent=intent).first()
    if done is not None:
        if (done.affiliate_id, done.drafted_by_id) != (affiliate.pk, actor.pk):
            raise IntentReused
        return done
    if affiliate.missions.exclude(state__in=[state.value for state in missions.ENDED]).exists():
        raise AlreadyInspected
    grades = _grades(team)
    missions.check_team(list(grades.values()))
    today = clock.day_of(at)
    _check_dates(order, today)
    mission = Mission.objects.create(
        number=_number(today.year),
        code="".join(secrets.choice(_CODE_LETTERS) for _each in range(_CODE_LENGTH)),
        affiliate=affiliate,
        reason=order.reason.value,
        reason_facts=text_of(order.reason_facts),
        first_period=order.first.first_day,
        last_period=order.last.first_day,
        scope=text_of(order.scope),
        limits=text_of(order.limits),
        starts_on=order.starts_on,
        ends_on=order.ends_on,
        drafted_by=actor,
        drafted_at=at,
        intent=intent,
    )
    for user in team:
        MissionMember.objects.create(mission=mission, user=user, grade=grades[user.pk].value)
    _record(
        mission, actor, "mission.draft", reason=order.reason.value, team=[user.pk for user in team]
    )
    mission_letters.to_sign(mission, [user for user in team if user.pk != actor.pk], at=at)
    return mission


def _grades(team: Sequence[User]) -> dict[int, Grade]:
    """The grade of each inspector today. Raises NotAnInspector."""
    known = dict(
        Inspector.objects.filter(
            user__in=team, user__is_active=True, user__is_staff=True
        ).values_list("user_id", "grade")
    )
    for user in team:
        if user.pk not in known:
            raise NotAnInspector(name=user.full_name)
    return {pk: Grade(grade) for pk, grade in known.items()}


def _check_dates(order: Order, today: datetime.date) -> None:
    current = Period.from_day(today)
    years = int(value_at("recovery.prescription_years", today).value)
    missions.check_scope(order.first, order.last, current=current, oldest=current - 12 * years)
    missions.check_notice(
        order.starts_on,
        order.ends_on,
        ordered_on=today,
        is_working=is_working_day,
        working_days=int(value_at("mission.notice", today).value),
    )


def _number(year: int) -> str:
    """The next number of the year. The unique constraint settles two at once: one of them is asked to try again."""
    last = (
        Mission.objects.filter(number__startswith=f"M-{year}-")
        .order_by("-number")
        .values_list("number", flat=True)
        .first()
    )
    return f"M-{year}-{int(last.rsplit('-', 1)[1]) + 1 if last else 1:05}"


@transaction.atomic
def sign(*, actor: User, mission_id: int, at: datetime.datetime) -> Mission:
    """An inspector signs the order; the third signature announces the mission to the firm. Twice changes nothing.

    Refuses: someone who is not on the team, an order already past this point, and the last signature when the firm
    would no longer see it early enough.
    """
    mission = _locked(mission_id)
    member = _member(mission, actor)
    if member.signed_at is not None:
        return mission
    if mission.state != MissionState.DRAFT:
        raise MissionMoveRefused(state=MissionState(mission.state))
    member.signed_at = at
    member.save(update_fields=["signed_at"])
    _record(mission, actor, "mission.sign", grade=member.grade)
    if not mission.members.filter(signed_at__isnull=True).exists():
        today = clock.day_of(at)
        missions.check_notice(
            mission.starts_on,
            mission.ends_on,
            ordered_on=today,
            is_working=is_working_day,
            working_days=int(value_at("mission.notice", today).value),
        )
        mission.state = MissionState.ORDERED.value
        mission.ordered_at = at
        mission.save(update_fields=["state", "ordered_at"])
        _record(mission, actor, "mission.ordered", starts_on=mission.starts_on)
        mission_letters.announced(mission, at=at)
    return mission


@transaction.atomic
def cancel(*, actor: User, mission_id: int, reason: str, at: datetime.datetime) -> Mission:
    """A supervisor withdraws an order before the first act; the firm sees why. Twice changes nothing."""
    _check_supervisor(actor)
    mission = _locked(mission_id)
    if mission.state == MissionState.CANCELLED:
        return mission
    if MissionState(mission.state) not in missions.CANCELLABLE:
        raise MissionMoveRefused(state=MissionState(mission.state))
    mission.state = MissionState.CANCELLED.value
    mission.ended_at = at
    mission.end_reason = text_of(reason)[:200]
    mission.save(update_fields=["state", "ended_at", "end_reason"])
    _record(mission, actor, "mission.cancel", reason=mission.end_reason)
    mission_letters.cancelled(mission, at=at)
    return mission


# ---------------------------------------------------------------- the acts


@transaction.atomic
def write_step(
    *,
    actor: User,
    mission_id: int,
    kind: StepKind,
    day: datetime.date,
    answers: Mapping[str, str],
    intent: UUID,
    at: datetime.datetime,
) -> MissionStep:
    """An inspector of the mission writes and signs an act in its fixed form; the firm sees it at once.

    It counts once a second inspector has countersigned it. Refuses: an act that does not belong to this moment, a
    visit outside the ordered days, a final report while the firm may still answer, an empty blank.
    """
    mission = _locked(mission_id)
    _member(mission, actor)
    done = MissionStep.objects.filter(intent=intent).first()
    if done is not None:
        if (done.mission_id, done.written_by_id, done.kind) != (mission.pk, actor.pk, kind.value):
            raise IntentReused
        return done
    facts = missions.filled(kind, answers)
    _next_state(mission, kind, day)
    step = MissionStep.objects.create(
        mission=mission,
        kind=kind.value,
        day=day,
        answers=facts,
        written_by=actor,
        written_at=at,
        intent=intent,
    )
    _record(mission, actor, "mission.step", kind=kind.value, step=step.pk)
    return step


@transaction.atomic
def countersign(*, actor: User, step_id: int, at: datetime.datetime) -> MissionStep:
    """A second inspector signs an act, which then counts: the mission moves on. Twice changes nothing."""
    mission = _locked(MissionStep.objects.get(pk=step_id).mission_id)
    step = MissionStep.objects.select_for_update(of=("self",)).get(pk=step_id)
    if step.countersigned_by_id is not None:
        return step
    _member(mission, actor)
    if step.written_by_id == actor.pk:
        raise SecondSignatureByAnother
    kind = StepKind(step.kind)
    follows = _next_state(mission, kind, step.day)
    step.countersigned_by, step.countersigned_at = actor, at
    step.save(update_fields=["countersigned_by", "countersigned_at"])
    mission.state = follows.value
    if kind is StepKind.OBSERVATIONS:
        today = clock.day_of(at)
        days = int(value_at("mission.reply", today).value)
        mission.reply_until = today + datetime.timedelta(days=days)
    if follows is MissionState.CONCLUDED:
        mission.ended_at = at
    failpoint("mission-countersign-before-commit")
    mission.save(update_fields=["state", "reply_until", "ended_at"])
    _record(mission, actor, "mission.countersign", kind=step.kind, step=step.pk)
    step.mission = mission
    mission_letters.act_signed(step, at=at)
    return step


def _next_state(mission: Mission, kind: StepKind, day: datetime.date) -> MissionState:
    return missions.after_step(
        MissionState(mission.state),
        kind,
        day=day,
        starts_on=mission.starts_on,
        ends_on=mission.ends_on,
        reply_until=mission.reply_until,
        replied=StepReply.objects.filter(
            step__mission=mission, step__kind=StepKind.OBSERVATIONS.value
        ).exists(),
    )


@transaction.atomic
def reply(
    *,
    actor: User,
    affiliate: Affiliate,
    step_id: int,
    text: str,
    pieces: Sequence[Upload],
    intent: UUID,
    at: datetime.datetime,
) -> StepReply:
    """The firm answers an act, with pieces if it wants; as often as it wants, until the mission is concluded."""
    mission = _locked(MissionStep.objects.get(pk=step_id, mission__affiliate=affiliate).mission_id)
    text = text_of(text)
    done = StepReply.objects.filter(intent=intent).first()
    if done is not None:
        if (done.step_id, done.author_id, done.text) != (step_id, actor.pk, text):
            raise IntentReused
        return done
    if MissionState(mission.state) in missions.ENDED:
        raise MissionMoveRefused(state=MissionState(mission.state))
    answer = StepReply.objects.create(
        step_id=step_id, author=actor, written_at=at, text=text, intent=intent
    )
    for piece in pieces_of(pieces):
        stored = keep_piece(piece, stored_by=actor)
        ReplyPiece.objects.create(reply=answer, stored=stored, content_type=piece.type.value)
    _record(mission, actor, "mission.reply", step=step_id)
    mission_letters.answered(answer, at=at)
    return answer


# ---------------------------------------------------------------- assessments


@dataclass(frozen=True, slots=True)
class Established:
    """What a mission found for one person in one month; wages in dirhams."""

    rule: AssessmentRule
    period: Period
    employee: str
    registration_number: str
    days: int
    declared: Decimal
    wage: Decimal


@transaction.atomic
def propose(
    *,
    actor: User,
    mission_id: int,
    found: Established,
    intent: UUID,
    at: datetime.datetime,
) -> Assessment:
    """An inspector of the mission proposes to assess one person's month; the contributions are computed here.

    The firm sees it, with its working, before anything is asked. Refuses a month outside the order and a wage that
    adds nothing to what was declared.
    """
    mission = _locked(mission_id)
    _member(mission, actor)
    done = Assessment.objects.filter(intent=intent).first()
    if done is not None:
        if (done.mission_id, done.proposed_by_id) != (mission.pk, actor.pk):
            raise IntentReused
        return done
    if mission.state not in {MissionState.UNDERWAY, MissionState.OBSERVED}:
        raise MissionMoveRefused(state=MissionState(mission.state))
    first, last = Period.from_day(mission.first_period), Period.from_day(mission.last_period)
    if not first <= found.period <= last:
        raise PeriodOutsideScope(first=first, last=last, period=found.period)
    declared, wage = check_amount(found.declared), check_amount(found.wage)
    if wage <= declared:
        raise NothingEstablished(employee=found.employee, declared=declared, established=wage)
    amount, working = added_contributions(found.period, declared, wage)
    assessment = Assessment.objects.create(
        mission=mission,
        rule=found.rule.value,
        period=found.period.first_day,
        employee=found.employee.strip()[:120],
        registration_number=found.registration_number,
        days=found.days,
        declared_wage=declared,
        established_wage=wage,
        amount=amount,
        working=working,
        proposed_by=actor,
        proposed_at=at,
        intent=intent,
    )
    _record(mission, actor, "mission.propose", assessment=assessment.pk, amount=amount)
    return assessment


def added_contributions(
    period: Period, declared: Decimal, established: Decimal
) -> tuple[Decimal, list[dict[str, str]]]:
    """The contributions (DH) that one wage adds over another in a month, and the difference branch by branch."""
    before = {line.branch: line for line in contributions(period, [WageLine(declared)]).lines}
    after = contributions(period, [WageLine(established)]).lines
    working = []
    total = ZERO
    for line in after:
        was = before[line.branch]
        added = line.employer + line.employee - was.employer - was.employee
        total += added
        working.append(
            {
                "branch": line.branch.value,
                "base": str(line.base - was.base),
                "rate": str(line.rate_employer + line.rate_employee),
                "amount": str(added),
            }
        )
    return total, working


@transaction.atomic
def drop(*, actor: User, assessment_id: int, at: datetime.datetime) -> Assessment:
    """Give up a proposed assessment, after the firm's answer for instance. Twice changes nothing."""
    assessment, mission = _locked_assessment(assessment_id)
    if assessment.state == AssessmentState.DROPPED:
        return assessment
    if assessment.state != AssessmentState.PROPOSED:
        raise MissionMoveRefused(state=MissionState(mission.state))
    _member(mission, actor)
    assessment.state = AssessmentState.DROPPED.value
    assessment.save(update_fields=["state"])
    _record(mission, actor, "mission.drop", assessment=assessment.pk)
    return assessment


@transaction.atomic
def approve(*, actor: User, assessment_id: int, at: datetime.datetime) -> Assessment:
    """A supervisor from outside the mission approves an assessment; the second one puts it in force.

    In force, the established wage is declared in the place of the employer: the employee's rights, the slip and its
    surcharges follow from it as from any declaration, and each line of that slip may be disputed. Twice by the same
    person changes nothing. Refuses before the mission is concluded.
    """
    Affiliate.objects.select_for_update(of=("self",)).get(missions__assessments=assessment_id)
    assessment, mission = _locked_assessment(assessment_id)
    _check_supervisor(actor)
    if actor.pk in {assessment.first_approved_by_id, assessment.second_approved_by_id}:
        return assessment
    if mission.state != MissionState.CONCLUDED or assessment.state != AssessmentState.PROPOSED:
        raise MissionMoveRefused(state=MissionState(mission.state))
    if mission.members.filter(user=actor).exists() or assessment.proposed_by_id == actor.pk:
        raise ApproverInvolved
    if assessment.first_approved_by_id is None:
        assessment.first_approved_by = actor
    else:
        assessment.second_approved_by = actor
        assessment.state = AssessmentState.IN_FORCE.value
        assessment.in_force_at = at
        assessment.declaration = establish(
            actor=actor,
            at=at,
            affiliate=mission.affiliate,
            period=Period.from_day(assessment.period),
            reference=mission.number,
            wages=[
                EstablishedWage(
                    full_name=assessment.employee,
                    registration_number=assessment.registration_number,
                    days=assessment.days,
                    wage=assessment.established_wage,
                )
            ],
        )
    failpoint("mission-approve-before-commit")
    assessment.save(
        update_fields=[
            "first_approved_by",
            "second_approved_by",
            "state",
            "in_force_at",
            "declaration",
        ]
    )
    _record(mission, actor, "mission.approve", assessment=assessment.pk, state=assessment.state)
    if assessment.state == AssessmentState.IN_FORCE:
        mission_letters.assessed(assessment, at=at)
    return assessment


# ---------------------------------------------------------------- common


def _locked(mission_id: int) -> Mission:
    return (
        Mission.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .get(pk=mission_id)
    )


def _locked_assessment(assessment_id: int) -> tuple[Assessment, Mission]:
    mission = _locked(Assessment.objects.get(pk=assessment_id).mission_id)
    return Assessment.objects.select_for_update(of=("self",)).get(pk=assessment_id), mission


def _member(mission: Mission, actor: User) -> MissionMember:
    member = mission.members.select_for_update(of=("self",)).filter(user=actor).first()
    if member is None:
        raise NotOnTheTeam
    return member


def _check_supervisor(actor: User) -> None:
    if not is_supervisor(actor):
        raise NotSupervisor


def _record(mission: Mission, actor: User, action: str, **facts: object) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=mission,
        affiliation_number=mission.affiliate.affiliation_number,
        **facts,
    )
