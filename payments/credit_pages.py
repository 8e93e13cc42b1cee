"""The employer's own credit: where it comes from, a slip to pay with it, or its refund to ask."""

from __future__ import annotations

from decimal import Decimal

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from payments import queries
from payments.enums import ActKind
from payments.forms import RefundForm
from payments.models import ClerkAct
from payments.workflows import acts
from portal import clock, formats
from portal.actor import actor_of
from portal.errors import add_to_form, add_to_messages
from portal.fresh import fresh
from regulation.errors import DomainError
from regulation.money import ZERO, parse_amount


@require_safe
@affiliate_view(Scope.READ)
def credit(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """What the fund owes this employer, and the two things to do with it."""
    return _page(
        request, affiliate, RefundForm(initial={"amount": formats.typed(_free(affiliate))})
    )


@require_POST
@affiliate_view(Scope.PAY)
@fresh
def ask_refund(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Ask the credit back: whoever may pay may ask."""
    form = RefundForm(request.POST)
    if form.is_valid():
        try:
            acts.request_refund(
                actor=actor_of(request),
                affiliate=affiliate,
                amount=parse_amount(form.cleaned_data["amount"]),
                rib=form.cleaned_data["rib"],
                at=clock.now(),
            )
        except DomainError as refusal:
            add_to_form(form, refusal)
        else:
            text = _(
                "Votre demande est enregistrée : deux agents l’examinent, la réponse sera ici."
            )
            messages.success(request, text)
            return redirect("payments:credit", affiliate.affiliation_number)
    return _page(request, affiliate, form, status=422)


def _free(affiliate: Affiliate) -> Decimal:
    return max(queries.credit_of(affiliate) - queries.pledged_credit(affiliate), ZERO)


def _page(
    request: HttpRequest, affiliate: Affiliate, form: RefundForm, status: int = 200
) -> HttpResponse:
    balance = queries.credit_of(affiliate)
    debt, debt_code = queries.debt_of(affiliate)
    pledged = queries.pledged_credit(affiliate)
    context = {
        "section": "payments",
        "credit": balance,
        "free": max(balance - pledged, ZERO),
        "debt": debt,
        "debt_code": debt_code,
        "pledged": pledged,
        "open_slips": queries.slips_for(affiliate)
        .filter(outstanding__gt=0)
        .order_by("period", "pk"),
        "movements": queries.credit_movements(affiliate),
        "doubles": queries.double_payments(clock.today(), affiliate=affiliate) if balance else [],
        "requests": ClerkAct.objects.filter(
            affiliate=affiliate, kind=ActKind.REFUND.value
        ).select_related("paid_line"),
        "form": form,
    }
    return render(request, "payments/credit.html", context, status=status)


@require_POST
@affiliate_view(Scope.PAY)
def withdraw_refund(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The employer takes its request back while nobody has decided it."""
    act = get_object_or_404(ClerkAct, affiliate=affiliate, pk=pk, kind=ActKind.REFUND.value)
    try:
        acts.withdraw(actor=actor_of(request), act_id=act.pk, at=clock.now())
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, _("Votre demande est retirée."))
    return redirect("payments:credit", affiliate.affiliation_number)
