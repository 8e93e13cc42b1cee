"""The declarations on the clerks' desk: search and read, and open a closed month to corrections again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from affiliates.access import staff_affiliates
from declarations import workflows
from declarations.forms import ReopeningForm
from declarations.models import (
    ContributionLine,
    CorrectionStop,
    Declaration,
    FileFinding,
    Outage,
    Prefill,
    ReceivedFile,
)
from portal import clock, formats
from portal.actor import actor_of
from portal.admin import ReadOnlyInline, StaffAdmin
from portal.errors import add_to_messages
from regulation.errors import DomainError


class OfMyAffiliates(StaffAdmin):
    """Rows of the affiliates on this person's desk."""

    list_select_related = ("affiliate",)
    search_fields = ["=affiliate__affiliation_number", "affiliate__name"]
    date_hierarchy = "period"

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(affiliate__in=staff_affiliates(request.user))

    def affiliation_number_of(self, row: Any) -> str:
        return str(row.affiliate.affiliation_number)

    @admin.display(description=_("période"), ordering="period")
    def month(self, row: Any) -> str:
        return formats.period(row.period)


class ContributionLines(ReadOnlyInline):
    model = ContributionLine
    fields = (
        "branch",
        "base",
        "rate_employer",
        "rate_employee",
        "employer_share",
        "employee_share",
    )


@admin.register(Prefill)
class PrefillAdmin(OfMyAffiliates):
    list_display = ("affiliate", "month", "employee_count", "issued_on", "due_on", "transfer_id")
    fields = ("affiliate", "month", "transfer_id", "issued_on", "due_on", "employee_count")
    readonly_fields = fields


@admin.register(ReceivedFile)
class ReceivedFileAdmin(OfMyAffiliates):
    list_display = (
        "received_at",
        "affiliate",
        "month",
        "state",
        "verdict",
        "finding_count",
        "attempts",
    )
    list_filter = ("state", "verdict")
    date_hierarchy = "received_at"


@admin.register(FileFinding)
class FileFindingAdmin(StaffAdmin):
    list_display = (
        "received_file",
        "code",
        "severity",
        "line_number",
        "field",
        "value",
        "expected",
    )
    list_filter = ("severity", "code")
    list_select_related = ("received_file__affiliate",)
    search_fields = ("=received_file__affiliate__affiliation_number", "=code")

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(received_file__affiliate__in=staff_affiliates(request.user))

    def affiliation_number_of(self, row: Any) -> str:
        return str(row.received_file.affiliate.affiliation_number)


@admin.register(Declaration)
class DeclarationAdmin(OfMyAffiliates):
    list_display = (
        "affiliate",
        "month",
        "kind",
        "status",
        "employee_count",
        "wage_bill",
        "contributions_total",
        "receipt_number",
    )
    list_filter = ("status", "kind", "mode")
    search_fields = [*OfMyAffiliates.search_fields, "=receipt_number"]
    exclude = ("working",)
    inlines = (ContributionLines,)


@admin.register(CorrectionStop)
class CorrectionStopAdmin(OfMyAffiliates):
    """Months that a decision closed to corrections; the agency opens one again, and says why."""

    list_display = ("affiliate", "month", "reason", "reference", "placed_at", "lifted_at")
    list_filter = (("lifted_at", admin.EmptyFieldListFilter),)
    search_fields = [*OfMyAffiliates.search_fields, "=reference"]
    fields = (
        "affiliate",
        "month",
        "reason",
        "reference",
        "placed_at",
        "lifted_at",
        "lifted_because",
    )
    readonly_fields = fields
    actions = ("reopen",)

    @admin.action(description=_("Rouvrir à la correction"), permissions=["act"])
    def reopen(
        self, request: HttpRequest, stops: "QuerySet[CorrectionStop]"
    ) -> HttpResponse | None:
        """Ask for the reason once, then open each month chosen."""
        form = ReopeningForm(request.POST if "because" in request.POST else None)
        if not (form.is_bound and form.is_valid()):
            context = {
                **self.admin_site.each_context(request),
                "title": _("Rouvrir des mois à la correction"),
                "opts": self.model._meta,
                "form": form,
                "stops": stops,
            }
            return TemplateResponse(request, "admin/declarations/reopen.html", context)
        for stop in stops.order_by("pk"):
            try:
                workflows.allow_corrections(
                    actor=actor_of(request),
                    at=clock.now(),
                    stop=stop,
                    reason=form.cleaned_data["because"],
                )
            except DomainError as refusal:
                add_to_messages(request, refusal)
            else:
                messages.success(
                    request,
                    _("%(period)s est rouvert à la correction pour %(firm)s.")
                    % {
                        "period": formats.period(stop.period).capitalize(),
                        "firm": stop.affiliate.name,
                    },
                )
        return None


@admin.register(Outage)
class OutageAdmin(StaffAdmin):
    """When the portal did not serve; written with `record_outage`."""

    list_display = ("starts_at", "ends_at", "what", "recorded_at")
