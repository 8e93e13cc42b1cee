"""Showing again who one is, before money, bank details, rights or second factors are touched.

Whoever signed in or confirmed within ``FRESH_AUTHENTICATION`` is not asked. Before a form is shown one confirms and
comes back to it; when a form was filled meanwhile, the page that asks carries what was typed and sends it on.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from portal import clock, formats, limits, passkeys, second_factors, security_log, workflows
from portal.actor import actor_of
from portal.errors import AccountAtRest, PasswordRefused, TooManyAttempts, add_to_form
from portal.models import User
from portal.security_log import SecurityEvent
from regulation.errors import DomainError

View = Callable[..., HttpResponseBase]

_PREFIX = "confirmation"


class ConfirmForm(forms.Form):
    """The password or a code; ``with_password`` and ``with_code`` say which are asked."""

    password = forms.CharField(
        label=_("Votre mot de passe"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "dir": "ltr"}),
    )
    code = forms.CharField(
        label=_("Un code de votre application, ou un code de secours"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "dir": "ltr"}),
    )
    credential = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, with_password: bool, with_code: bool, **kwargs: Any
    ) -> None:
        super().__init__(data, prefix=_PREFIX, **kwargs)
        if not with_password:
            del self.fields["password"]
        if not with_code:
            del self.fields["code"]


def is_fresh(request: HttpRequest, *, strong: bool = False) -> bool:
    """Whether the person showed who they are within the delay; ``strong``: with more than a password."""
    session = request.session
    # A session opens with a sign-in: that counts as showing.
    at = session.get("strong_at", 0) if strong else session.get("fresh_at", session["opened_at"])
    return bool(clock.now().timestamp() - at < settings.FRESH_AUTHENTICATION.total_seconds())


def note(request: HttpRequest, *, strong: bool) -> None:
    """Remember that the person just showed who they are."""
    now = int(clock.now().timestamp())
    request.session["fresh_at"] = now
    if strong:
        request.session["strong_at"] = now


def fresh(view: View) -> View:
    """A view that acts on money, bank details or rights."""
    return _guard(view, factors=False)


def fresh_to_act(view: View) -> View:
    """The same for a page that is mostly read: only what it sends is guarded."""
    guarded = _guard(view, factors=False)

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        chosen = view if request.method in {"GET", "HEAD"} else guarded
        return chosen(request, *args, **kwargs)

    return _marked(opened)


def fresh_for_factors(view: View) -> View:
    """A view that changes second factors: whoever holds one shows it, the password alone is not enough."""
    return _guard(view, factors=True)


def _guard(view: View, *, factors: bool) -> View:
    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not factors:
            _check_rest(actor_of(request))
        strong = factors and second_factors.has_any(actor_of(request))
        if is_fresh(request, strong=strong):
            return view(request, *args, **kwargs)
        if request.method in {"GET", "HEAD"}:
            query = {"next": request.get_full_path(), **({"fort": "1"} if strong else {})}
            return redirect(f"{reverse('portal:confirm')}?{urlencode(query)}")
        answer = _asked(request, strong=strong, carried=_carried(request))
        return view(request, *args, **kwargs) if answer is None else answer

    return _marked(opened)


def _check_rest(actor: User) -> None:
    """An account that an agency just opened again acts on nothing: who was told of it has the time to object."""
    if actor.quiet_until is not None and clock.now() < actor.quiet_until:
        raise AccountAtRest(until=formats.instant(actor.quiet_until))


def _marked(view: View) -> View:
    """Say that this view asks again, for whoever checks that it does."""
    view.asks_again = True  # type: ignore[attr-defined]
    return view


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """The page before a form: confirm, then go where one was going."""
    asked = request.POST if request.method == "POST" else request.GET
    target = asked.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}):
        target = "/"
    strong = bool(asked.get("fort")) and second_factors.has_any(actor_of(request))
    carried = [("next", target), *([("fort", "1")] if strong else [])]
    answer = _asked(request, strong=strong, carried=carried)
    return redirect(target) if answer is None else answer


def _carried(request: HttpRequest) -> list[tuple[str, str]]:
    """What was typed in the form that waits, to be sent again with the confirmation."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken" and not name.startswith(f"{_PREFIX}-")
        for value in values
    ]


def _asked(
    request: HttpRequest, *, strong: bool, carried: list[tuple[str, str]]
) -> HttpResponse | None:
    """None once the person has shown who they are in this request; else the page that asks."""
    actor = actor_of(request)
    held = second_factors.held_by(actor)
    answered = request.method == "POST" and any(
        name.startswith(f"{_PREFIX}-") for name in request.POST
    )
    form = ConfirmForm(
        request.POST if answered else None,
        with_password=not strong,
        with_code=held.application is not None or held.recovery_left > 0,
    )
    status, wait_seconds = 200, 0
    if answered and form.is_valid():
        try:
            limits.count(limits.CONFIRMATIONS, str(actor.pk))
            used_factor = _check(request, form.cleaned_data)
        except DomainError as refusal:
            security_log.note(
                SecurityEvent.CONFIRMATION_REFUSED, user_id=actor.pk, why=refusal.code
            )
            add_to_form(form, refusal)
            status = 422
            if isinstance(refusal, TooManyAttempts):
                status, wait_seconds = 429, refusal.wait_seconds
        else:
            limits.forget(limits.CONFIRMATIONS, str(actor.pk))
            note(request, strong=used_factor)
            return None
    context = {
        "form": form,
        "carried": carried,
        "passkey_options": passkeys.as_text(passkeys.options_to_show(actor))
        if held.passkeys
        else "",
        "strong": strong,
    }
    response = render(request, "portal/confirm.html", context, status=status)
    if wait_seconds:
        response.headers["Retry-After"] = str(wait_seconds)
    return response


def _check(request: HttpRequest, typed: dict[str, str]) -> bool:
    """Whether what was shown is a second factor; a refusal when it is not right."""
    actor = actor_of(request)
    if typed.get("credential"):
        passkeys.shown(typed["credential"], actor)
        return True
    if typed.get("code"):
        workflows.spend_code(user=actor, code=typed["code"], at=clock.now())
        return True
    if "password" not in typed or not actor.check_password(typed["password"]):
        raise PasswordRefused
    return False
