"""What an employer may ask for, explained before they ask."""

import re
import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate, Employment
from certificates import freezing, queries, workflows
from certificates.eligibility import Standing, decide, standing_range
from certificates.enums import CertificateKind
from certificates.errors import NotEligible
from certificates.facts import CertificateFacts
from certificates.forms import AskForm, RangeForm, RequestForm
from portal import clock, limits
from portal.actor import actor_of
from portal.errors import add_to_messages
from regulation.errors import DomainError
from regulation.parameters import value_at
from regulation.periods import InvalidPeriod, Period

PER_PAGE = 20
_KEY = re.compile(r"[0-9]{1,18}")


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


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.READ)
def ask(request: HttpRequest, *, affiliate: Affiliate, kind: str) -> HttpResponse:
    """One kind: what it is for, what it looks at, whether it may be issued as asked and if not what to do.

    Nothing is written, whatever the method: the number of an employee is posted so that it stands in no address; the
    page of the employee gives the key of the employment instead (``salarie``).
    """
    wanted = next((one for one in ASKED_APART if one.value == kind), None)
    if wanted is None:
        raise Http404
    standing = queries.standing(affiliate, clock.today())
    first, last = _usual_range(standing)
    defaults = {"first": str(last if wanted is CertificateKind.EMPLOYEES else first)}
    told = {**request.GET.dict(), **request.POST.dict()}
    if wanted.is_personal and "salarie" in told:
        told["about"] = _number_of(affiliate, told["salarie"])
    initial = {**defaults, "last": str(last), "about": told.get("about", "")}
    form = AskForm(kind=wanted, months=_months(standing), initial=initial)
    # A link from an employee's page names the employee and leaves the months to choose.
    if form.fields and all(name in told for name in form.fields):
        form = AskForm(told, kind=wanted, months=_months(standing), initial=initial)
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


def _number_of(affiliate: Affiliate, key: str) -> str:
    """The registration number of somebody whom this affiliate employs, by the key of the employment."""
    if not _KEY.fullmatch(key):
        return ""
    rows = Employment.objects.filter(affiliate=affiliate, pk=int(key)).select_related("employee")
    return next((one.employee.registration_number or "" for one in rows), "")


def _employment_of(affiliate: Affiliate, number: str) -> str:
    """The other way round; empty for nobody."""
    rows = Employment.objects.filter(affiliate=affiliate, employee__registration_number=number)
    return next((str(one.pk) for one in rows.order_by("-pk")[:1]), "")


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
    limits.count(limits.CERTIFICATES, str(request.user.pk))
    try:
        first = Period.parse(asked["first"]) if asked["first"] else None
        last = Period.parse(asked["last"]) if asked["last"] else None
        ranged = asked["kind"].months_are_chosen
        if ranged and (first is None or last is None):
            raise InvalidPeriod(value="")
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
        if asked["kind"].is_personal and query.pop("about", ""):
            query["salarie"] = _employment_of(affiliate, asked["about"])
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
