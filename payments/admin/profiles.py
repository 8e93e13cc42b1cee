"""Profiles of banks: every version, what it says, and the decision of the second person."""

from __future__ import annotations

import json

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from payments.enums import ProfileState
from payments.forms import BankProfileForm, ReasonForm
from payments.models import BankProfile
from payments.workflows.profiles import decide_profile, propose_profile
from portal import clock
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.errors import add_to_form
from portal.fresh import fresh, fresh_to_act
from regulation.errors import DomainError


@admin.register(BankProfile)
class BankProfileAdmin(StaffScreens):
    """One person proposes a version, another approves it; no version is ever edited. Who may is said by their post."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.screen("", self.list_view, "changelist"),
            self.screen("<int:pk>/", self.profile_view, "change"),
            self.screen("<int:pk>/<str:verb>/", self.decide_view, "decide"),
        ]

    @method_decorator([require_http_methods(["GET", "HEAD", "POST"]), fresh_to_act])
    def list_view(self, request: HttpRequest) -> HttpResponseBase:
        """Every version, newest first, and the form to propose one."""
        form = BankProfileForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            facts = form.cleaned_data
            try:
                profile = propose_profile(
                    actor=actor_of(request),
                    bank=facts["bank"],
                    data=facts["convention"] or {},
                    agreement=facts["agreement"],
                    effective_from=facts["effective_from"],
                    at=clock.now(),
                )
            except DomainError as refusal:
                add_to_form(form, refusal, "convention")
            else:
                messages.success(
                    request, _("Version proposée : une autre personne doit l’approuver.")
                )
                return redirect("admin:payments_bankprofile_change", profile.pk)
        rows = BankProfile.objects.select_related("bank", "proposed_by", "decided_by")
        return self.page(
            request,
            "admin/payments/profiles.html",
            status=422 if form.errors else 200,
            title=_("Profils des banques"),
            rows=rows.order_by("-pk")[:200],
            form=form,
        )

    @method_decorator(require_safe)
    def profile_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One version: what it says, who proposed and decided, and the buttons of the second person."""
        return self._profile_page(request, pk, ReasonForm())

    @method_decorator([require_POST, fresh])
    def decide_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponseBase:
        """Approve, or set aside."""
        form = ReasonForm(request.POST)
        form.is_valid()
        get_object_or_404(BankProfile, pk=pk)
        try:
            decide_profile(
                actor=actor_of(request), profile_id=pk, approve=verb == "approuver", at=clock.now()
            )
        except DomainError as refusal:
            add_to_form(form, refusal)
            return self._profile_page(request, pk, form, status=422)
        messages.success(request, _("Décision enregistrée."))
        return redirect("admin:payments_bankprofile_change", pk)

    def _profile_page(
        self, request: HttpRequest, pk: int, form: ReasonForm, status: int = 200
    ) -> HttpResponse:
        rows = BankProfile.objects.select_related("bank", "proposed_by", "decided_by")
        profile = get_object_or_404(rows, pk=pk)
        mine = profile.proposed_by_id == actor_of(request).pk
        is_open = profile.state == ProfileState.PROPOSED.value and self.has_act_permission(request)
        return self.page(
            request,
            "admin/payments/profile.html",
            status=status,
            title=_("Profil de %(bank)s, version %(version)s")
            % {"bank": profile.bank.name, "version": profile.version},
            profile=profile,
            data=json.dumps(profile.data, indent=2, ensure_ascii=False),
            form=form,
            may_decide=is_open and not mine,
            waits=is_open and mine,
        )
