"""Screens of the employer's account: statement, movements, slips, receipts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from payments import queries
from payments.enums import SlipState
from payments.forms import PaidOnForm, SpanForm
from payments.models import FilingPenalty, PaymentSlip
from payments.queries.statement import Span
from payments.workflows import penalties, slips
from portal import clock, formats
from portal.actor import actor_of
from portal.errors import add_to_messages
from portal.exports import Column, attachment_of
from portal.fresh import fresh
from regulation.errors import DomainError
from regulation.penalties import SurchargeResult
from regulation.periods import Period
from regulation.text import Sentence

SECTION = {"section": "payments"}
PER_PAGE = 50


@require_safe
@affiliate_view(Scope.READ)
def account(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """What is owed, what was paid, month by month, and the one thing to do next."""
    today = clock.today()
    form = SpanForm(request.GET if {"du", "au"} & request.GET.keys() else None)
    context = {
        **SECTION,
        "today": today,
        "form": form,
        "balance": queries.home_balance(affiliate, on=today),
        "dues": queries.open_dues(affiliate),
        "rows": queries.statement_by_period(affiliate, Span(*form.bounds())),
        "awaited": queries.awaited_slips(affiliate),
        "has_grace": affiliate.graces.exists(),
    }
    return render(request, "payments/account.html", context)


@require_safe
@affiliate_view(Scope.READ)
def movements(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Every movement of the account with the balance after it, newest first; each opens to its cause."""
    form = SpanForm(request.GET if {"du", "au"} & request.GET.keys() else None)
    found = list(reversed(queries.movements(affiliate, Span(*form.bounds()))))
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "payments/movements.html", {**SECTION, "page": page, "form": form})


@require_safe
@affiliate_view(Scope.READ)
def export_movements(request: HttpRequest, affiliate: Affiliate, kind: str) -> HttpResponseBase:
    """The movements of the months asked with the balance after each, oldest first, as csv or xlsx."""
    if kind not in ("csv", "xlsx"):
        raise Http404
    columns = [
        Column(_("Date"), 12), Column(_("Mouvement"), 40), Column(_("Mois"), 10), Column(_("Référence"), 22),
        Column(_("Opération de la banque"), 22), Column(_("Vous devez")), Column(_("Payé ou crédité")),
        Column(_("Solde dû")),
    ]  # fmt: skip
    rows = (
        (
            one.line.entry.booked_on,
            _(one.kind.label),
            str(Period.from_day(one.line.period)) if one.line.period else "",
            next(
                (
                    due.payment_reference
                    for due in (one.line.slip, one.line.surcharge, one.line.filing_penalty)
                    if due is not None
                ),
                "",
            ),
            one.line.bank_line.bank_ref if one.line.bank_line else "",
            one.line.debit,
            one.line.credit,
            one.balance,
        )
        for one in queries.movements(affiliate, Span(*SpanForm(request.GET).bounds()))
    )
    name = f"releve-{affiliate.affiliation_number}"
    return attachment_of(kind, name=name, title=_("Relevé de compte"), columns=columns, rows=rows)


@require_safe
@affiliate_view(Scope.READ)
def export_months(request: HttpRequest, affiliate: Affiliate, kind: str) -> HttpResponseBase:
    """The statement by declared month, for the months asked, oldest first, as csv or xlsx."""
    if kind not in ("csv", "xlsx"):
        raise Http404
    columns = [
        Column(_("Mois"), 10), Column(_("À payer avant le"), 14), Column(_("Dû")),
        Column(_("dont majorations et astreintes")), Column(_("Payé")), Column(_("Retiré")),
        Column(_("Reste à payer")), Column(_("Bordereaux"), 40),
    ]  # fmt: skip
    rows = (
        (
            str(row.period), row.due_on, row.due, row.surcharges, row.paid, row.credited, row.outstanding,
            " ".join(slip.payment_reference for slip in row.slips),
        )
        for row in reversed(
            queries.statement_by_period(affiliate, Span(*SpanForm(request.GET).bounds()))
        )
    )  # fmt: skip
    name = f"releve-mois-{affiliate.affiliation_number}"
    return attachment_of(kind, name=name, title=_("Relevé par mois"), columns=columns, rows=rows)


@require_safe
@affiliate_view(Scope.READ)
def slip_list(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """The slips, newest month first."""
    page = Paginator(queries.slips_for(affiliate), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "payments/slips.html", {**SECTION, "page": page})


@require_safe
@affiliate_view(Scope.READ)
def slip_page(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """One slip: its lines with their working, how to pay it, what was paid, what waiting costs."""
    rows = PaymentSlip.objects.select_related("affiliate", "declaration", "replaced_by")
    slip = get_object_or_404(rows, affiliate=affiliate, pk=pk)
    facts = queries.slip_facts(slip)
    form = PaidOnForm(request.GET if "paye_le" in request.GET else None)
    day = _day_asked(form)
    context = {
        **SECTION,
        "slip": slip,
        "facts": facts,
        "late": facts.outstanding > 0 and slip.due_on < clock.today(),
        "credit": queries.credit_of(affiliate) if facts.outstanding else 0,
        "form": form,
        "paid_on": day,
        "quote": _quote(request, slip, day),
        "late_filing": _late_filing(slip),
        "is_open": facts.state not in (SlipState.REPLACED, SlipState.CANCELLED),
    }
    return render(request, "payments/slip.html", context)


@dataclass(frozen=True, slots=True)
class LateFiling:
    """What the late filing of a month costs: already called, or to be called with the next ones."""

    amount: Decimal
    working: tuple[Sentence, ...]
    called: FilingPenalty | None


def _late_filing(slip: PaymentSlip) -> LateFiling | None:
    called = queries.penalty_for(slip.affiliate, slip.period)
    if called:
        return LateFiling(called.amount, queries.sentences_of(called.working), called)
    period = Period.from_day(slip.period)
    try:
        found = penalties.filing_penalty_of(slip.affiliate, period, as_of=clock.today())
    except DomainError:
        return None  # a month older than the tables of the penalty
    return (
        LateFiling(found[0].amount, found[0].working, None) if found and found[0].amount else None
    )


def _day_asked(form: PaidOnForm) -> date:
    """The day typed, or today."""
    if form.is_bound and form.is_valid() and form.cleaned_data["paye_le"]:
        asked: date = form.cleaned_data["paye_le"]
        return asked
    return clock.today()


def _quote(request: HttpRequest, slip: PaymentSlip, day: date) -> SurchargeResult | None:
    """The surcharge of this slip if what remains is paid on `day`; None when the law's tables do not say."""
    if slip.outstanding == 0 or day <= slip.due_on:
        return None
    try:
        return penalties.surcharge_of(slip, until=day)
    except DomainError as refusal:
        add_to_messages(request, refusal)
        return None


@require_safe
@affiliate_view(Scope.READ)
def receipts(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Every payment received, newest first, each with its receipt."""
    page = Paginator(queries.receipts_for(affiliate), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "payments/receipts.html", {**SECTION, "page": page})


@require_POST
@affiliate_view(Scope.PAY)
@fresh
def use_credit(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Pay a slip with the affiliate's own credit."""
    slip = get_object_or_404(PaymentSlip, affiliate=affiliate, pk=pk)
    try:
        used = slips.use_credit(
            actor=actor_of(request), affiliate=affiliate, slip_id=slip.pk, at=clock.now()
        )
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        if used:
            text = _("%(amount)s de votre crédit ont payé ce bordereau.")
            messages.success(request, text % {"amount": formats.dirhams(used)})
    return redirect("payments:slip", affiliate.affiliation_number, slip.pk)
