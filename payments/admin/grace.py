"""Remission and plans on the clerk's desk: read, propose, and let a second person decide."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import staff_affiliates
from payments.enums import GraceState
from payments.forms import ReasonForm
from payments.grace_pages import facts_of
from payments.models import GraceRequest
from payments.workflows import grace
from portal import clock
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.errors import add_to_form
from portal.fresh import fresh
from regulation.errors import DomainError


@admin.register(GraceRequest)
class GraceRequestAdmin(StaffScreens):
    """The requests of the affiliates on this desk; only our own pages are reachable."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("<int:pk>/", self.grace_view, "change"),
            self.screen("<int:pk>/<str:verb>/", self.decide_view, "decide"),
        ]

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(affiliate__in=staff_affiliates(request.user)).select_related(
            "affiliate", "requested_by", "proposed_by", "decided_by"
        )

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """By what they wait for."""
        states = {
            "demandes": (_("Demandes"), [GraceState.REQUESTED]),
            "valider": (_("À valider"), [GraceState.PROPOSED]),
            "cours": (_("En cours"), [GraceState.GRANTED]),
            "rompues": (_("Rompues"), [GraceState.BROKEN]),
            "closes": (
                _("Closes"),
                [GraceState.KEPT, GraceState.REFUSED, GraceState.WITHDRAWN],
            ),
        }
        asked = request.GET.get("file", "demandes")
        chosen = asked if asked in states else "demandes"
        rows = self.get_queryset(request)
        tabs = [
            (name, label, rows.filter(state__in=[one.value for one in these]), name == chosen)
            for name, (label, these) in states.items()
        ]
        shown = next(found for _name, _label, found, is_chosen in tabs if is_chosen)
        page = Paginator(shown.order_by("pk"), self.list_per_page).get_page(request.GET.get("page"))
        self.queue(request, [one.affiliate.affiliation_number for one in page])
        return self.page(
            request,
            "admin/payments/graces.html",
            title=_("Remises et échelonnements"),
            tabs=[
                (name, label, found.count(), is_chosen) for name, label, found, is_chosen in tabs
            ],
            page=page,
        )

    @method_decorator(require_safe)
    def grace_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One request, its schedule and its conditions."""
        found = get_object_or_404(self.get_queryset(request), pk=pk)
        return self._grace_page(request, found, ReasonForm())

    @method_decorator([require_POST, fresh])
    def decide_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponseBase:
        """Propose, grant or refuse."""
        found = get_object_or_404(self.get_queryset(request), pk=pk)
        form = ReasonForm(request.POST)
        actor, at = actor_of(request), clock.now()
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        try:
            match verb:
                case "accorder":
                    grace.grant(actor=actor, grace_id=found.pk, at=at)
                    done = _("Demande accordée : la remise est passée, le plan commence.")
                case "refuser":
                    grace.refuse(actor=actor, grace_id=found.pk, reason=reason, at=at)
                    done = _("Demande refusée.")
                case _other:
                    grace.propose(actor=actor, grace_id=found.pk, opinion=reason, at=at)
                    done = _("Avis favorable enregistré : une autre personne doit décider.")
        except DomainError as refusal:
            add_to_form(form, refusal)
            return self._grace_page(request, found, form, status=422)
        messages.success(request, done)
        return redirect("admin:payments_gracerequest_change", found.pk)

    def _grace_page(
        self, request: HttpRequest, found: GraceRequest, form: ReasonForm, status: int = 200
    ) -> HttpResponse:
        self.read(request, "payments.grace_read", found, [found.affiliate.affiliation_number])
        mine = found.proposed_by_id == actor_of(request).pk
        acts_here = self.has_act_permission(request)
        return self.page(
            request,
            "admin/payments/grace.html",
            status=status,
            title=str(found),
            form=form,
            may_propose=acts_here and found.state == GraceState.REQUESTED.value,
            may_decide=acts_here and found.state == GraceState.PROPOSED.value and not mine,
            **facts_of(found),
        )
