"""A firm says what the register has wrong about it, or about somebody it employs, and follows what becomes of it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates import transitions, workflows
from affiliates.access import affiliate_view
from affiliates.downloads import rectification_piece
from affiliates.enums import RectificationState, RequestAct, RequestParty, Scope
from affiliates.forms import AnswerForm, RectifyForm
from affiliates.models import Affiliate, Employment, RectificationPiece, RectificationRequest
from affiliates.queries.rectifications import changes_of
from affiliates.views.answers import send_answer, take_back
from affiliates.workflows.rectifications import SHOWN, fields_of
from portal import audit, clock, limits
from portal.actor import actor_of
from portal.errors import add_to_form
from regulation.errors import DomainError


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.MANAGE)
def of_the_firm(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Ask for a correction of the record of the firm."""
    return _ask(request, affiliate, None)


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def of_a_person(request: HttpRequest, affiliate: Affiliate, employment_id: int) -> HttpResponse:
    """Ask for a correction of the identity of somebody the firm employs, or employed."""
    rows = Employment.objects.select_related("employee")
    return _ask(request, affiliate, get_object_or_404(rows, pk=employment_id, affiliate=affiliate))


def _ask(request: HttpRequest, affiliate: Affiliate, employment: Employment | None) -> HttpResponse:
    person = employment.employee if employment else None
    form = RectifyForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        record=person or affiliate,
        names=fields_of(person),
        shown=SHOWN,
    )
    if form.is_valid():
        limits.count(limits.REQUESTS, affiliate.affiliation_number)
        try:
            row = workflows.ask_rectification(
                actor=actor_of(request),
                at=clock.now(),
                affiliate=affiliate,
                employee=person,
                intent=form.cleaned_data["intent"],
                told=form.told(),
                text=form.cleaned_data["text"],
                pieces=form.cleaned_data["pieces"],
            )
        except DomainError as refusal:
            add_to_form(form, refusal)
        else:
            messages.success(
                request,
                _("La demande %(number)s est envoyée. Vous suivez ici chaque étape.")
                % {"number": row.number},
            )
            return _to_detail(row)
    context = {
        "form": form,
        "person": person,
        "employment": employment,
        "section": "employees" if person else "access",
    }
    status = 422 if form.errors else 200
    return render(request, "affiliates/rectify.html", context, status=status)


@require_safe
@affiliate_view(Scope.DECLARE)
def detail(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponse:
    """Where a request stands, what was said, what may be done."""
    return _page(request, _request_or_404(affiliate, number), AnswerForm())


def _page(request: HttpRequest, row: RectificationRequest, form: AnswerForm) -> HttpResponse:
    may = transitions.may_rectify(RectificationState(row.state), RequestParty.APPLICANT)
    context = {
        "section": "employees" if row.employee_id else "access",
        "row": row,
        "changes": changes_of(row, shown=SHOWN),
        "steps": audit.with_offices_of_authors(row.steps.select_related("author"), row),
        "pieces": row.pieces.select_related("stored"),
        "form": form,
        "may_answer": RequestAct.ANSWER in may,
        "may_withdraw": RequestAct.WITHDRAW in may,
    }
    status = 422 if form.errors else 200
    return render(request, "affiliates/rectification.html", context, status=status)


@require_POST
@affiliate_view(Scope.DECLARE)
def answer(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponse:
    """Give the piece that the fund asked for."""
    row = _request_or_404(affiliate, number)
    form = AnswerForm(request.POST, request.FILES)
    if send_answer(request, row, form, workflows.answer_rectification):
        return _to_detail(row)
    return _page(request, row, form)


@require_POST
@affiliate_view(Scope.DECLARE)
def withdraw(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponse:
    """Take a request back."""
    row = _request_or_404(affiliate, number)
    take_back(request, row, workflows.withdraw_rectification)
    return _to_detail(row)


@require_safe
@affiliate_view(Scope.DECLARE)
def piece(
    request: HttpRequest, affiliate: Affiliate, number: str, piece_id: int
) -> HttpResponseBase:
    """Download a piece of one's own request."""
    row = _request_or_404(affiliate, number)
    rows = RectificationPiece.objects.select_related("stored", "request")
    return rectification_piece(get_object_or_404(rows, pk=piece_id, request=row))


def _request_or_404(affiliate: Affiliate, number: str) -> RectificationRequest:
    rows = RectificationRequest.objects.select_related("affiliate", "employee")
    return get_object_or_404(rows, affiliate=affiliate, number=number)


def _to_detail(row: RectificationRequest) -> HttpResponse:
    return redirect("affiliates:rectification", row.affiliate.affiliation_number, row.number)
