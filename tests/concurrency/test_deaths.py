"""Killed with -9 in a correction or a mission: nothing of it stays, and the next run finishes.

Every named place of the house has its drill: here, or beside what it belongs to.
"""

from __future__ import annotations

import ast
import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from affiliates.models import Agency
from declarations import workflows as declaring
from declarations.models import Declaration
from disputes.enums import StepKind
from disputes.models import MissionStep
from disputes.workflows import missions
from payments.ledger_check import check
from payments.models import LedgerEntry, PaymentSlip
from payments.workflows.slips import issue_slips
from portal.models import AuditEntry
from tests.cast import Cast
from tests.declarations.factories import submitted
from tests.disputes.missions import (
    AFTER_REPLY,
    VISITED_AT,
    Team,
    acted,
    concluded,
    ordered,
    team_of,
)
from tests.payments.debit_world import AT
from tests.payments.test_corrections import LATE
from tests.running import die_at

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal
LONG_AFTER = datetime.timedelta(hours=1)


# -- every place has its drill ---------------------------------------------------------------------


def _called(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Name) and called.id == "failpoint":
            yield ast.literal_eval(node.args[0])  # type: ignore[attr-defined]


def _said(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_named_place_of_every_room_has_its_drill() -> None:
    house = Path(settings.BASE_DIR)
    rooms = [path.parent for path in house.glob("*/apps.py")]
    named = {name for room in rooms for path in room.rglob("*.py") for name in _called(path)}
    drilled = {word for path in (house / "tests").rglob("*.py") for word in _said(path)}
    assert len(named) > 20
    assert named - drilled == set()


# -- corrections -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["correction-lowered", "correction-before-commit"])
def test_a_worker_killed_while_it_posts_the_difference(place: str, cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    issue_slips(actor=None, declaration_ids=[one.pk], at=AT)
    row = declaring.open_correction(actor=cast.owner, at=LATE, declaration=one)
    first, second = row.lines.order_by("rank")[:2]
    row = declaring.save_form(
        actor=cast.owner,
        declaration=row,
        version=1,
        cells={first.pk: {"wage": "2000", "days": "26"}, second.pk: {"wage": "5500", "days": "26"}},
    )
    row = declaring.submit(actor=cast.owner, at=LATE, declaration=row, version=row.version)
    owed = PaymentSlip.objects.get()

    def post() -> None:
        issue_slips(actor=None, declaration_ids=[row.pk], at=LATE)

    die_at(place, post)

    row.refresh_from_db()
    assert (LedgerEntry.objects.count(), row.slip_issued_at) == (1, None)
    assert PaymentSlip.objects.get().outstanding == owed.outstanding
    for _ in range(2):
        post()
    entries = LedgerEntry.objects.count()
    assert entries > 1
    standing = sum(one.outstanding for one in PaymentSlip.objects.all())
    row.refresh_from_db()
    assert standing == row.contributions_total
    assert check().breaches == ()


# -- missions --------------------------------------------------------------------------------------


@pytest.fixture
def team(cast: Cast) -> Team:
    return team_of(Agency.objects.get(pk=cast.affiliate.agency_id))


def test_a_server_killed_between_a_countersignature_and_its_mission(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    step = acted(team, mission, StepKind.VISIT, VISITED_AT, twice=False)
    mission.refresh_from_db()
    was = mission.state

    def countersign() -> None:
        missions.countersign(actor=team.inspectors[1], step_id=step.pk, at=VISITED_AT)

    die_at("mission-countersign-before-commit", countersign)

    mission.refresh_from_db()
    assert mission.state == was
    assert MissionStep.objects.get(pk=step.pk).countersigned_by is None
    for _ in range(2):
        countersign()
    mission.refresh_from_db()
    assert mission.state != was
    assert AuditEntry.objects.filter(action="mission.countersign").count() == 1


def test_a_server_killed_while_an_assessment_comes_into_force(cast: Cast, team: Team) -> None:
    assessment = concluded(team, cast.affiliate).assessments.get()
    missions.approve(actor=team.second, assessment_id=assessment.pk, at=AFTER_REPLY)

    def approve() -> None:
        missions.approve(actor=team.third, assessment_id=assessment.pk, at=AFTER_REPLY)

    die_at("mission-approve-before-commit", approve)

    assessment.refresh_from_db()
    assert (assessment.state, assessment.declaration) == ("proposed", None)
    for _ in range(2):
        approve()
    assessment.refresh_from_db()
    assert assessment.state == "in_force"
    assert Declaration.objects.filter(mode="fund").count() == 1
