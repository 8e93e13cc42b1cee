"""An employer and a clerk in two windows: a line contested, examined, answered and decided."""

import uuid

import pytest
from playwright.sync_api import Page, expect

from disputes.enums import Outcome
from disputes.models import Dispute
from disputes.rules import Ruling
from disputes.workflows import disputes as workflows
from payments.models import PaymentSlip
from portal import clock
from portal.models import User
from tests.affiliates.factories import (
    AffiliateFactory,
    AgencyFactory,
    MembershipFactory,
    StaffAssignmentFactory,
    UserFactory,
)
from tests.browser.test_frame import faults, sign_in
from tests.disputes.factories import PDF, PNG, dispute_of, slip_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PIECE = {"name": "certificat d’arrêt.pdf", "mimeType": "application/pdf", "buffer": PDF}
SCAN = {"name": "bulletin.png", "mimeType": "image/png", "buffer": PNG}
NOT_A_PIECE = {"name": "facture.pdf", "mimeType": "application/pdf", "buffer": b"MZ\x90\x00"}


@pytest.fixture
def room() -> str:
    """A bakery with a slip, its owner and the clerk of its agency; the address of its disputes."""
    agency = AgencyFactory()
    affiliate = AffiliateFactory(name="BOULANGERIE AL BARAKA", agency=agency)
    owner = UserFactory(email="patronne@exemple.ma", full_name="Nadia Benjelloun")
    MembershipFactory(user=owner, affiliate=affiliate)
    clerk = UserFactory(email="agent@exemple.ma", full_name="Karim Alaoui", is_staff=True)
    StaffAssignmentFactory(user=clerk, agency=agency)
    slip_of(affiliate)
    return f"/affilies/{affiliate.affiliation_number}/reclamations/"


def refused(room: str) -> Dispute:
    """A dispute refused by the clerk, and a colleague of the agency."""
    owner = User.objects.get(email="patronne@exemple.ma")
    clerk = User.objects.get(email="agent@exemple.ma")
    colleague = UserFactory(email="collegue@exemple.ma", full_name="Hind Zaki", is_staff=True)
    StaffAssignmentFactory(user=colleague, agency=clerk.staff_assignment.agency)
    dispute = dispute_of(owner, PaymentSlip.objects.get(), at=clock.now())
    workflows.take(actor=clerk, dispute_id=dispute.pk, at=clock.now())
    workflows.decide(
        actor=clerk,
        dispute_id=dispute.pk,
        intent=uuid.uuid4(),
        rulings={item.pk: Ruling(Outcome.REFUSED) for item in dispute.items.all()},
        reasons="Rien ne le montre.",
        legal_ground="Dahir n° 1-72-184, article 19",
        at=clock.now(),
    )
    return dispute


def contest(employer: Page, room: str) -> None:
    """From the empty list to the dispute, with one mistake on the way."""
    employer.goto(room)
    assert faults(employer) == []
    employer.get_by_role("link", name="Contester une ligne").click()
    assert faults(employer) == []
    employer.get_by_label("Assurance maladie obligatoire").check()
    employer.get_by_role("button", name="Contester ce qui est coché").click()
    employer.get_by_label("Montant contesté (DH)").first.fill("250,5")
    employer.get_by_label("L’assiette ne correspond pas aux salaires").check()
    employer.get_by_label("Expliquez en quelques phrases").fill("Salma était en congé sans solde.")
    employer.get_by_label("Pièces jointes").set_input_files([NOT_A_PIECE])
    employer.get_by_role("button", name="Déposer la réclamation").click()
    expect(employer.get_by_role("alert")).to_contain_text("n’est ni un PDF")
    expect(employer.get_by_text("à choisir de nouveau")).to_be_visible()
    expect(employer.get_by_label("Expliquez en quelques phrases")).to_have_value(
        "Salma était en congé sans solde."
    )
    assert faults(employer) == []
    employer.get_by_label("Pièces jointes").set_input_files([SCAN])
    employer.get_by_role("button", name="Déposer la réclamation").click()
    expect(employer.get_by_role("heading", level=1)).to_contain_text("Réclamation R-")


