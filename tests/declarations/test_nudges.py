"""Who was affiliated and never declared is reminded on the days that are data, and no more."""

import datetime

import pytest

from affiliates.enums import Role
from declarations import workflows
from portal import clock
from portal.models import Mail
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory, EmploymentFactory, MembershipFactory

pytestmark = pytest.mark.django_db

AT = datetime.datetime(2026, 4, 3, 9, 0, tzinfo=datetime.UTC)


def firm(days: int):
    affiliate = AffiliateFactory(affiliated_on=clock.day_of(AT) - datetime.timedelta(days=days))
    MembershipFactory(affiliate=affiliate)
    MembershipFactory(affiliate=affiliate, role=Role.READER.value)
    return affiliate


@pytest.mark.parametrize(
    ("days", "letters"), [(19, 0), (20, 1), (49, 1), (50, 1), (109, 1), (110, 0), (4000, 0)]
)
def test_the_days_are_those_of_the_table(days: int, letters: int) -> None:
    firm(days)
    for _ in range(2):
        workflows.nudge_silent(at=AT)
    assert Mail.objects.count() == letters


def test_three_reminders_in_all_then_silence() -> None:
    firm(20)
    for later in range(200):
        workflows.nudge_silent(at=AT + datetime.timedelta(days=later))
    assert Mail.objects.count() == 3


def test_who_has_declared_once_is_left_in_peace() -> None:
    affiliate = firm(40)
    EmploymentFactory(affiliate=affiliate, started_on=affiliate.affiliated_on)
    actor, period = MembershipFactory().user, Period(2026, 3)
    one = workflows.open_form(actor=actor, at=AT, affiliate=affiliate, period=period)
    cell = {"days": "26", "wage": "4200"}
    one = workflows.save_form(
        actor=actor,
        declaration=one,
        version=one.version,
        cells=dict.fromkeys(one.lines.values_list("pk", flat=True), cell),
    )
    workflows.submit(actor=actor, at=AT, declaration=one, version=one.version)
    Mail.objects.all().delete()
    workflows.nudge_silent(at=AT)
    assert not Mail.objects.filter(key__startswith="nudge").exists()
