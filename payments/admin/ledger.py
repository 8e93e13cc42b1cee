"""The ledger, to read."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from payments.models import (
    LedgerEntry,
    LedgerLine,
)
from payments.queries import firms
from portal.admin import StaffAdmin


class LedgerLineInline(admin.TabularInline):
    """The two sides of an entry, to read."""

    model = LedgerLine
    fields = ("account", "debit", "credit", "period")
    extra = 0
    can_delete = False
    verbose_name_plural = gettext_lazy("lignes d’écriture")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(LedgerEntry)
class LedgerEntryAdmin(StaffAdmin):
    """The ledger, to read: nobody changes it, not even here."""

    list_display = ("id", "booked_on", "kind", "cause", "posted_by", "posted_at")
    list_filter = ("kind",)
    search_fields = ("=cause", "=lines__slip__payment_reference")
    date_hierarchy = "booked_on"
    list_select_related = ("posted_by",)
    inlines = (LedgerLineInline,)

    def affiliation_numbers_of(self, rows: Sequence[LedgerEntry]) -> set[str]:
        return firms.of_entries(rows)

    fields = ("booked_on", "kind", "cause", "posted_by", "posted_at", "reversal_of")
