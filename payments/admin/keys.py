"""Keys of banks' machines: a supervisor issues and revokes them; the secret is shown once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from payments.enums import KeyScope
from payments.forms import BankKeyForm
from payments.models import BankKey
from payments.workflows.bank_keys import issue_key, revoke_key
from portal import clock
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.errors import add_to_form
from portal.fresh import fresh
from regulation.errors import DomainError


@admin.register(BankKey)
class BankKeyAdmin(StaffScreens):
    """One page: the keys of every bank, a form for a new one. For supervisors."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("creer/", self.issue_view, "issue"),
            self.screen("<int:pk>/revoquer/", self.revoke_view, "revoke"),
        ]

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Every key, its use and its end."""
        return self._page(request, BankKeyForm())

    @method_decorator([require_POST, fresh])
    def issue_view(self, request: HttpRequest) -> HttpResponse:
        """Issue a key; the answer is the only page that shows its secret."""
        form = BankKeyForm(request.POST)
        if not form.is_valid():
            return self._page(request, form, status=422)
        self._allowed(request)
        try:
            issued = issue_key(
                actor=actor_of(request),
                bank=form.cleaned_data["bank"],
                label=form.cleaned_data["label"],
                scopes=[KeyScope(one) for one in form.cleaned_data["scopes"]],
                networks=form.cleaned_data["networks"].replace(",", " ").split(),
                public_key=form.cleaned_data["public_key"],
                days=form.cleaned_data["days"],
                at=clock.now(),
            )
        except DomainError as refusal:
            add_to_form(form, refusal)
            return self._page(request, form, status=422)
        return self._page(request, BankKeyForm(), issued=issued)

    @method_decorator([require_POST, fresh])
    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """End a key now."""
        self._allowed(request)
        revoke_key(actor=actor_of(request), key_id=pk, at=clock.now())
        messages.success(request, _("La clé est révoquée : elle n’ouvre plus rien."))
        return redirect("admin:payments_bankkey_changelist")

    def _allowed(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _page(
        self, request: HttpRequest, form: BankKeyForm, status: int = 200, issued: Any = None
    ) -> HttpResponse:
        self._allowed(request)
        return self.page(
            request,
            "admin/payments/bank_keys.html",
            status=status,
            title=_("Clés des banques"),
            keys=BankKey.objects.select_related("bank", "created_by"),
            form=form,
            issued=issued,
            now=clock.now(),
        )
