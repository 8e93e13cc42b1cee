"""The papers that can be checked: of a certificate, from its frozen facts alone; of a filing."""

from django.conf import settings
from django.urls import reverse

from affiliates.models import Affiliate
from certificates import documents, queries
from certificates.enums import CertificateKind
from certificates.facts import CertificateFacts
from certificates.models import Certificate
from certificates.numbers import MARK_LENGTH, grouped
from declarations.queries import ReceiptFacts

# A longer list is drawn by a worker; this many people take half a second.
DRAWN_AT_ONCE = 500


def is_long(certificate: Certificate) -> bool:
    """Whether its paper takes a worker and a progress bar."""
    return len(certificate.facts.get("people", ())) > DRAWN_AT_ONCE


def verification_url(certificate: Certificate) -> str:
    """The absolute address printed in the QR code."""
    return settings.PUBLIC_URL + reverse("certificates:verification", args=[certificate.token])


def document_of(certificate: Certificate) -> documents.Document:
    """The paper of a certificate, from its frozen facts alone."""
    return documents.certificate(
        CertificateKind(certificate.kind),
        CertificateFacts.from_json(certificate.facts),
        number=certificate.number,
        digest=certificate.digest,
        issued_at=certificate.issued_at,
        verification_url=verification_url(certificate),
        code=grouped(certificate.token),
    )


def filing_receipt(affiliate: Affiliate, facts: ReceiptFacts) -> documents.Document:
    """The receipt of a filing, with the address where anyone who holds it checks it."""
    check_url = ""
    if facts.digest:
        place = [facts.receipt_number, facts.digest[:MARK_LENGTH]]
        check_url = settings.PUBLIC_URL + reverse("certificates:check_receipt", args=place)
    return documents.filing_receipt(queries.affiliate_facts(affiliate), facts, check_url=check_url)
