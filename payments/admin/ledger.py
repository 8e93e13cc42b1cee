"""The ledger, to read."""

from collections.abc import Sequence

from django.contrib import admin
from django.utils.translation import gettext_lazy

from payments.models import (
    LedgerEntry,
    LedgerLine,
)
from payments.queries import firms
from portal.admin import ReadOnlyInline, StaffAdmin


class LedgerLineInline(ReadOnlyInline):
    """The two sides of an entry, to read."""

    model = LedgerLine
    fields = ("account", "debit", "credit", "period")
    verbose_name_plural = gettext_lazy("lignes d’écriture")


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
