"""The staff desk: search, read, then an action that calls a workflow. Nothing is edited in place."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DecimalField, Field, Model, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from portal import audit, formats, purposes
from portal.errors import add_to_form, add_to_messages
from portal.fresh import fresh_to_act
from portal.models import AuditEntry, Incident, Mail, Purge, StoredFile, User
from regulation.errors import DomainError


class TranslatedChoices(admin.ChoicesFieldListFilter):
    """A filter on a state: its labels are messages of the catalogue, like everywhere else."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": formats.label(choice["display"])}


admin.FieldListFilter.register(
    lambda field: bool(field.flatchoices), TranslatedChoices, take_priority=True
)


def readable(model: type[Model], name: Any) -> Any:
    """What stands for a field on a screen to read: states in the language of the screen, amounts as everywhere."""
    try:
        field = model._meta.get_field(name)
    except (FieldDoesNotExist, TypeError):
        return name
    if not isinstance(field, Field):
        return name
    choices = dict(field.flatchoices)
    if choices:

        def shown(row: Model) -> str:
            value = getattr(row, name)
            return formats.label(choices.get(value, value)) if value not in (None, "") else "—"
    elif isinstance(field, DecimalField):

        def shown(row: Model) -> str:
            value = getattr(row, name)
            return "—" if value is None else formats.number(value)
    else:
        return name
    shown.__name__ = str(name)
    return admin.display(description=field.verbose_name, ordering=name)(shown)


class StaffAdmin(admin.ModelAdmin):
    """Read-only unless a subclass states otherwise.

    A subclass says whose data a row is (``affiliation_number_of``): opening it then leaves an entry in the
    trace. It may narrow what this member of staff sees (``visible``).
    """

    list_per_page = 50
    show_full_result_count = False
    # Whether a row is opened outside any queue: why is then asked first, and the firm reads it.
    asks_purpose: ClassVar[bool] = False

    def affiliation_number_of(self, row: Any) -> str:
        """The affiliate whose data ``row`` is; empty when it is nobody's."""
        return ""

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        """What this member of staff may see; everything unless narrowed."""
        return rows

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return self.visible(request, super().get_queryset(request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [readable(self.model, name) for name in super().get_list_display(request)]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return fieldsets
        return [
            (title, {**shown, "fields": [readable(self.model, name) for name in shown["fields"]]})
            for title, shown in fieldsets
        ]

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @method_decorator(fresh_to_act)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """To read, anybody who may; to act on what was ticked, whoever just showed who they are."""
        return super().changelist_view(request, extra_context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        number = self.affiliation_number_of(row) if row is not None else ""
        told: dict[str, str] = {}
        if number and self.asks_purpose and self.has_view_permission(request, row):
            told = purposes.told(request, number)
            if not told:
                return purposes.ask(request, number, self.admin_site.each_context(request))
        response = super().change_view(request, object_id, form_url, extra_context)
        if row is not None and number and response.status_code == 200:
            audit.record_reading(
                request, action="staff.read", subject=row, affiliation_number=number, **told
            )
        return response


class StaffScreens(StaffAdmin):
    """A desk made of our own screens alone: no raw form, no deletion, no history of forms is reachable."""

    def screen(self, route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        """The address of one screen, named as Django's own are: ``admin:<app>_<model>_<name>``."""
        full_name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(route, self.admin_site.admin_view(view), name=full_name)

    def address(self, name: str, *args: object) -> str:
        """Where one of the screens is."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)

    def page(
        self, request: HttpRequest, template: str, *, status: int = 200, **context: Any
    ) -> HttpResponse:
        """A screen of the desk."""
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, template, context, status=status).render()

    def act(
        self, request: HttpRequest, pk: int, verb: Callable[[], object], done: str
    ) -> HttpResponseBase:
        """Do what a button says, then back to the file; a refusal is told there."""
        try:
            verb()
        except DomainError as refusal:
            add_to_messages(request, refusal)
        else:
            messages.success(request, done)
        return redirect(self.address("change", pk))

    def submit(
        self,
        request: HttpRequest,
        pk: int,
        form: BaseForm,
        verb: Callable[[], object],
        done: str,
    ) -> HttpResponseBase | None:
        """Do what a sound form says, then back to the file; None when the form must be shown again with its faults."""
        if form.is_valid():
            try:
                verb()
            except DomainError as refusal:
                add_to_form(form, refusal)
            else:
                messages.success(request, done)
                return redirect(self.address("change", pk))
        return None


@admin.register(AuditEntry)
class AuditEntryAdmin(StaffAdmin):
    list_display = (
        "at",
        "actor_name",
        "office_name",
        "action",
        "affiliation_number",
        "subject_type",
        "subject_id",
        "request_id",
    )
    list_filter = ("action", "subject_type")
    search_fields = ("=affiliation_number", "=subject_id", "=request_id", "actor_name")
    date_hierarchy = "at"

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) and request.user.has_perm(
            "portal.view_auditentry"
        )


@admin.register(Incident)
class IncidentAdmin(StaffAdmin):
    """What broke, by the code that a person reads to the agency; with it, the acts and letters of that request."""

    list_display = ("code", "at", "place", "status", "kind")
    list_filter = ("kind",)
    search_fields = ("=code",)
    date_hierarchy = "at"
    fields = ("code", "at", "place", "status", "kind", "where", "acts", "letters")
    readonly_fields = ("acts", "letters")

    @admin.display(description=_("actes de la même demande"))
    def acts(self, row: Incident) -> str:
        found = AuditEntry.objects.filter(request_id=row.code).order_by("pk") if row.code else ()
        return ", ".join(f"{act.action} ({act.actor_name})" for act in found) or "—"

    @admin.display(description=_("courriels de la même demande"))
    def letters(self, row: Incident) -> str:
        found = Mail.objects.filter(request_id=row.code).order_by("pk") if row.code else ()
        return ", ".join(f"#{one.pk}" for one in found) or "—"


@admin.register(Purge)
class PurgeAdmin(StaffAdmin):
    """What was forgotten, and when: numbers, of nobody."""

    list_display = ("ended_at", "rule", "removed")
    list_filter = ("rule",)


@admin.register(User)
class UserAdmin(StaffAdmin):
    list_display = ("full_name", "email", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("=email", "full_name")
    fields = ("full_name", "email", "language", "is_staff", "is_active", "last_login", "created_at")


@admin.register(StoredFile)
class StoredFileAdmin(StaffAdmin):
    list_display = ("stored_at", "name", "size", "sha256", "stored_by")
    search_fields = ("name", "=sha256")
    list_select_related = ("stored_by",)


@admin.register(Mail)
class MailAdmin(StaffAdmin):
    """Which letters left, and which the mail server refused. What they say is between the portal and the person."""

    list_display = ("created_at", "subject", "user", "state", "outcome", "answer", "sent_at")
    list_filter = ("state", "outcome", "is_reminder", "language")
    search_fields = ("=key", "=user__email", "=address", "=request_id")
    list_select_related = ("user",)
    exclude = ("text",)
