"""What a firm does with a request of its own, whatever it asks for: answer the fund, or take it back."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext as _

from affiliates.forms import AnswerForm
from portal import clock
from portal.actor import actor_of
from portal.errors import add_to_form, add_to_messages
from regulation.errors import DomainError


def send_answer(
    request: HttpRequest, row: Model, form: AnswerForm, workflow: Callable[..., Any]
) -> bool:
    """Hand what was typed and joined to the workflow; whether it went. What is refused is said in the form."""
    if not form.is_valid():
        return False
    told = {"text": form.cleaned_data["text"], "pieces": form.cleaned_data["pieces"]}
    try:
        workflow(actor=actor_of(request), at=clock.now(), request=row, **told)
    except DomainError as refusal:
        add_to_form(form, refusal)
        return False
    messages.success(request, _("Votre réponse est envoyée : l’examen reprend."))
    return True


def take_back(request: HttpRequest, row: Model, workflow: Callable[..., Any]) -> None:
    """Withdraw the request by the workflow; the next page says whether it is done."""
    try:
        workflow(actor=actor_of(request), at=clock.now(), request=row)
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(request, _("La demande est retirée."))
