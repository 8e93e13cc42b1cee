"""Signs of risk: measured in the database, each with its formula; what is below the threshold stays silent."""

import datetime
from collections.abc import Iterable
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.models import Affiliate
from declarations.enums import DeclarationKind, DeclarationStatus, FilingMode, LineOrigin
from declarations.models import Declaration, DeclarationLine
from disputes import risks
from disputes.enums import RiskSign
from disputes.models import RiskFact
from disputes.workflows.risks import measure_all
from portal.models import AuditEntry
from regulation.money import round_half_up
from regulation.parameters import monthly_minimum_wage
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory
from tests.cast import Cast

pytestmark = pytest.mark.django_db

# 15 April 2026: the window is April 2025 to March 2026, recent are January to March.
AT = datetime.datetime(2026, 4, 15, 9, tzinfo=datetime.UTC)
LAST = Period(2026, 3)
MONTHS = [LAST - rank for rank in range(11, -1, -1)]

Line = tuple[str, int, str, str]  # number, days, wage, situation


def declare(affiliate: Affiliate, period: Period, lines: Iterable[Line]) -> None:
    lines = list(lines)
    bill = sum(Decimal(wage) for _, _, wage, _ in lines)
    declaration = Declaration.objects.create(
        affiliate=affiliate,
        period=period.first_day,
        kind=DeclarationKind.MAIN.value,
        mode=FilingMode.FILE.value,
        status=DeclarationStatus.SUBMITTED.value,
        employee_count=len(lines),
        days_declared=sum(days for _, days, _, _ in lines),
        wage_bill=bill,
        capped_wage_bill=min(bill, Decimal(6000)),
        submitted_at=datetime.datetime(2026, 4, 2, 9, tzinfo=datetime.UTC),
        receipt_number=f"REC-{affiliate.affiliation_number}-{period.compact}",
        contributions_total=Decimal("0.00"),
        slip_issued_at=AT,
    )
    for rank, (number, days, wage, situation) in enumerate(lines, 1):
        DeclarationLine.objects.create(
            declaration=declaration,
            rank=rank,
            origin=LineOrigin.PREFILLED.value,
            registration_number=number,
            full_name="SALARIE INVENTE",
            days_declared=days,
            gross_wage=Decimal(wage),
            capped_wage=min(Decimal(wage), Decimal(6000)),
            situation=situation,
        )


def steady(affiliate: Affiliate, wage: str = "5000.00") -> None:
    for month in MONTHS:
        declare(affiliate, month, [("123456789", 26, wage, "")])


def signs(affiliate: Affiliate) -> dict[str, Decimal]:
    measure_all(at=AT)
    return dict(affiliate.risk_facts.values_list("indicator", "value"))


def test_a_firm_that_declares_as_ever_gives_no_sign(cast: Cast) -> None:
    steady(cast.affiliate)
    assert signs(cast.affiliate) == {}


def test_wages_under_the_minimum_for_the_days(cast: Cast) -> None:
    # 3,000 DH for 26 days is under the minimum wage, for 10 days it is over: one line in two, then none.
    for month in MONTHS:
        declare(
            cast.affiliate,
            month,
            [("123456789", 26, "3000.00", ""), ("223456789", 10, "3000.00", "")],
        )
    assert signs(cast.affiliate) == {RiskSign.BELOW_MINIMUM: Decimal("0.5000")}


def test_each_month_is_held_against_its_own_minimum(cast: Cast) -> None:
    assert monthly_minimum_wage(MONTHS[0].first_day) < monthly_minimum_wage(MONTHS[-1].first_day)
    for month in MONTHS:
        wage = round_half_up(monthly_minimum_wage(month.first_day)) + Decimal("0.01")
        declare(cast.affiliate, month, [("123456789", 26, str(wage), "")])
    assert signs(cast.affiliate) == {}


