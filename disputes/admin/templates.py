"""The words that the staff use again."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import is_supervisor
from disputes.enums import Ground
from disputes.forms.disputes import TemplateForm
from disputes.models import AnswerTemplate
from disputes.workflows.templates import add_template, withdraw_template
from portal import clock
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.enums import Language
from portal.errors import add_to_form, message_of
from regulation.errors import DomainError


@admin.register(AnswerTemplate)
class AnswerTemplateAdmin(StaffScreens):
    """The words that the staff use again: read by all, written by supervisors."""

    def get_urls(self) -> list[URLPattern]:
        """Our own pages: a template is replaced or withdrawn, never edited."""
        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("ajouter/", self.write_view, "write"),
            self.screen("<int:pk>/retirer/", self.withdraw_view, "withdraw"),
        ]

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The words in use, and for a supervisor the form to add some."""
        return self._list(request, TemplateForm())

    @method_decorator(require_POST)
    def write_view(self, request: HttpRequest) -> HttpResponseBase:
        """Offer new words; a refusal shows the page again with what was typed."""
        form = TemplateForm(request.POST)
        if form.is_valid():
            typed = form.cleaned_data
            try:
                add_template(
                    actor=actor_of(request),
                    title=typed["title"],
                    language=Language(typed["language"]),
                    ground=Ground(typed["ground"]) if typed["ground"] else None,
                    text=typed["text"],
                    at=clock.now(),
                )
            except DomainError as refusal:
                add_to_form(form, refusal)
            else:
                messages.success(request, _("Le modèle est proposé à tous les agents."))
                return redirect(self.address("changelist"))
        return self._list(request, form, status=422)

    def _list(self, request: HttpRequest, form: TemplateForm, status: int = 200) -> HttpResponse:
        rows = AnswerTemplate.objects.filter(withdrawn_at__isnull=True)
        return self.page(
            request,
            "admin/disputes/templates.html",
            title=_("Modèles de réponse"),
            rows=rows.select_related("written_by"),
            form=form,
            may_write=is_supervisor(request.user),
            status=status,
        )

    @method_decorator(require_POST)
    def withdraw_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        row = get_object_or_404(AnswerTemplate, pk=pk)
        try:
            withdraw_template(actor=actor_of(request), template_id=row.pk, at=clock.now())
        except DomainError as refusal:
            messages.error(request, message_of(refusal))
        else:
            messages.success(request, _("Le modèle n’est plus proposé."))
        return redirect(self.address("changelist"))
