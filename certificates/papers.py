"""The paper of a certificate, from its frozen facts alone."""

from django.conf import settings
from django.urls import reverse

from certificates import documents
from certificates.enums import CertificateKind
from certificates.facts import CertificateFacts
from certificates.models import Certificate
from certificates.numbers import grouped

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
