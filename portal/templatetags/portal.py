"""Tags and filters of the house: {% load portal %}. templates/portal/_README.html shows each in use."""

import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.db import models
from django.forms import BoundField, CheckboxInput, Select
from django.forms.widgets import CheckboxSelectMultiple, RadioSelect
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext_lazy as _

from portal import charts, formats, veils
from regulation.periods import Period

register = template.Library()

# The colour of a state says: fine, needs you, went wrong, under way, over. The word beside it says it too.
_TONES = {
    "ok": {
        "active", "submitted", "accepted", "paid", "valid", "decided", "upheld", "done", "ACC", "success", "current",
        "concluded", "executed", "approved", "granted", "kept",
    },
    "warn": {
        "partly_paid", "issued", "piece_asked", "awaiting", "warning", "PAR", "ATT", "partly", "suspended", "late",
        "blocked", "observed", "in_force",
    },
    "bad": {
        "refused", "revoked", "rejected", "returned", "error", "parked", "REF", "overdue", "file", "line", "broken",
    },
    "info": {
        "draft", "sent", "pending", "open", "taken", "running", "waiting", "info", "debug", "information", "INF",
        "ordered", "underway", "proposed", "requested", "signed", "planned", "incomplete",
    },
}  # fmt: skip
_TONE_OF = {value: name for name, values in _TONES.items() for value in values}

_SECTIONS = {
    "home": _("Accueil"),
    "declarations": _("Déclarations"),
    "employees": _("Salariés"),
    "payments": _("Paiements"),
    "certificates": _("Attestations"),
    "disputes": _("Réclamations"),
    "access": _("Accès"),
}


@register.simple_tag(takes_context=True)
def veil(context: Context, row: models.Model, name: str) -> str:
    """`{% veil row "cin" %}`: the field; on the desk its end only, unless the row, or ``main``, was shown."""
    whole = not context.get("is_desk")
    main = context.get("main")
    for one in (row, main) if not whole else ():
        whole = whole or (one is not None and veils.is_shown(context["request"], one))
    return veils.text_of(row, name, is_shown=whole) or "—"


@register.inclusion_tag("admin/_show.html", takes_context=True)
def show_button(context: Context, row: models.Model) -> dict[str, Any]:
    """`{% show_button row %}`: « Afficher », on the desk, for a row that has something veiled."""
    request = context["request"]
    wanted = bool(context.get("is_desk")) and bool(veils.fields_of(type(row)))
    return {
        "is_wanted": wanted and not veils.is_shown(request, row),
        "label": row._meta.label,
        "pk": row.pk,
        "back": request.get_full_path(),
        "csrf_token": context.get("csrf_token"),
    }


@register.filter
def dirhams(value: Decimal | None) -> str:
    """`{{ slip.total|dirhams }}` → ``1 234,56 DH``; nothing for None."""
    return "" if value is None else formats.dirhams(value)


@register.filter
def signed(value: Decimal | None) -> str:
    """``+1 234,56`` or ``−1 234,56``: a difference, without unit."""
    return formats.signed(value) if value is not None else ""


@register.filter
def amount(value: Decimal | None) -> str:
    """The same without the unit, for columns whose heading says DH."""
    return "" if value is None else formats.number(value.quantize(Decimal("0.01")))


@register.filter
def count(value: int) -> str:
    """A whole number with its thousands apart: ``12 500``."""
    return formats.number(value)


@register.filter
def unlocalised(value: int) -> str:
    """A whole number for an HTML attribute: ``12500``."""
    return str(value)


@register.filter
def rib(value: str) -> str:
    """`{{ account.rib|rib }}` → ``230 780 1234567890120000 38``."""
    return formats.rib(value)


@register.filter
def fours(value: str) -> str:
    """`{{ creditor_reference|fours }}` → ``RF08 1234 5672 6010 179``, as such a reference is printed."""
    return formats.NO_BREAK_SPACE.join(value[at : at + 4] for at in range(0, len(value), 4))


@register.filter
def period(value: Period | datetime.date | str | None) -> str:
    """`{{ declaration.period|period }}` → ``janvier 2026``."""
    return formats.period(value) if value else ""


@register.filter
def of_period(value: Period | datetime.date | str | None) -> str:
    """`Déclaration {{ declaration.period|of_period }}` → ``Déclaration d’octobre 2026``."""
    return formats.of_period(value) if value else ""


