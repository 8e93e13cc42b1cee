"""Requests to register people, on the clerk's desk: who may be the same person, and the number."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from affiliates import transitions, workflows
from affiliates.access import Actor
from affiliates.admin.requests import RequestDesk
from affiliates.downloads import registration_piece
from affiliates.enums import RegistrationState, RequestAct, RequestParty
from affiliates.models import Employee, RegistrationPiece, RegistrationRequest
from affiliates.queries.registrations import (
    employers_of,
    people_like,
    requests_like,
    staff_registrations,
)
from portal import clock
from portal.actor import actor_of
from portal.errors import add_to_messages
from regulation.errors import DomainError


@admin.register(RegistrationRequest)
class RegistrationAdmin(RequestDesk):
    """The people that employers ask a number for."""

    queues = (
        RegistrationState.SENT,
        RegistrationState.PIECE_ASKED,
        RegistrationState.ISSUED,
        RegistrationState.REFUSED,
        RegistrationState.WITHDRAWN,
    )
    name = "registration"
    list_template = "admin/affiliates/registrations.html"
    file_template = "admin/affiliates/registration.html"
    shown_with = ("affiliate__agency", "employee")
    grant_route = "numero"
    ask = staticmethod(workflows.ask_for_piece)
    refuse = staticmethod(workflows.refuse_request)

    def rows_for(self, user: Actor) -> QuerySet[RegistrationRequest]:
        return staff_registrations(user)

    def matching(self, search: str) -> Q:
        return (
            Q(number__icontains=search)
            | Q(card_number__iexact=search)
            | Q(last_name__icontains=search)
            | Q(affiliate__affiliation_number=search)
        )

    def number_of(self, row: RegistrationRequest) -> str:
        return row.affiliate.affiliation_number

    def download(self, piece: RegistrationPiece) -> FileResponse:
        return registration_piece(piece)

    def may(self, row: RegistrationRequest) -> frozenset[RequestAct]:
        return transitions.may_register(RegistrationState(row.state), RequestParty.CLERK)

    def facts(self, row: RegistrationRequest, is_open: bool) -> dict[str, Any]:
        return {
            "people": people_like(row) if is_open else [],
            "others": requests_like(row) if is_open else [],
        }

    def beside(
        self, row: RegistrationRequest, facts: dict[str, Any]
    ) -> Iterable[tuple[Model, str]]:
        """The people of the register and the requests of others that may be about the same person."""
        firms = employers_of([alike.person for alike in facts["people"]])
        for alike in facts["people"]:
            if alike.person.pk in firms:
                yield alike.person, firms[alike.person.pk]
        for other in facts["others"]:
            yield other.request, other.request.affiliate.affiliation_number

    def grant_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give a new number, or tell that of the person recognised (`person`)."""
        row = self.request_of(request, pk)
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
        return redirect(self.address("change", pk))
