"""An inspection: three signatures, fixed forms, the firm's answer, two approvals; nobody goes round them."""

import datetime
import uuid
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from declarations.enums import DeclarationStatus, FilingMode
from declarations.workflows.established import EstablishedWage, establish
from disputes import missions as rules
from disputes.enums import AssessmentState, Grade, MissionState, StepKind
from disputes.errors import (
    AlreadyInspected,
    ApproverInvolved,
    FieldMissing,
    MissionMoveRefused,
    NotAnInspector,
    NoticeTooShort,
    NotOnTheTeam,
    NotSupervisor,
    OutsideDates,
    PeriodOutsideScope,
    ReplyStillOpen,
    ScopeOutOfOrder,
    SecondSignatureByAnother,
    StepRefused,
    TeamIncomplete,
)
from disputes.models import Assessment, Mission, MissionMember, MissionStep
from disputes.workflows import missions
from payments.workflows.slips import issue_slip
from portal.models import AuditEntry
from regulation.periods import Period
from tests.cast import Cast
from tests.disputes.factories import dispute_of
from tests.disputes.missions import (
    AFTER_REPLY,
    FOUND,
    OBSERVED_AT,
    ORDER,
    ORDERED_AT,
    VISITED_AT,
    Team,
    acted,
    concluded,
    drafted,
    ordered,
    team_of,
)


@pytest.fixture
def team(cast: Cast) -> Team:
    return team_of(cast.affiliate.agency)


# ---------------------------------------------------------------- the order


def test_the_third_signature_announces_the_mission(cast: Cast, team: Team) -> None:
    mission = drafted(team, cast.affiliate)
    for rank, inspector in enumerate(team.inspectors):
        assert mission.state == MissionState.DRAFT
        mission = missions.sign(actor=inspector, mission_id=mission.pk, at=ORDERED_AT)
        again = missions.sign(actor=inspector, mission_id=mission.pk, at=VISITED_AT)
        assert again.members.filter(signed_at=ORDERED_AT).count() == rank + 1
    assert (mission.state, mission.ordered_at) == (MissionState.ORDERED, ORDERED_AT)
    assert mission.number == "M-2026-00001"
    trail = AuditEntry.objects.filter(action__startswith="mission.").values_list(
        "action", flat=True
    )
    assert list(trail.order_by("id")) == ["mission.draft", *["mission.sign"] * 3, "mission.ordered"]


