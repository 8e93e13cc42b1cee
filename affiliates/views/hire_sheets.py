"""Registering many new hires at once: the template, the filled sheet, the copies of the cards."""

from dataclasses import dataclass

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from affiliates import queries, workflows
from affiliates.access import affiliate_view
from affiliates.codecs.hire_sheet import MOST_PEOPLE
from affiliates.enums import HireColumn, Scope
from affiliates.forms import HireSheetForm, ManyPiecesForm
from affiliates.models import Affiliate
from affiliates.sheet_template import FORMS, hire_template
from affiliates.workflows import PiecesOutcome, SheetOutcome
from portal import clock, limits
from portal.actor import actor_of
from portal.errors import add_to_form
from portal.formats import label
from portal.sheets.table import SheetFault, cell_name
from portal.sheets.texts import FORM_TEXTS
from portal.uploads import KNOWN_LIMIT, takes_files
from regulation.errors import DomainError


@dataclass(frozen=True)
class ToldFault:
    """A fault of the form of a sheet, in the words of the screen."""

    title: str
    message: str
    remedy: str


@takes_files(workflows.SHEET_LIMIT)
@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def many_hires(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Take a sheet: its sound rows become drafts, the others are told. Sent again, it answers the same."""
    form = HireSheetForm(request.POST or None, request.FILES or None)
    outcome = None
    if request.method == "POST" and form.is_valid():
        limits.count(limits.REQUESTS, affiliate.affiliation_number)
        try:
            outcome = workflows.take_hires(
                actor=actor_of(request),
                at=clock.now(),
                affiliate=affiliate,
                intent=form.cleaned_data["intent"],
                stream=form.cleaned_data["file"],
            )
        except DomainError as refusal:
            add_to_form(form, refusal, "file")
    return _page(request, affiliate, form, ManyPiecesForm(), outcome=outcome)


@takes_files(KNOWN_LIMIT)
@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def join_copies(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Join the copies of cards to the drafts that wait for them, and send these."""
    if request.method != "POST":
        return redirect("affiliates:many_hires", affiliate.affiliation_number)
    form = ManyPiecesForm(request.POST, request.FILES)
    copies = None
    if form.is_valid():
        limits.count(limits.REQUESTS, affiliate.affiliation_number)
        copies = workflows.join_copies(
            actor=actor_of(request),
            at=clock.now(),
            affiliate=affiliate,
            uploads=form.cleaned_data["pieces"],
        )
    return _page(request, affiliate, HireSheetForm(), form, copies=copies)


def _page(
    request: HttpRequest,
    affiliate: Affiliate,
    form: HireSheetForm,
    pieces_form: ManyPiecesForm,
    *,
    outcome: SheetOutcome | None = None,
    copies: list[PiecesOutcome] | None = None,
) -> HttpResponse:
    refused = bool(form.errors or pieces_form.errors or (outcome and outcome.is_refused))
    # The next upload is another intention; only a second click of the same one carries the same key.
    shown = form if form.errors else HireSheetForm()
    context = {
        "section": "employees",
        "form": shown,
        "pieces_form": pieces_form,
        "outcome": outcome,
        "form_faults": [_told(fault) for fault in outcome.form] if outcome else [],
        "copies": copies,
        "without_copy": queries.drafts_without_pieces(affiliate),
        "limit": MOST_PEOPLE,
    }
    return render(request, "affiliates/many_hires.html", context, status=422 if refused else 200)


def _told(fault: SheetFault) -> ToldFault:
    text = FORM_TEXTS[fault.code]
    expected = fault.expected
    if fault.code == "S4":
        names = expected.split(",") if expected else [column.value for column in HireColumn]
        expected = ", ".join(label(HireColumn(name)) for name in names)
    facts = {
        "value": fault.value,
        "expected": expected,
        "nature": label(fault.nature),
        "cell": cell_name(fault.row, fault.column),
        "line": str(fault.row),
    }
    return ToldFault(_(text.title), _(text.message).format(**facts), _(text.remedy))


@require_safe
@affiliate_view(Scope.DECLARE)
def template(_request: HttpRequest, affiliate: Affiliate, form: str) -> FileResponse:
    """The empty sheet to fill."""
    if form not in FORMS:
        raise Http404
    return hire_template(form, affiliate)