@register.filter
def day(value: datetime.date | None) -> str:
    """`{{ slip.due_on|day }}` → ``10 février 2026``."""
    return formats.day(value) if value else ""


@register.filter
def instant(value: datetime.datetime | None) -> str:
    """`{{ file.received_at|instant }}` → ``10 février 2026 à 14:05``, on the clocks of Morocco."""
    return formats.instant(value) if value else ""


@register.filter
def apart(value: object) -> str:
    """`{% blocktranslate with who=user.full_name|apart %}`: a name or an address that keeps its own direction.

    In a sentence written from right to left, a Latin name would carry along the number that follows it. Isolated by
    two signs that are not seen (FSI, PDI), as ``<bdi>`` does where a tag may stand.
    """
    return f"\u2068{value}\u2069" if value and get_language_bidi() else str(value or "")


@register.filter
def translate_label(value: object) -> str:
    """The label of an enumeration's member, or a French msgid, in the language of the screen."""
    return formats.label(value)


@register.filter
def sentence(value: Any) -> str:
    """A refusal, a finding or a `regulation.text.Sentence`, translated and filled with its facts."""
    return formats.sentence(value)


@register.filter
def tone(value: object) -> str:
    """The tone of a state's value or of a message's level: ok, warn, bad, info, neutral."""
    return _TONE_OF.get(str(value), "neutral")


@register.simple_tag
def badge(subject: Any, field: str = "", tone: str = "") -> SafeString:
    """`{% badge declaration "status" %}`, `{% badge member %}` or `{% badge "Texte" tone="warn" %}`.

    The first form reads a model's field with choices; the tone follows from the value unless it is given.
    """
    value: object = getattr(subject, field) if field else subject
    label: object = value
    if field and isinstance(subject, models.Model):
        label = getattr(subject, f"get_{field}_display")()
    return format_html(
        '<span class="dc-badge dc-badge-{}">{}</span>',
        tone or _TONE_OF.get(str(value), "neutral"),
        capfirst(formats.label(label)),
    )


@register.simple_tag
def crumb(label: str, address: str = "") -> SafeString:
    """One step of the breadcrumbs; the last one, without address, is the page itself."""
    if address:
        return format_html('<li><a href="{}">{}</a></li>', address, label)
    return format_html('<li aria-current="page">{}</li>', label)


@register.simple_tag
def space_link(view: str, affiliation_number: str, section: str, mine: str) -> SafeString:
    """One entry of an affiliate's navigation; absent while its room has no such address."""
    try:
        address = reverse(view, kwargs={"affiliation_number": affiliation_number})
    except NoReverseMatch:
        return SafeString("")
    current = SafeString(' aria-current="page"') if section == mine else ""
    return format_html('<li><a href="{}"{}>{}</a></li>', address, current, _SECTIONS[mine])


@register.simple_tag(takes_context=True)
def page_address(context: Context, number: int) -> str:
    """The address of another page of this list, its other parameters kept."""
    query = context["request"].GET.copy()
    query["page"] = str(number)
    return f"?{query.urlencode()}"


@register.inclusion_tag("portal/_chart.html")
def bar_chart(chart: charts.BarChart) -> dict[str, Any]:
    """`{% bar_chart chart %}` with a `portal.charts.BarChart`: columns, legend, and the table of figures."""
    return charts.layout(chart, right_to_left=get_language_bidi())


@register.inclusion_tag("portal/_curves.html")
def curve_chart(chart: charts.CurveChart) -> dict[str, Any]:
    """`{% curve_chart chart %}` with a `portal.charts.CurveChart`: lines and legend; the page gives the table."""
    return charts.curves(chart, right_to_left=get_language_bidi())


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """Whether the box stands before its label."""
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def control(field: BoundField) -> SafeString:
    """The control of a field in the dress of the house, with its fault said to screen readers."""
    widget = field.field.widget
    if isinstance(widget, CheckboxInput | CheckboxSelectMultiple | RadioSelect):
        dress = "form-check-input"
    elif isinstance(widget, Select):
        dress = "form-select"
    else:
        dress = "form-control"
    if field.errors:
        dress += " is-invalid"
    attrs: dict[str, str | bool] = {"class": f"{widget.attrs.get('class', '')} {dress}".strip()}
    described = [f"{field.auto_id}_helptext"] if field.help_text else []
    if field.errors:
        described.append(f"{field.auto_id}_error")
        attrs["aria-invalid"] = "true"
    if described:
        attrs["aria-describedby"] = " ".join(described)
    return field.as_widget(attrs=attrs)
