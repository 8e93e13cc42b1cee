from datetime import date
from decimal import Decimal

from regulation.periods import Period
from regulation.simulation import simulate

WAGES = [Decimal("4000.00"), Decimal("12345.67")]


def test_published_shape() -> None:
    found = simulate(Period(2026, 1), WAGES, paid_on=date(2026, 4, 25), filed_on=date(2026, 4, 25))
    published = found.to_json()
    assert list(published) == [
        "period",
        "branches",
        "total_employer",
        "total_employee",
        "total",
        "penalties",
    ]
    assert published["period"] == "2026-01"
    assert published["total"] == "3694.86"
    first = published["branches"][0]
    assert {key: first[key] for key in list(first)[:-1]} == {
        "branch": "PF",
        "base": "16345.67",
        "rate_employer": "6.40",
        "rate_employee": "0.00",
        "employer": "1046.12",
        "employee": "0.00",
    }
    assert first["text"].startswith("Assiette")
    late = published["penalties"]
    assert [penalty["amount"] for penalty in late] == ["95.68", "31.24", "10.46", "300.00"]
    assert found.total_penalties == Decimal("437.38")


def test_in_time_there_is_no_penalty() -> None:
    found = simulate(Period(2026, 1), WAGES, paid_on=date(2026, 2, 10), filed_on=date(2026, 2, 10))
    assert found.to_json()["penalties"] == []
    assert found.total_penalties == 0


def test_each_employee_has_a_payslip() -> None:
    found = simulate(Period(2026, 1), WAGES)
    assert [(str(one.net), str(one.cost)) for one in found.payslips] == [
        ("3730.40", "4843.60"),
        ("11797.86", "14379.52"),
    ]
    assert (found.net, found.cost) == (Decimal("15528.26"), Decimal("19223.12"))
