"""Screens of a declaration: the preview, the lines, the submission, the receipt."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from declarations import queries, versions, workflows
from declarations.codecs import receipt as receipt_codec
from declarations.copies import chain_of, e_bds_of
from declarations.enums import DeclarationStatus
from declarations.forms import SubmitForm
from declarations.models import Receipt
from declarations.views.corrections import compare
from declarations.views.found import SECTION, declaration_or_404
from declarations.workflows.drafts import SUBMITTED
from portal import audit, clock, searches
from portal.actor import actor_of
from portal.downloads import attachment
from portal.errors import add_to_messages
from regulation.errors import DomainError
from regulation.periods import Period


@require_safe
@affiliate_view(Scope.READ)
def declaration_page(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """A draft: what it declares and what it costs, before it is submitted. A submitted one: its receipt."""
    declaration = declaration_or_404(affiliate, pk)
    period = Period.from_day(declaration.period)
    context = {
        **SECTION,
        "declaration": declaration,
        "period": period,
        "month": queries.month(affiliate, period, today=clock.today()),
    }
    if declaration.was_filed:
        context["contributions"] = queries.stored_contributions(declaration)
        context["office"] = audit.offices_of([declaration], SUBMITTED).get(str(declaration.pk), "")
        context["standing"] = versions.standing_of(declaration)
        return render(request, "declarations/submitted.html", context)
    if declaration.status == DeclarationStatus.DRAFT and declaration.corrects is not None:
        return compare(request, declaration, declaration.corrects, context)
    if declaration.status == DeclarationStatus.DRAFT:
        context["contributions"] = queries.contributions_of(declaration)
        context["form"] = SubmitForm(initial={"version": declaration.version})
        return render(request, "declarations/preview.html", context)
    return render(request, "declarations/closed.html", context)


@require_safe
@affiliate_view(Scope.READ)
def lines(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Who is declared, a hundred people at a time."""
    declaration = declaration_or_404(affiliate, pk)
    search = searches.text_of(request)
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


@require_safe
@affiliate_view(Scope.READ)
def receipt_chain(request: HttpRequest, affiliate: Affiliate) -> FileResponse:
    """Every receipt of the affiliate in one file: `verify_receipt` follows the chain from the first to the last."""
    if not Receipt.objects.filter(affiliate=affiliate).exists():
        raise Http404
    return attachment(
        chain_of(affiliate),
        name=f"recepisses-{affiliate.affiliation_number}.json",
        content_type="application/json",
    )


@require_safe
@affiliate_view(Scope.READ)
def filed_file(request: HttpRequest, affiliate: Affiliate, pk: int) -> FileResponse:
    """What was filed, as an e-BDS file, also when it was filed on the screen or in a spreadsheet."""
    declaration = declaration_or_404(affiliate, pk)
    copy = e_bds_of(declaration) if declaration.submitted_at else None
    if copy is None:
        raise Http404
    name, content = copy
    return attachment(content, name=name, content_type="text/plain; charset=us-ascii")


@require_POST
@affiliate_view(Scope.DECLARE)
def submit(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Submit a draft as it was shown. Twice is once."""
    declaration = declaration_or_404(affiliate, pk)
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
    declaration = declaration_or_404(affiliate, pk)
    try:
        workflows.cancel(actor=actor_of(request), declaration=declaration)
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, _("Le brouillon est abandonné. Rien n’a été déposé."))
    period = Period.from_day(declaration.period)
    return redirect("declarations:month", affiliate.affiliation_number, period)
