"""Signing in and out, the password, the page of a visitor, and the pages that say what went wrong."""

import sys
from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from portal import (
    health,
    incidents,
    limits,
    metrics,
    new_browser,
    second_step,
    security_log,
    workflows,
)
from portal.actor import actor_of
from portal.errors import TooManyAttempts, is_transient, message_of
from portal.forms import NewPasswordForm, SignInForm
from portal.middleware import client_address
from portal.security_log import SecurityEvent
from portal.wrong import wrong_page


@login_not_required
@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """What a visitor finds: what the service is for, the door, and the public pages."""
    return render(request, "portal/landing.html")


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """For a supervisor: 200 when every part answers, else 503 with the one that does not."""
    report = health.report()
    return JsonResponse(report, status=200 if report["status"] == "ok" else 503)


@method_decorator(login_not_required, name="dispatch")
class SignIn(auth_views.LoginView):
    http_method_names = ("get", "head", "post", "options")
    template_name = "portal/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        if request.headers.get("HX-Request") == "true":
            # A piece was asked for after the session ended: reload the page, do not show the door inside it.
            response.headers["HX-Refresh"] = "true"
        return response

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.get_form()
        account = request.POST.get("username", "")[:254].strip().lower()
        address = client_address(request)
        try:
            limits.count(limits.ADDRESS, address)
            limits.count(limits.ACCOUNT_FROM_ADDRESS, f"{account} {address}")
            if not second_step.knows(request, account):
                _count_from_anywhere(account)
        except TooManyAttempts as refusal:
            security_log.note(SecurityEvent.THROTTLED, place=address)
            metrics.count(metrics.THROTTLED)
            # The form is not validated: a throttled attempt costs no password check and learns nothing.
            form = SignInForm(request, initial={"username": account})
            response = self.render_to_response(
                self.get_context_data(form=form, refusal=message_of(refusal)), status=429
            )
            response.headers["Retry-After"] = str(refusal.wait_seconds)
            return response
        return self.form_valid(form) if form.is_valid() else self.form_invalid(form)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        limits.forget(
            limits.ACCOUNT_FROM_ADDRESS, f"{user.get_username()} {client_address(self.request)}"
        )
        return second_step.enter(self.request, user, self.get_success_url())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        # The account is digested too: whoever mistypes an address may have typed a password.
        account = self.request.POST.get("username", "").strip().lower()
        security_log.note(
            SecurityEvent.SIGN_IN_REFUSED,
            place=client_address(self.request),
            account=security_log.digest_of(account),
        )
        metrics.count(metrics.SIGN_IN_REFUSED)
        return self.render_to_response(self.get_context_data(form=form), status=422)


def _count_from_anywhere(account: str) -> None:
    """One attempt more by a browser that does not know the account; its owner is written to when there are too many."""
    try:
        limits.count(limits.ACCOUNT_FROM_ANYWHERE, account)
    except TooManyAttempts:
        new_browser.offer(account)
        raise


class SignOut(auth_views.LogoutView):
    pass


@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    """The old password, then the new one twice; this session stays open, the others end."""
    actor = actor_of(request)
    form = NewPasswordForm(actor, request.POST or None)
    if request.method == "POST":
        # Counted with the other places that ask again who one is: a session left open is no place to guess.
        limits.count(limits.CONFIRMATIONS, str(actor.pk))
    if request.method == "POST" and form.is_valid():
        limits.forget(limits.CONFIRMATIONS, str(actor.pk))
        user = workflows.change_password(
            actor=actor, new_password=form.cleaned_data["new_password1"]
        )
        update_session_auth_hash(request, user)
        workflows.close_sessions(actor=user, but=request.session.session_key)
        messages.success(request, _("Votre mot de passe est changé."))
        return redirect("/")
    status = 422 if form.errors else 200
    return render(request, "portal/password.html", {"form": form}, status=status)


# ---------------------------------------------------------------- what went wrong: see portal/wrong.py


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return wrong_page(400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Not allowed; a view that raised PermissionDenied with a sentence has said why."""
    security_log.note_refused_door(request, 403, client_address(request))
    return wrong_page(403, str(exception or ""))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form from an old page, or from elsewhere."""
    security_log.note(
        SecurityEvent.FORM_REFUSED,
        user_id=request.user.pk,
        place=client_address(request),
        why=reason.partition(" - ")[0],
    )
    return wrong_page(403)


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    # An address that leads nowhere is a mistake; a page that exists and did not open for this person is looked at.
    if request.resolver_match is not None and getattr(request, "user", None) is not None:
        security_log.note_refused_door(request, 404, client_address(request))
    return wrong_page(404)


def failed(request: HttpRequest) -> HttpResponse:
    """A bug, or a database that could not answer in time."""
    error = sys.exc_info()[1]
    status = 503 if is_transient(error) else 500
    match = request.resolver_match
    place = match.view_name if match else ""
    incidents.note_later(request, place=place, error=error, status=status)
    metrics.count(metrics.FAILED)
    return wrong_page(status)
