"""Screens of the declarations: a month, its prefill, its file, what was found, the preview, the submission."""

from collections.abc import Callable

from django.contrib import messages
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    QueryDict,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from declarations import queries, workflows
from declarations.codecs import receipt as receipt_codec
from declarations.codecs.prefill import file_name
from declarations.enums import (
    DeclarationStatus,
    FileVerdict,
    FormColumn,
    LineSituation,
    Severity,
)
from declarations.errors import FormChanged, FormToComplete
from declarations.form_page import FORM_PAGE
from declarations.form_page import form_page as read_form_page
from declarations.forms import (
    NewHireForm,
    NoWorkForm,
    PasteForm,
    SubmitForm,
    UploadForm,
)
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
    month = queries.month(affiliate, period, today=today)
    context = {
        **SECTION,
        "month": month,
        "form_first": queries.is_form_first(affiliate, period, month.prefill),
        "earlier": queries.last_main(affiliate, period),
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
        "may_be_repaired": queries.may_be_repaired(groups, declaration),
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


# -- the form ----------------------------------------------------------------------------------

#: Where each button of the form leads once the page is saved.
_STAY, _NEXT, _PREVIOUS, _REVIEW = "rester", "suivante", "precedente", "relire"


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def form_start(request: HttpRequest, affiliate: Affiliate, period: str) -> HttpResponse:
    """Open the form of a month, empty or as last month; a complete one goes straight to the preview."""
    month = _period_or_404(period)
    month_page = redirect("declarations:month", affiliate.affiliation_number, month)
    if request.method != "POST":
        return month_page
    as_last_month = "reprendre" in request.POST
    try:
        one = workflows.open_form(
            actor=actor_of(request),
            at=clock.now(),
            affiliate=affiliate,
            period=month,
            as_last_month=as_last_month,
        )
    except DomainError as refusal:
        add_to_messages(request, refusal)
        return month_page
    is_ready = as_last_month and not one.to_complete
    name = "declarations:declaration" if is_ready else "declarations:form"
    return redirect(name, affiliate.affiliation_number, one.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def form_page(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Fifty people to fill. A save by script gets the page again and takes from it what is not an input."""
    one = _declaration_or_404(affiliate, pk)
    if request.method == "POST":
        return _form_save(request, affiliate, one)
    if not queries.is_form(one):
        return redirect("declarations:declaration", affiliate.affiliation_number, one.pk)
    return _form_shown(request, one)


def _form_save(request: HttpRequest, affiliate: Affiliate, one: Declaration) -> HttpResponse:
    form = SubmitForm(request.POST)
    typed = _typed(request.POST)
    if not form.is_valid():
        return _form_shown(request, one, typed=typed, status=400)
    by_script = request.headers.get("X-Saisie") == "1"
    try:
        one = workflows.save_form(
            actor=actor_of(request),
            declaration=one,
            version=form.cleaned_data["version"],
            cells=_cells(typed),
        )
    except FormChanged as refusal:
        one.refresh_from_db()
        return _form_shown(request, one, typed=typed, conflict=refusal, status=409)
    except DomainError as refusal:
        if not by_script:
            add_to_messages(request, refusal)
        return redirect("declarations:declaration", affiliate.affiliation_number, one.pk)
    if by_script:
        return _form_shown(request, one)
    return _form_onwards(request, affiliate, one)


def _form_onwards(request: HttpRequest, affiliate: Affiliate, one: Declaration) -> HttpResponse:
    """After a save: the page the button asked for, or the first one that is not right."""
    number = affiliate.affiliation_number
    then = request.POST.get("suite", _STAY)
    here = read_form_page(one, page=request.GET.get("page", "1"))
    target = here.page.number
    if then == _REVIEW:
        if not one.to_complete:
            return redirect("declarations:declaration", number, one.pk)
        target = here.first_to_complete or 1
        add_to_messages(request, FormToComplete(count=one.to_complete))
    elif then == _NEXT and here.page.has_next():
        target = here.page.next_page_number()
    elif then == _PREVIOUS and here.page.has_previous():
        target = here.page.previous_page_number()
    else:
        messages.success(request, _("Votre saisie est enregistrée. Rien n’est encore déposé."))
    answer = redirect("declarations:form", number, one.pk)
    answer["Location"] += f"?page={target}"
    return answer


def _typed(data: QueryDict) -> dict[str, str]:
    columns = {column.value for column in FormColumn}
    return {
        name: text
        for name, text in data.items()
        if name.partition("-")[0] in columns and isinstance(text, str)
    }


def _cells(typed: dict[str, str]) -> dict[int, dict[str, str]]:
    cells: dict[int, dict[str, str]] = {}
    for name, text in typed.items():
        column, _dash, key = name.partition("-")
        if key.isascii() and key.isdecimal():
            cells.setdefault(int(key), {})[column] = text
    return cells


def _form_shown(
    request: HttpRequest,
    one: Declaration,
    *,
    typed: dict[str, str] | None = None,
    conflict: DomainError | None = None,
    new_hire: NewHireForm | None = None,
    status: int = 200,
) -> HttpResponse:
    initial = {"version": one.version}
    context = {
        **SECTION,
        "declaration": one,
        "period": Period.from_day(one.period),
        "grid": read_form_page(one, page=request.GET.get("page", "1"), typed=typed),
        "contributions": queries.contributions_of(one),
        "situations": list(LineSituation),
        "conflict": conflict,
        "form": SubmitForm(initial=initial),
        "new_hire": new_hire or NewHireForm(initial=initial),
        "paste": PasteForm(initial=initial),
        "no_work": NoWorkForm(initial=initial),
    }
    return render(request, "declarations/form.html", context, status=status)


def _form_act(
    request: HttpRequest, one: Declaration, act: Callable[[], Declaration], done: str
) -> HttpResponse:
    """Do one act on the form and come back to it; a refusal is said at the top."""
    try:
        act()
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, done)
    return redirect("declarations:form", one.affiliate.affiliation_number, one.pk)


@require_POST
@affiliate_view(Scope.DECLARE)
def form_paste(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Write a pasted column over as many pages as it takes."""
    one = _declaration_or_404(affiliate, pk)
    form = PasteForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Collez au moins une valeur, une par ligne."))
        return redirect("declarations:form", affiliate.affiliation_number, one.pk)
    said = form.cleaned_data
    # A spreadsheet ends a copied column with a line feed: it is not one value more.
    texts = said["text"].replace("\r\n", "\n").removesuffix("\n").split("\n")
    return _form_act(
        request,
        one,
        lambda: workflows.paste_column(
            actor=actor_of(request),
            declaration=one,
            version=said["version"],
            column=FormColumn(said["column"]),
            first_line=said["first_line"],
            texts=texts,
        ),
        _("La colonne est collée et enregistrée."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def form_add(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Add an entrant."""
    one = _declaration_or_404(affiliate, pk)
    if request.method != "POST" or not queries.is_form(one):
        return redirect("declarations:form", affiliate.affiliation_number, one.pk)
    form = NewHireForm(request.POST)
    if not form.is_valid():
        return _form_shown(request, one, new_hire=form)
    said = form.cleaned_data
    try:
        one = workflows.add_new_hire(actor=actor_of(request), declaration=one, **said)
    except DomainError as refusal:
        add_to_form(form, refusal)
        one.refresh_from_db()
        return _form_shown(request, one, new_hire=form)
    messages.success(
        request, _("L’entrant est ajouté en fin de liste : donnez ses jours et son salaire.")
    )
    last = -(-one.employee_count // FORM_PAGE) or 1
    answer = redirect("declarations:form", affiliate.affiliation_number, one.pk)
    answer["Location"] += f"?page={last}"
    return answer


@require_POST
@affiliate_view(Scope.DECLARE)
def form_remove(request: HttpRequest, affiliate: Affiliate, pk: int, line: int) -> HttpResponse:
    """Take an entrant out."""
    one = _declaration_or_404(affiliate, pk)
    form = SubmitForm(request.POST)
    version = form.cleaned_data["version"] if form.is_valid() else 0
    return _form_act(
        request,
        one,
        lambda: workflows.remove_new_hire(
            actor=actor_of(request), declaration=one, version=version, line=line
        ),
        _("L’entrant est retiré."),
    )


@require_POST
@affiliate_view(Scope.DECLARE)
def form_no_work(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Declare that nobody worked in the month."""
    one = _declaration_or_404(affiliate, pk)
    form = NoWorkForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choisissez la situation des salariés."))
        return redirect("declarations:form", affiliate.affiliation_number, one.pk)
    return _form_act(
        request,
        one,
        lambda: workflows.declare_no_work(
            actor=actor_of(request),
            declaration=one,
            version=form.cleaned_data["version"],
            situation=LineSituation(form.cleaned_data["situation"]),
        ),
        _("Le mois est noté sans travail pour tous les salariés connus."),
    )