def test_a_sudden_drop(cast: Cast) -> None:
    for month in MONTHS:
        people = 10 if month < Period(2026, 1) else 6
        declare(
            cast.affiliate, month, [(f"1{rank:08}", 26, "5000.00", "") for rank in range(people)]
        )
    assert signs(cast.affiliate) == {RiskSign.SUDDEN_DROP: Decimal("0.4000")}


def test_low_wages_for_the_activity(cast: Cast) -> None:
    for _each in range(4):
        steady(AffiliateFactory(activity="CONFECTION"), "10000.00")
    Affiliate.objects.filter(pk=cast.affiliate.pk).update(activity="CONFECTION")
    steady(cast.affiliate, "4000.00")
    assert signs(cast.affiliate) == {RiskSign.SECTOR_OUTLIER: Decimal("0.4000")}
    # With four firms only there is no sector to compare with.
    other = Affiliate.objects.filter(activity="CONFECTION").exclude(pk=cast.affiliate.pk).first()
    Affiliate.objects.filter(pk=other.pk).update(activity="AUTRE")
    assert signs(cast.affiliate) == {}


def test_never_filed_counts_the_months(cast: Cast) -> None:
    Affiliate.objects.filter(pk=cast.affiliate.pk).update(affiliated_on=datetime.date(2026, 2, 16))
    assert signs(cast.affiliate) == {}
    Affiliate.objects.filter(pk=cast.affiliate.pk).update(affiliated_on=datetime.date(2026, 2, 15))
    assert signs(cast.affiliate) == {RiskSign.NEVER_FILED: Decimal("2.0000")}


def test_a_wage_raised_before_a_benefit(cast: Cast) -> None:
    for month in MONTHS:
        raised = "9000.00" if month in (Period(2025, 12), Period(2026, 1)) else "5000.00"
        away = month >= Period(2026, 2)
        declare(
            cast.affiliate,
            month,
            [
                ("123456789", 0 if away else 26, "0.00" if away else raised, "IT" if away else ""),
                ("223456789", 26, "5000.00", ""),
                ("323456789", 26, "5000.00", ""),
            ],
        )
    assert signs(cast.affiliate)[RiskSign.RAISED_BEFORE_BENEFIT] == Decimal("1.0000")


def test_measured_twice_gives_the_same_and_what_ceased_goes(cast: Cast) -> None:
    Affiliate.objects.filter(pk=cast.affiliate.pk).update(affiliated_on=datetime.date(2026, 1, 1))
    assert (
        signs(cast.affiliate) == signs(cast.affiliate) == {RiskSign.NEVER_FILED: Decimal("3.0000")}
    )
    steady(cast.affiliate)
    assert signs(cast.affiliate) == {}


def test_as_many_questions_for_a_hundred_firms_as_for_one(cast: Cast) -> None:
    measure_all(at=AT)
    with CaptureQueriesContext(connection) as few:
        measure_all(at=AT)
    AffiliateFactory.create_batch(100, agency=cast.affiliate.agency)
    with CaptureQueriesContext(connection) as many:
        measure_all(at=AT)
    assert len(many) == len(few)


def test_every_sign_has_its_indicator_and_speaks_from_its_threshold() -> None:
    assert set(risks.INDICATORS) == set(RiskSign)
    for sign, indicator in risks.INDICATORS.items():
        step = Decimal("0.0001") * (-1 if indicator.falls else 1)
        assert risks.speaks(sign, indicator.threshold)
        assert not risks.speaks(sign, indicator.threshold - step)


def test_the_list_shows_each_sign_with_its_formula_and_leaves_a_trace(cast: Cast) -> None:
    measure_all(at=AT)
    client = Client()
    client.force_login(cast.staff)
    page = client.get(reverse("admin:disputes_riskfact_changelist")).content.decode()
    assert cast.affiliate.name in page
    assert "mois écoulés depuis l’affiliation, sans aucune déclaration" in page
    read = AuditEntry.objects.filter(action="risk.read").values_list(
        "affiliation_number", flat=True
    )
    assert set(read) == set(
        RiskFact.objects.values_list("affiliate__affiliation_number", flat=True)
    )
