"""The certificates of an employer, the papers made on demand, and the public page that checks them."""

import datetime
import uuid
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from certificates import comparing, documents, freezing, queries, receipts, workflows
from certificates.downloads import document_of, send, too_many, verification_url
from certificates.eligibility import Standing, decide, standing_range
from certificates.enums import CertificateKind, CertificateState, SharedPart, ShareState
from certificates.errors import ComparisonNotReady, NotAPdf, NotEligible
from certificates.facts import CertificateFacts
from certificates.forms import AskForm, CodeForm, CompareForm, RangeForm, RequestForm, ShareForm
from certificates.models import Certificate, ShareLink
from certificates.numbers import grouped
from certificates.wording import to_compare
from declarations.queries import receipt_facts
from payments.queries import slip_facts
from portal import afterwards, audit, clock, limits
from portal.actor import actor_of
from portal.errors import add_to_form, add_to_messages, message_of
from portal.middleware import client_address
from portal.pace import seconds_to_wait
from portal.uploads import MEGABYTE, takes_files
from regulation.errors import DomainError
from regulation.parameters import value_at
from regulation.periods import InvalidPeriod, Period

VERIFICATIONS_PER_MINUTE = 30
COMPARISONS_PER_MINUTE = 6
# The longest paper, a list of ten thousand people, is under a third of it.
COMPARE_LIMIT = 12 * MEGABYTE
PER_PAGE = 20


# ---------------------------------------------------------------------------------------- the employer's pages


@require_safe
@affiliate_view(Scope.READ)
def certificate_list(request: HttpRequest, *, affiliate: Affiliate) -> HttpResponse:
    """What may be asked today and why not, then what was issued."""
    standing = queries.standing(affiliate, clock.today())
    form = RangeForm(request.GET if "first" in request.GET else None, months=_months(standing))
    if form.is_bound and form.is_valid():
        first, last = form.cleaned_data["first"], form.cleaned_data["last"]
    else:
        first, last = _usual_range(standing)
    if not form.is_bound:
        form.initial = {"first": str(first), "last": str(last)}
    page = Paginator(queries.of_affiliate(affiliate), PER_PAGE).get_page(request.GET.get("page"))
    validities = queries.validities(page.object_list)
    payroll = decide(CertificateKind.PAYROLL, standing, first=first, last=last)
    return render(
        request,
        "certificates/list.html",
        {
            "affiliate": affiliate,
            "section": "certificates",
            "registration": decide(CertificateKind.REGISTRATION, standing),
            "registration_form": _request_form(CertificateKind.REGISTRATION),
            "range_form": form,
            "first": first,
            "last": last,
            "payroll": payroll,
            "payroll_facts": CertificateFacts(
                queries.affiliate_facts(affiliate), queries.declared_months(affiliate, first, last)
            )
            if payroll.granted
            else None,
            "others": [kind for kind in CertificateKind if kind in ASKED_APART],
            "payroll_form": _request_form(CertificateKind.PAYROLL, first, last),
            "page": page,
            "rows": [(certificate, validities[certificate.pk]) for certificate in page],
        },
    )


# The kinds that have a page of their own, where everything is explained before one asks.
ASKED_APART = (
    CertificateKind.STANDING,
    CertificateKind.TENDER,
    CertificateKind.EMPLOYEES,
    CertificateKind.EMPLOYEE,
    CertificateKind.WAGES,
)


@require_safe
@affiliate_view(Scope.READ)
def ask(request: HttpRequest, *, affiliate: Affiliate, kind: str) -> HttpResponse:
    """One kind: what it is for, what it looks at, whether it may be issued as asked and if not what to do."""
    wanted = next((one for one in ASKED_APART if one.value == kind), None)
    if wanted is None:
        raise Http404
    standing = queries.standing(affiliate, clock.today())
    first, last = _usual_range(standing)
    defaults = {"first": str(last if wanted is CertificateKind.EMPLOYEES else first)}
    initial = {**defaults, "last": str(last), "about": request.GET.get("about", "")}
    form = AskForm(kind=wanted, months=_months(standing), initial=initial)
    # A link from an employee's page names the employee and leaves the months to choose.
    if form.fields and all(name in request.GET for name in form.fields):
        form = AskForm(request.GET, kind=wanted, months=_months(standing), initial=initial)
    context: dict[str, object] = {"affiliate": affiliate, "section": "certificates"}
    if not form.fields or (form.is_bound and form.is_valid()):
        context |= _answer(affiliate, wanted, standing, form.cleaned_data if form.fields else {})
    return render(
        request,
        "certificates/ask.html",
        {
            **context,
            "kind": wanted,
            "form": form,
            "standing_range": standing_range(standing),
            "months": int(value_at("certificate.standing_months", standing.on).value),
            "validity_months": int(value_at("certificate.standing_validity", standing.on).value),
        },
    )


