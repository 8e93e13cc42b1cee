"""Requests of new employers on the clerk's desk: who may be the same firm, and the decision."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from affiliates import transitions, workflows
from affiliates.access import Actor
from affiliates.admin.requests import RequestDesk
from affiliates.downloads import affiliation_piece
from affiliates.enums import AffiliationState, RequestAct, RequestParty
from affiliates.models import AffiliationPiece, AffiliationRequest
from affiliates.queries.affiliations import affiliates_like, affiliations_like, staff_affiliations
from portal import clock
from portal.actor import actor_of
from portal.errors import add_to_messages
from regulation.errors import DomainError
from regulation.identifiers import ice_key_matches


@admin.register(AffiliationRequest)
class AffiliationAdmin(RequestDesk):
    """The firms that ask for a number."""

    queues = (
        AffiliationState.SENT,
        AffiliationState.PIECE_ASKED,
        AffiliationState.ACCEPTED,
        AffiliationState.REFUSED,
        AffiliationState.WITHDRAWN,
    )
    name = "affiliation"
    list_template = "admin/affiliates/affiliations.html"
    file_template = "admin/affiliates/affiliation.html"
    shown_with = ("agency", "affiliate")
    grant_route = "accepter"
    ask = staticmethod(workflows.ask_applicant)
    refuse = staticmethod(workflows.refuse_affiliation)

    def rows_for(self, user: Actor) -> QuerySet[AffiliationRequest]:
        return staff_affiliations(user)

    def matching(self, search: str) -> Q:
        return Q(name__icontains=search) | Q(ice=search) | Q(tax_id=search)

    def number_of(self, row: AffiliationRequest) -> str:
        return row.affiliate.affiliation_number if row.affiliate else ""

    def download(self, piece: AffiliationPiece) -> FileResponse:
        return affiliation_piece(piece)

    def may(self, row: AffiliationRequest) -> frozenset[RequestAct]:
        return transitions.may_affiliate(AffiliationState(row.state), RequestParty.CLERK)

    def facts(self, row: AffiliationRequest, is_open: bool) -> dict[str, Any]:
        return {
            "affiliates": list(affiliates_like(row)) if is_open else [],
            "others": list(affiliations_like(row)) if is_open else [],
            "ice_doubtful": not ice_key_matches(row.ice),
        }

    def beside(self, row: AffiliationRequest, facts: dict[str, Any]) -> Iterable[tuple[Model, str]]:
        """The affiliates that may be the same firm."""
        for affiliate in facts["affiliates"]:
            yield affiliate, affiliate.affiliation_number

    def grant_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Affiliate the firm and invite its owner."""
        row = self.request_of(request, pk)
        try:
            row = workflows.accept_affiliation(actor=actor_of(request), at=clock.now(), request=row)
        except DomainError as refusal:
            add_to_messages(request, refusal)
        else:
            messages.success(
                request,
                _("%(name)s est affilié sous le numéro %(number)s ; le responsable est invité.")
                % {"name": row.name, "number": self.number_of(row)},
            )
        return redirect(self.address("change", pk))
