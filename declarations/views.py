"""Screens of the declarations: a month, its prefill, its file, what was found, the preview, the submission."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from declarations import queries, workflows
from declarations.codecs import receipt as receipt_codec
from declarations.codecs.prefill import file_name
from declarations.enums import DeclarationStatus, FileVerdict, Severity
from declarations.forms import SubmitForm, UploadForm
from declarations.models import Declaration, Prefill, Receipt, ReceivedFile
from declarations.tasks import wake_check
from portal import clock
from portal.actor import actor_of
from portal.downloads import attachment
from portal.enums import JobState
from portal.errors import add_to_form, add_to_messages
from portal.storage import open_stored
from regulation.errors import DomainError
from regulation.periods import InvalidPeriod, Period

SECTION = {"section": "declarations"}


def _period_or_404(text: str) -> Period:
    try:
        return Period.parse(text)
    except InvalidPeriod:
        raise Http404 from None


def _file_or_404(affiliate: Affiliate, pk: int) -> ReceivedFile:
    rows = ReceivedFile.objects.select_related("stored", "received_by")
    return get_object_or_404(rows, affiliate=affiliate, pk=pk)


def _declaration_or_404(affiliate: Affiliate, pk: int) -> Declaration:
    rows = Declaration.objects.select_related("affiliate", "received_file__stored", "submitted_by")
    return get_object_or_404(rows, affiliate=affiliate, pk=pk)


# -- months ------------------------------------------------------------------------------------


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
    return _month_page(request, affiliate, _period_or_404(period), UploadForm())


def _month_page(
    request: HttpRequest, affiliate: Affiliate, period: Period, form: UploadForm
) -> HttpResponse:
    today = clock.today()
    first, last = queries.open_span(affiliate, today)
    if not first <= period <= last:
        raise Http404
    context = {
        **SECTION,
        "month": queries.month(affiliate, period, today=today),
        "files": queries.received_files(affiliate, period)[:10],
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
            period=_period_or_404(period),
        )
    except DomainError as refusal:
        add_to_messages(request, refusal)
        return redirect("declarations:list", affiliate.affiliation_number)
    return _prefill_file(affiliate, row)


@require_safe
@affiliate_view(Scope.READ)
def prefill(request: HttpRequest, affiliate: Affiliate, period: str) -> FileResponse:
    """The issued prefill of a month, byte for byte."""
    month = _period_or_404(period)
    row = get_object_or_404(Prefill, affiliate=affiliate, period=month.first_day)
    return _prefill_file(affiliate, row)


def _prefill_file(affiliate: Affiliate, row: Prefill) -> FileResponse:
    month = Period.from_day(row.period)
    return attachment(
        bytes(row.content),
        name=file_name(affiliate.affiliation_number, month.compact),
        content_type="text/plain; charset=us-ascii",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def upload(request: HttpRequest, affiliate: Affiliate, period: str) -> HttpResponse:
    """Receive a declaration file; the page that follows it says how its check goes."""
    month = _period_or_404(period)
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


# -- files -------------------------------------------------------------------------------------


def _is_pending(file: ReceivedFile) -> bool:
    return file.state in (JobState.WAITING, JobState.RUNNING)


def _draft_of(file: ReceivedFile) -> Declaration | None:
    return Declaration.objects.filter(received_file=file).first()


@require_safe
@affiliate_view(Scope.READ)
def file_page(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """A received file: how far its check is, then everything that was found in it."""
    file = _file_or_404(affiliate, pk)
    context = {**SECTION, "file": file, "period": Period.from_day(file.period)}
    if _is_pending(file):
        return render(request, "declarations/file_pending.html", context)
    declaration = _draft_of(file)
    follows = "suivi" in request.GET
    if follows and declaration is not None and file.verdict == FileVerdict.ACCEPTED:
        return redirect("declarations:declaration", affiliate.affiliation_number, declaration.pk)
    severity = request.GET.get("gravite", "")
    code = request.GET.get("code", "")
    page = queries.finding_page(
        file, severity=severity, code=code, page=request.GET.get("page", "1")
    )
    groups = queries.finding_groups(file)
    context |= {
        "declaration": declaration,
        "groups": groups,
        "severities": [
            (one, sum(group.count for group in groups if group.severity is one)) for one in Severity
        ],
        "page": page,
        "findings": [queries.shown(row) for row in page],
        "severity": severity,
        "code": code,
        "is_parked": file.state == JobState.PARKED,
    }
    return render(request, "declarations/file.html", context)


@require_safe
@affiliate_view(Scope.READ)
def progress(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The piece that htmx asks for while a file is checked; at the end it has the page loaded again."""
    file = _file_or_404(affiliate, pk)
    if not _is_pending(file):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "declarations/_progress.html", {"file": file, "affiliate": affiliate})


