"""« Ma sécurité »: one's second factors, one's recovery codes, the browsers where one is signed in."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import clock, fresh, limits, passkeys, second_factors, workflows
from portal.actor import actor_of
from portal.errors import add_to_form, add_to_messages
from portal.models import OpenSession, User
from regulation.errors import DomainError

# The secret shown in the square code waits here until the application has answered.
_WAITING = "second_factor_secret"


@dataclass(frozen=True, slots=True)
class Device:
    """A browser where the person is signed in; ``mark`` names it in addresses and opens nothing."""

    mark: str
    name: str
    opened_at: datetime | None
    seen_at: datetime | None
    here: bool


class ApplicationForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Le code à six chiffres que montre l’application"),
        max_length=10,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "dir": "ltr"}
        ),
    )


class PasskeyForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Le nom de cet appareil"),
        max_length=60,
        help_text=gettext_lazy("Pour le reconnaître dans la liste : « téléphone de Nadia »."),
    )
    credential = forms.CharField(widget=forms.HiddenInput, required=False)


@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """Everything that opens the account, and where it is open now."""
    actor = actor_of(request)
    context = {
        "held": second_factors.held_by(actor),
        "devices": _devices(actor, request.session.session_key or ""),
        # Whoever acts for others was led here; the sentence says why.
        "needed": "requis" in request.GET,
    }
    return render(request, "portal/security.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@fresh.fresh_for_factors
def add_application(request: HttpRequest) -> HttpResponse:
    """The square code to photograph, then the code that the application shows."""
    actor = actor_of(request)
    secret = request.session.setdefault(_WAITING, second_factors.new_secret())
    form = ApplicationForm(request.POST if "code" in request.POST else None)
    if form.is_valid():
        limits.count(limits.CONFIRMATIONS, str(actor.pk))
        try:
            codes = workflows.add_application(
                actor=actor, secret=secret, code=form.cleaned_data["code"], at=clock.now()
            )
        except DomainError as refusal:
            add_to_form(form, refusal, "code")
        else:
            del request.session[_WAITING]
            return _changed(request, codes, _("Votre application est enregistrée."))
    # Only who draws a square pays its three megabytes: the worker draws none.
    import segno

    square = segno.make(second_factors.address_of(actor, secret), error="m", micro=False)
    groups = [secret[start : start + 4] for start in range(0, len(secret), 4)]
    context = {
        "form": form,
        "square": square.svg_data_uri(border=2, scale=5, xmldecl=False),
        "secret": " ".join(groups),
    }
    status = 422 if form.errors else 200
    return render(request, "portal/add_application.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@fresh.fresh_for_factors
def add_passkey(request: HttpRequest) -> HttpResponse:
    """The browser makes a key that stays in the device; we keep its public half."""
    actor = actor_of(request)
    initial = {"name": request.session.get("device", "")}
    form = PasskeyForm(request.POST if "credential" in request.POST else None, initial=initial)
    if form.is_valid():
        try:
            credential = passkeys.made(form.cleaned_data["credential"])
        except DomainError as refusal:
            add_to_form(form, refusal)
        else:
            codes = workflows.add_passkey(
                actor=actor, name=form.cleaned_data["name"], credential=credential
            )
            return _changed(request, codes, _("Votre clé d’accès est enregistrée."))
    options = passkeys.as_text(passkeys.options_to_add(actor))
    context = {"form": form, "passkey_options": options}
    status = 422 if form.errors else 200
    return render(request, "portal/add_passkey.html", context, status=status)


@require_POST
@fresh.fresh_for_factors
def remove_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """Take away a lost phone, or a key one does not use any more."""
    actor = actor_of(request)
    factor = get_object_or_404(
        Authenticator.objects.exclude(type=second_factors.RECOVERY), pk=pk, user=actor
    )
    # Said by whoever knows for whom this person acts (damancom.second_factor).
    keeps_one = bool(getattr(request, "must_hold_a_factor", False))
    try:
        workflows.remove_factor(actor=actor, factor=factor, keeps_one=keeps_one)
    except DomainError as refusal:
        add_to_messages(request, refusal)
        return redirect("portal:security")
    if not second_factors.has_any(actor):
        request.session["second_factor"] = False
    return _changed(request, [], _("C’est retiré."))


@require_POST
@fresh.fresh_for_factors
def renew_recovery_codes(request: HttpRequest) -> HttpResponse:
    """New codes on paper; the former open nothing any more."""
    actor = actor_of(request)
    if not second_factors.has_any(actor):
        raise Http404
    codes = workflows.renew_recovery_codes(actor=actor)
    return _changed(request, codes, _("Vos nouveaux codes de secours remplacent les anciens."))


@require_POST
def close_session(request: HttpRequest, mark: str) -> HttpResponse:
    """Close one of one's own browsers; its cookie opens nothing from then on."""
    actor = actor_of(request)
    keys = OpenSession.objects.filter(user=actor).values_list("session_key", flat=True)
    key = next((key for key in keys if _mark(key) == mark), None)
    if key is None:
        raise Http404
    workflows.close_sessions(actor=actor, only=key)
    messages.success(request, _("Cet appareil est déconnecté."))
    return redirect("portal:security")


@require_POST
def close_other_sessions(request: HttpRequest) -> HttpResponse:
    """Close every browser but this one."""
    workflows.close_sessions(actor=actor_of(request), but=request.session.session_key)
    messages.success(request, _("Tous vos autres appareils sont déconnectés."))
    return redirect("portal:security")


def _changed(request: HttpRequest, codes: list[str], said: str) -> HttpResponse:
    """After a change: this session goes on under a new key, the others end; codes are shown now and never again."""
    actor = actor_of(request)
    if second_factors.has_any(actor):
        # Just bound, or shown again a moment ago.
        request.session["second_factor"] = True
        fresh.note(request, strong=True)
    request.session.cycle_key()
    workflows.close_sessions(actor=actor, but=request.session.session_key)
    if not codes:
        messages.success(request, said)
        return redirect("portal:security")
    return render(request, "portal/recovery_codes.html", {"codes": codes, "said": said})


def _devices(actor: User, here: str) -> list[Device]:
    rows = OpenSession.objects.filter(user=actor, expire_date__gt=clock.now())
    return [
        Device(
            mark=_mark(row.session_key),
            name=row.device,
            opened_at=row.opened_at,
            seen_at=row.seen_at,
            here=row.session_key == here,
        )
        for row in rows.order_by("-seen_at")
    ]


def _mark(key: Any) -> str:
    return hashlib.sha256(str(key).encode()).hexdigest()[:24]
