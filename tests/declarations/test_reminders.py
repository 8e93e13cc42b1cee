"""Reminders: the right people, once per stage, in their language; and what a late month costs, with its working."""

import datetime
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import Role
from affiliates.models import Affiliate, Mandate
from declarations import workflows
from declarations.lateness import lateness_of
from portal.models import Mail, User
from regulation.periods import Period
from tests.affiliates.factories import (
    AffiliateFactory,
    MandateFactory,
    MembershipFactory,
    UserFactory,
)
from tests.cast import Cast
from tests.declarations.factories import JANUARY, submitted

pytestmark = pytest.mark.django_db

FEBRUARY = Period(2026, 2)  # due on 10 March


def on(day: int, month: int = 3, hour: int = 9) -> datetime.datetime:
    return datetime.datetime(2026, month, day, hour, tzinfo=datetime.UTC)


def remind(day: int, month: int = 3) -> set[tuple[str, str]]:
    """Who is written to on that day, and at which stage."""
    before = set(Mail.objects.values_list("pk", flat=True))
    for _twice in range(2):
        workflows.send_reminders(at=on(day, month))
    new = Mail.objects.exclude(pk__in=before).select_related("user")
    return {
        (row.user.email, row.key.split(":")[2])
        for row in new
        if row.user and row.key.split(":")[1] == "2026-02"
    }


@pytest.fixture
def firm(cast: Cast) -> Affiliate:
    """The bakery has filed January; the stranger's firm is closed, to leave the scene."""
    submitted(cast.owner, cast.affiliate)
    Affiliate.objects.filter(pk=cast.affiliate.pk).update(affiliated_on=JANUARY.first_day)
    cast.affiliate.refresh_from_db()
    Affiliate.objects.filter(pk=cast.strangers_affiliate.pk).update(state="closed")
    return cast.affiliate


def test_those_who_may_declare_are_told_twice_before_and_once_after(
    cast: Cast, firm: Affiliate
) -> None:
    people = {cast.owner.email, cast.fiduciaire.email}
    assert remind(4) == set()
    assert remind(5) == {(email, "first") for email in people}
    assert remind(7) == set()
    assert remind(9) == {(email, "last") for email in people}
    assert remind(10) == set()
    assert remind(11) == {(email, "late") for email in people}
    assert remind(20) == set()


def test_a_day_on_which_nothing_ran_is_made_good(cast: Cast, firm: Affiliate) -> None:
    assert {stage for _email, stage in remind(8)} == {"first"}
    assert {stage for _email, stage in remind(10)} == {"last"}
    assert {stage for _email, stage in remind(19)} == {"late"}


def test_nobody_is_told_of_what_is_filed_nor_against_their_will(
    cast: Cast, firm: Affiliate
) -> None:
    User.objects.filter(pk=cast.fiduciaire.pk).update(wants_reminders=False)
    MembershipFactory(user=UserFactory(email="lit@exemple.ma"), affiliate=firm, role=Role.READER)
    gone = UserFactory(email="parti@exemple.ma")
    MembershipFactory(user=gone, affiliate=firm, ended_at=on(1))
    assert remind(6) == {(cast.owner.email, "first")}
    Mail.objects.all().delete()
    form = workflows.open_form(
        actor=cast.owner, at=on(6), affiliate=firm, period=FEBRUARY, as_last_month=True
    )
    workflows.submit(actor=cast.owner, at=on(6), declaration=form, version=form.version)
    assert remind(6) == set()


def test_a_mandate_that_ended_tells_nothing(cast: Cast, firm: Affiliate) -> None:
    Mandate.objects.update(ends_on=datetime.date(2026, 3, 5))
    assert remind(6) == {(cast.owner.email, "first")}


def test_one_letter_for_all_the_firms_of_an_accountant(cast: Cast, firm: Affiliate) -> None:
    for rank in range(24):
        MandateFactory(
            affiliate=AffiliateFactory(name=f"FIRME INVENTEE {rank}"),
            representative=cast.representative,
            scopes=["read", "declare"],
        )
    workflows.send_reminders(at=on(6))
    letter = Mail.objects.get(user=cast.fiduciaire, key__contains="2026-02")
    assert letter.text.count("\n- ") == 20
    assert "et 5 autres" in letter.text
    assert "http://testserver/\n" in letter.text


