"""Screens of a month: the list, where it stands, its prefill, the file sent for it."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from declarations import queries, workflows
from declarations.codecs.prefill import file_name
from declarations.errors import PeriodNotOpen
from declarations.forms import UploadForm
from declarations.lateness import lateness_of
from declarations.models import Prefill
from declarations.sheet_template import template_of
from declarations.tasks import wake_check
from declarations.views.found import SECTION, period_or_404
from portal import audit, clock
from portal.actor import actor_of
from portal.downloads import attachment
from portal.errors import add_to_form, add_to_messages
from portal.uploads import takes_files
from regulation.errors import DomainError
from regulation.periods import Period

#: The forms in which a month can be filled in a spreadsheet.
SHEETS = ("xlsx", "csv")


@require_safe
@affiliate_view(Scope.READ)
def month_list(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """The last months, each with where it stands and the one thing to do."""
    months = queries.months(affiliate, today=clock.today())
    return render(request, "declarations/list.html", {**SECTION, "months": months})


@require_safe
@affiliate_view(Scope.READ)
def month_page(request: HttpRequest, affiliate: Affiliate, period: str) -> HttpResponse:
    """One month: prefill, file, declaration, and the next action."""
    return _month_page(request, affiliate, period_or_404(period), UploadForm())


def _month_page(
    request: HttpRequest, affiliate: Affiliate, period: Period, form: UploadForm
) -> HttpResponse:
    today = clock.today()
    first, last = queries.open_span(affiliate, today)
    if not first <= period <= last:
        raise Http404
    month = queries.month(affiliate, period, today=today)
    context = {
        **SECTION,
        "month": month,
        "form_first": queries.is_form_first(affiliate, period, month.prefill),
        "earlier": queries.last_main(affiliate, period),
        "cost": None if month.is_filed else lateness_of(affiliate, period, today=today),
        "files": audit.with_offices(
            queries.received_files(affiliate, period)[:10], "declarations.file.received"
        ),
        "form": form,
    }
    return render(request, "declarations/month.html", context)


@require_POST
@affiliate_view(Scope.DECLARE)
def issue_prefill(request: HttpRequest, affiliate: Affiliate, period: str) -> HttpResponseBase:
    """Issue the prefill of a month that has none yet, and hand it over."""
    try:
        row = workflows.issue_prefill(
            actor=actor_of(request),
            at=clock.now(),
            affiliate=affiliate,
            period=period_or_404(period),
        )
    except DomainError as refusal:
        add_to_messages(request, refusal)
        return redirect("declarations:list", affiliate.affiliation_number)
    return _prefill_file(affiliate, row)


@require_safe
@affiliate_view(Scope.READ)
def prefill(request: HttpRequest, affiliate: Affiliate, period: str) -> FileResponse:
    """The issued prefill of a month, byte for byte."""
    month = period_or_404(period)
    row = get_object_or_404(Prefill, affiliate=affiliate, period=month.first_day)
    return _prefill_file(affiliate, row)


def _prefill_file(affiliate: Affiliate, row: Prefill) -> FileResponse:
    month = Period.from_day(row.period)
    return attachment(
        bytes(row.content),
        name=file_name(affiliate.affiliation_number, month.compact),
        content_type="text/plain; charset=us-ascii",
    )


@takes_files(workflows.LIMIT)
@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def upload(request: HttpRequest, affiliate: Affiliate, period: str) -> HttpResponse:
    """Receive a declaration file; the page that follows it says how its check goes."""
    month = period_or_404(period)
    if request.method != "POST":
        return redirect("declarations:month", affiliate.affiliation_number, month)
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        sent = form.cleaned_data["file"]
        try:
            file, due = workflows.receive_file(
                actor=actor_of(request),
                at=clock.now(),
                affiliate=affiliate,
                period=month,
                name=sent.name or "",
                chunks=sent.chunks(),
            )
        except PeriodNotOpen as refusal:
            # Such a month has no page to come back to.
            add_to_messages(request, refusal)
            return redirect("declarations:list", affiliate.affiliation_number)
        except DomainError as refusal:
            add_to_form(form, refusal, "file")
        else:
            if due:
                wake_check(file)
            else:
                messages.info(
                    request, _("Ce fichier a déjà été reçu : voici ce qui en a été fait.")
                )
            answer = redirect("declarations:file", affiliate.affiliation_number, file.pk)
            answer["Location"] += "?suivi=1"
            return answer
    return _month_page(request, affiliate, month, form)


@require_safe
@affiliate_view(Scope.READ)
def sheet(request: HttpRequest, affiliate: Affiliate, period: str, form: str) -> FileResponse:
    """The spreadsheet of a month to fill, `xlsx` or `csv`, once its prefill is issued."""
    answer = template_of(form, affiliate, period_or_404(period)) if form in SHEETS else None
    if answer is None:
        raise Http404
    return answer


@require_POST
@affiliate_view(Scope.DECLARE)
def issue_sheet(
    request: HttpRequest, affiliate: Affiliate, period: str, form: str
) -> HttpResponseBase:
    """Issue the prefill of a month that has none yet, and hand its spreadsheet over."""
    month = period_or_404(period)
    if form not in SHEETS:
        raise Http404
    try:
        workflows.issue_prefill(
            actor=actor_of(request), at=clock.now(), affiliate=affiliate, period=month
        )
    except DomainError as refusal:
        add_to_messages(request, refusal)
        return redirect("declarations:list", affiliate.affiliation_number)
    return template_of(form, affiliate, month) or redirect(
        "declarations:month", affiliate.affiliation_number, month
    )
