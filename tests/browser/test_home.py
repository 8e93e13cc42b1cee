"""The home, the list and the access page in a real browser: readable by all, in both directions, at every width."""

import datetime

import pytest
from playwright.sync_api import expect

from affiliates.models import Affiliate, Mandate
from payments.workflows import penalties
from regulation.enums import Branch
from regulation.periods import Period
from tests.affiliates.factories import (
    AffiliateFactory,
    MandateFactory,
    MembershipFactory,
    RepresentativeFactory,
    UserFactory,
)
from tests.browser.test_frame import faults, sign_in
from tests.payments import factories as money

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def bakery() -> Affiliate:
    """A bakery with a late slip, its owner, and an office that files for it and for another."""
    affiliate = AffiliateFactory(name="BOULANGERIE AL BARAKA", name_ar="مخبزة البركة")
    MembershipFactory(
        affiliate=affiliate,
        user=UserFactory(email="patronne@exemple.ma", full_name="Nadia Benjelloun"),
    )
    accountant = UserFactory(email="fiduciaire@exemple.ma", full_name="Youssef Tazi")
    office = RepresentativeFactory(name="Fiduciaire Atlas", members=[accountant])
    for client in (affiliate, AffiliateFactory(name="GARAGE DES TROIS ROUTES")):
        MandateFactory(affiliate=client, representative=office)
    late = Period.from_day(datetime.date.today()) - 3
    slip = money.slip(affiliate, period=late, amounts={Branch.PF: "1000.00"})
    penalties.assess_surcharges(actor=None, slip_id=slip.pk, as_of=datetime.date.today())
    return affiliate


@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize("width", [1280, 360])
def test_an_accountant_goes_from_the_list_to_a_home(open_page, bakery, language, width):
    page = open_page(language=language, width=width)
    sign_in(page, "fiduciaire@exemple.ma")
    expect(page).to_have_url("/affilies/")
    assert faults(page) == []
    page.get_by_role("searchbox").fill(bakery.affiliation_number)
    page.get_by_role("searchbox").press("Enter")
    name = bakery.name if language == "fr" else bakery.name_ar
    page.get_by_role("link", name=name).click()
    expect(page.locator(".card-next .btn-primary")).to_be_visible()
    assert faults(page) == []
    page.locator(".dc-chart summary").click()
    assert faults(page) == []


def test_an_owner_takes_a_mandate_back_without_script(open_page, bakery):
    page = open_page(width=360, javascript=False)
    sign_in(page, "patronne@exemple.ma")
    page.get_by_role("link", name="Accès", exact=True).click()
    page.get_by_role("link", name="Retirer Fiduciaire Atlas").click()
    page.get_by_role("button", name="Retirer le mandat").click()
    expect(page.get_by_text("n’a plus accès à vos pages")).to_be_visible()
    expect(page.get_by_text("Aucun cabinet n’a de mandat")).to_be_visible()
    assert Mandate.objects.get(affiliate=bakery).revoked_at is not None
