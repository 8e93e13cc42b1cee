"""The desk where an insured person, who has no account, gets a copy of what is held on them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from affiliates.access import staff_affiliates
from affiliates.enums import CopyOf
from affiliates.models import DataCopy, Employee, Employment
from damancom import copying
from damancom.copy_pages import hand_out
from damancom.tasks import make_copy
from portal import clock, limits
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.fresh import fresh
from portal.tasks import wake

PAGE = 25


class HandOverForm(forms.Form):
    """What the clerk saw and why: kept with the copy, and read by who reviews the desk."""

    seen = forms.BooleanField(
        label=gettext_lazy(
            "La personne est devant moi, et j’ai comparé sa pièce d’identité avec sa fiche."
        )
    )
    reason = forms.CharField(
        label=gettext_lazy("Motif"),
        help_text=gettext_lazy(
            "Sa demande en quelques mots : elle lira cette phrase dans sa copie."
        ),
        min_length=10,
        max_length=300,
    )


@admin.register(DataCopy)
class DataCopyAdmin(StaffScreens):
    """Copies made for insured persons. One clerk is enough, shown again who they are; each act is traced."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("assures/<int:pk>/", self.ask_view, "ask"),
            self.screen("<int:pk>/copie.zip", self.download_view, "download"),
        ]

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(of=CopyOf.INSURED.value, employee__in=_people_of(request))

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Which copies were made, for whom, by whom and why."""
        rows = self.get_queryset(request).select_related("employee", "asked_by")
        page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
        for row in page:
            self.read(request, "copy.looked_up", row.employee or row, [])
        return self.page(
            request,
            "admin/affiliates/copies.html",
            title=capfirst(self.opts.verbose_name_plural),
            page=page,
            now=clock.now(),
        )

    @method_decorator(fresh)
    def ask_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Have a copy made for a person who is there."""
        person = get_object_or_404(_people_of(request), pk=pk)
        form = HandOverForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            actor = actor_of(request)
            limits.count(limits.COPIES, str(actor.pk))
            row = copying.ask(
                actor=actor, at=clock.now(), employee=person, reason=form.cleaned_data["reason"]
            )
            wake(make_copy, row.pk)
            messages.success(request, _("La copie se prépare : elle sera prête dans cette liste."))
            return redirect(self.address("changelist"))
        # In the trace of the person alone: what they ask about themselves is none of their employer's business.
        self.read(request, "copy.looked_up", person, [])
        return self.page(
            request,
            "admin/affiliates/copy.html",
            title=_("Copie des données d’un assuré"),
            person=person,
            form=form,
            status=422 if form.errors else 200,
        )

    @method_decorator(require_safe)
    @method_decorator(fresh)
    def download_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The archive, for the clerk who asked for it."""
        rows = self.get_queryset(request).filter(asked_by=actor_of(request))
        return hand_out(request, get_object_or_404(rows.select_related("employee"), pk=pk))


def _people_of(request: HttpRequest) -> QuerySet[Employee]:
    """The insured persons whom this member of staff may see."""
    employed = Employment.objects.filter(affiliate__in=staff_affiliates(request.user))
    return Employee.objects.filter(pk__in=employed.values("employee"))
