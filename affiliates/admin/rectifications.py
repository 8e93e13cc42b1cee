"""Requests for corrections, on the clerk's desk: what the register says beside what is asked, and the proof."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from affiliates import transitions, workflows
from affiliates.access import Actor
from affiliates.admin.requests import RequestDesk
from affiliates.downloads import rectification_piece
from affiliates.enums import RectificationState, RequestAct, RequestParty
from affiliates.models import RectificationPiece, RectificationRequest
from affiliates.queries.rectifications import changes_of, staff_rectifications
from portal import clock, veils
from portal.actor import actor_of
from portal.errors import add_to_messages
from regulation.errors import DomainError


@admin.register(RectificationRequest)
class RectificationAdmin(RequestDesk):
    """What firms say the register has wrong."""

    queues = (
        RectificationState.SENT,
        RectificationState.PIECE_ASKED,
        RectificationState.APPLIED,
        RectificationState.REFUSED,
        RectificationState.WITHDRAWN,
    )
    name = "rectification"
    list_template = "admin/affiliates/rectifications.html"
    file_template = "admin/affiliates/rectification.html"
    shown_with = ("affiliate__agency", "employee")
    grant_route = "appliquer"
    ask = staticmethod(workflows.ask_for_proof)
    refuse = staticmethod(workflows.refuse_rectification)

    def rows_for(self, user: Actor) -> QuerySet[RectificationRequest]:
        return staff_rectifications(user)

    def matching(self, search: str) -> Q:
        return (
            Q(number__icontains=search)
            | Q(affiliate__affiliation_number=search)
            | Q(affiliate__name__icontains=search)
        )

    def number_of(self, row: RectificationRequest) -> str:
        return row.affiliate.affiliation_number

    def download(self, piece: RectificationPiece) -> FileResponse:
        return rectification_piece(piece)

    def may(self, row: RectificationRequest) -> frozenset[RequestAct]:
        return transitions.may_rectify(RectificationState(row.state), RequestParty.CLERK)

    def facts(self, row: RectificationRequest, is_open: bool) -> dict[str, Any]:
        return {"changes": changes_of(row, is_veiled=not veils.is_marked(row))}

    def grant_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Write the correction in the register."""
        row = self.request_of(request, pk)
        try:
            workflows.apply_rectification(actor=actor_of(request), at=clock.now(), request=row)
        except DomainError as refusal:
            add_to_messages(request, refusal)
        else:
            messages.success(request, _("Le registre est corrigé ; l’entreprise est prévenue."))
        return redirect(self.address("change", pk))
