"""Public pages: the law as this portal applies it, and the simulator. They read no account and store nothing."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal import clock, formats
from portal.law_chart import step_chart
from portal.law_forms import SimulatorForm
from regulation.enums import Branch, Confidence, ContributionStatus
from regulation.errors import DomainError
from regulation.parameters import (
    Entry,
    due_day,
    due_day_reference,
    history,
    tables,
)
from regulation.periods import Period, parse_day
from regulation.series import (
    CAMPAIGN_CONDITIONS,
    CAMPAIGNS,
    CHOICES,
    HOLIDAYS,
    SERIES,
    Theme,
    Unit,
)
from regulation.simulation import Simulation, simulate

_TONES = {
    Confidence.HIGH: "ok",
    Confidence.MEDIUM: "info",
    Confidence.LOW: "warn",
    Confidence.POLICY: "neutral",
}
_PERIODS_AHEAD = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of the law, in the words of the screen."""

    name: str
    title: str
    value: str
    entry: Entry
    tone: str


def written(entry: Entry) -> str:
    """The value of an entry with its unit, in the language of the screen; a dash when not established."""
    unit = SERIES[entry.name].unit
    if entry.choice:
        return _(CHOICES[entry.choice])
    if entry.number is None:
        return "—"
    if unit is Unit.DIRHAMS:
        return formats.dirhams(entry.number)
    return f"{formats.number(entry.number)}{formats.NO_BREAK_SPACE}{_(unit.label)}"


def _row(name: str, entry: Entry) -> Row:
    tone = _TONES[entry.confidence] if entry.confidence else "bad"
    return Row(name, _(SERIES[name].title), written(entry), entry, tone)


def _entry_on(name: str, day: date) -> Entry | None:
    found = None
    for entry in history(name):
        if entry.effective_from <= day:
            found = entry
    return found


@login_not_required
@require_safe
def rule(request: HttpRequest) -> HttpResponse:
    """The law of a day (`?on=2026-01-31`, today by default): every series, due days, holidays, remissions."""
    today = clock.today()
    day, refusal = today, ""
    if request.GET.get("on"):
        try:
            day = parse_day(request.GET["on"])
        except DomainError as fault:
            refusal = formats.sentence(fault)
    sections = []
    for theme in Theme:
        names = [name for name, series in SERIES.items() if series.theme is theme]
        found = [(name, _entry_on(name, day)) for name in names]
        rows = [_row(name, entry) for name, entry in found if entry]
        sections.append(
            {
                "theme": theme,
                "rows": rows,
                "later": [_(SERIES[name].title) for name, entry in found if entry is None],
            }
        )
    return render(
        request,
        "portal/law.html",
        {
            "day": day,
            "day_text": day.isoformat(),
            "is_today": day == today,
            "refusal": refusal,
            "sections": sections,
            "due_days": _due_days(day),
            "holidays": _holidays(day.year),
            "campaigns": _campaigns(),
        },
    )


def _due_days(day: date) -> list[dict[str, Any]]:
    first = Period.from_day(day).previous()
    try:
        return [
            {
                "period": first + ahead,
                "due_on": due_day(first + ahead),
                "reference": due_day_reference(first + ahead),
                "extended": (first + ahead) in tables().extensions,
            }
            for ahead in range(_PERIODS_AHEAD)
        ]
    except DomainError:
        return []  # a day before the first known due day: the page says so


def _holidays(year: int) -> list[dict[str, Any]]:
    days = []
    for holiday in tables().holidays:
        on = holiday.on
        if on is None and holiday.month and holiday.day:
            on = date(year, holiday.month, holiday.day)
        if on and on.year == year and holiday.falls_on(on):
            days.append({"on": on, "title": _(HOLIDAYS[holiday.name]), "holiday": holiday})
    return sorted(days, key=lambda item: item["on"])


def _campaigns() -> list[dict[str, Any]]:
    return [
        {
            "title": _(CAMPAIGNS[campaign.name]),
            "campaign": campaign,
            "rates": [
                {
                    "condition": _(CAMPAIGN_CONDITIONS[rate.condition]),
                    "surcharges": formats.number(rate.surcharges.quantize(Decimal(1))),
                    "penalties_and_fees": formats.number(
                        rate.penalties_and_fees.quantize(Decimal(1))
                    ),
                }
                for rate in campaign.rates
            ],
        }
        for campaign in tables().campaigns
    ]


@login_not_required
@require_safe
def rule_series(request: HttpRequest, name: str) -> HttpResponse:
    """The history of one series, with its chart and the text of each value."""
    if name not in SERIES:
        raise Http404
    today = clock.today()
    entries = history(name)
    current = _entry_on(name, today)
    return render(
        request,
        "portal/law_series.html",
        {
            "name": name,
            "series": SERIES[name],
            "title": _(SERIES[name].title),
            "current": _row(name, current) if current else None,
            "rows": [_row(name, entry) for entry in reversed(entries)],
            "chart": step_chart(
                entries,
                until=today,
                right_to_left=get_language_bidi(),
                write=lambda entry: formats.number(entry.number or Decimal(0)),
            ),
        },
    )


@login_not_required
@require_safe
def simulator(request: HttpRequest) -> HttpResponse:
    """Wages in the address, what they cost on the page: nothing is stored, the address can be kept."""
    asked = bool(request.GET)
    form = SimulatorForm(
        request.GET if asked else None,
        initial={"period": str(Period.from_day(clock.today()).previous())},
    )
    found, refusal = None, ""
    if asked and form.is_valid():
        try:
            found = _simulate(form)
        except DomainError as fault:
            refusal = formats.sentence(fault)
    return render(
        request,
        "portal/simulator.html",
        {
            "form": form,
            "found": found,
            "refusal": refusal,
            "shares": _shares(found) if found else [],
            "example": f"?period={Period.from_day(clock.today()).previous()}&wages=4000%0A12345,67",
        },
    )


def _simulate(form: SimulatorForm) -> Simulation:
    asked = form.cleaned_data
    statuses = [
        status
        for field, status in (
            ("amo_exempt", ContributionStatus.AMO_EXEMPT),
            ("tfp_exempt", ContributionStatus.TFP_EXEMPT),
        )
        if asked[field]
    ]
    return simulate(
        asked["period"],
        form.lines(),
        statuses,
        paid_on=asked["paid_on"],
        filed_on=asked["filed_on"],
    )


_SHARE_TONES = {
    Branch.PF: "info",
    Branch.CT: "warn",
    Branch.IPE: "warn",
    Branch.LT: "warn",
    Branch.AMO: "bad",
    Branch.AMO_SOLIDARITY: "bad",
    Branch.TFP: "neutral",
}


def _shares(found: Simulation) -> list[dict[str, Any]]:
    """Where each dirham of the cost goes: the net wage, then each branch, with a bar out of a thousand."""
    if not found.cost:
        return []
    parts = [(_("Salaires nets, avant impôt"), "ok", found.net)]
    parts += [
        (_(line.branch.label), _SHARE_TONES[line.branch], line.total) for line in found.result.lines
    ]
    return [
        {
            "label": label,
            "tone": tone,
            "amount": amount,
            "of_hundred": formats.number((amount * 100 / found.cost).quantize(Decimal("0.01"))),
            "width": str(int(amount * 1000 / found.cost)),
        }
        for label, tone, amount in parts
    ]
