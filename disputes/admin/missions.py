"""The inspectors' desk: orders, acts, assessments; each button calls its workflow. Nothing is edited in place."""

import datetime
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.access import is_supervisor, staff_affiliates
from affiliates.models import Affiliate
from disputes import missions as rules
from disputes.access import staff_missions
from disputes.downloads import reply_piece_response
from disputes.enums import AssessmentRule, MissionState, SelectionReason, StepKind
from disputes.forms.disputes import IntentForm
from disputes.forms.missions import CancelForm, OrderForm, ProposeForm, StepForm
from disputes.models import Assessment, Inspector, Mission, MissionStep, ReplyPiece, RiskFact
from disputes.queries import missions as queries
from disputes.queries import risks as risk_queries
from disputes.risks import INDICATORS
from disputes.workflows import missions as workflows
from portal import audit, clock
from portal.actor import actor_of
from portal.admin import StaffAdmin, StaffScreens
from portal.enums import Purpose
from portal.errors import add_to_form
from portal.fresh import fresh
from regulation.errors import DomainError

PAGE = 25
_A_YEAR = datetime.timedelta(days=365)


@admin.register(Inspector)
class InspectorAdmin(StaffAdmin):
    """Who may be sent, and with which grade."""

    list_display = ("user", "grade")
    list_select_related = ("user",)


@admin.register(RiskFact)
class RiskFactAdmin(StaffScreens):
    """The firms by the signs they give, each explained; never a bare score."""

    def get_urls(self) -> list[URLPattern]:
        """The list alone: a sign is measured, not edited."""
        return [self.screen("", self.changelist_view, "changelist")]

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The firms of one's desk, the heaviest first, with formula, weight and figure of each sign."""
        rows = risk_queries.ranked(staff_affiliates(request.user))
        page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
        firms = list(page.object_list)
        for affiliate in firms:
            audit.record_reading(
                request,
                action="risk.read",
                subject=affiliate,
                affiliation_number=affiliate.affiliation_number,
            )
        return self.page(
            request,
            "admin/disputes/risks.html",
            title=_("Indicateurs de risque"),
            page=page,
            rows=risk_queries.signs_of(firms),
            indicators=list(INDICATORS.values()),
            selection=queries.selection(clock.now() - _A_YEAR),
            may_order=is_supervisor(request.user),
        )