def _answer(
    affiliate: Affiliate, kind: CertificateKind, standing: Standing, asked: dict[str, Any]
) -> dict[str, object]:
    """Whether it may be issued as asked, and the form that issues it."""
    first, about = asked.get("first"), asked.get("about", "")
    last = first if kind is CertificateKind.EMPLOYEES else asked.get("last")
    person = freezing.person_standing(affiliate, about) if kind.is_personal else None
    known = person is not None and person.is_known
    return {
        "eligibility": decide(kind, standing, first=first, last=last, about=about, person=person),
        "person": freezing.person_facts(affiliate, about) if known else None,
        "first": first,
        "last": last,
        "about": about,
        "request_form": _request_form(kind, first, last, about),
    }


def _months(standing: Standing) -> list[Period]:
    """The months one may choose: from affiliation, five years at most, the latest first."""
    oldest = max(Period.from_day(standing.affiliated_on), standing.last_closed - 59)
    count = max(oldest.months_until(standing.last_closed), 0) + 1
    return [standing.last_closed - rank for rank in range(count)]


def _usual_range(standing: Standing) -> tuple[Period, Period]:
    """The last twelve declared months, or the last closed one when nothing was declared."""
    last = max(
        (period for period in standing.declared if period <= standing.last_closed), default=None
    )
    if last is None:
        return standing.last_closed, standing.last_closed
    first = max(last - 11, Period.from_day(standing.affiliated_on))
    return first, last


def _request_form(
    kind: CertificateKind,
    first: Period | None = None,
    last: Period | None = None,
    about: str = "",
) -> RequestForm:
    return RequestForm(
        initial={
            "intent": uuid.uuid4(),
            "kind": kind.value,
            "first": str(first or ""),
            "last": str(last or ""),
            "about": about,
        },
        auto_id=f"{kind.value}_%s",
    )


@require_POST
@affiliate_view(Scope.CERTIFICATES)
def request_certificate(request: HttpRequest, *, affiliate: Affiliate) -> HttpResponse:
    """Issue what was asked and show it; a refusal goes back to the page that explains it."""
    form = RequestForm(request.POST)
    address = reverse("certificates:list", args=[affiliate.affiliation_number])
    if not form.is_valid():
        messages.error(request, _("Cette demande est incomplète. Rien n’a été fait ; recommencez."))
        return redirect(address)
    asked = form.cleaned_data
    try:
        first = Period.parse(asked["first"]) if asked["first"] else None
        last = Period.parse(asked["last"]) if asked["last"] else None
        ranged = asked["kind"].months_are_chosen
        if ranged and (first is None or last is None):
            raise InvalidPeriod(value="")
        limits.count(limits.CERTIFICATES, str(request.user.pk))
        certificate = workflows.request(
            actor=actor_of(request),
            affiliate=affiliate,
            kind=asked["kind"],
            intent=asked["intent"],
            at=clock.now(),
            first=first if ranged else None,
            last=last if ranged else None,
            about=asked["about"] if asked["kind"].names_something else "",
        )
    except NotEligible as refusal:
        add_to_messages(request, refusal)
        query = {name: asked[name] for name in ("first", "last", "about") if asked[name]}
        if asked["kind"] in ASKED_APART:
            address = reverse(
                "certificates:ask", args=[affiliate.affiliation_number, asked["kind"].value]
            )
        return redirect(f"{address}?{urlencode(query)}" if query else address)
    except DomainError as refusal:
        add_to_messages(request, refusal)
        return redirect(address)
    messages.success(
        request, _("L’attestation %(number)s est délivrée.") % {"number": certificate.number}
    )
    return redirect("certificates:certificate", affiliate.affiliation_number, certificate.number)


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
            "verification_url": verification_url(certificate),
            "code": grouped(certificate.token),
            "links": links,
            "share_form": share_form or ShareForm(initial={"intent": uuid.uuid4(), "days": "7"}),
        },
        status=HTTPStatus.UNPROCESSABLE_ENTITY if share_form else HTTPStatus.OK,
    )


def shared_url(link: ShareLink) -> str:
    """The absolute address to give away; empty once the secret of the installation changed."""
    token = workflows.token_of(link)
    return settings.PUBLIC_URL + reverse("certificates:shared", args=[token]) if token else ""


# ------------------------------------------------------------------------------------------------ share links


@require_POST
@affiliate_view(Scope.CERTIFICATES)
def share(request: HttpRequest, *, affiliate: Affiliate, number: str) -> HttpResponse:
    """Make a link to this certificate for somebody without an account."""
    certificate = _certificate_or_404(affiliate, number)
    form = ShareForm(request.POST)
    if not form.is_valid():
        return _certificate_page(request, affiliate, certificate, form)
    asked = form.cleaned_data
    try:
        limits.count(limits.CERTIFICATES, str(request.user.pk))
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
    return _back_to_links(affiliate, number)


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
    return _back_to_links(affiliate, number)


