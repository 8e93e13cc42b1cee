"""The clerk's desk of certificates: read, and revoke with a reason through the workflow."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from affiliates.access import staff_affiliates
from certificates import workflows
from certificates.forms import RevocationForm
from certificates.models import Certificate
from portal import clock, formats
from portal.admin import StaffAdmin
from portal.errors import add_to_messages
from portal.models import User
from regulation.errors import DomainError


@admin.register(Certificate)
class CertificateAdmin(StaffAdmin):
    list_display = ("number", "state", "kind", "affiliate", "months", "issued_on")
    list_filter = ("state", "kind", "ended_because")
    search_fields = ("=number", "=affiliate__affiliation_number", "affiliate__name")
    list_select_related = ("affiliate",)
    date_hierarchy = "issued_at"
    # The token opens the public page: whoever needs it reads it on the paper.
    exclude = ("token", "intent")
    actions = ("revoke",)

    @admin.display(description=_("Période"))
    def months(self, row: Certificate) -> str:
        if row.first_period is None or row.last_period is None:
            return ""
        return f"{formats.period(row.first_period)} – {formats.period(row.last_period)}"

    @admin.display(description=_("Délivrée le"), ordering="issued_at")
    def issued_on(self, row: Certificate) -> str:
        return formats.day(row.issued_at)

    def affiliation_number_of(self, row: Certificate) -> str:
        return row.affiliate.affiliation_number

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(affiliate__in=staff_affiliates(request.user))

    @admin.action(description=_("Révoquer (délivrée par erreur)"), permissions=["view"])
    def revoke(
        self, request: HttpRequest, certificates: "QuerySet[Certificate]"
    ) -> HttpResponse | None:
        """Ask for the reason once, then revoke each certificate chosen."""
        form = RevocationForm(request.POST if "reason" in request.POST else None)
        if not (form.is_bound and form.is_valid()):
            return TemplateResponse(
                request,
                "certificates/admin_revoke.html",
                {
                    **self.admin_site.each_context(request),
                    "title": _("Révoquer des attestations"),
                    "opts": self.model._meta,
                    "form": form,
                    "certificates": certificates,
                    "action_name": "revoke",
                },
            )
        actor = request.user
        assert isinstance(actor, User)  # noqa: S101  the desk is behind the login
        for certificate in certificates.order_by("pk"):
            try:
                workflows.revoke(
                    actor=actor,
                    certificate=certificate,
                    reason=form.cleaned_data["reason"],
                    at=clock.now(),
                )
            except DomainError as refusal:
                add_to_messages(request, refusal)
            else:
                messages.success(
                    request,
                    _("L’attestation %(number)s est révoquée.") % {"number": certificate.number},
                )
        return None
