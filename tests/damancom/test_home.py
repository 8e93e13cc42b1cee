"""The home of an affiliate and the list of affiliates: where each month stands, and the one next act."""

import datetime
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import Role
from affiliates.models import Affiliate
from damancom.enums import MonthState
from damancom.months import Month, months_of, most_urgent, owed_by
from declarations import workflows as declaring
from payments.models import PaymentSlip, SlipLine
from payments.workflows import penalties
from payments.workflows.holds import place_hold
from regulation.enums import Branch
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory, MandateFactory, MembershipFactory
from tests.declarations.factories import answer, draft, employ, issue, send
from tests.payments import factories as money

IN_TIME = datetime.datetime(2026, 2, 3, 9, 0, tzinfo=datetime.UTC)
LATE = datetime.datetime(2026, 3, 15, 9, 0, tzinfo=datetime.UTC)
JANUARY = Period(2026, 1)


def _as(user):
    client = Client()
    client.force_login(user)
    return client


def _home(affiliate):
    return reverse("affiliates:home", kwargs={"affiliation_number": affiliate.affiliation_number})


def _january(affiliate, today):
    months = months_of([affiliate], today=today)[affiliate.pk]
    return next(month for month in months if month.period == JANUARY)


def _declared_before(affiliate):
    """Everything before January is declared and paid, so that January is what remains."""
    Affiliate.objects.filter(pk=affiliate.pk).update(affiliated_on=JANUARY.first_day)
    affiliate.refresh_from_db()


# -- where a month stands --------------------------------------------------------------------


def test_a_month_goes_from_nothing_to_paid(cast):
    day, late = IN_TIME.date(), LATE.date()
    affiliate = cast.affiliate
    assert _january(affiliate, day).state(day) is MonthState.TO_DECLARE
    assert _january(affiliate, late).state(late) is MonthState.LATE_TO_DECLARE

    employ(affiliate, 2)
    row = issue(cast.owner, affiliate)
    wrong = answer(row).replace(b"B0", b"B9", 1)
    send(cast.owner, affiliate, wrong)
    assert _january(affiliate, day).state(day) is MonthState.TO_CORRECT

    declaring.open_form(actor=cast.owner, at=IN_TIME, affiliate=affiliate, period=JANUARY)
    assert _january(affiliate, day).state(day) is MonthState.FILLING

    send(cast.owner, affiliate, answer(row), at=IN_TIME + datetime.timedelta(minutes=5))
    month = _january(affiliate, day)
    assert month.state(day) is MonthState.READY

    declaring.submit(
        actor=cast.owner,
        at=IN_TIME,
        declaration=month.declaration,
        version=month.declaration.version,
    )
    assert _january(affiliate, day).state(day) is MonthState.SUBMITTED

    with time_machine.travel(IN_TIME, tick=False):
        slip = money.issue_slip(actor=None, declaration_id=month.declaration.pk, at=IN_TIME)
    assert _january(affiliate, day).state(day) is MonthState.TO_PAY
    assert _january(affiliate, late).state(late) is MonthState.LATE_TO_PAY

    # Held as a whole, the slip asks nothing of the employer for now.
    for line in SlipLine.objects.filter(slip=slip, amount__gt=0):
        place_hold(
            actor=cast.staff, slip_line_id=line.pk, amount=line.amount, reference="R-1", at=IN_TIME
        )
    month = _january(affiliate, late)
    assert (month.state(late), month.claimed) == (MonthState.HELD, 0)

    PaymentSlip.objects.filter(pk=slip.pk).update(outstanding=0, state="paid")
    assert _january(affiliate, late).state(late) is MonthState.PAID
    assert most_urgent([_january(affiliate, late)], late) == []


def test_a_file_under_check_is_said_so(cast):
    declaring.receive_file(
        actor=cast.owner,
        at=IN_TIME,
        affiliate=cast.affiliate,
        period=JANUARY,
        name="DS.txt",
        chunks=[b"B00"],
    )
    assert _january(cast.affiliate, IN_TIME.date()).state(IN_TIME.date()) is MonthState.CHECKING


def test_the_oldest_month_is_the_most_urgent():
    today = datetime.date(2026, 2, 3)
    months = [
        Month(Period(2026, 2), datetime.date(2026, 3, 10)),
        Month(JANUARY, datetime.date(2026, 2, 10)),
    ]
    assert [month.period for month in most_urgent(months, today)] == [JANUARY, Period(2026, 2)]


@pytest.mark.django_db
def test_a_young_affiliate_has_few_months():
    young = AffiliateFactory(affiliated_on=datetime.date(2025, 12, 9))
    months = months_of([young], today=datetime.date(2026, 2, 3))[young.pk]
    assert [str(month.period) for month in months] == ["2025-12", "2026-01", "2026-02"]


