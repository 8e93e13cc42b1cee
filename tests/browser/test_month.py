"""One month, end to end, as its people live it: employer, bank and clerk, on a whole portal of their own."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import whole_portal
from tests.browser.whole_portal import WholePortal

BAKERY, TEXTILE = "2045187", "5884128"
PIECE = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholePortal]:
    folder = tmp_path_factory.mktemp("whole")
    with whole_portal.running(folder) as started:
        yield started


@pytest.fixture
def sign_in(browser: Browser, portal: WholePortal) -> Iterator[Callable[..., Page]]:
    """``sign_in("nadia@…")`` gives a page of that person's own, already behind the door."""
    contexts = []

    def signed_in(email: str, *, width: int = 1280) -> Page:
        context = browser.new_context(
            base_url=portal.url, viewport={"width": width, "height": 900}, locale="fr"
        )
        contexts.append(context)
        page = context.new_page()
        page.goto("/connexion/")
        page.get_by_label("Adresse électronique").fill(email)
        page.get_by_label("Mot de passe").fill(portal.password)
        page.get_by_role("main").get_by_role("button", name="Se connecter", exact=True).click()
        expect(page).not_to_have_url(re.compile("connexion"))
        return page

    yield signed_in
    for context in contexts:
        context.close()


def test_one_month_from_prefill_to_decision(
    portal: WholePortal, sign_in: Callable[..., Page], tmp_path: Path
) -> None:
    """The eight steps, in the order in which people live them."""
    employer = sign_in("nadia@boulangerie.example")
    _home_shows_one_next_action(employer)
    month = _download_prefill(employer, tmp_path)
    _faulty_file_shows_every_finding(employer, portal, month)
    total = _right_file_is_submitted_once(employer, portal, month, tmp_path)
    reference = _slip_appears(employer, total, tmp_path)
    bank = sign_in("banque@detroit.example")
    _bank_file_is_answered_line_by_line(bank, portal, reference, tmp_path)
    _account_shows_the_payment(employer, reference, tmp_path)
    _certificate_is_verified_by_anyone(employer, sign_in, tmp_path)
    late_payer = sign_in("direction@atlasmaille.example")
    clerk = sign_in("agent@caisse.example")
    _dispute_is_decided(late_payer, clerk)
    for proof in ("check_ledger", "verify_audit"):
        told = portal.command(proof)
        assert told.returncode == 0, told.stdout + told.stderr


def _home_shows_one_next_action(page: Page) -> None:
    page.goto("/")
    expect(page).to_have_url(re.compile(f"/affilies/{BAKERY}/$"))
    main = page.get_by_role("main")
    expect(main.get_by_role("heading", name=re.compile("Déclarer"))).to_be_visible()
    main.get_by_role("link", name="Déclarer ce mois").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Déclaration de")


def _download_prefill(page: Page, tmp_path: Path) -> str:
    """The month as « 2026-11 », from the name of the prefill that was downloaded."""
    main = page.get_by_role("main")
    with page.expect_download() as waiting:
        main.get_by_role("link", name="Télécharger le préétabli").or_(
            main.get_by_role("button", name="Établir et télécharger")
        ).click()
    name = waiting.value.suggested_filename
    found = re.fullmatch(rf"AFFEBDS_{BAKERY}_(\d{{4}})(\d{{2}})\.txt", name)
    assert found, name
    content = tmp_path / name
    waiting.value.save_as(content)
    records = content.read_bytes().split(b"\n")
    assert [record[:3] for record in records] == [b"A00", b"A01", b"A02", b"A02", b"A03", b""]
    assert {len(record) for record in records[:-1]} == {260}
    return f"{found[1]}-{found[2]}"


def _upload(page: Page, path: Path, *, leads_to: str) -> None:
    page.get_by_label("Fichier de déclaration").set_input_files(path)
    page.get_by_role("button", name="Envoyer et contrôler").click()
    expect(page.get_by_role("heading", name=leads_to)).to_be_visible(timeout=30_000)


