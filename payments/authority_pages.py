"""Accounts that the fund may debit: the employer prepares, signs and revokes; the bank confirms or refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates import workflows as register
from affiliates.access import affiliate_view
from affiliates.enums import AuthorityState, Scope
from affiliates.models import Affiliate
from payments.access import bank_view
from payments.codecs.reasons import REASONS
from payments.forms import AuthorityForm, BankRefusalForm
from payments.models import Bank
from payments.queries import debits as queries
from payments.workflows.debits import orders as side
from payments.workflows.debits.runs import take_run
from portal import audit, clock
from portal.actor import actor_of
from portal.downloads import attachment
from portal.errors import add_to_form, add_to_messages
from portal.fresh import fresh, fresh_to_act
from portal.storage import open_stored
from regulation.errors import DomainError
from regulation.identifiers import check_account
from regulation.money import parse_amount

SECTION = {"section": "payments"}
DEBITS = {"section": "debits"}
Read = TypeVar("Read")


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.READ)
@fresh_to_act
def authorities(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """The accounts that may be debited, and the form to add one."""
    scopes = request.affiliate_scopes  # type: ignore[attr-defined]
    may_prepare = Scope.PAY in scopes
    form = AuthorityForm(request.POST if request.method == "POST" and may_prepare else None)
    if form.is_bound:
        # Every fault at once: the account and the amount are each read, whatever the other says.
        rib, cap = _read(form, "rib", check_account), _read(form, "plafond", parse_amount)
    if form.is_bound and form.is_valid() and rib and cap is not None:
        try:
            register.prepare_authority(
                actor=actor_of(request),
                at=clock.now(),
                affiliate=affiliate,
                rib=rib,
                holder=form.cleaned_data["titulaire"],
                cap=cap,
            )
        except DomainError as refusal:
            field = (
                "rib" if refusal.code.startswith(("rib", "iban", "authority.exists")) else "plafond"
            )
            add_to_form(form, refusal, field)
        else:
            messages.success(request, _("Mandat préparé : relisez-le, puis signez-le."))
            return redirect("payments:authorities", affiliate.affiliation_number)
    rows = audit.with_offices(queries.authorities_of(affiliate), "authority.prepared")
    names = queries.bank_names(rows)
    context = {
        **SECTION,
        "rows": [
            (
                row,
                names.get(row.bank_code, ""),
                REASONS[row.reason].label if row.reason in REASONS else "",
            )
            for row in rows
        ],
        "form": form,
        "may_prepare": may_prepare,
        "may_sign": Scope.MANAGE in scopes,
    }
    return render(request, "payments/authorities.html", context, status=422 if form.errors else 200)


def _read(form: AuthorityForm, field: str, read: Callable[[str], Read]) -> Read | None:
    """One field as the rules read it; None, and the fault beside it, when they cannot."""
    form.is_valid()
    typed = form.cleaned_data.get(field)
    if not typed:
        return None
    try:
        return read(typed)
    except DomainError as refusal:
        add_to_form(form, refusal, field)
        return None


@require_POST
@affiliate_view(Scope.MANAGE)
@fresh
def sign_authority(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The person who answers for the firm signs."""
    row = get_object_or_404(affiliate.debit_authorities, pk=pk)
    try:
        register.sign_authority(actor=actor_of(request), at=clock.now(), authority=row)
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, _("Mandat signé : votre banque doit maintenant le confirmer."))
    return redirect("payments:authorities", affiliate.affiliation_number)


@require_POST
@affiliate_view(Scope.PAY)
@fresh
def revoke_authority(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """Nothing more is taken on this account; what has not left for the bank is cancelled."""
    row = get_object_or_404(affiliate.debit_authorities, pk=pk)
    try:
        side.revoke(actor=actor_of(request), authority=row, at=clock.now())
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, _("Mandat révoqué : plus rien ne sera demandé sur ce compte."))
    return redirect("payments:authorities", affiliate.affiliation_number)


# ------------------------------------------------------------------ the bank space


@require_safe
@bank_view
def bank_debits(request: HttpRequest, bank: Bank) -> HttpResponse:
    """What this bank confirms (authorities on its accounts) and what it takes (runs of our orders)."""
    context = {
        **DEBITS,
        "bank": bank,
        "authorities": queries.authorities_at(bank)[:100],
        "runs": queries.runs_for(bank)[:50],
        "form": BankRefusalForm(),
    }
    return render(request, "payments/bank_debits.html", context)


@require_POST
@bank_view
@fresh
def bank_confirm(request: HttpRequest, bank: Bank, pk: int) -> HttpResponse:
    """The bank confirms an authority on one of its accounts."""
    row = get_object_or_404(queries.authorities_at(bank), pk=pk)
    try:
        side.activate(actor=actor_of(request), authority=row, at=clock.now())
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, _("Mandat %(ref)s confirmé.") % {"ref": row.reference})
    return redirect("payments:bank_debits")


@require_POST
@bank_view
@fresh
def bank_refuse(request: HttpRequest, bank: Bank, pk: int) -> HttpResponse:
    """The bank refuses an authority, and says why."""
    row = get_object_or_404(queries.authorities_at(bank), pk=pk)
    form = BankRefusalForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Écrivez le motif du refus : l’employeur le lira."))
        return redirect("payments:bank_debits")
    try:
        if row.state == AuthorityState.ACTIVE.value:
            side.suspend(
                actor=actor_of(request),
                authority=row,
                at=clock.now(),
                reason=form.cleaned_data["motif"],
            )
        else:
            register.refuse_authority(
                actor=actor_of(request),
                at=clock.now(),
                authority=row,
                reason=form.cleaned_data["motif"],
            )
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(
            request, _("Réponse enregistrée pour le mandat %(ref)s.") % {"ref": row.reference}
        )
    return redirect("payments:bank_debits")


@require_POST
@bank_view
@fresh
def bank_take_run(request: HttpRequest, bank: Bank, message_id: str) -> HttpResponseBase:
    """The bank takes the file of a run: the same bytes each time, the first time is noted."""
    run = get_object_or_404(queries.runs_for(bank), message_id=message_id)
    take_run(actor=actor_of(request), run=run, at=clock.now())
    return _file_of(run.stored, f"{run.message_id}.xml")


@require_safe
@bank_view
@fresh
def bank_run_file(request: HttpRequest, bank: Bank, message_id: str) -> HttpResponseBase:
    """The file again, for a bank that took it before."""
    run = get_object_or_404(
        queries.runs_for(bank).filter(taken_at__isnull=False), message_id=message_id
    )
    audit.record_reading(
        request, action="payments.debit_run_read", subject=run, affiliation_number=""
    )
    return _file_of(run.stored, f"{run.message_id}.xml")


def _file_of(stored: object, name: str) -> HttpResponseBase:
    with open_stored(stored) as stream:  # type: ignore[arg-type]
        return attachment(stream.read(), name=name, content_type="application/xml")
