"""Why a member of staff opens the file of a firm, or a list of firms, outside their queue: asked before, kept with it.

The answer holds half an hour for that firm or that list, in that session; then it is asked again.
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
        purpose.choices = [
            (one.value, capfirst(_(one.label))) for one in Purpose if one is not Purpose.QUEUE
        ]

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        detail = str(told.get("detail", "")).strip()
        if told.get("purpose") == Purpose.OTHER and len(detail) < SHORTEST:
            self.add_error("detail", _("Écrivez le motif en quelques mots."))
        return told


def told(request: HttpRequest, what: str) -> dict[str, str]:
    """The purpose told lately for a firm (its number) or a list (its name); empty when it is to be asked."""
    kept: dict[str, Any] = request.session.get(_KEPT, {}).get(what, {})
    if not kept or _is_over(kept):
        return {}
    return {"purpose": kept["purpose"], "detail": kept["detail"]}


def is_answered(request: HttpRequest) -> bool:
    """Whether the request is the answer to the page that asks."""
    return request.method == "POST" and "purpose" in request.POST


def keep(request: HttpRequest, what: str, form: PurposeForm) -> dict[str, str]:
    """Keep what a sound form told for this firm, or this list; the same, as facts of the trace."""
    said = {
        "purpose": str(form.cleaned_data["purpose"]),
        "detail": str(form.cleaned_data["detail"]).strip(),
    }
    kept = {name: one for name, one in request.session.get(_KEPT, {}).items() if not _is_over(one)}
    kept[what] = {**said, "at": int(clock.now().timestamp())}
    request.session[_KEPT] = kept
    return said


def ask(
    request: HttpRequest, what: str, context: dict[str, Any], *, title: str = ""
) -> HttpResponse:
    """The page that asks; answered, it leads to the file, or to the list whose ``title`` is told."""
    form = PurposeForm(request.POST if request.method == "POST" else None)
    if title:
        # Before the answer is judged: a field keeps the label it had then.
        form.fields["purpose"].label = _("Pourquoi ouvrez-vous cette liste ?")
        form.fields["detail"].help_text = _("Chaque entreprise affichée lira cette phrase.")
    if form.is_valid():
        keep(request, what, form)
        return redirect(request.get_full_path())
    page = {**context, "form": form, "title": title or _("Pourquoi ce dossier ?"), "list": title}
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/purpose.html", page, status=status).render()


def _is_over(kept: dict[str, Any]) -> bool:
    return bool(clock.now().timestamp() - kept["at"] > HOLDS_SECONDS)
