"""An employer declares a month in a browser: prefill, a faulty file, a sound one, the receipt."""

import io
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from affiliates.models import Affiliate
from declarations import queries, workflows
from declarations.codecs import e_bds, prefill
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
from tests.declarations.factories import answer, full_month

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def bakery() -> Affiliate:
    affiliate = AffiliateFactory(name="BOULANGERIE AL BARAKA")
    owner = UserFactory(email="patronne@exemple.ma", full_name="Nadia Benjelloun")
    MembershipFactory(user=owner, affiliate=affiliate)
    for _ in range(2):
        EmploymentFactory(affiliate=affiliate)
    return affiliate


def last_month() -> Period:
    return Period.from_day(clock.today()).previous()


def fill(issued: Path) -> bytes:
    """What the payroll software makes of the prefill that was downloaded."""
    read = prefill.read(io.BytesIO(issued.read_bytes()))
    return b"".join(
        e_bds.write(
            transfer_identifier=read.transfer_identifier,
            header=read.header,
            lines=[full_month(line) for line in read.lines.values()],
        )
    )


def send(page: Page, affiliate: Affiliate, content: bytes) -> None:
    name = e_bds.file_name(affiliate.affiliation_number, last_month().compact)
    page.get_by_label("Fichier de déclaration").set_input_files(
        {"name": name, "mimeType": "text/plain", "buffer": content}
    )
    page.get_by_role("button", name="Envoyer et contrôler").click()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_month_is_declared(open_page, worker, bakery, tmp_path, javascript) -> None:
    page = open_page(width=360, javascript=javascript)
    sign_in(page, "patronne@exemple.ma")
    number = bakery.affiliation_number
    page.goto(f"/affilies/{number}/declarations/periode/{last_month()}/")
    if javascript:
        assert faults(page) == []

    with page.expect_download() as download:
        page.get_by_role("button", name="Établir et télécharger").click()
    assert download.value.suggested_filename == f"AFFEBDS_{number}_{last_month().compact}.txt"
    issued = tmp_path / "prefill.txt"
    download.value.save_as(issued)
    content = fill(issued)

    send(page, bakery, content.replace(b"26000000085005000060000", b"27000000085005000060000"))
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Résultat du contrôle", timeout=60_000
    )
    expect(page.get_by_text("Le fichier est refusé")).to_be_visible()
    expect(page.get_by_text("27 jours sont déclarés").first).to_be_visible()
    if javascript:
        assert faults(page) == []

    page.get_by_role("link", name="Déposer un fichier corrigé").click()
    send(page, bakery, content)
    button = page.get_by_role("button", name="Déposer la déclaration")
    expect(button).to_be_visible(timeout=60_000)
    if javascript:
        assert faults(page) == []
    button.click()

    one = Declaration.objects.get(status="submitted")
    expect(page.get_by_text(one.receipt_number).first).to_be_visible()
    assert queries.receipt_facts(one).employee_count == 2
    if javascript:
        assert faults(page) == []


def test_a_file_with_certain_faults_is_repaired_and_filed(open_page, worker, bakery) -> None:
    """Lines cut short, ended the Windows way, totals left at zero: shown line by line, mended, filed."""
    page = open_page()
    sign_in(page, "patronne@exemple.ma")
    actor = User.objects.get(email="patronne@exemple.ma")
    row = workflows.issue_prefill(
        actor=actor, at=clock.now(), affiliate=bakery, period=last_month()
    )
    content = answer(row)
    damaged = b"".join(line.rstrip() + b"\r\n" for line in content.splitlines())
    total = content.splitlines()[4]
    assert total.startswith(b"B03")
    damaged = damaged.replace(total[97:112], b"0" * 15, 1)

    page.goto(f"/affilies/{bakery.affiliation_number}/declarations/periode/{last_month()}/")
    send(page, bakery, damaged)
    expect(page.get_by_text("Le fichier est refusé")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Voir la réparation proposée").click()
    assert faults(page) == []
    expect(page.get_by_text("Fin de ligne").first).to_be_visible()
    page.get_by_role("button", name="Réparer et contrôler").click()
    button = page.get_by_role("button", name="Déposer la déclaration")
    expect(button).to_be_visible(timeout=60_000)
    button.click()

    one = Declaration.objects.get(status="submitted")
    expect(page.get_by_text(one.receipt_number).first).to_be_visible()
    assert one.wage_bill == 17_001
    with page.expect_download() as download:
        page.get_by_role("link", name="Ce qui a été déposé").click()
    assert Path(download.value.path()).read_bytes() == content


def test_the_screens_of_a_month_in_arabic(open_page, bakery) -> None:
    page = open_page(language="ar")
    sign_in(page, "patronne@exemple.ma")
    room = f"/affilies/{bakery.affiliation_number}/declarations/"

    for address in (room, f"{room}periode/{last_month()}/"):
        page.goto(address)
        assert page.locator("html").get_attribute("dir") == "rtl"
        assert faults(page) == []
