"""Why a member of staff opens the file of a firm outside their queue: asked before, kept with each reading.

The answer holds half an hour for that firm, in that session; then it is asked again.
"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import clock
from portal.enums import Purpose

_KEPT = "purposes"
HOLDS_SECONDS = 30 * 60
#: A reason in one's own words says something.
SHORTEST = 10


class PurposeForm(forms.Form):
    """One of the usual reasons, or one's own."""

    purpose = forms.ChoiceField(
        label=gettext_lazy("Pourquoi ouvrez-vous ce dossier ?"), widget=forms.RadioSelect
    )
    detail = forms.CharField(
        label=gettext_lazy("Précisez"),
        help_text=gettext_lazy("L’entreprise lira cette phrase."),
        required=False,
        max_length=120,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        purpose: Any = self.fields["purpose"]
        purpose.choices = [(one.value, capfirst(_(one.label))) for one in Purpose]

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        detail = str(told.get("detail", "")).strip()
        if told.get("purpose") == Purpose.OTHER and len(detail) < SHORTEST:
            self.add_error("detail", _("Écrivez le motif en quelques mots."))
        return told


def told(request: HttpRequest, affiliation_number: str) -> dict[str, str]:
    """The purpose told for this firm lately, as facts of the trace; empty when it is to be asked."""
    kept: dict[str, Any] = request.session.get(_KEPT, {}).get(affiliation_number, {})
    if not kept or clock.now().timestamp() - kept["at"] > HOLDS_SECONDS:
        return {}
    return {"purpose": kept["purpose"], "detail": kept["detail"]}


def ask(request: HttpRequest, affiliation_number: str, context: dict[str, Any]) -> HttpResponse:
    """The page that asks; answered, it leads to the file."""
    form = PurposeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        kept = request.session.get(_KEPT, {})
        kept[affiliation_number] = {
            "purpose": form.cleaned_data["purpose"],
            "detail": form.cleaned_data["detail"].strip(),
            "at": int(clock.now().timestamp()),
        }
        request.session[_KEPT] = kept
        return redirect(request.get_full_path())
    page = {**context, "form": form, "title": _("Pourquoi ce dossier ?")}
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/purpose.html", page, status=status).render()
