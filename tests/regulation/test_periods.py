from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulation.errors import DomainError
from regulation.periods import Period, parse_day

PERIODS = st.builds(Period, st.integers(1950, 2900), st.integers(1, 12))


def test_reading_and_writing() -> None:
    january = Period.parse("2026-01")
    assert january == Period.parse("202601") == Period.parse("٢٠٢٦٠١") == Period(2026, 1)
    assert (str(january), january.compact) == ("2026-01", "202601")
    assert (january.first_day, january.last_day) == (date(2026, 1, 1), date(2026, 1, 31))
    assert Period.from_day(date(2024, 2, 29)).last_day == date(2024, 2, 29)


@pytest.mark.parametrize(
    "text", ["", "2026-13", "2026-00", "26-01", "2026-1", "20260101", "1e5", "0000-01"]
)
def test_refusals(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        Period.parse(text)
    assert refusal.value.code == "period.invalid"


def test_impossible_months_are_refused() -> None:
    with pytest.raises(DomainError):
        Period(2026, 13)


def test_neighbours() -> None:
    assert Period(2025, 12).next() == Period(2026, 1)
    assert Period(2026, 1).previous() == Period(2025, 12)
    assert Period(2026, 1) + 13 == Period(2027, 2)
    assert Period(2025, 12) < Period(2026, 1) <= Period(2026, 1)


@given(PERIODS, st.integers(-500, 500))
def test_adding_months_counts_them(period: Period, months: int) -> None:
    assert period.months_until(period + months) == months
    assert (period + months) - months == period
    assert Period.parse(str(period)) == period


def test_days_are_read() -> None:
    assert parse_day(" 2024-02-29 ") == parse_day("٢٠٢٤-٠٢-٢٩") == date(2024, 2, 29)


@pytest.mark.parametrize("text", ["", "2026-02-29", "2026-1-1", "20260101", "2026-01-01T00:00"])
def test_impossible_days_are_refused(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        parse_day(text)
    assert refusal.value.code == "day.invalid"
