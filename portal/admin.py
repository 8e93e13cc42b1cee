"""The staff desk: search, read, then an action that calls a workflow. Nothing is edited in place."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property, wraps
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db.models import CharField, DateField, DecimalField, Field, Model, QuerySet
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from portal import audit, formats, purposes, searches, veils
from portal.acts import words_of
from portal.enums import Purpose
from portal.errors import add_to_form, add_to_messages
from portal.fresh import fresh_to_act
from portal.models import AuditEntry, Incident, Mail, Purge
from portal.request_code import CODE_LETTERS
from regulation.errors import DomainError


class TranslatedChoices(admin.ChoicesFieldListFilter):
    """A filter on a state: its labels are messages of the catalogue, like everywhere else."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            # A state that is not set has no label: a link needs words.
            yield {**choice, "display": formats.label(choice["display"]) or "—"}


class NamedValues(admin.AllValuesFieldListFilter):
    """A filter on the values that a list holds; the empty one is a dash, for a link needs words."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": str(choice["display"] or "").strip() or "—"}


admin.FieldListFilter.register(
    lambda field: bool(field.flatchoices), TranslatedChoices, take_priority=True
)
admin.FieldListFilter.register(
    lambda field: isinstance(field, CharField), NamedValues, take_priority=True
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
    if veils.kept_of(model, str(name)) is not None:

        def shown(row: Model) -> str:
            return veils.text_of(row, str(name), is_shown=veils.is_marked(row)) or "—"
    elif choices:

        def shown(row: Model) -> str:
            value = getattr(row, name)
            return formats.label(choices.get(value, value)) if value not in (None, "") else "—"
    elif isinstance(field, DateField):

        def shown(row: Model) -> str:
            value = getattr(row, name)
            if value is None:
                return "—"
            return formats.instant(value) if isinstance(value, datetime) else formats.day(value)
    elif isinstance(field, DecimalField):

        def shown(row: Model) -> str:
            value = getattr(row, name)
            return "—" if value is None else formats.number(value)
    else:
        return name
    shown.__name__ = str(name)
    return admin.display(description=field.verbose_name, ordering=name)(shown)


class ReadOnlyInline(admin.TabularInline):
    """Rows shown under their parent, to read: states in the language of the screen, as everywhere."""

    extra = 0
    can_delete = False
    show_change_link = False

    @cached_property
    def _shown(self) -> list[Any]:
        return [readable(self.model, name) for name in self.fields or ()]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self._shown

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self._shown

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _reason_first(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A list that takes the answer to why it is opened before anything else: nothing is read or done by it."""

    @wraps(view)
    def opened(
        self: "StaffAdmin", request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if purposes.is_answered(request):
            return self._ask_why(request)
        return view(self, request, extra_context)

    return opened


class FoundList(ChangeList):
    """A list of the desk; what is looked for in it stands in the session, not in its address."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> "QuerySet[Any]":
        self.query = searches.text_of(request)
        return super().get_queryset(request, exclude_parameters)


class StaffAdmin(admin.ModelAdmin):
    """Read-only unless a subclass states otherwise.

    A subclass says whose data a row is (``affiliation_number_of``): opening it, and the list that shows it, then leave
    an entry in the trace; the list asks why first. It may narrow what this member of staff sees (``visible``).
    """

    list_per_page = 50
    show_full_result_count = False
    # Whether a row is opened outside any queue: why is then asked first, and the firm reads it.
    asks_purpose: ClassVar[bool] = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return FoundList

    def affiliation_number_of(self, row: Any) -> str:
        """The affiliate whose data ``row`` is; empty when it is nobody's."""
        return ""

    def affiliation_numbers_of(self, rows: Sequence[Any]) -> set[str]:
        """The affiliates whose data these rows are, in a constant number of queries."""
        return {number for row in rows if (number := self.affiliation_number_of(row))}

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        """What this member of staff may see; everything unless narrowed."""
        return rows

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return self.visible(request, super().get_queryset(request))

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """The row; whole for whoever asked to be shown it and said why, veiled otherwise."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            veils.mark(request, row)
        return row

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [readable(self.model, name) for name in super().get_list_display(request)]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return fieldsets
        return [
            (title, {**shown, "fields": [self._field(request, name) for name in shown["fields"]]})
            for title, shown in fieldsets
        ]

    def _field(self, request: HttpRequest, name: Any) -> Any:
        """A field to read; a row whose own screen this post does not open is named without a link."""
        related: Any = getattr(getattr(self.model, str(name), None), "field", None)
        model: Any = getattr(related, "related_model", None)
        screen: Any = self.admin_site._registry.get(model)
        if screen is None or screen.may_read(request):
            return readable(self.model, name)

        def shown(row: Model) -> str:
            return str(getattr(row, name) or "—")

        shown.__name__ = name
        return admin.display(description=related.verbose_name)(shown)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether the post of this person opens this screen: to read it, or to act there."""
        # Saying why one opens something is part of reading it: what takes that answer does nothing else.
        reads = request.method in ("GET", "HEAD") or purposes.is_answered(request)
        verb = "view" if reads else "change"
        return request.user.has_perm(f"{self.opts.app_label}.{verb}_{self.opts.model_name}")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the post of this person acts on this screen: what an action of a list asks for (« act »)."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def for_post(self, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        """The view, for whoever's post opens this desk; before anything else is asked or looked up."""

        @wraps(view)
        def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            acts = request.method not in ("GET", "HEAD")
            if not self.has_view_permission(request) or (
                acts and not self.has_act_permission(request)
            ):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return opened

    def may_read(self, request: HttpRequest) -> bool:
        """Whether the post of this person opens this screen at all, whatever the method of the request."""
        return request.user.has_perm(f"{self.opts.app_label}.view_{self.opts.model_name}")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @_reason_first
    @method_decorator(fresh_to_act)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """To read, anybody who may and says why; to act on what was ticked, whoever just showed who they are."""
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        chosen = self._of_keys(request, ticked) if request.method == "POST" and ticked else []
        told = purposes.told(request, self.opts.label_lower)
        if chosen and not told and self.affiliation_numbers_of(chosen):
            return self._ask_why(request)
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        numbers = self.affiliation_numbers_of(
            [*chosen, *(shown["cl"].result_list if "cl" in shown else ())]
        )
        if numbers and response.status_code == 200:
            if not told:
                return self._ask_why(request)
            audit.record_listing(request, of=self.model, numbers=numbers, **told)
        return response

    def _of_keys(self, request: HttpRequest, keys: list[str]) -> list[Any]:
        """The rows of this desk that were ticked; a key that is none is of no row."""
        sound = [key for key in keys if key.isascii() and key.isdecimal() and len(key) < 19]
        return list(self.get_queryset(request).filter(pk__in=sound))

    def _ask_why(self, request: HttpRequest) -> HttpResponse:
        """The page that asks why this list is opened."""
        title = str(capfirst(self.opts.verbose_name_plural))
        context = self.admin_site.each_context(request)
        return purposes.ask(request, self.opts.label_lower, context, title=title)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There is none: what was done to a row is in the trace of acts, not in Django's own journal."""
        raise Http404

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        numbers = self.affiliation_numbers_of([row]) if row is not None else set()
        told: dict[str, str] = {}
        if numbers and self.asks_purpose and self.has_view_permission(request, row):
            number = min(numbers)
            told = purposes.told(request, number)
            if not told:
                return purposes.ask(request, number, self.admin_site.each_context(request))
        response = super().change_view(request, object_id, form_url, extra_context)
        if row is not None and response.status_code == 200:
            for number in sorted(numbers):
                audit.record_reading(
                    request, action="staff.read", subject=row, affiliation_number=number, **told
                )
        return response


class StaffScreens(StaffAdmin):
    """A desk made of our own screens alone: no raw form, no deletion, no history of forms is reachable."""

    def screen(self, route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        """The address of one screen, named as Django's own are: ``admin:<app>_<model>_<name>``."""
        full_name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(route, self.admin_site.admin_view(self.for_post(view)), name=full_name)

    def address(self, name: str, *args: object) -> str:
        """Where one of the screens is."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)

    def read(
        self, request: HttpRequest, action: str, subject: Model, numbers: Iterable[str]
    ) -> None:
        """Note that ``subject`` was looked at, for each of these affiliates; for nobody when there is none."""
        for number in sorted(set(numbers)) or [""]:
            audit.record_reading(request, action=action, subject=subject, affiliation_number=number)

    def queue(self, request: HttpRequest, numbers: Iterable[str]) -> None:
        """Note that a queue was looked at, with cases of these affiliates: what waits is its own reason."""
        audit.record_listing(
            request, of=self.model, numbers=numbers, purpose=Purpose.QUEUE.value, detail=""
        )

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


class ActsFilter(NamedValues):
    """The acts that the trace holds, in words."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            code = str(choice["display"])
            yield {**choice, "display": formats.label(words_of(code)) if "." in code else code}


@admin.register(AuditEntry)
class AuditEntryAdmin(StaffAdmin):
    list_display = (
        "at",
        "actor_name",
        "office_name",
        "act",
        "affiliation_number",
        "request_id",
    )
    list_filter = (("action", ActsFilter),)
    search_fields = ("=affiliation_number", "=subject_id", "=request_id", "actor_name")
    date_hierarchy = "at"

    fields = (
        "at", "actor_name", "office_name", "act", "affiliation_number",
        "subject_type", "subject_id", "told", "request_id",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description=_("faits"))
    def told(self, row: AuditEntry) -> str:
        """Each fact on a line of its own."""
        lines = [
            (name, ", ".join(map(str, value)) if isinstance(value, list) else value)
            for name, value in row.facts.items()
            if value
        ]
        return format_html_join("", "<div><bdi>{}</bdi> : <bdi>{}</bdi></div>", lines) or "—"

    @admin.display(description=_("acte"), ordering="action")
    def act(self, row: AuditEntry) -> str:
        return formats.label(words_of(row.action))

    def affiliation_numbers_of(self, rows: Sequence[AuditEntry]) -> set[str]:
        """Whose act it was, or who stood in the list."""
        found = {row.affiliation_number for row in rows if row.affiliation_number}
        return found.union(*(row.facts.get("firms", ()) for row in rows))


@admin.register(Incident)
class IncidentAdmin(StaffAdmin):
    """What broke, by the code that a person reads to the agency; with it, the acts and letters of that request."""

    list_display = ("code", "at", "place", "status", "kind")
    list_filter = ("kind",)
    search_fields = ("=code",)
    nothing_found = _(
        "Rien ne s’est cassé sous ce code : la page n’existait pas, n’était pas ouverte à cette personne, ou "
        "tout le service était arrêté à ce moment. Demandez-lui ce qu’elle cherchait à faire."
    )
    search_help_text = _("Le code que la personne lit sur la page d’erreur, comme AB12-CD34.")
    date_hierarchy = "at"
    fields = ("code", "at", "place", "status", "kind", "where", "acts", "letters")
    readonly_fields = ("acts", "letters")

    def affiliation_numbers_of(self, rows: Sequence[Incident]) -> set[str]:
        """The affiliates that the acts of the same requests were about."""
        codes = [row.code for row in rows if row.code]
        acts = AuditEntry.objects.filter(request_id__in=codes).exclude(affiliation_number="")
        return set(acts.order_by().values_list("affiliation_number", flat=True))

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        """A code as it is heard on the telephone: small letters, without its dash, with blanks."""
        heard = "".join(search_term.split()).replace("-", "").upper()
        asked = f"{heard[:4]}-{heard[4:]}" if len(heard) == CODE_LETTERS else search_term
        return super().get_search_results(request, queryset, asked)

    @admin.display(description=_("actes de la même demande"))
    def acts(self, row: Incident) -> str:
        found = AuditEntry.objects.filter(request_id=row.code).order_by("pk") if row.code else ()
        return (
            " · ".join(f"{formats.label(words_of(act.action))} ({act.actor_name})" for act in found)
            or "—"
        )

    @admin.display(description=_("courriels de la même demande"))
    def letters(self, row: Incident) -> str:
        found = Mail.objects.filter(request_id=row.code).order_by("pk") if row.code else ()
        return ", ".join(f"#{one.pk}" for one in found) or "—"


@admin.register(Purge)
class PurgeAdmin(StaffAdmin):
    """What was forgotten, and when: numbers, of nobody."""

    list_display = ("ended_at", "rule", "removed")
    list_filter = ("rule",)
