"""The declarations on the clerks' desk: search and read; nothing is changed here."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from affiliates.access import staff_affiliates
from declarations.models import (
    ContributionLine,
    Declaration,
    FileFinding,
    Outage,
    Prefill,
    ReceivedFile,
)
from portal import formats
from portal.admin import StaffAdmin


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


class _ReadOnlyInline(admin.TabularInline):
    """Rows shown under their parent, never edited."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)


class ContributionLines(_ReadOnlyInline):
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
    list_select_related = ("received_file",)
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


@admin.register(Outage)
class OutageAdmin(StaffAdmin):
    """When the portal did not serve; written with `record_outage`."""

    list_display = ("starts_at", "ends_at", "what", "recorded_at")
