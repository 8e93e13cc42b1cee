"""Bank files and lines, and naming what waiting money pays."""

import datetime
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.models import Affiliate
from payments import queries
from payments.admin.parked import decide_file, decide_run, parked_view
from payments.codecs.faults import SENTENCES, sentence
from payments.enums import ActState
from payments.errors import UnknownReference
from payments.forms import AssignForm, MoveForm
from payments.models import (
    Allocation,
    BankFile,
    BankLine,
    ClerkAct,
)
from payments.queries import firms
from payments.workflows import acts
from payments.workflows.allocations import Part, live_allocations
from portal import clock, searches
from portal.actor import actor_of
from portal.admin import StaffAdmin, StaffScreens
from portal.errors import add_to_form
from portal.fresh import fresh, fresh_to_act
from regulation.errors import DomainError
from regulation.identifiers import check_affiliation_number, normalise, read_payment_code
from regulation.money import ZERO, parse_amount


@admin.register(BankFile)
class BankFileAdmin(StaffAdmin):
    """What banks sent, and the answer to it as a whole."""

    list_display = (
        "receipt_number",
        "bank",
        "received_at",
        "format",
        "verdict",
        "state",
        "lines_total",
        "total_credits",
        "total_debits",
    )
    list_filter = ("verdict", "state", "format", "bank")
    search_fields = ("=receipt_number", "message_id", "=sha256")
    date_hierarchy = "received_at"
    list_select_related = ("bank",)
    fields = (
        "receipt_number", "bank", "received_at", "received_by", "sha256", "format", "message_id", "page", "profile",
        "verdict", "state", "attempts", "lines_total", "lines_done", "total_credits", "total_debits", "faults",
        "finished_at",
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        """Django's pages, before them the one of what was set aside and its acts."""

        def door(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
            return self.admin_site.admin_view(self.for_post(view))

        return [
            path("mis-de-cote/", door(parked_view), name="payments_bankfile_parked"),
            path("mis-de-cote/<int:pk>/", door(decide_file), name="payments_bankfile_decide"),
            path("mis-de-cote/remise/<int:pk>/", door(decide_run), name="payments_debitrun_resume"),
            *super().get_urls(),
        ]


@admin.register(BankLine)
class BankLineAdmin(StaffScreens):
    """Bank operations; those that wait are named here."""

    list_display = (
        "booking_day",
        "amount",
        "kind",
        "payer_name",
        "bank_ref",
        "verdict",
        "verdict_code",
        "bank_file",
    )
    list_filter = ("verdict", "kind", "rule", "account")
    search_fields = ("=bank_ref", "=end_to_end", "creditor_ref", "payer_name", "free_text")
    date_hierarchy = "booking_day"
    list_select_related = ("bank_file", "account")

    def affiliation_numbers_of(self, rows: Sequence[BankLine]) -> set[str]:
        return firms.of_lines(rows)

    def get_urls(self) -> list[URLPattern]:
        """Our page for one line instead of Django's form, and its two acts."""
        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("attente/", self.waiting_view, "waiting"),
            self.screen("doubles/", self.doubles_view, "doubles"),
            self.screen("<int:pk>/", self.line_view, "change"),
            self.screen("<int:pk>/affecter/", self.assign_view, "assign"),
            self.screen("<int:pk>/reprendre/<int:allocation_pk>/", self.reverse_view, "reverse"),
        ]

    @method_decorator(require_safe)
    def line_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One operation: what the bank said, what was found, where the money is."""
        return self._line_page(request, self._line(pk))

    @method_decorator([require_POST, fresh])
    def assign_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Name what waiting money pays."""
        line = self._line(pk)
        form = AssignForm(request.POST)
        if form.is_valid():
            try:
                parts = parts_typed(form.cleaned_data, queries.suspense_of(line.pk))
                act = acts.assign_or_propose(
                    actor=actor_of(request),
                    line_id=line.pk,
                    parts=parts,
                    reason=form.cleaned_data["reason"],
                    at=clock.now(),
                )
            except DomainError as refusal:
                add_to_form(form, refusal)
            else:
                done = (
                    _("Affectation proposée : une autre personne doit la valider.")
                    if act
                    else _("La somme est affectée.")
                )
                messages.success(request, done)
                return redirect("admin:payments_bankline_change", line.pk)
        return self._line_page(request, line, form, status=422)

    @method_decorator([require_http_methods(["GET", "HEAD", "POST"]), fresh_to_act])
    def reverse_view(self, request: HttpRequest, pk: int, allocation_pk: int) -> HttpResponseBase:
        """Propose to take back one allocation, or to move it; a second person decides."""
        rows = Allocation.objects.select_related(
            "affiliate", "slip", "surcharge", "filing_penalty", "bank_line__bank_file__bank"
        )
        allocation = get_object_or_404(rows, pk=allocation_pk, bank_line=pk)
        form = MoveForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                acts.propose_undo(
                    actor=actor_of(request),
                    allocation_id=allocation.pk,
                    parts=parts_typed(form.cleaned_data, allocation.amount),
                    reason=form.cleaned_data["reason"],
                    at=clock.now(),
                )
            except DomainError as refusal:
                add_to_form(form, refusal)
            else:
                messages.success(
                    request, _("Reprise proposée : une autre personne doit la valider.")
                )
                return redirect("admin:payments_bankline_change", pk)
        line = allocation.bank_line
        self.read(
            request,
            "payments.line_read",
            line or allocation,
            [allocation.affiliate.affiliation_number],
        )
        return self.page(
            request,
            "admin/payments/undo.html",
            status=422 if form.errors else 200,
            title=_("Reprendre une affectation"),
            allocation=allocation,
            form=form,
        )

    @method_decorator(require_safe)
    def waiting_view(self, request: HttpRequest) -> HttpResponse:
        """The suspense desk: what waits, oldest first, with its reason, its age and the nearest proposal."""
        today = clock.today()
        rows = queries.waiting_lines()
        bands = queries.suspense_ageing(today)
        after = request.GET.get("age", "")
        if after.isascii() and after.isdigit():
            rows = rows.filter(booking_day__lte=today - datetime.timedelta(days=int(after[:4])))
        text = searches.text_of(request)[:60]
        if text:
            rows = rows.filter(
                Q(bank_ref__icontains=text)
                | Q(end_to_end__icontains=text)
                | Q(creditor_ref__icontains=text)
                | Q(payer_name__icontains=text)
                | Q(free_text__icontains=text)
                | Q(bank_file__receipt_number__iexact=text)
            )
        rows = rows.annotate(
            in_hand=Exists(
                ClerkAct.objects.filter(bank_line=OuterRef("pk"), state=ActState.PROPOSED.value)
            )
        )
        page = Paginator(rows, self.list_per_page).get_page(request.GET.get("page"))
        self.queue(request, firms.of_lines(page))
        return self.page(
            request,
            "admin/payments/waiting.html",
            title=_("Versements à identifier"),
            # Each tab holds what is at least that old.
            bands=[
                (band.after, sum(one.count for one in bands[place:]))
                for place, band in enumerate(bands)
            ],
            oldest=queries.AGES[-1],
            chosen=after,
            search=text,
            page=page,
            rows=[
                (
                    line,
                    _told(line),
                    next(iter(line.proposals), None),
                    (today - line.booking_day).days,
                )
                for line in page
            ],
        )

    @method_decorator(require_safe)
    def doubles_view(self, request: HttpRequest) -> HttpResponse:
        """Credits that repeat a payment already made; the second sits in the affiliate's credit."""
        doubles = queries.double_payments(clock.today())
        self.queue(request, [pair.affiliate.affiliation_number for pair in doubles])
        return self.page(
            request,
            "admin/payments/doubles.html",
            title=_("Doubles paiements probables"),
            doubles=doubles,
        )

    def _line(self, pk: int) -> BankLine:
        rows = BankLine.objects.select_related("bank_file__bank", "account", "repeats__bank_file")
        return get_object_or_404(rows, pk=pk)

    def _line_page(
        self,
        request: HttpRequest,
        line: BankLine,
        form: AssignForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        waiting = queries.suspense_of(line.pk)
        self.read(request, "payments.line_read", line, firms.of_lines([line]))
        return self.page(
            request,
            "admin/payments/line.html",
            status=status,
            title=str(line),
            line=line,
            told=_told(line),
            waiting=waiting,
            age=(clock.today() - line.booking_day).days,
            proposals=line.proposals,
            allocations=_with_affiliates(live_allocations(line.pk)),
            acts=queries.acts_for(Affiliate.objects.all()).filter(
                bank_line=line, state=ActState.PROPOSED.value
            ),
            me=request.user,
            form=form or AssignForm(initial=_first_proposal(line, waiting)),
        )


def _told(line: BankLine) -> str:
    code = line.verdict_code
    return sentence(code, line.verdict_facts, _) if code in SENTENCES else ""


def _with_affiliates(allocations: Iterable[Allocation]) -> list[Allocation]:
    keys = [allocation.pk for allocation in allocations]
    return list(
        Allocation.objects.filter(pk__in=keys)
        .select_related("affiliate", "slip", "surcharge", "filing_penalty", "allocated_by")
        .order_by("pk")
    )


def _first_proposal(line: BankLine, waiting: Any) -> dict[str, object]:
    """The nearest proposal, ready to be confirmed; nothing is applied until the clerk sends it."""
    if not line.proposals:
        return {}
    first = line.proposals[0]
    if not first["code"]:
        return {"credit_affiliate": first["affiliate"]}
    return {"code_1": first["code"], "amount_1": str(min(parse_amount(first["amount"]), waiting))}


def parts_typed(typed: dict[str, str], waiting: Any) -> list[Part]:
    """What the clerk typed as parts; the rest goes to the affiliate's credit when one is named."""
    parts = []
    for number in ("1", "2"):
        code, amount = typed[f"code_{number}"], typed[f"amount_{number}"]
        if code or amount:
            parts.append(Part(parse_amount(amount), read_payment_code(normalise(code)).text))
    rest = waiting - sum((part.amount for part in parts), ZERO)
    if typed["credit_affiliate"] and rest > 0:
        number = check_affiliation_number(typed["credit_affiliate"])
        affiliate = Affiliate.objects.filter(affiliation_number=number).first()
        if affiliate is None:
            raise UnknownReference(reference=number)
        parts.append(Part(rest, affiliate=affiliate))
    return parts
