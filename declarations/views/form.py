"""Screens of the form: open it, fill a page, paste a column, add or take out an entrant."""

from collections.abc import Callable, Collection

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from declarations import queries, workflows
from declarations.enums import FormColumn, LineSituation
from declarations.errors import FormChanged, FormToComplete
from declarations.form_page import FORM_PAGE, TO_COMPLETE, Shown, lines_shown
from declarations.form_page import form_page as read_form_page
from declarations.forms import NewHireForm, NoWorkForm, PasteForm, SubmitForm
from declarations.models import Declaration
from declarations.views.found import SECTION, declaration_or_404, period_or_404
from portal import clock, searches
from portal.actor import actor_of
from portal.errors import add_to_form, add_to_messages
from portal.searches import SEARCH
from regulation.errors import DomainError
from regulation.periods import Period

#: Where each button of the form leads once the page is saved.
_STAY, _NEXT, _PREVIOUS, _REVIEW = "rester", "suivante", "precedente", "relire"


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def form_start(request: HttpRequest, affiliate: Affiliate, period: str) -> HttpResponse:
    """Open the form of a month, empty or as last month; a complete one goes straight to the preview."""
    month = period_or_404(period)
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
    one = declaration_or_404(affiliate, pk)
    if request.method == "POST":
        return _form_save(request, affiliate, one)
    if not queries.is_form(one):
        return redirect("declarations:declaration", affiliate.affiliation_number, one.pk)
    return _form_shown(request, one)


def _form_save(request: HttpRequest, affiliate: Affiliate, one: Declaration) -> HttpResponse:
    form = SubmitForm(request.POST)
    typed = _typed(request.POST)
    if not form.is_valid():
        return _form_shown(request, one, typed=typed, keep=_cells(typed), status=400)
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
        return _form_shown(
            request, one, typed=typed, conflict=refusal, keep=_cells(typed), status=409
        )
    except DomainError as refusal:
        if not by_script:
            add_to_messages(request, refusal)
        return redirect("declarations:declaration", affiliate.affiliation_number, one.pk)
    if by_script:
        return _form_shown(request, one, keep=_cells(typed))
    return _form_onwards(request, affiliate, one, _cells(typed))


def _form_onwards(
    request: HttpRequest, affiliate: Affiliate, one: Declaration, saved: Collection[int]
) -> HttpResponse:
    """After a save: the page the button asked for, or the first one that is not right."""
    number = affiliate.affiliation_number
    then = request.POST.get("suite", _STAY)
    shown = _shown(request, request.GET)
    here = read_form_page(one, shown=shown)
    target = shown.at(here.page.number)
    ranks = sorted(one.lines.filter(pk__in=saved).values_list("rank", flat=True)) or [0]
    if then == _REVIEW:
        if not one.to_complete:
            return redirect("declarations:declaration", number, one.pk)
        target = Shown().at(here.first_to_complete or 1)
        add_to_messages(request, FormToComplete(count=one.to_complete))
    elif then == _NEXT:
        target = shown.at(here.page_after(ranks[-1]))
    elif then == _PREVIOUS:
        target = shown.at(here.page_before(ranks[0]))
    else:
        messages.success(request, _("Votre saisie est enregistrée. Rien n’est encore déposé."))
    answer = redirect("declarations:form", number, one.pk)
    answer["Location"] += target
    return answer


def _shown(request: HttpRequest, data: QueryDict) -> Shown:
    """Which people the address, or a form that repeats it, asks for."""
    key = data.get(SEARCH, "")
    return Shown(
        to_complete=data.get(TO_COMPLETE) == "a-completer",
        search=searches.text_of(request, key)[:60],
        key=key,
        page=data.get("page", "1"),
    )


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
    keep: Collection[int] = (),
    status: int = 200,
) -> HttpResponse:
    initial = {"version": one.version}
    context = {
        **SECTION,
        "declaration": one,
        "period": Period.from_day(one.period),
        "grid": read_form_page(one, shown=_shown(request, request.GET), typed=typed, keep=keep),
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
    """Write what was copied from a spreadsheet over as many pages as it takes."""
    one = declaration_or_404(affiliate, pk)
    form = PasteForm(request.POST)
    shown = _shown(request, request.POST)
    back = redirect("declarations:form", affiliate.affiliation_number, one.pk)
    back["Location"] += shown.at(shown.page)
    if not form.is_valid() or not queries.is_form(one):
        messages.error(request, _("Collez au moins une valeur, une par ligne."))
        return back
    said = form.cleaned_data
    # A spreadsheet ends a copied block with a line feed: it is not one row more.
    text = said["text"].replace("\r\n", "\n").removesuffix("\n")
    rows = [row.split("\t") for row in text.split("\n")]
    lines = lines_shown(one, shown)
    lines = lines[lines.index(said["first_line"]) if said["first_line"] in lines else 0 :]
    try:
        workflows.paste_block(
            actor=actor_of(request),
            declaration=one,
            version=said["version"],
            column=FormColumn(said["column"]),
            lines=lines,
            rows=rows,
        )
    except DomainError as refusal:
        add_to_messages(request, refusal)
        return back
    messages.success(request, _("Le collage est enregistré."))
    left = len(rows) - len(lines)
    if left > 0:
        messages.warning(
            request,
            ngettext(
                "%(count)s ligne collée dépasse la fin de la liste : elle n’est pas prise.",
                "%(count)s lignes collées dépassent la fin de la liste : elles ne sont pas prises.",
                left,
            )
            % {"count": left},
        )
    return back


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def form_add(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Add an entrant."""
    one = declaration_or_404(affiliate, pk)
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
    one = declaration_or_404(affiliate, pk)
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
    one = declaration_or_404(affiliate, pk)
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