# -- the page --------------------------------------------------------------------------------


def test_the_home_says_one_thing_to_do(cast):
    _declared_before(cast.affiliate)
    with time_machine.travel(IN_TIME, tick=False):
        page = _as(cast.owner).get(_home(cast.affiliate)).content.decode()
    assert "Déclarer janvier\N{NO-BREAK SPACE}2026" in page
    assert "il reste 7 jours" in page
    assert page.count("btn-primary") == 1
    assert "Pas encore de bordereau" in page


def test_the_home_says_what_being_late_costs(cast):
    _declared_before(cast.affiliate)
    with time_machine.travel(IN_TIME, tick=False):
        slip = money.slip(cast.affiliate, amounts={Branch.PF: "1000.00"})
    penalties.assess_surcharges(actor=None, slip_id=slip.pk, as_of=LATE.date())
    with time_machine.travel(LATE, tick=False):
        page = _as(cast.owner).get(_home(cast.affiliate)).content.decode()
    owed = owed_by(cast.affiliate)
    assert owed.slips == Decimal("1000.00")
    assert owed.due == owed.slips + owed.surcharges
    assert "Majorations appelées jusqu’ici" in page
    assert "dc-chart" in page
    assert reverse("payments:pay", args=[cast.affiliate.affiliation_number]) in page
    assert f"somme={slip.payment_reference}" in page


def test_a_reader_is_told_who_acts(cast):
    reader = MembershipFactory(affiliate=cast.affiliate, role=Role.READER.value).user
    page = _as(reader).get(_home(cast.affiliate)).content.decode()
    assert "Votre rôle permet de consulter" in page
    assert "btn-primary" not in page


def test_only_those_of_the_affiliate_find_its_home(cast):
    page = _home(cast.affiliate)
    for user in (cast.owner, cast.fiduciaire):
        assert _as(user).get(page).status_code == 200
    for user in cast.outsiders:
        assert _as(user).get(page).status_code == 404
    assert Client().get(page).status_code == 302
    assert _as(cast.owner).post(page).status_code == 405


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_both_languages(cast, language):
    money.slip(cast.affiliate)
    client = _as(cast.owner)
    client.cookies["django_language"] = language
    for page in (_home(cast.affiliate), reverse("affiliates:choose")):
        assert f'lang="{language}"' in client.get(page).content.decode()


def test_the_home_asks_no_more_questions_for_more_months(cast):
    client = _as(cast.owner)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(_home(cast.affiliate)).status_code == 200
        return len(captured)

    draft(cast.owner, cast.affiliate)
    client.get(_home(cast.affiliate))
    few = queries()
    for back in range(1, 6):
        money.slip(cast.affiliate, period=JANUARY - back)
    # The cost of waiting is asked only for a month that is not declared: one question less then.
    assert few - 1 <= queries() <= few


# -- the list --------------------------------------------------------------------------------


def test_the_list_shows_one_row_for_each_affiliate_and_finds_by_name(cast):
    second = AffiliateFactory(name="PHARMACIE DU PORT")
    MandateFactory(affiliate=second, representative=cast.representative)
    client = _as(cast.fiduciaire)
    page = client.get(reverse("affiliates:choose")).content.decode()
    assert cast.affiliate.name in page
    assert second.name in page
    assert cast.strangers_affiliate.name not in page
    found = client.get(reverse("affiliates:choose"), {"q": "port"}).content.decode()
    assert second.name in found
    assert cast.affiliate.name not in found
    assert (
        "Aucune entreprise"
        in client.get(reverse("affiliates:choose"), {"q": "zzz"}).content.decode()
    )


def test_the_list_asks_the_same_number_of_questions_for_many(cast):
    client = _as(cast.fiduciaire)
    address = reverse("affiliates:choose")
    client.get(address)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        return len(captured)

    few = queries()
    for _ in range(8):
        MandateFactory(representative=cast.representative)
    assert queries() == few


def test_the_name_is_said_in_the_language_of_the_screen(cast):
    client = _as(cast.owner)
    client.cookies["django_language"] = "ar"
    assert "مخبزة البركة" in client.get(_home(cast.affiliate)).content.decode()


def test_the_way_to_other_affiliates_shows_only_to_who_has_several(cast):
    choose = reverse("affiliates:choose")
    assert f'href="{choose}"' not in _as(cast.owner).get(_home(cast.affiliate)).content.decode()
    MandateFactory(representative=cast.representative)
    assert f'href="{choose}"' in _as(cast.fiduciaire).get(_home(cast.affiliate)).content.decode()
