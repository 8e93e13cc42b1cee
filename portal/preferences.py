"""How a person wants to be spoken to, and the letters already sent."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from portal import mail, workflows
from portal.actor import actor_of
from portal.enums import Language
from portal.forms import PreferencesForm
from portal.models import Mail

#: Letters shown on the page, the newest first.
_SHOWN = 20


def keep_language(response: HttpResponse, language: Language) -> None:
    """Have the browser remember the language, as the switch at the top of the page does."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language.value,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=settings.LANGUAGE_COOKIE_PATH,
        domain=settings.LANGUAGE_COOKIE_DOMAIN,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The language, the reminders, and what the portal wrote to the person."""
    actor = actor_of(request)
    asked = request.POST if request.method == "POST" else None
    kept = {"language": actor.language, "wants_reminders": actor.wants_reminders}
    form = PreferencesForm(asked, initial=kept)
    if form.is_valid():
        language = form.cleaned_data["language"]
        workflows.set_preferences(
            actor=actor, language=language, wants_reminders=form.cleaned_data["wants_reminders"]
        )
        with override(language.value):
            messages.success(request, _("Vos préférences sont enregistrées."))
        response: HttpResponse = redirect("portal:preferences")
        keep_language(response, language)
        return response
    letters = Mail.objects.filter(user=actor).order_by("-pk")[:_SHOWN]
    context = {"form": form, "letters": letters}
    return render(request, "portal/preferences.html", context, status=422 if form.errors else 200)


@csrf_exempt  # mailboxes post here by themselves (RFC 8058); the signed link is the right to do so
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def stop_reminders(request: HttpRequest, token: str) -> HttpResponse:
    """Stop the reminders of whoever got the letter, without signing in. Opening the link only shows the button."""
    reader = mail.reader_of(token)
    if reader is None:
        raise Http404
    if request.method == "POST":
        reader = workflows.set_preferences(
            actor=reader, language=Language(reader.language), wants_reminders=False
        )
    return render(request, "portal/stop_reminders.html", {"wants": reader.wants_reminders})