def test_an_employer_and_a_clerk_settle_a_dispute(open_page, room):
    employer, clerk = open_page(width=360), open_page()
    sign_in(employer, "patronne@exemple.ma")
    contest(employer, room)
    expect(employer.get_by_text("2\u202f317,32\u00a0DH")).to_be_visible()
    assert faults(employer) == []

    sign_in(clerk, "agent@exemple.ma")
    clerk.goto("/administration/")
    clerk.locator("header").get_by_role("link", name="Réclamations").click()
    assert faults(clerk) == []
    number = Dispute.objects.get().number
    clerk.get_by_role("link", name=number).click()
    clerk.get_by_role("button", name="Prendre en charge").click()
    assert faults(clerk) == []
    clerk.get_by_label("Message à l’affilié").fill("Bonjour, nous regardons.")
    clerk.get_by_role("button", name="Envoyer").click()
    clerk.get_by_text("Demander une pièce ou une précision").click()
    clerk.get_by_label("Pièce ou précision demandée").fill("Le certificat, s’il vous plaît.")
    clerk.get_by_role("button", name="Demander", exact=True).click()

    employer.reload()
    expect(employer.get_by_text("La Caisse attend une précision")).to_be_visible()
    expect(employer.get_by_text("Bonjour, nous regardons.")).to_be_visible()
    employer.get_by_label("Votre message").fill("Le voici.")
    employer.get_by_label("Pièces jointes").set_input_files([PIECE])
    employer.get_by_role("button", name="Envoyer").click()
    expect(employer.get_by_text("transmis à la Caisse")).to_be_visible()

    clerk.reload()
    with clerk.expect_download() as download:
        clerk.get_by_role("link", name="certificat d’arrêt.pdf").click()
    assert download.value.suggested_filename.startswith(number)
    clerk.locator("summary", has_text="Décider").click()
    clerk.get_by_label("Acceptée en partie").check()
    clerk.get_by_label("Montant accordé (DH)").fill("100")
    clerk.get_by_label("Motifs").fill("Dix jours de congé sur vingt-six.")
    clerk.get_by_label("Texte appliqué").fill("Dahir n° 1-72-184, article 19")
    assert faults(clerk) == []
    clerk.get_by_role("button", name="Décider").click()
    expect(clerk.get_by_text("Décision enregistrée")).to_be_visible()
    assert faults(clerk) == []

    employer.reload()
    expect(employer.get_by_role("heading", name="acceptée en partie")).to_be_visible()
    expect(employer.get_by_text("Dix jours de congé sur vingt-six.")).to_be_visible()
    expect(employer.get_by_text("conciliation")).to_be_visible()
    expect(employer.get_by_text("2\u202f467,82\u00a0DH").last).to_be_visible()
    assert faults(employer) == []
    employer.goto(room)
    assert faults(employer) == []


def test_an_appeal_goes_to_somebody_else(open_page, room):
    employer, clerk, other = open_page(width=360), open_page(), open_page()
    dispute = refused(room)
    sign_in(employer, "patronne@exemple.ma")
    employer.goto(f"{room}{dispute.number}/")
    employer.locator("summary", has_text="Demander un second examen").click()
    employer.get_by_label("Pourquoi cette décision est-elle fausse").fill("Relisez le bulletin.")
    employer.get_by_role("button", name="Demander un second examen").click()
    expect(employer.get_by_text("d’autres personnes examinent à nouveau")).to_be_visible()
    assert faults(employer) == []

    second = Dispute.objects.get(appeal_of=dispute)
    file = f"/administration/disputes/dispute/{second.pk}/"
    sign_in(clerk, "agent@exemple.ma")
    clerk.goto(file)
    expect(clerk.get_by_text("Cet appel revient à d’autres personnes")).to_be_visible()
    expect(clerk.get_by_role("button", name="Prendre en charge")).to_have_count(0)

    sign_in(other, "collegue@exemple.ma")
    other.goto("/administration/disputes/dispute/?file=appeals")
    other.get_by_label(f"Cocher {second.number}").check()
    other.get_by_role("button", name="Prendre les dossiers cochés").click()
    expect(other.get_by_text("1 dossier réparti")).to_be_visible()
    assert faults(other) == []
    other.goto(file)
    other.get_by_role("link", name="Voir comme l’employeur").click()
    expect(other.get_by_text("sans pouvoir y agir")).to_be_visible()
    assert faults(other) == []
    other.get_by_role("link", name="Revenir au dossier").click()
    other.locator("summary", has_text="Décider").click()
    other.get_by_label("Acceptée", exact=True).check()
    other.get_by_label("Motifs").fill("Le bulletin le montre.")
    other.get_by_role("button", name="Décider").click()
    expect(other.get_by_text("Décision enregistrée")).to_be_visible()
    assert faults(other) == []

    employer.reload()
    expect(employer.get_by_role("heading", name="est acceptée")).to_be_visible()
    assert faults(employer) == []


def test_the_same_without_javascript_and_in_arabic(open_page, room):
    employer = open_page(language="ar", javascript=False, width=360)
    sign_in(employer, "patronne@exemple.ma")
    employer.goto(f"{room}nouvelle/")
    employer.locator(".dc-choices input").last.check()
    employer.locator("main form button[type=submit]").first.click()
    employer.locator("input[name^=amount_]").first.fill("١٠٠٫٥٠")
    employer.locator("input[name=ground]").first.check()
    employer.locator("textarea[name=text]").fill("كانت الأجيرة في عطلة بدون أجر.")
    employer.locator("main form button[type=submit]").first.click()
    expect(employer.get_by_role("heading", level=1)).to_contain_text("الشكاية R-")
    expect(employer.locator("html")).to_have_attribute("dir", "rtl")

    employer.locator("summary", has_text="سحب شكايتي").click()
    employer.get_by_role("button", name="نعم، أسحب شكايتي").click()
    expect(employer.get_by_text("مسحوبة").first).to_be_visible()
