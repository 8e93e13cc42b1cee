"""Money in a real browser: an order made and stopped, a basket paid by its code, a bank that reads its answer.

A real worker reads what banks send, whenever it comes to it: only what holds once it is done is asserted.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from payments.enums import LineVerdict
from payments.models import BankFile, DebitOrder, LedgerEntry, PaymentSlip
from payments.tasks import import_bank_file
from portal import clock, jobs
from regulation.enums import Branch
from regulation.periods import Period
from tests.browser.test_frame import faults, sign_in
from tests.cast import Cast
from tests.concurrency.test_deposits_killed import yesterdays
from tests.payments import factories as money
from tests.payments.camt_files import camt, details, entry
from tests.payments.debit_world import authority
from tests.running import Worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

READ_MS = 60_000
"""How long a page may wait for the worker, which may be slow to come."""


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """A page of a busy machine is late, not wrong."""
    expect.set_options(timeout=READ_MS)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def owed(cast: Cast) -> list[PaymentSlip]:
    """Two slips of the bakery, of months long past."""
    last = Period.from_day(clock.today()) - 2
    return [
        money.slip(cast.affiliate, period=last - 1, amounts={Branch.PF: "640.00"}),
        money.slip(cast.affiliate, period=last, amounts={Branch.PF: "360.50"}),
    ]


def room(cast: Cast) -> str:
    return f"/affilies/{cast.affiliate.affiliation_number}/paiements"


def notice(cast: Cast, *entries: str) -> bytes:
    """A notice of yesterday, on the fund's account at this bank."""
    return yesterdays(camt(*entries, account=cast.bank_account.rib))


def amount_of(page: Page, place: str) -> str:
    """An amount as it is read, its spaces made plain."""
    return re.sub(r"\s", " ", page.locator(place).first.inner_text())


def choose(page: Page, content: bytes) -> None:
    """Take the file in the form of the bank's page."""
    page.goto("/banque/")
    page.locator("input[type=file]").set_input_files(
        {"name": "avis.xml", "mimeType": "application/xml", "buffer": content}
    )


def drop(page: Page, content: bytes) -> None:
    """Send the file; the page follows the reading by itself and ends with the answer."""
    choose(page, content)
    page.locator("[data-upload] button[type=submit]").click()
    expect(page.locator("a[href$='/retour/']")).to_be_visible(timeout=READ_MS)


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
    assert amount_of(page, ".dc-amount-big") == "1 000,50 DH"
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


def test_a_basket_is_paid_by_its_code_and_the_employer_sees_it_paid(
    open_page, worker: Worker, cast: Cast, owed: list[PaymentSlip]
) -> None:
    employer = open_page()
    sign_in(employer, cast.owner.email)
    employer.goto(f"{room(cast)}/payer/")
    employer.get_by_role("button", name="Obtenir le code").click()
    code = employer.locator("strong.dc-code").inner_text()
    assert re.fullmatch(r"\d{18}", code)
    drawn = employer.get_by_role("img", name="Code QR de la référence RF")
    assert drawn.evaluate("image => image.complete && image.naturalWidth > 0")
    assert faults(employer) == []

    told = details(ref="G1", text=(f"GUICHET {code}",), payer="AL BARAKA")
    bank = open_page()
    sign_in(bank, cast.bank.email)
    drop(bank, notice(cast, entry("1000.50", txs=told)))
    expect(bank.locator("tbody .dc-badge")).to_have_text("Accepté et affecté")

    employer.reload()
    expect(employer.get_by_text("Tout ce que ce code payait est soldé.")).to_be_visible()
    employer.goto(f"{room(cast)}/bordereaux/")
    expect(employer.locator("tbody .dc-badge")).to_have_text(["Payé", "Payé"])
    employer.goto(f"{room(cast)}/recus/")
    expect(employer.get_by_role("link", name="Reçu (PDF)")).to_have_count(2)


@pytest.mark.parametrize(("language", "width"), [("fr", 1280), ("ar", 360)])
def test_a_bank_sends_a_file_and_reads_its_verdicts(
    open_page, worker: Worker, cast: Cast, owed: list[PaymentSlip], language: str, width: int
) -> None:
    content = notice(
        cast,
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
    drop(page, content)
    assert page.evaluate("sessionStorage.getItem('bar')") == "1 true"
    # A sentence for each line that is not simply paid, and the verdict of each.
    expect(page.locator("tbody .dc-badge")).to_have_count(2)
    expect(page.locator(".dc-told")).to_have_count(2)
    assert faults(page) == []
    found = BankFile.objects.get()
    verdicts = list(found.lines.order_by("rank").values_list("verdict", flat=True))
    assert verdicts == [LineVerdict.ACCEPTED, LineVerdict.WAITING]
    with page.expect_download(timeout=READ_MS) as waiting:
        page.locator(f"a[href$='{found.receipt_number}/retour/']").click()
    assert Path(waiting.value.path()).read_bytes().startswith(b"E;CR1;")
    # The same file again: its first receipt, said in words.
    drop(page, content)
    assert found.receipt_number in page.locator("main").inner_text()
    assert BankFile.objects.count() == 1


def test_the_bar_of_the_reading_moves_with_the_reading_and_ends_by_itself(
    open_page, worker: Worker, cast: Cast
) -> None:
    data = notice(cast, *(entry("7.00", ref=f"U{rank}") for rank in range(3)))
    found = money.received(cast.bank, cast.bank_account, data, read=False)
    # As if a worker were at it: no other takes it before its lease is over.
    rows = BankFile.objects.filter(pk=found.pk)
    jobs.claim(rows, at=clock.now(), on_park=lambda row: None)
    rows.update(verdict="accepted", lines_total=200, lines_done=50)
    page = open_page()
    sign_in(page, cast.bank.email)
    page.goto(f"/banque/fichiers/{found.receipt_number}/")
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_attribute("value", "50")
    rows.update(lines_done=150)
    expect(bar).to_have_attribute("value", "150", timeout=READ_MS)
    assert bar.get_attribute("max") == "200"
    assert faults(page) == []
    rows.update(
        verdict="pending", lines_total=0, lines_done=0, state="waiting", attempts=0, started_at=None
    )
    import_bank_file.delay(found.pk)
    expect(page.locator("a[href$='/retour/']")).to_be_visible(timeout=READ_MS)
    expect(page.locator("tbody .dc-badge")).to_have_count(3)


def test_a_bank_without_script_sends_a_file_too(open_page, worker: Worker, cast: Cast) -> None:
    page = open_page(javascript=False)
    sign_in(page, cast.bank.email)
    choose(page, b"")
    page.get_by_role("button", name="Déposer", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Récépissé")
    worker.wait_idle()
    page.reload()
    expect(page.get_by_text("Le fichier est vide.", exact=False)).to_be_visible()
