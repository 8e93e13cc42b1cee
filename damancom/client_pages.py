"""The page of a person who acts for several firms, and what they do for many at once.

Each act shows first what it would do, firm by firm, asks again who one is, then says what became of each.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import for_actor, offices_of, open_all
from affiliates.enums import AuthorityState, Scope
from affiliates.models import Affiliate, DebitAuthority
from damancom.affiliate_pages import TONES, place_of
from damancom.clients import (
    CLIENTS_PER_PAGE,
    Client,
    Clients,
    chosen,
    clients_at,
    clients_of,
    month_to_show,
)
from damancom.enums import URGENCY, ClientState, MonthState
from damancom.months import SHOWN_MONTHS, ZERO
from declarations import workflows as declaring
from declarations.models import Declaration
from declarations.queries import contributions_of_all
from payments.enums import DebitState
from payments.models import DebitOrder
from payments.transitions import advised_day, collection_days
from payments.workflows.debits import orders as paying
from payments.workflows.debits.orders import Part
from portal import clock, formats, searches
from portal.actor import actor_of
from portal.clock import CASABLANCA
from portal.errors import message_of
from portal.fresh import fresh
from regulation.errors import DomainError
from regulation.periods import Period

_USABLE = (AuthorityState.ACTIVE.value, AuthorityState.REQUESTED.value)
#: The order that an address asks for; without it, what presses comes first.
BY_NAME = "nom"
_TO_PAY = frozenset({MonthState.TO_PAY, MonthState.LATE_TO_PAY})


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    client: Client
    url: str
    home_url: str
    tone: str


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """Every firm one acts for, with where its month stands: by state, by name, by month."""
    today = clock.today()
    query = searches.text_of(request)
    period = month_to_show(request.GET.get("mois", ""), today)
    state = _state_of(request.GET.get("etat", ""))
    by_name = request.GET.get("tri") == BY_NAME
    found = clients_of(request.user, period, today=today, text=query, state=state, by_name=by_name)
    page = Paginator(found.shown, CLIENTS_PER_PAGE).get_page(request.GET.get("page"))
    current = Period.from_day(today)
    context = {
        "rows": [_row(client) for client in page.object_list],
        "page": page,
        "query": query,
        "search_key": searches.key_of(request),
        "period": period,
        "months": [current - rank for rank in range(SHOWN_MONTHS + 1)],
        "state_value": state.value if state else "",
        "by_name": by_name,
        "states": _sieves(request, found, state),
        "owed": sum((client.month.claimed for client in found.shown), ZERO),
        "total": found.total,
        "today": today,
        "is_office": offices_of(request.user).exists(),
        "ready": sum(client.state is MonthState.READY for client in found.shown),
        "to_pay": sum(client.state in _TO_PAY for client in found.shown),
        "filed": sum(client.month.is_filed for client in found.shown),
        # Said once, not once a row.
        "number_label": _("N° d’affiliation"),
        "state_label": _("État"),
        "due_label": _("Échéance"),
        "owed_label": _("Reste à payer"),
        "behind_label": _("un mois plus ancien est impayé"),
    }
    return render(request, "damancom/choose.html", context)


@dataclass(frozen=True, slots=True)
class Sieve:
    """One state that the list may be narrowed to, or None for all: how many, at which address."""

    state: ClientState | None
    count: int
    url: str


def _sieves(request: HttpRequest, found: Clients, kept: ClientState | None) -> list[Sieve]:
    """What presses first, stands first; ``kept``, the one shown now, even when it holds nothing. The search is kept."""
    asked = request.GET.copy()
    asked.pop("page", None)
    sieves = []
    for state in (None, *(one for one in URGENCY if found.counts[one] or one is kept)):
        asked["etat"] = state.value if state else ""
        count = found.counts[state] if state else found.counts.total()
        sieves.append(Sieve(state, count, f"?{asked.urlencode()}"))
    return sieves


def _state_of(text: str) -> ClientState | None:
    return next((state for state in ClientState if state.value == text), None)


def _row(client: Client) -> Row:
    number = {"affiliation_number": client.affiliate.affiliation_number}
    return Row(
        client,
        place_of(client.affiliate, client.month, client.state),
        reverse("affiliates:home", kwargs=number),
        TONES[client.state],
    )


# -- what many acts share ------------------------------------------------------------------------


def for_several(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Open to whoever acts for a firm; for anybody else these pages do not exist."""

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not for_actor(request.user, on=clock.today()).exists():
            raise Http404
        return view(request, *args, **kwargs)

    return opened


