"""Inspectors, orders and missions for tests."""

import datetime
import uuid
from dataclasses import dataclass, replace
from decimal import Decimal

from affiliates.enums import StaffRole
from affiliates.models import Affiliate, Agency
from disputes import missions as rules
from disputes.enums import AssessmentRule, Grade, SelectionReason, StepKind
from disputes.models import Inspector, Mission, MissionStep
from disputes.workflows import missions
from portal.models import User
from regulation.periods import Period
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory

# Monday 2 March 2026, ten in the morning in Casablanca; five working days later is Monday 9 March.
ORDERED_AT = datetime.datetime(2026, 3, 2, 10, tzinfo=datetime.UTC)
FIRST_VISIT = datetime.date(2026, 3, 9)
VISITED_AT = datetime.datetime(2026, 3, 10, 15, tzinfo=datetime.UTC)
# The delay to answer observations sent on 12 March ends on 11 April.
OBSERVED_AT = datetime.datetime(2026, 3, 12, 9, tzinfo=datetime.UTC)
AFTER_REPLY = datetime.datetime(2026, 4, 13, 9, tzinfo=datetime.UTC)

ORDER = missions.Order(
    reason=SelectionReason.RANDOM,
    reason_facts="Tirage au sort du 2 mars 2026, rang 14 sur 312.",
    first=Period(2025, 7),
    last=Period(2025, 12),
    scope="Salaires et jours déclarés du personnel de vente.",
    limits="Deux visites au plus, aux heures d’ouverture, sans accès aux comptes personnels.",
    starts_on=FIRST_VISIT,
    ends_on=datetime.date(2026, 3, 20),
)


@dataclass(frozen=True)
class Team:
    """Three inspectors, and the three supervisors around them."""

    inspectors: list[User]
    supervisor: User
    second: User
    third: User


def team_of(agency: Agency) -> Team:
    names = ("Samira Ouali", "Driss Naji", "Hafida Roussi")
    inspectors = []
    for name, grade in zip(names, Grade, strict=True):
        user = UserFactory(full_name=name, is_staff=True)
        StaffAssignmentFactory(user=user, agency=agency)
        Inspector.objects.create(user=user, grade=grade.value)
        inspectors.append(user)
    supervisors = []
    for name in ("Latifa Amrani", "Brahim Tazi", "Mouna Sefrioui"):
        user = UserFactory(full_name=name, is_staff=True)
        StaffAssignmentFactory(user=user, agency=agency, role=StaffRole.SUPERVISOR.value)
        supervisors.append(user)
    return Team(inspectors, *supervisors)


def drafted(team: Team, affiliate: Affiliate, **changes: object) -> Mission:
    return missions.draft(
        actor=team.supervisor,
        affiliate=affiliate,
        intent=uuid.uuid4(),
        order=replace(ORDER, **changes),
        team=team.inspectors,
        at=ORDERED_AT,
    )


def ordered(team: Team, affiliate: Affiliate) -> Mission:
    mission = drafted(team, affiliate)
    for inspector in team.inspectors:
        mission = missions.sign(actor=inspector, mission_id=mission.pk, at=ORDERED_AT)
    return mission


def acted(
    team: Team, mission: Mission, kind: StepKind, at: datetime.datetime, *, twice: bool = True
) -> MissionStep:
    """An act written by the first inspector and, unless told otherwise, countersigned by the second."""
    step = missions.write_step(
        actor=team.inspectors[0],
        mission_id=mission.pk,
        kind=kind,
        day=at.date(),
        answers={field.name: f"{field.label} : néant" for field in rules.FORMS[kind]},
        intent=uuid.uuid4(),
        at=at,
    )
    return missions.countersign(actor=team.inspectors[1], step_id=step.pk, at=at) if twice else step


FOUND = missions.Established(
    rule=AssessmentRule.UNDERSTATED,
    period=Period(2025, 9),
    employee="RACHIDI KARIMA",
    registration_number="",
    days=26,
    declared=Decimal("3000.00"),
    wage=Decimal("5000.00"),
)


def concluded(team: Team, affiliate: Affiliate) -> Mission:
    """A whole mission with one proposed assessment, no answer from the firm, its delay over."""
    mission = ordered(team, affiliate)
    acted(team, mission, StepKind.VISIT, VISITED_AT)
    missions.propose(
        actor=team.inspectors[2],
        mission_id=mission.pk,
        found=FOUND,
        intent=uuid.uuid4(),
        at=VISITED_AT,
    )
    acted(team, mission, StepKind.OBSERVATIONS, OBSERVED_AT)
    acted(team, mission, StepKind.CONCLUSION, AFTER_REPLY)
    mission.refresh_from_db()
    return mission