def test_the_letter_is_in_the_language_of_its_reader_and_names_only_their_firm(
    cast: Cast, firm: Affiliate
) -> None:
    User.objects.filter(pk=cast.owner.pk).update(language="ar")
    Affiliate.objects.filter(pk=cast.strangers_affiliate.pk).update(state="active")
    workflows.send_reminders(at=on(6))
    arabic = Mail.objects.get(user=cast.owner, key__contains="2026-02")
    assert "مخبزة البركة" in arabic.text
    assert "GARAGE" not in arabic.text
    french = Mail.objects.get(user=cast.fiduciaire, key__contains="2026-02")
    assert "- BOULANGERIE AL BARAKA (" in french.text
    address = f"/affilies/{firm.affiliation_number}/declarations/periode/2026-02/"
    assert f"http://testserver{address}" in french.text
    theirs = Mail.objects.get(user=cast.stranger, key__contains="2026-02")
    assert "BARAKA" not in theirs.text


def test_the_cost_of_reminding_does_not_grow_with_the_firms(cast: Cast, firm: Affiliate) -> None:
    def cost() -> int:
        Mail.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            workflows.send_reminders(at=on(6))
        return len(queries)

    few = cost()
    for _more in range(10):
        MandateFactory(
            affiliate=AffiliateFactory(),
            representative=cast.representative,
            scopes=["read", "declare"],
        )
    assert cost() <= few


# -- what it costs -------------------------------------------------------------------------------


def test_the_cost_is_that_of_the_law_and_says_when_it_grows(cast: Cast, firm: Affiliate) -> None:
    """Two people: 100 DH a started month; surcharges on January's contributions, by group and started month."""
    assert lateness_of(firm, FEBRUARY, today=datetime.date(2026, 3, 10)) is None
    first = lateness_of(firm, FEBRUARY, today=datetime.date(2026, 3, 11))
    last = lateness_of(firm, FEBRUARY, today=datetime.date(2026, 4, 10))
    second = lateness_of(firm, FEBRUARY, today=datetime.date(2026, 4, 11))
    assert first is not None
    assert last is not None
    assert second is not None
    assert first.penalty.amount == Decimal("100.00")
    assert first.total == last.total
    assert first.next_on == datetime.date(2026, 4, 11)
    assert second.total == first.total + first.more
    assert second.penalty.amount == Decimal("200.00")
    assert first.a_day == (first.more / 30).quantize(Decimal("0.01"))
    assert first.basis == JANUARY
    assert all(group.working for group in first.surcharge.groups)


def test_nothing_filed_before_gives_no_figure(cast: Cast) -> None:
    assert lateness_of(cast.affiliate, FEBRUARY, today=datetime.date(2026, 4, 1)) is None


def test_home_and_month_say_what_waiting_costs(cast: Cast, firm: Affiliate, client: Client) -> None:
    client.force_login(cast.owner)
    number = firm.affiliation_number
    with time_machine.travel(on(20), tick=False):
        client.force_login(cast.owner)
        home = client.get(reverse("affiliates:home", args=[number])).content.decode()
        month = client.get(reverse("declarations:month", args=[number, "2026-02"]))
        client.force_login(cast.stranger)
        assert (
            client.get(reverse("declarations:month", args=[number, "2026-02"])).status_code == 404
        )
    assert "par jour" in home
    assert "100,00" in home
    assert "Texte : " in month.content.decode()


def test_the_late_letter_says_what_it_costs(cast: Cast, firm: Affiliate) -> None:
    workflows.send_reminders(at=on(12))
    letter = Mail.objects.get(user=cast.owner, key__contains="2026-02")
    assert "100,00" in letter.text
    assert "11 avril 2026" in letter.text.replace("\u00a0", " ")
