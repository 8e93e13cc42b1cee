"""Requests of new employers on the clerk's desk: a queue, and a page with who may be the same firm."""

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

from affiliates import transitions, workflows
from affiliates.downloads import affiliation_piece
from affiliates.enums import AffiliationState, RequestAct, RequestParty
from affiliates.forms import WordsForm
from affiliates.models import AffiliationPiece, AffiliationRequest
from affiliates.queries.affiliations import (
    affiliates_like,
    affiliation_steps,
    affiliations_like,
    staff_affiliations,
)
from portal import audit, clock
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.errors import add_to_messages
from regulation.errors import DomainError
from regulation.identifiers import ice_key_matches

PAGE = 25
_QUEUES = (
    AffiliationState.SENT,
    AffiliationState.PIECE_ASKED,
    AffiliationState.ACCEPTED,
    AffiliationState.REFUSED,
    AffiliationState.WITHDRAWN,
)


@admin.register(AffiliationRequest)
class AffiliationAdmin(StaffScreens):
    """Queue and file of the requests that a member of staff may see."""

    def get_urls(self) -> list[URLPattern]:
        """Only our own pages: no raw form, no deletion."""

        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("<int:pk>/", self.file_view, "change"),
            self.screen("<int:pk>/demander/", self.ask_view, "ask"),
            self.screen("<int:pk>/refuser/", self.refuse_view, "refuse"),
            self.screen("<int:pk>/accepter/", self.accept_view, "accept"),
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
        seen = staff_affiliations(request.user)
        rows = seen.filter(state=chosen.value).select_related("agency").order_by("sent_at", "pk")
        if search:
            rows = rows.filter(Q(name__icontains=search) | Q(ice=search) | Q(tax_id=search))
        return self.page(
            request,
            "admin/affiliates/affiliations.html",
            title=_("Affiliations"),
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
        """One request beside the affiliates and requests of the same numbers; looking at it leaves a trace."""
        return self._file_page(request, self._request(request, pk))

    @method_decorator(require_safe)
    def piece_view(self, request: HttpRequest, pk: int, piece_pk: int) -> HttpResponseBase:
        """Download a piece; doing so leaves a trace."""
        row = self._request(request, pk)
        piece = get_object_or_404(
            AffiliationPiece.objects.select_related("stored", "request"), pk=piece_pk, request=row
        )
        audit.record_reading(
            request, action="affiliation.read_piece", subject=piece, affiliation_number=""
        )
        return affiliation_piece(piece)

    @method_decorator(require_POST)
    def ask_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Ask the applicant for a piece."""
        return self._write(request, pk, "ask", workflows.ask_applicant, _("Demande envoyée."))

    @method_decorator(require_POST)
    def refuse_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Refuse, with the reason."""
        return self._write(
            request, pk, "refuse", workflows.refuse_affiliation, _("La demande est refusée.")
        )

    @method_decorator(require_POST)
    def accept_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Affiliate the firm and invite its owner."""
        row = self._request(request, pk)
        try:
            row = workflows.accept_affiliation(actor=actor_of(request), at=clock.now(), request=row)
        except DomainError as refusal:
            add_to_messages(request, refusal)
        else:
            number = row.affiliate.affiliation_number if row.affiliate else ""
            messages.success(
                request,
                _("%(name)s est affilié sous le numéro %(number)s ; le responsable est invité.")
                % {"name": row.name, "number": number},
            )
        return redirect("admin:affiliates_affiliationrequest_change", pk)

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

    def _request(self, request: HttpRequest, pk: int) -> AffiliationRequest:
        rows = staff_affiliations(request.user).select_related("agency", "affiliate")
        return get_object_or_404(rows, pk=pk)

    def _file_page(
        self,
        request: HttpRequest,
        row: AffiliationRequest,
        bound: dict[str, WordsForm] | None = None,
    ) -> HttpResponse:
        audit.record_reading(request, action="affiliation.read", subject=row, affiliation_number="")
        may = transitions.may_affiliate(AffiliationState(row.state), RequestParty.CLERK)
        open_now = RequestAct.GRANT in may
        words = {"ask": WordsForm(prefix="ask"), "refuse": WordsForm(prefix="refuse")}
        return self.page(
            request,
            "admin/affiliates/affiliation.html",
            title=row.number,
            row=row,
            steps=affiliation_steps(row),
            pieces=row.pieces.select_related("stored"),
            affiliates=list(affiliates_like(row)) if open_now else [],
            others=list(affiliations_like(row)) if open_now else [],
            ice_doubtful=not ice_key_matches(row.ice),
            may_grant=open_now,
            may_ask=RequestAct.ASK_FOR_PIECE in may,
            may_refuse=RequestAct.REFUSE in may,
            forms=words | (bound or {}),
            opened=next(iter(bound or {}), ""),
            status=422 if bound else 200,
        )
