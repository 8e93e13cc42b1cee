"""What staff see of a person by default: the end of a number, not the number; « Afficher » shows it, and says so.

Whoever shows a row says why (or has said so for that firm within the half hour, or treats a request of the firm's own),
leaves an act in the trace with the reason, which the firm reads, and sees that row in clear for five minutes, in that
session. One table says which fields are veiled, wherever they stand.
"""

import datetime
from typing import Any, Final

from django.apps import apps
from django.contrib.admin import AdminSite
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from portal import audit, clock, formats, purposes
from portal.actor import actor_of
from portal.enums import Purpose

#: Fields that are veiled on the desk, and how many of their last characters stay.
KEPT: Final[dict[str, int]] = {
    "cin": 3,
    "card_number": 3,
    "rib": 4,
    "payer_rib": 4,
    "phone": 2,
    "email": 4,
    "born_on": 4,
}
#: And those that are so in one table only.
KEPT_IN: Final[dict[str, int]] = {
    "portal.Mail.address": 4,
    # By name of field, values of all kinds: those above are veiled by whoever shows them.
    "affiliates.RectificationRequest.asked": 0,
}
HOLDS_SECONDS: Final = 5 * 60
_SESSION: Final = "shown"
_MARK: Final = "_shown"


def kept_of(model: type[models.Model], name: str) -> int | None:
    """How many last characters of a field stay; None for one that is shown whole."""
    return KEPT_IN.get(f"{model._meta.label}.{name}", KEPT.get(name))


def fields_of(model: type[models.Model]) -> list[str]:
    """The veiled fields of a table."""
    return [
        field.name
        for field in model._meta.concrete_fields
        if kept_of(model, field.name) is not None
    ]


def veiled(text: str, kept: int) -> str:
    """``•••`` and the last characters; never more than half of it."""
    return "•••" + text[max(len(text) - kept, (len(text) + 1) // 2) :] if text else ""


def text_of(row: models.Model, name: str, *, is_shown: bool) -> str:
    """What stands for a field: whole, or its end; of a day of birth, the year."""
    value: Any = getattr(row, name)
    if value in (None, ""):
        return ""
    whole = formats.day(value) if isinstance(value, datetime.date) else str(value)
    if "rib" in name and is_shown:
        return formats.rib(whole)
    kept = kept_of(type(row), name)
    return whole if is_shown or kept is None else veiled(whole, kept)


def mark(request: HttpRequest, row: models.Model) -> None:
    """Let the pages of this request show the row whole, if this session may."""
    row.__dict__[_MARK] = is_shown(request, row)


def is_marked(row: models.Model) -> bool:
    """Whether ``mark`` found that the row may be shown whole."""
    return bool(row.__dict__.get(_MARK))


def is_shown(request: HttpRequest, row: models.Model) -> bool:
    """Whether this session asked for this row within the last minutes."""
    at = request.session.get(_SESSION, {}).get(_key(row), 0)
    return bool(clock.now().timestamp() - at < HOLDS_SECONDS)


def _key(row: models.Model) -> str:
    return f"{row._meta.label_lower}:{row.pk}"


def show(request: HttpRequest, site: AdminSite, label: str, pk: int) -> HttpResponse:
    """Show one row whole, for a reason; a 404 for a row that is not on this person's desk."""
    desk, row = _row(request, site, label, pk)
    numbers = sorted(desk.affiliation_numbers_of([row]))
    whose = numbers[0] if numbers else _key(row)
    told = purposes.told(request, whose)
    if not told and numbers and not desk.asks_purpose:
        # What the firm asked for itself: its request is the reason.
        told = {"purpose": Purpose.REQUEST.value, "detail": ""}
    if not told:
        form = purposes.PurposeForm(request.POST if "purpose" in request.POST else None)
        if not form.is_valid():
            context = {
                **site.each_context(request),
                "form": form,
                "title": _("Pourquoi afficher ?"),
            }
            status = 422 if form.errors else 200
            return TemplateResponse(request, "admin/show.html", context, status=status).render()
        told = purposes.keep(request, whose, form)
    with transaction.atomic():
        for number in numbers or [""]:
            audit.record(
                actor=actor_of(request),
                action="staff.shown",
                subject=row,
                affiliation_number=number,
                fields=fields_of(type(row)),
                **told,
            )
    kept = request.session.get(_SESSION, {})
    kept[_key(row)] = int(clock.now().timestamp())
    request.session[_SESSION] = kept
    target = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()})
    return redirect(target if safe else "admin:index")


def _row(request: HttpRequest, site: AdminSite, label: str, pk: int) -> tuple[Any, models.Model]:
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        raise Http404 from None
    desk: Any = site._registry.get(model)
    row = desk.get_object(request, str(pk)) if desk is not None and fields_of(model) else None
    if row is None or not desk.may_read(request):
        raise Http404
    return desk, row
