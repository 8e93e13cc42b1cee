"""The frame in a real browser: readable by all, in both directions, on a telephone, without JavaScript."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.affiliates.factories import PASSWORD, StaffAssignmentFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


#: On a telephone, what is pressed is 44 px high at least; links inside a sentence are read, not pressed.
TOO_SMALL = """() => window.innerWidth > 500 ? [] : [...document.querySelectorAll(
  ".btn, .form-control, .form-select, .dc-menu > summary, .dc-lang button, .dc-header-link, .dc-disclosure > summary"
)].filter((one) => one.checkVisibility() && one.getBoundingClientRect().height > 1)
  .filter((one) => one.getBoundingClientRect().height < 43.5)
  .map((one) => "too small to press: " + one.outerHTML.slice(0, 120))"""


def faults(page: Page) -> list[str]:
    """What axe finds, a page wider than its screen, and on a telephone what is too small for a thumb."""
    found = [
        f"{fault['id']}: {fault['nodes'][0]['html'][:200]}"
        for fault in Axe().run(page).response["violations"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        found.append("wider than the screen")
    return found + page.evaluate(TOO_SMALL)


def sign_in(page: Page, email: str) -> None:
    page.goto("/connexion/")
    page.locator("[name=username]").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_load_state()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize(("language", "direction"), [("fr", "ltr"), ("ar", "rtl")])
def test_public_pages_and_errors_are_readable_by_all(open_page, language, direction, width):
    page = open_page(language=language, width=width)
    for address in ("/", "/connexion/", "/affiliation/", "/affiliation/envoyee/", "/nulle-part/"):
        page.goto(address)
        assert page.locator("html").get_attribute("dir") == direction
        assert faults(page) == []


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_account_and_the_desk_are_readable_by_all(open_page, language):
    StaffAssignmentFactory(user__email="agent@exemple.ma")
    page = open_page(language=language, width=360)
    sign_in(page, "agent@exemple.ma")
    for address in ("/mot-de-passe/", "/administration/", "/administration/portal/user/"):
        page.goto(address)
        assert faults(page) == []


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_rooms_of_an_affiliate_are_readable_by_all(open_page, cast, language, width):
    page = open_page(language=language, width=width)
    sign_in(page, cast.owner.email)
    rooms = page.locator(".dc-nav a")
    expect(rooms).to_have_count(7)
    for address in [room.get_attribute("href") for room in rooms.all()]:
        page.goto(address)
        expect(page.locator(".dc-nav a[aria-current]")).to_have_attribute("href", address)
        assert faults(page) == []


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_space_of_a_bank_is_readable_by_all(open_page, cast, language):
    page = open_page(language=language, width=360)
    sign_in(page, cast.bank.email)
    expect(page.locator(".dc-space-name")).to_have_text("Banque Inventée du Nord")
    assert faults(page) == []


def test_a_person_comes_in_changes_language_and_leaves(open_page):
    UserFactory(email="nouvelle@exemple.ma", full_name="Salma Kadiri")
    page = open_page()
    page.goto("/connexion/")
    page.locator("[name=username]").fill("nouvelle@exemple.ma")
    page.locator("[name=password]").fill("pas la bonne")
    page.locator("main button[type=submit]").click()
    expect(page.locator("[role=alert]")).to_contain_text("ne correspondent pas")
    assert faults(page) == []

    sign_in(page, "nouvelle@exemple.ma")
    expect(page.locator("h1")).to_have_text("Bienvenue")
    page.goto("/mot-de-passe/?x=1")
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert page.url.endswith("/mot-de-passe/?x=1")

    page.locator(".dc-menu summary").click()
    assert faults(page) == []
    page.locator(".dc-menu form button").click()
    expect(page.get_by_role("link", name="تسجيل الدخول").first).to_be_visible()


def test_everything_works_without_javascript(open_page):
    UserFactory(email="sobre@exemple.ma", full_name="Omar Fassi")
    page = open_page(javascript=False, width=360)
    sign_in(page, "sobre@exemple.ma")
    expect(page.locator("h1")).to_have_text("Bienvenue")
    page.locator(".dc-menu summary").click()
    page.locator(".dc-menu form button").click()
    expect(page.get_by_role("link", name="Se connecter").first).to_be_visible()


def test_the_keyboard_finds_the_content_first(open_page):
    page = open_page()
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator(".dc-skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
