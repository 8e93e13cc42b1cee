"""The papers: what they say, what they are made of, and what they refuse to fetch."""

import datetime
import io
import re
import socket
import subprocess
import sys
import threading
import time
from decimal import Decimal
from types import SimpleNamespace

import pikepdf
import pytest

from certificates import documents, printing
from certificates.enums import CertificateKind
from certificates.errors import DocumentNotReady
from certificates.facts import (
    AffiliateFacts,
    CertificateFacts,
    DecidedItemFacts,
    DecisionFacts,
    MonthFacts,
    PaymentFacts,
    PaymentLineFacts,
    digest,
)
from declarations.enums import DeclarationKind
from declarations.queries import ReceiptFacts
from disputes.enums import Ground, Outcome
from payments.enums import SlipState
from payments.queries import SlipFacts, SlipLineFact
from regulation.contributions import Bases, contributions_from_bases
from regulation.enums import Branch
from regulation.identifiers import creditor_reference, slip_reference
from regulation.periods import Period
from regulation.text import Sentence
from tests.certificates.pdf_text import text_of

ISSUED = datetime.datetime(2026, 2, 10, 14, 5, tzinfo=datetime.UTC)
TOKEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ23"
URL = f"https://damancom.example/verifier/{TOKEN}/"

BAKERY = AffiliateFacts(
    affiliation_number="2000012",
    name="BOULANGERIE AL BARAKA",
    name_ar="مخبزة البركة",
    activity="BOULANGERIE",
    address="12 RUE DES ORANGERS",
    postal_code="20000",
    city="CASABLANCA",
    ice="001234567000089",
    agency="Agence Casablanca Anfa",
    agency_ar="وكالة الدار البيضاء أنفا",
    affiliated_on=datetime.date(2015, 3, 1),
    state="en activité",
)


def certificate(affiliate=BAKERY, months=12):
    rows = tuple(
        MonthFacts(
            Period(2025, 1) + rank,
            12,
            300,
            Decimal("61234.50") + rank,
            Decimal("60000.00"),
            (f"R{rank}",),
        )
        for rank in range(months)
    )
    facts = CertificateFacts(affiliate, rows)
    kind = CertificateKind.PAYROLL if months else CertificateKind.REGISTRATION
    return documents.certificate(
        kind,
        facts,
        number="ATT-2026-0000123-06",
        digest=digest(facts.to_json()),
        issued_at=ISSUED,
        verification_url=URL,
        code="ABCD-EFGH",
    )


def slip(affiliate=BAKERY, **changes):
    reference = slip_reference("2000012", Period(2026, 1))
    lines = [
        (Branch.PF, "61234.50", "3919.01", "0.00"),
        (Branch.CT, "60000.00", "609.00", "304.50"),
        (Branch.LT, "60000.00", "4599.40", "2296.80"),
        (Branch.IPE, "60000.00", "220.40", "110.20"),
        (Branch.TFP, "61234.50", "979.75", "0.00"),
        (Branch.AMO_SOLIDARITY, "61234.50", "1132.84", "0.00"),
        (Branch.AMO, "61234.50", "1383.90", "1383.90"),
    ]
    facts = {
        "pk": 1,
        "affiliation_number": "2000012",
        "affiliate_name": affiliate.name,
        "payment_reference": reference,
        "creditor_reference": creditor_reference(reference),
        "period": Period(2026, 1),
        "issued_on": datetime.date(2026, 2, 5),
        "due_on": datetime.date(2026, 2, 10),
        "total": Decimal("16939.70"),
        "credited": Decimal("0.00"),
        "paid": Decimal("0.00"),
        "held": Decimal("0.00"),
        "outstanding": Decimal("16939.70"),
        "state": SlipState.ISSUED,
        "lines": tuple(
            SlipLineFact(
                rank,
                branch.value,
                Decimal(base),
                Decimal(employer),
                Decimal(employee),
                Decimal(employer) + Decimal(employee),
                Decimal("0.00"),
                [],
            )
            for rank, (branch, base, employer, employee) in enumerate(lines)
        ),
        "payments": (),
        "surcharges": (),
        "replaced_by": "",
        "wage_bill": Decimal("61234.50"),
        "employee_count": 12,
    }
    return documents.slip(
        affiliate, SlipFacts(**{**facts, **changes}), on=datetime.date(2026, 2, 9)
    )


