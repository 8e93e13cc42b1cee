"""The State takes over an employer share: granted within the limits of the law, ended, and nothing else."""

import datetime

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from affiliates import errors, queries, workflows
from affiliates.models import Affiliate, Employment, StateTakeover
from portal.models import AuditEntry
from regulation.parameters import NotYetKnown
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory, EmploymentFactory, clerk_of_files
from tests.cast import Cast
from tests.desk import say_why

pytestmark = pytest.mark.django_db

AT = datetime.datetime(2026, 3, 10, 9, 0, tzinfo=datetime.UTC)
JANUARY = Period(2026, 1)


def _hire(affiliate: Affiliate, day: datetime.date = datetime.date(2026, 1, 15)) -> Employment:
    return EmploymentFactory(affiliate=affiliate, started_on=day)


def _grant(employment: Employment, first: Period = JANUARY, months: int = 24) -> StateTakeover:
    return workflows.grant_takeover(
        actor=clerk_of_files(),
        at=AT,
        employment=employment,
        first=first,
        last=first + (months - 1),
        decision_reference="TAHFIZ-2026/17",
    )


def _numbers(employment: Employment, day: datetime.date) -> frozenset[str]:
    return queries.taken_over_on(employment.affiliate, day)


def test_twenty_four_months_count_from_the_first_day_to_the_last() -> None:
    employment = _hire(AffiliateFactory())
    granted = _grant(employment)
    mine = {employment.employee.registration_number}
    assert (granted.starts_on, granted.ends_on) == (
        datetime.date(2026, 1, 1),
        datetime.date(2027, 12, 31),
    )
    assert _numbers(employment, datetime.date(2026, 1, 1)) == mine
    assert _numbers(employment, datetime.date(2027, 12, 31)) == mine
    assert _numbers(employment, datetime.date(2025, 12, 31)) == frozenset()
    assert _numbers(employment, datetime.date(2028, 1, 1)) == frozenset()
    assert queries.taken_over_on(AffiliateFactory(), datetime.date(2026, 5, 1)) == frozenset()


def test_granting_twice_is_once_and_leaves_one_trace() -> None:
    employment = _hire(AffiliateFactory())
    assert _grant(employment) == _grant(employment)
    entry = AuditEntry.objects.get(action="takeover.granted")
    assert entry.facts["decision"] == "TAHFIZ-2026/17"


def test_a_twenty_fifth_month_is_refused_even_in_two_records() -> None:
    employment = _hire(AffiliateFactory())
    with pytest.raises(errors.TakeoverTooLong, match=r"25 mois.*24"):
        _grant(employment, months=25)
    _grant(employment, months=20)
    with pytest.raises(errors.TakeoverTooLong):
        _grant(employment, first=JANUARY + 20, months=5)
    assert _grant(employment, first=JANUARY + 20, months=4)


def test_a_sixth_hire_is_refused_and_a_rehired_one_is_not_a_new_hire() -> None:
    affiliate = AffiliateFactory()
    hires = [_hire(affiliate) for _ in range(6)]
    for employment in hires[:5]:
        _grant(employment, months=12)
    with pytest.raises(errors.TakeoverTooMany, match="5 embauches"):
        _grant(hires[5])
    assert _grant(hires[0], first=JANUARY + 12, months=12)
    assert _grant(_hire(AffiliateFactory()))


def test_what_is_not_a_takeover_is_refused() -> None:
    employment = _hire(AffiliateFactory())
    with pytest.raises(errors.TakeoverBeforeHire, match="2025-12"):
        _grant(employment, first=JANUARY.previous(), months=3)
    with pytest.raises(errors.DaysReversed):
        _grant(employment, months=0)
    _grant(employment, months=6)
    with pytest.raises(errors.TakeoverOverlaps):
        _grant(employment, first=JANUARY + 5, months=2)
    with pytest.raises(errors.DecisionMissing):
        workflows.grant_takeover(
            actor=clerk_of_files(), at=AT, employment=employment, first=JANUARY + 6, last=JANUARY + 7,
            decision_reference="  ",
        )  # fmt: skip
    old = _hire(AffiliateFactory(), datetime.date(2012, 1, 2))
    with pytest.raises(NotYetKnown):
        _grant(old, first=Period(2013, 1), months=6)


def test_the_database_has_the_last_word() -> None:
    row = _grant(_hire(AffiliateFactory()), months=6)
    facts = {"employment": row.employment, "decision_reference": "X"}
    for starts_on, ends_on in (
        (datetime.date(2026, 6, 1), datetime.date(2026, 8, 31)),
        (datetime.date(2027, 1, 2), datetime.date(2027, 1, 31)),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            StateTakeover.objects.create(starts_on=starts_on, ends_on=ends_on, **facts)


def test_ending_brings_the_last_month_forward_once() -> None:
    row = _grant(_hire(AffiliateFactory()))
    for _ in range(2):
        ended = workflows.end_takeover(
            actor=clerk_of_files(), at=AT, takeover=row, last=JANUARY + 2
        )
    assert ended.ends_on == datetime.date(2026, 3, 31)
    assert AuditEntry.objects.filter(action="takeover.ended").count() == 1
    later = workflows.end_takeover(actor=clerk_of_files(), at=AT, takeover=row, last=JANUARY + 9)
    assert later.ends_on == datetime.date(2026, 3, 31)
    with pytest.raises(errors.DaysReversed):
        workflows.end_takeover(actor=clerk_of_files(), at=AT, takeover=row, last=JANUARY.previous())


def test_a_clerk_grants_and_ends_from_the_desk_and_reads_refusals(cast: Cast) -> None:
    employment = _hire(cast.affiliate)
    clerk = Client()
    clerk.force_login(cast.staff)
    page = reverse("admin:affiliates_employment_changelist")
    asked = {
        "action": "grant_takeover",
        "_selected_action": [employment.pk],
        "first": "2026-01",
        "last": "2028-01",
        "decision_reference": "TAHFIZ-2026/17",
    }
    refused = say_why(clerk, page).post(page, asked, follow=True)
    assert "25 mois" in refused.content.decode()
    assert not StateTakeover.objects.exists()
    clerk.post(page, asked | {"last": "2027-12"})
    row = StateTakeover.objects.get()
    desk = reverse("admin:affiliates_statetakeover_changelist")
    assert "TAHFIZ-2026/17" in say_why(clerk, desk).get(desk).content.decode()
    said = clerk.post(
        desk, {"action": "end", "_selected_action": [row.pk], "last": "mars"}, follow=True
    )
    assert "« mars »" in said.content.decode()
    clerk.post(desk, {"action": "end", "_selected_action": [row.pk], "last": "2026-06"})
    row.refresh_from_db()
    assert row.ends_on == datetime.date(2026, 6, 30)
    card = reverse("admin:affiliates_statetakeover_change", args=[row.pk])
    assert clerk.get(card).status_code == 200
    assert clerk.post(card, {"ends_on": "2030-01-01"}).status_code == 403
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        other = Client()
        other.force_login(user)
        assert other.post(page, asked).status_code == 302
    assert StateTakeover.objects.count() == 1