def test_the_last_signature_comes_too_late_for_the_notice(cast: Cast, team: Team) -> None:
    mission = drafted(team, cast.affiliate)
    for inspector in team.inspectors[:2]:
        missions.sign(actor=inspector, mission_id=mission.pk, at=ORDERED_AT)
    late = ORDERED_AT + datetime.timedelta(days=1)
    with pytest.raises(NoticeTooShort):
        missions.sign(actor=team.inspectors[2], mission_id=mission.pk, at=late)
    mission.refresh_from_db()
    assert mission.state == MissionState.DRAFT
    assert mission.members.filter(signed_at__isnull=False).count() == 2


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"starts_on": datetime.date(2026, 3, 8)}, NoticeTooShort),
        ({"ends_on": datetime.date(2026, 3, 8)}, NoticeTooShort),
        ({"last": Period(2026, 3)}, ScopeOutOfOrder),
        ({"last": Period(2025, 6)}, ScopeOutOfOrder),
        ({"first": Period(2015, 1)}, ScopeOutOfOrder),
    ],
)
def test_an_order_that_breaks_a_rule_is_not_prepared(
    cast: Cast, team: Team, changes: dict[str, object], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        drafted(team, cast.affiliate, **changes)
    assert not Mission.objects.exists()


def test_three_inspectors_of_three_grades(cast: Cast, team: Team) -> None:
    def draft(*users):
        missions.draft(
            actor=team.supervisor,
            affiliate=cast.affiliate,
            intent=uuid.uuid4(),
            order=ORDER,
            team=users,
            at=ORDERED_AT,
        )

    one, two, three = team.inspectors
    for users in ([], [one], [one, two], [one, one, three]):
        with pytest.raises(TeamIncomplete):
            draft(*users)
    with pytest.raises(NotAnInspector):
        draft(one, two, team.second)
    two.is_active = False
    two.save()
    with pytest.raises(NotAnInspector):
        draft(one, two, three)


def test_an_inspector_does_not_order_a_mission(cast: Cast, team: Team) -> None:
    with pytest.raises(NotSupervisor):
        missions.draft(
            actor=team.inspectors[2],
            affiliate=cast.affiliate,
            intent=uuid.uuid4(),
            order=ORDER,
            team=team.inspectors,
            at=ORDERED_AT,
        )


def test_one_mission_at_a_time_and_one_form_once(cast: Cast, team: Team) -> None:
    intent = uuid.uuid4()
    facts = {
        "actor": team.supervisor,
        "affiliate": cast.affiliate,
        "order": ORDER,
        "team": team.inspectors,
        "at": ORDERED_AT,
    }
    first = missions.draft(intent=intent, **facts)
    assert missions.draft(intent=intent, **facts).pk == first.pk
    with pytest.raises(AlreadyInspected):
        missions.draft(intent=uuid.uuid4(), **facts)
    missions.cancel(
        actor=team.supervisor, mission_id=first.pk, reason="Adresse erronée", at=ORDERED_AT
    )
    assert missions.draft(intent=uuid.uuid4(), **facts).number == "M-2026-00002"


def test_an_order_is_not_withdrawn_once_the_firm_was_visited(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    acted(team, mission, StepKind.VISIT, VISITED_AT)
    with pytest.raises(MissionMoveRefused):
        missions.cancel(
            actor=team.supervisor, mission_id=mission.pk, reason="Changement", at=VISITED_AT
        )


# ---------------------------------------------------------------- the acts


def test_an_act_counts_once_a_second_inspector_signed_it(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    step = acted(team, mission, StepKind.VISIT, VISITED_AT, twice=False)
    mission.refresh_from_db()
    assert mission.state == MissionState.ORDERED
    with pytest.raises(SecondSignatureByAnother):
        missions.countersign(actor=team.inspectors[0], step_id=step.pk, at=VISITED_AT)
    with pytest.raises(NotOnTheTeam):
        missions.countersign(actor=team.supervisor, step_id=step.pk, at=VISITED_AT)
    missions.countersign(actor=team.inspectors[2], step_id=step.pk, at=VISITED_AT)
    again = missions.countersign(actor=team.inspectors[1], step_id=step.pk, at=AFTER_REPLY)
    assert again.countersigned_by == team.inspectors[2]
    mission.refresh_from_db()
    assert mission.state == MissionState.UNDERWAY


def test_no_visit_outside_the_ordered_days(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    for day in (ORDERED_AT, datetime.datetime(2026, 3, 21, 9, tzinfo=datetime.UTC)):
        with pytest.raises(OutsideDates):
            acted(team, mission, StepKind.VISIT, day)


def test_a_form_with_a_blank_is_not_signed(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    with pytest.raises(FieldMissing) as refused:
        missions.write_step(
            actor=team.inspectors[0],
            mission_id=mission.pk,
            kind=StepKind.HEARING,
            day=VISITED_AT.date(),
            answers={"person": "Le gérant", "questions": "  "},
            intent=uuid.uuid4(),
            at=VISITED_AT,
        )
    assert "Questions et réponses" in str(refused.value)


def test_the_final_report_waits_for_the_answer(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    acted(team, mission, StepKind.VISIT, VISITED_AT)
    letter = acted(team, mission, StepKind.OBSERVATIONS, OBSERVED_AT)
    mission.refresh_from_db()
    assert mission.reply_until == datetime.date(2026, 4, 11)
    last_day = datetime.datetime(2026, 4, 11, 18, tzinfo=datetime.UTC)
    with pytest.raises(ReplyStillOpen):
        acted(team, mission, StepKind.CONCLUSION, last_day)
    intent = uuid.uuid4()
    said = {
        "actor": cast.owner,
        "affiliate": cast.affiliate,
        "step_id": letter.pk,
        "text": "Les primes de septembre ont été versées en octobre.",
        "pieces": [],
        "intent": intent,
        "at": last_day,
    }
    assert missions.reply(**said).pk == missions.reply(**said).pk
    acted(team, mission, StepKind.CONCLUSION, last_day)
    mission.refresh_from_db()
    assert mission.state == MissionState.CONCLUDED
    with pytest.raises(MissionMoveRefused):
        missions.reply(**(said | {"intent": uuid.uuid4()}))


@pytest.mark.parametrize("state", list(MissionState))
@pytest.mark.parametrize("kind", list(StepKind))
def test_each_act_has_its_moment(state: MissionState, kind: StepKind) -> None:
    facts = {
        "day": datetime.date(2026, 3, 10),
        "starts_on": datetime.date(2026, 3, 9),
        "ends_on": datetime.date(2026, 3, 20),
        "reply_until": None,
        "replied": True,
    }
    if kind in rules.possible_steps(state):
        assert rules.after_step(state, kind, **facts) is rules.STEP_MOVES[state, kind]
    else:
        with pytest.raises(StepRefused):
            rules.after_step(state, kind, **facts)


# ---------------------------------------------------------------- assessments


def test_the_contributions_of_the_difference(cast: Cast, team: Team) -> None:
    mission = concluded(team, cast.affiliate)
    assessment = mission.assessments.get()
    # 4,000 DH under the ceiling bear 843.60 + 269.60 DH (worked example): 2,000 DH more bear half of that.
    assert assessment.amount == Decimal("556.60")
    assert assessment.amount == sum(Decimal(row["amount"]) for row in assessment.working)


def test_two_supervisors_from_outside_put_it_in_force(cast: Cast, team: Team) -> None:
    assessment = concluded(team, cast.affiliate).assessments.get()
    with pytest.raises(NotSupervisor):
        missions.approve(actor=cast.staff, assessment_id=assessment.pk, at=AFTER_REPLY)
    for _click in range(2):
        once = missions.approve(actor=team.second, assessment_id=assessment.pk, at=AFTER_REPLY)
        assert once.state == AssessmentState.PROPOSED
    twice = missions.approve(actor=team.third, assessment_id=assessment.pk, at=AFTER_REPLY)
    assert (twice.state, twice.in_force_at) == (AssessmentState.IN_FORCE, AFTER_REPLY)


def test_in_force_the_wage_is_declared_and_its_slip_follows(cast: Cast, team: Team) -> None:
    assessment = concluded(team, cast.affiliate).assessments.get()
    for supervisor in (team.second, team.third, team.third):
        missions.approve(actor=supervisor, assessment_id=assessment.pk, at=AFTER_REPLY)
    assessment.refresh_from_db()
    declaration = assessment.declaration
    assert (declaration.mode, declaration.status) == (FilingMode.FUND, DeclarationStatus.SUBMITTED)
    line = declaration.lines.get()
    assert (line.full_name, line.gross_wage, line.days_declared) == (
        "RACHIDI KARIMA",
        Decimal("5000.00"),
        26,
    )
    slip = issue_slip(actor=None, declaration_id=declaration.pk, at=AFTER_REPLY)
    assert slip.total == declaration.contributions_total == Decimal("1391.50")
    # From there an appeal is a dispute on a line of the slip.
    dispute = dispute_of(cast.owner, slip, amount=Decimal("20.00"), at=AFTER_REPLY)
    assert dispute.items.get().hold.amount == Decimal("20.00")


def test_a_wage_established_replaces_a_lower_one_and_leaves_a_higher_one(
    cast: Cast, team: Team
) -> None:
    period = FOUND.period
    low = EstablishedWage("RACHIDI KARIMA", "", 20, Decimal("3000.00"))
    other = EstablishedWage("TAZI OMAR", "123456789", 26, Decimal("9000.00"))
    facts = {"actor": team.second, "affiliate": cast.affiliate, "period": period}
    first = establish(reference="a", wages=[low, other], at=VISITED_AT, **facts)
    high = EstablishedWage("Rachidi  Karima", "", 26, Decimal("7000.00"))
    second = establish(reference="b", wages=[high], at=OBSERVED_AT, **facts)
    first.refresh_from_db()
    assert (first.status, second.corrects) == (DeclarationStatus.REPLACED, first)
    assert list(second.lines.values_list("gross_wage", "capped_wage", "days_declared")) == [
        (Decimal("7000.00"), Decimal("6000.00"), 26),
        (Decimal("9000.00"), Decimal("6000.00"), 26),
    ]
    # What the employer declared as high meanwhile is not asked a second time.
    assert establish(reference="c", wages=[low], at=AFTER_REPLY, **facts) == second
    assert second.corrections.filter(status=DeclarationStatus.CANCELLED).count() == 1


def test_nobody_approves_before_the_firm_was_heard(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    acted(team, mission, StepKind.VISIT, VISITED_AT)
    assessment = missions.propose(
        actor=team.inspectors[0],
        mission_id=mission.pk,
        found=FOUND,
        intent=uuid.uuid4(),
        at=VISITED_AT,
    )
    with pytest.raises(MissionMoveRefused):
        missions.approve(actor=team.second, assessment_id=assessment.pk, at=VISITED_AT)


def test_a_month_that_the_order_does_not_name_is_not_assessed(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    acted(team, mission, StepKind.VISIT, VISITED_AT)
    outside = missions.Established(**{**vars_of(FOUND), "period": Period(2026, 1)})
    with pytest.raises(PeriodOutsideScope):
        missions.propose(
            actor=team.inspectors[0],
            mission_id=mission.pk,
            found=outside,
            intent=uuid.uuid4(),
            at=VISITED_AT,
        )


def vars_of(found: missions.Established) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__slots__}


def test_a_dropped_assessment_binds_nobody(cast: Cast, team: Team) -> None:
    assessment = concluded(team, cast.affiliate).assessments.get()
    missions.drop(actor=team.inspectors[1], assessment_id=assessment.pk, at=AFTER_REPLY)
    with pytest.raises(MissionMoveRefused):
        missions.approve(actor=team.second, assessment_id=assessment.pk, at=AFTER_REPLY)


# ---------------------------------------------------------------- what the database itself refuses


def refused_by_database(name: str, act) -> None:
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        act()
    assert name in str(refused.value) or refused.value.__cause__.diag.constraint_name == name


def by_hand(mission: Mission, team: Team, **facts: object) -> Assessment:
    """An assessment written straight into the table, without any workflow."""
    return Assessment.objects.create(
        **{
            "mission": mission,
            "rule": "C19",
            "period": datetime.date(2025, 9, 1),
            "employee": "RACHIDI KARIMA",
            "days": 26,
            "declared_wage": Decimal("1.00"),
            "established_wage": Decimal("2.00"),
            "amount": Decimal("0.27"),
            "working": [],
            "proposed_by": team.inspectors[0],
            "proposed_at": VISITED_AT,
            "intent": uuid.uuid4(),
        }
        | facts
    )


def test_no_assessment_without_three_signatures_even_by_hand(cast: Cast, team: Team) -> None:
    mission = drafted(team, cast.affiliate)
    for inspector in team.inspectors[:2]:
        missions.sign(actor=inspector, mission_id=mission.pk, at=ORDERED_AT)
    Mission.objects.filter(pk=mission.pk).update(state="underway")
    refused_by_database("assessment_mission_signed", lambda: by_hand(mission, team))
    MissionMember.objects.filter(mission=mission).update(signed_at=ORDERED_AT)
    assert by_hand(mission, team).pk  # the positive control: with the third signature it passes


def test_no_rule_no_assessment(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    for rule in ("", "X99"):
        refused_by_database(
            "assessment_rule_known", lambda rule=rule: by_hand(mission, team, rule=rule)
        )


@pytest.mark.parametrize(
    ("first", "second", "constraint"),
    [
        (None, None, "assessment_two_approvals"),
        ("second", None, "assessment_two_approvals"),
        ("second", "second", "assessment_second_other"),
        ("proposer", "second", "assessment_outside_approval"),
        ("second", "member", "assessment_outside_approval"),
    ],
)
def test_no_assessment_in_force_without_two_outsiders(
    cast: Cast, team: Team, first: str | None, second: str | None, constraint: str
) -> None:
    people = {
        None: None,
        "second": team.second,
        "proposer": team.inspectors[2],
        "member": team.inspectors[1],
    }
    assessment = concluded(team, cast.affiliate).assessments.get()
    refused_by_database(
        constraint,
        lambda: Assessment.objects.filter(pk=assessment.pk).update(
            state="in_force",
            first_approved_by=people[first],
            second_approved_by=people[second],
            in_force_at=AFTER_REPLY,
        ),
    )


def test_what_was_signed_is_not_rewritten(cast: Cast, team: Team) -> None:
    mission = concluded(team, cast.affiliate)
    for change in (
        lambda: MissionStep.objects.filter(mission=mission).update(answers={}),
        lambda: MissionStep.objects.filter(mission=mission).delete(),
        lambda: Mission.objects.filter(pk=mission.pk).update(reason="risk"),
        lambda: MissionMember.objects.filter(mission=mission).update(grade=Grade.CHIEF.value),
        lambda: Assessment.objects.filter(mission=mission).update(amount=Decimal("1.00")),
        lambda: Assessment.objects.filter(mission=mission).delete(),
    ):
        with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
            change()


def test_an_approver_of_the_mission_is_refused_in_words(cast: Cast, team: Team) -> None:
    mission = concluded(team, cast.affiliate)
    inspector = team.inspectors[0]
    inspector.staff_assignment.role = "supervisor"
    inspector.staff_assignment.save()
    with pytest.raises(ApproverInvolved):
        missions.approve(
            actor=inspector, assessment_id=mission.assessments.get().pk, at=AFTER_REPLY
        )
