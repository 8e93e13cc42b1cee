"""What may be contested and granted, on plain values."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disputes.enums import Outcome, Party
from disputes.errors import (
    GrantedOutOfRange,
    LegalGroundMissing,
    OutcomeMissing,
    ReasonsMissing,
    SecondPersonNeeded,
    TextMissing,
    TextTooLong,
)
from disputes.rules import (
    Contested,
    Ruling,
    check_grounds,
    check_second_person,
    contestable,
    granted_amounts,
    holdable,
    overall_outcome,
    payable_now,
    text_of,
)
from regulation.money import from_cents

amounts = st.integers(min_value=0, max_value=10**9).map(from_cents)


@pytest.mark.parametrize("text", ["", "   ", "\n\r\n", "\x00"])
def test_a_message_needs_words(text: str) -> None:
    with pytest.raises(TextMissing):
        text_of(text)


def test_a_message_is_bounded_and_keeps_its_lines() -> None:
    assert text_of("  Bonjour,\r\nvoici. ") == "Bonjour,\nvoici."
    assert len(text_of("é" * 4_000)) == 4_000
    with pytest.raises(TextTooLong):
        text_of("é" * 4_001)


def test_what_is_contested_or_granted_cannot_be_contested_again() -> None:
    left = contestable(Decimal("500.00"), pending=[Decimal("120.00")], granted=[Decimal("80.00")])

    assert left == Decimal("300.00")


@given(outstanding=amounts, others=st.lists(amounts, max_size=4), contested=amounts)
def test_hold_and_rest_make_the_slip(
    outstanding: Decimal, others: list[Decimal], contested: Decimal
) -> None:
    before = payable_now(outstanding, others)
    held = holdable(contested, outstanding=outstanding, held=others)

    assert 0 <= held <= contested
    assert payable_now(outstanding, [*others, held]) + held == before
    assert payable_now(outstanding, [*others, held]) >= 0


ITEMS = [
    Contested(1, "AMO", Decimal("400.00")),
    Contested(2, "Prestations familiales", Decimal("100.00")),
]


def test_what_each_item_is_granted() -> None:
    rulings = {
        1: Ruling(Outcome.PARTLY_UPHELD, Decimal("150.50")),
        # An amount given with « upheld » or « refused » is not read.
        2: Ruling(Outcome.UPHELD, Decimal("1.00")),
    }

    assert granted_amounts(ITEMS, rulings) == {1: Decimal("150.50"), 2: Decimal("100.00")}
    assert granted_amounts(ITEMS[:1], {1: Ruling(Outcome.REFUSED, Decimal("9.00"))}) == {
        1: Decimal("0.00")
    }


@pytest.mark.parametrize("granted", ["0.00", "400.00", "400.01", "-1.00"])
def test_a_part_is_more_than_nothing_and_less_than_all(granted: str) -> None:
    with pytest.raises(GrantedOutOfRange):
        granted_amounts(ITEMS[:1], {1: Ruling(Outcome.PARTLY_UPHELD, Decimal(granted))})


def test_every_item_gets_an_answer() -> None:
    with pytest.raises(OutcomeMissing):
        granted_amounts(ITEMS, {1: Ruling(Outcome.UPHELD)})


@pytest.mark.parametrize(
    ("outcomes", "overall"),
    [
        ([Outcome.UPHELD, Outcome.UPHELD], Outcome.UPHELD),
        ([Outcome.REFUSED], Outcome.REFUSED),
        ([Outcome.UPHELD, Outcome.REFUSED], Outcome.PARTLY_UPHELD),
        ([Outcome.PARTLY_UPHELD], Outcome.PARTLY_UPHELD),
    ],
)
def test_one_word_for_the_whole_decision(outcomes: list[Outcome], overall: Outcome) -> None:
    assert overall_outcome(Ruling(outcome) for outcome in outcomes) is overall


def test_a_decision_says_why_and_a_refusal_names_its_text() -> None:
    check_grounds(Outcome.UPHELD, reasons="Le taux était faux.", legal_ground="")
    with pytest.raises(ReasonsMissing):
        check_grounds(Outcome.UPHELD, reasons="  ", legal_ground="art. 20")
    for outcome in (Outcome.REFUSED, Outcome.PARTLY_UPHELD):
        with pytest.raises(LegalGroundMissing):
            check_grounds(outcome, reasons="Le taux est le bon.", legal_ground=" ")


def test_above_the_limit_the_handler_does_not_decide_alone() -> None:
    limit = Decimal("10000.00")
    check_second_person(limit, limit=limit, party=Party.HANDLER)
    check_second_person(limit + Decimal("0.01"), limit=limit, party=Party.SUPERVISOR)
    with pytest.raises(SecondPersonNeeded):
        check_second_person(limit + Decimal("0.01"), limit=limit, party=Party.HANDLER)
