"""Killed with -9 where money or a decision is half-written: nothing of it stays, and the next run finishes."""

from __future__ import annotations

import ast
import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine
from django.conf import settings

from affiliates.models import Agency
from declarations import workflows as declaring
from declarations.models import Declaration
from disputes.enums import StepKind
from disputes.models import MissionStep
from disputes.workflows import missions
from payments.ledger_check import check
from payments.models import BankFile, DebitOrder, LedgerEntry, PaymentSlip
from payments.queries import slip_facts
from payments.workflows.bank_files import LEASE as FILE_LEASE
from payments.workflows.bank_files import import_file
from payments.workflows.debits import orders as side
from payments.workflows.debits import runs
from payments.workflows.slips import issue_slips
from portal.models import AuditEntry, Mail
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
from tests.payments.camt_files import details, entry
from tests.payments.debit_world import AFTER_CUT_OFF, AT, authority, draft, released, sent, signed
from tests.payments.factories import file_of, received, slip
from tests.payments.test_corrections import LATE
from tests.payments.test_pain_status import block, order, pain_002
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


# -- bank files ------------------------------------------------------------------------------------

_HALF = ("bank-file-half-staged",)
_IN_A_BANK_FILE = (
    "bank-file-claimed",
    "bank-file-judged",
    *_HALF,
    "bank-file-half-settled",
    "bank-file-written",
    "bank-file-settled",
)


@pytest.mark.parametrize("place", _IN_A_BANK_FILE)
def test_a_worker_killed_in_a_bank_file(place: str, cast: Cast) -> None:
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        owed = slip(cast.affiliate)
        data = file_of(
            cast,
            entry("40.00", ref="B1", txs=details(ref="B1", rf=slip_facts(owed).creditor_reference)),
            message_id="M1",
        )
        bank_file = received(cast.bank, cast.bank_account, data, read=False)
    at = bank_file.received_at

    die_at(place, lambda: import_file(bank_file_id=bank_file.pk, at=at))

    owed.refresh_from_db()
    if place in ("bank-file-claimed", "bank-file-judged", *_HALF):
        assert (owed.outstanding, bank_file.lines.count()) == (D("100.00"), 0)
    for _ in range(2):
        import_file(bank_file_id=bank_file.pk, at=at + FILE_LEASE + LONG_AFTER)
    owed.refresh_from_db()
    bank_file = BankFile.objects.get()
    assert (bank_file.state, bank_file.verdict, bank_file.lines.count()) == ("done", "accepted", 1)
    assert owed.outstanding == D("60.00")
    assert check().breaches == ()


# -- direct debits ---------------------------------------------------------------------------------


@contextmanager
def _on(at: datetime.datetime) -> Iterator[None]:
    with time_machine.travel(at, tick=False):
        yield


def test_a_server_killed_while_an_order_is_signed(cast: Cast) -> None:
    with _on(AT):
        owed = slip(cast.affiliate)
        one, other = authority(cast), authority(cast, account=2)
        intent = draft(cast, [owed], [(one, "60.00"), (other, "40.00")])[0].intent

    def sign() -> None:
        side.sign_order(actor=cast.owner, affiliate=cast.affiliate, intent=intent, at=AT)

    die_at("debit-half-signed", sign)

    assert set(DebitOrder.objects.values_list("state", flat=True)) == {"draft"}
    for _ in range(2):
        sign()
    assert set(DebitOrder.objects.values_list("state", flat=True)) == {"planned"}


@pytest.mark.parametrize(
    "place",
    ["debit-run-claimed", "debit-run-half-sent", "debit-run-before-commit", "debit-run-written"],
)
def test_a_worker_killed_while_it_writes_a_run(place: str, cast: Cast) -> None:
    with _on(AT):
        made = signed(cast, slip(cast.affiliate))
    with _on(AFTER_CUT_OFF):
        run = released(cast)

    die_at(place, lambda: runs.write_run(run_id=run.pk, at=AFTER_CUT_OFF))

    made.refresh_from_db()
    run.refresh_from_db()
    kept = place == "debit-run-written"
    assert (made.state, run.sent_at is not None) == ("sent" if kept else "planned", kept)
    for _ in range(2):
        runs.write_run(run_id=run.pk, at=AFTER_CUT_OFF + runs.LEASE + LONG_AFTER)
    made.refresh_from_db()
    run.refresh_from_db()
    assert (made.state, run.order_count, run.total) == ("sent", 1, D("100.00"))
    assert AuditEntry.objects.filter(action="payments.debit_run_written").count() == 1
    assert made.events.filter(state="sent").count() == 1


def test_a_worker_killed_between_a_refusal_and_its_letter(cast: Cast) -> None:
    with _on(AT):
        made = signed(cast, slip(cast.affiliate))
    with _on(AFTER_CUT_OFF):
        run = sent(cast)
    data = pain_002(block(order(made.reference, "RJCT", "AC04")))
    data = data.replace(b"CNSSPRL202604100001", run.message_id.encode())
    said = datetime.datetime(2026, 4, 13, 12, tzinfo=datetime.UTC)
    with _on(said):
        bank_file = received(
            cast.bank,
            cast.bank_account,
            data.replace(b"2026-04-10T18", b"2026-04-13T10"),
            read=False,
        )
    letters = Mail.objects.count()

    die_at("debit-answer-half", lambda: import_file(bank_file_id=bank_file.pk, at=said))

    made.refresh_from_db()
    assert (made.state, Mail.objects.count()) == ("sent", letters)
    for _ in range(2):
        import_file(bank_file_id=bank_file.pk, at=said + FILE_LEASE + LONG_AFTER)
    made.refresh_from_db()
    assert (made.state, Mail.objects.count()) == ("rejected", letters + 1)


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
