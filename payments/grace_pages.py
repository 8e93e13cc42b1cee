"""Remission and plans for the employer: simulate, ask, follow what is to be paid when."""

from __future__ import annotations

import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from payments.enums import GraceState
from payments.errors import ReasonNeeded
from payments.forms import GraceForm
from payments.models import GraceRequest
from payments.workflows import grace as workflows
from payments.workflows.grace import Quote, Terms
from payments.workflows.penalties import GRACE
from portal import clock
from portal.actor import actor_of
from portal.errors import add_to_form, add_to_messages
from regulation.errors import DomainError
from regulation.money import ZERO, parse_amount

SECTION = {"section": "payments"}


@require_safe
@affiliate_view(Scope.READ)
def graces(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """The requests of this employer, newest first."""
    covered = workflows.overdue(affiliate, clock.today())
    rows = affiliate.graces.prefetch_related("instalments")
    context = {
        **SECTION,
        "rows": rows,
        "live": any(row.is_open or row.state == GraceState.GRANTED.value for row in rows),
        "overdue": sum((one.amount for one in covered), ZERO),
    }
    return render(request, "payments/graces.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.PAY)
def ask(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """What the terms would give; then the same terms, asked. GET simulates, POST sends."""
    today = clock.today()
    form = GraceForm(_typed(request))
    if not form.is_bound:
        form = GraceForm(
            initial={"echeances": 3, "premiere": today + datetime.timedelta(days=30), "remise": "0"}
        )
    seen: Quote | None = None
    if form.is_bound and form.is_valid():
        try:
            seen = workflows.quote(affiliate, _terms(form), on=today)
            if request.method == "POST":
                made = workflows.request_grace(
                    actor=actor_of(request),
                    affiliate=affiliate,
                    reason=form.cleaned_data["motif"],
                    at=clock.now(),
                    terms=_terms(form),
                )
                text = _(
                    "Votre demande est enregistrée : deux agents l’examinent, la réponse sera ici."
                )
                messages.success(request, text)
                return redirect("payments:grace", affiliate.affiliation_number, made.pk)
        except DomainError as refusal:
            add_to_form(form, refusal, "motif" if isinstance(refusal, ReasonNeeded) else None)
    # Simulating asks no reason, sending does: its field is shown with the result alone.
    form.fields["motif"].required = seen is not None
    covered = workflows.overdue(affiliate, today)
    context = {
        **SECTION,
        "form": form,
        "quote": seen,
        "principal": sum((one.amount for one in covered if one.is_principal), ZERO),
        "extras": sum((one.amount for one in covered if not one.is_principal), ZERO),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "payments/ask_grace.html", context, status=status)


def _typed(request: HttpRequest) -> QueryDict | None:
    if request.method == "POST":
        return request.POST
    return request.GET if "echeances" in request.GET else None


def _terms(form: GraceForm) -> Terms:
    typed = form.cleaned_data
    remitted = parse_amount(typed["remise"]) if typed["remise"] else ZERO
    return Terms(remitted, typed["echeances"], typed["premiere"])


@require_safe
@affiliate_view(Scope.READ)
def grace_page(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """One request: its terms, the answer, what is to be paid when, and whether the conditions are kept."""
    found = get_object_or_404(GraceRequest, affiliate=affiliate, pk=pk)
    context = {**SECTION, **facts_of(found)}
    return render(request, "payments/grace.html", context)


def facts_of(found: GraceRequest) -> dict[str, object]:
    """What the employer's page and the clerk's say of one request."""
    today = clock.today()
    return {
        "grace": found,
        "instalments": list(found.instalments.all()),
        "dues": list(found.dues.select_related("slip", "surcharge__slip", "filing_penalty")),
        "standing": workflows.standing(found, as_of=today - GRACE),
        "is_running": found.state == GraceState.GRANTED.value,
        "is_broken": found.state == GraceState.BROKEN.value,
        "today": today,
    }


@require_POST
@affiliate_view(Scope.PAY)
def withdraw(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The employer takes its request back."""
    found = get_object_or_404(GraceRequest, affiliate=affiliate, pk=pk)
    try:
        workflows.withdraw(actor=actor_of(request), grace_id=found.pk, at=clock.now())
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, _("Votre demande est retirée."))
    return redirect("payments:graces", affiliate.affiliation_number)
