import json
import tomllib
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulation.contributions import WageLine, contributions
from regulation.enums import SurchargeGroup
from regulation.errors import DomainError
from regulation.money import format_amount, from_cents
from regulation.parameters import due_day
from regulation.penalties import (
    Exemption,
    HeldAmount,
    Payment,
    by_group,
    filing_penalty,
    late_months,
    surcharge,
)
from regulation.periods import Period

CASES = tomllib.loads((Path(__file__).parent / "cases" / "surcharges.toml").read_text())["case"]
GENERAL, AMO = SurchargeGroup.GENERAL, SurchargeGroup.AMO
DUE = date(2026, 2, 10)
LATE = date(2026, 4, 25)
PRINCIPAL = {GENERAL: Decimal("2392.12"), AMO: Decimal("1041.21")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_worked_examples(case: dict[str, Any]) -> None:
    period, paid_on = Period.parse(case["period"]), date.fromisoformat(case["paid_on"])
    due = contributions(period, [WageLine(Decimal(wage)) for wage in case["wages"]])
    result = surcharge(
        by_group({line.branch: line.total for line in due.lines}),
        due_on=due_day(period),
        until=paid_on,
    )
    assert {group.group.value: str(group.amount) for group in result.groups} == case["groups"]
    assert str(result.total) == case["total"]
    assert result.started_months == case["months"]
    penalty = filing_penalty(employees=len(case["wages"]), due_on=due_day(period), filed_on=paid_on)
    assert str(penalty.amount) == case["filing_penalty"]
    assert penalty.months == case["months"]


def test_months_run_from_the_day_after_the_due_day() -> None:
    assert [month.starts_on for month in late_months(DUE, LATE)] == [
        date(2026, 2, 11),
        date(2026, 3, 11),
        date(2026, 4, 11),
    ]
    assert late_months(DUE, DUE) == ()
    assert len(late_months(DUE, date(2026, 3, 10))) == 1
    assert len(late_months(DUE, date(2026, 3, 11))) == 2


def test_months_from_a_month_end_keep_their_day() -> None:
    starts = [month.starts_on for month in late_months(date(2025, 12, 30), date(2026, 4, 1))]
    assert starts == [date(2025, 12, 31), date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]


def test_each_month_bears_the_rate_of_its_first_day() -> None:
    result = surcharge(
        {GENERAL: Decimal("1000.00")}, due_on=date(2025, 1, 10), until=date(2025, 4, 20)
    )
    (group,) = result.groups
    assert [month.rate for month in group.months] == [
        Decimal("3.00"),
        Decimal("1.00"),
        Decimal("1.00"),  # started on 11 March, before law 02-24
        Decimal("0.50"),
    ]
    assert group.amount == Decimal("55.00")
    assert "Mois 4, du 11/04/2025 au 10/05/2025 : 1\u00a0000,00 DH × 0,50\u00a0%" in group.text
    assert group.versions[2].reference.startswith("Loi 02-24")
    assert "Choix de gestion : chaque mois porte le taux de son premier jour." in group.text


def test_a_partial_payment_reduces_the_months_that_follow() -> None:
    paid = [Payment(GENERAL, date(2026, 3, 11), Decimal("2000.00"))]
    (group,) = surcharge(
        {GENERAL: Decimal("2392.12")}, due_on=DUE, until=LATE, payments=paid
    ).groups
    assert [month.base for month in group.months] == [
        Decimal("2392.12"),
        Decimal("2392.12"),  # paid on the first day of the month: that month had started
        Decimal("392.12"),
    ]
    assert group.amount == Decimal("85.68")  # 71.7636 + 11.9606 + 1.9606


def test_money_paid_in_time_bears_nothing() -> None:
    paid = [Payment(GENERAL, DUE, Decimal("2392.12"))]
    result = surcharge(PRINCIPAL, due_on=DUE, until=LATE, payments=paid)
    assert [str(group.amount) for group in result.groups] == ["0.00", "31.24"]
    assert "plus rien à payer" in result.groups[0].text


def test_a_contested_amount_is_left_out_while_it_is_held() -> None:
    held = [HeldAmount(GENERAL, Decimal("392.12"), date(2026, 3, 1), date(2026, 3, 31))]
    (group,) = surcharge({GENERAL: Decimal("2392.12")}, due_on=DUE, until=LATE, holds=held).groups
    assert [month.base for month in group.months] == [
        Decimal("2392.12"),
        Decimal("2000.00"),
        Decimal("2392.12"),
    ]
    assert "392,12 DH contestés" in group.text


def test_an_exempted_month_is_named() -> None:
    decided = [Exemption(date(2026, 2, 11), date(2026, 3, 10), "décision du 5 mars 2026")]
    result = surcharge(PRINCIPAL, due_on=DUE, until=LATE, exemptions=decided)
    assert [group.rate for group in result.groups] == [Decimal("1.00"), Decimal("2.00")]
    assert "mois exonéré (décision du 5 mars 2026)" in result.groups[0].text
    only_amo = [Exemption(date(2026, 2, 11), LATE, "décision", AMO)]
    result = surcharge(PRINCIPAL, due_on=DUE, until=LATE, exemptions=only_amo)
    assert [str(group.amount) for group in result.groups] == ["95.68", "0.00"]


def test_more_paid_than_due_is_refused() -> None:
    with pytest.raises(DomainError) as refusal:
        surcharge(
            PRINCIPAL, due_on=DUE, until=LATE, payments=[Payment(AMO, DUE, Decimal("1041.22"))]
        )
    assert refusal.value.code == "penalties.more_paid_than_due"


def test_months_before_the_tables_are_refused() -> None:
    with pytest.raises(DomainError, match="établie"):
        surcharge(PRINCIPAL, due_on=date(2008, 2, 10), until=date(2008, 4, 1))


def test_the_filing_penalty_is_capped_each_month() -> None:
    penalty = filing_penalty(employees=300, due_on=DUE, filed_on=LATE)
    assert penalty.amount == Decimal("15000.00")
    assert "plafonnés à 5\u00a0000,00 DH" in penalty.text
    assert "Choix de gestion" in penalty.text
    assert filing_penalty(employees=300, due_on=DUE, filed_on=DUE).amount == 0
    with pytest.raises(DomainError):
        filing_penalty(employees=-1, due_on=DUE, filed_on=LATE)


def test_if_you_pay_on_a_day() -> None:
    days = [DUE, date(2026, 2, 11), date(2026, 3, 11), LATE]
    totals = [str(surcharge(PRINCIPAL, due_on=DUE, until=day).total) for day in days]
    assert totals == ["0.00", "82.17", "104.54", "126.92"]


amounts = st.integers(0, 10**9).map(from_cents)
days = st.integers(0, 900).map(lambda after: DUE + timedelta(days=after))


@given(amounts, days, st.integers(0, 400), st.data())
def test_a_penalty_never_falls_as_days_pass(
    amount: Decimal, day: date, later: int, data: st.DataObject
) -> None:
    part = data.draw(st.integers(0, int(amount * 100)).map(from_cents))
    paid = [Payment(GENERAL, data.draw(days), part)]
    held = [HeldAmount(GENERAL, data.draw(amounts), data.draw(days))]
    sooner, after = (
        surcharge({GENERAL: amount}, due_on=DUE, until=until, payments=paid, holds=held)
        for until in (day, day + timedelta(days=later))
    )
    assert Decimal(0) <= sooner.total <= after.total
    first = filing_penalty(employees=7, due_on=DUE, filed_on=day).amount
    assert (
        first
        <= filing_penalty(employees=7, due_on=DUE, filed_on=day + timedelta(days=later)).amount
    )


@given(st.dictionaries(st.sampled_from(SurchargeGroup), amounts), days)
def test_the_workings_add_up_to_the_total(
    principal: dict[SurchargeGroup, Decimal], day: date
) -> None:
    result = surcharge(principal, due_on=DUE, until=day)
    for group in result.groups:
        exact = sum((month.exact for month in group.months), Decimal(0))
        assert abs(exact - group.amount) <= Decimal("0.005")
        if group.months:
            (total,) = [said for said in group.working if "amount" in said.facts]
            assert total.facts["amount"] == format_amount(group.amount)
    assert sum((group.amount for group in result.groups), Decimal(0)) == result.total
    assert json.loads(json.dumps(result.to_json()))["total"] == str(result.total)
