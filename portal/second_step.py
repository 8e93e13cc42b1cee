"""Coming in: from the right password, or from a passkey, to an open session."""

from typing import Any

from allauth.account.internal.decorators import login_stage_required
from allauth.account.utils import perform_login
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.internal.constants import LoginStageKey
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from portal import clock, fresh, limits, passkeys, second_factors, security_log, workflows
from portal.actor import actor_of
from portal.enums import Language
from portal.errors import TooManyAttempts, add_to_form, add_to_messages
from portal.middleware import client_address
from portal.models import User
from portal.preferences import keep_language
from portal.security_log import SecurityEvent
from portal.sessions import device_of
from regulation.errors import DomainError

# A browser that has opened this account before; it proves nothing else and opens nothing.
_KNOWN_BROWSER_DAYS = 180


class CodeForm(forms.Form):
    """One field for both: the six figures of the application, or a code from the paper."""

    code = forms.CharField(
        label=_("Code de votre application, ou code de secours"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "dir": "ltr"}
        ),
    )


def knows(request: HttpRequest, account: str) -> bool:
    """Whether this browser has opened ``account`` before; the cookie is signed with the account's address."""
    try:
        request.get_signed_cookie(
            settings.KNOWN_BROWSER_COOKIE_NAME, salt=account, max_age=_KNOWN_BROWSER_DAYS * 86_400
        )
    except (KeyError, signing.BadSignature):
        return False
    return True


def mark_browser(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """From now on this browser knows the account: strangers elsewhere do not slow it down."""
    response.set_signed_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        str(user.pk),
        salt=user.email,
        max_age=_KNOWN_BROWSER_DAYS * 86_400,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def enter(request: HttpRequest, user: User, target: str) -> HttpResponse:
    """After the right password: in, or to the page that asks for the second factor."""
    response: HttpResponse = perform_login(request, user, redirect_url=target)
    return _welcome(request, response, strong=False) if request.user.is_authenticated else response


@require_http_methods(["GET", "HEAD", "POST"])
@login_stage_required(stage=LoginStageKey.MFA_AUTHENTICATE.value, redirect_urlname="portal:login")
def second_factor(request: HttpRequest) -> HttpResponse:
    """The page between the password and the portal: a code, once, or a passkey."""
    stage: Any = request._login_stage  # type: ignore[attr-defined]
    user: User = stage.login.user
    credential = request.POST.get("credential", "")
    form = CodeForm(request.POST if request.method == "POST" and not credential else None)
    status, wait_seconds = 422 if form.is_bound else 200, 0
    if credential or form.is_valid():
        try:
            _count(request, user)
            if credential:
                passkeys.shown(credential, user)
            else:
                workflows.spend_code(user=user, code=form.cleaned_data["code"], at=clock.now())
        except DomainError as refusal:
            status = 422
            security_log.note(
                SecurityEvent.SECOND_FACTOR_REFUSED,
                user_id=user.pk,
                place=client_address(request),
                why=refusal.code,
            )
            if isinstance(refusal, TooManyAttempts):
                status, wait_seconds = 429, refusal.wait_seconds
            if credential:
                form = CodeForm({})
                form.full_clean()
                form.errors.clear()
            add_to_form(form, refusal)
        else:
            limits.forget(limits.CODE_FROM_ADDRESS, f"{user.pk} {client_address(request)}")
            return _welcome(request, stage.exit(), strong=True)
    held = second_factors.held_by(user)
    options = passkeys.as_text(passkeys.options_to_show(user)) if held.passkeys else ""
    context = {"form": form, "passkey_options": options, "held": held}
    response = render(request, "portal/second_factor.html", context, status=status)
    if wait_seconds:
        response.headers["Retry-After"] = str(wait_seconds)
    return response


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def passkey(request: HttpRequest) -> HttpResponse:
    """The door without a password: the question for the browser's passkey, then its answer."""
    if request.method != "POST":
        return JsonResponse(passkeys.options_to_show(None))
    target = request.POST.get("next", "")
    if request.user.is_authenticated:
        return redirect("/")
    limits.count(limits.PASSKEYS_FROM_ADDRESS, client_address(request))
    try:
        found = passkeys.shown(request.POST.get("credential", ""), None)
    except DomainError as refusal:
        security_log.note(
            SecurityEvent.SECOND_FACTOR_REFUSED, place=client_address(request), why=refusal.code
        )
        add_to_messages(request, refusal)
        return redirect("portal:login")
    user = found.user
    post_authentication(request, found, passwordless=True)
    response: HttpResponse = perform_login(request, user, redirect_url=target)
    return _welcome(request, response, strong=True)


def _count(request: HttpRequest, user: User) -> None:
    """The same shape as at the door: whoever has the password cannot shut the owner's own browser out."""
    limits.count(limits.CODE_FROM_ADDRESS, f"{user.pk} {client_address(request)}")
    if not knows(request, user.email):
        limits.count(limits.CODE_FROM_ANYWHERE, str(user.pk))


def _welcome(request: HttpRequest, response: HttpResponse, *, strong: bool) -> HttpResponse:
    """What every sign-in leaves: the trace, the browser's mark, the session's times, the person's language."""
    user = actor_of(request)
    now = int(clock.now().timestamp())
    request.session.update({"opened_at": now, "seen_at": now, "second_factor": strong})
    request.session["device"] = device_of(request.headers.get("User-Agent", ""))
    fresh.note(request, strong=strong)
    workflows.note_sign_in(actor=user)
    security_log.note(
        SecurityEvent.SIGNED_IN, user_id=user.pk, place=client_address(request), strong=strong
    )
    mark_browser(request, response, user)
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        # Nobody chose a language in this browser: the account's is the better guess.
        keep_language(response, Language(user.language))
    return response
