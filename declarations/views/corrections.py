"""Screens of a correction: how to make it, old and new before it is signed, every version afterwards."""

from typing import Any

from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from declarations import queries, versions, workflows
from declarations.errors import CorrectionStopped, CorrectionTooLate
from declarations.forms import SubmitForm, UploadForm
from declarations.models import Declaration
from declarations.sheet_template import correction_of
from declarations.tasks import wake_check
from declarations.views.found import SECTION, declaration_or_404
from declarations.workflows.drafts import SUBMITTED
from portal import audit, clock
from portal.actor import actor_of
from portal.errors import add_to_form, add_to_messages
from regulation.errors import DomainError
from regulation.periods import Period

CHANGES_A_PAGE = 100
SHEETS = ("xlsx", "csv")


def _filed_or_404(affiliate: Affiliate, pk: int) -> Declaration:
    declaration = declaration_or_404(affiliate, pk)
    if not declaration.was_filed:
        raise Http404
    return declaration


@require_safe
@affiliate_view(Scope.READ)
def correct(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The ways to correct a filed declaration, and what a correction does; or why it is closed."""
    return _correct_page(request, _filed_or_404(affiliate, pk), UploadForm())


def _correct_page(request: HttpRequest, declaration: Declaration, form: UploadForm) -> HttpResponse:
    standing = versions.standing_of(declaration) or declaration
    period, today = Period.from_day(standing.period), clock.today()
    closed = None
    try:
        versions.check_correctable(standing, today)
    except (CorrectionStopped, CorrectionTooLate) as refusal:
        closed = refusal
    month = queries.month(standing.affiliate, period, today=today)
    context = {
        **SECTION,
        "declaration": standing,
        "period": period,
        "month": month,
        "form": form,
        "form_first": standing.employee_count <= queries.FORM_FIRST_UP_TO,
        "is_after": today > month.due_on,
        "closed": closed,
    }
    return render(request, "declarations/correct.html", context)


@require_POST
@affiliate_view(Scope.DECLARE)
def open_form(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Open the form of the correction, filled as it was filed."""
    declaration = _filed_or_404(affiliate, pk)
    try:
        draft = workflows.open_correction(
            actor=actor_of(request), at=clock.now(), declaration=declaration
        )
    except DomainError as refusal:
        add_to_messages(request, refusal)
        return redirect("declarations:correct", affiliate.affiliation_number, declaration.pk)
    return redirect("declarations:form", affiliate.affiliation_number, draft.pk)


@require_safe
@affiliate_view(Scope.READ)
def sheet(_request: HttpRequest, affiliate: Affiliate, pk: int, form: str) -> FileResponse:
    """The spreadsheet of what stands, to be corrected and sent back."""
    declaration = _filed_or_404(affiliate, pk)
    if form not in SHEETS:
        raise Http404
    return correction_of(form, versions.standing_of(declaration) or declaration)


@require_POST
@affiliate_view(Scope.DECLARE)
def upload(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Receive the file, or the spreadsheet, that corrects a filed declaration."""
    declaration = _filed_or_404(affiliate, pk)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _correct_page(request, declaration, form)
    sent = form.cleaned_data["file"]
    try:
        file, due = workflows.receive_file(
            actor=actor_of(request),
            at=clock.now(),
            affiliate=affiliate,
            period=Period.from_day(declaration.period),
            name=sent.name or "",
            chunks=sent.chunks(),
            corrects=declaration,
        )
    except DomainError as refusal:
        add_to_form(form, refusal, "file")
        return _correct_page(request, declaration, form)
    if due:
        wake_check(file)
    answer = redirect("declarations:file", affiliate.affiliation_number, file.pk)
    answer["Location"] += "?suivi=1"
    return answer


def compare(
    request: HttpRequest, draft: Declaration, former: Declaration, context: dict[str, Any]
) -> HttpResponse:
    """Old and new of a correction, person by person and branch by branch, before it is signed."""
    found = versions.difference(former, draft)
    context |= {
        "difference": found,
        "people": Paginator(found.people, CHANGES_A_PAGE).get_page(request.GET.get("page")),
        "contributions": found.result,
        "form": SubmitForm(initial={"version": draft.version}),
        "is_after": clock.today() > context["month"].due_on,
    }
    return render(request, "declarations/correction.html", context)


@require_safe
@affiliate_view(Scope.READ)
def history(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Every version of a declaration, and what one of them (`?version=`, the latest) changed of the one before."""
    declaration = _filed_or_404(affiliate, pk)
    filed = list(versions.history(declaration))
    offices = audit.offices_of(filed, SUBMITTED)
    asked = request.GET.get("version", "")
    chosen = next((one for one in filed if str(one.pk) == asked), filed[0])
    found = versions.difference(chosen.corrects, chosen) if chosen.corrects else None
    context = {
        **SECTION,
        "declaration": declaration,
        "period": Period.from_day(declaration.period),
        "versions": [(one, offices.get(str(one.pk), "")) for one in filed],
        "chosen": chosen,
        "difference": found,
        "people": Paginator(found.people if found else (), CHANGES_A_PAGE).get_page(
            request.GET.get("page")
        ),
    }
    return render(request, "declarations/history.html", context)
