"""The papers as they leave: drawn on demand from the record, sealed, sent, kept nowhere."""

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from certificates import documents
from certificates.enums import CertificateKind
from certificates.errors import DocumentNotReady
from certificates.facts import CertificateFacts
from certificates.models import Certificate
from certificates.numbers import grouped
from portal.errors import message_of
from portal.pace import seconds_to_wait

DOCUMENTS_PER_MINUTE = 60


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


def send(request: HttpRequest, document: documents.Document, *, reader: str = "") -> HttpResponse:
    """The PDF as an attachment; 429 for a hasty reader, a readable 503 while the press cannot answer.

    ``reader`` is the address of a visitor without an account.
    """
    wait = seconds_to_wait("document", reader or str(request.user.pk), limit=DOCUMENTS_PER_MINUTE)
    if wait:
        return too_many(request, wait)
    try:
        # Twenty megabytes with its cryptography, that a process which seals nothing does without.
        from certificates import signing

        content = signing.sign(documents.pdf(document))
    except DocumentNotReady as refusal:
        answer = render(
            request,
            "certificates/preparing.html",
            {"message": message_of(refusal)},
            status=HTTPStatus.SERVICE_UNAVAILABLE,
        )
        answer["Retry-After"] = "60"
        return answer
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="{document.filename}"',
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


def too_many(request: HttpRequest, wait: int) -> HttpResponse:
    answer = render(
        request, "certificates/too_many.html", {"wait": wait}, status=HTTPStatus.TOO_MANY_REQUESTS
    )
    answer["Retry-After"] = str(wait)
    return answer
