import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulation.errors import DomainError
from regulation.money import (
    check_amount,
    format_amount,
    format_rate,
    from_cents,
    parse_amount,
    round_half_up,
    split,
    to_cents,
)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1234.56", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1\u00a0234\u202f567,8", "1234567.80"),
        ("0", "0.00"),
        (" 12 ", "12.00"),
        ("١٢٣٤٫٥٦", "1234.56"),
        ("١٬٢٣٤", "1234.00"),
        ("999999999999.99", "999999999999.99"),
    ],
)
def test_amounts_are_read(text: str, amount: str) -> None:
    parsed = parse_amount(text)
    assert parsed == Decimal(amount)
    assert parsed.as_tuple().exponent == -2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1_000", "amount.unreadable"),
        ("1e5", "amount.unreadable"),
        ("-0", "amount.negative"),
        ("-12,50", "amount.negative"),
        ("− 12", "amount.negative"),
        ("+12", "amount.unreadable"),
        ("", "amount.unreadable"),
        ("NaN", "amount.unreadable"),
        ("Infinity", "amount.unreadable"),
        ("12 34", "amount.unreadable"),
        ("1.234,56", "amount.unreadable"),
        ("1,234.56", "amount.unreadable"),
        ("१२", "amount.unreadable"),
        ("12,", "amount.unreadable"),
        ("12,345", "amount.decimals"),
        ("1000000000000", "amount.too_large"),
    ],
)
def test_amounts_are_refused(text: str, code: str) -> None:
    with pytest.raises(DomainError) as refusal:
        parse_amount(text)
    assert refusal.value.code == code
    assert text.strip() in str(refusal.value)


@pytest.mark.parametrize("amount", ["-1", "-0", "1.001", "NaN", "1E+20"])
def test_computed_amounts_are_checked(amount: str) -> None:
    with pytest.raises(DomainError):
        check_amount(Decimal(amount))


def test_halves_go_up() -> None:
    assert round_half_up(Decimal("0.005")) == Decimal("0.01")
    assert round_half_up(Decimal("2.675")) == Decimal("2.68")
    assert round_half_up(Decimal("2.6749")) == Decimal("2.67")


def test_centimes() -> None:
    assert to_cents(Decimal("12.30")) == 1230
    assert str(from_cents(1230)) == "12.30"
    assert str(from_cents(0)) == "0.00"
    with pytest.raises(ValueError, match="centimes"):
        to_cents(Decimal("0.001"))


def test_split_vectors() -> None:
    assert split(Decimal("10.00"), [1, 1, 1]) == [Decimal("3.34"), Decimal("3.33"), Decimal("3.33")]
    assert split(Decimal("0.05"), [0, 1]) == [Decimal("0.00"), Decimal("0.05")]
    with pytest.raises(ValueError, match="weights"):
        split(Decimal("1.00"), [0, 0])


@given(st.integers(-(10**14), 10**14), st.lists(st.integers(0, 10**9), min_size=1).filter(any))
def test_split_loses_nothing(cents: int, weights: list[int]) -> None:
    parts = split(from_cents(cents), weights)
    assert sum(parts) == from_cents(cents)
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


@given(st.integers(0, 10**14 - 1))
def test_printed_amounts_are_read_back(cents: int) -> None:
    assert parse_amount(format_amount(from_cents(cents))) == from_cents(cents)


def test_french_writing() -> None:
    assert format_amount(Decimal("1234567.5")) == "1\u00a0234\u00a0567,50"
    assert format_rate(Decimal("6.4")) == "6,40\u00a0%"


def test_refusals_survive_pickling() -> None:
    with pytest.raises(DomainError) as refusal:
        parse_amount("x")
    copy = pickle.loads(pickle.dumps(refusal.value))
    assert (type(copy), str(copy)) == (type(refusal.value), str(refusal.value))
