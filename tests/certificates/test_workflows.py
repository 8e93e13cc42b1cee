"""Issuing once, superseding, revoking; what was attested is never rewritten."""

import threading
import uuid

import pytest
from django.db import Error, connection, transaction

from certificates import queries, workflows
from certificates.enums import CertificateKind, CertificateState, ReasonKind
from certificates.errors import IntentReused, NotEligible, NotValidAnyMore, ReasonMissing
from certificates.facts import CertificateFacts, digest
from certificates.models import Certificate
from declarations.enums import DeclarationKind, DeclarationStatus
from portal.models import AuditEntry
from regulation.money import CENT
from regulation.periods import Period
from tests.certificates.conftest import NOW
from tests.certificates.factories import declared, slip_of

DECEMBER, JANUARY = Period(2025, 12), Period(2026, 1)


@pytest.fixture
def months(cast):
    return [
        declared(cast.affiliate, DECEMBER, by=cast.owner, wage_bill="60000.10"),
        declared(cast.affiliate, JANUARY, by=cast.owner, wage_bill="61000.20"),
    ]


def issue(cast, *, kind=CertificateKind.PAYROLL, intent=None, at=NOW, **changes):
    bounds = {"first": DECEMBER, "last": JANUARY} if kind is CertificateKind.PAYROLL else {}
    return workflows.request(
        actor=cast.owner,
        affiliate=cast.affiliate,
        kind=kind,
        intent=intent or uuid.uuid4(),
        at=at,
        **{**bounds, **changes},
    )


def test_a_payroll_certificate_freezes_the_months(cast, months):
    certificate = issue(cast)
    facts = CertificateFacts.from_json(certificate.facts)
    assert [str(month.wage_bill) for month in facts.months] == ["60000.10", "61000.20"]
    assert str(facts.wage_bill) == "121000.30"
    assert facts.receipts == {month.receipt_number for month in months}
    assert certificate.digest == digest(certificate.facts)
    assert certificate.number.startswith("ATT-2026-")
    entry = AuditEntry.objects.get(action="certificate.issued")
    assert entry.actor == cast.owner
    assert entry.affiliation_number == cast.affiliate.affiliation_number
    assert entry.facts["number"] == certificate.number


def test_facts_read_back_from_the_database_keep_their_digest(cast, months):
    certificate = Certificate.objects.get(pk=issue(cast).pk)
    assert digest(certificate.facts) == certificate.digest
    assert CertificateFacts.from_json(certificate.facts).to_json() == certificate.facts


def test_the_same_intent_twice_is_one_certificate(cast, months):
    intent = uuid.uuid4()
    first = issue(cast, intent=intent)
    assert issue(cast, intent=intent) == first
    assert Certificate.objects.count() == 1
    with pytest.raises(IntentReused):
        issue(cast, intent=intent, first=JANUARY)


def test_nothing_is_issued_without_the_right_facts(cast):
    slip_of(declared(cast.affiliate, JANUARY, by=cast.owner))
    acts = AuditEntry.objects.count()
    with pytest.raises(NotEligible) as refusal:
        issue(cast)
    assert refusal.value.facts == {"reasons": ["undeclared", "arrears"]}
    assert not Certificate.objects.exists()
    assert AuditEntry.objects.count() == acts


def test_a_contested_amount_does_not_stand_in_the_way(cast, months):
    slip = slip_of(months[1])
    hold = slip.holds.create(amount=slip.outstanding - CENT, reference="REC-1")
    with pytest.raises(NotEligible):
        issue(cast)
    hold.amount += CENT
    hold.save()
    assert issue(cast).state == CertificateState.VALID


def test_a_new_one_over_the_same_months_supersedes_the_old_one(cast, months):
    old, other = issue(cast), issue(cast, first=JANUARY)
    new = issue(cast)
    old.refresh_from_db()
    other.refresh_from_db()
    assert (old.state, old.ended_because) == (CertificateState.SUPERSEDED, ReasonKind.RENEWED)
    assert (old.superseded_by, old.ended_at) == (new, NOW)
    assert other.state == CertificateState.VALID
    assert new.state == CertificateState.VALID


def test_a_corrected_declaration_ends_the_certificate_at_once_and_for_good(cast, months):
    certificate = issue(cast)
    untouched = issue(cast, last=DECEMBER)
    months[1].status = DeclarationStatus.REPLACED.value
    months[1].save()
    later = NOW.replace(hour=12)
    declared(cast.affiliate, JANUARY, by=cast.owner, wage_bill="70000.00", at=later)

    now = queries.validity(certificate)
    assert (now.state, now.reason) == (
        CertificateState.SUPERSEDED,
        ReasonKind.DECLARATION_CORRECTED,
    )
    assert workflows.supersede_outdated(at=later) == 1
    assert workflows.supersede_outdated(at=later) == 0
    certificate.refresh_from_db()
    untouched.refresh_from_db()
    assert certificate.state == CertificateState.SUPERSEDED
    assert certificate.ended_because == ReasonKind.DECLARATION_CORRECTED
    assert untouched.state == CertificateState.VALID
    entry = AuditEntry.objects.get(action="certificate.superseded")
    assert entry.actor is None


def test_a_supplement_ends_it_too(cast, months):
    certificate = issue(cast)
    later = NOW.replace(hour=12)
    declared(cast.affiliate, DECEMBER, by=cast.owner, kind=DeclarationKind.SUPPLEMENTARY, at=later)
    assert queries.validity(certificate).state is CertificateState.SUPERSEDED
    assert workflows.supersede_outdated(at=later) == 1


def test_revoking_needs_a_reason_and_happens_once(cast, months):
    certificate = issue(cast)
    with pytest.raises(ReasonMissing):
        workflows.revoke(actor=cast.staff, certificate=certificate, reason="  ", at=NOW)
    for _ in range(2):
        workflows.revoke(actor=cast.staff, certificate=certificate, reason="Mauvais mois.", at=NOW)
    certificate.refresh_from_db()
    assert certificate.state == CertificateState.REVOKED
    assert certificate.end_note == "Mauvais mois."
    assert AuditEntry.objects.filter(action="certificate.revoked").count() == 1


def test_a_superseded_certificate_is_not_revoked(cast, months):
    old = issue(cast)
    issue(cast)
    with pytest.raises(NotValidAnyMore):
        workflows.revoke(actor=cast.staff, certificate=old, reason="Trop tard.", at=NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE certificates_certificate SET digest = 'x'",
        "UPDATE certificates_certificate SET facts = '{}'",
        "UPDATE certificates_certificate SET issued_at = now()",
        "DELETE FROM certificates_certificate",
    ],
)
def test_the_database_refuses_to_rewrite_a_certificate(cast, months, statement):
    issue(cast)
    with (
        pytest.raises(Error, match="never rewritten"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_are_one_certificate(cast, months):
    intent, start, made = uuid.uuid4(), threading.Barrier(2), []

    def click():
        start.wait()
        try:
            made.append(issue(cast, intent=intent).number)
        finally:
            connection.close()

    clicks = [threading.Thread(target=click) for _ in range(2)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert len(made) == 2
    assert len(set(made)) == 1
    assert Certificate.objects.count() == 1
