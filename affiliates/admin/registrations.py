"""Requests to register people, on the clerk's desk: a queue, and a page with who may be the same person.

Nothing is edited in place: Django's own forms for these rows are not reachable.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates import queries, transitions, workflows
from affiliates.downloads import registration_piece
from affiliates.enums import RegistrationState, RequestAct, RequestParty
from affiliates.forms import WordsForm
from affiliates.models import Employee, RegistrationPiece, RegistrationRequest
from affiliates.queries.registrations import people_like, requests_like, staff_registrations
from portal import audit, clock
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.errors import add_to_messages
from regulation.errors import DomainError

PAGE = 25
#: What the queue may show; the first is what waits for a clerk.
_QUEUES = (
    RegistrationState.SENT,
    RegistrationState.PIECE_ASKED,
    RegistrationState.ISSUED,
    RegistrationState.REFUSED,
    RegistrationState.WITHDRAWN,
)


@admin.register(RegistrationRequest)
class RegistrationAdmin(StaffScreens):
    """Queue and file of the requests that a member of staff may see."""

    def get_urls(self) -> list[URLPattern]:
        """Only our own pages: no raw form, no deletion."""

        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("<int:pk>/", self.file_view, "change"),
            self.screen("<int:pk>/demander/", self.ask_view, "ask"),
            self.screen("<int:pk>/refuser/", self.refuse_view, "refuse"),
            self.screen("<int:pk>/numero/", self.issue_view, "issue"),
            self.screen("<int:pk>/pieces/<int:piece_pk>/", self.piece_view, "piece"),
        ]

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The requests of one state, oldest first, with a search."""
        told = request.GET.get("etat", "")
        chosen = next((state for state in _QUEUES if state.value == told), _QUEUES[0])
        search = request.GET.get("q", "").strip()[:60]
        seen = staff_registrations(request.user)
        rows = seen.filter(state=chosen.value).select_related("affiliate").order_by("sent_at", "pk")
        if search:
            rows = rows.filter(
                Q(number__icontains=search)
                | Q(card_number__iexact=search)
                | Q(last_name__icontains=search)
                | Q(affiliate__affiliation_number=search)
            )
        return self.page(
            request,
            "admin/affiliates/registrations.html",
            title=_("Immatriculations"),
            page=Paginator(rows, PAGE).get_page(request.GET.get("page")),
            tabs=[
                (state, seen.filter(state=state.value).count(), state is chosen)
                for state in _QUEUES
            ],
            chosen=chosen,
            search=search,
        )

    @method_decorator(require_safe)
    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One request beside whoever looks like the person; looking at it leaves a trace."""
        return self._file_page(request, self._request(request, pk))

    @method_decorator(require_safe)
    def piece_view(self, request: HttpRequest, pk: int, piece_pk: int) -> HttpResponseBase:
        """Download a piece; doing so leaves a trace."""
        row = self._request(request, pk)
        piece = get_object_or_404(
            RegistrationPiece.objects.select_related("stored", "request"),
            pk=piece_pk,
            request=row,
        )
        audit.record_reading(
            request,
            action="registration.read_piece",
            subject=piece,
            affiliation_number=row.affiliate.affiliation_number,
        )
        return registration_piece(piece)

    @method_decorator(require_POST)
    def ask_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Ask the employer for a piece."""
        return self._write(request, pk, "ask", workflows.ask_for_piece, _("Demande envoyée."))

    @method_decorator(require_POST)
    def refuse_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Refuse, with the reason."""
        return self._write(
            request, pk, "refuse", workflows.refuse_request, _("La demande est refusée.")
        )

    @method_decorator(require_POST)
    def issue_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give a new number, or tell that of the person recognised (`person`)."""
        row = self._request(request, pk)
        told = request.POST.get("person", "")
        known = None
        if told:
            found = [one.person for one in people_like(row) if str(one.person.pk) == told]
            known = found[0] if found else get_object_or_404(Employee, pk=0)
        try:
            row = workflows.issue_number(
                actor=actor_of(request), at=clock.now(), request=row, known=known
            )
        except DomainError as refusal:
            add_to_messages(request, refusal)
        else:
            number = row.employee.registration_number if row.employee else ""
            messages.success(request, _("Numéro communiqué : %(number)s.") % {"number": number})
        return redirect("admin:affiliates_registrationrequest_change", pk)

    def _write(
        self,
        request: HttpRequest,
        pk: int,
        name: str,
        verb: Callable[..., object],
        done: str,
    ) -> HttpResponseBase:
        row = self._request(request, pk)
        form = WordsForm(request.POST, prefix=name)

        def act() -> None:
            verb(
                actor=actor_of(request),
                at=clock.now(),
                request=row,
                text=form.cleaned_data["text"],
            )

        answer = self.submit(request, pk, form, act, done)
        return answer or self._file_page(request, row, {name: form})

    def _request(self, request: HttpRequest, pk: int) -> RegistrationRequest:
        rows = staff_registrations(request.user).select_related("affiliate__agency", "employee")
        return get_object_or_404(rows, pk=pk)

    def _file_page(
        self,
        request: HttpRequest,
        row: RegistrationRequest,
        bound: dict[str, WordsForm] | None = None,
    ) -> HttpResponse:
        audit.record_reading(
            request,
            action="registration.read",
            subject=row,
            affiliation_number=row.affiliate.affiliation_number,
        )
        may = transitions.may_register(RegistrationState(row.state), RequestParty.CLERK)
        open_now = RequestAct.GRANT in may
        words = {"ask": WordsForm(prefix="ask"), "refuse": WordsForm(prefix="refuse")}
        return self.page(
            request,
            "admin/affiliates/registration.html",
            title=row.number,
            row=row,
            steps=queries.steps_of(row),
            pieces=row.pieces.select_related("stored"),
            people=people_like(row) if open_now else [],
            others=requests_like(row) if open_now else [],
            may_grant=open_now,
            may_ask=RequestAct.ASK_FOR_PIECE in may,
            may_refuse=RequestAct.REFUSE in may,
            forms=words | (bound or {}),
            opened=next(iter(bound or {}), ""),
            status=422 if bound else 200,
        )