def filing_receipt(affiliate=BAKERY, person="Nadia Benjelloun", file_name="AFFEBDS.txt"):
    bases = Bases(gross=Decimal("61234.50"), capped=Decimal("60000.00"))
    return documents.filing_receipt(
        affiliate,
        ReceiptFacts(
            receipt_number="R-2026-0000007",
            affiliation_number="2000012",
            affiliate_name=affiliate.name,
            affiliate_name_ar=affiliate.name_ar,
            agency_name=affiliate.agency,
            agency_name_ar=affiliate.agency_ar,
            period=Period(2026, 1),
            kind=DeclarationKind.MAIN,
            supplement_number=0,
            submitted_at=ISSUED,
            submitted_by=person,
            due_on=datetime.date(2026, 2, 10),
            is_late=False,
            file_name=file_name,
            file_sha256="ab" * 32,
            employee_count=12,
            new_hire_count=1,
            days_declared=300,
            wage_bill=bases.gross,
            capped_wage_bill=bases.capped,
            contributions=contributions_from_bases(Period(2026, 1), bases),
            digest="5e" * 32,
        ),
    )


def payment_receipt(affiliate=BAKERY, payer="BOULANGERIE SARL"):
    return documents.payment_receipt(
        PaymentFacts(
            affiliate=affiliate,
            number="Q-2000012-0000077",
            amount=Decimal("17000.00"),
            paid_on=datetime.date(2026, 2, 9),
            booked_on=datetime.date(2026, 2, 10),
            bank="Banque Inventée du Nord",
            bank_reference="BI-9912331",
            payer=payer,
            lines=(
                PaymentLineFacts(
                    "bordereau de cotisations",
                    "200001226010180",
                    Period(2026, 1),
                    Decimal("16939.70"),
                ),
                PaymentLineFacts("crédit de l’affilié", "", None, Decimal("60.30")),
            ),
        )
    )


def decision(affiliate=BAKERY, words="La salariée était présente, d’après le bulletin joint."):
    return documents.decision(
        DecisionFacts(
            affiliate=affiliate,
            number="REC-2026-000007",
            opened_at=datetime.datetime(2026, 2, 3, 9, tzinfo=datetime.UTC),
            decided_at=ISSUED,
            decided_by=words,
            ground=Ground.WRONG_BASE,
            outcome=Outcome.PARTLY_UPHELD,
            items=(
                DecidedItemFacts(
                    Period(2026, 1),
                    Sentence(Branch.AMO.label),
                    Outcome.PARTLY_UPHELD,
                    Decimal("500.00"),
                    Decimal("200.10"),
                ),
            ),
            reasons=words,
            legal_ground=words,
            may_appeal=True,
            conciliation_months=2,
        )
    )


ALL = {
    "decision": decision,
    "registration": lambda: certificate(months=0),
    "payroll": certificate,
    "slip": slip,
    "filing": filing_receipt,
    "payment": payment_receipt,
}


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_every_paper_carries_the_marks_of_an_archival_tagged_pdf(make):
    with pikepdf.open(io.BytesIO(documents.pdf(make()))) as pdf:
        xmp = pdf.Root.Metadata.read_bytes().decode()
        assert 'pdfaid:part="3"' in xmp
        assert 'pdfaid:conformance="A"' in xmp
        assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"
        assert "/DestOutputProfile" in pdf.Root.OutputIntents[0]
        assert pdf.Root.MarkInfo.Marked
        assert pdf.Root.StructTreeRoot.K
        assert str(pdf.Root.Lang) == "fr"
        assert not pdf.is_encrypted
        assert len(pdf.attachments) == 0
        assert "/JavaScript" not in pdf.Root.get("/Names", {})
        width, height = (float(side) for side in list(pdf.pages[0].MediaBox)[2:])
        assert (round(width), round(height)) == (595, 842)
        fonts = _fonts(pdf)
        assert fonts
        assert all("/FontFile2" in font or "/FontFile3" in font for font in fonts)


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_each_picture_is_told_in_words_and_ornaments_are_not_told_at_all(make):
    """A figure without words would be read as nothing; an ornament is an artifact, outside the tags."""
    with pikepdf.open(io.BytesIO(documents.pdf(make()))) as pdf:
        figures = [
            one
            for one in pdf.objects
            if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/Figure"
        ]
        assert all(len(str(one.get("/Alt", ""))) > 10 for one in figures)
        first = b"".join(pdf.pages[0].Contents.read_bytes().split())
        assert b"/ArtifactBMC" in first


def page_texts(pdf_bytes):
    with pikepdf.open(io.BytesIO(pdf_bytes)) as pdf:
        texts = []
        for page in pdf.pages:
            alone = pikepdf.new()
            alone.pages.append(page)
            kept = io.BytesIO()
            alone.save(kept)
            texts.append(text_of(kept.getvalue()))
        return texts


SEAL = "Vérifiez cette attestation"
CAPTION = "Masse salariale déclarée, mois par mois"