def _demo_file(portal: WholePortal, folder: str, month: str) -> Path:
    return portal.folder / "demo" / folder / f"DS_{BAKERY}_{month.replace('-', '')}.txt"


def _faulty_file_shows_every_finding(page: Page, portal: WholePortal, month: str) -> None:
    page.goto(f"/affilies/{BAKERY}/declarations/periode/{month}/")
    _upload(
        page, _demo_file(portal, "declarations-avec-fautes", month), leads_to="Résultat du contrôle"
    )
    main = page.get_by_role("main")
    rows = main.get_by_role("row")
    assert rows.count() > 3  # a header and several faults at once
    expect(main.get_by_text("Que faire").first).to_be_visible()
    expect(main.get_by_text(re.compile("colonnes \\d+ à \\d+")).first).to_be_visible()
    expect(main.get_by_role("link", name="Relire et déposer")).to_have_count(0)


def _right_file_is_submitted_once(
    page: Page, portal: WholePortal, month: str, tmp_path: Path
) -> str:
    page.goto(f"/affilies/{BAKERY}/declarations/periode/{month}/")
    _upload(page, _demo_file(portal, "declarations", month), leads_to="Déposer la déclaration")
    main = page.get_by_role("main")
    stat = main.locator(".dc-stat", has_text="Cotisations à payer").locator(".dc-stat-value")
    total = stat.inner_text()
    for branch in ("Prestations familiales", "Taxe de formation professionnelle"):
        expect(main.get_by_text(branch).first).to_be_visible()
    # Two clicks: the second finds the first one's declaration.
    main.get_by_role("button", name="Déposer la déclaration").dblclick()
    expect(page.get_by_text("Votre déclaration est déposée")).to_be_visible()
    receipts = main.get_by_text(re.compile(rf"^\d{{6}}-{BAKERY}-0-1$"))
    expect(receipts.first).to_be_visible()
    _save_pdf(page, "Récépissé (PDF)", tmp_path)
    page.goto(f"/affilies/{BAKERY}/declarations/periode/{month}/")
    expect(main.get_by_role("heading", name="Déclaration déposée")).to_be_visible()
    return total


def _save_pdf(page: Page, link: str, tmp_path: Path) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("main").get_by_role("link", name=link).first.click()
    target = tmp_path / "document.pdf"
    waiting.value.save_as(target)
    content = target.read_bytes()
    assert content.startswith(b"%PDF-")
    return content


def _slip_appears(page: Page, total: str, tmp_path: Path) -> str:
    """The worker issues the slip by itself; its 15-digit reference is returned."""
    page.goto(f"/affilies/{BAKERY}/paiements/bordereaux/")
    main = page.get_by_role("main")
    for _attempt in range(40):
        if main.get_by_text(total).count():
            break
        page.wait_for_timeout(500)
        page.reload()
    main.get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(main.get_by_text(total).first).to_be_visible()
    _save_pdf(page, "Bordereau (PDF)", tmp_path)
    found = re.search(r"\b\d{15}\b", main.inner_text())
    assert found
    return found[0]


def _bank_file_is_answered_line_by_line(
    page: Page, portal: WholePortal, reference: str, tmp_path: Path
) -> None:
    camt = next(
        path
        for path in sorted((portal.folder / "demo" / "banque").glob("*.xml"))
        if "faux" not in path.name
    )
    assert reference in camt.read_text()
    answers = []
    for _time in range(2):
        page.goto("/banque/")
        page.get_by_role("main").locator("input[type=file]").set_input_files(camt)
        page.get_by_role("main").get_by_role("button", name="Déposer").click()
        expect(page.get_by_role("link", name="Fichier retour (CR1)")).to_be_visible(timeout=30_000)
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Fichier retour (CR1)").click()
        target = tmp_path / "retour.txt"
        waiting.value.save_as(target)
        answers.append((page.url, target.read_bytes()))
    assert answers[0] == answers[1]  # the same file again: the same receipt, nothing new
    verdicts = [
        line.split(";")[5] for line in answers[0][1].decode().splitlines() if line[0] == "R"
    ]
    assert {"ACC", "PAR", "ATT"} <= set(verdicts)


