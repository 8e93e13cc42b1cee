"""What became of the disputes of everyone: a page for everyone."""

import datetime

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from disputes.queries.figures import public_figures
from portal import clock
from regulation.parameters import value_at

_A_YEAR = datetime.timedelta(days=365)


@login_not_required
@require_safe
def public_page(request: HttpRequest) -> HttpResponse:
    """The disputes of twelve months in figures; a count that could point at a firm is not shown."""
    now, today = clock.now(), clock.today()
    least = int(value_at("dispute.smallest_cell", today).value)
    return render(
        request,
        "disputes/figures.html",
        {
            "figures": public_figures(now - _A_YEAR, now, least=least),
            "least": least,
            "since": today - _A_YEAR,
            "today": today,
            "first_answer_days": int(value_at("dispute.first_answer", today).value),
            "decision_days": int(value_at("dispute.decision", today).value),
        },
    )
