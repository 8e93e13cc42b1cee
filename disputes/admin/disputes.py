"""The clerk's desk for disputes: a queue by clock, and a page from which each act calls its workflow.

Nothing is edited in place: Django's own forms for these rows are not reachable.
"""

import datetime
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import is_supervisor
from disputes import transitions
from disputes.access import staff_disputes, staff_party
from disputes.downloads import piece_response
from disputes.enums import Action, DeskFilter, DisputeState, MessageSide, Party
from disputes.errors import NotStaff
from disputes.forms.disputes import (
    AnswerForm,
    AskForm,
    AssignForm,
    DecideForm,
    IntentForm,
    MeetForm,
    TriageForm,
)
from disputes.models import AnswerTemplate, Attachment, Dispute
from disputes.queries import disputes as queries
from disputes.queries.figures import figures
from disputes.views.disputes import page_of
from disputes.workflows import disputes as workflows
from disputes.workflows import opening
from portal import audit, clock, searches
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.errors import message_of
from portal.fresh import fresh
from portal.models import User
from regulation.errors import DomainError
from regulation.parameters import value_at

PAGE = 25
_A_YEAR = datetime.timedelta(days=365)

# Texts most often applied, offered while typing; the clerk may write another.
LEGAL_GROUNDS = (
    "Dahir n° 1-72-184, article 19 (assiette des cotisations)",
    "Dahir n° 1-72-184, article 20 (taux des cotisations)",
    "Dahir n° 1-72-184, article 26 (déclaration et paiement)",
    "Loi n° 65-00, couverture médicale de base",
    "Loi n° 02-24",
)


