"""The desk that both kinds of request share: a queue by state, a file, pieces, and acts that carry words."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import Actor
from affiliates.enums import RequestAct
from affiliates.forms import WordsForm
from portal import audit, clock, searches, veils
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.fresh import fresh

PAGE = 25


class RequestDesk(StaffScreens):
    """Queue and file of the requests that a member of staff may see; nothing is edited in place.

    A subclass says which states have a queue (the first is what waits for a clerk), whose rows a member of staff
    sees, and what a clerk may do with one.
    """

    queues: ClassVar[Sequence[StrEnum]]
    name: ClassVar[str]  # the first word of its trace: « affiliation.read »
    list_template: ClassVar[str]
    file_template: ClassVar[str]
    shown_with: ClassVar[Sequence[str]]
    grant_route: ClassVar[str]
    ask: ClassVar[Callable[..., object]]
    refuse: ClassVar[Callable[..., object]]

    @abstractmethod
    def rows_for(self, user: Actor) -> "QuerySet[Any]":
        """The requests on this person's desk."""

    @abstractmethod
    def matching(self, search: str) -> Q:
        """What the search of the queue looks for."""

    @abstractmethod
    def number_of(self, row: Any) -> str:
        """The affiliate whose data the request is; empty before there is one."""

    @abstractmethod
    def download(self, piece: Any) -> HttpResponseBase:
        """One of its pieces, handed out."""

    @abstractmethod
    def may(self, row: Any) -> frozenset[RequestAct]:
        """What a clerk may do with the request now."""

    @abstractmethod
    def facts(self, row: Any, is_open: bool) -> dict[str, Any]:
        """What the page of this kind shows beside the steps and the pieces."""

    def beside(self, row: Any, facts: dict[str, Any]) -> Iterable[tuple[Model, str]]:
        """What ``facts`` show of other affiliates than the one that asks, each with the number of its affiliate."""
        return ()

    @abstractmethod
    def grant_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give what was asked for."""

    def get_urls(self) -> list[URLPattern]:
        """Only our own pages: no raw form, no deletion."""
        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("<int:pk>/", self.file_view, "change"),
            self.screen("<int:pk>/demander/", self.ask_view, "ask"),
            self.screen("<int:pk>/refuser/", self.refuse_view, "refuse"),
            self.screen(
                f"<int:pk>/{self.grant_route}/", require_POST(fresh(self.grant_view)), "grant"
            ),
            self.screen("<int:pk>/pieces/<int:piece_pk>/", self.piece_view, "piece"),
        ]

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The requests of one state, oldest first, with a search."""
        told = request.GET.get("etat", "")
        chosen = next((state for state in self.queues if state.value == told), self.queues[0])
        search = searches.text_of(request)[:60]
        seen = self.rows_for(request.user)
        rows = seen.filter(state=chosen.value).order_by("sent_at", "pk")
        if search:
            rows = rows.filter(self.matching(search))
        page = Paginator(rows.select_related(*self.shown_with), PAGE).get_page(
            request.GET.get("page")
        )
        self.queue(request, [self.number_of(row) for row in page])
        return self.page(
            request,
            self.list_template,
            title=capfirst(self.opts.verbose_name_plural),
            page=page,
            tabs=[
                (state, seen.filter(state=state.value).count(), state is chosen)
                for state in self.queues
            ],
            chosen=chosen,
            search=search,
        )

    @method_decorator(require_safe)
    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One request beside whatever looks like it; looking at it leaves a trace."""
        return self._file_page(request, self.request_of(request, pk))

    @method_decorator(require_safe)
    def piece_view(self, request: HttpRequest, pk: int, piece_pk: int) -> HttpResponseBase:
        """Download a piece; doing so leaves a trace."""
        row = self.request_of(request, pk)
        piece = get_object_or_404(row.pieces.select_related("stored"), pk=piece_pk)
        self._trace(request, "read_piece", piece, row)
        return self.download(piece)

    @method_decorator(require_POST)
    def ask_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Ask for a piece."""
        return self._write(request, pk, "ask", type(self).ask, _("Demande envoyée."))

    @method_decorator(require_POST)
    def refuse_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Refuse, with the reason."""
        return self._write(request, pk, "refuse", type(self).refuse, _("La demande est refusée."))

    def request_of(self, request: HttpRequest, pk: int) -> Any:
        """The request, when it is on this person's desk; a 404 otherwise."""
        row = get_object_or_404(self.rows_for(request.user).select_related(*self.shown_with), pk=pk)
        veils.mark(request, row)
        return row

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(pk__in=self.rows_for(request.user).values("pk"))

    def affiliation_number_of(self, row: Any) -> str:
        return self.number_of(row)

    def _write(
        self, request: HttpRequest, pk: int, name: str, verb: Callable[..., object], done: str
    ) -> HttpResponseBase:
        row = self.request_of(request, pk)
        form = WordsForm(request.POST, prefix=name)

        def act() -> None:
            verb(
                actor=actor_of(request), at=clock.now(), request=row, text=form.cleaned_data["text"]
            )

        answer = self.submit(request, pk, form, act, done)
        return answer or self._file_page(request, row, {name: form})

    def _trace(self, request: HttpRequest, what: str, subject: Any, row: Any) -> None:
        audit.record_reading(
            request,
            action=f"{self.name}.{what}",
            subject=subject,
            affiliation_number=self.number_of(row),
        )

    def _file_page(
        self, request: HttpRequest, row: Any, bound: dict[str, WordsForm] | None = None
    ) -> HttpResponse:
        self._trace(request, "read", row, row)
        may = self.may(row)
        facts = self.facts(row, RequestAct.GRANT in may)
        for subject, number in self.beside(row, facts):
            if number != self.number_of(row):
                self.read(request, f"{self.name}.looked_up", subject, [number])
        words = {"ask": WordsForm(prefix="ask"), "refuse": WordsForm(prefix="refuse")}
        return self.page(
            request,
            self.file_template,
            title=row.number,
            row=row,
            main=row,
            steps=audit.with_offices_of_authors(
                row.steps.select_related("author").order_by("pk"), row
            ),
            pieces=row.pieces.select_related("stored"),
            may_grant=RequestAct.GRANT in may,
            may_ask=RequestAct.ASK_FOR_PIECE in may,
            may_refuse=RequestAct.REFUSE in may,
            ask_url=self.address("ask", row.pk),
            refuse_url=self.address("refuse", row.pk),
            forms=words | (bound or {}),
            opened=next(iter(bound or {}), ""),
            status=422 if bound else 200,
            **facts,
        )
