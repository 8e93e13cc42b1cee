"""One certificate of an employer: its page, its paper, its links."""

import datetime
import uuid
from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from certificates import papers, queries, tasks, workflows
from certificates.downloads import Paper, send, send_drawn
from certificates.enums import CertificateKind, ShareState
from certificates.facts import CertificateFacts
from certificates.forms import ShareForm
from certificates.models import Certificate, ShareLink
from certificates.numbers import grouped
from certificates.wording import to_compare
from portal import audit, clock, limits
from portal.actor import actor_of
from portal.errors import add_to_form
from portal.tasks import wake
from regulation.errors import DomainError


def _certificate_or_404(affiliate: Affiliate, number: str) -> Certificate:
    certificate = (
        queries.of_affiliate(affiliate)
        .select_related("superseded_by")
        .filter(number=number)
        .first()
    )
    if certificate is None:
        raise Http404
    return certificate


@require_safe
@affiliate_view(Scope.READ)
def certificate_page(request: HttpRequest, *, affiliate: Affiliate, number: str) -> HttpResponse:
    """One certificate: what it attests, what it is worth now, the paper and the address to hand over."""
    return _certificate_page(request, affiliate, _certificate_or_404(affiliate, number))


def _certificate_page(
    request: HttpRequest,
    affiliate: Affiliate,
    certificate: Certificate,
    share_form: ShareForm | None = None,
) -> HttpResponse:
    facts = CertificateFacts.from_json(certificate.facts)
    now = clock.now()
    links = [
        (
            link,
            link.state_at(now),
            shared_url(link) if link.state_at(now) is ShareState.OPEN else "",
        )
        for link in queries.links_of(certificate)
    ]
    return render(
        request,
        "certificates/certificate.html",
        {
            "affiliate": affiliate,
            "section": "certificates",
            "certificate": certificate,
            "office": audit.offices_of([certificate], "certificate.issued").get(
                str(certificate.pk), ""
            ),
            "kind": CertificateKind(certificate.kind),
            "facts": facts,
            "rows": to_compare(facts),
            "validity": queries.validity(certificate),
            "verification_url": papers.verification_url(certificate),
            "code": grouped(certificate.token),
            "paper": paper_of(certificate, affiliate, certificate.number),
            "links": links,
            "share_form": share_form or ShareForm(initial={"intent": uuid.uuid4(), "days": "7"}),
        },
        status=HTTPStatus.UNPROCESSABLE_ENTITY if share_form else HTTPStatus.OK,
    )


def shared_url(link: ShareLink) -> str:
    """The absolute address to give away; empty once the secret of the installation changed."""
    token = workflows.token_of(link)
    return settings.PUBLIC_URL + reverse("certificates:shared", args=[token]) if token else ""


@require_POST
@affiliate_view(Scope.CERTIFICATES)
def share(request: HttpRequest, *, affiliate: Affiliate, number: str) -> HttpResponse:
    """Make a link to this certificate for somebody without an account."""
    certificate = _certificate_or_404(affiliate, number)
    form = ShareForm(request.POST)
    if not form.is_valid():
        return _certificate_page(request, affiliate, certificate, form)
    asked = form.cleaned_data
    limits.count(limits.CERTIFICATES, str(request.user.pk))
    try:
        workflows.share(
            actor=actor_of(request),
            certificate=certificate,
            intent=asked["intent"],
            label=asked["label"],
            lasting=datetime.timedelta(days=asked["days"]),
            at=clock.now(),
        )
    except DomainError as refusal:
        add_to_form(form, refusal)
        return _certificate_page(request, affiliate, certificate, form)
    messages.success(request, _("Le lien est prêt : copiez-le et envoyez-le."))
    return _back_to(affiliate, number, "partager")


@require_POST
@affiliate_view(Scope.CERTIFICATES)
def withdraw_share(
    request: HttpRequest, *, affiliate: Affiliate, number: str, pk: int
) -> HttpResponse:
    """Close a link at once."""
    certificate = _certificate_or_404(affiliate, number)
    link = queries.links_of(certificate).filter(pk=pk).first()
    if link is None:
        raise Http404
    workflows.withdraw(actor=actor_of(request), link=link, at=clock.now())
    messages.success(request, _("Le lien est retiré : il n’ouvre plus rien."))
    return _back_to(affiliate, number, "partager")


def _back_to(affiliate: Affiliate, number: str, part: str) -> HttpResponse:
    address = reverse("certificates:certificate", args=[affiliate.affiliation_number, number])
    return redirect(f"{address}#{part}")


@require_safe
@affiliate_view(Scope.READ)
def certificate_pdf(request: HttpRequest, *, affiliate: Affiliate, number: str) -> HttpResponse:
    """The paper of a certificate, valid or not: what it is worth is on the verification page.

    A long list is drawn by a worker first; until then its page says so.
    """
    certificate = _certificate_or_404(affiliate, number)
    if not papers.is_long(certificate):
        answer = send(request, papers.document_of(certificate))
    elif (drawn := queries.drawn_paper(certificate)) is not None:
        answer = send_drawn(request, certificate, drawn)
    else:
        return _back_to(affiliate, number, "pdf")
    audit.record_reading(
        request,
        action="certificate.paper_read",
        subject=certificate,
        affiliation_number=affiliate.affiliation_number,
    )
    return answer


@require_POST
@affiliate_view(Scope.READ)
def prepare_paper(request: HttpRequest, *, affiliate: Affiliate, number: str) -> HttpResponse:
    """Have a long list drawn by a worker."""
    certificate = _certificate_or_404(affiliate, number)
    if papers.is_long(certificate):
        row = workflows.prepare(actor=actor_of(request), certificate=certificate, at=clock.now())
        wake(tasks.draw_paper, row.pk)
    return _back_to(affiliate, number, "pdf")


@require_safe
@affiliate_view(Scope.READ)
def paper_progress(request: HttpRequest, *, affiliate: Affiliate, number: str) -> HttpResponse:
    """How far the drawing of a long list has come; a piece of its page."""
    certificate = _certificate_or_404(affiliate, number)
    return render(
        request, "certificates/_paper.html", {"paper": paper_of(certificate, affiliate, number)}
    )


def paper_of(certificate: Certificate, affiliate: Affiliate, number: str) -> Paper | None:
    """What the page says of a long list; None for a paper that is drawn at once."""
    if not papers.is_long(certificate):
        return None
    place = [affiliate.affiliation_number, number]
    return Paper(
        queries.printing_of(certificate),
        people=len(certificate.facts["people"]),
        prepare_url=reverse("certificates:prepare_paper", args=place),
        progress_url=reverse("certificates:paper_progress", args=place),
        pdf_url=reverse("certificates:certificate_pdf", args=place),
    )
