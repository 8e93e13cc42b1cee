"""A new employer in a browser: asks, is accepted, chooses a password, stands before the first month."""

import re

import pytest
from playwright.sync_api import Page, expect

from affiliates.models import Affiliate, AffiliationRequest
from portal import clock
from portal.models import Mail
from tests.affiliates.factories import AgencyFactory, StaffAssignmentFactory, UserFactory
from tests.browser.test_frame import faults, sign_in
from tests.disputes.factories import PDF

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "une phrase que je retiens"


def link(kind: str) -> str:
    """The address in the letter of this kind."""
    text = Mail.objects.filter(key__startswith=f"{kind}:").latest("pk").text
    found = re.search(r"https?://[^/\s]+(/\S+)", text)
    assert found is not None
    return found[1]


def fill(page: Page, **told: str) -> None:
    for name, text in told.items():
        page.locator(f"[name={name}]").fill(text)


@pytest.mark.parametrize("width", [1280, 360])
def test_from_the_first_form_to_the_first_month(open_page, width) -> None:
    agency = AgencyFactory(name="Agence Anfa")
    clerk = UserFactory(email="agent@exemple.ma", is_staff=True)
    StaffAssignmentFactory(user=clerk, agency=agency)

    visitor = open_page(width=width)
    visitor.goto("/")
    visitor.get_by_role("link", name="Affilier une entreprise").click()
    fill(
        visitor,
        name="Menuiserie du Port",
        ice="002145783000034",
        tax_id="14253647",
        activity="Menuiserie",
        address="5 quai des Pêcheurs",
        city="Casablanca",
        first_hire_on=f"{clock.today():%Y-%m-%d}",
        contact_name="Rachid Amrani",
        email="rachid@menuiserie.example",
        phone="0612345678",
    )
    visitor.locator("[name=agency]").select_option(label="Agence Anfa")
    assert faults(visitor) == []
    visitor.get_by_role("button", name="Continuer").click()
    expect(visitor.locator("h1")).to_have_text("Ouvrez votre courriel")

    visitor.goto(link("affiliation"))
    visitor.locator("[name=pieces]").set_input_files(
        {"name": "statuts.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    assert faults(visitor) == []
    visitor.get_by_role("button", name="Envoyer la demande").click()
    expect(visitor.get_by_text("La Caisse examine la demande")).to_be_visible()

    desk = open_page()
    sign_in(desk, clerk.email)
    request = AffiliationRequest.objects.get()
    desk.goto(f"/administration/affiliates/affiliationrequest/{request.pk}/")
    assert faults(desk) == []
    desk.get_by_role("button", name="Affilier l’entreprise").click()
    number = Affiliate.objects.get().affiliation_number
    expect(desk.get_by_text(number).first).to_be_visible()

    visitor.goto(link("invitation"))
    fill(visitor, password=PASSWORD, again=PASSWORD)
    assert faults(visitor) == []
    visitor.get_by_role("button", name="Ouvrir mon compte").click()
    expect(visitor.get_by_text("Bienvenue")).to_be_visible()
    visitor.get_by_role("link", name="Déclarer ce mois").click()
    expect(visitor.locator("h1")).to_be_visible()
    assert f"/affilies/{number}/declarations/" in visitor.url