@pytest.mark.parametrize("months", [1, 10, 12])
def test_the_payroll_of_a_year_its_note_and_its_seal_are_one_page(months):
    (only,) = page_texts(documents.pdf(certificate(months=months)))
    assert SEAL in only
    assert CAPTION in only


@pytest.mark.parametrize("months", [13, 24, 36])
def test_a_longer_payroll_breaks_before_its_chart_never_before_its_seal_alone(months):
    first, last = page_texts(documents.pdf(certificate(months=months)))
    assert SEAL not in first
    assert CAPTION in last
    assert SEAL in last
    assert "Montants en dirhams" in last


def _fonts(pdf):
    found = []
    for font in pdf.pages[0].Resources.Font.values():
        found.extend(inner.FontDescriptor for inner in font.get("/DescendantFonts", [font]))
    return found


def test_the_same_certificate_gives_the_same_bytes():
    assert documents.pdf(certificate()) == documents.pdf(certificate())


def test_a_registration_certificate_says_who_and_since_when():
    text = text_of(documents.pdf(certificate(months=0)))
    for words in (
        "Attestation d’affiliation",
        "BOULANGERIE AL BARAKA",
        "2000012",
        "001234567000089",
        "depuis le 1er mars 2015",
        "en activité",
        "ATT-2026-0000123-06",
        "ABCD-EFGH",
        URL,
    ):
        assert words in text


def test_a_payroll_certificate_says_each_month_and_the_total_to_the_centime():
    text = text_of(documents.pdf(certificate()))
    assert "janvier 2025" in text
    assert "décembre 2025" in text
    assert "61 234,50" in text
    assert "734 880,00" in text
    assert "720 000,00" in text


def test_a_slip_says_the_boxes_and_both_references():
    text = text_of(documents.pdf(slip()))
    for words in (
        "20000 12260 10180",
        "RF94 2000 0122 6010 180",
        "8 140,30",
        "2 767,80",
        "16 939,70",
        "À payer au plus tard le",
        "10 février 2026",
    ):
        assert words in text


def test_a_slip_says_what_happened_to_its_total_on_one_page():
    pdf = documents.pdf(
        slip(
            paid=Decimal("10000.00"),
            held=Decimal("500.00"),
            outstanding=Decimal("6939.70"),
            state=SlipState.PARTLY_PAID,
        )
    )
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert len(opened.pages) == 1
    text = text_of(pdf)
    for words in (
        "Déjà payé",
        "10 000,00",
        "Reste à payer au 9 février 2026",
        "6 939,70",
        "dont suspendu par une réclamation",
        "500,00",
        "À payer maintenant",
        "6 439,70 DH",
    ):
        assert words in text
    assert "Accordé après réclamation" not in text
    replaced = text_of(documents.pdf(slip(replaced_by="200001202601111177")))
    assert "remplacé par le bordereau 200001202601111177 : ne le payez pas" in replaced
    assert "Comment payer" not in replaced


def test_a_settled_slip_says_so_and_not_how_to_pay():
    pdf = documents.pdf(
        slip(paid=Decimal("16939.70"), outstanding=Decimal("0.00"), state=SlipState.PAID)
    )
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert len(opened.pages) == 1
    text = text_of(pdf)
    assert "Bordereau soldé" in text
    assert "Comment payer" not in text


def test_receipts_say_what_was_received():
    filing = text_of(documents.pdf(filing_receipt()))
    for words in (
        "R-2026-0000007",
        "10 février 2026 à 15:05",
        "61 234,50 DH",
        "ab" * 16,
        "dans le délai",
    ):
        assert words in filing
    payment = text_of(documents.pdf(payment_receipt()))
    for words in ("17 000,00", "60,30", "BI-9912331", "9 février 2026"):
        assert words in payment


def test_a_decision_says_the_answer_its_reasons_and_the_way_of_appeal():
    text = text_of(documents.pdf(decision()))
    for words in (
        "réclamation acceptée en partie",
        "200,10",
        "500,00",
        "La salariée était présente",
        "dans les 2 mois qui suivent cette réponse",
        "janvier 2026",
    ):
        assert words in text


