from datetime import date, timedelta
from decimal import Decimal
from importlib import resources
from itertools import pairwise

import pytest

from portal import clock
from regulation.enums import Confidence
from regulation.errors import DomainError
from regulation.parameters import (
    NotEstablished,
    NotYetKnown,
    TableFault,
    choice_at,
    due_day,
    due_day_reference,
    history,
    holiday_on,
    is_working_day,
    monthly_minimum_wage,
    parse_table,
    read_tables,
    tables,
    value_at,
)
from regulation.periods import Period
from regulation.series import CAMPAIGN_CONDITIONS, CAMPAIGNS, CHOICES, HOLIDAYS, SERIES, Unit

FILES = sorted(
    item.name
    for item in (resources.files("regulation") / "parameters").iterdir()
    if item.name.endswith(".toml")
)


def table(*values: str) -> str:
    blocks = "\n".join(f"[[series.values]]\n{value}" for value in values)
    return f'[[series]]\nname = "x"\n{blocks}'


GOOD = """effective_from = 2020-01-01
value = 1.50
reference = "Loi"
confidence = "high"
reviewed_on = 2026-11-21"""


def test_every_series_of_the_tables_has_a_title_and_the_reverse() -> None:
    assert set(tables().series) == set(SERIES)


@pytest.mark.parametrize("name", sorted(SERIES))
def test_series_are_continuous_sourced_and_exact(name: str) -> None:
    entries = history(name)
    for entry, following in pairwise(entries):
        assert entry.effective_to is not None
        assert entry.effective_to + timedelta(days=1) == following.effective_from
    for entry in entries:
        assert entry.reviewed_on <= clock.today()
        if entry.unknown:
            continue
        assert entry.reference
        assert entry.confidence is not None
        if SERIES[name].unit is Unit.CHOICE:
            assert entry.choice in CHOICES
            assert entry.confidence is Confidence.POLICY
        else:
            assert type(entry.number) is Decimal
            if SERIES[name].unit.is_money:
                assert entry.number.as_tuple().exponent == -2


@pytest.mark.parametrize("name", FILES)
def test_no_float_enters_by_the_parser(name: str) -> None:
    def walk(node: object) -> None:
        assert not isinstance(node, float)
        for child in (
            node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        ):
            walk(child)

    text = (resources.files("regulation") / "parameters" / name).read_text(encoding="utf-8")
    walk(parse_table(text))


def test_names_of_holidays_and_campaigns_have_titles() -> None:
    assert {holiday.name for holiday in tables().holidays} == set(HOLIDAYS)
    assert {campaign.name for campaign in tables().campaigns} == set(CAMPAIGNS)
    used = {rate.condition for campaign in tables().campaigns for rate in campaign.rates}
    assert used == set(CAMPAIGN_CONDITIONS)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (table(GOOD, GOOD), "overlap"),
        (table(GOOD, GOOD.replace("2020-01-01", "2019-01-01")), "overlap"),
        (
            table(
                GOOD + "\neffective_to = 2021-12-31",
                GOOD.replace("2020-01-01", "2022-02-01"),
            ),
            "gap",
        ),
        (
            table(
                GOOD + "\neffective_to = 2022-12-31",
                GOOD.replace("2020-01-01", "2022-02-01"),
            ),
            "overlap",
        ),
        (table(GOOD.replace('reference = "Loi"', 'reference = " "')), "no source"),
        (table(GOOD.replace('reference = "Loi"\n', "")), "no source"),
        (table(GOOD.replace('confidence = "high"\n', "")), "confidence"),
        (table(GOOD.replace("reviewed_on = 2026-11-21", "")), "reviewed_on"),
        (table(GOOD.replace("1.50", '"1.50"')), "exact number"),
        (table(GOOD.replace("1.50", "true")), "exact number"),
        (table(GOOD.replace("1.50", "nan")), "not a number"),
        (table(GOOD.replace("1.50", "-1.50")), "negative"),
        (table(GOOD.replace("value", "valeur")), "unknown field"),
        (table(), "no value"),
        (table(GOOD) + "\n" + table(GOOD), "written twice"),
        ("[[surprises]]\nname = 1", "unknown table"),
    ],
)
def test_faulty_tables_are_refused(text: str, fault: str) -> None:
    with pytest.raises(TableFault, match=fault):
        read_tables([text])


def test_a_value_comes_with_its_text() -> None:
    ceiling = value_at("ceiling.monthly", date(2026, 1, 1))
    assert (ceiling.value, ceiling.effective_from) == (Decimal("6000.00"), date(2002, 4, 1))
    assert "2-01-2723" in ceiling.reference
    assert ceiling.confidence is Confidence.HIGH


@pytest.mark.parametrize(
    ("name", "day", "value"),
    [
        ("rate.pf.employer", date(2005, 12, 31), "7.50"),
        ("rate.pf.employer", date(2017, 1, 1), "6.40"),
        ("rate.ipe.employee", date(2014, 11, 30), "0.00"),
        ("rate.ipe.employee", date(2014, 12, 1), "0.19"),
        ("rate.amo.employer", date(2015, 12, 31), "2.00"),
        ("rate.amo.employer", date(2016, 1, 1), "2.26"),
        ("surcharge.general.next_months", date(2025, 3, 13), "1.00"),
        ("surcharge.general.next_months", date(2025, 3, 14), "0.50"),
        ("smig.hourly", date(2026, 11, 21), "17.92"),
        ("smag.daily", date(2026, 3, 31), "93.00"),
        ("family_allowance.children_4_to_6", date(2024, 1, 1), "100.00"),
    ],
)
def test_values_on_their_days(name: str, day: date, value: str) -> None:
    assert value_at(name, day).value == Decimal(value)


