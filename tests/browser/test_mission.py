"""A mission in several windows: ordered, signed by three, checked at the door, answered by the firm."""

import datetime

import pytest
from playwright.sync_api import Page, expect

from disputes.models import Assessment, Mission
from portal import clock
from tests.affiliates.factories import (
    AffiliateFactory,
    AgencyFactory,
    MembershipFactory,
    UserFactory,
)
from tests.browser.test_frame import faults, sign_in
from tests.disputes.missions import Team, team_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADMIN = "/administration/disputes/mission/"


def order(supervisor: Page, number: str, team: Team) -> None:
    """Fill the order; the first visit is far enough for any notice."""
    today = clock.today()
    first = today + datetime.timedelta(days=20)
    supervisor.goto(f"{ADMIN}ordonner/?affilie={number}")
    assert faults(supervisor) == []
    supervisor.get_by_label("Tirage au sort").check()
    supervisor.get_by_label("Ce qui l’a motivée").fill("Rang 14 sur 312.")
    year, month = (today.year - 1, today.month)
    supervisor.get_by_label("Premier mois examiné").fill(f"{year}-{month:02}")
    supervisor.get_by_label("Dernier mois examiné").fill(f"{year}-{month:02}")
    supervisor.get_by_label("Objet").fill("Salaires et jours déclarés.")
    supervisor.get_by_label("Limites").fill("Une visite, aux heures d’ouverture.")
    supervisor.get_by_label("Visites à partir du").fill(first.isoformat())
    supervisor.get_by_label("Visites jusqu’au").fill(
        (first + datetime.timedelta(days=5)).isoformat()
    )
    for inspector in team.inspectors[:2]:
        supervisor.get_by_label(inspector.full_name).check()
    supervisor.locator("main form button[type=submit]").last.click()
    # Two inspectors do not make a mission: the form says so and keeps what was typed.
    expect(supervisor.get_by_role("alert")).to_contain_text("trois inspecteurs")
    expect(supervisor.get_by_label("Objet")).to_have_value("Salaires et jours déclarés.")
    assert faults(supervisor) == []
    supervisor.get_by_label(team.inspectors[2].full_name).check()
    supervisor.locator("main form button[type=submit]").last.click()
    expect(supervisor.get_by_text("attend la signature")).to_be_visible()
    assert faults(supervisor) == []


def test_a_mission_from_the_order_to_the_firm(open_page):
    agency = AgencyFactory()
    affiliate = AffiliateFactory(name="BOULANGERIE AL BARAKA", agency=agency)
    owner = UserFactory(email="patronne@exemple.ma", full_name="Nadia Benjelloun")
    MembershipFactory(user=owner, affiliate=affiliate)
    team = team_of(agency)
    room = f"/affilies/{affiliate.affiliation_number}/controles/"

    supervisor = open_page()
    sign_in(supervisor, team.supervisor.email)
    order(supervisor, affiliate.affiliation_number, team)
    mission = Mission.objects.get()

    employer = open_page(width=360)
    sign_in(employer, "patronne@exemple.ma")
    employer.goto(room)
    expect(employer.get_by_text("Aucun contrôle")).to_be_visible()

    inspector = None
    for person in team.inspectors:
        inspector = open_page()
        sign_in(inspector, person.email)
        inspector.goto(f"{ADMIN}{mission.pk}/")
        inspector.get_by_role("button", name="Signer l’ordre").click()
        expect(inspector.get_by_text("Votre signature est au bas de l’ordre.")).to_be_visible()
    assert faults(inspector) == []

    employer.reload()
    employer.get_by_role("link", name=mission.number).click()
    expect(employer.get_by_text("Avant d’ouvrir votre porte")).to_be_visible()
    expect(employer.get_by_text(mission.code)).to_be_visible()
    assert faults(employer) == []

    # Anyone at the door, without an account; then a code that nobody gave.
    stranger = open_page(width=360)
    stranger.goto("/controle/")
    stranger.get_by_label("Code de vérification").fill(mission.code.lower())
    stranger.get_by_role("button", name="Vérifier").click()
    expect(stranger.get_by_text("Cette mission est réelle")).to_be_visible()
    expect(stranger.get_by_text(team.inspectors[0].full_name)).to_be_visible()
    assert faults(stranger) == []
    stranger.get_by_label("Code de vérification").fill("BBBBBBBBBB")
    stranger.get_by_role("button", name="Vérifier").click()
    expect(stranger.get_by_text("Aucune mission ne porte ce code")).to_be_visible()
    assert faults(stranger) == []

    # The third inspector asks for pieces in the fixed form; a second one countersigns; the firm answers.
    inspector.locator("summary", has_text="demande de pièces").click()
    form = inspector.locator("details[open]", has_text="Pièces demandées")
    form.get_by_label("Pièces demandées").fill("Bulletins de paie.")
    form.get_by_label("Ce qu’elles doivent établir").fill("Les primes versées.")
    form.get_by_label("À remettre au plus tard le").fill("Fin du mois.")
    form.get_by_role("button").last.click()
    expect(inspector.get_by_text("un second inspecteur doit le contresigner")).to_be_visible()
    assert faults(inspector) == []
    second = open_page()
    sign_in(second, team.inspectors[0].email)
    second.goto(f"{ADMIN}{mission.pk}/")
    second.get_by_role("button", name="Contresigner").click()
    expect(second.get_by_text("Acte contresigné.")).to_be_visible()

    employer.reload()
    employer.locator("summary", has_text="Répondre à cet acte").click()
    employer.get_by_label("Votre réponse").fill("Les voici.")
    employer.get_by_role("button", name="Envoyer ma réponse").click()
    expect(employer.get_by_text("au dossier de la mission")).to_be_visible()
    assert faults(employer) == []
    second.reload()
    expect(second.get_by_text("Les voici.")).to_be_visible()
    assert not Assessment.objects.exists()
