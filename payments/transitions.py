"""Which state of a debit order may follow which, and by which day an order is late (bank-files §1.1, §3.2)."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo

from payments.enums import DebitAct, DebitState
from payments.errors import DebitMoveRefused
from regulation.parameters import is_working_day, value_at

_DRAFT, _SIGNED, _PLANNED = DebitState.DRAFT, DebitState.SIGNED, DebitState.PLANNED
_SUSPENDED, _SENT, _ACCEPTED = DebitState.SUSPENDED, DebitState.SENT, DebitState.ACCEPTED
_EXECUTED, _REJECTED = DebitState.EXECUTED, DebitState.REJECTED
_RETURNED, _CANCELLED = DebitState.RETURNED, DebitState.CANCELLED

MOVES: dict[tuple[DebitState, DebitAct], DebitState] = {
    (_DRAFT, DebitAct.SIGN): _SIGNED,
    (_DRAFT, DebitAct.CANCEL): _CANCELLED,
    (_SIGNED, DebitAct.PLAN): _PLANNED,
    (_SIGNED, DebitAct.CANCEL): _CANCELLED,
    (_PLANNED, DebitAct.SEND): _SENT,
    (_PLANNED, DebitAct.CANCEL): _CANCELLED,
    (_PLANNED, DebitAct.SUSPEND): _SUSPENDED,
    (_SUSPENDED, DebitAct.RESUME): _PLANNED,
    (_SUSPENDED, DebitAct.CANCEL): _CANCELLED,
    (_SENT, DebitAct.ACCEPT): _ACCEPTED,
    (_SENT, DebitAct.REJECT): _REJECTED,
    # Some banks send no positive answer: the booked credit alone says it.
    (_SENT, DebitAct.EXECUTE): _EXECUTED,
    # The bank itself cancelled (status CANC of a pain.002, §3.4): the one way out of its hands without money.
    (_SENT, DebitAct.WITHDRAW): _CANCELLED,
    (_ACCEPTED, DebitAct.WITHDRAW): _CANCELLED,
    (_ACCEPTED, DebitAct.REJECT): _REJECTED,
    (_ACCEPTED, DebitAct.EXECUTE): _EXECUTED,
    (_EXECUTED, DebitAct.RETURN): _RETURNED,
}

UNSENT = frozenset({_SIGNED, _PLANNED})
"""Signed, and going to be sent unless something stops them."""

IN_FLIGHT = frozenset({_SENT, _ACCEPTED})
"""In the hands of a bank: nothing we do here takes them back."""

CLAIMING = UNSENT | IN_FLIGHT
"""What these orders say they take is no longer free for another order."""


def after(state: DebitState, act: DebitAct) -> DebitState:
    """The state that follows `act`; raises DebitMoveRefused when the table has no such move."""
    try:
        return MOVES[state, act]
    except KeyError:
        raise DebitMoveRefused(state=state.label, act=act.label) from None


def allows(state: DebitState, act: DebitAct) -> bool:
    """Whether the table has this move."""
    return (state, act) in MOVES


def working_day_before(day: date) -> date:
    """The last working day before `day`."""
    day -= timedelta(days=1)
    while not is_working_day(day):
        day -= timedelta(days=1)
    return day


def working_day_after(day: date, count: int = 1) -> date:
    """The `count`-th working day after `day`."""
    for _rank in range(count):
        day += timedelta(days=1)
        while not is_working_day(day):
            day += timedelta(days=1)
    return day


def cut_off(collect_on: date, zone: tzinfo) -> datetime:
    """The instant until which an order for this collection day may be signed, cancelled or stopped.

    A fixed hour of the working day before, on the clocks of `zone`: files leave after it, and a bank takes none
    for the same day (bank-files §3.2).
    """
    hour = int(value_at("debit.cutoff_hour", collect_on).value)
    return datetime.combine(working_day_before(collect_on), time(hour), zone)


def first_collection_day(now: datetime, zone: tzinfo) -> date:
    """The first working day whose cut-off is still to come at `now`."""
    day = now.astimezone(zone).date()
    while True:
        day = working_day_after(day)
        if now < cut_off(day, zone):
            return day


def collection_days(now: datetime, zone: tzinfo) -> Iterator[date]:
    """The collection days that may be chosen at `now`, nearest first, as far as the horizon."""
    day = first_collection_day(now, zone)
    last = now.astimezone(zone).date() + timedelta(
        days=int(value_at("debit.horizon_days", day).value)
    )
    while day <= last:
        yield day
        day = working_day_after(day)


def advised_day(days: list[date], due_on: date) -> date:
    """The day to offer first: the latest that still pays in time, else the nearest."""
    in_time = [day for day in days if day <= due_on]
    return in_time[-1] if in_time else days[0]


def silent_from(collect_on: date) -> date:
    """The day from which a bank that has said nothing of a debit is called silent."""
    return working_day_after(collect_on, int(value_at("debit.silence_days", collect_on).value))
