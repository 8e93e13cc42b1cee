"""Paying for the employer: choose what and how, see exactly what will be taken, sign, stop, follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import AuthorityState, Scope
from affiliates.models import Affiliate, DebitAuthority
from payments.enums import DebitAct, DebitState
from payments.models import MOST_ACCOUNTS
from payments.queries import debits as queries
from payments.queries.debits import FreeDue, Intention
from payments.transitions import advised_day, collection_days, cut_off
from payments.workflows.baskets import make_basket
from payments.workflows.debits import orders as side
from payments.workflows.debits.orders import Part
from portal import audit, clock, formats
from portal.actor import actor_of
from portal.clock import CASABLANCA
from portal.errors import add_to_messages, message_of
from portal.fresh import fresh
from regulation.errors import DomainError
from regulation.money import ZERO, parse_amount
from regulation.periods import parse_day

SECTION = {"section": "payments"}
PER_PAGE = 50
_USABLE = (AuthorityState.ACTIVE.value, AuthorityState.REQUESTED.value)


@require_safe
@affiliate_view(Scope.READ)
def pay(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """What to pay and how: the dues that are free, ticked, and the two ways."""
    dues = queries.free_dues(affiliate)
    asked = set(request.GET.getlist("somme"))
    context = {
        **SECTION,
        "dues": dues,
        "ticked": asked or {one.due.code for one in dues if one.free},
        "any_free": any(one.free for one in dues),
        "today": clock.today(),
    }
    return render(request, "payments/pay.html", context)


def _chosen(affiliate: Affiliate, typed: QueryDict) -> list[FreeDue]:
    asked = set(typed.getlist("somme"))
    return [one for one in queries.free_dues(affiliate) if one.due.code in asked and one.free]


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.PAY)
@fresh
def pay_by_debit(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """From which account and which day; sending it writes a draft that the next page shows before any signature."""
    typed = request.POST if request.method == "POST" else request.GET
    chosen = _chosen(affiliate, typed)
    if not chosen:
        messages.info(request, _("Choisissez au moins une somme à payer."))
        return redirect("payments:pay", affiliate.affiliation_number)
    now = clock.now()
    total = sum((one.free for one in chosen), ZERO)
    fault = ""
    if request.method == "POST":
        try:
            orders = side.prepare_order(
                actor=actor_of(request),
                affiliate=affiliate,
                intent=_intent(request.POST.get("intention", "")),
                codes=typed.getlist("somme"),
                parts=_parts(request.POST),
                collect_on=parse_day(request.POST.get("jour", "")),
                at=now,
            )
        except DomainError as refusal:
            fault = message_of(refusal)
        else:
            return redirect("payments:order", affiliate.affiliation_number, orders[0].reference)
    authorities = list(queries.authorities_of(affiliate).filter(state__in=_USABLE))
    days = list(collection_days(now, CASABLANCA))
    due_on = min(one.due.due_on for one in chosen)
    context = {
        **SECTION,
        "chosen": chosen,
        "total": total,
        "accounts": _accounts(authorities, total, request.POST),
        "days": days,
        "advised": _typed_day(request, advised_day(days, due_on)),
        "due_on": due_on,
        "today": clock.day_of(now),
        "limit": cut_off(advised_day(days, due_on), CASABLANCA),
        "intent": request.POST.get("intention") or uuid4(),
        "fault": fault,
        "most": MOST_ACCOUNTS,
    }
    return render(request, "payments/pay_debit.html", context, status=422 if fault else 200)


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the form: its authority, what it is asked, the name of its bank."""

    authority: DebitAuthority
    amount: str
    bank: str


def _accounts(authorities: list[DebitAuthority], total: Decimal, typed: QueryDict) -> list[Account]:
    """The accounts to choose from; the whole sum on the first whose cap allows it, unless the person typed."""
    names = queries.bank_names(authorities)
    whole = next((one.pk for one in authorities if one.cap >= total), None)
    return [
        Account(
            one,
            typed.get(f"montant_{one.pk}", formats.typed(total) if one.pk == whole else ""),
            names.get(one.bank_code, ""),
        )
        for one in authorities
    ]


