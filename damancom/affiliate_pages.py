"""The home of an affiliate."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from damancom.enums import MonthState
from damancom.months import SHOWN_MONTHS, Month, months_of, most_urgent, owed_by
from damancom.notices import notices_of
from declarations.lateness import lateness_of
from portal import charts, clock, formats

# The colour of a state, and which of the four times of a month it belongs to.
TONES = {
    MonthState.TO_DECLARE: "info",
    MonthState.LATE_TO_DECLARE: "bad",
    MonthState.CHECKING: "info",
    MonthState.TO_CORRECT: "warn",
    MonthState.FILLING: "warn",
    MonthState.READY: "warn",
    MonthState.SUBMITTED: "ok",
    MonthState.TO_PAY: "warn",
    MonthState.LATE_TO_PAY: "bad",
    MonthState.ORDERED: "info",
    MonthState.HELD: "info",
    MonthState.PAID: "ok",
}
_STEPS = {
    MonthState.TO_DECLARE: 1,
    MonthState.LATE_TO_DECLARE: 1,
    MonthState.CHECKING: 2,
    MonthState.TO_CORRECT: 2,
    MonthState.FILLING: 1,
    MonthState.READY: 3,
    MonthState.TO_PAY: 4,
    MonthState.LATE_TO_PAY: 4,
}
_PAYING = frozenset({MonthState.TO_PAY, MonthState.LATE_TO_PAY})


@dataclass(frozen=True)
class Act:
    """What to do about one month: words, and where. ``allowed`` says whether this person may."""

    month: Month
    state: MonthState
    tone: str
    title: str
    text: str
    url: str
    label: str
    step: int
    allowed: bool


@require_safe
@affiliate_view(Scope.READ)
def home(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """The period in progress, the one next act, the balance, the last twelve months, what is new."""
    now = clock.now()
    today = clock.day_of(now)
    months = months_of([affiliate], today=today)[affiliate.pk]
    owed = owed_by(affiliate)
    scopes = request.affiliate_scopes  # type: ignore[attr-defined]
    acts = [_act(affiliate, month, today, scopes) for month in most_urgent(months, today)]
    first = acts[0] if acts else None
    unfiled = first is not None and not first.month.slips
    context = {
        "section": "home",
        "today": today,
        "act": first,
        "cost": (
            lateness_of(affiliate, first.month.period, today=today) if first and unfiled else None
        ),
        "later_acts": acts[1:6],
        "steps": [_("Déclarer"), _("Corriger"), _("Déposer"), _("Payer")],
        "owed": owed,
        "on_its_way": any(month.state(today) is MonthState.ORDERED for month in months),
        "next_due": min(
            (act.month.due_on for act in acts if act.month.due_on >= today), default=None
        ),
        "notices": notices_of(affiliate, months, owed, now=now),
        "chart": _chart(months) if any(month.slips for month in months) else None,
    }
    return render(request, "damancom/home.html", context)


def _act(affiliate: Affiliate, month: Month, today: datetime.date, scopes: frozenset[Scope]) -> Act:
    state = month.state(today)
    title, text, label = _words(month, state, today)
    return Act(
        month=month,
        state=state,
        tone=TONES[state],
        title=title,
        text=text,
        url=place_of(affiliate, month, state),
        label=label,
        step=_STEPS[state],
        allowed=(Scope.PAY if state in _PAYING else Scope.DECLARE) in scopes,
    )


def place_of(affiliate: Affiliate, month: Month, state: MonthState) -> str:
    number = {"affiliation_number": affiliate.affiliation_number}
    if state in _PAYING:
        chosen = urlencode([("somme", slip.payment_reference) for slip in month.open_slips])
        return reverse("payments:pay", kwargs=number) + f"?{chosen}"
    return reverse("declarations:month", kwargs={**number, "period": str(month.period)})


def _words(month: Month, state: MonthState, today: datetime.date) -> tuple[str, str, str]:
    """The title of the act, one sentence about it, the label of its button."""
    facts = {
        "period": formats.period(month.period),
        "of_period": formats.of_period(month.period),
        "due": formats.day(month.due_on),
        "amount": formats.dirhams(month.to_pay),
    }
    left = (month.due_on - today).days
    if left > 0:
        in_time = ngettext(
            "À faire au plus tard le %(due)s : il reste %(count)s jour.",
            "À faire au plus tard le %(due)s : il reste %(count)s jours.",
            left,
        ) % {**facts, "count": left}
    elif left == 0:
        in_time = _("À faire aujourd’hui, dernier jour.")
    else:
        in_time = (
            _(
                "C’était à faire au plus tard le %(due)s : plus tôt ce sera fait, moins cela coûtera."
            )
            % facts
        )
    if state is MonthState.TO_CORRECT:
        count = month.file.finding_count if month.file else 0
        text = ngettext(
            "%(count)s anomalie est montrée avec sa correction.",
            "%(count)s anomalies sont montrées, chacune avec sa correction.",
            count,
        ) % {"count": count}
        return (
            _("Corriger le fichier %(of_period)s") % facts,
            f"{text} {in_time}",
            _("Voir les anomalies"),
        )
    if state is MonthState.CHECKING:
        return (
            _("Le fichier %(of_period)s est en cours de contrôle") % facts,
            _("Le résultat arrive en quelques instants."),
            _("Suivre le contrôle"),
        )
    if state is MonthState.FILLING:
        return (
            _("Terminer la saisie %(of_period)s") % facts,
            _("Votre saisie est enregistrée. Rien n’est encore déposé.") + f" {in_time}",
            _("Reprendre la saisie"),
        )
    if state is MonthState.READY:
        return (
            _("Relire et déposer %(period)s") % facts,
            _("Les cotisations sont calculées ; rien n’est dû tant que vous n’avez pas déposé.")
            + f" {in_time}",
            _("Relire et déposer"),
        )
    if state in _PAYING:
        cost = _(
            "Majorations appelées jusqu’ici : %(amount)s ; payer maintenant arrête leur progression."
        ) % {"amount": formats.dirhams(month.surcharges)}
        return (
            _("Payer %(amount)s pour %(period)s") % facts,
            f"{in_time} {cost}" if month.surcharges else in_time,
            _("Choisir comment payer"),
        )
    if month.penalty:
        cost = _(
            "Astreinte appelée jusqu’ici : %(amount)s ; déclarer maintenant arrête sa progression."
        ) % {"amount": formats.dirhams(month.penalty)}
        in_time = f"{in_time} {cost}"
    return _("Déclarer %(period)s") % facts, in_time, _("Déclarer ce mois")


def _chart(months: Sequence[Month]) -> charts.BarChart:
    # The current month takes its place once it has a slip.
    shown = months if months[-1].slips else months[:-1]
    return charts.BarChart(
        title=_("Cotisations des douze derniers mois, réglées et restant à payer"),
        heading=_("Mois"),
        series=[
            charts.Series(_("Réglé"), "ok"),
            charts.Series(_("En réclamation"), "info"),
            charts.Series(_("Reste à payer"), "warn"),
        ],
        bars=[
            charts.Bar(
                formats.period(month.period),
                _short(month, first=month is shown[-SHOWN_MONTHS:][0]),
                [month.settled, month.outstanding - month.claimed, month.claimed],
            )
            for month in shown[-SHOWN_MONTHS:]
        ],
    )


def _short(month: Month, *, first: bool) -> str:
    """The number of the month and, under it, its year where one begins; two years never touch."""
    begins = month.period.month == 1 or (first and month.period.month != 12)
    return f"{month.period.month:02}" + (f"\n{month.period.year}" if begins else "")