def asked_of(request: HttpRequest, asked: QueryDict, scope: Scope) -> tuple[Period, list[Client]]:
    """The month and the clients of a form: those ticked, or all that the list showed; each through the doorway."""
    today = clock.today()
    period = month_to_show(asked.get("mois", ""), today)
    listed = clients_of(
        request.user,
        period,
        today=today,
        text=searches.text_of(request, asked.get("q", "")),
        state=_state_of(asked.get("etat", "")),
    ).shown
    picked = chosen(listed, asked.getlist("numero"))
    numbers = [client.affiliate.affiliation_number for client in picked]
    mine = open_all(request.user, numbers, scope, on=today)
    by_name = sorted(mine, key=lambda one: (one.name, one.pk))
    return period, clients_at(by_name, period, today=today)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one firm: where to look, and a sentence; ``done`` when it is as asked."""

    affiliate: Affiliate
    done: bool
    said: str
    url: str


def _done_page(
    request: HttpRequest, title: str, outcomes: list[Outcome], period: Period
) -> HttpResponse:
    context = {
        "title": title,
        # What was refused is what is looked for among hundreds.
        "outcomes": sorted(outcomes, key=lambda one: one.done),
        "done": sum(one.done for one in outcomes),
        "refused": sum(not one.done for one in outcomes),
        "back": f"{reverse('affiliates:choose')}?mois={period}",
    }
    return render(request, "damancom/clients_done.html", context)


# -- filing --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft about to be submitted, with what it will cost."""

    declaration: Declaration
    affiliate: Affiliate
    total: Decimal


@require_POST
@for_several
@fresh
def submit(request: HttpRequest) -> HttpResponseBase:
    """First the drafts that are ready, with what they cost; then, confirmed, all of them in one go."""
    if "brouillon" in request.POST:
        return _submitted(request)
    period, clients = asked_of(request, request.POST, Scope.DECLARE)
    ready = [one for one in clients if one.state is MonthState.READY and one.month.declaration]
    rows = [one.month.declaration for one in ready if one.month.declaration]
    for row, client in zip(rows, ready, strict=True):
        row.affiliate = client.affiliate
    costs = contributions_of_all(rows)
    drafts = [Draft(row, row.affiliate, costs[row.pk].total) for row in rows]
    context = {
        "drafts": drafts,
        "period": period,
        "people": sum(row.employee_count for row in rows),
        "wages": sum((row.wage_bill for row in rows), ZERO),
        "total": sum((draft.total for draft in drafts), ZERO),
        "left_out": len(clients) - len(drafts),
        "back": f"{reverse('affiliates:choose')}?mois={period}",
    }
    return render(request, "damancom/clients_submit.html", context)


def _submitted(request: HttpRequest) -> HttpResponse:
    shown = _versions(request.POST.getlist("brouillon"))
    today = clock.today()
    rows = Declaration.objects.filter(pk__in=shown).select_related("affiliate")
    numbers = {row.affiliate.affiliation_number for row in rows}
    mine = {row.pk: row for row in open_all(request.user, numbers, Scope.DECLARE, on=today)}
    own = {row.pk: row for row in rows if row.affiliate_id in mine}
    results = declaring.submit_all(
        actor=actor_of(request), at=clock.now(), drafts={key: shown[key] for key in own}
    )
    outcomes = []
    for key, row in sorted(own.items(), key=lambda item: item[1].affiliate.name):
        result = results[key]
        refused = isinstance(result, DomainError)
        said = (
            message_of(result)
            if isinstance(result, DomainError)
            else _("Déposée : récépissé %(number)s.") % {"number": result.receipt_number}
        )
        url = reverse("declarations:declaration", args=[row.affiliate.affiliation_number, key])
        outcomes.append(Outcome(row.affiliate, not refused, said, url))
    period = Period.from_day(next(iter(own.values())).period) if own else month_to_show("", today)
    return _done_page(request, _("Dépôt de plusieurs déclarations"), outcomes, period)


def _versions(texts: list[str]) -> dict[int, int]:
    """The drafts of the form, as key and version shown; what is not written so is left out."""
    found = {}
    for text in texts[:CLIENTS_PER_PAGE]:
        key, _colon, version = text.partition(":")
        if all(part.isascii() and part.isdigit() and len(part) < 12 for part in (key, version)):
            found[int(key)] = int(version)
    return found


