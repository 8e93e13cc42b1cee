"""What the portal does around debits without being asked: letters, the notice before, days that come too late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from affiliates.models import Affiliate, DebitAuthority
from damancom.enums import MonthState
from damancom.months import months_of, owed_by
from damancom.notices import notices_of
from payments.enums import RunState
from payments.errors import RunTooLate
from payments.ledger_check import check
from payments.models import DebitOrder, DebitRun
from payments.workflows.debits import notices, runs
from payments.workflows.debits import orders as side
from payments.workflows.debits.answers import Answer, answer_order
from payments.workflows.holds import place_hold, release_hold
from portal.models import Mail
from regulation.parameters import value_at
from regulation.periods import Period
from tests.cast import Cast
from tests.desk import say_why
from tests.payments.debit_world import (
    AFTER_CUT_OFF,
    AT,
    DAY,
    authority,
    draft,
    released,
    second_person,
    sent,
    signed,
)
from tests.payments.factories import pay, slip

pytestmark = pytest.mark.django_db
D = Decimal


def letters(order: DebitOrder, event: str) -> list[str]:
    """The subjects of what the owner was told of this event."""
    found = Mail.objects.filter(key__startswith=f"debit:{order.reference}:{event}")
    return list(found.filter(address="patronne@exemple.ma").values_list("subject", flat=True))


# ------------------------------------------------------------------ letters


@pytest.mark.parametrize(("act", "state"), [("revoke", "cancelled"), ("suspend", "suspended")])
def test_an_order_stopped_with_its_authority_is_told(cast: Cast, act: str, state: str) -> None:
    behind = authority(cast)
    order = signed(cast, slip(cast.affiliate), behind=behind)
    if act == "revoke":
        side.revoke(actor=cast.owner, authority=behind, at=AT)
    else:
        side.suspend(actor=cast.bank, authority=behind, at=AT, reason="AC06")
    order.refresh_from_db()
    assert order.state == state
    assert len(letters(order, state)) == 1
    assert "100,00" in letters(order, state)[0]


def test_a_draft_stopped_with_its_authority_writes_no_letter(cast: Cast) -> None:
    behind = authority(cast)
    order = draft(cast, [slip(cast.affiliate)], [(behind, "100.00")])[0]
    side.revoke(actor=cast.owner, authority=behind, at=AT)
    order.refresh_from_db()
    assert (order.state, Mail.objects.filter(key__startswith="debit:").count()) == ("cancelled", 0)


def test_an_order_confirmed_or_released_too_late_is_told(cast: Cast) -> None:
    behind = authority(cast, active=False)
    order = signed(cast, slip(cast.affiliate), behind=behind)
    side.activate(actor=cast.bank, authority=behind, at=AFTER_CUT_OFF)
    assert len(letters(order, "cancelled")) == 1
    owed = slip(cast.affiliate, Period(2026, 2))
    other = signed(cast, owed, behind=authority(cast, account=2))
    hold = place_hold(
        actor=cast.treasurer,
        slip_line_id=owed.lines.get().pk,
        amount=D("1.00"),
        reference="R",
        at=AT,
    )
    release_hold(actor=cast.treasurer, hold_id=hold.pk, at=AFTER_CUT_OFF)
    assert len(letters(other, "suspended")) == len(letters(other, "cancelled")) == 1


# ------------------------------------------------------------------ staff


def test_staff_stops_an_order_before_the_cut_off_and_its_employer_is_told(cast: Cast) -> None:
    order = signed(cast, slip(cast.affiliate))
    desk, page = Client(), reverse("admin:payments_debitorder_changelist")
    desk.force_login(cast.treasurer)
    ask = {"action": "stop", "_selected_action": [order.pk]}
    with time_machine.travel(AFTER_CUT_OFF, tick=False):
        say_why(desk, page).post(page, ask)
    order.refresh_from_db()
    assert order.state == "planned"
    with time_machine.travel(AT, tick=False):
        say_why(desk, page).post(page, ask)
    order.refresh_from_db()
    assert (order.state, order.cause) == ("cancelled", "staff")
    assert len(letters(order, "cancelled")) == 1


def test_staff_stops_no_order_of_another_agency(cast: Cast) -> None:
    order = signed(cast, slip(cast.affiliate))
    desk = Client()
    desk.force_login(second_person())
    with time_machine.travel(AT, tick=False):
        desk.post(
            reverse("admin:payments_debitorder_changelist"),
            {"action": "stop", "_selected_action": [order.pk]},
        )
    order.refresh_from_db()
    assert order.state == "planned"


# ------------------------------------------------------------------ the notice before


def at_nine(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


def test_the_notice_leaves_one_working_day_before_the_cut_off(cast: Cast) -> None:
    """For Monday 27: the cut-off is Friday 24 at noon, so the letter leaves on Thursday 23, once."""
    order = signed(cast, slip(cast.affiliate), day=date(2026, 4, 27))
    assert value_at("debit.notice_days", date(2026, 4, 27)).value == 1
    assert notices.announce(at=at_nine(date(2026, 4, 22))) == 0
    assert notices.announce(at=at_nine(date(2026, 4, 23))) == 1
    assert notices.announce(at=at_nine(date(2026, 4, 23))) == 0
    order.refresh_from_db()
    assert order.announced_at == at_nine(date(2026, 4, 23))
    assert len(letters(order, "coming")) == 1
    text = Mail.objects.get(key__contains=":coming:", address="patronne@exemple.ma").text
    for part in ("27 avril 2026", "24 avril 2026", order.reference, "Nadia Benjelloun"):
        assert part in text.replace("\u00a0", " ")


@pytest.mark.parametrize(("days", "first"), [(0, 24), (2, 22), (3, 21)])
def test_the_days_of_the_notice_are_data(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, days: int, first: int
) -> None:
    signed(cast, slip(cast.affiliate), day=date(2026, 4, 27))

    class Days:
        value = D(days)

    monkeypatch.setattr(notices, "value_at", lambda name, on: Days)
    assert notices.announce(at=at_nine(date(2026, 4, first) - timedelta(days=1))) == 0
    assert notices.announce(at=at_nine(date(2026, 4, first))) == 1


def test_signed_close_to_the_day_the_notice_leaves_at_once(cast: Cast) -> None:
    signed(cast, slip(cast.affiliate))
    assert notices.announce(at=AT) == 1


def test_a_day_that_has_come_is_not_announced(cast: Cast) -> None:
    signed(cast, slip(cast.affiliate))
    assert notices.announce(at=at_nine(DAY)) == 0


# ------------------------------------------------------------------ too late


def test_a_run_that_nobody_released_in_time_lets_its_orders_go(cast: Cast) -> None:
    order = signed(cast, slip(cast.affiliate))
    run = runs.prepare_run(
        actor=cast.treasurer, account=cast.bank_account, collect_on=DAY, at=AFTER_CUT_OFF
    )
    with pytest.raises(RunTooLate):
        runs.release_run(
            actor=second_person(), run=run, count=1, total=D("100.00"), at=at_nine(DAY)
        )
    assert (side.lapse(at=at_nine(DAY)), runs.close_runs(at=at_nine(DAY))) == (1, 1)
    order.refresh_from_db()
    run.refresh_from_db()
    assert (order.state, order.cause, order.run) == ("cancelled", "lapsed", None)
    assert run.stage is RunState.CLOSED
    assert len(letters(order, "cancelled")) == 1
    assert runs.close_runs(at=at_nine(DAY)) == 0


def test_a_file_written_too_late_takes_nothing(cast: Cast) -> None:
    order = signed(cast, slip(cast.affiliate))
    run = released(cast)
    runs.write_run(run_id=run.pk, at=at_nine(DAY))
    order.refresh_from_db()
    run.refresh_from_db()
    assert (order.state, order.cause) == ("cancelled", "lapsed")
    assert (run.stage, run.stored) == (RunState.CLOSED, None)
    assert len(letters(order, "cancelled")) == 1
    assert check().breaches == ()


def test_a_run_on_its_way_is_not_closed(cast: Cast) -> None:
    signed(cast, slip(cast.affiliate))
    run = sent(cast)
    assert runs.close_runs(at=at_nine(DAY)) == 0
    assert DebitRun.objects.get(pk=run.pk).stage is RunState.SENT


# ------------------------------------------------------------------ the home


def said(cast: Cast, at: datetime) -> list[str]:
    months = months_of([cast.affiliate], today=at.date())[cast.affiliate.pk]
    found = notices_of(cast.affiliate, months, owed_by(cast.affiliate), now=at)
    return [f"{one.tone} {one.title}" for one in found if "prélèvement" in one.title.lower()]


def january(cast: Cast) -> MonthState:
    months = months_of([cast.affiliate], today=AT.date())[cast.affiliate.pk]
    return next(one for one in months if one.period == Period(2026, 1)).state(AT.date())


def test_the_home_tells_what_is_coming_and_asks_no_second_payment(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    assert (said(cast, AT), january(cast)) == ([], MonthState.LATE_TO_PAY)
    order = signed(cast, owed)
    assert [one.split("MAD")[0][:4] for one in said(cast, AT)] == ["info"]
    assert january(cast) is MonthState.ORDERED
    side.cancel_order(actor=cast.owner, affiliate=cast.affiliate, intent=order.intent, at=AT)
    assert (said(cast, AT), january(cast)) == ([], MonthState.LATE_TO_PAY)


def test_a_half_ordered_month_still_asks_for_its_rest(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    signed(cast, owed)
    months = months_of([cast.affiliate], today=AT.date())[cast.affiliate.pk]
    month = next(one for one in months if one.slips)
    month.ordered = D("40.00")
    assert (month.state(AT.date()), month.to_pay) == (MonthState.LATE_TO_PAY, D("60.00"))


def test_the_home_tells_a_debit_that_is_suspended_until_it_is_paid(cast: Cast) -> None:
    behind = authority(cast)
    owed = slip(cast.affiliate)
    signed(cast, owed, behind=behind)
    side.suspend(actor=cast.bank, authority=behind, at=AT, reason="AC06")
    assert [one[:4] for one in said(cast, AT)] == ["warn"]
    pay(cast, owed, "100.00")
    assert said(cast, AT) == []


def test_the_act_of_the_home_opens_the_payer_page_with_the_month_ticked(cast: Cast) -> None:
    Affiliate.objects.filter(pk=cast.affiliate.pk).update(affiliated_on=date(2026, 1, 1))
    owed = slip(cast.affiliate)
    browser = Client()
    browser.force_login(cast.owner)
    with time_machine.travel(datetime(2026, 2, 6, 9, tzinfo=UTC), tick=False):
        home = browser.get(reverse("affiliates:home", args=[cast.affiliate.affiliation_number]))
        where = reverse("payments:pay", args=[cast.affiliate.affiliation_number])
        assert home.context["act"].url == f"{where}?somme={owed.payment_reference}"
        assert browser.get(home.context["act"].url).context["ticked"] == {owed.payment_reference}


def test_a_code_asks_neither_what_is_contested_nor_what_is_ordered(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    place_hold(
        actor=cast.treasurer,
        slip_line_id=owed.lines.get().pk,
        amount=D("30.00"),
        reference="R",
        at=AT,
    )
    browser = Client()
    browser.force_login(cast.owner)
    page = reverse(
        "payments:code", args=[cast.affiliate.affiliation_number, owed.payment_reference]
    )
    assert browser.get(page).context["total"] == D("70.00")
    signed(cast, owed, "70.00")
    shown = browser.get(page)
    assert shown.context["total"] == 0
    assert "Rien à payer avec ce code" in shown.content.decode()


def test_the_home_forgets_a_refused_debit_once_its_sum_is_ordered_again(cast: Cast) -> None:
    behind, owed = authority(cast), slip(cast.affiliate)
    order = signed(cast, owed, behind=behind)
    sent(cast)
    said_at = AFTER_CUT_OFF + timedelta(hours=1)
    answer_order(order_id=order.pk, answer=Answer("RJCT", said_at, "AM04"), at=said_at)
    assert [one[:3] for one in said(cast, said_at)] == ["bad"]
    signed(cast, owed, behind=behind)
    assert [one[:4] for one in said(cast, said_at)] == ["info"]


def test_the_page_of_the_month_tells_its_debit(cast: Cast) -> None:
    order = signed(cast, slip(cast.affiliate))
    browser = Client()
    browser.force_login(cast.owner)
    with time_machine.travel(AT, tick=False):
        page = browser.get(
            reverse("declarations:month", args=[cast.affiliate.affiliation_number, "2026-01"])
        )
    assert order.reference in page.content.decode()
    assert DebitAuthority.objects.count() == 1
