"""Where a dispute may go, at whose request, and how long each side may take.

The table below is the only place that says it: workflows ask it, screens show the buttons it allows,
tests are generated from it.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from disputes.enums import Action, ClockState, DisputeState, Party
from disputes.errors import MoveRefused

_OPEN, _TAKEN, _AWAITED = DisputeState.OPEN, DisputeState.TAKEN, DisputeState.ANSWER_AWAITED
_DECIDED, _WITHDRAWN = DisputeState.DECIDED, DisputeState.WITHDRAWN

# (state, action, party) → next state. What is not written here is refused.
MOVES: dict[tuple[DisputeState, Action, Party], DisputeState] = {
    # Any clerk takes what nobody has; a supervisor may take over a file that a colleague holds.
    (_OPEN, Action.TAKE, Party.CLERK): _TAKEN,
    (_OPEN, Action.TAKE, Party.SUPERVISOR): _TAKEN,
    (_TAKEN, Action.TAKE, Party.SUPERVISOR): _TAKEN,
    (_AWAITED, Action.TAKE, Party.SUPERVISOR): _AWAITED,
    (_TAKEN, Action.GIVE_BACK, Party.HANDLER): _OPEN,
    # The affiliate may write as long as nothing is decided; its answer ends the wait for a piece.
    (_OPEN, Action.WRITE, Party.AFFILIATE): _OPEN,
    (_TAKEN, Action.WRITE, Party.AFFILIATE): _TAKEN,
    (_AWAITED, Action.WRITE, Party.AFFILIATE): _TAKEN,
    # The fund speaks with one voice: whoever holds the file, or a supervisor.
    (_TAKEN, Action.WRITE, Party.HANDLER): _TAKEN,
    (_TAKEN, Action.WRITE, Party.SUPERVISOR): _TAKEN,
    (_AWAITED, Action.WRITE, Party.HANDLER): _AWAITED,
    (_AWAITED, Action.WRITE, Party.SUPERVISOR): _AWAITED,
    (_TAKEN, Action.ASK_FOR_PIECE, Party.HANDLER): _AWAITED,
    (_AWAITED, Action.ASK_FOR_PIECE, Party.HANDLER): _AWAITED,
    (_TAKEN, Action.MEET, Party.HANDLER): _TAKEN,
    (_TAKEN, Action.MEET, Party.SUPERVISOR): _TAKEN,
    (_AWAITED, Action.MEET, Party.HANDLER): _AWAITED,
    (_AWAITED, Action.MEET, Party.SUPERVISOR): _AWAITED,
    # A supervisor shares out the files, those that a colleague holds too.
    (_OPEN, Action.ASSIGN, Party.SUPERVISOR): _TAKEN,
    (_TAKEN, Action.ASSIGN, Party.SUPERVISOR): _TAKEN,
    (_AWAITED, Action.ASSIGN, Party.SUPERVISOR): _AWAITED,
    (_TAKEN, Action.DECIDE, Party.HANDLER): _DECIDED,
    (_TAKEN, Action.DECIDE, Party.SUPERVISOR): _DECIDED,
    (_AWAITED, Action.DECIDE, Party.HANDLER): _DECIDED,
    (_AWAITED, Action.DECIDE, Party.SUPERVISOR): _DECIDED,
    (_OPEN, Action.WITHDRAW, Party.AFFILIATE): _WITHDRAWN,
    (_TAKEN, Action.WITHDRAW, Party.AFFILIATE): _WITHDRAWN,
    (_AWAITED, Action.WITHDRAW, Party.AFFILIATE): _WITHDRAWN,
}

CLOSED = frozenset({_DECIDED, _WITHDRAWN})


def move(state: DisputeState, action: Action, party: Party) -> DisputeState:
    """The state that follows; raises MoveRefused when the table does not allow it."""
    try:
        return MOVES[state, action, party]
    except KeyError:
        raise MoveRefused(action=action, state=state) from None


def allowed(state: DisputeState, party: Party) -> frozenset[Action]:
    """What ``party`` may do while the dispute is in ``state``."""
    return frozenset(action for was, action, who in MOVES if (was, who) == (state, party))


# Whether the fund works on a day: regulation.parameters.is_working_day, or a calendar of a test.
Calendar = Callable[[datetime.date], bool]

_ONE_DAY = datetime.timedelta(days=1)


def next_working(day: datetime.date, is_working: Calendar) -> datetime.date:
    """``day`` itself when it is worked, otherwise the first worked day after it."""
    while not is_working(day):
        day += _ONE_DAY
    return day


def first_answer_due(
    opened_on: datetime.date, is_working: Calendar, *, working_days: int
) -> datetime.date:
    """Last day for a first answer: so many working days after the day of opening, which does not count."""
    day = opened_on
    for _ in range(working_days):
        day = next_working(day + _ONE_DAY, is_working)
    return day


def decision_due(opened_on: datetime.date, is_working: Calendar, *, days: int) -> datetime.date:
    """Last day for the decision: so many calendar days, carried over to a worked day."""
    return next_working(opened_on + datetime.timedelta(days=days), is_working)


@dataclass(frozen=True, slots=True)
class Clock:
    """A delay as it stands on a day. ``days_left`` is negative once the delay has run out."""

    due_on: datetime.date
    state: ClockState
    days_left: int

    @property
    def days_late(self) -> int:
        """How many days beyond the delay; 0 within it."""
        return max(0, -self.days_left)

    @property
    def is_late(self) -> bool:
        """Whether the delay has run out and still waits."""
        return self.state is ClockState.LATE


def read_clock(
    due_on: datetime.date,
    *,
    stopped_on: datetime.date | None,
    closed_on: datetime.date | None,
    today: datetime.date,
) -> Clock:
    """How a clock stands: stopped in time or too late, without object once the dispute is closed, or running."""
    if stopped_on is not None:
        state = ClockState.MET if stopped_on <= due_on else ClockState.MISSED
        return Clock(due_on, state, (due_on - stopped_on).days)
    if closed_on is not None:
        return Clock(due_on, ClockState.POINTLESS, 0)
    days_left = (due_on - today).days
    return Clock(due_on, ClockState.LATE if days_left < 0 else ClockState.RUNNING, days_left)
