"""The pages of certificates: the cast of five, what each sees, and the public page in its four states."""

import datetime
import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import Role, StaffRole
from certificates import downloads, printing, workflows
from certificates.enums import CertificateKind, CertificateState
from certificates.errors import DocumentNotReady
from certificates.models import Certificate
from certificates.views import public
from disputes.enums import Outcome
from disputes.rules import Ruling
from disputes.workflows import disputes as workflows_of_disputes
from payments.models import Allocation
from portal import formats, pace
from portal.models import AuditEntry
from regulation.periods import Period
from tests.affiliates.factories import MembershipFactory, StaffAssignmentFactory, UserFactory
from tests.certificates.conftest import NOW
from tests.certificates.factories import declared, paid, slip_of
from tests.certificates.pdf_text import text_of
from tests.desk import say_why
from tests.disputes.factories import OPENED_AT, dispute_of
from tests.disputes.factories import slip_of as disputed_slip

DECEMBER, JANUARY = Period(2025, 12), Period(2026, 1)
pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def months(cast):
    return [
        declared(cast.affiliate, DECEMBER, by=cast.owner, wage_bill="60000.10"),
        declared(cast.affiliate, JANUARY, by=cast.owner, wage_bill="61000.20"),
    ]


@pytest.fixture
def slip(cast, months):
    return slip_of(months[1])


@pytest.fixture
def certificate(cast, months):
    return workflows.request(
        actor=cast.owner,
        affiliate=cast.affiliate,
        kind=CertificateKind.PAYROLL,
        first=DECEMBER,
        last=JANUARY,
        intent=uuid.uuid4(),
        at=NOW,
    )


@pytest.fixture
def allocation(cast, slip):
    return paid(slip, account=cast.bank_account, by=cast.bank, excess="60.30")


@pytest.fixture
def dispute(cast):
    """Another month's slip, contested, taken and answered."""
    opened = dispute_of(cast.owner, disputed_slip(cast.affiliate, datetime.date(2025, 6, 1)))
    workflows_of_disputes.take(actor=cast.staff, dispute_id=opened.pk, at=OPENED_AT)
    workflows_of_disputes.decide(
        actor=cast.staff,
        dispute_id=opened.pk,
        intent=uuid.uuid4(),
        rulings={opened.items.get().pk: Ruling(Outcome.REFUSED)},
        reasons="Le salaire est celui du bulletin.",
        legal_ground="Article 19",
        at=OPENED_AT,
    )
    return opened


@pytest.fixture
def addresses(cast, certificate, slip, months, allocation, dispute):
    number = cast.affiliate.affiliation_number
    return {
        "list": reverse("certificates:list", args=[number]),
        "certificate": reverse("certificates:certificate", args=[number, certificate.number]),
        "certificate_pdf": reverse(
            "certificates:certificate_pdf", args=[number, certificate.number]
        ),
        "slip_pdf": reverse("certificates:slip_pdf", args=[number, slip.pk]),
        "filing_receipt_pdf": reverse(
            "certificates:filing_receipt_pdf", args=[number, months[1].pk]
        ),
        "payment_receipt_pdf": reverse(
            "certificates:payment_receipt_pdf", args=[number, allocation.pk]
        ),
        "decision_pdf": reverse("certificates:decision_pdf", args=[number, dispute.number]),
    }