def _account_shows_the_payment(page: Page, reference: str, tmp_path: Path) -> None:
    page.goto(f"/affilies/{BAKERY}/paiements/")
    row = page.get_by_role("row", name=re.compile(reference))
    expect(row.get_by_text("Payé", exact=True)).to_be_visible()
    page.goto(f"/affilies/{BAKERY}/paiements/recus/")
    _save_pdf(page, "PDF", tmp_path)


def _certificate_is_verified_by_anyone(
    page: Page, sign_in: Callable[..., Page], tmp_path: Path
) -> None:
    page.goto(f"/affilies/{BAKERY}/attestations/")
    page.get_by_role("button", name="Délivrer l’attestation de masse salariale").click()
    expect(page.get_by_role("link", name="Télécharger le PDF")).to_be_visible()
    _save_pdf(page, "Télécharger le PDF", tmp_path)
    address = page.get_by_role("main").locator("a[href*='/verifier/']").first.get_attribute("href")
    assert address
    visitor = page.context.browser.new_page()  # nobody's session
    visitor.goto(address)
    expect(visitor.get_by_role("main").get_by_text("valide", exact=False).first).to_be_visible()
    expect(visitor.get_by_role("main").get_by_text(BAKERY).first).to_be_visible()
    visitor.close()


def _dispute_is_decided(employer: Page, clerk: Page) -> None:
    """A line of a slip that is late: the contested part stops growing, the rest stays due."""
    employer.goto(f"/affilies/{TEXTILE}/paiements/bordereaux/")
    main = employer.get_by_role("main")
    unpaid = main.get_by_role("row").filter(has_text=re.compile("À payer|Partiellement payé"))
    unpaid.first.get_by_role("link").first.click()
    slip = employer.url
    main.get_by_role("link", name=re.compile("Contester Assurance maladie")).click()
    main.get_by_label("Montant contesté").first.fill("100,00")
    main.get_by_label("Un salarié est compté à tort").check()
    main.get_by_label("Expliquez").fill("Une prime de 2 000 DH est comptée deux fois.")
    main.get_by_label("Pièces jointes").set_input_files(
        {"name": "bulletin.pdf", "mimeType": "application/pdf", "buffer": PIECE}
    )
    main.get_by_role("button", name="Déposer la réclamation").dblclick()
    expect(main.get_by_role("heading", level=1)).to_contain_text(f"R-{TEXTILE}")
    thread = employer.url
    number = thread.rstrip("/").rsplit("/", 1)[1]
    employer.goto(slip)
    expect(main.get_by_text("Contesté, sans majoration")).to_be_visible()

    clerk.goto("/administration/disputes/dispute/")
    clerk.get_by_role("link", name=number).click()
    dossier = clerk.url
    clerk.get_by_role("button", name="Prendre").click()
    clerk.goto(dossier)
    clerk.get_by_label("Message").first.fill("Bonjour, nous vérifions le bulletin joint.")
    clerk.get_by_role("button", name="Envoyer").first.click()
    employer.goto(thread)
    expect(main.get_by_text("nous vérifions le bulletin joint")).to_be_visible()

    clerk.goto(dossier)
    clerk.get_by_text("Décider", exact=True).first.click()
    clerk.get_by_label("Acceptée", exact=True).check()
    clerk.get_by_label("Motifs").fill("Le bulletin montre la prime comptée deux fois.")
    clerk.get_by_role("button", name="Décider").click()
    expect(clerk.get_by_text("Décidée").first).to_be_visible()
    employer.goto(thread)
    expect(main.get_by_text("la prime comptée deux fois").first).to_be_visible()
    expect(main.get_by_text("Acceptée").first).to_be_visible()
    employer.goto(slip)
    expect(main.get_by_text("Retiré après réclamation ou correction")).to_be_visible()
    expect(main.get_by_text("Contesté, sans majoration")).to_have_count(0)
