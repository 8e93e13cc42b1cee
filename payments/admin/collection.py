"""The collection dashboard of staff: charts with their tables, and the same figures for a spreadsheet."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from payments import queries
from payments.queries import collection
from portal import clock, formats
from portal.charts import Bar, BarChart, Series
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


@require_safe
def export(request: HttpRequest, kind: str) -> HttpResponseBase:
    """The months of the dashboard as csv or xlsx."""
    if kind not in ("csv", "xlsx"):
        raise Http404
    columns = [
        Column(_("Mois déclaré")), Column(_("Bordereaux")), Column(_("Dû")), Column(_("Recouvré")),
        Column(_("Reste à recouvrer")), Column(_("Taux de recouvrement (%)")),
    ]  # fmt: skip

    def lines() -> Iterator[tuple[str | int | Decimal, ...]]:
        for row in _months(clock.today()):
            yield str(row.period), row.slips, row.due, row.collected, row.outstanding, row.share

    return attachment_of(
        kind, name="recouvrement", title=_("Recouvrement"), columns=columns, rows=lines()
    )


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