@pytest.fixture
def listener(socket_enabled):
    """A local server that only counts who knocks."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    server.settimeout(0.2)
    knocks, over = [], threading.Event()

    def listen():
        while not over.is_set():
            try:
                visitor, _address = server.accept()
            except TimeoutError:
                continue
            knocks.append(visitor)
            visitor.close()

    thread = threading.Thread(target=listen)
    thread.start()
    yield SimpleNamespace(port=server.getsockname()[1], knocks=knocks)
    over.set()
    thread.join()
    server.close()


def hostile_texts(port):
    there = f"http://127.0.0.1:{port}/x"
    return [
        f'<img src="{there}">',
        f'</td></table><link rel="stylesheet" href="{there}"><style>@import "{there}";</style>',
        f'<link rel="attachment" href="{there}"><a rel="attachment" href="file:///etc/passwd">x</a>',
        f'"><object data="{there}"></object><iframe src="file:///etc/passwd"></iframe>',
        f"url({there})",
        f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{there}"/></svg>',
        "{% debug %}{{ settings.SECRET_KEY }}",
        "\u202eACME\u202c \u0000\u0007" + "A" * 119,
        "شركة <b>ⴰⵎⵓⵔ</b> Ł𝔘𝔫𝔦 😀",
    ]


def test_hostile_names_fetch_nothing_and_break_nothing(listener):
    for hostile in hostile_texts(listener.port):
        firm = AffiliateFacts(
            affiliation_number="2000012",
            name=hostile,
            name_ar=hostile,
            activity=hostile,
            address=hostile,
            postal_code="20000",
            city=hostile,
            ice=hostile,
            agency=hostile,
            agency_ar=hostile,
            affiliated_on=datetime.date(2015, 3, 1),
            state=hostile,
        )
        for document in (
            certificate(firm, months=0),
            certificate(firm, months=2),
            slip(firm),
            filing_receipt(firm, hostile, hostile),
            payment_receipt(firm, hostile),
            decision(firm, hostile),
        ):
            with pikepdf.open(io.BytesIO(documents.pdf(document))) as pdf:
                assert len(pdf.attachments) == 0
                assert len(pdf.pages) <= 3
                assert not any("/AF" in page or "/Annots" in page for page in pdf.pages)
    assert listener.knocks == []


@pytest.mark.parametrize(
    "fault",
    [
        '<img src="http://127.0.0.1:{port}/x">',
        '<img src="file:///etc/hostname">',
        '<link rel="stylesheet" href="http://127.0.0.1:{port}/x">',
        '<link rel="attachment" href="file:///etc/hostname">',
        "<style>@font-face {{ font-family: x; src: url(http://127.0.0.1:{port}/x) }}</style><p>x",
    ],
)
def test_the_press_refuses_a_page_that_reaches_out_and_goes_on(listener, fault):
    """The second wall, behind autoescape: were a tag to slip in, the paper is refused, not made with a hole."""
    html = f"<html><body>{fault.format(port=listener.port)}</body></html>"
    with pytest.raises(DocumentNotReady):
        printing.print_pdf(html, b"0" * 16)
    assert listener.knocks == []
    assert printing.print_pdf("<p>suite", b"0" * 16).startswith(b"%PDF")


def test_a_page_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(printing, "SECONDS_TO_PRINT", 1)
    printer = printing.Printer(("-c", "import time; time.sleep(60)"))
    with pytest.raises(DocumentNotReady):
        printer.print_pdf("<p>", b"0" * 16)
    printer.close()


def test_the_press_is_told_no_secret(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "not-for-the-press")
    code = (
        "import os, sys; n = int.from_bytes(sys.stdin.buffer.read(8), 'big'); sys.stdin.buffer.read(n);"
        "text = repr(sorted(os.environ)).encode();"
        "sys.stdout.buffer.write(len(text).to_bytes(8, 'big') + text)"
    )
    printer = printing.Printer(("-c", code))
    names = printer.print_pdf("<p>", b"0" * 16).decode()
    printer.close()
    assert "SECRET_KEY" not in names
    assert not re.search("DATABASE|REDIS|DJANGO", names)


def test_nothing_is_left_behind_when_the_press_ends(monkeypatch, tmp_path):
    monkeypatch.setattr(printing.tempfile, "tempdir", str(tmp_path))
    printer = printing.Printer()
    assert printer.print_pdf("<p>ⴰⵣⵓⵍ", b"0" * 16).startswith(b"%PDF")
    assert any(tmp_path.iterdir())
    printer.close()
    assert not any(tmp_path.iterdir())


def test_the_press_cleans_up_when_its_web_process_is_killed(tmp_path):
    """A web server stopped by a signal runs no clean-up of its own: the press finds its pipe closed."""
    code = (
        "import os, tempfile; from certificates import printing;"
        f"tempfile.tempdir = {str(tmp_path)!r};"
        "printing.Printer().print_pdf('<p>x', b'0' * 16); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=printing.ROOT)
    deadline = time.monotonic() + 10
    while any(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(tmp_path.iterdir())


def test_a_press_that_was_killed_is_replaced():
    printer = printing.Printer()
    first = printer.print_pdf("<p>un", b"0" * 16)
    printer._child.kill()
    printer._child.wait()
    assert printer.print_pdf("<p>un", b"0" * 16) == first
    printer.close()
