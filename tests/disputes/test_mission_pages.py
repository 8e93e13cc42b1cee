"""The pages of an inspection: the firm's, the desk's, and the public one that says whether a mission is real."""

import datetime
import uuid

import pytest
import time_machine
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from disputes.enums import AssessmentState, MissionState, StepKind
from disputes.models import Assessment, Mission, MissionStep, ReplyPiece, StepReply
from disputes.workflows import missions
from portal.models import AuditEntry, User
from tests.cast import Cast
from tests.disputes.factories import PDF
from tests.disputes.missions import (
    AFTER_REPLY,
    OBSERVED_AT,
    ORDERED_AT,
    VISITED_AT,
    Team,
    acted,
    concluded,
    drafted,
    ordered,
    team_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(cast: Cast) -> Team:
    return team_of(cast.affiliate.agency)


def signed_in(user: User, language: str = "fr") -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = language
    return client


def firm(name: str, mission: Mission, *args: object) -> str:
    return reverse(f"disputes:{name}", args=[mission.affiliate.affiliation_number, *args])


def desk(name: str, mission: Mission, *args: object) -> str:
    return reverse(f"admin:disputes_mission_{name}", args=[mission.pk, *args])


# ---------------------------------------------------------------- the firm


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_firm_and_its_office_read_all_of_it(cast: Cast, team: Team, language: str) -> None:
    mission = concluded(team, cast.affiliate)
    for user in (cast.owner, cast.fiduciaire):
        client = signed_in(user, language)
        assert mission.number in client.get(firm("missions", mission)).content.decode()
        page = client.get(firm("mission", mission, mission.number)).content.decode()
        for shown in (
            mission.code,
            "Samira Ouali",
            "Tirage au sort du 2 mars 2026",
            "RACHIDI KARIMA",
        ):
            assert shown in page


def test_for_everyone_else_it_does_not_exist(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    step = acted(team, mission, StepKind.VISIT, VISITED_AT)
    for user in cast.outsiders:
        client = signed_in(user)
        assert client.get(firm("missions", mission)).status_code == 404
        assert client.get(firm("mission", mission, mission.number)).status_code == 404
        answer = firm("reply_to_step", mission, mission.number, step.pk)
        assert client.post(answer, {"text": "x"}).status_code == 404
    assert not StepReply.objects.exists()
    theirs = reverse(
        "disputes:mission", args=[cast.strangers_affiliate.affiliation_number, mission.number]
    )
    assert signed_in(cast.stranger).get(theirs).status_code == 404


def test_an_order_that_lacks_a_signature_is_not_announced(cast: Cast, team: Team) -> None:
    mission = drafted(team, cast.affiliate)
    client = signed_in(cast.owner)
    assert mission.number not in client.get(firm("missions", mission)).content.decode()
    assert client.get(firm("mission", mission, mission.number)).status_code == 404
    assert client.get(reverse("disputes:check_mission"), {"code": mission.code}).status_code == 404


def test_the_firm_answers_an_act_with_a_piece(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    step = acted(team, mission, StepKind.VISIT, VISITED_AT)
    client = signed_in(cast.owner)
    address = firm("reply_to_step", mission, mission.number, step.pk)
    typed = {"intent": str(uuid.uuid4()), "text": "Le registre était chez le comptable."}
    for _click in range(2):
        piece = SimpleUploadedFile("registre.pdf", PDF, content_type="text/html")
        assert client.post(address, typed | {"pieces": piece}).status_code == 302
    assert StepReply.objects.count() == ReplyPiece.objects.count() == 1
    page = client.get(firm("mission", mission, mission.number)).content.decode()
    assert "Le registre était chez le comptable." in page
    download = client.get(
        firm("mission_piece", mission, mission.number, ReplyPiece.objects.get().pk)
    )
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert download.headers["Content-Type"] == "application/pdf"
    empty = client.post(address, {"intent": str(uuid.uuid4()), "text": " "})
    assert empty.status_code == 422


def test_a_reader_does_not_answer(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    step = acted(team, mission, StepKind.VISIT, VISITED_AT)
    cast.owner.memberships.update(role="reader")
    address = firm("reply_to_step", mission, mission.number, step.pk)
    assert signed_in(cast.owner).post(address, {"text": "x"}).status_code == 403


def test_more_acts_ask_no_more_questions_of_the_database(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    acted(team, mission, StepKind.VISIT, VISITED_AT)
    client = signed_in(cast.owner)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(firm("mission", mission, mission.number))
        return len(seen)

    queries()
    few = queries()
    for _each in range(4):
        acted(team, mission, StepKind.HEARING, VISITED_AT)
    assert queries() == few


# ---------------------------------------------------------------- everyone


def test_anyone_checks_a_code_and_learns_nothing_without_it(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    address = reverse("disputes:check_mission")
    cache.clear()
    with time_machine.travel(VISITED_AT, tick=False):
        real = Client().get(address, {"code": f" {mission.code[:5].lower()}-{mission.code[5:]} "})
        page = real.content.decode()
        assert real.status_code == 200
        assert "Cette mission est réelle" in page
        assert "Driss Naji" in page
        # What the inspectors look for is for the firm alone.
        assert mission.scope not in page
        unknown = Client().get(address, {"code": "BCDFGHJKLM"})
    assert unknown.status_code == 404
    assert cast.affiliate.name not in unknown.content.decode()


def test_a_mission_that_is_over_is_not_said_to_be_real(cast: Cast, team: Team) -> None:
    mission = concluded(team, cast.affiliate)
    address = reverse("disputes:check_mission")
    cache.clear()
    with time_machine.travel(AFTER_REPLY, tick=False):
        page = Client().get(address, {"code": mission.code}).content.decode()
        assert "Cette mission est terminée" in page
        assert "Cette mission est réelle" not in page
    with time_machine.travel(AFTER_REPLY + datetime.timedelta(days=40), tick=False):
        assert Client().get(address, {"code": mission.code}).status_code == 404


def test_codes_are_not_guessed_by_trying(cast: Cast) -> None:
    cache.clear()
    address = reverse("disputes:check_mission")
    with time_machine.travel(VISITED_AT, tick=False):
        answers = [Client().get(address, {"code": f"BCDF{rank:06}"}) for rank in range(11)]
    assert [answer.status_code for answer in answers] == [404] * 10 + [429]
    assert answers[-1].headers["Retry-After"] == "60"


# ---------------------------------------------------------------- the desk


def test_the_desk_is_for_staff(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    addresses = [
        reverse("admin:disputes_mission_changelist"),
        reverse("admin:disputes_mission_order"),
        reverse("admin:disputes_riskfact_changelist"),
        desk("change", mission),
    ]
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        for address in addresses:
            assert signed_in(user).get(address).status_code in (302, 404), address
    assert signed_in(cast.staff).get(addresses[1]).status_code == 404
    for user in (cast.staff, team.supervisor, *team.inspectors):
        assert signed_in(user).get(addresses[3]).status_code == 200
    readings = AuditEntry.objects.filter(action="mission.read")
    assert readings.filter(affiliation_number=cast.affiliate.affiliation_number).count() == 5


def test_a_clerk_of_another_agency_sees_no_mission_but_their_own(cast: Cast, team: Team) -> None:
    from tests.affiliates.factories import StaffAssignmentFactory

    mission = ordered(team, cast.affiliate)
    elsewhere = StaffAssignmentFactory().user
    assert signed_in(elsewhere).get(desk("change", mission)).status_code == 404
    team.inspectors[0].staff_assignment.agency = elsewhere.staff_assignment.agency
    team.inspectors[0].staff_assignment.save()
    assert signed_in(team.inspectors[0]).get(desk("change", mission)).status_code == 200


def test_the_whole_journey_at_the_desk(cast: Cast, team: Team) -> None:
    with time_machine.travel(ORDERED_AT, tick=False):
        typed = {
            "intent": str(uuid.uuid4()),
            "affiliation_number": cast.affiliate.affiliation_number,
            "reason": "complaint",
            "reason_facts": "Plainte reçue le 12 février 2026.",
            "first": "2025-07",
            "last": "2025-12",
            "scope": "Jours déclarés.",
            "limits": "Une visite.",
            "starts_on": "2026-03-09",
            "ends_on": "2026-03-20",
            "team": [user.inspector.pk for user in team.inspectors],
        }
        late = signed_in(team.supervisor).post(
            reverse("admin:disputes_mission_order"), typed | {"starts_on": "2026-03-03"}
        )
        assert late.status_code == 422
        assert "Plainte reçue le 12 février 2026." in late.content.decode()
        assert (
            signed_in(team.supervisor)
            .post(reverse("admin:disputes_mission_order"), typed)
            .status_code
            == 302
        )
        mission = Mission.objects.get()
        for user in team.inspectors:
            signed_in(user).post(desk("sign", mission))
    with time_machine.travel(VISITED_AT, tick=False):
        one, two, three = (signed_in(user) for user in team.inspectors)
        visit = {
            "visit-intent": str(uuid.uuid4()),
            "visit-day": "2026-03-10",
            **{
                f"visit-{name}": "néant"
                for name in ("place", "hours", "met", "seen", "noted", "statement")
            },
        }
        refused = one.post(desk("step", mission, "visit"), visit | {"visit-noted": ""})
        assert refused.status_code == 422
        one.post(desk("step", mission, "visit"), visit)
        step = MissionStep.objects.get()
        one.post(desk("countersign", mission, step.pk))
        mission.refresh_from_db()
        assert mission.state == MissionState.ORDERED
        two.post(desk("countersign", mission, step.pk))
        found = {
            "propose-intent": str(uuid.uuid4()),
            "propose-rule": "C26",
            "propose-period": "2025-09",
            "propose-employee": "RACHIDI KARIMA",
            "propose-registration_number": "",
            "propose-days": "26",
            "propose-declared": "",
            "propose-wage": "4 000,00",
        }
        three.post(desk("propose", mission), found)
    assessment = Assessment.objects.get()
    assert str(assessment.amount) == "1113.20"
    acted(team, mission, StepKind.OBSERVATIONS, OBSERVED_AT)
    acted(team, mission, StepKind.CONCLUSION, AFTER_REPLY)
    with time_machine.travel(AFTER_REPLY, tick=False):
        for user in (team.second, team.third):
            signed_in(user).post(desk("approve", mission, assessment.pk))
    assessment.refresh_from_db()
    assert assessment.state == AssessmentState.IN_FORCE


def test_the_list_says_how_firms_were_chosen(cast: Cast, team: Team) -> None:
    ordered(team, cast.affiliate)
    with time_machine.travel(VISITED_AT, tick=False):
        page = signed_in(cast.staff).get(reverse("admin:disputes_mission_changelist"))
    assert "100 %" in page.content.decode()
    missions.cancel(
        actor=team.supervisor, mission_id=Mission.objects.get().pk, reason="x", at=VISITED_AT
    )
    with time_machine.travel(VISITED_AT, tick=False):
        page = signed_in(cast.staff).get(reverse("admin:disputes_mission_changelist"))
    assert "100 %" not in page.content.decode()
