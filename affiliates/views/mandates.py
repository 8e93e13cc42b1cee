"""Mandates on both sides: the firm gives, answers, takes back; the office asks, takes back its request, gives back."""

import re
from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates import queries, workflows
from affiliates.access import affiliate_view, offices_of
from affiliates.enums import MandateRequestState, Scope
from affiliates.errors import OfficeUnknown
from affiliates.forms import AskMandateForm, MandateForm, OfficeNumberForm
from affiliates.models import Affiliate, Mandate, MandateRequest, Representative
from portal import clock, limits
from portal.actor import actor_of
from portal.errors import add_to_form, add_to_messages
from portal.fresh import fresh
from regulation.errors import DomainError

_NUMBER = re.compile(r"[Mm]?-?0*([1-9][0-9]{0,8})")
_READ = ["GET", "HEAD", "POST"]


def office_of_number(text: str) -> Representative:
    """The office that gave this number of its own; refuses a number of nobody (OfficeUnknown)."""
    written = "".join(text.split())
    match = _NUMBER.fullmatch(written)
    office = Representative.objects.filter(pk=int(match[1])).first() if match else None
    if office is None:
        raise OfficeUnknown(number=text.strip()[:20])
    return office


# -- the firm ------------------------------------------------------------------------------------


@require_http_methods(_READ)
@affiliate_view(Scope.MANAGE)
@fresh
def grant(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Name the office, see who it is, say what it may do and from when to when."""
    asked = request.POST if request.method == "POST" else request.GET
    naming = OfficeNumberForm(asked if "cabinet" in asked else None)
    form, office, status = None, None, 200
    if naming.is_bound and naming.is_valid():
        try:
            office = office_of_number(naming.cleaned_data["cabinet"])
        except DomainError as refusal:
            add_to_form(naming, refusal, "cabinet")
    if office is not None:
        form = MandateForm(request.POST or None, initial={"starts_on": clock.today().isoformat()})
        if form.is_valid() and _granted(request, affiliate, office, form):
            return redirect("affiliates:access", affiliate.affiliation_number)
    if naming.errors or (form is not None and form.errors):
        status = 422
    context = {"naming": naming, "form": form, "office": office, "section": "access"}
    return render(request, "affiliates/grant_mandate.html", context, status=status)


def _granted(
    request: HttpRequest, affiliate: Affiliate, office: Representative, form: MandateForm
) -> bool:
    try:
        form.check_start(clock.today())
        workflows.grant_mandate(
            actor=actor_of(request),
            at=clock.now(),
            affiliate=affiliate,
            representative=office,
            **form.told(),
        )
    except DomainError as refusal:
        add_to_form(form, refusal)
        return False
    messages.success(
        request,
        _("Le mandat est donné à %(name)s ; ses collaborateurs sont prévenus par courriel.")
        % {"name": office.name},
    )
    return True


@require_http_methods(_READ)
@affiliate_view(Scope.MANAGE)
@fresh
def answer(request: HttpRequest, affiliate: Affiliate, request_id: int) -> HttpResponse:
    """Read what an office asks, then accept or refuse."""
    row = get_object_or_404(
        MandateRequest.objects.select_related("representative", "asked_by", "affiliate"),
        pk=request_id,
        affiliate=affiliate,
    )
    if request.method == "POST":
        actor, at = actor_of(request), clock.now()
        try:
            if "accept" in request.POST:
                workflows.accept_mandate(actor=actor, at=at, request=row)
                messages.success(request, _("Le mandat est donné."))
            elif "refuse" in request.POST:
                workflows.refuse_mandate(actor=actor, at=at, request=row)
                messages.success(request, _("La demande est refusée ; le cabinet est prévenu."))
        except DomainError as refusal:
            add_to_messages(request, refusal)
        return redirect("affiliates:access", affiliate.affiliation_number)
    context = {
        "row": row,
        "asked_scopes": [scope for scope in Scope if scope.value in row.scopes],
        "open": row.state == MandateRequestState.OPEN,
        "section": "access",
    }
    return render(request, "affiliates/answer_mandate.html", context)


@require_http_methods(_READ)
@affiliate_view(Scope.MANAGE)
@fresh
def revoke(request: HttpRequest, affiliate: Affiliate, mandate_id: int) -> HttpResponse:
    """Ask, then take a mandate back; it stops at the office's next request."""
    mandate = get_object_or_404(
        Mandate.objects.select_related("representative"), pk=mandate_id, affiliate=affiliate
    )
    if request.method == "POST":
        workflows.revoke_mandate(actor=actor_of(request), at=clock.now(), mandate=mandate)
        messages.success(
            request,
            _("Le mandat de %(name)s est retiré : ce cabinet n’a plus accès à vos pages.")
            % {"name": mandate.representative.name},
        )
        return redirect("affiliates:access", affiliation_number=affiliate.affiliation_number)
    return render(
        request, "affiliates/revoke_mandate.html", {"mandate": mandate, "section": "access"}
    )


# -- the office ----------------------------------------------------------------------------------


def _offices_or_404(request: HttpRequest) -> list[Representative]:
    offices = list(offices_of(request.user).order_by("name", "pk"))
    if not offices:
        raise Http404
    return offices


@require_safe
def mandates(request: HttpRequest) -> HttpResponse:
    """The office's number, the mandates it holds, what it asked."""
    offices = _offices_or_404(request)
    return _office_page(request, offices, _asking(offices))


def _asking(offices: list[Representative], data: object = None) -> AskMandateForm:
    initial = {"starts_on": clock.today().isoformat()}
    return AskMandateForm(data, offices=offices, initial=initial)


def _office_page(
    request: HttpRequest, offices: list[Representative], form: AskMandateForm
) -> HttpResponse:
    today = clock.today()
    held = queries.mandates_held(offices, on=today)
    page = Paginator(held, queries.PAGE).get_page(request.GET.get("page"))
    context = {
        "offices": offices,
        "page": page,
        "held": queries.shown_mandates(page.object_list, on=today),
        "requests": queries.mandate_requests_of(offices),
        "form": form,
    }
    status = 422 if form.errors else 200
    return render(request, "affiliates/mandates.html", context, status=status)


@require_POST
@fresh
def ask(request: HttpRequest) -> HttpResponse:
    """Ask a firm for a mandate; the answer says nothing of who is affiliated."""
    offices = _offices_or_404(request)
    form = _asking(offices, request.POST)
    if form.is_valid():
        office = form.cleaned_data["office"]
        limits.count(limits.MANDATE_REQUESTS, str(office.pk))
        try:
            workflows.ask_for_mandate(
                actor=actor_of(request),
                at=clock.now(),
                representative=office,
                affiliation_number=form.cleaned_data["affiliation_number"],
                **form.told(),
            )
        except DomainError as refusal:
            add_to_form(form, refusal)
        else:
            messages.success(
                request,
                _(
                    "La demande est envoyée. Si une entreprise porte ce numéro, ses responsables la reçoivent "
                    "par courriel et la trouvent à leur page « Accès »."
                ),
            )
            return redirect("affiliates:mandates")
    return _office_page(request, offices, form)


@require_POST
@fresh
def withdraw_request(request: HttpRequest, request_id: int) -> HttpResponse:
    """Take a request back before it is answered."""
    offices = _offices_or_404(request)
    row = get_object_or_404(
        MandateRequest.objects.select_related("affiliate"),
        pk=request_id,
        representative__in=offices,
    )
    return _done(
        request,
        lambda: workflows.withdraw_mandate_request(
            actor=actor_of(request), at=clock.now(), request=row
        ),
        _("La demande est retirée."),
    )


@require_http_methods(_READ)
@fresh
def give_back(request: HttpRequest, mandate_id: int) -> HttpResponse:
    """Ask, then give a mandate back to the firm: the office sees nothing of it any more."""
    offices = _offices_or_404(request)
    mandate = get_object_or_404(
        Mandate.objects.select_related("representative", "affiliate"),
        pk=mandate_id,
        representative__in=offices,
        revoked_at__isnull=True,
    )
    if request.method == "POST":
        return _done(
            request,
            lambda: workflows.revoke_mandate(
                actor=actor_of(request), at=clock.now(), mandate=mandate
            ),
            _("Le mandat est rendu ; l’entreprise est prévenue par courriel."),
        )
    return render(request, "affiliates/give_back_mandate.html", {"mandate": mandate})


def _done(request: HttpRequest, act: Callable[[], object], said: str) -> HttpResponse:
    try:
        act()
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, said)
    return redirect("affiliates:mandates")
