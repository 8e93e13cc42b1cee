"""Money in a real browser: an order made and stopped, a basket paid by its code, a bank that reads its answer."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from payments.models import BankFile, DebitOrder, LedgerEntry, PaymentSlip
from payments.workflows.bank_files import import_file
from portal import clock
from regulation.enums import Branch
from regulation.periods import Period
from tests.browser.test_frame import faults, sign_in
from tests.cast import Cast
from tests.payments import factories as money
from tests.payments.camt_files import camt, details, entry
from tests.payments.debit_world import authority

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def owed(cast: Cast) -> list[PaymentSlip]:
    """Two slips of the bakery, of the last months."""
    last = Period.from_day(clock.today()) - 2
    return [
        money.slip(cast.affiliate, period=last - 1, amounts={Branch.PF: "640.00"}),
        money.slip(cast.affiliate, period=last, amounts={Branch.PF: "360.50"}),
    ]


def room(cast: Cast) -> str:
    return f"/affilies/{cast.affiliate.affiliation_number}/paiements"


def notice(cast: Cast, folder: Path, *entries: str) -> Path:
    """A notice of today, on the fund's account at this bank."""
    content = camt(*entries, account=cast.bank_account.rib)
    path = folder / "avis.xml"
    path.write_bytes(content.replace(b"2026-04-10", clock.today().isoformat().encode()))
    return path


def money_of(page: Page, place: str) -> str:
    """An amount as it is read, its spaces made plain."""
    return re.sub(r"\s", " ", page.locator(place).first.inner_text())


