"""A past month put right in a browser: once less, once more, from the month to what follows from the signature."""

import datetime
import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from affiliates.models import Affiliate
from certificates import workflows as certifying
from certificates.enums import CertificateKind
from certificates.models import Certificate
from declarations.models import Declaration
from payments.models import PaymentSlip
from payments.queries import credit_of
from payments.workflows.slips import issue_slips
from portal import clock
from portal.models import User
from regulation.parameters import due_day
from regulation.periods import Period
from tests.browser.test_form import OWNER, declare, firm, last_month, wages
from tests.browser.test_frame import faults, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def past_month() -> Period:
    """Two months back: its due day is over whatever the day of the test."""
    return last_month().previous()


def in_time() -> datetime.datetime:
    """Two days before its due day."""
    day = due_day(past_month()) - datetime.timedelta(days=2)
    return datetime.datetime.combine(day, datetime.time(9), datetime.UTC)


@pytest.fixture
def bakery() -> Affiliate:
    """Two people declared in time two months ago, the slip issued, a certificate handed to the bank."""
    affiliate = firm(2)
    filed_at = in_time()
    declare(affiliate, past_month(), filed_at)
    issue_slips(actor=None, declaration_ids=[Declaration.objects.get().pk], at=filed_at)
    return affiliate


def held(affiliate: Affiliate) -> Certificate:
    """Its payroll certificate, asked for while nothing was late."""
    return certifying.request(
        actor=User.objects.get(email=OWNER),
        affiliate=affiliate,
        kind=CertificateKind.PAYROLL,
        intent=uuid.uuid4(),
        at=in_time(),
        first=past_month(),
        last=past_month(),
    )


def to_the_form(page: Page, affiliate: Affiliate) -> None:
    page.goto(f"/affilies/{affiliate.affiliation_number}/declarations/periode/{past_month()}/")
    page.get_by_role("link", name=re.compile("Corriger")).first.click()
    expect(page.get_by_text("Corriger est sans risque")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Ouvrir la liste").click()


def sign(page: Page, wage: str) -> None:
    wages(page).first.fill(wage)
    wages(page).first.press("Tab")
    expect(page.get_by_text("Enregistré", exact=True)).to_be_visible()
    page.get_by_role("button", name="Relire et déposer").click()


def shown(page: Page) -> str:
    return re.sub(r"\s", " ", page.locator("main").inner_text())


@pytest.mark.parametrize("width", [1280, 360])
def test_a_past_month_lowered_then_raised(open_page, bakery: Affiliate, width: int) -> None:
    page = open_page(width=width)
    sign_in(page, OWNER)
    first, paper = PaymentSlip.objects.get(), held(bakery)

    to_the_form(page, bakery)
    sign(page, "3 200,00")
    expect(page.get_by_role("heading", name="Ce que vous devrez")).to_be_visible()
    assert faults(page) == []
    compared = shown(page)
    assert "4 200,00" in compared
    assert "3 200,00" in compared
    assert "Retiré de ce qui reste à payer" in compared
    assert paper.number in compared  # what the signature will end
    first.refresh_from_db()
    assert first.outstanding == first.total  # nothing before the signature
    page.get_by_role("button", name="Déposer la correction").click()

    two = Declaration.objects.get(status="submitted")
    expect(page.get_by_text(two.receipt_number or "?").first).to_be_visible()
    assert faults(page) == []
    issue_slips(actor=None, declaration_ids=[two.pk], at=clock.now())
    first.refresh_from_db()
    assert first.outstanding == two.contributions_total
    assert credit_of(bakery) == 0
    stranger = open_page(width=width)
    stranger.goto(f"/verifier/{paper.token}/")
    expect(stranger.get_by_text("a été corrigée").first).to_be_visible()
    assert faults(stranger) == []

    to_the_form(page, bakery)
    sign(page, "5 000,00")
    assert "Bordereau complémentaire" in shown(page)
    page.get_by_role("button", name="Déposer la correction").click()

    three = Declaration.objects.get(status="submitted")
    expect(page.get_by_text(three.receipt_number or "?").first).to_be_visible()
    issue_slips(actor=None, declaration_ids=[three.pk], at=clock.now())
    added = PaymentSlip.objects.get(complements=first)
    assert added.outstanding == (three.contributions_total or 0) - (two.contributions_total or 0)
    page.goto(f"/affilies/{bakery.affiliation_number}/declarations/{three.pk}/historique/")
    told = shown(page)
    assert all((one.receipt_number or "?") in told for one in Declaration.objects.all())
    assert faults(page) == []
