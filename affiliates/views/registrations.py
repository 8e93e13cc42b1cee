"""Registering a new hire, seen by the employer: ask, follow, answer, take back."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates import queries, rules, transitions, workflows
from affiliates.access import affiliate_view
from affiliates.downloads import registration_piece
from affiliates.enums import RegistrationState, RequestAct, RequestParty, Scope
from affiliates.errors import PieceMissing
from affiliates.forms import AnswerForm, NewHireForm
from affiliates.models import Affiliate, RegistrationPiece, RegistrationRequest
from affiliates.queries.registrations import hire_limits
from affiliates.rules import NewHire
from affiliates.views.answers import send_answer, take_back
from portal import clock, limits
from portal.actor import actor_of
from portal.errors import add_to_form
from regulation.errors import DomainError


@require_safe
@affiliate_view(Scope.READ)
def request_list(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """The requests of an affiliate, newest first."""
    rows = queries.requests_of(affiliate)
    page = Paginator(rows, queries.PAGE).get_page(request.GET.get("page"))
    context = {"section": "employees", "page": page}
    return render(request, "affiliates/registrations.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def new_request(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Ask for a person: keep a draft, or send at once."""
    form = NewHireForm(request.POST or None, request.FILES or None)
    return _edit(request, affiliate, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def edit_request(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponse:
    """Change a draft, or send it."""
    row = _request_or_404(affiliate, number)
    if row.state != RegistrationState.DRAFT:
        return _to_detail(row)
    told = {name: getattr(row, name) for name in NewHire.__dataclass_fields__}
    initial = told | {
        "intent": row.intent,
        "born_on": row.born_on.isoformat(),
        "hired_on": row.hired_on.isoformat(),
    }
    form = NewHireForm(request.POST or None, request.FILES or None, initial=initial)
    return _edit(request, affiliate, form, row)


def _edit(
    request: HttpRequest,
    affiliate: Affiliate,
    form: NewHireForm,
    row: RegistrationRequest | None,
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        limits.count(limits.REQUESTS, affiliate.affiliation_number)
        if _judged(request, affiliate, form, row):
            done = _saved(request, affiliate, form, row)
            if done is not None:
                return _to_detail(done)
    context = {"section": "employees", "form": form, "row": row}
    status = 422 if form.errors else 200
    return render(request, "affiliates/registration_form.html", context, status=status)


def _judged(
    request: HttpRequest,
    affiliate: Affiliate,
    form: NewHireForm,
    row: RegistrationRequest | None,
) -> bool:
    """Whether what was typed may be done; a draft is kept with its faults, a request is sent without."""
    if "send" not in request.POST:
        return True
    person = rules.tidy(form.person())
    for field, fault in rules.faults_of(person, hire_limits(affiliate, clock.today())).items():
        add_to_form(form, fault, field)
    if not form.cleaned_data["pieces"] and not (row and row.pieces.exists()):
        add_to_form(form, PieceMissing(), "pieces")
    return not form.errors


def _saved(
    request: HttpRequest,
    affiliate: Affiliate,
    form: NewHireForm,
    row: RegistrationRequest | None,
) -> RegistrationRequest | None:
    actor, at = actor_of(request), clock.now()
    try:
        row = workflows.save_request(
            actor=actor,
            at=at,
            affiliate=affiliate,
            intent=form.cleaned_data["intent"],
            person=form.person(),
            pieces=form.cleaned_data["pieces"],
            request=row,
        )
        if "send" in request.POST:
            row = workflows.send_request(actor=actor, at=at, request=row)
    except DomainError as refusal:
        add_to_form(form, refusal)
        return None
    if row.state == RegistrationState.DRAFT:
        messages.success(request, _("Le brouillon %(number)s est gardé.") % {"number": row.number})
    else:
        messages.success(
            request,
            _("La demande %(number)s est envoyée. Vous suivez ici chaque étape.")
            % {"number": row.number},
        )
    return row


@require_safe
@affiliate_view(Scope.READ)
def detail(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponse:
    """Where a request stands, what was said, what may be done."""
    return _detail_page(request, _request_or_404(affiliate, number), AnswerForm())


def _detail_page(request: HttpRequest, row: RegistrationRequest, form: AnswerForm) -> HttpResponse:
    may = transitions.may_register(RegistrationState(row.state), RequestParty.APPLICANT)
    context = {
        "section": "employees",
        "row": row,
        "steps": queries.steps_of(row),
        "pieces": row.pieces.select_related("stored"),
        "form": form,
        "may_edit": RequestAct.EDIT in may,
        "may_answer": RequestAct.ANSWER in may,
        "may_withdraw": RequestAct.WITHDRAW in may,
    }
    status = 422 if form.errors else 200
    return render(request, "affiliates/registration.html", context, status=status)


@require_POST
@affiliate_view(Scope.DECLARE)
def answer(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponse:
    """Give the piece that the fund asked for."""
    row = _request_or_404(affiliate, number)
    form = AnswerForm(request.POST, request.FILES)
    if send_answer(request, row, form, workflows.answer_request):
        return _to_detail(row)
    return _detail_page(request, row, form)


@require_POST
@affiliate_view(Scope.DECLARE)
def withdraw(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponse:
    """Take a request back."""
    row = _request_or_404(affiliate, number)
    take_back(request, row, workflows.withdraw_request)
    return _to_detail(row)


@require_safe
@affiliate_view(Scope.DECLARE)
def piece(
    request: HttpRequest, affiliate: Affiliate, number: str, piece_id: int
) -> HttpResponseBase:
    """Download a piece of one's own request."""
    row = _request_or_404(affiliate, number)
    found = get_object_or_404(
        RegistrationPiece.objects.select_related("stored", "request"), pk=piece_id, request=row
    )
    return registration_piece(found)


def _request_or_404(affiliate: Affiliate, number: str) -> RegistrationRequest:
    rows = RegistrationRequest.objects.select_related("affiliate", "employee")
    return get_object_or_404(rows, affiliate=affiliate, number=number)


def _to_detail(row: RegistrationRequest) -> HttpResponse:
    return redirect(
        "affiliates:registration",
        affiliation_number=row.affiliate.affiliation_number,
        number=row.number,
    )