def test_an_employer_orders_a_debit_and_stops_it(
    open_page, cast: Cast, owed: list[PaymentSlip]
) -> None:
    authority(cast)
    entries = LedgerEntry.objects.count()
    page = open_page(width=360)
    sign_in(page, cast.owner.email)
    page.goto(f"{room(cast)}/payer/")
    page.get_by_role("button", name="Continuer").click()
    # The last day offered: its cut-off is days away, whatever the hour of this test.
    days = page.get_by_label("Jour du prélèvement")
    days.select_option(index=days.locator("option").count() - 1)
    assert faults(page) == []
    page.get_by_role("button", name="Relire l’ordre").click()
    expect(page.get_by_text("Rien n’est encore ordonné")).to_be_visible()
    assert money_of(page, ".dc-amount-big") == "1 000,50 DH"
    page.get_by_role("button", name=re.compile("Signer l’ordre de")).click()
    expect(page.get_by_text("Ordre signé.")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Annuler l’ordre").click()
    expect(page.get_by_text("Ordre annulé : rien ne sera pris.")).to_be_visible()
    page.goto(f"{room(cast)}/ordres/")
    expect(page.locator("tbody .dc-badge")).to_have_text("Annulé")
    order = DebitOrder.objects.get()
    assert (order.state, order.cause, order.run) == ("cancelled", "employer", None)
    assert LedgerEntry.objects.count() == entries


def sent_by(page: Page, path: Path) -> BankFile:
    """Send a file from the bank's page, and let a worker read it meanwhile."""
    page.goto("/banque/")
    page.get_by_label("Fichier de règlement").set_input_files(path)
    page.get_by_role("button", name="Déposer", exact=True).click()
    expect(page.get_by_role("progressbar", name=re.compile("Lecture"))).to_be_visible()
    found = BankFile.objects.latest("pk")
    import_file(bank_file_id=found.pk, at=clock.now())
    # The page asks by itself and shows the answer.
    expect(page.get_by_role("link", name="Fichier retour (CR1)")).to_be_visible(timeout=30_000)
    return found


def test_a_basket_is_paid_by_its_code_and_the_employer_sees_it_paid(
    open_page, cast: Cast, owed: list[PaymentSlip], tmp_path: Path
) -> None:
    employer = open_page()
    sign_in(employer, cast.owner.email)
    employer.goto(f"{room(cast)}/payer/")
    employer.get_by_role("button", name="Obtenir le code").click()
    code = employer.locator("strong.dc-code").inner_text()
    assert re.fullmatch(r"\d{18}", code)
    assert faults(employer) == []

    told = details(ref="G1", text=(f"GUICHET {code}",), payer="AL BARAKA")
    path = notice(cast, tmp_path, entry("1000.50", txs=told))
    bank = open_page()
    sign_in(bank, cast.bank.email)
    sent_by(bank, path)
    expect(bank.locator("tbody .dc-badge")).to_have_text("Accepté et affecté")

    employer.reload()
    expect(employer.get_by_text("Tout ce que ce code payait est soldé.")).to_be_visible()
    employer.goto(f"{room(cast)}/bordereaux/")
    expect(employer.locator("tbody .dc-badge")).to_have_text(["Payé", "Payé"])
    employer.goto(f"{room(cast)}/recus/")
    expect(employer.get_by_role("link", name="Reçu (PDF)")).to_have_count(2)


@pytest.mark.parametrize(("language", "width"), [("fr", 1280), ("ar", 360)])
def test_a_bank_sends_a_file_and_reads_its_verdicts(
    open_page, cast: Cast, owed: list[PaymentSlip], tmp_path: Path, language: str, width: int
) -> None:
    path = notice(
        cast,
        tmp_path,
        entry("640.00", txs=details(ref="A1", text=(owed[0].payment_reference,))),
        entry("12.00", txs=details(ref="A2", payer="ETS BENNIS")),
    )
    page = open_page(language=language, width=width)
    # What the bar of the sending showed, kept across the change of page.
    page.add_init_script(
        """document.addEventListener("htmx:xhr:progress", function (event) {
             var bar = event.target.querySelector("[data-sending] progress");
             // After the page's own listener, which stands behind this one.
             if (bar) Promise.resolve().then(function () {
               sessionStorage.setItem("bar", bar.value + " " + bar.checkVisibility());
             });
           });"""
    )
    sign_in(page, cast.bank.email)
    page.goto("/banque/")
    assert faults(page) == []
    page.locator("[data-upload] button[type=submit]").click()
    expect(page.locator("[data-upload] .invalid-feedback").first).to_be_visible()
    assert faults(page) == []
    page.locator("input[type=file]").set_input_files(path)
    page.locator("[data-upload] button[type=submit]").click()
    expect(page.locator("#avancement progress")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('bar')") == "1 true"
    assert faults(page) == []
    found = BankFile.objects.get()
    import_file(bank_file_id=found.pk, at=clock.now())
    expect(page.locator(".dc-told")).to_have_count(2, timeout=30_000)
    assert faults(page) == []
    assert list(found.lines.order_by("rank").values_list("verdict", flat=True)) == ["ACC", "ATT"]
    with page.expect_download() as waiting:
        page.locator(f"a[href$='{found.receipt_number}/retour/']").click()
    assert Path(waiting.value.path()).read_bytes().startswith(b"E;CR1;")
    # The same file again: its first receipt, said in words.
    page.goto("/banque/")
    page.locator("input[type=file]").set_input_files(path)
    page.locator("[data-upload] button[type=submit]").click()
    expect(page.locator(".dc-told")).to_have_count(2, timeout=30_000)
    assert found.receipt_number in page.locator("main").inner_text()
    assert BankFile.objects.count() == 1


def test_a_bank_without_script_sends_a_file_too(open_page, cast: Cast, tmp_path: Path) -> None:
    path = tmp_path / "vide.xml"
    path.write_bytes(b"")
    page = open_page(javascript=False)
    sign_in(page, cast.bank.email)
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Déposer", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Récépissé")
    import_file(bank_file_id=BankFile.objects.get().pk, at=clock.now())
    page.get_by_role("link", name="Actualiser").click()
    expect(page.get_by_text("Le fichier est vide.", exact=False)).to_be_visible()