NAMES = [
    "list",
    "certificate",
    "certificate_pdf",
    "slip_pdf",
    "filing_receipt_pdf",
    "payment_receipt_pdf",
    "decision_pdf",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_owner_and_the_fiduciaire_see_it_and_nobody_else(client, cast, addresses, name):
    before = _rows()
    for user in (cast.owner, cast.fiduciaire):
        client.force_login(user)
        answer = client.get(addresses[name])
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
    for user in cast.outsiders:
        client.force_login(user)
        assert client.get(addresses[name]).status_code == 404
    client.logout()
    assert client.get(addresses[name]).status_code == 302
    assert _rows() == before


def _rows():
    # That a paper of a certificate was fetched is itself a line of the trace.
    acts = AuditEntry.objects.exclude(action="certificate.paper_read")
    return Certificate.objects.count(), acts.count()


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_paper_of_another_firm_does_not_exist_at_ones_own_address(client, cast, addresses, name):
    client.force_login(cast.stranger)
    own = addresses[name].replace(
        cast.affiliate.affiliation_number, cast.strangers_affiliate.affiliation_number
    )
    assert client.get(own).status_code == 404


@pytest.mark.parametrize("name", NAMES[2:])
def test_papers_are_sent_as_attachments(client, cast, addresses, name):
    client.force_login(cast.owner)
    answer = client.get(addresses[name])
    assert answer["Content-Type"] == "application/pdf"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch(r'attachment; filename="[A-Za-z0-9-]+\.pdf"', answer["Content-Disposition"])
    assert answer.content.startswith(b"%PDF-1.7")


def test_an_undecided_dispute_has_no_paper(client, cast):
    opened = dispute_of(cast.owner, disputed_slip(cast.affiliate))
    client.force_login(cast.owner)
    address = reverse(
        "certificates:decision_pdf", args=[cast.affiliate.affiliation_number, opened.number]
    )
    assert client.get(address).status_code == 404


def test_the_quittance_holds_everything_the_payment_paid(client, cast, addresses, allocation):
    client.force_login(cast.owner)
    text = text_of(client.get(addresses["payment_receipt_pdf"]).content)
    assert formats.number(allocation.amount).replace("\u202f", " ") in text
    assert formats.number(allocation.bank_line.amount).replace("\u202f", " ") in text
    assert "60,30" in text
    credit = Allocation.objects.exclude(pk=allocation.pk).get()
    other = reverse(
        "certificates:payment_receipt_pdf", args=[cast.affiliate.affiliation_number, credit.pk]
    )
    assert text_of(client.get(other).content) == text


def test_the_list_costs_the_same_however_many_there_are(client, cast, certificate):
    client.force_login(cast.owner)
    address = reverse("certificates:list", args=[cast.affiliate.affiliation_number])
    client.get(address)
    with CaptureQueriesContext(
        connection,
    ) as one:
        client.get(address)
    for last in (DECEMBER, JANUARY):
        workflows.request(
            actor=cast.owner,
            affiliate=cast.affiliate,
            kind=CertificateKind.PAYROLL,
            first=last,
            last=last,
            intent=uuid.uuid4(),
            at=NOW,
        )
    with CaptureQueriesContext(connection) as three:
        answer = client.get(address)
    assert len(answer.context["rows"]) == 3
    assert len(three) == len(one)


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_page_explains_before_one_asks(client, cast, language):
    declared(cast.affiliate, JANUARY, by=cast.owner)
    client.force_login(cast.owner)
    client.cookies["django_language"] = language
    address = reverse("certificates:list", args=[cast.affiliate.affiliation_number])
    answer = client.get(address, {"first": "2025-12", "last": "2026-01"})
    page = answer.content.decode()
    assert [refusal.periods for refusal in answer.context["payroll"].refusals] == [(DECEMBER,)]
    if language == "fr":
        assert "Déposez les déclarations de ces mois" in page
        assert "décembre\u00a02025" in page
    assert 'name="kind" value="payroll"' not in page
    assert 'name="kind" value="registration"' in page


def test_asking_issues_once_and_shows_it(client, cast, months):
    client.force_login(cast.fiduciaire)
    number = cast.affiliate.affiliation_number
    sent = {
        "intent": str(uuid.uuid4()),
        "kind": "payroll",
        "first": "2025-12",
        "last": "2026-01",
    }
    first = client.post(reverse("certificates:request", args=[number]), sent)
    again = client.post(reverse("certificates:request", args=[number]), sent)
    assert first.status_code == again.status_code == 302
    assert first["Location"] == again["Location"]
    certificate = Certificate.objects.get()
    assert certificate.issued_by == cast.fiduciaire
    page = client.get(first["Location"]).content.decode()
    assert certificate.number in page
    assert f"/verifier/{certificate.token}/" in page


@pytest.mark.parametrize(
    "sent",
    [
        {"kind": "payroll", "first": "2025-12", "last": "2026-01"},
        {"kind": "payroll", "first": "", "last": ""},
        {"kind": "payroll", "first": "2026-13", "last": "2026-01"},
        {"kind": "pay", "first": "2025-12", "last": "2026-01"},
        {"kind": "payroll", "first": "2025-12", "last": "2026-01", "intent": "no"},
    ],
)
def test_a_refused_request_goes_back_with_a_sentence(client, cast, sent):
    client.force_login(cast.owner)
    number = cast.affiliate.affiliation_number
    answer = client.post(
        reverse("certificates:request", args=[number]),
        {"intent": str(uuid.uuid4()), **sent},
        follow=True,
    )
    assert answer.status_code == 200
    assert len(list(answer.context["messages"])) == 1
    assert not Certificate.objects.exists()


def test_a_reader_looks_but_does_not_ask(client, cast, months):
    reader = UserFactory()
    MembershipFactory(user=reader, affiliate=cast.affiliate, role=Role.READER.value)
    client.force_login(reader)
    number = cast.affiliate.affiliation_number
    page = client.get(reverse("certificates:list", args=[number])).content.decode()
    assert 'name="intent"' not in page
    answer = client.post(
        reverse("certificates:request", args=[number]),
        {"intent": str(uuid.uuid4()), "kind": "registration"},
    )
    assert answer.status_code == 403
    assert not Certificate.objects.exists()


def test_outsiders_cannot_ask(client, cast, months):
    number = cast.affiliate.affiliation_number
    for user in cast.outsiders:
        client.force_login(user)
        answer = client.post(
            reverse("certificates:request", args=[number]),
            {"intent": str(uuid.uuid4()), "kind": "registration"},
        )
        assert answer.status_code == 404
    assert not Certificate.objects.exists()


def test_a_broken_press_says_in_preparation(client, cast, addresses, monkeypatch):
    def broken(_html, _identifier, **_more):
        raise DocumentNotReady

    monkeypatch.setattr(printing, "print_pdf", broken)
    client.force_login(cast.owner)
    answer = client.get(addresses["certificate_pdf"])
    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"
    assert "Document en préparation" in answer.content.decode()


def test_a_hasty_reader_of_papers_is_slowed(client, cast, addresses, monkeypatch):
    monkeypatch.setattr(downloads, "DOCUMENTS_PER_MINUTE", 1)
    client.force_login(cast.owner)
    assert client.get(addresses["slip_pdf"]).status_code == 200
    assert client.get(addresses["slip_pdf"]).status_code == 429


# ------------------------------------------------------------------------------------------------- public page


def check(client, token):
    return client.get(reverse("certificates:verification", args=[token]))


def test_a_stranger_may_compare_a_valid_certificate_and_learns_nothing_more(
    client, cast, certificate
):
    answer = check(client, certificate.token)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Cette attestation est valide." in page
    for shown in (
        certificate.number,
        "BOULANGERIE AL BARAKA",
        cast.affiliate.affiliation_number,
        "121\u202f000,30",
        "20\u00a0février\u00a02026",
        certificate.digest,
    ):
        assert shown in page
    for kept in (
        "60\u202f000,10",
        cast.owner.full_name,
        "RUE DES ORANGERS",
        str(certificate.intent),
    ):
        assert kept not in page


def test_it_says_superseded(client, cast, certificate, months):
    declared(
        cast.affiliate,
        DECEMBER - 1,
        by=cast.owner,
    )
    assert "valide" in check(client, certificate.token).content.decode()
    months[0].status = "replaced"
    months[0].save()
    page = check(client, certificate.token).content.decode()
    assert "Cette attestation est remplacée" in page
    assert "corrigée ou complétée" in page


def test_it_says_revoked(client, cast, certificate):
    workflows.revoke(actor=cast.staff, certificate=certificate, reason="Détail interne.", at=NOW)
    page = check(client, certificate.token).content.decode()
    assert "Cette attestation est révoquée" in page
    assert "Détail interne." not in page


@pytest.mark.parametrize("token", ["A" * 28, "court", "x" * 500, "ATT-2026-0000001-01"])
def test_it_says_unknown(client, db, token):
    answer = client.get(f"/verifier/{token}/")
    assert answer.status_code == 404
    assert "Aucune attestation ne porte ce code." in answer.content.decode()


def test_the_number_alone_opens_nothing(client, certificate):
    assert check(client, certificate.number).status_code == 404


def test_the_field_leads_to_the_page(client, certificate):
    token = certificate.token.lower()
    typed = " ".join(token[at : at + 4] for at in range(0, 28, 4))
    answer = client.get(reverse("certificates:verify"), {"code": typed})
    assert answer["Location"] == f"/verifier/{certificate.token}/"
    refused = client.get(reverse("certificates:verify"), {"code": "abc"})
    assert refused.status_code == 200
    assert "28 lettres et chiffres" in refused.content.decode()
    assert client.get(reverse("certificates:verify")).status_code == 200


def test_an_address_that_asks_too_much_waits(client, certificate, monkeypatch):
    monkeypatch.setattr(public, "VERIFICATIONS_PER_MINUTE", 2)
    assert [check(client, certificate.token).status_code for _ in range(3)] == [200, 200, 429]
    refused = check(client, "A" * 28)
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60
    forged = client.get(
        reverse("certificates:verification", args=[certificate.token]),
        headers={"X-Forwarded-For": "203.0.113.9"},
    )
    assert forged.status_code == 429
    elsewhere = client.get(
        reverse("certificates:verification", args=[certificate.token]), REMOTE_ADDR="203.0.113.9"
    )
    assert elsewhere.status_code == 200


def test_without_the_cache_the_page_still_answers(client, certificate, monkeypatch, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    assert pace.seconds_to_wait("x", "y", limit=1) == 0
    assert check(client, certificate.token).status_code == 200


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_public_pages_speak_both_languages(client, certificate, language):
    client.cookies["django_language"] = language
    for address in (
        reverse("certificates:verify"),
        reverse("certificates:verification", args=[certificate.token]),
    ):
        page = client.get(address).content.decode()
        assert f'<html lang="{language}"' in page
        assert ('dir="rtl"' in page.partition(">")[2][:200]) is (language == "ar")


# ------------------------------------------------------------------------------------------------- staff desk


def test_staff_revoke_with_a_reason(client, cast, certificate):
    client.force_login(cast.staff)
    address = reverse("admin:certificates_certificate_changelist")
    assert certificate.number in say_why(client, address).get(address).content.decode()
    chosen = {"action": "revoke", "_selected_action": [certificate.pk]}
    asked = client.post(address, chosen)
    assert asked.status_code == 200
    assert 'name="reason"' in asked.content.decode()
    certificate.refresh_from_db()
    assert certificate.state == CertificateState.VALID
    done = client.post(address, {**chosen, "reason": "Délivrée au mauvais employeur."})
    assert done.status_code == 302
    certificate.refresh_from_db()
    assert certificate.state == CertificateState.REVOKED
    assert certificate.end_note == "Délivrée au mauvais employeur."
    assert AuditEntry.objects.get(action="certificate.revoked").actor == cast.staff


def test_staff_reading_leaves_a_trace_and_cannot_edit(client, cast, certificate):
    client.force_login(cast.staff)
    address = reverse("admin:certificates_certificate_change", args=[certificate.pk])
    page = client.get(address).content.decode()
    assert certificate.token not in page
    assert 'name="_save"' not in page
    assert AuditEntry.objects.filter(
        action="staff.read", affiliation_number=cast.affiliate.affiliation_number
    ).exists()


def test_employers_have_no_desk(client, cast, certificate):
    client.force_login(cast.owner)
    answer = client.get(reverse("admin:certificates_certificate_changelist"))
    assert answer.status_code in (302, 403)
    assert certificate.number not in answer.content.decode()


def test_staff_fetch_the_decision_as_the_firm_received_it(client, cast, addresses, dispute):
    paper = reverse("admin:certificates_certificate_decision", args=[dispute.pk])
    client.force_login(cast.owner)
    theirs = client.get(addresses["decision_pdf"]).content
    assert client.get(paper).status_code == 302
    client.force_login(cast.staff)
    file = client.get(reverse("admin:disputes_dispute_change", args=[dispute.pk]))
    assert f'href="{paper}"' in file.content.decode()
    answer = client.get(paper)
    assert answer["Content-Disposition"].startswith("attachment")
    assert text_of(answer.content) == text_of(theirs)
    trace = AuditEntry.objects.get(action="dispute.paper_read")
    assert (trace.actor, trace.affiliation_number) == (
        cast.staff,
        cast.affiliate.affiliation_number,
    )
    client.force_login(StaffAssignmentFactory(role=StaffRole.CLERK.value).user)
    assert client.get(paper).status_code == 404
    assert AuditEntry.objects.filter(action="dispute.paper_read").count() == 1


def test_the_desk_has_no_paper_of_what_is_not_decided(client, cast):
    opened = dispute_of(cast.owner, disputed_slip(cast.affiliate))
    client.force_login(cast.staff)
    paper = reverse("admin:certificates_certificate_decision", args=[opened.pk])
    assert client.get(paper).status_code == 404
    file = client.get(reverse("admin:disputes_dispute_change", args=[opened.pk]))
    assert paper not in file.content.decode()
