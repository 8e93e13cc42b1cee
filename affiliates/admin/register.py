"""The register on the clerks' desk: search and read; what is taken back goes through a workflow."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from affiliates import queries, workflows
from affiliates.access import staff_affiliates
from affiliates.models import (
    Affiliate,
    AffiliateStatus,
    Employee,
    Employment,
    Mandate,
    Membership,
    Representative,
    StateTakeover,
)
from affiliates.queries.registrations import employers_of
from portal import clock
from portal.actor import actor_of
from portal.admin import ReadOnlyInline, StaffAdmin
from portal.errors import add_to_messages
from regulation.errors import DomainError
from regulation.periods import Period


class MembershipInline(ReadOnlyInline):
    model = Membership
    fields = readonly_fields = ("user", "role", "since", "ended_at")


class MandateInline(ReadOnlyInline):
    model = Mandate
    fields = readonly_fields = ("representative", "scopes", "starts_on", "ends_on", "revoked_at")


class StatusInline(ReadOnlyInline):
    model = AffiliateStatus
    fields = readonly_fields = ("status", "effective_from", "effective_to")


@admin.register(Affiliate)
class AffiliateAdmin(StaffAdmin):
    """The card of an employer; its number, name, town or ICE finds it, in any order."""

    asks_purpose = True

    list_display = ("affiliation_number", "name", "city", "agency", "state", "affiliated_on")
    list_filter = ("state", "agency")
    list_select_related = ("agency",)
    search_fields = ("affiliation_number",)
    search_help_text = _("Numéro d’affiliation, raison sociale, ville ou ICE")
    inlines = (StatusInline, MembershipInline, MandateInline)

    def affiliation_number_of(self, row: Affiliate) -> str:
        return row.affiliation_number

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(pk__in=staff_affiliates(request.user).values("pk"))

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        return queries.search(queryset, search_term), False


@admin.register(Mandate)
class MandateAdmin(StaffAdmin):
    """The mandates of the affiliates on one's desk; a signed request lets a clerk take one back."""

    list_display = ("affiliate", "representative", "starts_on", "ends_on", "revoked_at")
    list_select_related = ("affiliate", "representative")
    search_fields = ("=affiliate__affiliation_number", "representative__name")
    actions = ("revoke",)

    def affiliation_number_of(self, row: Mandate) -> str:
        return row.affiliate.affiliation_number

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(affiliate__in=staff_affiliates(request.user))

    @admin.action(description=_("Retirer les mandats choisis"), permissions=["act"])
    def revoke(self, request: HttpRequest, rows: "QuerySet[Any]") -> None:
        now = clock.now()
        count = 0
        for mandate in rows.filter(revoked_at__isnull=True).order_by("pk"):
            workflows.revoke_mandate(actor=actor_of(request), at=now, mandate=mandate)
            count += 1
        messages.success(
            request,
            ngettext("%(count)s mandat retiré.", "%(count)s mandats retirés.", count)
            % {"count": count},
        )


@admin.register(Representative)
class RepresentativeAdmin(StaffAdmin):
    list_display = ("name", "city")
    search_fields = ("name", "city")


@admin.register(Employee)
class EmployeeAdmin(StaffAdmin):
    """Insured persons who work, or worked, for an affiliate on one's desk."""

    asks_purpose = True

    list_display = ("registration_number", "last_name", "first_name")
    search_fields = ("=registration_number", "last_name", "first_name", "=cin")
    fields = ("registration_number", "last_name", "first_name", "cin", "born_on")

    def affiliation_numbers_of(self, rows: Sequence[Employee]) -> set[str]:
        """The firm that each person works for now, or worked for last."""
        return set(employers_of(rows).values())

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        employed = Employment.objects.filter(affiliate__in=staff_affiliates(request.user))
        return rows.filter(pk__in=employed.values("employee"))


class TakeoverGrantForm(ActionForm):
    """The months and the decision of a takeover by the State, beside the choice of the action."""

    first = forms.CharField(
        label=_("Premier mois"),
        required=False,
        widget=forms.TextInput(attrs={"type": "month", "placeholder": "2026-01"}),
    )
    last = forms.CharField(
        label=_("Dernier mois"),
        required=False,
        widget=forms.TextInput(attrs={"type": "month", "placeholder": "2026-01"}),
    )
    decision_reference = forms.CharField(label=_("Décision"), required=False, max_length=60)


class TakeoverEndForm(ActionForm):
    """The last month of a takeover, beside the choice of the action."""

    last = forms.CharField(
        label=_("Dernier mois"),
        required=False,
        widget=forms.TextInput(attrs={"type": "month", "placeholder": "2026-01"}),
    )


@admin.register(Employment)
class EmploymentAdmin(StaffAdmin):
    """Who works where; the State's takeover of an employer share (TAHFIZ) is granted from here."""

    asks_purpose = True

    list_display = ("affiliate", "employee", "started_on", "ended_on")
    list_select_related = ("affiliate", "employee")
    search_fields = ("=affiliate__affiliation_number", "=employee__registration_number")
    action_form = TakeoverGrantForm
    actions = ("grant_takeover",)

    @admin.action(
        description=_("Accorder la prise en charge par l’État (mois et décision ci-contre)"),
        permissions=["act"],
    )
    def grant_takeover(self, request: HttpRequest, rows: "QuerySet[Any]") -> None:
        now = clock.now()
        for employment in rows.select_related("affiliate").order_by("pk"):
            try:
                workflows.grant_takeover(
                    actor=actor_of(request),
                    at=now,
                    employment=employment,
                    first=Period.parse(request.POST.get("first", "")),
                    last=Period.parse(request.POST.get("last", "")),
                    decision_reference=request.POST.get("decision_reference", "")[:60],
                )
            except DomainError as refusal:
                add_to_messages(request, refusal)
            else:
                messages.success(
                    request,
                    gettext("Prise en charge accordée : %(employment)s.")
                    % {"employment": employment.employee},
                )

    def affiliation_number_of(self, row: Employment) -> str:
        return row.affiliate.affiliation_number

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(affiliate__in=staff_affiliates(request.user))


@admin.register(StateTakeover)
class StateTakeoverAdmin(StaffAdmin):
    """What the State takes over (TAHFIZ), to read; a takeover is shortened by its action."""

    list_display = ("employment", "employee", "starts_on", "ends_on", "decision_reference")
    list_select_related = ("employment__affiliate", "employment__employee")
    search_fields = (
        "=employment__affiliate__affiliation_number",
        "=employment__employee__registration_number",
        "decision_reference",
    )
    action_form = TakeoverEndForm
    actions = ("end",)

    @admin.display(description=_("assuré"))
    def employee(self, row: StateTakeover) -> str:
        return str(row.employment.employee)

    def affiliation_number_of(self, row: StateTakeover) -> str:
        return row.employment.affiliate.affiliation_number

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(employment__affiliate__in=staff_affiliates(request.user))

    @admin.action(description=_("Terminer après le mois indiqué"), permissions=["act"])
    def end(self, request: HttpRequest, rows: "QuerySet[Any]") -> None:
        now = clock.now()
        for takeover in rows.order_by("pk"):
            try:
                workflows.end_takeover(
                    actor=actor_of(request),
                    at=now,
                    takeover=takeover,
                    last=Period.parse(request.POST.get("last", "")),
                )
            except DomainError as refusal:
                add_to_messages(request, refusal)
            else:
                messages.success(
                    request,
                    gettext("Prise en charge terminée : %(takeover)s.") % {"takeover": takeover},
                )
