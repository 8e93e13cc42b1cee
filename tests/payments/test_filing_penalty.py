"""A month filed late, or not at all: called once, raised while it lasts, balanced, replayed and shown."""

import datetime
from decimal import Decimal
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from affiliates.enums import AffiliateState
from affiliates.models import Affiliate
from payments.models import FilingPenalty, LedgerEntry
from payments.queries import home_balance, open_dues
from payments.tasks import assess_filing_penalties
from payments.workflows.penalties import assess_filing_penalty, filings_due
from payments.workflows.slips import issue_slip
from portal.models import AuditEntry
from regulation.periods import Period
from regulation.replay import replay
from tests.affiliates.factories import AffiliateFactory
from tests.cast import Cast
from tests.payments.factories import submitted

pytestmark = pytest.mark.django_db

D = Decimal
DECEMBER, JANUARY, FEBRUARY = Period(2025, 12), Period(2026, 1), Period(2026, 2)


def _filed(affiliate: Affiliate, period: Period, day: datetime.date, people: int = 2) -> None:
    at = datetime.datetime.combine(day, datetime.time(9), datetime.UTC)
    declaration = submitted(affiliate, period, submitted_at=at)
    declaration.employee_count = people
    declaration.save()
    issue_slip(actor=None, declaration_id=declaration.pk, at=at)


def _assess(affiliate: Affiliate, period: Period, as_of: datetime.date) -> FilingPenalty | None:
    return assess_filing_penalty(actor=None, affiliate_id=affiliate.pk, period=period, as_of=as_of)


@pytest.fixture
def late(cast: Cast) -> Affiliate:
    """December in time with two employees; January filed on 25 April, three started months late."""
    _filed(cast.affiliate, DECEMBER, datetime.date(2026, 1, 8))
    _filed(cast.affiliate, JANUARY, datetime.date(2026, 4, 25))
    return cast.affiliate


def test_the_worked_example_is_called_once_and_the_books_agree(late: Affiliate) -> None:
    for _ in range(2):
        row = _assess(late, JANUARY, datetime.date(2026, 5, 12))
    assert row is not None
    assert (row.amount, row.outstanding, row.filed) == (D("300.00"), D("300.00"), True)
    assert LedgerEntry.objects.filter(kind="penalty_assessed").count() == 1
    assert AuditEntry.objects.filter(action="payments.filing_penalty_assessed").count() == 1
    call_command("check_ledger", stdout=StringIO())
    assert _assess(late, DECEMBER, datetime.date(2026, 5, 12)) is None


def test_a_missing_month_costs_more_each_month_until_it_is_filed(cast: Cast) -> None:
    _filed(cast.affiliate, DECEMBER, datetime.date(2026, 1, 8), people=3)
    amounts = []
    for day in ((2026, 2, 10), (2026, 2, 12), (2026, 3, 10), (2026, 3, 12), (2026, 4, 12)):
        row = _assess(cast.affiliate, JANUARY, datetime.date(*day))
        amounts.append(row.amount if row else D(0))
    assert amounts == [D(0), D("150.00"), D("150.00"), D("300.00"), D("450.00")]
    assert row is not None
    assert not row.filed
    # Filed at last with two people: what was called stays, and nothing is added any more.
    _filed(cast.affiliate, JANUARY, datetime.date(2026, 4, 25))
    for day in ((2026, 5, 12), (2026, 9, 12)):
        row = _assess(cast.affiliate, JANUARY, datetime.date(*day))
        assert row is not None
        assert (row.amount, row.filed) == (D("450.00"), True)
    assert FilingPenalty.objects.count() == 1
    assert home_balance(cast.affiliate, on=datetime.date(2026, 9, 12)).outstanding == D("650.00")
    call_command("check_ledger", stdout=StringIO())
    assert replay(row.working) == []


def test_who_never_declared_or_closed_is_left_to_a_control(cast: Cast) -> None:
    as_of = datetime.date(2026, 4, 10)
    assert list(filings_due(as_of)) == []
    closed = AffiliateFactory(state=AffiliateState.CLOSED.value)
    for affiliate in (cast.affiliate, closed):
        _filed(affiliate, DECEMBER, datetime.date(2026, 1, 8))
    assert list(filings_due(as_of)) == [
        (cast.affiliate.pk, JANUARY),
        (cast.affiliate.pk, FEBRUARY),
    ]
    assert list(filings_due(datetime.date(2026, 2, 10))) == []
    assert _assess(AffiliateFactory(), JANUARY, as_of) is None


def test_a_decided_extension_is_no_lateness(cast: Cast) -> None:
    _filed(cast.affiliate, Period(2025, 5), datetime.date(2025, 6, 5))
    _filed(cast.affiliate, Period(2025, 6), datetime.date(2025, 7, 21))
    assert list(filings_due(datetime.date(2025, 7, 25))) == []


@time_machine.travel(datetime.datetime(2026, 5, 12, 3, tzinfo=datetime.UTC), tick=False)
def test_the_monthly_task_calls_each_month_and_runs_twice(late: Affiliate) -> None:
    for _ in range(2):
        assess_filing_penalties()
    rows = FilingPenalty.objects.order_by("period").values_list("period", "amount", "filed")
    # January filed late; February and March missing: two and one started months, the last of two people.
    assert list(rows) == [
        (datetime.date(2026, 1, 1), D("300.00"), True),
        (datetime.date(2026, 2, 1), D("300.00"), False),
        (datetime.date(2026, 3, 1), D("200.00"), False),
        (datetime.date(2026, 4, 1), D("100.00"), False),
    ]
    assert next(filings_due(datetime.date(2026, 5, 12)))[1] == FEBRUARY


@time_machine.travel(datetime.datetime(2026, 5, 12, 9, tzinfo=datetime.UTC), tick=False)
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_account_and_the_slip_show_it_with_its_working(
    cast: Cast, late: Affiliate, language: str
) -> None:
    client = Client()
    client.force_login(cast.owner)
    client.cookies["django_language"] = language
    number = late.affiliation_number
    slip = late.slips.get(period=JANUARY.first_day)
    address = reverse("payments:slip", args=[number, slip.pk])
    announced = client.get(address).content.decode()
    assert "300,00" in announced
    _assess(late, JANUARY, datetime.date(2026, 5, 12))
    row = FilingPenalty.objects.get()
    for page in (address, reverse("payments:account", args=[number])):
        shown = client.get(page).content.decode()
        assert row.payment_reference in shown
        assert "5 000,00" in shown.replace("\u00a0", " ").replace("\u202f", " ")
    due = next(due for due in open_dues(late) if due.kind == "penalty")
    assert due.due_on == datetime.date(2026, 5, 27)
    on_time = late.slips.get(period=DECEMBER.first_day)
    page = client.get(reverse("payments:slip", args=[number, on_time.pk])).content.decode()
    assert 'id="astreinte"' not in page
