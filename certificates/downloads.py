"""The papers as they leave: drawn on demand from the record, sealed, sent, kept nowhere."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from certificates import documents
from certificates.errors import DocumentNotReady
from certificates.models import Certificate, Printing
from portal.enums import JobState
from portal.errors import message_of
from portal.pace import seconds_to_wait

DOCUMENTS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Paper:
    """What a page says of a long list: its drawing, if any is under way or kept, and where to ask, look, fetch."""

    printing: Printing | None
    people: int
    prepare_url: str
    progress_url: str
    pdf_url: str

    @property
    def is_ready(self) -> bool:
        """Whether it can be fetched."""
        return self.printing is not None and self.printing.state == JobState.DONE

    @property
    def is_parked(self) -> bool:
        """Whether three attempts did not draw it."""
        return self.printing is not None and self.printing.state == JobState.PARKED

    @property
    def is_drawn_now(self) -> bool:
        """Whether it waits for a worker, or has one."""
        return self.printing is not None and not (self.is_ready or self.is_parked)


def send_drawn(
    request: HttpRequest, certificate: Certificate, drawn: bytes, *, reader: str = ""
) -> HttpResponse:
    """A long list that a worker drew, sealed now."""
    return _send(request, f"{certificate.number}.pdf", lambda: drawn, reader)


def send(request: HttpRequest, document: documents.Document, *, reader: str = "") -> HttpResponse:
    """The PDF as an attachment; 429 for a hasty reader, a readable 503 while the press cannot answer.

    ``reader`` is the address of a visitor without an account.
    """
    return _send(request, document.filename, lambda: documents.pdf(document), reader)


def _send(
    request: HttpRequest, filename: str, draw: Callable[[], bytes], reader: str
) -> HttpResponse:
    wait = seconds_to_wait("document", reader or str(request.user.pk), limit=DOCUMENTS_PER_MINUTE)
    if wait:
        return too_many(request, wait)
    try:
        # Twenty megabytes with its cryptography, that a process which seals nothing does without.
        from certificates import signing

        content = signing.sign(draw())
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
            "Content-Disposition": f'attachment; filename="{filename}"',
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
