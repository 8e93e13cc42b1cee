"""Remission, plans and the monthly run, to the day and to the centime: what is shown is what is done, and only once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from payments.enums import GraceState
from payments.ledger_check import check
from payments.models import (
    GraceRequest,
    LedgerEntry,
    LedgerLine,
    PaymentSlip,
    Surcharge,
    SurchargeExemption,
)
from payments.tasks import assess_surcharges, watch_graces
from payments.workflows import grace, penalties
from payments.workflows.grace import Terms
from payments.workflows.holds import place_hold, release_hold
from portal import clock
from portal.models import AuditEntry, Mail, User
from regulation.enums import Branch, Confidence
from regulation.parameters import Campaign, CampaignRate, tables
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.factories import slip
from tests.payments.test_grace import TODAY, asked, granted, late, pay_on, second

__all__ = ["late", "second"]

pytestmark = pytest.mark.django_db
D = Decimal
TERMS = Terms(D("500.00"), 3, date(2026, 7, 15))


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(noon(TODAY), tick=False):
        yield


# ------------------------------------------------------------------ campaigns


@pytest.fixture
def campaign():
    """From 1 to 30 June 2026, for the debts of January 2026 and before; half of the surcharges."""
    invented = Campaign(
        name="debts_to_2024", debts_until=Period(2026, 1), opens_on=date(2026, 6, 1),
        closes_on=date(2026, 6, 30), reference="Campagne inventée", confidence=Confidence.LOW,
        reviewed_on=TODAY, rates=(CampaignRate("plan_up_to_24_months", D("50.00"), D("80.00")),),
    )  # fmt: skip
    known = tables()
    was = known.campaigns
    object.__setattr__(known, "campaigns", (*was, invented))
    yield invented
    object.__setattr__(known, "campaigns", was)


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        (date(2026, 5, 31), False),
        (date(2026, 6, 1), True),
        (date(2026, 6, 30), True),
        (date(2026, 7, 1), False),
    ],
)
def test_a_campaign_counts_on_its_days_only(
    cast: Cast, late: PaymentSlip, campaign: Campaign, day: date, is_open: bool
) -> None:
    terms = Terms(D("10.00"), 2, day + timedelta(days=20))
    with time_machine.travel(noon(day), tick=False):
        seen = grace.quote(cast.affiliate, terms, on=clock.today())
        made = grace.request_grace(
            actor=cast.owner, affiliate=cast.affiliate, terms=terms, reason="x", at=clock.now()
        )
    expected = (campaign, D("250.00")) if is_open else (None, D("0.00"))
    assert (seen.campaign, seen.campaign_limit) == expected
    assert made.campaign == (campaign.name if is_open else "")


def test_a_campaign_counts_for_its_months_only(
    cast: Cast, late: PaymentSlip, campaign: Campaign
) -> None:
    newer = slip(cast.affiliate, Period(2026, 2), {Branch.PF: "10000.00"})
    called = penalties.assess_surcharges(actor=None, slip_id=newer.pk, as_of=TODAY)
    assert sum(one.amount for one in called) > 0
    assert grace.quote(cast.affiliate, TERMS, on=TODAY).campaign_limit == D("250.00")


# ------------------------------------------------------------------ granted


def test_each_remission_is_one_entry_of_the_ledger(
    cast: Cast, late: PaymentSlip, second: User
) -> None:
    before = {one.pk: one.outstanding for one in Surcharge.objects.all()}
    made = granted(cast, second)
    for _again in range(2):
        grace.grant(actor=second, grace_id=made.pk, at=clock.now())
    posted = LedgerEntry.objects.filter(kind="remission_granted")
    given = LedgerLine.objects.filter(entry__in=posted, credit__gt=0)
    assert {line.surcharge_id: line.credit for line in given} == before
    assert given.count() == posted.count()
    assert posted.count() == len(before) == 5
    assert set(Surcharge.objects.values_list("outstanding", flat=True)) == {D("0.00")}
    assert PaymentSlip.objects.get().outstanding == D("10000.00")
    for act in ("requested", "proposed", "granted"):
        assert AuditEntry.objects.filter(action=f"payments.grace_{act}").count() == 1
    assert Mail.objects.filter(address="patronne@exemple.ma", key__startswith="grace").count() == 1
    assert check().breaches == ()


def test_a_part_forgiven_is_that_part_and_no_more(
    cast: Cast, late: PaymentSlip, second: User
) -> None:
    granted(cast, second, remitted="310.00", count=2)
    left = list(Surcharge.objects.order_by("month_number").values_list("outstanding", flat=True))
    assert left == [D("0.00"), D("40.00"), D("50.00"), D("50.00"), D("50.00")]


def test_what_was_shown_is_what_is_granted(cast: Cast, late: PaymentSlip, second: User) -> None:
    seen = grace.quote(cast.affiliate, TERMS, on=TODAY)
    made = granted(cast, second)
    rows = [(one.rank, one.due_on, one.amount) for one in made.instalments.order_by("rank")]
    assert rows == [(one.rank, one.due_on, one.amount) for one in seen.instalments]
    assert sum(amount for _rank, _day, amount in rows) == seen.to_pay == D("10000.00")
    assert made.remitted == seen.remitted == D("500.00")
    spared = SurchargeExemption.objects.get()
    assert (spared.since, spared.until) == (TODAY, seen.instalments[-1].due_on)


def test_the_page_shows_before_what_the_plan_says_after(
    cast: Cast, late: PaymentSlip, second: User
) -> None:
    client = Client()
    client.force_login(cast.owner)
    number = cast.affiliate.affiliation_number
    typed = {"remise": "500", "echeances": "3", "premiere": "2026-07-15"}
    simulated = client.get(reverse("payments:ask_grace", args=[number]), typed)
    made = granted(cast, second)
    shown = client.get(reverse("payments:grace", args=[number, made.pk]))
    for day, amount in (
        ("15 juillet 2026", "3 333,34"),
        ("15 août 2026", "3 333,33"),
        ("15 septembre 2026", "3 333,33"),
    ):
        for page in (simulated, shown):
            text = page.content.decode().replace("\u202f", " ").replace("\xa0", " ")
            assert day in text
            assert amount in text


def test_what_the_simulation_says_is_spared_is_what_another_pays(
    cast: Cast, late: PaymentSlip, second: User
) -> None:
    """The same slip, paid on the same days without a plan, costs exactly what the simulation said."""
    seen = grace.quote(cast.affiliate, TERMS, on=TODAY)
    made = granted(cast, second)
    theirs = slip(cast.strangers_affiliate, amounts={Branch.PF: "10000.00"})
    penalties.assess_surcharges(actor=None, slip_id=theirs.pk, as_of=TODAY)
    for rank, one in enumerate(seen.instalments):
        for who, owed in (("A", late), ("B", theirs)):
            with time_machine.travel(noon(one.due_on), tick=False):
                ref = f"{who}{rank}"
                pay_on(cast, owed, str(one.amount), ref, ref, one.due_on.isoformat())
    end = seen.instalments[-1].due_on + timedelta(days=1)
    called = {}
    with time_machine.travel(noon(end), tick=False):
        for owed in (late, theirs):
            penalties.assess_surcharges(actor=None, slip_id=owed.pk, as_of=end)
            amounts = Surcharge.objects.filter(slip=owed).values_list("amount", flat=True)
            called[owed.pk] = sum(amounts, D("0.00"))
        assert grace.watch(grace_id=made.pk, as_of=end, today=end) is GraceState.KEPT
    assert called[late.pk] == D("500.00")
    assert called[theirs.pk] - D("500.00") == seen.spared == D("100.00")


# ------------------------------------------------------------------ broken, on time, once


def watched_on(day: date, made: GraceRequest) -> str:
    """The state after the task of that day, run as often as a nervous scheduler would."""
    with time_machine.travel(noon(day), tick=False):
        for _again in range(3):
            watch_graces()
    made.refresh_from_db()
    return made.state


# The first instalment is due on 15 July; banks have five days to bring what was paid that day.
LAST_DAY = date(2026, 7, 15) + penalties.GRACE


def test_a_plan_breaks_on_its_day_and_is_undone_once(
    cast: Cast, late: PaymentSlip, second: User
) -> None:
    before = {one.pk: one.outstanding for one in Surcharge.objects.all()}
    made = granted(cast, second)
    assert watched_on(LAST_DAY, made) == "granted"
    assert not LedgerEntry.objects.filter(kind="remission_undone").exists()
    assert watched_on(LAST_DAY + timedelta(days=1), made) == "broken"
    assert watched_on(LAST_DAY + timedelta(days=40), made) == "broken"
    undone = LedgerEntry.objects.filter(kind="remission_undone")
    given = LedgerEntry.objects.filter(kind="remission_granted")
    assert undone.count() == 5
    assert set(undone.values_list("reversal_of", flat=True)) == set(
        given.values_list("pk", flat=True)
    )
    after = {one.pk: one.outstanding for one in Surcharge.objects.filter(pk__in=before)}
    assert after == before
    assert AuditEntry.objects.filter(action="payments.grace_broken").count() == 1
    assert check().breaches == ()


def test_what_was_paid_on_the_last_day_keeps_the_plan_when_the_bank_tells_it_late(
    cast: Cast, late: PaymentSlip, second: User
) -> None:
    made = granted(cast, second)
    with time_machine.travel(noon(LAST_DAY), tick=False):
        pay_on(cast, late, "3333.34", "B1", "M1", "2026-07-15")
    assert watched_on(LAST_DAY + timedelta(days=1), made) == "granted"


def test_a_centime_short_breaks_the_plan(cast: Cast, late: PaymentSlip, second: User) -> None:
    made = granted(cast, second)
    with time_machine.travel(noon(LAST_DAY), tick=False):
        pay_on(cast, late, "3333.33", "B1", "M1", "2026-07-15")
    assert watched_on(LAST_DAY + timedelta(days=1), made) == "broken"
    assert (made.breach["remaining"], made.breach["allowed"]) == ("6666.67", "6666.66")


def test_after_a_broken_plan_the_delay_costs_what_it_would_have(
    cast: Cast, late: PaymentSlip, second: User
) -> None:
    """July had been spared: once the plan is broken it is called, like everything after."""
    made = granted(cast, second)
    assert watched_on(LAST_DAY + timedelta(days=1), made) == "broken"
    with time_machine.travel(noon(date(2026, 8, 20)), tick=False):
        assess_surcharges()
    called = Surcharge.objects.order_by("month_number").values_list("month_number", "outstanding")
    assert list(called) == [(1, D("300.00")), *((rank, D("50.00")) for rank in range(2, 8))]


def test_a_request_that_nobody_granted_is_not_watched(cast: Cast, late: PaymentSlip) -> None:
    made = asked(cast)
    assert watched_on(date(2026, 9, 1), made) == "requested"
    assert not LedgerEntry.objects.filter(kind__startswith="remission").exists()


# ------------------------------------------------------------------ the monthly run


def test_the_run_counts_what_remains_and_never_what_is_held(cast: Cast) -> None:
    """3 % of all, 0.5 % without the 4,000 held, then without the 2,500 paid, then with what is held no more."""
    with time_machine.travel(noon(date(2026, 2, 1)), tick=False):
        owed = slip(cast.affiliate, amounts={Branch.PF: "10000.00"})

    def run_on(day: date) -> list[Decimal]:
        with time_machine.travel(noon(day + penalties.GRACE), tick=False):
            for _again in range(2):
                assess_surcharges()
        rows = Surcharge.objects.filter(slip=owed).order_by("month_number")
        return list(rows.values_list("amount", flat=True))

    assert run_on(date(2026, 2, 10)) == []
    assert run_on(date(2026, 2, 11)) == [D("300.00")]
    hold = place_hold(
        actor=cast.staff,
        slip_line_id=owed.lines.get().pk,
        amount=D("4000.00"),
        reference="REC-1",
        at=noon(date(2026, 3, 1)),
    )
    assert run_on(date(2026, 3, 11))[1:] == [D("30.00")]
    with time_machine.travel(noon(date(2026, 4, 6)), tick=False):
        pay_on(cast, owed, "2500.00", "B1", "M1", "2026-04-05")
    assert run_on(date(2026, 4, 11))[2:] == [D("17.50")]
    assert run_on(date(2026, 5, 11))[3:] == [D("17.50")]
    release_hold(actor=cast.staff, hold_id=hold.pk, at=noon(date(2026, 5, 20)))
    assert run_on(date(2026, 6, 11)) == [
        D("300.00"), D("30.00"), D("17.50"), D("17.50"), D("37.50"),
    ]  # fmt: skip
    assert check().breaches == ()


def test_a_due_held_whole_costs_nothing_while_it_is_held(cast: Cast) -> None:
    with time_machine.travel(noon(date(2026, 2, 1)), tick=False):
        owed = slip(cast.affiliate, amounts={Branch.PF: "10000.00"})
        place_hold(
            actor=cast.staff,
            slip_line_id=owed.lines.get().pk,
            amount=D("10000.00"),
            reference="REC-1",
            at=clock.now(),
        )
    with time_machine.travel(noon(date(2026, 6, 20)), tick=False):
        assess_surcharges()
    assert not Surcharge.objects.exists()
