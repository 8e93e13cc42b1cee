"""What an inspection may do, when, and in which form: the only place that says it. Plain values, no clock.

A mission is ordered by three inspectors of three grades, announced before the first visit, written in fixed forms
that the firm sees as they are signed, and concluded only after the firm could answer.
"""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from disputes.enums import Grade, MissionState, StepKind
from disputes.errors import (
    FieldMissing,
    FieldTooLong,
    NoticeTooShort,
    OutsideDates,
    ReplyStillOpen,
    ScopeOutOfOrder,
    StepRefused,
    TeamIncomplete,
)
from disputes.transitions import Calendar, next_working
from regulation.periods import Period
from regulation.text import _

LINE_LIMIT = 200
TEXT_LIMIT = 4_000

_DRAFT, _ORDERED, _UNDERWAY = MissionState.DRAFT, MissionState.ORDERED, MissionState.UNDERWAY
_OBSERVED, _CONCLUDED, _CANCELLED = (
    MissionState.OBSERVED,
    MissionState.CONCLUDED,
    MissionState.CANCELLED,
)

# Which act is possible in which state, and the state that follows once two inspectors have signed it.
STEP_MOVES: dict[tuple[MissionState, StepKind], MissionState] = {
    (_ORDERED, StepKind.REQUEST): _UNDERWAY,
    (_ORDERED, StepKind.VISIT): _UNDERWAY,
    (_UNDERWAY, StepKind.REQUEST): _UNDERWAY,
    (_UNDERWAY, StepKind.VISIT): _UNDERWAY,
    (_UNDERWAY, StepKind.HEARING): _UNDERWAY,
    (_UNDERWAY, StepKind.OBSERVATIONS): _OBSERVED,
    (_OBSERVED, StepKind.HEARING): _OBSERVED,
    (_OBSERVED, StepKind.CONCLUSION): _CONCLUDED,
}

CANCELLABLE = frozenset({_DRAFT, _ORDERED})
SHOWN_TO_FIRM = frozenset(MissionState) - {_DRAFT}
ENDED = frozenset({_CONCLUDED, _CANCELLED})


@dataclass(frozen=True, slots=True)
class FormField:
    """One blank of a fixed form; ``long`` ones take several lines."""

    name: str
    label: str
    long: bool = True


FORMS: dict[StepKind, tuple[FormField, ...]] = {
    StepKind.VISIT: (
        FormField("place", _("Lieu visité"), long=False),
        FormField("hours", _("De quelle heure à quelle heure"), long=False),
        FormField("met", _("Personnes rencontrées et leur qualité")),
        FormField("seen", _("Documents et postes de travail examinés")),
        FormField("noted", _("Faits constatés")),
        FormField("statement", _("Déclarations de l’employeur, dans ses mots")),
    ),
    StepKind.REQUEST: (
        FormField("pieces", _("Pièces demandées")),
        FormField("reason", _("Ce qu’elles doivent établir")),
        FormField("by", _("À remettre au plus tard le"), long=False),
    ),
    StepKind.HEARING: (
        FormField("person", _("Personne entendue et sa qualité"), long=False),
        FormField("questions", _("Questions et réponses")),
    ),
    StepKind.OBSERVATIONS: (
        FormField("facts", _("Faits retenus")),
        FormField("texts", _("Textes appliqués")),
        FormField("consequence", _("Ce que la Caisse envisage")),
    ),
    StepKind.CONCLUSION: (
        FormField("answer", _("Réponse à chaque remarque de l’affilié")),
        FormField("conclusion", _("Conclusion")),
    ),
}


def filled(kind: StepKind, answers: Mapping[str, str]) -> dict[str, str]:
    """The answers to the fixed form of ``kind``, in its order; every blank must be filled (« néant » is an answer).

    Raises FieldMissing, FieldTooLong.
    """
    facts = {}
    for field in FORMS[kind]:
        text = answers.get(field.name, "").replace("\r\n", "\n").replace("\x00", "").strip()
        limit = TEXT_LIMIT if field.long else LINE_LIMIT
        if not text:
            raise FieldMissing(field=field.label)
        if len(text) > limit:
            raise FieldTooLong(field=field.label, length=len(text), limit=limit)
        facts[field.name] = text
    return facts


def check_scope(first: Period, last: Period, *, current: Period, oldest: Period) -> None:
    """The periods looked at: in order, ended, and not prescribed. Raises ScopeOutOfOrder."""
    if not oldest <= first <= last < current:
        raise ScopeOutOfOrder(first=first, last=last, oldest=oldest, latest=current.previous())


def earliest_visit(
    ordered_on: datetime.date, is_working: Calendar, *, working_days: int
) -> datetime.date:
    """The first day on which a visit may begin: so many working days after the day of the order."""
    day = ordered_on
    for _each in range(working_days):
        day = next_working(day + datetime.timedelta(days=1), is_working)
    return day


def check_notice(
    starts_on: datetime.date,
    ends_on: datetime.date,
    *,
    ordered_on: datetime.date,
    is_working: Calendar,
    working_days: int,
) -> None:
    """Raise NoticeTooShort when the firm would not see the order early enough, or when the dates are reversed."""
    earliest = earliest_visit(ordered_on, is_working, working_days=working_days)
    if starts_on < earliest or ends_on < starts_on:
        raise NoticeTooShort(earliest=earliest, days=working_days)


def check_team(grades: Collection[Grade]) -> None:
    """Three inspectors of three different grades, neither more nor fewer. Raises TeamIncomplete."""
    if sorted(grades) != sorted(Grade):
        raise TeamIncomplete


def after_step(
    state: MissionState,
    kind: StepKind,
    *,
    day: datetime.date,
    starts_on: datetime.date,
    ends_on: datetime.date,
    reply_until: datetime.date | None,
    replied: bool,
) -> MissionState:
    """The state once an act is signed twice; raises when it may not be done now.

    StepRefused: not in this state. OutsideDates: a visit on another day than the order allows. ReplyStillOpen: the
    final report before the firm answered or its delay ran out (``reply_until`` is its last day).
    """
    try:
        follows = STEP_MOVES[state, kind]
    except KeyError:
        raise StepRefused(kind=kind, state=state) from None
    if kind is StepKind.VISIT and not starts_on <= day <= ends_on:
        raise OutsideDates(first=starts_on, last=ends_on)
    if kind is StepKind.CONCLUSION and not replied and reply_until and day <= reply_until:
        raise ReplyStillOpen(until=reply_until)
    return follows


def possible_steps(state: MissionState) -> list[StepKind]:
    """The acts that a mission in ``state`` may still see, in the order of a usual mission."""
    return [kind for kind in StepKind if (state, kind) in STEP_MOVES]
