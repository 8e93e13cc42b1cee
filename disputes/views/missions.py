"""The firm's side of an inspection, and the public page that says whether a mission is real."""

from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from disputes import missions as rules
from disputes.downloads import reply_piece_response
from disputes.enums import MissionState
from disputes.forms.missions import CodeForm, ReplyForm
from disputes.models import Mission, MissionStep, ReplyPiece
from disputes.queries import missions as queries
from disputes.workflows import missions as workflows
from portal import clock
from portal.actor import actor_of
from portal.errors import add_to_form
from portal.middleware import client_address
from portal.pace import seconds_to_wait
from regulation.errors import DomainError

# A code has 28^10 values: ten guesses a minute find none.
CODES_PER_MINUTE = 10


@require_safe
@affiliate_view(Scope.READ)
def mission_list(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """The inspections that the firm was told of."""
    return render(
        request,
        "disputes/missions.html",
        {"section": "disputes", "missions": queries.missions_of(affiliate)},
    )


@require_safe
@affiliate_view(Scope.READ)
def mission_page(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponse:
    """The order, the team, each act as signed, what may be answered, and what is assessed."""
    return _page(request, _mission_or_404(affiliate, number))


@require_POST
@affiliate_view(Scope.DISPUTES)
def reply_to_step(
    request: HttpRequest, affiliate: Affiliate, number: str, pk: int
) -> HttpResponseBase:
    """Answer an act; a refusal shows the page again with what was typed."""
    mission = _mission_or_404(affiliate, number)
    step = get_object_or_404(MissionStep, pk=pk, mission=mission)
    form = ReplyForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            workflows.reply(
                actor=actor_of(request),
                affiliate=affiliate,
                step_id=step.pk,
                text=form.cleaned_data["text"],
                pieces=form.cleaned_data["pieces"],
                intent=form.cleaned_data["intent"],
                at=clock.now(),
            )
        except DomainError as refusal:
            add_to_form(form, refusal)
        else:
            messages.success(request, _("Votre réponse est au dossier de la mission."))
            return redirect("disputes:mission", affiliate.affiliation_number, number)
    return _page(request, mission, answered=step.pk, form=form, status=422)


@require_safe
@affiliate_view(Scope.READ)
def reply_piece(
    request: HttpRequest, affiliate: Affiliate, number: str, pk: int
) -> HttpResponseBase:
    """Download a piece that the firm joined to an answer."""
    mission = _mission_or_404(affiliate, number)
    piece = get_object_or_404(
        ReplyPiece.objects.select_related("stored", "reply__step__mission"),
        pk=pk,
        reply__step__mission=mission,
    )
    return reply_piece_response(piece)


def _mission_or_404(affiliate: Affiliate, number: str) -> Mission:
    return get_object_or_404(queries.missions_of(affiliate), number=number)


def _page(
    request: HttpRequest,
    mission: Mission,
    *,
    answered: int = 0,
    form: ReplyForm | None = None,
    status: int = 200,
) -> HttpResponse:
    file = queries.file_of(mission)
    open_to_answer = MissionState(mission.state) not in rules.ENDED
    forms = [
        (
            row,
            form
            if form is not None and row.step.pk == answered
            else ReplyForm(auto_id=f"r{row.step.pk}_%s"),
            form is not None and row.step.pk == answered,
        )
        for row in file.steps
    ]
    return render(
        request,
        "disputes/mission.html",
        {
            "section": "disputes",
            "mission": mission,
            "file": file,
            "steps": forms,
            "may_reply": open_to_answer,
        },
        status=status,
    )


@login_not_required
@require_safe
def check_mission(request: HttpRequest) -> HttpResponse:
    """Whoever is visited types the code of the order: who comes, for which firm, on which days; no account needed."""
    form = CodeForm(request.GET if "code" in request.GET else None)
    found: Mission | None = None
    status = HTTPStatus.OK
    if form.is_bound and form.is_valid():
        wait = seconds_to_wait("mission-code", client_address(request), limit=CODES_PER_MINUTE)
        if wait:
            answer = render(
                request,
                "disputes/check_mission.html",
                {"form": form, "wait": wait},
                status=HTTPStatus.TOO_MANY_REQUESTS,
            )
            answer.headers["Retry-After"] = str(wait)
            return answer
        found = queries.real_mission(form.cleaned_data["code"], clock.today())
        status = HTTPStatus.OK if found else HTTPStatus.NOT_FOUND
    return render(
        request,
        "disputes/check_mission.html",
        {
            "form": form,
            "asked": form.is_bound and form.is_valid(),
            "mission": found,
            "now": clock.now(),
        },
        status=status,
    )
