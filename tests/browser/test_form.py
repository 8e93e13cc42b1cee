"""The form in a browser: a tiny firm on a phone, a firm of three hundred with a column from Excel."""

import datetime
import re
import time

import pytest
from playwright.sync_api import Page, expect

from affiliates.models import Affiliate
from declarations import workflows
from declarations.models import Declaration
from portal import clock
from portal.models import User
from regulation.periods import Period
from tests.affiliates.factories import (
    AffiliateFactory,
    EmploymentFactory,
    MembershipFactory,
    UserFactory,
)
from tests.browser.test_frame import faults, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OWNER = "patronne@exemple.ma"


def firm(people: int) -> Affiliate:
    first_day = last_month().previous().first_day
    affiliate = AffiliateFactory(name="BOULANGERIE AL BARAKA", affiliated_on=first_day)
    MembershipFactory(
        user=UserFactory(email=OWNER, full_name="Nadia Benjelloun"), affiliate=affiliate
    )
    for _ in range(people):
        EmploymentFactory(affiliate=affiliate)
    return affiliate


def last_month() -> Period:
    return Period.from_day(clock.today()).previous()


def declare(affiliate: Affiliate, period: Period, at: datetime.datetime) -> None:
    actor = User.objects.get(email=OWNER)
    one = workflows.open_form(actor=actor, at=at, affiliate=affiliate, period=period)
    cell = {"days": "26", "wage": "4 200,00"}
    one = workflows.save_form(
        actor=actor,
        declaration=one,
        version=one.version,
        cells=dict.fromkeys(one.lines.values_list("pk", flat=True), cell),
    )
    workflows.submit(actor=actor, at=at, declaration=one, version=one.version)


def grid(page: Page, affiliate: Affiliate) -> None:
    page.goto(f"/affilies/{affiliate.affiliation_number}/declarations/periode/{last_month()}/")
    page.get_by_role("button", name="Remplir la liste").click()


def wages(page: Page):
    return page.locator("[data-column=wage]")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_tiny_firm_confirms_the_month_on_a_phone(open_page, javascript) -> None:
    bakery = firm(2)
    declare(bakery, last_month().previous(), clock.now())
    page = open_page(width=360, javascript=javascript)
    sign_in(page, OWNER)
    page.goto(f"/affilies/{bakery.affiliation_number}/")
    interactions = 0

    for role, name in (
        ("link", "Déclarer"),
        ("button", "Comme le mois dernier"),
        ("button", "Déposer la déclaration"),
    ):
        if javascript:
            assert faults(page) == []
        page.locator("main").get_by_role(role, name=name).first.click()
        interactions += 1

    one = Declaration.objects.get(period=last_month().first_day)
    expect(page.get_by_text(one.receipt_number or "?").first).to_be_visible()
    assert interactions <= 5


def test_three_hundred_people_and_a_column_from_excel(open_page) -> None:
    affiliate = firm(300)
    page = open_page()
    sign_in(page, OWNER)
    grid(page, affiliate)
    expect(wages(page)).to_have_count(50)

    for column, text in (
        ("days", "\n".join(["26"] * 300) + "\n"),
        ("wage", "\r\n".join(f"{3500 + rank},50" for rank in range(300)) + "\r\n"),
    ):
        page.locator(f"[data-column={column}]").first.focus()
        with page.expect_navigation():
            page.evaluate(PASTE, text)

    one = Declaration.objects.get()
    assert (one.days_declared, one.to_complete) == (7800, 0)
    assert one.lines.order_by("-rank")[0].gross_wage == 3799 + one.lines.first().gross_wage % 1
    assert faults(page) == []
    page.get_by_role("button", name="Relire et déposer").click()
    page.get_by_role("button", name="Déposer la déclaration").click()
    expect(page.get_by_text("Votre déclaration est déposée")).to_be_visible()


def test_two_thousand_people_stay_fluid(open_page, capsys) -> None:
    """A page of the form is small whatever the firm: measured, printed, bounded."""
    affiliate = firm(2000)
    page = open_page()
    sign_in(page, OWNER)
    grid(page, affiliate)
    nodes = page.evaluate("document.querySelectorAll('*').length")
    kilobytes = len(page.content().encode()) / 1024

    # A block of two columns, in one paste, over forty pages.
    page.locator("[data-column=days]").first.focus()
    started = time.monotonic()
    with page.expect_navigation():
        page.evaluate(PASTE, "26\t4000,50\r\n" * 1999 + "26\t\r\n")
    pasted = time.monotonic() - started
    one = Declaration.objects.get()
    assert (one.days_declared, one.to_complete) == (52_000, 1)

    page.get_by_role("link", name="Seulement les lignes à compléter").click()
    expect(wages(page)).to_have_count(1)
    started = time.monotonic()
    wages(page).press_sequentially("4000,50", delay=0)
    typed = time.monotonic() - started
    expect(page.get_by_text("Enregistré", exact=True)).to_be_visible(timeout=20_000)
    saved = time.monotonic() - started
    assert faults(page) == []
    with page.expect_navigation():
        page.get_by_role("link", name="Toute la liste").click()

    last = one.lines.order_by("-rank")[0]
    page.get_by_role("searchbox").fill(last.registration_number)
    page.get_by_role("button", name="Chercher").click()
    expect(wages(page)).to_have_count(1)
    assert wages(page).input_value() == "4000,50"
    assert Declaration.objects.get().to_complete == 0

    with capsys.disabled():
        print(
            f"\nform of 2,000: {nodes} nodes, {kilobytes:.0f} KiB, paste {pasted:.1f} s, "
            f"seven keys {typed * 1000:.0f} ms, saved after {saved:.1f} s"
        )
    assert nodes < 3_000
    assert kilobytes < 300
    assert typed < 1