def _back_to_links(affiliate: Affiliate, number: str) -> HttpResponse:
    address = reverse("certificates:certificate", args=[affiliate.affiliation_number, number])
    return redirect(f"{address}#partager")


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
    answer = send(request, document_of(link.certificate), reader=client_address(request))
    if answer.status_code == HTTPStatus.OK:
        _note_opening(request, link, SharedPart.PAPER)
    return _unseen(answer)


def _open_link(request: HttpRequest, token: str) -> tuple[ShareLink | None, HttpResponse | None]:
    """The open link of this secret, or the page that says why there is none: 404 unknown, 410 closed, 429 hasty."""
    wait = seconds_to_wait("share", client_address(request), limit=VERIFICATIONS_PER_MINUTE)
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


# --------------------------------------------------------------------------------------------------- documents


@require_safe
@affiliate_view(Scope.READ)
def certificate_pdf(request: HttpRequest, *, affiliate: Affiliate, number: str) -> HttpResponse:
    """The paper of a certificate, valid or not: what it is worth is on the verification page."""
    certificate = _certificate_or_404(affiliate, number)
    return send(request, document_of(certificate))


@require_safe
@affiliate_view(Scope.READ)
def slip_pdf(request: HttpRequest, *, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The payment slip (BPC) of a declaration."""
    slip = receipts.slip_of(affiliate, pk)
    if slip is None:
        raise Http404
    employer = queries.affiliate_facts(affiliate)
    return send(request, documents.slip(employer, slip_facts(slip), on=clock.today()))


@require_safe
@affiliate_view(Scope.READ)
def filing_receipt_pdf(request: HttpRequest, *, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The receipt of a submitted declaration."""
    declaration = receipts.filed(affiliate, pk)
    if declaration is None:
        raise Http404
    employer = queries.affiliate_facts(affiliate)
    return send(request, documents.filing_receipt(employer, receipt_facts(declaration)))


@require_safe
@affiliate_view(Scope.READ)
def payment_receipt_pdf(request: HttpRequest, *, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The receipt of a payment, from any of the allocations it was split into."""
    facts = receipts.payment_facts(affiliate, pk)
    if facts is None:
        raise Http404
    return send(request, documents.payment_receipt(facts))


@require_safe
@affiliate_view(Scope.READ)
def decision_pdf(request: HttpRequest, *, affiliate: Affiliate, number: str) -> HttpResponse:
    """The answer of the fund to a dispute."""
    facts = receipts.decision_facts(affiliate, number)
    if facts is None:
        raise Http404
    return send(request, documents.decision(facts))


# ------------------------------------------------------------------------------------------------- public pages


@login_not_required
@require_safe
def verify(request: HttpRequest) -> HttpResponse:
    """A field for the code printed on a certificate."""
    form = CodeForm(request.GET if "code" in request.GET else None)
    if form.is_bound and form.is_valid():
        return redirect("certificates:verification", form.cleaned_data["code"])
    return render(request, "certificates/verify.html", {"form": form})


@login_not_required
@require_safe
def verification(request: HttpRequest, token: str) -> HttpResponse:
    """What a certificate is worth now, and the few facts to compare it with; 404 when there is none."""
    wait = seconds_to_wait("verification", client_address(request), limit=VERIFICATIONS_PER_MINUTE)
    if wait:
        return too_many(request, wait)
    found = queries.verification(token)
    return render(
        request,
        "certificates/verification.html",
        {
            "found": found,
            "today": clock.now(),
            "day": clock.today(),
            "compare_form": CompareForm(initial={"code": token}),
        },
        status=HTTPStatus.OK if found else HTTPStatus.NOT_FOUND,
    )


@takes_files(COMPARE_LIMIT)
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def compare(request: HttpRequest) -> HttpResponse:
    """Compare a PDF with our record: read in a process apart, judged, forgotten."""
    if request.method != "POST":
        return _comparison(request, CompareForm(initial={"code": request.GET.get("code", "")}))
    wait = seconds_to_wait("comparison", client_address(request), limit=COMPARISONS_PER_MINUTE)
    if wait:
        return too_many(request, wait)
    form = CompareForm(request.POST, request.FILES)
    if not form.is_valid():
        return _comparison(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    sent = form.cleaned_data["file"]
    try:
        answer = comparing.compare(sent.read(), scanned=form.cleaned_data["code"])
    except NotAPdf as refusal:
        form.add_error("file", message_of(refusal))
        return _comparison(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except ComparisonNotReady as refusal:
        return _comparison(
            request, form, refusal=message_of(refusal), status=HTTPStatus.SERVICE_UNAVAILABLE
        )
    return _comparison(request, CompareForm(), answer=answer, file_name=sent.name[:80])


def _comparison(
    request: HttpRequest, form: CompareForm, *, status: int = HTTPStatus.OK, **said: object
) -> HttpResponse:
    return render(
        request,
        "certificates/compare.html",
        {"form": form, "now": clock.now(), **said},
        status=status,
    )
