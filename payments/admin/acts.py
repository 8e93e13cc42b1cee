"""Acts of two persons: what waits for a second one, its reason, and the answer."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.access import staff_affiliates
from payments import queries
from payments.enums import ActKind, ActState
from payments.forms import ReasonForm, WriteOffForm
from payments.models import ClerkAct
from payments.queries import firms
from payments.workflows import acts
from portal import clock
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.errors import add_to_form
from portal.fresh import fresh, fresh_to_act
from regulation.errors import DomainError
from regulation.identifiers import normalise, read_payment_code
from regulation.parameters import value_at


@admin.register(ClerkAct)
class ClerkActAdmin(StaffScreens):
    """The queue of acts and the page of each; only our own pages are reachable."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("abandon/", self.write_off_view, "write_off"),
            self.screen("<int:pk>/", self.act_view, "change"),
            self.screen("<int:pk>/<str:verb>/", self.decide_view, "decide"),
        ]

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Acts by what they wait for; the closed ones behind a tab."""
        mine = staff_affiliates(request.user)
        every = queries.acts_for(mine)
        tabs = {
            "valider": queries.open_acts(mine).filter(state=ActState.PROPOSED.value),
            "demandes": queries.open_acts(mine).filter(state=ActState.REQUESTED.value),
            "clos": every.exclude(state__in=[ActState.PROPOSED.value, ActState.REQUESTED.value]),
        }
        labels = {
            "valider": _("À valider"),
            "demandes": _("Demandes des employeurs"),
            "clos": _("Closes"),
        }
        asked = request.GET.get("file", "valider")
        chosen = asked if asked in tabs else "valider"
        page = Paginator(tabs[chosen], self.list_per_page).get_page(request.GET.get("page"))
        self.queue(request, firms.of_acts(page))
        return self.page(
            request,
            "admin/payments/acts.html",
            title=_("Actes à deux personnes"),
            tabs=[
                (name, labels[name], rows.count(), name == chosen) for name, rows in tabs.items()
            ],
            page=page,
        )

    @method_decorator(require_safe)
    def act_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One act: what, why, by whom; and the buttons of whoever may answer."""
        return self._act_page(request, self._act(request, pk), ReasonForm())

    @method_decorator([require_POST, fresh])
    def decide_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponseBase:
        """Approve, refuse, withdraw, or propose what an employer asked."""
        act = self._act(request, pk)
        form = ReasonForm(request.POST)
        actor, at = actor_of(request), clock.now()
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        try:
            match verb:
                case "valider":
                    acts.approve(actor=actor, act_id=act.pk, at=at)
                    done = _("Acte validé.")
                case "refuser":
                    acts.refuse(actor=actor, act_id=act.pk, reason=reason, at=at)
                    done = _("Acte refusé.")
                case "retirer":
                    acts.withdraw(actor=actor, act_id=act.pk, at=at)
                    done = _("Acte retiré.")
                case _other:
                    acts.propose_refund(actor=actor, act_id=act.pk, reason=reason, at=at)
                    done = _("Remboursement proposé : une autre personne doit le valider.")
        except DomainError as refusal:
            add_to_form(form, refusal)
            return self._act_page(request, act, form, status=422)
        messages.success(request, done)
        return redirect("admin:payments_clerkact_change", act.pk)

    @method_decorator([require_http_methods(["GET", "HEAD", "POST"]), fresh_to_act])
    def write_off_view(self, request: HttpRequest) -> HttpResponseBase:
        """Propose to give up what little remains on a due."""
        form = WriteOffForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                code = read_payment_code(normalise(form.cleaned_data["code"])).text
                act = acts.propose_write_off(
                    actor=actor_of(request),
                    code=code,
                    reason=form.cleaned_data["reason"],
                    at=clock.now(),
                )
            except DomainError as refusal:
                add_to_form(form, refusal)
            else:
                messages.success(
                    request, _("Abandon proposé : une autre personne doit le valider.")
                )
                return redirect("admin:payments_clerkact_change", act.pk)
        return self.page(
            request,
            "admin/payments/write_off.html",
            status=422 if form.errors else 200,
            title=_("Abandonner une différence"),
            form=form,
            limit=value_at("suspense.write_off_up_to", clock.today()).value,
        )

    def _act(self, request: HttpRequest, pk: int) -> ClerkAct:
        return get_object_or_404(queries.acts_for(staff_affiliates(request.user)), pk=pk)

    def _act_page(
        self, request: HttpRequest, act: ClerkAct, form: ReasonForm, status: int = 200
    ) -> HttpResponse:
        self.read(request, "payments.act_read", act, firms.of_acts([act]))
        mine, acts_here = (
            act.proposed_by_id == actor_of(request).pk,
            self.has_act_permission(request),
        )
        return self.page(
            request,
            "admin/payments/act.html",
            status=status,
            title=str(act),
            act=act,
            parts=acts.parts_of(act),
            form=form,
            may_decide=acts_here and act.state == ActState.PROPOSED.value and not mine,
            may_withdraw=acts_here and act.state == ActState.PROPOSED.value and mine,
            may_propose=acts_here
            and act.kind == ActKind.REFUND.value
            and act.state == ActState.REQUESTED.value,
            credit=queries.credit_of(act.affiliate) if act.affiliate else None,
        )
