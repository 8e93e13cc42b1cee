"""Slips, surcharges, penalties, exemptions."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from affiliates.access import staff_affiliates
from payments.admin import collection
from payments.models import (
    FilingPenalty,
    PaymentSlip,
    SlipLine,
    Surcharge,
    SurchargeExemption,
)
from payments.workflows.exemptions import grant_exemption
from portal import clock
from portal.actor import actor_of
from portal.admin import ReadOnlyInline, StaffAdmin
from portal.errors import add_to_messages
from regulation.errors import DomainError
from regulation.periods import Period, parse_day


class ExemptionForm(ActionForm):
    """The decision and the last day of an exemption, beside the choice of the action."""

    until = forms.CharField(
        label=gettext_lazy("Jusqu’au"),
        required=False,
        widget=forms.TextInput(attrs={"type": "date", "placeholder": "2026-04-30"}),
    )
    decided_on = forms.CharField(
        label=gettext_lazy("Décidée le"),
        required=False,
        widget=forms.TextInput(attrs={"type": "date", "placeholder": "2026-04-30"}),
    )
    reference = forms.CharField(label=gettext_lazy("Décision"), required=False, max_length=80)


class SlipLineInline(ReadOnlyInline):
    """The lines of a slip, to read."""

    model = SlipLine
    fields = ("rank", "branch", "base", "employer_share", "employee_share", "amount")


@admin.register(PaymentSlip)
class PaymentSlipAdmin(StaffAdmin):
    """Slips of the affiliates of this member of staff."""

    list_display = (
        "payment_reference",
        "affiliate",
        "period",
        "due_on",
        "state",
        "total",
        "outstanding",
    )
    list_filter = ("state",)
    search_fields = ("=payment_reference", "=affiliate__affiliation_number", "affiliate__name")
    date_hierarchy = "period"
    list_select_related = ("affiliate",)
    inlines = (SlipLineInline,)
    action_form = ExemptionForm
    actions = ("exempt",)
    fields = (
        "payment_reference", "affiliate", "period", "issued_on", "due_on", "state", "total", "outstanding",
        "settled_on", "replaced_by",
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        """The dashboard of collection beside the slips it counts."""
        door = self.admin_site.admin_view

        def counted(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
            @wraps(view)
            def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
                # The money of the whole country: for the posts that read the ledger, not all that read a slip.
                if not request.user.has_perm("payments.view_ledgerentry"):
                    raise PermissionDenied
                return view(request, *args, **kwargs)

            return opened

        def dashboard(request: HttpRequest) -> HttpResponse:
            return collection.dashboard(request, self.admin_site.each_context(request))

        return [
            path("recouvrement/", door(counted(dashboard)), name="payments_collection"),
            path(
                "recouvrement/<str:panel>/<str:kind>/",
                door(counted(collection.export)),
                name="payments_collection_export",
            ),
            *super().get_urls(),
        ]

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(affiliate__in=staff_affiliates(request.user))

    def affiliation_number_of(self, row: PaymentSlip) -> str:
        return row.affiliate.affiliation_number

    @admin.action(
        description=gettext_lazy("Exonérer de majorations (jours et décision ci-contre)"),
        permissions=["act"],
    )
    def exempt(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        now = clock.now()
        for slip in rows.select_related("affiliate").order_by("pk"):
            period = Period.from_day(slip.period)
            try:
                grant_exemption(
                    actor=actor_of(request),
                    at=now,
                    affiliate=slip.affiliate,
                    first=period,
                    last=period,
                    until=parse_day(request.POST.get("until", "")),
                    reference=request.POST.get("reference", "")[:80],
                    decided_on=parse_day(request.POST.get("decided_on", "")),
                )
            except DomainError as refusal:
                add_to_messages(request, refusal)
            else:
                messages.success(
                    request,
                    _("Exonération enregistrée pour %(slip)s.") % {"slip": slip.payment_reference},
                )


@admin.register(SurchargeExemption)
class SurchargeExemptionAdmin(StaffAdmin):
    """Decided exemptions, to read; one is granted from a slip, or for all by `manage.py exempt`."""

    list_display = ("reference", "affiliate", "first_period", "last_period", "until", "decided_on")
    search_fields = ("reference", "=affiliate__affiliation_number")
    list_select_related = ("affiliate",)

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        mine = staff_affiliates(request.user)
        return rows.filter(Q(affiliate=None) | Q(affiliate__in=mine))

    def affiliation_number_of(self, row: SurchargeExemption) -> str:
        return row.affiliate.affiliation_number if row.affiliate else ""


@admin.register(Surcharge)
class SurchargeAdmin(StaffAdmin):
    """Surcharges, to read."""

    list_display = (
        "payment_reference",
        "slip",
        "month_number",
        "assessed_on",
        "amount",
        "outstanding",
    )
    search_fields = ("=payment_reference", "=slip__payment_reference")
    list_select_related = ("slip__affiliate",)
    fields = ("payment_reference", "slip", "month_number", "assessed_on", "amount", "outstanding")

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(slip__affiliate__in=staff_affiliates(request.user))

    def affiliation_number_of(self, row: Surcharge) -> str:
        return row.slip.affiliate.affiliation_number


@admin.register(FilingPenalty)
class FilingPenaltyAdmin(StaffAdmin):
    """Filing penalties, to read."""

    list_display = (
        "payment_reference",
        "affiliate",
        "period",
        "assessed_on",
        "amount",
        "outstanding",
    )
    search_fields = ("=payment_reference", "=affiliate__affiliation_number")
    list_select_related = ("affiliate",)
    fields = (
        "payment_reference", "affiliate", "period", "assessed_on", "filed", "amount", "outstanding",
    )  # fmt: skip

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(affiliate__in=staff_affiliates(request.user))

    def affiliation_number_of(self, row: FilingPenalty) -> str:
        return row.affiliate.affiliation_number