# -- paying --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToPay:
    """A debit about to be ordered: from which account, when; or why not, in a sentence."""

    affiliate: Affiliate
    amount: Decimal
    authority: DebitAuthority | None
    collect_on: datetime.date | None
    order: DebitOrder | None
    refused: str
    url: str


@require_POST
@for_several
@fresh
def pay(request: HttpRequest) -> HttpResponseBase:
    """First a draft of a debit for each firm, as it would be taken; then, confirmed, all of them are signed."""
    if "ordre" in request.POST:
        return _signed(request)
    period, clients = asked_of(request, request.POST, Scope.PAY)
    intent = _uuid(request.POST.get("intention", ""))
    now = clock.now()
    days = list(collection_days(now, CASABLANCA))
    paying_now = [one for one in clients if one.state in _TO_PAY and one.month.to_pay]
    authorities: dict[int, list[DebitAuthority]] = {}
    usable = DebitAuthority.objects.filter(
        affiliate__in=[one.affiliate for one in paying_now], state__in=_USABLE
    )
    for authority in usable.order_by("pk"):
        authorities.setdefault(authority.affiliate_id, []).append(authority)
    rows = [
        _prepared(request, one, authorities.get(one.affiliate.pk, []), days, intent, now)
        for one in paying_now
    ]
    sound = [row for row in rows if row.order is not None]
    context = {
        "rows": sorted(rows, key=lambda row: row.order is not None),
        "sound": sound,
        "period": period,
        "total": sum((row.amount for row in sound), ZERO),
        "left_out": len(clients) - len(rows),
        "back": f"{reverse('affiliates:choose')}?mois={period}",
    }
    return render(request, "damancom/clients_pay.html", context)


def _prepared(
    request: HttpRequest,
    client: Client,
    authorities: list[DebitAuthority],
    days: list[datetime.date],
    intent: UUID,
    now: datetime.datetime,
) -> ToPay:
    affiliate, amount = client.affiliate, client.month.to_pay
    account = next((one for one in authorities if one.cap >= amount), None)
    page = reverse("payments:pay", args=[affiliate.affiliation_number])
    if account is None:
        why = (
            _("Aucun mandat de prélèvement ne couvre cette somme : payez-la depuis sa page.")
            if authorities
            else _("Aucun mandat de prélèvement : signez-en un, ou payez par virement.")
        )
        return ToPay(affiliate, amount, None, None, None, why, page)
    day = advised_day(days, client.month.due_on)
    try:
        order = paying.prepare_order(
            actor=actor_of(request),
            affiliate=affiliate,
            intent=uuid5(intent, affiliate.affiliation_number),
            codes=[slip.payment_reference for slip in client.month.open_slips],
            parts=[Part(account.pk, amount)],
            collect_on=day,
            at=now,
        )[0]
    except DomainError as refusal:
        return ToPay(affiliate, amount, account, day, None, message_of(refusal), page)
    url = reverse("payments:order", args=[affiliate.affiliation_number, order.reference])
    return ToPay(affiliate, amount, account, day, order, "", url)


def _signed(request: HttpRequest) -> HttpResponse:
    references = request.POST.getlist("ordre")[:CLIENTS_PER_PAGE]
    today, at = clock.today(), clock.now()
    orders = DebitOrder.objects.filter(reference__in=references).select_related("affiliate")
    numbers = {order.affiliate.affiliation_number for order in orders}
    mine = {row.pk for row in open_all(request.user, numbers, Scope.PAY, on=today)}
    outcomes = []
    for order in sorted(orders, key=lambda order: order.affiliate.name):
        if order.affiliate_id not in mine:
            continue
        url = reverse("payments:order", args=[order.affiliate.affiliation_number, order.reference])
        try:
            done = paying.sign_order(
                actor=actor_of(request), affiliate=order.affiliate, intent=order.intent, at=at
            )
        except DomainError as refusal:
            outcomes.append(Outcome(order.affiliate, False, message_of(refusal), url))
            continue
        signed = done[0].state != DebitState.DRAFT
        said = _("Prélèvement de %(amount)s ordonné pour le %(day)s.") % {
            "amount": formats.dirhams(order.amount),
            "day": formats.day(order.collect_on),
        }
        outcomes.append(Outcome(order.affiliate, signed, said, url))
    return _done_page(
        request,
        _("Paiement pour plusieurs entreprises"),
        outcomes,
        month_to_show(request.POST.get("mois", ""), today),
    )


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid4()
