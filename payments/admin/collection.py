"""The collection dashboard of staff: charts with their tables, and the same figures for a spreadsheet."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TypeAlias

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from payments import queries
from payments.queries import collection
from portal import clock, formats
from portal.charts import Bar, BarChart, Curve, CurveChart, Series
from portal.exports import Column, attachment_of
from regulation.periods import Period

MONTHS = 12


@require_safe
def dashboard(request: HttpRequest, base: dict[str, object]) -> HttpResponse:
    """Twelve declared months, the banks, the speed, the debt and what waits to be named."""
    today = clock.today()
    rows = _months(today)
    banks = collection.by_bank(_since(today))
    debt = collection.debt_by_age(today)
    waiting = queries.suspense_ageing(today)
    context = {
        **base,
        "title": _("Recouvrement"),
        "months": rows,
        "month_chart": _month_chart(rows),
        "banks": banks,
        "bank_chart": _bank_chart(banks),
        "speeds": collection.SPEEDS,
        "curve": _curve(rows),
        "debt": debt,
        "debt_chart": _age_chart(
            _("Dette par ancienneté"), [(one.after, one.amount) for one in debt]
        ),
        "waiting": waiting,
        "waiting_chart": _age_chart(
            _("Versements à identifier par ancienneté"),
            [(one.after, one.amount) for one in waiting],
        ),
    }
    return TemplateResponse(request, "admin/payments/collection.html", context).render()


Row: TypeAlias = "tuple[str | int | Decimal | None, ...]"


@require_safe
def export(request: HttpRequest, panel: str, kind: str) -> HttpResponseBase:
    """One panel of the dashboard as csv or xlsx."""
    make = PANELS.get(panel)
    if make is None or kind not in ("csv", "xlsx"):
        raise Http404
    title, columns, rows = make(clock.today())
    return attachment_of(
        kind,
        name=f"recouvrement-{panel}",
        title=title,
        columns=[Column(one) for one in columns],
        rows=rows,
    )


def _months_sheet(today: datetime.date) -> tuple[str, list[str], Iterator[Row]]:
    columns = [
        _("Mois déclaré"), _("Bordereaux"), _("Dû"), _("Recouvré"), _("Reste à recouvrer"),
        _("Taux de recouvrement (%)"),
    ]  # fmt: skip
    rows = (
        (str(row.period), row.slips, row.due, row.collected, row.outstanding, row.share)
        for row in _months(today)
    )
    return _("Par mois déclaré"), columns, rows


def _speed_sheet(today: datetime.date) -> tuple[str, list[str], Iterator[Row]]:
    columns = [
        _("Mois déclaré"),
        _("Dû"),
        *(f"+{months}" for months in collection.SPEEDS),
        _("À ce jour"),
    ]
    rows = ((str(row.period), row.due, *row.settled, row.share) for row in _months(today))
    return _("Vitesse du recouvrement"), columns, rows


def _banks_sheet(today: datetime.date) -> tuple[str, list[str], Iterator[Row]]:
    columns = [_("Mois comptable"), _("Banque"), _("Opérations"), _("Montant")]
    rows = (
        (str(row.month), row.bank, row.count, row.amount)
        for row in collection.by_bank(_since(today))
    )
    return _("Par banque"), columns, rows


def _debt_sheet(today: datetime.date) -> tuple[str, list[str], Iterator[Row]]:
    columns = [_("Jours de retard, au moins"), _("Bordereaux"), _("Montant")]
    rows = ((one.after, one.slips, one.amount) for one in collection.debt_by_age(today))
    return _("Dette par ancienneté"), columns, rows


def _waiting_sheet(today: datetime.date) -> tuple[str, list[str], Iterator[Row]]:
    columns = [_("Jours d’attente, au moins"), _("Versements"), _("Montant")]
    rows = ((one.after, one.count, one.amount) for one in queries.suspense_ageing(today))
    return _("Versements à identifier"), columns, rows


PANELS: dict[str, Callable[[datetime.date], tuple[str, list[str], Iterator[Row]]]] = {
    "mois": _months_sheet,
    "vitesse": _speed_sheet,
    "banques": _banks_sheet,
    "dette": _debt_sheet,
    "attente": _waiting_sheet,
}


def _months(today: datetime.date) -> list[collection.MonthRow]:
    last = Period.from_day(today)
    return collection.by_month(last - MONTHS, last, on=today)


def _since(today: datetime.date) -> datetime.date:
    return (Period.from_day(today) - MONTHS).first_day


def _month_chart(rows: list[collection.MonthRow]) -> BarChart:
    return BarChart(
        _("Recouvré et reste à recouvrer, par mois déclaré"),
        _("Mois déclaré"),
        [Series(_("Recouvré"), "ok"), Series(_("Reste à recouvrer"), "bad")],
        [
            Bar(
                formats.period(row.period),
                _short(row.period, row.period == rows[0].period),
                [row.collected, row.outstanding],
            )
            for row in rows
        ],
    )


def _curve(rows: list[collection.MonthRow]) -> CurveChart:
    """The last five quarters: the newest in the colour of the house, the oldest pale."""
    tones = ("neutral", "warn", "bad", "info", "ok")
    found = collection.vintages(rows)[-len(tones) :]
    return CurveChart(
        _("Part soldée, tant de mois après l’échéance, par trimestre déclaré"),
        collection.SPEEDS,
        [
            Curve(
                Series(
                    _("%(quarter)se trimestre %(year)s")
                    % {"quarter": one.quarter, "year": one.year}
                    if one.quarter > 1
                    else _("1er trimestre %(year)s") % {"year": one.year},
                    tone,
                ),
                one.settled,
            )
            for one, tone in zip(found, tones[len(tones) - len(found) :], strict=True)
        ],
    )


def _bank_chart(rows: list[collection.BankRow]) -> BarChart:
    months = sorted({row.month for row in rows})
    names = sorted({row.bank for row in rows})[:5]
    tones = ("info", "ok", "warn", "neutral", "bad")
    found = {(row.bank, row.month): row.amount for row in rows}
    return BarChart(
        _("Encaissé par banque, par mois comptable"),
        _("Mois comptable"),
        [Series(name, tone) for name, tone in zip(names, tones, strict=False)],
        [
            Bar(
                formats.period(month),
                _short(month, month == months[0]),
                [found.get((name, month), Decimal("0.00")) for name in names],
            )
            for month in months
        ],
    )


def _age_chart(title: str, bands: list[tuple[int, Decimal]]) -> BarChart:
    return BarChart(
        title,
        _("Ancienneté"),
        [Series(_("Montant"), "warn")],
        [
            Bar(_("%(days)s jours et plus") % {"days": after}, f"{after} +", [amount])
            for after, amount in bands
        ],
    )


def _short(month: Period, is_first: bool) -> str:
    """The number of the month and, under it, its year where one begins."""
    return f"{month.month:02}" + (
        f"\n{month.year}" if month.month == 1 or (is_first and month.month != 12) else ""
    )