def _typed_day(request: HttpRequest, advised: date) -> date:
    try:
        return parse_day(request.POST.get("jour", ""))
    except DomainError:
        return advised


def _parts(typed: QueryDict) -> list[Part]:
    """The amounts typed beside accounts; blanks take nothing."""
    parts = []
    for name in sorted(typed):
        start, _line, key = name.partition("_")
        text = (typed.get(name) or "").strip()
        if start == "montant" and key.isascii() and key.isdigit() and text:
            parts.append(Part(int(key), parse_amount(text)))
    return parts


def _intent(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid4()


@require_safe
@affiliate_view(Scope.READ)
def order_list(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """The orders of this employer, newest first."""
    page = Paginator(queries.orders_for(affiliate), PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = audit.with_offices(page.object_list, f"payments.debit_{DebitAct.SIGN.value}")
    return render(request, "payments/orders.html", {**SECTION, "page": page})


@require_safe
@affiliate_view(Scope.READ)
def order_page(request: HttpRequest, affiliate: Affiliate, reference: str) -> HttpResponse:
    """One order: what is taken, from where, when, by whose signature, how to stop it, and what happens next."""
    found = _intention_or_404(affiliate, reference)
    now = clock.now()
    scopes = request.affiliate_scopes  # type: ignore[attr-defined]
    state = found.state
    stops = (
        state in (DebitState.SIGNED, DebitState.PLANNED, DebitState.SUSPENDED)
        and now < found.limit
        and all(part.order.run_id is None for part in found.parts)
    )
    context = {
        **SECTION,
        "order": found.first,
        "whole": found,
        "state": state,
        "told": _told(found, now),
        "tone": _TONES[state],
        "may_sign": state is DebitState.DRAFT and now < found.limit and Scope.PAY in scopes,
        "may_stop": (stops or state is DebitState.DRAFT) and Scope.PAY in scopes,
        "offices": {
            name: audit.offices_of([found.first], f"payments.debit_{act}").get(
                str(found.first.pk), ""
            )
            for name, act in (("prepared", "prepared"), ("signed", DebitAct.SIGN.value))
        },
        "codes": found.pays,
        "is_over": state in _TO_PAY_AGAIN,
        "names": queries.bank_names([part.order.authority for part in found.parts]),
    }
    return render(request, "payments/order.html", context)


_TONES = {
    DebitState.DRAFT: "warn",
    DebitState.SIGNED: "info",
    DebitState.PLANNED: "info",
    DebitState.SUSPENDED: "warn",
    DebitState.SENT: "info",
    DebitState.ACCEPTED: "info",
    DebitState.EXECUTED: "ok",
    DebitState.REJECTED: "bad",
    DebitState.RETURNED: "bad",
    DebitState.CANCELLED: "neutral",
}
_TO_PAY_AGAIN = frozenset({DebitState.REJECTED, DebitState.RETURNED, DebitState.CANCELLED})


def _told(found: Intention, now: datetime) -> tuple[str, str]:
    """Where the order stands and what happens next, in plain words."""
    facts = {
        "day": formats.day(found.first.collect_on),
        "limit": formats.instant(found.limit),
        "amount": formats.dirhams(found.total),
    }
    words = {
        DebitState.DRAFT: (
            _("Rien n’est encore ordonné"),
            _(
                "Relisez, puis signez avant le %(limit)s. Sans signature, rien n’est pris sur votre compte."
            ),
        ),
        DebitState.SIGNED: (
            _("Signé, en attente de votre banque"),
            _(
                "Votre banque doit d’abord confirmer le mandat. Si elle le fait avant le %(limit)s, "
                "le prélèvement part ; "
                "sinon l’ordre est annulé et rien n’est pris."
            ),
        ),
        DebitState.PLANNED: (
            _("Paiement prévu le %(day)s"),
            _("%(amount)s seront pris ce jour-là. Vous pouvez l’arrêter jusqu’au %(limit)s."),
        ),
        DebitState.SUSPENDED: (
            _("Paiement suspendu"),
            _(
                "L’ordre ne part pas pour l’instant. Si la cause disparaît avant le %(limit)s, il "
                "reprend ; sinon il est "
                "annulé et rien n’est pris."
            ),
        ),
        DebitState.SENT: (
            _("Transmis à la banque"),
            _(
                "Le prélèvement est demandé pour le %(day)s. Gardez la somme sur le compte : rien "
                "n’est payé tant que la "
                "banque n’a pas confirmé l’encaissement."
            ),
        ),
        DebitState.ACCEPTED: (
            _("En cours d’exécution"),
            _(
                "La banque a accepté l’ordre. Ce n’est pas encore un paiement : il compte quand elle "
                "confirme l’encaissement."
            ),
        ),
        DebitState.EXECUTED: (
            _("Payé"),
            _("La banque a confirmé l’encaissement. Le reçu est disponible."),
        ),
        DebitState.REJECTED: (
            _("La banque n’a pas exécuté le prélèvement"),
            _(
                "Rien n’a été pris. La somme reste due depuis son échéance : des majorations courent "
                "si elle est passée."
            ),
        ),
        DebitState.RETURNED: (
            _("Le prélèvement est revenu impayé"),
            _(
                "La banque a repris l’argent après l’avoir versé. Le reçu est annulé et la somme est "
                "due de nouveau, depuis "
                "son échéance."
            ),
        ),
        DebitState.CANCELLED: (
            _("Annulé"),
            _("Rien n’a été pris et rien ne le sera. La somme reste à payer si elle est due."),
        ),
    }
    title, text = words[found.state]
    if found.state is DebitState.DRAFT and now >= found.limit:
        text = _(
            "L’heure limite du %(limit)s est passée : abandonnez ce brouillon et choisissez un autre jour."
        )
    return title % facts, text % facts


def _intention_or_404(affiliate: Affiliate, reference: str) -> Intention:
    found = queries.intention(affiliate, reference)
    if found is None:
        raise Http404
    return found


@require_POST
@affiliate_view(Scope.PAY)
@fresh
def sign_order(request: HttpRequest, affiliate: Affiliate, reference: str) -> HttpResponse:
    """Sign the whole intention."""
    found = _intention_or_404(affiliate, reference)
    try:
        side.sign_order(
            actor=actor_of(request), affiliate=affiliate, intent=found.first.intent, at=clock.now()
        )
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, _("Ordre signé."))
    return redirect("payments:order", affiliate.affiliation_number, reference)


@require_POST
@affiliate_view(Scope.PAY)
def stop_order(request: HttpRequest, affiliate: Affiliate, reference: str) -> HttpResponse:
    """Stop the whole intention."""
    found = _intention_or_404(affiliate, reference)
    try:
        side.cancel_order(
            actor=actor_of(request), affiliate=affiliate, intent=found.first.intent, at=clock.now()
        )
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, _("Ordre annulé : rien ne sera pris."))
    return redirect("payments:order", affiliate.affiliation_number, reference)


@require_POST
@affiliate_view(Scope.PAY)
def pay_by_code(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """One code for what was chosen: that of the due, or of a basket."""
    try:
        code = make_basket(
            actor=actor_of(request),
            affiliate=affiliate,
            codes=request.POST.getlist("somme"),
            at=clock.now(),
        )
    except DomainError as refusal:
        add_to_messages(request, refusal)
        return redirect("payments:pay", affiliate.affiliation_number)
    return redirect("payments:code", affiliate.affiliation_number, code)