@admin.register(Dispute)
class DisputeAdmin(StaffScreens):
    """Queue and file of the disputes that a member of staff may see."""

    def get_urls(self) -> list[URLPattern]:
        """Only our own pages: no raw form, no deletion, no history of forms."""

        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("trier/", self.triage_view, "triage"),
            self.screen("<int:pk>/", self.file_view, "change"),
            self.screen("<int:pk>/vue-employeur/", self.employer_view, "employer"),
            self.screen("<int:pk>/confier/", self.assign_view, "assign"),
            self.screen("<int:pk>/entretien/", self.meet_view, "meet"),
            self.screen("<int:pk>/prendre/", self.take_view, "take"),
            self.screen("<int:pk>/rendre/", self.give_back_view, "give_back"),
            self.screen("<int:pk>/ecrire/", self.write_view, "write"),
            self.screen("<int:pk>/demander/", self.ask_view, "ask"),
            self.screen("<int:pk>/decider/", self.decide_view, "decide"),
            self.screen("<int:pk>/pieces/<int:piece_pk>/", self.piece_view, "piece"),
        ]

    # ------------------------------------------------------------ the queue

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The disputes by the clock that runs out first, with filters and a search."""
        user, today = actor_of(request), clock.today()
        limit = value_at("dispute.second_person_above", today).value
        chosen = _chosen_filter(request)
        search = searches.text_of(request)[:60]
        seen = staff_disputes(user)
        rows = queries.desk(seen, chosen, user=user, today=today, limit=limit)
        if search:
            rows = rows.filter(
                Q(number__icontains=search)
                | Q(affiliate__affiliation_number=search)
                | Q(affiliate__name__icontains=search)
            )
        page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
        self.queue(request, [row.affiliate.affiliation_number for row in page])
        counts = queries.desk_counts(seen, user=user, today=today, limit=limit)
        return self.page(
            request,
            "admin/disputes/queue.html",
            title=_("Réclamations"),
            rows=[(row, queries.clocks_of(row, today)) for row in page],
            page=page,
            tabs=[(each, counts[each], each is chosen) for each in DeskFilter],
            chosen=chosen,
            search=search,
            limit=limit,
            figures=figures(seen, clock.now() - _A_YEAR, clock.now()),
            people=queries.people_of_the_desk(seen) if is_supervisor(user) else (),
            may_triage=chosen is not DeskFilter.CLOSED,
        )

    @method_decorator(require_POST)
    def triage_view(self, request: HttpRequest) -> HttpResponseBase:
        """Take, or give to somebody, every file that was ticked; each is an act of its own, told and traced."""
        user = actor_of(request)
        seen = staff_disputes(user)
        people = queries.people_of_the_desk(seen) if is_supervisor(user) else User.objects.none()
        form = TriageForm(request.POST, disputes=seen, people=people)
        back = redirect(f"{self.address('changelist')}?file={_chosen_filter(request).value}")
        if not form.is_valid():
            messages.error(request, _("Cochez au moins un dossier."))
            return back
        to, done = form.cleaned_data["to"], 0
        for dispute in form.cleaned_data["rows"].order_by("pk"):
            try:
                if to is None:
                    workflows.take(actor=user, dispute_id=dispute.pk, at=clock.now())
                else:
                    workflows.assign(actor=user, dispute_id=dispute.pk, to=to, at=clock.now())
                done += 1
            except DomainError as refusal:
                messages.error(request, f"{dispute.number} : {message_of(refusal)}")
        if done:
            said = ngettext("%(count)d dossier réparti.", "%(count)d dossiers répartis.", done)
            messages.success(request, said % {"count": done})
        return back

    # ------------------------------------------------------------ the file

    @method_decorator(require_safe)
    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Everything about one dispute, side by side; looking at it leaves a trace."""
        return self._file_page(request, self._dispute(request, pk))

    @method_decorator(require_safe)
    def employer_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The page as the employer reads it, without its buttons; looking at it leaves a trace."""
        dispute = self._dispute(request, pk)
        audit.record_reading(
            request,
            action="dispute.read_as_employer",
            subject=dispute,
            affiliation_number=dispute.affiliate.affiliation_number,
        )
        return self.page(
            request,
            "admin/disputes/as_employer.html",
            **page_of(dispute)
            | {"affiliate": dispute.affiliate, "scopes": frozenset(), "as_seen": True},
        )

    @method_decorator(require_safe)
    def piece_view(self, request: HttpRequest, pk: int, piece_pk: int) -> HttpResponseBase:
        """Download a piece; doing so leaves a trace."""
        dispute = self._dispute(request, pk)
        piece = get_object_or_404(
            Attachment.objects.select_related("stored", "message__dispute"),
            pk=piece_pk,
            message__dispute=dispute,
        )
        audit.record_reading(
            request,
            action="dispute.read_piece",
            subject=piece,
            affiliation_number=dispute.affiliate.affiliation_number,
        )
        return piece_response(piece)

    # ------------------------------------------------------------ the acts

    @method_decorator(require_POST)
    def take_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._act(
            request, pk, workflows.take, _("Le dossier est à vous. L’affilié voit votre nom.")
        )

    @method_decorator(require_POST)
    def give_back_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._act(
            request, pk, workflows.give_back, _("Le dossier est de retour dans la file.")
        )

    @method_decorator(require_POST)
    def assign_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        dispute = self._dispute(request, pk)
        form = AssignForm(
            request.POST, people=queries.people_of_the_desk(staff_disputes(request.user))
        )
        if not form.is_valid():
            messages.error(request, _("Choisissez à qui confier ce dossier."))
            return redirect(self.address("change", dispute.pk))
        return self.act(
            request,
            dispute.pk,
            lambda: workflows.assign(
                actor=actor_of(request),
                dispute_id=dispute.pk,
                to=form.cleaned_data["to"],
                at=clock.now(),
            ),
            _("Le dossier est confié ; la personne est prévenue."),
        )

    @method_decorator(require_POST)
    def meet_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        dispute = self._dispute(request, pk)
        form = MeetForm(request.POST, request.FILES, prefix="meet")

        def act() -> None:
            workflows.meet(
                actor=actor_of(request),
                dispute_id=dispute.pk,
                intent=form.cleaned_data["intent"],
                held_on=form.cleaned_data["held_on"],
                present=form.cleaned_data["present"],
                text=form.cleaned_data["text"],
                pieces=form.cleaned_data["pieces"],
                at=clock.now(),
            )

        done = _("Compte rendu au dossier ; l’affilié le lit.")
        return self._submit(request, dispute, form, "meet", act, done)

    @method_decorator(require_POST)
    def write_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        dispute = self._dispute(request, pk)
        form = AnswerForm(request.POST, request.FILES, prefix="write")

        def act() -> None:
            workflows.write(
                actor=actor_of(request),
                dispute_id=dispute.pk,
                side=MessageSide.STAFF,
                intent=form.cleaned_data["intent"],
                text=form.cleaned_data["text"],
                pieces=form.cleaned_data["pieces"],
                at=clock.now(),
            )

        return self._submit(request, dispute, form, "write", act, _("Message envoyé à l’affilié."))

    @method_decorator(require_POST)
    def ask_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        dispute = self._dispute(request, pk)
        form = AskForm(request.POST, prefix="ask")

        def act() -> None:
            workflows.ask_for_piece(
                actor=actor_of(request),
                dispute_id=dispute.pk,
                intent=form.cleaned_data["intent"],
                text=form.cleaned_data["text"],
                at=clock.now(),
            )

        return self._submit(request, dispute, form, "ask", act, _("Demande envoyée à l’affilié."))

    @method_decorator([require_POST, fresh])
    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        dispute = self._dispute(request, pk)
        form = DecideForm(request.POST, items=dispute.items.all(), prefix="decide")

        def act() -> None:
            workflows.decide(
                actor=actor_of(request),
                dispute_id=dispute.pk,
                intent=form.cleaned_data["intent"],
                rulings=form.rulings(),
                reasons=form.cleaned_data["reasons"],
                legal_ground=form.cleaned_data["legal_ground"],
                at=clock.now(),
            )

        done = _("Décision enregistrée : la suspension est levée, le montant accordé est crédité.")
        return self._submit(request, dispute, form, "decide", act, done)

    # ------------------------------------------------------------ common

    def _dispute(self, request: HttpRequest, pk: int) -> Dispute:
        return get_object_or_404(
            staff_disputes(request.user).select_related("affiliate__agency", "assigned_to"), pk=pk
        )

    def _act(
        self, request: HttpRequest, pk: int, verb: Callable[..., object], done: str
    ) -> HttpResponseBase:
        dispute = self._dispute(request, pk)
        return self.act(
            request,
            pk,
            lambda: verb(actor=actor_of(request), dispute_id=dispute.pk, at=clock.now()),
            done,
        )

    def _submit(
        self,
        request: HttpRequest,
        dispute: Dispute,
        form: IntentForm,
        name: str,
        act: Callable[[], None],
        done: str,
    ) -> HttpResponseBase:
        """Call ``act`` when the form is sound; a refusal shows the page again with what was typed."""
        answer = self.submit(request, dispute.pk, form, act, done)
        return answer or self._file_page(request, dispute, {name: form}, status=422)

    def _file_page(
        self,
        request: HttpRequest,
        dispute: Dispute,
        bound: dict[str, IntentForm] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        user, today = actor_of(request), clock.today()
        audit.record_reading(
            request,
            action="dispute.read",
            subject=dispute,
            affiliation_number=dispute.affiliate.affiliation_number,
        )
        thread = queries.thread_of(dispute, today)
        party = _party(user, dispute)
        actions = transitions.allowed(DisputeState(dispute.state), party) if party else frozenset()
        limit = value_at("dispute.second_person_above", today).value
        templates = list(queries.templates_for(dispute))
        words = _chosen_words(request, templates)
        forms: dict[str, IntentForm] = {
            "write": AnswerForm(prefix="write", initial={"text": words}),
            "meet": MeetForm(prefix="meet", initial={"held_on": today}),
            "ask": AskForm(prefix="ask"),
            "decide": DecideForm(
                items=[row.item for row in thread.items],
                prefix="decide",
                initial={"reasons": words},
            ),
        } | (bound or {})
        used = "write" if words and request.GET.get("pour") != "decide" else ""
        return self.page(
            request,
            "admin/disputes/file.html",
            status=status,
            title=dispute.number,
            dispute=dispute,
            thread=thread,
            files=queries.slip_files(thread),
            loose_items=[row for row in thread.items if row.slip is None],
            decision_fields=_decision_fields(thread, forms["decide"]),
            write_form=forms["write"],
            ask_form=forms["ask"],
            meet_form=forms["meet"],
            templates=templates,
            may_assign=is_supervisor(user) and dispute.closed_at is None,
            people=queries.people_of_the_desk(staff_disputes(user)) if is_supervisor(user) else (),
            is_first_instance=party is Party.FIRST_INSTANCE,
            second=Dispute.objects.filter(appeal_of=dispute).first(),
            decide_form=forms["decide"],
            opened=next(iter(bound or {}), "decide" if words and not used else used),
            may={action.value: action in actions for action in Action},
            may_decide_alone=thread.contested <= limit or party is Party.SUPERVISOR,
            limit=limit,
            legal_grounds=LEGAL_GROUNDS,
            appeal_until=opening.appeal_until(thread.decision) if thread.decision else None,
            conciliation_months=int(value_at("dispute.conciliation_months", today).value),
        )

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(pk__in=staff_disputes(request.user).values("pk"))


def _chosen_filter(request: HttpRequest) -> DeskFilter:
    asked = request.GET.get("file", "")
    known = {each.value for each in DeskFilter}
    return DeskFilter(asked) if asked in known else DeskFilter.RUNNING


def _chosen_words(request: HttpRequest, templates: list[AnswerTemplate]) -> str:
    """The text of the template that ``?modele=`` names, to begin an answer with; empty without one."""
    asked = request.GET.get("modele", "")
    return next((row.text for row in templates if str(row.pk) == asked), "")


def _party(user: User, dispute: Dispute) -> Party | None:
    """What the person is to the dispute; None for an account without an assignment, which only looks."""
    try:
        return staff_party(user, dispute)
    except NotStaff:
        return None


def _decision_fields(thread: queries.Thread, form: IntentForm) -> list[tuple[Any, Any, Any]]:
    """Each contested item with its two fields of the decision form."""
    return [
        (
            row,
            form[f"outcome_{row.item.pk}"],
            form[f"granted_{row.item.pk}"] if row.item.amount is not None else None,
        )
        for row in thread.items
    ]
