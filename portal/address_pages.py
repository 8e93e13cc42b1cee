"""« Changer mon adresse » : ask, then follow the link that was sent to the new one."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from portal import addresses, clock, fresh, limits, security_log
from portal.actor import actor_of
from portal.errors import add_to_form
from portal.middleware import client_address
from portal.security_log import SecurityEvent
from regulation.errors import DomainError


class AddressForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("Nouvelle adresse électronique"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "dir": "ltr"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@fresh.fresh
def change_address(request: HttpRequest) -> HttpResponse:
    """The new address; a link goes there, a warning to the former one."""
    actor = actor_of(request)
    form = AddressForm(request.POST if "email" in request.POST else None)
    if form.is_valid():
        limits.count(limits.CONFIRMATIONS, f"address {actor.pk}")
        try:
            addresses.ask_address(actor=actor, at=clock.now(), email=form.cleaned_data["email"])
        except DomainError as refusal:
            add_to_form(form, refusal)
        else:
            messages.success(
                request,
                _("Un lien est parti à la nouvelle adresse : ouvrez-le ici pour confirmer."),
            )
            return redirect("portal:security")
    status = 422 if form.errors else 200
    return render(request, "portal/change_address.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: HttpRequest, token: str) -> HttpResponse:
    """Behind the link: one button; opening the link changes nothing."""
    actor = actor_of(request)
    change = addresses.change_of(token, actor)
    if change is None:
        raise Http404
    if request.method == "POST":
        addresses.confirm_address(
            actor=actor, at=clock.now(), change=change, here=request.session.session_key
        )
        security_log.note(
            SecurityEvent.ADDRESS_CHANGED, user_id=actor.pk, place=client_address(request)
        )
        messages.success(request, _("Votre adresse est changée ; l’ancienne en est prévenue."))
        return redirect("portal:security")
    context = {"change": change, "open": clock.now() < change.expires_at}
    return render(request, "portal/confirm_address.html", context)
