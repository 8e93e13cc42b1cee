"""Accounts opened again at the counter: two members of one agency, one after the other."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates import workflows
from affiliates.admin.people import firms_of
from affiliates.enums import RecoveryState
from affiliates.forms import OpenRecoveryForm, RefuseRecoveryForm
from affiliates.models import AccountRecovery, Membership
from affiliates.queries.posts import staff_recoveries
from portal import clock
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.errors import add_to_form
from portal.fresh import fresh
from regulation.errors import DomainError

PAGE = 25


@admin.register(AccountRecovery)
class RecoveryAdmin(StaffScreens):
    """The recoveries of one's agency; opening one, then the word of a second person."""

    def get_urls(self) -> list[URLPattern]:
        """Only our own pages."""
        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("ouvrir/", self.open_view, "open"),
            self.screen("<int:pk>/", self.file_view, "change"),
            self.screen("<int:pk>/approuver/", self.approve_view, "approve"),
            self.screen("<int:pk>/refuser/", self.refuse_view, "refuse"),
        ]

    def rows(self, request: HttpRequest) -> QuerySet[AccountRecovery]:
        """Those of the agency where this member of staff works."""
        return staff_recoveries(actor_of(request)).select_related(
            "user", "agency", "opened_by", "decided_by"
        )

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What waits for a second person first, then the others, newest first."""
        rows = self.rows(request)
        waiting = rows.filter(state=RecoveryState.WAITING.value).order_by("pk")
        past = rows.exclude(state=RecoveryState.WAITING.value)
        page = Paginator(past, PAGE).get_page(request.GET.get("page"))
        self.queue(request, firms_of(row.user_id for row in (*waiting[:100], *page)))
        return self.page(
            request,
            "admin/affiliates/recoveries.html",
            title=_("Récupérations de compte"),
            waiting=waiting[:100],
            page=page,
        )

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    @method_decorator(fresh)
    def open_view(self, request: HttpRequest) -> HttpResponseBase:
        """Somebody is at the counter with a paper: write it down."""
        form = OpenRecoveryForm(request.POST if "email" in request.POST else None)
        if form.is_valid():
            told = form.cleaned_data
            try:
                row = workflows.open_recovery(
                    actor=actor_of(request),
                    at=clock.now(),
                    email=told["email"],
                    document=told["document"],
                    lost=told["lost"],
                )
            except DomainError as refusal:
                add_to_form(form, refusal)
            else:
                return redirect(self.address("change", row.pk))
        return self.page(
            request,
            "admin/affiliates/open_recovery.html",
            status=422 if form.errors else 200,
            title=_("Rouvrir un compte"),
            form=form,
        )

    @method_decorator(require_safe)
    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One request: whose account, who asked, what remains to be done."""
        return self._file(request, get_object_or_404(self.rows(request), pk=pk))

    @method_decorator(require_POST)
    @method_decorator(fresh)
    def approve_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The second person saw the paper too."""
        row = get_object_or_404(self.rows(request), pk=pk)
        return self.act(
            request,
            pk,
            lambda: workflows.approve_recovery(
                actor=actor_of(request), at=clock.now(), recovery=row
            ),
            _("Approuvée : le lien est parti à l’adresse du compte."),
        )

    @method_decorator(require_POST)
    def refuse_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Stop it, with the reason."""
        row = get_object_or_404(self.rows(request), pk=pk)
        form = RefuseRecoveryForm(request.POST)

        def act() -> None:
            workflows.refuse_recovery(
                actor=actor_of(request), at=clock.now(), recovery=row, words=form.cleaned_data["words"]
            )  # fmt: skip

        answer = self.submit(request, pk, form, act, _("La récupération est refusée."))
        return answer or self._file(request, row, form)

    def _file(
        self, request: HttpRequest, row: AccountRecovery, form: RefuseRecoveryForm | None = None
    ) -> HttpResponse:
        actor = actor_of(request)
        firms = Membership.objects.filter(user=row.user, ended_at__isnull=True)
        self.read(request, "recovery.read", row, firms_of([row.user_id]))
        is_open = row.state == RecoveryState.WAITING or workflows.opens(row, clock.now())
        return self.page(
            request,
            "admin/affiliates/recovery.html",
            status=422 if form else 200,
            title=row.user.full_name,
            row=row,
            firms=firms.select_related("affiliate").order_by("affiliate__affiliation_number")[:20],
            may_approve=row.state == RecoveryState.WAITING
            and actor.pk not in (row.opened_by_id, row.user_id),
            is_mine=row.opened_by_id == actor.pk,
            is_open=is_open,
            form=form or RefuseRecoveryForm(),
        )
