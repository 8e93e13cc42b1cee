"""Which certificate may be issued: every reason, alone and together."""

import datetime
from decimal import Decimal

import pytest

from affiliates.enums import AffiliateState
from certificates.eligibility import Arrear, Standing, decide, payroll, registration
from certificates.enums import CertificateKind, RefusalReason
from regulation.periods import Period

TODAY = datetime.date(2026, 2, 20)
JANUARY = Period(2026, 1)


def standing(**changes):
    values = {
        "on": TODAY,
        "state": AffiliateState.ACTIVE,
        "affiliated_on": datetime.date(2024, 3, 15),
        "declared": frozenset(Period(2024, 3) + rank for rank in range(23)),
        "arrears": (),
    }
    return Standing(**{**values, **changes})


def reasons(eligibility):
    return [refusal.reason for refusal in eligibility.refusals]


@pytest.mark.parametrize(
    ("state", "granted"),
    [
        (AffiliateState.ACTIVE, True),
        (AffiliateState.SUSPENDED, True),
        (AffiliateState.CLOSED, False),
    ],
)
def test_registration_needs_an_activity_that_has_not_ended(state, granted):
    assert registration(standing(state=state)).granted is granted


def test_registration_does_not_look_at_arrears():
    owing = standing(arrears=(Arrear(JANUARY, TODAY, Decimal("10.00")),))
    assert decide(CertificateKind.REGISTRATION, owing).granted


def test_payroll_of_declared_months_without_arrears_is_granted():
    assert decide(CertificateKind.PAYROLL, standing(), first=Period(2025, 2), last=JANUARY).granted


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (JANUARY, Period(2025, 12)),
        (JANUARY, Period(2026, 2)),
        (Period(2024, 2), JANUARY),
    ],
)
def test_an_impossible_range_hides_the_other_reasons(first, last):
    empty = standing(declared=frozenset(), arrears=(Arrear(JANUARY, TODAY, Decimal("10.00")),))
    assert reasons(payroll(empty, first, last)) == [RefusalReason.RANGE]


def test_a_range_covers_thirty_six_months_at_most():
    old = standing(
        affiliated_on=datetime.date(2015, 1, 1),
        declared=frozenset(JANUARY - rank for rank in range(60)),
    )
    assert payroll(old, JANUARY - 35, JANUARY).granted
    assert reasons(payroll(old, JANUARY - 36, JANUARY)) == [RefusalReason.RANGE]


def test_undeclared_months_and_arrears_are_said_together():
    missing = Period(2025, 6)
    poor = standing(
        declared=standing().declared - {missing},
        arrears=(
            Arrear(Period(2025, 3), TODAY, Decimal("100.10")),
            Arrear(Period(2025, 4), TODAY, Decimal("0.90")),
        ),
    )
    answer = payroll(poor, Period(2025, 2), JANUARY)
    assert reasons(answer) == [RefusalReason.UNDECLARED, RefusalReason.ARREARS]
    assert answer.refusals[0].periods == (missing,)
    assert answer.refusals[1].facts == {"amount": Decimal("101.00")}
    assert answer.refusals[1].periods == (Period(2025, 3), Period(2025, 4))


def test_a_payroll_without_its_months_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="first and a last"):
        decide(CertificateKind.PAYROLL, standing())
