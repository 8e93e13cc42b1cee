"""Having lost every means of signing in: what to try, what an agency does, and the links of its letters."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from affiliates import workflows
from affiliates.enums import RecoveryState
from affiliates.forms import NewMeansForm
from affiliates.models import Agency
from portal import clock, limits, second_step, security_log
from portal.clock import day_of
from portal.errors import add_to_form
from portal.middleware import client_address
from portal.security_log import SecurityEvent
from regulation.errors import DomainError
from regulation.parameters import value_at


@login_not_required
@require_safe
def lost_access(request: HttpRequest) -> HttpResponse:
    """What to try before going out, then what to bring to which agency."""
    today = day_of(clock.now())
    context = {
        "agencies": Agency.objects.order_by("city", "name"),
        "link_hours": int(value_at("recovery.link_hours", today).value),
        "quiet_hours": int(value_at("recovery.quiet_hours", today).value),
    }
    return render(request, "affiliates/lost_access.html", context)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest, token: str) -> HttpResponse:
    """Behind the link of the agency's letter: a new password; the former means end."""
    row = workflows.recovery_of(token)
    if row is None:
        raise Http404
    form = NewMeansForm(request.POST or None, user=row.user)
    if request.method == "POST":
        limits.count(limits.VISITOR_REQUESTS, client_address(request))
        if form.is_valid():
            try:
                user = workflows.complete_recovery(
                    at=clock.now(), recovery=row, password=form.cleaned_data["password"]
                )
            except DomainError as refusal:
                add_to_form(form, refusal)
            else:
                security_log.note(
                    SecurityEvent.ACCOUNT_RECOVERED, user_id=user.pk, place=client_address(request)
                )
                return second_step.enter(request, user, reverse("portal:security"))
    context = {"row": row, "form": form, "open": workflows.opens(row, clock.now())}
    status = 422 if form.errors else 200
    return render(request, "affiliates/recover.html", context, status=status)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def stop_recovery(request: HttpRequest, token: str) -> HttpResponse:
    """Behind the link of the first letter: « it is not me »; opening it changes nothing."""
    row = workflows.recovery_to_stop(token)
    if row is None:
        raise Http404
    if request.method == "POST":
        row = workflows.stop_recovery(at=clock.now(), recovery=row)
        security_log.note(
            SecurityEvent.RECOVERY_STOPPED, user_id=row.user_id, place=client_address(request)
        )
    context = {
        "row": row,
        "open": row.state in {RecoveryState.WAITING.value, RecoveryState.APPROVED.value},
        "stopped": row.state == RecoveryState.STOPPED,
    }
    return render(request, "affiliates/stop_recovery.html", context)
