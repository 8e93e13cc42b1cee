"""The public pages of the law in a real browser: readable by all, and useful without JavaScript."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_frame import faults

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIMULATION = "/simulateur/?period=2026-01&wages=4000%0A12345,67&paid_on=2026-04-25"


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_law_is_readable_by_all(open_page, language, width):
    page = open_page(language=language, width=width)
    for address in (
        "/la-regle/",
        "/la-regle/rate.pf.employer/",
        "/la-regle/policy.rounding.unit/",
        "/simulateur/",
        SIMULATION,
        "/simulateur/?period=2026-01&wages=abc",
    ):
        page.goto(address)
        page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
        assert faults(page) == []


def test_wages_are_typed_and_explained_without_javascript(open_page):
    page = open_page(javascript=False, width=360)
    page.goto("/simulateur/")
    page.locator("[name=period]").fill("2026-01")
    page.locator("[name=wages]").fill("4000\n12345,67")
    page.get_by_role("button", name="Calculer").click()
    expect(page.locator("main")).to_contain_text("3\u202f694,86")
    page.get_by_text("Comment chaque montant est trouvé").click()
    expect(page.get_by_text("arrondi à 1\u00a0046,12 DH")).to_be_visible()