def test_a_month_by_keyboard_alone(open_page) -> None:
    """From the first cell to the receipt without a mouse."""
    affiliate = firm(2)
    page = open_page()
    sign_in(page, OWNER)
    grid(page, affiliate)
    page.locator("[data-column=days]").first.focus()
    for text in ("26", "4000"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # over the situation, to the next person
    for text in ("26", "5000"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    expect(page.locator("#totaux")).to_contain_text("9 000,00")
    reach(page, "Relire et déposer")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/declarations/\d+/$"))
    reach(page, "Déposer la déclaration")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Votre déclaration est déposée")).to_be_visible()


def reach(page: Page, name: str) -> None:
    """Press Tab until the button of this name has the focus."""
    for _step in range(60):
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{name} is not reached with the keyboard")


PASTE = """(text) => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  document.activeElement.dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


def test_keys_short_pastes_totals_and_autosave(open_page) -> None:
    affiliate = firm(3)
    page = open_page()
    sign_in(page, OWNER)
    grid(page, affiliate)

    page.locator("[data-column=days]").first.focus()
    page.evaluate(PASTE, "26\t8 500,50\n13\t3000")
    expect(page.get_by_text("Enregistré", exact=True)).to_be_visible()
    expect(page.locator("#totaux")).to_contain_text("11 500,50")
    expect(page.locator("output").first).to_have_text("6 000,00")

    page.locator("[data-column=days]").nth(1).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.type("27")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("2000")
    expect(page.get_by_text("27 jours sont déclarés")).to_be_visible()
    assert page.evaluate("document.activeElement.value") == "2000"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Control+a")
    page.keyboard.type("20")
    expect(page.get_by_text("27 jours sont déclarés")).to_have_count(0)
    assert faults(page) == []

    page.reload()
    assert page.locator("[data-column=days]").nth(2).input_value() == "20"
    assert Declaration.objects.get().to_complete == 0


def test_two_people_on_one_form_lose_nothing(open_page) -> None:
    affiliate = firm(1)
    page, other = open_page(), open_page(width=360)
    for one in (page, other):
        sign_in(one, OWNER)
    grid(page, affiliate)
    other.goto(page.url)

    for one, wage in ((other, "5000"), (page, "6000")):
        one.locator("[data-column=days]").fill("26")
        wages(one).fill(wage)
        expect(
            one.get_by_text("Enregistré", exact=True)
            if one is other
            else one.get_by_text("Enregistré entre-temps : 5000,00")
        ).to_be_visible()

    assert wages(page).input_value() == "6000"
    # What is done next carries it along: here an entrant.
    page.get_by_text("Ajouter un entrant").click()
    page.get_by_label("Numéro de CIN").fill("AB123456")
    page.get_by_label("Nom", exact=True).fill("Delta")
    page.get_by_label("Prénom").fill("Driss")
    page.get_by_role("button", name="Ajouter", exact=True).click()
    expect(page.get_by_text("Entrant", exact=True)).to_be_visible()
    assert wages(page).first.input_value() == "6000,00"
    assert Declaration.objects.get().wage_bill == 6000


@pytest.mark.parametrize("width", [1280, 360])
def test_the_form_in_arabic(open_page, width) -> None:
    affiliate = firm(2)
    declare(affiliate, last_month().previous(), clock.now())
    page = open_page(language="ar", width=width)
    sign_in(page, OWNER)
    page.goto(f"/affilies/{affiliate.affiliation_number}/declarations/periode/{last_month()}/")
    assert faults(page) == []
    page.get_by_role("button", name="ملء اللائحة").click()
    assert page.locator("html").get_attribute("dir") == "rtl"
    assert faults(page) == []
    wages(page).first.fill("٨٥٠٠٫٥٠")
    expect(page.get_by_text("تم الحفظ")).to_be_visible()
    expect(page.locator("#totaux")).to_contain_text("8 500,50")