@admin.register(Mission)
class MissionAdmin(StaffScreens):
    """The missions of the firms that a member of staff may see."""

    def get_urls(self) -> list[URLPattern]:
        """Only our own pages: no raw form, no deletion, no history of forms."""

        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("ordonner/", self.order_view, "order"),
            self.screen("<int:pk>/", self.file_view, "change"),
            self.screen("<int:pk>/signer/", self.sign_view, "sign"),
            self.screen("<int:pk>/annuler/", self.cancel_view, "cancel"),
            self.screen("<int:pk>/actes/<str:kind>/", self.step_view, "step"),
            self.screen(
                "<int:pk>/contresigner/<int:step_pk>/", self.countersign_view, "countersign"
            ),
            self.screen("<int:pk>/proposer/", self.propose_view, "propose"),
            self.screen("<int:pk>/approuver/<int:assessment_pk>/", self.approve_view, "approve"),
            self.screen("<int:pk>/abandonner/<int:assessment_pk>/", self.drop_view, "drop"),
            self.screen("<int:pk>/pieces/<int:piece_pk>/", self.piece_view, "piece"),
        ]

    # ------------------------------------------------------------ the list

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The missions, those under way first, and how the firms of the year were chosen."""
        seen = staff_missions(request.user).select_related("affiliate")
        page = Paginator(queries.running_first(seen), PAGE).get_page(request.GET.get("page"))
        # Each by itself: what is not ordered yet is told to its firm later than the others.
        for mission in page:
            audit.record_reading(
                request,
                action="mission.listed",
                subject=mission,
                affiliation_number=mission.affiliate.affiliation_number,
                purpose=Purpose.QUEUE.value,
            )
        return self.page(
            request,
            "admin/disputes/missions.html",
            title=_("Missions de contrôle"),
            page=page,
            selection=queries.selection(clock.now() - _A_YEAR),
            may_order=is_supervisor(request.user),
        )

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def order_view(self, request: HttpRequest) -> HttpResponseBase:
        """Prepare an order; it is announced once its three inspectors have signed it."""
        if not is_supervisor(request.user):
            raise Http404
        asked = request.GET.get("affilie", "")
        form = OrderForm(request.POST or None, initial={"affiliation_number": asked})
        if request.method == "POST" and form.is_valid():
            typed = form.cleaned_data
            affiliate = Affiliate.objects.filter(
                affiliation_number=typed["affiliation_number"]
            ).first()
            if affiliate is None:
                form.add_error("affiliation_number", _("Aucun affilié ne porte ce numéro."))
            else:
                try:
                    mission = workflows.draft(
                        actor=actor_of(request),
                        affiliate=affiliate,
                        intent=typed["intent"],
                        order=_order(typed),
                        team=[row.user for row in typed["team"]],
                        at=clock.now(),
                    )
                except DomainError as refusal:
                    add_to_form(form, refusal)
                else:
                    messages.success(
                        request, _("L’ordre attend la signature des trois inspecteurs.")
                    )
                    return redirect("admin:disputes_mission_change", mission.pk)
        return self.page(
            request,
            "admin/disputes/order.html",
            title=_("Ordonner une mission"),
            form=form,
            status=422 if form.errors else 200,
        )

    # ------------------------------------------------------------ the file

    @method_decorator(require_safe)
    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Everything about one mission; looking at it leaves a trace."""
        return self._file_page(request, self._mission(request, pk))

    @method_decorator(require_safe)
    def piece_view(self, request: HttpRequest, pk: int, piece_pk: int) -> HttpResponseBase:
        """Download a piece that the firm joined; doing so leaves a trace."""
        mission = self._mission(request, pk)
        piece = get_object_or_404(
            ReplyPiece.objects.select_related("stored", "reply__step__mission"),
            pk=piece_pk,
            reply__step__mission=mission,
        )
        audit.record_reading(
            request,
            action="mission.read_piece",
            subject=piece,
            affiliation_number=mission.affiliate.affiliation_number,
        )
        return reply_piece_response(piece)

    # ------------------------------------------------------------ the acts

    @method_decorator(require_POST)
    def sign_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        mission = self._mission(request, pk)
        return self.act(
            request,
            mission.pk,
            lambda: workflows.sign(actor=actor_of(request), mission_id=mission.pk, at=clock.now()),
            _("Votre signature est au bas de l’ordre."),
        )

    @method_decorator(require_POST)
    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        mission = self._mission(request, pk)
        form = CancelForm(request.POST, prefix="cancel")

        def act() -> None:
            workflows.cancel(
                actor=actor_of(request),
                mission_id=mission.pk,
                reason=form.cleaned_data["reason"],
                at=clock.now(),
            )

        return self._submit(request, mission, form, act, _("La mission est annulée."))

    @method_decorator(require_POST)
    def step_view(self, request: HttpRequest, pk: int, kind: str) -> HttpResponseBase:
        mission = self._mission(request, pk)
        if kind not in {each.value for each in StepKind}:
            raise Http404
        chosen = StepKind(kind)
        form = StepForm(request.POST, kind=chosen, prefix=kind)

        def act() -> None:
            workflows.write_step(
                actor=actor_of(request),
                mission_id=mission.pk,
                kind=chosen,
                day=form.cleaned_data["day"],
                answers=form.answers(),
                intent=form.cleaned_data["intent"],
                at=clock.now(),
            )

        done = _("Acte signé. L’affilié le voit ; un second inspecteur doit le contresigner.")
        return self._submit(request, mission, form, act, done)

    @method_decorator([require_POST, fresh])
    def countersign_view(self, request: HttpRequest, pk: int, step_pk: int) -> HttpResponseBase:
        mission = self._mission(request, pk)
        step = get_object_or_404(MissionStep, pk=step_pk, mission=mission)
        return self.act(
            request,
            mission.pk,
            lambda: workflows.countersign(actor=actor_of(request), step_id=step.pk, at=clock.now()),
            _("Acte contresigné."),
        )

    @method_decorator(require_POST)
    def propose_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        mission = self._mission(request, pk)
        form = ProposeForm(request.POST, prefix="propose")

        def act() -> None:
            workflows.propose(
                actor=actor_of(request),
                mission_id=mission.pk,
                found=_found(form.cleaned_data),
                intent=form.cleaned_data["intent"],
                at=clock.now(),
            )

        done = _("Redressement proposé ; l’affilié le voit avec son calcul.")
        return self._submit(request, mission, form, act, done)

    @method_decorator([require_POST, fresh])
    def approve_view(self, request: HttpRequest, pk: int, assessment_pk: int) -> HttpResponseBase:
        mission = self._mission(request, pk)
        row = get_object_or_404(Assessment, pk=assessment_pk, mission=mission)
        return self.act(
            request,
            mission.pk,
            lambda: workflows.approve(
                actor=actor_of(request), assessment_id=row.pk, at=clock.now()
            ),
            _("Votre approbation est enregistrée."),
        )

    @method_decorator(require_POST)
    def drop_view(self, request: HttpRequest, pk: int, assessment_pk: int) -> HttpResponseBase:
        mission = self._mission(request, pk)
        row = get_object_or_404(Assessment, pk=assessment_pk, mission=mission)
        return self.act(
            request,
            mission.pk,
            lambda: workflows.drop(actor=actor_of(request), assessment_id=row.pk, at=clock.now()),
            _("Le redressement est abandonné."),
        )

    # ------------------------------------------------------------ common

    def _mission(self, request: HttpRequest, pk: int) -> Mission:
        return get_object_or_404(
            staff_missions(request.user).select_related("affiliate__agency"), pk=pk
        )

    def _submit(
        self,
        request: HttpRequest,
        mission: Mission,
        form: IntentForm,
        act: Callable[[], None],
        done: str,
    ) -> HttpResponseBase:
        """Call ``act`` when the form is sound; a refusal shows the page again with what was typed."""
        answer = self.submit(request, mission.pk, form, act, done)
        return answer or self._file_page(request, mission, form, status=422)

    def _file_page(
        self,
        request: HttpRequest,
        mission: Mission,
        bound: IntentForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        user = actor_of(request)
        audit.record_reading(
            request,
            action="mission.read",
            subject=mission,
            affiliation_number=mission.affiliate.affiliation_number,
        )
        file = queries.file_of(mission)
        state = MissionState(mission.state)
        member = next((row for row in file.members if row.user_id == user.pk), None)
        forms: dict[str, IntentForm] = {"cancel": CancelForm(prefix="cancel")}
        if member:
            forms["propose"] = ProposeForm(prefix="propose")
            forms |= {
                kind.value: StepForm(kind=kind, prefix=kind.value, initial={"day": clock.today()})
                for kind in rules.possible_steps(state)
            }
        opened = str(bound.prefix) if bound is not None else ""
        if bound is not None:
            forms[opened] = bound
        return self.page(
            request,
            "admin/disputes/mission.html",
            status=status,
            title=mission.number,
            mission=mission,
            file=file,
            member=member,
            user=user,
            opened=opened,
            cancel_form=forms["cancel"],
            propose_form=forms.get("propose"),
            step_forms=[(kind, forms[kind.value]) for kind in StepKind if kind.value in forms],
            may_cancel=is_supervisor(user) and state in rules.CANCELLABLE,
            may_propose=member is not None
            and state in {MissionState.UNDERWAY, MissionState.OBSERVED},
            may_approve=is_supervisor(user) and member is None and state is MissionState.CONCLUDED,
        )


def _order(typed: dict[str, Any]) -> workflows.Order:
    return workflows.Order(
        reason=SelectionReason(typed["reason"]),
        reason_facts=typed["reason_facts"],
        first=typed["first"],
        last=typed["last"],
        scope=typed["scope"],
        limits=typed["limits"],
        starts_on=typed["starts_on"],
        ends_on=typed["ends_on"],
    )


def _found(typed: dict[str, Any]) -> workflows.Established:
    return workflows.Established(
        rule=AssessmentRule(typed["rule"]),
        period=typed["period"],
        employee=typed["employee"],
        registration_number=typed["registration_number"],
        days=typed["days"],
        declared=typed["declared"],
        wage=typed["wage"],
    )
