"""A certificate through a link, for whoever holds it."""

from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from certificates import papers, queries, tasks, workflows
from certificates.downloads import Paper, send, send_drawn, too_many
from certificates.enums import CertificateKind, CertificateState, SharedPart, ShareState
from certificates.facts import CertificateFacts
from certificates.models import ShareLink
from certificates.wording import to_compare
from portal import afterwards, clock
from portal.middleware import client_address
from portal.pace import seconds_to_wait
from portal.tasks import wake

OPENINGS_PER_MINUTE = 30


@login_not_required
@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """A certificate through a link: what it says and its paper, or kindly why the link opens nothing any more."""
    link, closed = _open_link(request, token)
    if closed is not None or link is None:
        return closed or _unlinked(request, None)
    certificate = link.certificate
    facts = CertificateFacts.from_json(certificate.facts)
    validity = queries.validity(certificate)
    _note_opening(request, link, SharedPart.PAGE)
    return _unseen(
        render(
            request,
            "certificates/shared.html",
            {
                "link": link,
                "token": token,
                "certificate": certificate,
                "kind": CertificateKind(certificate.kind),
                "facts": facts,
                "rows": to_compare(facts),
                "validity": validity,
                "has_paper": validity.state is CertificateState.VALID,
                "paper": _paper_of(link, token),
            },
        )
    )


@login_not_required
@require_safe
def shared_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """The paper of a shared certificate, while it is valid."""
    link, closed = _open_link(request, token)
    if closed is not None or link is None:
        return closed or _unlinked(request, None)
    if queries.validity(link.certificate).state is not CertificateState.VALID:
        return redirect("certificates:shared", token)
    certificate, reader = link.certificate, client_address(request)
    if papers.is_long(certificate):
        drawn = queries.drawn_paper(certificate)
        if drawn is None:
            return redirect("certificates:shared", token)
        answer = send_drawn(request, certificate, drawn, reader=reader)
    else:
        answer = send(request, papers.document_of(certificate), reader=reader)
    if answer.status_code == HTTPStatus.OK:
        _note_opening(request, link, SharedPart.PAPER)
    return _unseen(answer)


@login_not_required
@require_POST
def shared_prepare(request: HttpRequest, token: str) -> HttpResponse:
    """Have a shared long list drawn by a worker."""
    link, closed = _open_link(request, token)
    if closed is not None or link is None:
        return closed or _unlinked(request, None)
    if papers.is_long(link.certificate):
        row = workflows.prepare(actor=None, certificate=link.certificate, at=clock.now())
        wake(tasks.draw_paper, row.pk)
    return redirect(reverse("certificates:shared", args=[token]) + "#pdf")


@login_not_required
@require_safe
def shared_progress(request: HttpRequest, token: str) -> HttpResponse:
    """How far the drawing of a shared long list has come; a piece of its page, looked at every second."""
    link = queries.link_of_token(token)
    if link is None or link.state_at(clock.now()) is not ShareState.OPEN:
        return _unlinked(request, link)
    return _unseen(render(request, "certificates/_paper.html", {"paper": _paper_of(link, token)}))


def _paper_of(link: ShareLink, token: str) -> Paper | None:
    certificate = link.certificate
    if not papers.is_long(certificate):
        return None
    return Paper(
        queries.printing_of(certificate),
        people=len(certificate.facts["people"]),
        prepare_url=reverse("certificates:shared_prepare", args=[token]),
        progress_url=reverse("certificates:shared_progress", args=[token]),
        pdf_url=reverse("certificates:shared_pdf", args=[token]),
    )


def _open_link(request: HttpRequest, token: str) -> tuple[ShareLink | None, HttpResponse | None]:
    """The open link of this secret, or the page that says why there is none: 404 unknown, 410 closed, 429 hasty."""
    wait = seconds_to_wait("share", client_address(request), limit=OPENINGS_PER_MINUTE)
    if wait:
        return None, too_many(request, wait)
    link = queries.link_of_token(token)
    if link is None or link.state_at(clock.now()) is not ShareState.OPEN:
        return None, _unlinked(request, link)
    return link, None


def _unlinked(request: HttpRequest, link: ShareLink | None) -> HttpResponse:
    status = HTTPStatus.NOT_FOUND if link is None else HTTPStatus.GONE
    state = link.state_at(clock.now()) if link else None
    context = {"state": state, "link": link}
    return _unseen(render(request, "certificates/unshared.html", context, status=status))


def _unseen(answer: HttpResponse) -> HttpResponse:
    """Kept by no search engine, and its address told to no other site; no page of ours is kept by a browser."""
    answer["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def _note_opening(request: HttpRequest, link: ShareLink, part: SharedPart) -> None:
    if request.method == "GET":
        at = clock.now()
        afterwards.note(request, lambda: workflows.note_opening(link=link, part=part, at=at))
