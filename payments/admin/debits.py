"""The desk of debits: runs of two persons, banks that say nothing, authorities confirmed on paper."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import staff_affiliates
from affiliates.models import DebitAuthority
from payments.enums import DebitCause, RunState
from payments.models import BankAccount, DebitOrder, DebitRun
from payments.queries.debits import silent_orders
from payments.tasks import write_debit_run
from payments.workflows.debits import orders as side
from payments.workflows.debits import runs
from portal import clock
from portal.actor import actor_of
from portal.admin import StaffAdmin, StaffScreens
from portal.errors import add_to_messages
from portal.fresh import fresh
from portal.tasks import wake
from regulation.errors import DomainError
from regulation.money import ZERO, parse_amount
from regulation.periods import parse_day


@admin.register(DebitRun)
class DebitRunAdmin(StaffScreens):
    """Runs: what waits, what a second person releases, what banks hold; only our own pages are reachable."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("preparer/", self.prepare_view, "prepare"),
            self.screen("<int:pk>/", self.run_view, "change"),
            self.screen("<int:pk>/remettre/", self.release_view, "release"),
        ]

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Days that wait for a run, runs that wait for a second person, and silent banks."""
        now = clock.now()
        rows = list(
            DebitRun.objects.select_related("bank_account__bank", "prepared_by", "released_by")[:50]
        )
        silent = list(silent_orders(on=clock.day_of(now)))
        self.queue(request, [order.affiliate.affiliation_number for order in silent])
        return self.page(
            request,
            "admin/payments/runs.html",
            title=_("Prélèvements"),
            waiting=[(one, one.is_ready(now)) for one in runs.what_waits()],
            rows=rows,
            silent=silent,
        )

    @method_decorator(require_safe)
    def run_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One run: every order that it would take, or took, to the bank."""
        run = get_object_or_404(
            DebitRun.objects.select_related("bank_account__bank", "prepared_by", "released_by"),
            pk=pk,
        )
        prepared = run.stage is RunState.PREPARED
        orders = list(
            runs.orders_of(run)
            if prepared
            else run.orders.select_related("affiliate", "authority").order_by("pk")
        )
        self.queue(request, [order.affiliate.affiliation_number for order in orders])
        return self.page(
            request,
            "admin/payments/run.html",
            title=run.message_id,
            run=run,
            orders=orders,
            total=sum((order.amount for order in orders), ZERO),
            may_release=prepared
            and self.has_act_permission(request)
            and run.prepared_by_id != actor_of(request).pk,
            prepared=prepared,
        )

    @method_decorator([require_POST, fresh])
    def prepare_view(self, request: HttpRequest) -> HttpResponseBase:
        """Gather the orders of a day for one of our accounts."""
        account = get_object_or_404(BankAccount, rib=request.POST.get("compte", ""))
        try:
            run = runs.prepare_run(
                actor=actor_of(request),
                account=account,
                collect_on=parse_day(request.POST.get("jour", "")),
                at=clock.now(),
            )
        except DomainError as refusal:
            add_to_messages(request, refusal)
            return redirect(self.address("changelist"))
        messages.success(request, _("Remise préparée : une autre personne doit la remettre."))
        return redirect(self.address("change", run.pk))

    @method_decorator([require_POST, fresh])
    def release_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The second person lets it go; the worker writes the file."""
        run = get_object_or_404(DebitRun, pk=pk)
        count = request.POST.get("nombre", "")
        try:
            run = runs.release_run(
                actor=actor_of(request),
                run=run,
                count=int(count) if count.isascii() and count.isdigit() else -1,
                total=parse_amount(request.POST.get("total", "")),
                at=clock.now(),
            )
        except DomainError as refusal:
            add_to_messages(request, refusal)
        else:
            wake(write_debit_run, run.pk)
            messages.success(
                request, _("Remise faite : le fichier est à la banque dans un instant.")
            )
        return redirect(self.address("change", pk))


@admin.register(DebitOrder)
class DebitOrderAdmin(StaffAdmin):
    """Debit orders of the affiliates of this member of staff, to read."""

    list_display = ("reference", "affiliate", "amount", "collect_on", "state", "reason_code", "run")
    list_filter = ("state", "reason_code")
    search_fields = ("=reference", "=affiliate__affiliation_number", "affiliate__name")
    date_hierarchy = "collect_on"
    list_select_related = ("affiliate", "run")
    actions = ("stop",)
    fields = (
        "reference", "affiliate", "amount", "collect_on", "state", "cause", "prepared_by", "prepared_at", "signed_by",
        "signed_at", "run", "reason_code", "reason_text", "bank_line", "returned_line", "executed_on", "retry_of",
    )  # fmt: skip

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(affiliate__in=staff_affiliates(request.user))

    def affiliation_number_of(self, row: DebitOrder) -> str:
        return row.affiliate.affiliation_number

    @admin.action(
        description=gettext_lazy("Annuler avant l’heure limite : l’employeur est prévenu"),
        permissions=["act"],
    )
    def stop(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """Stop each order and those signed with it, as its employer could."""
        intents = {row.intent: row for row in rows.select_related("affiliate").order_by("-pk")}
        for intent, row in sorted(intents.items(), key=lambda one: one[1].pk):
            try:
                side.cancel_order(
                    actor=actor_of(request),
                    affiliate=row.affiliate,
                    intent=intent,
                    at=clock.now(),
                    cause=DebitCause.STAFF,
                )
            except DomainError as refusal:
                add_to_messages(request, refusal)
            else:
                messages.success(request, _("Ordre %(ref)s annulé.") % {"ref": row.reference})


@admin.register(DebitAuthority)
class DebitAuthorityAdmin(StaffAdmin):
    """Authorities, to read; one that a bank stamped on paper is confirmed here."""

    list_display = ("reference", "affiliate", "masked_rib", "holder", "cap", "state", "signed_at")
    list_filter = ("state",)
    search_fields = ("=reference", "=affiliate__affiliation_number", "affiliate__name")
    list_select_related = ("affiliate",)
    actions = ("confirm",)
    fields = (
        "reference", "affiliate", "masked_rib", "holder", "cap", "state", "reason", "prepared_by", "prepared_at",
        "signed_by", "signed_at", "activated_by", "activated_at", "ended_at",
    )  # fmt: skip

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(affiliate__in=staff_affiliates(request.user))

    def affiliation_number_of(self, row: DebitAuthority) -> str:
        return row.affiliate.affiliation_number

    @admin.action(
        description=gettext_lazy("Confirmer d’après le formulaire tamponné par la banque"),
        permissions=["act"],
    )
    def confirm(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        for row in rows.order_by("pk"):
            try:
                side.activate(actor=actor_of(request), authority=row, at=clock.now())
            except DomainError as refusal:
                add_to_messages(request, refusal)
            else:
                messages.success(request, _("Mandat %(ref)s confirmé.") % {"ref": row.reference})
