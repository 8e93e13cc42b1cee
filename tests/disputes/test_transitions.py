"""Every (state, action, party), generated from the table, and the two clocks over weekends and holidays."""

import datetime
from itertools import product

import pytest

from disputes.enums import Action, ClockState, DisputeState, Party
from disputes.errors import MoveRefused
from disputes.transitions import (
    CLOSED,
    MOVES,
    allowed,
    decision_due,
    first_answer_due,
    move,
    next_working,
    read_clock,
)
from regulation.parameters import is_working_day

TRIPLES = list(product(DisputeState, Action, Party))
D = datetime.date


@pytest.mark.parametrize(("state", "action", "party"), TRIPLES)
def test_a_move_is_in_the_table_or_refused(
    state: DisputeState, action: Action, party: Party
) -> None:
    if (state, action, party) in MOVES:
        assert move(state, action, party) is MOVES[state, action, party]
        assert action in allowed(state, party)
    else:
        with pytest.raises(MoveRefused):
            move(state, action, party)
        assert action not in allowed(state, party)


@pytest.mark.parametrize("state", sorted(CLOSED))
@pytest.mark.parametrize("party", list(Party))
def test_nothing_leaves_a_closed_state(state: DisputeState, party: Party) -> None:
    assert allowed(state, party) == frozenset()


def test_only_the_affiliate_withdraws_and_only_the_fund_decides() -> None:
    assert {party for _, action, party in MOVES if action is Action.WITHDRAW} == {Party.AFFILIATE}
    assert {party for _, action, party in MOVES if action is Action.DECIDE} == {
        Party.HANDLER,
        Party.SUPERVISOR,
    }


def test_another_clerk_may_only_take_what_nobody_has() -> None:
    assert {(state, action) for state, action, party in MOVES if party is Party.CLERK} == {
        (DisputeState.OPEN, Action.TAKE)
    }


def test_every_open_state_can_end() -> None:
    for state in set(DisputeState) - CLOSED:
        reachable, frontier = {state}, {state}
        while frontier:
            frontier = {
                to for (was, _, _), to in MOVES.items() if was in frontier and to not in reachable
            }
            reachable |= frontier
        assert reachable >= CLOSED


@pytest.mark.parametrize(
    ("opened_on", "due_on"),
    [
        # Monday: Tuesday, Wednesday, Thursday, Friday, Monday.
        (D(2026, 3, 2), D(2026, 3, 9)),
        # Friday: the weekend does not count.
        (D(2026, 3, 6), D(2026, 3, 13)),
        # Saturday and Sunday count from Monday on.
        (D(2026, 3, 7), D(2026, 3, 13)),
        (D(2026, 3, 8), D(2026, 3, 13)),
        # Thursday 30 July 2026 (Throne Day) does not count.
        (D(2026, 7, 27), D(2026, 8, 4)),
        # 14, 20 and 21 August 2026 are holidays.
        (D(2026, 8, 13), D(2026, 8, 25)),
    ],
)
def test_first_answer_is_due_in_five_working_days(opened_on: D, due_on: D) -> None:
    assert first_answer_due(opened_on, is_working_day, working_days=5) == due_on


@pytest.mark.parametrize(
    ("opened_on", "due_on"),
    [
        (D(2026, 3, 2), D(2026, 4, 1)),
        # 30 days later is Saturday 4 April 2026.
        (D(2026, 3, 5), D(2026, 4, 6)),
        # 30 days later is Friday 1 May 2026, Labour Day, then a weekend.
        (D(2026, 4, 1), D(2026, 5, 4)),
    ],
)
def test_decision_is_due_in_thirty_days_moved_to_a_worked_day(opened_on: D, due_on: D) -> None:
    assert decision_due(opened_on, is_working_day, days=30) == due_on


def test_the_calendar_is_data() -> None:
    holidays = {D(2026, 3, 2), D(2026, 3, 3)}

    def never_rests(day: datetime.date) -> bool:
        return day not in holidays

    assert next_working(D(2026, 3, 2), never_rests) == D(2026, 3, 4)
    assert first_answer_due(D(2026, 2, 27), never_rests, working_days=3) == D(2026, 3, 4)


@pytest.mark.parametrize(
    ("stopped_on", "closed_on", "today", "state", "days_left"),
    [
        (None, None, D(2026, 3, 5), ClockState.RUNNING, 4),
        (None, None, D(2026, 3, 9), ClockState.RUNNING, 0),
        (None, None, D(2026, 3, 10), ClockState.LATE, -1),
        (D(2026, 3, 9), None, D(2026, 4, 9), ClockState.MET, 0),
        (D(2026, 3, 10), None, D(2026, 4, 9), ClockState.MISSED, -1),
        (None, D(2026, 3, 4), D(2026, 4, 9), ClockState.POINTLESS, 0),
        (D(2026, 3, 9), D(2026, 3, 9), D(2026, 4, 9), ClockState.MET, 0),
    ],
)
def test_reading_a_clock(
    stopped_on: D | None, closed_on: D | None, today: D, state: ClockState, days_left: int
) -> None:
    clock = read_clock(D(2026, 3, 9), stopped_on=stopped_on, closed_on=closed_on, today=today)

    assert (clock.state, clock.days_left) == (state, days_left)