def test_a_retroactive_text_was_not_known_before_its_decision() -> None:
    name, day = "family_allowance.children_4_to_6", date(2024, 1, 1)
    assert value_at(name, day, known_on=date(2025, 10, 22)).value == Decimal("36.00")
    assert value_at(name, day, known_on=date(2025, 10, 23)).value == Decimal("100.00")


@pytest.mark.parametrize(
    ("name", "day", "code"),
    [
        ("rate.pf.employer", date(2002, 3, 31), "parameter.too_early"),
        ("rate.pf.employer", date(2010, 1, 1), "parameter.not_established"),
        ("rate.amo_solidarity.employer", date(2010, 1, 1), "parameter.not_established"),
        ("smig.hourly", date(2014, 12, 1), "parameter.not_established"),
        ("surcharge.amo.first_month", date(2004, 1, 1), "parameter.too_early"),
        ("rate.unknown", date(2026, 1, 1), "parameter.unknown"),
        ("policy.rounding.unit", date(2026, 1, 1), "parameter.unknown"),
    ],
)
def test_look_ups_outside_what_is_known_raise(name: str, day: date, code: str) -> None:
    with pytest.raises(DomainError) as refusal:
        value_at(name, day)
    assert refusal.value.code == code
    sentence = str(refusal.value)
    assert ":" in sentence
    assert sentence.endswith(".")


def test_a_refusal_names_the_value_the_day_and_the_remedy() -> None:
    with pytest.raises(DomainError) as refusal:
        value_at("rate.pf.employer", date(2002, 3, 31))
    assert str(refusal.value) == (
        "« Prestations familiales, part patronale » n’a pas de valeur établie au 31/03/2002 : "
        "choisissez une date à partir du 01/04/2002."
    )


def test_what_no_text_settles_is_a_policy() -> None:
    assert value_at("surcharge.amo.first_month", date(2026, 1, 1)).confidence is Confidence.POLICY
    assert choice_at("policy.surcharge.months", date(2026, 1, 1)).option == "date_to_date"


def test_due_days() -> None:
    assert due_day(Period(2026, 1)) == date(2026, 2, 10)
    assert due_day(Period(2025, 12)) == date(2026, 1, 10)
    assert due_day(Period(2026, 4)) == date(2026, 5, 10)  # a Sunday: not moved
    assert due_day(Period(2025, 6)) == date(2025, 7, 21)
    assert "juillet 2025" in due_day_reference(Period(2025, 6))
    with pytest.raises(DomainError):
        due_day(Period(1999, 1))


def test_holidays() -> None:
    assert not is_working_day(date(2026, 11, 18))
    assert holiday_on(date(2023, 1, 14)) is None
    assert holiday_on(date(2025, 1, 14)) is not None
    assert holiday_on(date(2026, 5, 27)) is not None
    assert is_working_day(date(2026, 11, 20))
    assert not is_working_day(date(2026, 11, 21))


@pytest.mark.parametrize(
    ("day", "wage"),
    [
        (date(2011, 7, 1), "2234.70"),
        (date(2015, 7, 1), "2570.86"),
        (date(2022, 9, 1), "2970.05"),
        (date(2023, 9, 1), "3111.39"),
        (date(2025, 1, 1), "3266.10"),
        (date(2026, 1, 1), "3422.72"),
    ],
)
def test_monthly_minimum_wages(day: date, wage: str) -> None:
    assert monthly_minimum_wage(day) == Decimal(wage)


@pytest.mark.parametrize(
    ("name", "day", "value"),
    [
        ("voluntary.request_months", date(2003, 6, 1), "3"),
        ("voluntary.request_months", date(2018, 6, 1), "12"),
        ("voluntary.request_months", date(2019, 1, 21), "60"),
        ("voluntary.unlimited_days", date(2026, 1, 1), "2160"),
        ("recovery.reminder_months", date(2020, 1, 1), "2"),
        ("rate.domestic", date(2026, 1, 1), "26.23"),
    ],
)
def test_what_the_portal_does_not_compute_is_dated_too(name: str, day: date, value: str) -> None:
    assert str(value_at(name, day).value) == value


def test_an_amount_without_a_single_value_says_why() -> None:
    with pytest.raises(NotEstablished, match="score du registre social"):
        value_at("amo_achamil.monthly", date(2026, 1, 1))
    with pytest.raises(NotYetKnown, match="01/01/2024"):
        value_at("amo_achamil.monthly", date(2023, 12, 31))


def test_a_campaign_says_its_terms() -> None:
    terms = {campaign.name: campaign.terms for campaign in tables().campaigns}
    assert any("de nouveau dû" in term for term in terms["debts_to_2024"])
    assert all(terms.values())


def test_campaigns() -> None:
    last = next(c for c in tables().campaigns if c.name == "debts_to_2024")
    assert last.closes_on == date(2025, 1, 15)
    assert last.rates[0].surcharges == Decimal("60.00")
