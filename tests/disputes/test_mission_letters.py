"""What a firm is told by mail of an inspection: who comes, when, what it may answer and until when."""

import uuid

import pytest

from disputes.enums import StepKind
from disputes.models import Mission
from disputes.workflows import missions
from portal.models import Mail, User
from tests.cast import Cast
from tests.disputes.missions import (
    AFTER_REPLY,
    FOUND,
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


@pytest.fixture
def team(cast: Cast) -> Team:
    return team_of(cast.affiliate.agency)


def told(person: User) -> list[Mail]:
    return list(Mail.objects.filter(user=person).order_by("pk"))


def plain(mail: Mail) -> str:
    return (mail.subject + "\n" + mail.text).replace("\xa0", " ").replace("\u202f", " ")


def page_of(mission: Mission) -> str:
    return f"/employeurs/{mission.affiliate.affiliation_number}/controles/{mission.number}/"


def test_an_order_that_waits_is_told_to_its_inspectors_alone(cast: Cast, team: Team) -> None:
    mission = drafted(team, cast.affiliate)
    assert told(cast.owner) == []
    for inspector in team.inspectors:
        (letter,) = told(inspector)
        assert letter.subject == "Un ordre de mission attend votre signature"
        assert "Visites du 9 mars 2026 au 20 mars 2026." in plain(letter)
        assert "L’affilié n’en est averti qu’après les trois signatures." in letter.text
        # Its own page, and nothing that names the firm: a letter may be read over a shoulder.
        assert f"/administration/disputes/mission/{mission.pk}/" in letter.text
        assert cast.affiliate.name not in plain(letter)


def test_the_announcement_says_who_comes_when_and_how_to_check(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    (letter,) = told(cast.owner)
    assert plain(letter).startswith("Un contrôle est annoncé, du 9 mars 2026 au 20 mars 2026\n")
    for inspector in team.inspectors:
        assert inspector.full_name in letter.text
    for words in (
        f"La mission {mission.number} contrôle {cast.affiliate.name}.",
        "avec le code à comparer à celui que les inspecteurs montrent",
        "Aucun ne vient seul, aucun ne demande d’argent.",
        f"/{mission.number}/",
    ):
        assert words in plain(letter), words
    # The code itself is on the page, behind the door of the firm.
    assert mission.code not in plain(letter)


def test_a_visit_may_be_answered_and_observations_say_until_when(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    visit = acted(team, mission, StepKind.VISIT, VISITED_AT, twice=False)
    assert len(told(cast.owner)) == 1, "an act counts, and is told, once a second one signed it"
    missions.countersign(actor=team.inspectors[1], step_id=visit.pk, at=VISITED_AT)
    acted(team, mission, StepKind.OBSERVATIONS, OBSERVED_AT)
    _announced, seen, observed = map(plain, told(cast.owner))
    assert "Un acte du 10 mars 2026" in seen
    assert "est signé par deux inspecteurs" in seen
    assert "Vous pouvez y répondre sur la même page, avec vos pièces." in seen
    assert observed.startswith(
        f"Observations du contrôle {mission.number} : vous pouvez répondre\n"
    )
    assert "Rien n’est décidé : répondez, avec vos pièces, jusqu’au 11 avril 2026." in observed
    assert "jusqu’au" not in seen


def test_the_report_and_the_assessment_say_what_binds_and_how_to_contest(
    cast: Cast, team: Team
) -> None:
    mission = concluded(team, cast.affiliate)
    report = plain(told(cast.owner)[-1])
    assert report.startswith(f"Rapport final du contrôle {mission.number}\n")
    assert "qu’une fois approuvé par deux responsables étrangers à la mission" in report
    assert "vous pourrez alors le contester" in report
    found = mission.assessments.get()
    for approver in (team.second, team.third):
        missions.approve(actor=approver, assessment_id=found.pk, at=AFTER_REPLY)
    found.refresh_from_db()
    assessed = plain(told(cast.owner)[-1])
    assert assessed.startswith(f"Contrôle {mission.number} : un redressement est en vigueur\n")
    assert f"{found.amount:.2f}".replace(".", ",") + " DH" in assessed
    assert "au titre de septembre 2025" in assessed
    assert "Chaque ligne du bordereau qui en résulte peut être contestée" in assessed
    assert "la part contestée est alors suspendue" in assessed
    # Whose wage it was is on the page, not in a letter.
    assert FOUND.employee not in assessed


def test_an_answer_is_told_to_the_three_and_must_be_taken_up(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    visit = acted(team, mission, StepKind.VISIT, VISITED_AT)
    missions.reply(
        actor=cast.owner,
        affiliate=cast.affiliate,
        step_id=visit.pk,
        text="La prime est un remboursement de frais.",
        pieces=[],
        intent=uuid.uuid4(),
        at=VISITED_AT,
    )
    for inspector in team.inspectors:
        letter = plain(told(inspector)[-1])
        assert letter.startswith(f"Mission {mission.number} : l’affilié a répondu\n")
        assert "Le rapport final doit la reprendre." in letter
        assert "remboursement de frais" not in letter


def test_a_cancelled_mission_is_told_only_to_who_expected_it(cast: Cast, team: Team) -> None:
    mission = ordered(team, cast.affiliate)
    missions.cancel(
        actor=team.supervisor, mission_id=mission.pk, reason="Erreur d’adresse.", at=ORDERED_AT
    )
    letter = plain(told(cast.owner)[-1])
    assert letter.startswith(f"Le contrôle {mission.number} est annulé\n")
    assert "n’ouvrez pas et appelez votre agence" in letter

    quiet = drafted(team, cast.strangers_affiliate)
    missions.cancel(
        actor=team.supervisor,
        mission_id=quiet.pk,
        reason="Doublon d’un autre ordre.",
        at=ORDERED_AT,
    )
    assert told(cast.stranger) == []


def test_in_arabic_the_dates_and_the_right_to_answer_are_told_too(cast: Cast, team: Team) -> None:
    User.objects.filter(pk=cast.owner.pk).update(language="ar")
    mission = ordered(team, cast.affiliate)
    acted(team, mission, StepKind.VISIT, VISITED_AT)
    acted(team, mission, StepKind.OBSERVATIONS, OBSERVED_AT)
    announced, _seen, observed = told(cast.owner)
    assert {announced.language, observed.language} == {"ar"}
    assert "2026" in announced.subject
    assert "11" in observed.text
    for french in ("contrôle", "répondez", "inspecteur"):
        assert french not in plain(announced) + plain(observed)