@require_safe
@affiliate_view(Scope.READ)
def original(request: HttpRequest, affiliate: Affiliate, pk: int) -> FileResponse:
    """The bytes as they were received, never shown by the browser."""
    file = _file_or_404(affiliate, pk)
    return attachment(
        open_stored(file.stored), name=file.stored.name, content_type="application/octet-stream"
    )


# -- declarations ------------------------------------------------------------------------------


@require_safe
@affiliate_view(Scope.READ)
def declaration_page(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """A draft: what it declares and what it costs, before it is submitted. A submitted one: its receipt."""
    declaration = _declaration_or_404(affiliate, pk)
    period = Period.from_day(declaration.period)
    context = {
        **SECTION,
        "declaration": declaration,
        "period": period,
        "month": queries.month(affiliate, period, today=clock.today()),
    }
    if declaration.status == DeclarationStatus.SUBMITTED:
        context["contributions"] = queries.stored_contributions(declaration)
        return render(request, "declarations/submitted.html", context)
    if declaration.status == DeclarationStatus.DRAFT:
        context["contributions"] = queries.contributions_of(declaration)
        context["form"] = SubmitForm(initial={"version": declaration.version})
        return render(request, "declarations/preview.html", context)
    return render(request, "declarations/closed.html", context)


@require_safe
@affiliate_view(Scope.READ)
def lines(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Who is declared, a hundred people at a time."""
    declaration = _declaration_or_404(affiliate, pk)
    search = request.GET.get("q", "")
    page = queries.line_page(declaration, search=search, page=request.GET.get("page", "1"))
    context = {
        **SECTION,
        "declaration": declaration,
        "period": Period.from_day(declaration.period),
        "lines": page,
        "search": search,
    }
    return render(request, "declarations/lines.html", context)


@require_safe
@affiliate_view(Scope.READ)
def receipt_json(request: HttpRequest, affiliate: Affiliate, pk: int) -> FileResponse:
    """The receipt as data, with its digest and that of the one before; `verify_receipt` checks it offline."""
    rows = Receipt.objects.select_related("declaration")
    receipt = get_object_or_404(rows, affiliate=affiliate, declaration=pk)
    return attachment(
        receipt_codec.document(receipt.content, receipt.digest),
        name=f"recepisse-{receipt.declaration.receipt_number}.json",
        content_type="application/json",
    )


@require_POST
@affiliate_view(Scope.DECLARE)
def submit(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Submit a draft as it was shown. Twice is once."""
    declaration = _declaration_or_404(affiliate, pk)
    form = SubmitForm(request.POST)
    if form.is_valid():
        try:
            workflows.submit(
                actor=actor_of(request),
                at=clock.now(),
                declaration=declaration,
                version=form.cleaned_data["version"],
            )
        except DomainError as refusal:
            add_to_messages(request, refusal)
    else:
        messages.error(request, _("Relisez la déclaration, puis déposez-la."))
    return redirect("declarations:declaration", affiliate.affiliation_number, declaration.pk)


@require_POST
@affiliate_view(Scope.DECLARE)
def cancel(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Abandon a draft; its file stays in the list of the month."""
    declaration = _declaration_or_404(affiliate, pk)
    try:
        workflows.cancel(actor=actor_of(request), declaration=declaration)
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, _("Le brouillon est abandonné. Rien n’a été déposé."))
    period = Period.from_day(declaration.period)
    return redirect("declarations:month", affiliate.affiliation_number, period)
