"""Staff issue any paper of an affiliate: with a reason, under the same conditions, and the firm sees it."""

import uuid

import pytest
from django.urls import reverse

from certificates import workflows
from certificates.enums import CertificateKind
from certificates.errors import NotEligible, PurposeMissing
from certificates.models import Certificate
from portal.models import AuditEntry, Mail
from tests.certificates.conftest import NOW
from tests.certificates.factories import paid, slip_of
from tests.certificates.test_kinds import ASKED, DECEMBER, JANUARY, NUMBER, months  # noqa: F401

pytestmark = pytest.mark.usefixtures("now")

PURPOSE = "Demande de l’affilié au guichet, pour sa banque."
ISSUE = "admin:certificates_certificate_issue"
KINDS = {
    **ASKED,
    CertificateKind.REGISTRATION: {},
    CertificateKind.PAYROLL: {"first": DECEMBER, "last": JANUARY},
}


def sent(cast, kind, **changes):
    asked = {name: str(value) for name, value in KINDS[kind].items()}
    return {
        "intent": str(uuid.uuid4()),
        "affiliation_number": cast.affiliate.affiliation_number,
        "kind": kind.value,
        "purpose": PURPOSE,
        "issue": "1",
        **asked,
        **changes,
    }


@pytest.mark.parametrize("kind", list(CertificateKind))
def test_staff_issue_any_kind_and_the_firm_is_told(client, cast, months, kind):  # noqa: F811
    client.force_login(cast.staff)
    answer = client.post(reverse(ISSUE), sent(cast, kind))
    certificate = Certificate.objects.get()
    assert answer.status_code == 302
    assert (certificate.kind, certificate.purpose) == (kind.value, PURPOSE)
    assert certificate.issued_by == cast.staff
    trace = AuditEntry.objects.get(action="certificate.issued")
    assert trace.affiliation_number == cast.affiliate.affiliation_number
    assert (trace.actor, trace.facts["purpose"]) == (cast.staff, PURPOSE)
    letter = Mail.objects.get(user=cast.owner)
    assert certificate.number in letter.subject
    assert PURPOSE in letter.text

    # The firm, and who acts for it, read who and why; nobody else finds it.
    address = reverse(
        "certificates:certificate", args=[cast.affiliate.affiliation_number, certificate.number]
    )
    for who, found in ((cast.owner, 200), (cast.fiduciaire, 200), (cast.stranger, 404)):
        client.force_login(who)
        page = client.get(address)
        assert page.status_code == found
        assert (PURPOSE in page.content.decode()) is (found == 200)


def test_a_paper_fetched_at_the_desk_leaves_a_trace(client, cast, months):  # noqa: F811
    client.force_login(cast.staff)
    client.post(reverse(ISSUE), sent(cast, CertificateKind.REGISTRATION))
    certificate = Certificate.objects.get()
    answer = client.get(reverse("admin:certificates_certificate_pdf", args=[certificate.pk]))
    assert answer.content[:5] == b"%PDF-"
    trace = AuditEntry.objects.get(action="certificate.paper_read")
    assert (trace.actor, trace.subject_id) == (cast.staff, str(certificate.pk))


def test_receipts_too_with_their_reason(client, cast, months):  # noqa: F811
    allocation = paid(slip_of(months[0]), account=cast.bank_account, by=cast.bank)
    client.force_login(cast.staff)
    page = client.post(reverse(ISSUE), sent(cast, CertificateKind.REGISTRATION, issue="", look="1"))
    assert months[0].receipt_number in page.content.decode()
    for paper in (f"filing:{months[0].pk}", f"payment:{allocation.pk}"):
        refused = client.post(
            reverse(ISSUE), sent(cast, CertificateKind.REGISTRATION, paper=paper, purpose="")
        )
        assert refused.headers["Content-Type"].startswith("text/html")
        answer = client.post(reverse(ISSUE), sent(cast, CertificateKind.REGISTRATION, paper=paper))
        assert answer.content[:5] == b"%PDF-"
    assert not Certificate.objects.exists()
    traces = AuditEntry.objects.filter(action__endswith=".receipt_issued").order_by("pk")
    assert [(trace.action, trace.facts["purpose"]) for trace in traces] == [
        ("filing.receipt_issued", PURPOSE),
        ("payment.receipt_issued", PURPOSE),
    ]


@pytest.mark.parametrize("paper", ["filing:999999", "payment:x", "autre:1", "filing:", "filing:²"])
def test_a_receipt_that_is_not_there_is_a_404(client, cast, months, paper):  # noqa: F811
    client.force_login(cast.staff)
    answer = client.post(reverse(ISSUE), sent(cast, CertificateKind.REGISTRATION, paper=paper))
    assert answer.status_code == 404


def test_looking_issues_nothing_and_says_why_not(client, cast, months):  # noqa: F811
    slip_of(months[0])
    client.force_login(cast.staff)
    asked = sent(cast, CertificateKind.STANDING)
    page = client.post(reverse(ISSUE), {**asked, "issue": "", "look": "1"}).content.decode()
    assert "Des cotisations échues restent à payer" in page
    # A button pressed all the same is refused by the same rule.
    page = client.post(reverse(ISSUE), asked).content.decode()
    assert "Des cotisations échues restent à payer" in page
    assert not Certificate.objects.exists()
    assert AuditEntry.objects.filter(action="certificate.looked_up").count() == 2


def test_a_reason_is_asked_at_every_door(client, cast, months):  # noqa: F811
    client.force_login(cast.staff)
    page = client.post(reverse(ISSUE), sent(cast, CertificateKind.REGISTRATION, purpose="  "))
    assert page.status_code == 200
    assert not Certificate.objects.exists()
    with pytest.raises(PurposeMissing):
        workflows.issue_at_the_desk(
            actor=cast.staff,
            affiliate=cast.affiliate,
            kind=CertificateKind.REGISTRATION,
            intent=uuid.uuid4(),
            at=NOW,
            purpose=" \n",
        )


def test_a_double_click_is_one_certificate_and_one_letter(client, cast, months):  # noqa: F811
    client.force_login(cast.staff)
    asked = sent(cast, CertificateKind.WAGES)
    for _click in range(2):
        client.post(reverse(ISSUE), asked)
    assert Certificate.objects.count() == 1
    assert Mail.objects.filter(user=cast.owner).count() == 1


def test_an_affiliate_of_another_desk_does_not_exist(client, cast, months):  # noqa: F811
    asked = sent(cast, CertificateKind.REGISTRATION, affiliation_number="9999999")
    client.force_login(cast.staff)
    page = client.post(reverse(ISSUE), asked).content.decode()
    assert "Aucun affilié de votre bureau" in page
    for who in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        client.force_login(who)
        answer = client.post(reverse(ISSUE), sent(cast, CertificateKind.REGISTRATION))
        assert answer.status_code in (302, 403, 404)
    assert not Certificate.objects.exists()


def test_the_rule_is_the_same_for_staff(cast):
    with pytest.raises(NotEligible):
        workflows.issue_at_the_desk(
            actor=cast.staff,
            affiliate=cast.affiliate,
            kind=CertificateKind.EMPLOYEE,
            intent=uuid.uuid4(),
            at=NOW,
            purpose=PURPOSE,
            about=NUMBER[::-1],
        )
