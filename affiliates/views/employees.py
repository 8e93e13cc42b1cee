"""Whom an affiliate employs: the list, and one person's employment with its absences and its end."""

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates import queries, workflows
from affiliates.access import affiliate_view
from affiliates.enums import AbsenceKind, LeaveReason, Scope
from affiliates.forms import AbsenceForm, LeaveForm
from affiliates.models import Absence, Affiliate, Employment
from portal import clock, searches
from portal.actor import actor_of
from portal.errors import add_to_form
from regulation.errors import DomainError


@require_safe
@affiliate_view(Scope.READ)
def employee_list(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Who works for the affiliate, or left lately; fifty a page, searchable."""
    query = searches.text_of(request)
    rows = queries.staff_of(affiliate, today=clock.today(), text=query)
    page = Paginator(rows, queries.PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "employees",
        "page": page,
        "query": query,
        "open_requests": queries.open_request_count(affiliate),
    }
    return render(request, "affiliates/employees.html", context)


@require_safe
@affiliate_view(Scope.READ)
def employee(request: HttpRequest, affiliate: Affiliate, employment_id: int) -> HttpResponse:
    """One employment: since when, absences, end."""
    return _page(request, _employment_or_404(affiliate, employment_id))


@require_POST
@affiliate_view(Scope.DECLARE)
def leave(request: HttpRequest, affiliate: Affiliate, employment_id: int) -> HttpResponse:
    """Record the end of an employment: SO in the month it falls in, gone from the next prefill."""
    employment = _employment_or_404(affiliate, employment_id)
    form = LeaveForm(request.POST)

    def act() -> None:
        workflows.end_employment(
            actor=actor_of(request),
            at=clock.now(),
            employment=employment,
            ended_on=form.cleaned_data["ended_on"],
            reason=LeaveReason(form.cleaned_data["reason"]),
        )

    return _submit(request, employment, form, act, _("La sortie est enregistrée."))


@require_POST
@affiliate_view(Scope.DECLARE)
def absence(request: HttpRequest, affiliate: Affiliate, employment_id: int) -> HttpResponse:
    """Record an absence: the form of the months concerned opens with its situation."""
    employment = _employment_or_404(affiliate, employment_id)
    form = AbsenceForm(request.POST)

    def act() -> None:
        workflows.record_absence(
            actor=actor_of(request),
            at=clock.now(),
            employment=employment,
            kind=AbsenceKind(form.cleaned_data["kind"]),
            starts_on=form.cleaned_data["starts_on"],
            ends_on=form.cleaned_data["ends_on"],
        )

    return _submit(request, employment, form, act, _("L’absence est enregistrée."))


@require_POST
@affiliate_view(Scope.DECLARE)
def cancel_absence(
    request: HttpRequest, affiliate: Affiliate, employment_id: int, absence_id: int
) -> HttpResponse:
    """Take back an absence told by mistake."""
    employment = _employment_or_404(affiliate, employment_id)
    row = get_object_or_404(
        Absence.objects.select_related("employment__affiliate"),
        pk=absence_id,
        employment=employment,
    )
    workflows.cancel_absence(actor=actor_of(request), at=clock.now(), absence=row)
    messages.success(request, _("L’absence est annulée."))
    return redirect(
        "affiliates:employee",
        affiliation_number=affiliate.affiliation_number,
        employment_id=employment.pk,
    )


def _employment_or_404(affiliate: Affiliate, pk: int) -> Employment:
    rows = Employment.objects.select_related("employee", "affiliate")
    return get_object_or_404(rows, pk=pk, affiliate=affiliate)


def _submit(
    request: HttpRequest,
    employment: Employment,
    form: LeaveForm | AbsenceForm,
    act: Callable[[], None],
    done: str,
) -> HttpResponse:
    """Call ``act`` when the form is sound; a refusal shows the page again with what was typed."""
    if form.is_valid():
        try:
            act()
        except DomainError as refusal:
            add_to_form(form, refusal)
        else:
            messages.success(request, done)
            return redirect(
                "affiliates:employee",
                affiliation_number=employment.affiliate.affiliation_number,
                employment_id=employment.pk,
            )
    return _page(request, employment, form)


def _page(
    request: HttpRequest, employment: Employment, bound: LeaveForm | AbsenceForm | None = None
) -> HttpResponse:
    context = {
        "section": "employees",
        "employment": employment,
        "person": employment.employee,
        "absences": queries.absences_of(employment),
        "leave_form": bound if isinstance(bound, LeaveForm) else LeaveForm(),
        "absence_form": bound if isinstance(bound, AbsenceForm) else AbsenceForm(),
        "opened": type(bound).__name__ if bound else "",
    }
    return render(request, "affiliates/employee.html", context, status=422 if bound else 200)
