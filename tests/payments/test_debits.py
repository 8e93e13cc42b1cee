"""Debit orders from the draft to the bank: what is shown, who signs, what stops them, what the database refuses."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from lxml import etree

from affiliates import workflows as register
from affiliates.enums import AuthorityAct, AuthorityState
from affiliates.errors import AuthorityExists, AuthorityMoveRefused
from affiliates.models import DebitAuthority
from affiliates.transitions import AUTHORITY_MOVES, move_authority
from payments.enums import DebitAct, DebitCause, DebitState
from payments.errors import (
    AboveCap,
    AboveOpenDues,
    CannotStopAnyMore,
    DebitMoveRefused,
    IntentReused,
    NotACollectionDay,
    NothingToSend,
    PastCutOff,
    RunChanged,
    RunTooEarly,
    SamePersonTwice,
    SplitWrong,
    UnknownReference,
)
from payments.ledger_check import check
from payments.models import DebitEvent, DebitOrder, DebitRun, DebitShare, PaymentSlip
from payments.transitions import (
    MOVES,
    advised_day,
    after,
    collection_days,
    cut_off,
    first_collection_day,
    silent_from,
)
from payments.workflows.debits import orders as side
from payments.workflows.debits import runs
from payments.workflows.holds import place_hold, release_hold
from portal.clock import CASABLANCA
from portal.storage import open_stored
from regulation.enums import Branch
from regulation.errors import DomainError
from regulation.identifiers import WrongRibKey, check_order_reference
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.debit_world import (
    AFTER_CUT_OFF,
    AT,
    DAY,
    authority,
    draft,
    released,
    rib,
    second_person,
    sent,
    signed,
)
from tests.payments.factories import pay, slip

pytestmark = pytest.mark.django_db
D = Decimal


def state_of(order: DebitOrder) -> str:
    order.refresh_from_db()
    return order.state


# ------------------------------------------------------------------ the tables


@pytest.mark.parametrize(("state", "act"), list(product(DebitState, DebitAct)))
def test_every_move_of_an_order_is_in_the_table_or_refused(
    state: DebitState, act: DebitAct
) -> None:
    if (state, act) in MOVES:
        assert after(state, act) is MOVES[state, act]
    else:
        with pytest.raises(DebitMoveRefused):
            after(state, act)


def test_the_table_is_that_of_the_note() -> None:
    reached: dict[str, set[str]] = {}
    for (state, act), then in MOVES.items():
        if act is not DebitAct.WITHDRAW:
            reached.setdefault(state.value, set()).add(then.value)
    assert reached == {
        "draft": {"signed", "cancelled"},
        "signed": {"planned", "cancelled"},
        "planned": {"sent", "cancelled", "suspended"},
        "suspended": {"planned", "cancelled"},
        "sent": {"accepted", "rejected", "executed"},
        "accepted": {"rejected", "executed"},
        "executed": {"returned"},
    }


@pytest.mark.parametrize(("state", "act"), list(product(AuthorityState, AuthorityAct)))
def test_every_move_of_an_authority_is_in_the_table_or_refused(
    state: AuthorityState, act: AuthorityAct
) -> None:
    if (state, act) in AUTHORITY_MOVES:
        assert move_authority(state, act) is AUTHORITY_MOVES[state, act]
    else:
        with pytest.raises(AuthorityMoveRefused):
            move_authority(state, act)


def test_the_cut_off_is_noon_of_the_working_day_before() -> None:
    assert cut_off(DAY, CASABLANCA) == datetime(2026, 4, 10, 12, tzinfo=CASABLANCA)
    # 1 May is a holiday, and 2 and 3 May a weekend.
    assert cut_off(date(2026, 5, 4), CASABLANCA).date() == date(2026, 4, 30)


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2026, 4, 10, 11, 59, 59, tzinfo=CASABLANCA), date(2026, 4, 13)),
        (datetime(2026, 4, 10, 12, 0, 0, tzinfo=CASABLANCA), date(2026, 4, 14)),
        (datetime(2026, 4, 11, 9, tzinfo=CASABLANCA), date(2026, 4, 14)),
    ],
)
def test_the_first_day_follows_the_cut_off_to_the_second(now: datetime, first: date) -> None:
    assert first_collection_day(now, CASABLANCA) == first
    days = list(collection_days(now, CASABLANCA))
    assert days[0] == first
    assert all(day.weekday() < 5 for day in days)


def test_the_advised_day_still_pays_in_time() -> None:
    days = [date(2026, 4, 8), date(2026, 4, 9), date(2026, 4, 13)]
    assert advised_day(days, date(2026, 4, 10)) == date(2026, 4, 9)
    assert advised_day(days, date(2026, 4, 1)) == date(2026, 4, 8)


# ------------------------------------------------------------------ authorities


def test_an_authority_is_prepared_signed_and_confirmed(cast: Cast) -> None:
    made = register.prepare_authority(
        actor=cast.fiduciaire,
        at=AT,
        affiliate=cast.affiliate,
        rib=f"MA64 {rib(7)}",
        holder="AL BARAKA",
        cap=D("9000.00"),
    )
    assert (made.state, made.rib, made.bank_code) == ("to_sign", rib(7), "230")
    assert rib(7)[6:18] not in made.masked_rib
    made = register.sign_authority(actor=cast.owner, at=AT, authority=made)
    assert (made.state, made.signed_by) == ("requested", cast.owner)
    made = side.activate(actor=cast.bank, authority=made, at=AT)
    assert (made.state, made.activated_by) == ("active", cast.bank)
    assert register.sign_authority(actor=cast.owner, at=AT, authority=made).state == "active"


def test_an_account_with_a_wrong_key_is_refused_here_and_by_the_database(cast: Cast) -> None:
    wrong = "230780123456789012000039"
    with pytest.raises(WrongRibKey):
        register.prepare_authority(
            actor=cast.owner, at=AT, affiliate=cast.affiliate, rib=wrong, holder="X", cap=D("1.00")
        )
    made = authority(cast)
    with pytest.raises(IntegrityError, match="debit_authority_rib_key"), transaction.atomic():
        DebitAuthority.objects.filter(pk=made.pk).update(rib=wrong)


def test_one_account_has_one_living_authority(cast: Cast) -> None:
    made = authority(cast)
    assert authority(cast).pk == made.pk
    with pytest.raises(AuthorityExists):
        authority(cast, cap="1.00")
    side.revoke(actor=cast.owner, authority=made, at=AT)
    assert authority(cast, cap="1.00").pk != made.pk


def test_no_authority_asks_a_bank_without_a_signature(cast: Cast) -> None:
    made = authority(cast)
    with pytest.raises(IntegrityError, match="debit_authority_signed"), transaction.atomic():
        DebitAuthority.objects.filter(pk=made.pk).update(signed_by=None)


# ------------------------------------------------------------------ prepare, sign, stop


def test_an_order_says_exactly_what_is_taken(cast: Cast) -> None:
    owed = slip(cast.affiliate, amounts={Branch.PF: "640.00"})
    other = slip(cast.affiliate, Period(2026, 2), {Branch.PF: "60.00"})
    made = draft(cast, [owed, other], [(authority(cast), "700.00")])
    assert [(o.amount, o.state, o.collect_on) for o in made] == [(D("700.00"), "draft", DAY)]
    assert check_order_reference(made[0].reference) == made[0].reference
    assert [share.amount for share in made[0].shares.all()] == [D("640.00"), D("60.00")]
    done = side.sign_order(actor=cast.owner, affiliate=cast.affiliate, intent=made[0].intent, at=AT)
    assert [order.state for order in done] == ["planned"]
    assert list(DebitEvent.objects.values_list("state", flat=True)) == [
        "draft", "signed", "planned",
    ]  # fmt: skip


def test_a_held_part_is_not_ordered(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    place_hold(
        actor=cast.treasurer,
        slip_line_id=owed.lines.get().pk,
        amount=D("30.00"),
        reference="REC-1",
        at=AT,
    )
    with pytest.raises(SplitWrong) as refused:
        draft(cast, [owed], [(authority(cast), "100.00")])
    assert refused.value.facts["total"] == "70,00"
    assert draft(cast, [owed], [(authority(cast), "70.00")])[0].amount == D("70.00")


def test_an_order_is_split_over_three_accounts_at_most(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    other = slip(cast.affiliate, Period(2026, 2), {Branch.PF: "50.00"})
    accounts = [authority(cast, account=number) for number in range(1, 5)]
    made = draft(
        cast,
        [owed, other],
        [(accounts[0], "80.00"), (accounts[1], "30.00"), (accounts[2], "40.00")],
    )
    shares = [[share.amount for share in order.shares.all()] for order in made]
    assert shares == [[D("80.00")], [D("20.00"), D("10.00")], [D("40.00")]]
    assert len({order.reference for order in made}) == 3
    with pytest.raises(SplitWrong):
        draft(cast, [owed], [(one, "25.00") for one in accounts])
    with pytest.raises(SplitWrong):
        draft(cast, [owed], [(accounts[0], "50.00"), (accounts[0], "50.00")])


def test_the_cap_holds_for_each_debit(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    with pytest.raises(AboveCap):
        draft(cast, [owed], [(authority(cast, cap="99.99"), "100.00")])


def test_an_authority_of_another_firm_does_not_exist(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    theirs = slip(cast.strangers_affiliate)
    mine = authority(cast)
    with pytest.raises(UnknownReference):
        draft(cast, [theirs], [(mine, "100.00")])
    DebitAuthority.objects.filter(pk=mine.pk).update(affiliate=cast.strangers_affiliate)
    with pytest.raises(UnknownReference):
        draft(cast, [owed], [(mine, "100.00")])


@pytest.mark.parametrize("day", [date(2026, 4, 9), date(2026, 4, 11), date(2026, 9, 1)])
def test_only_days_of_the_list_are_taken(cast: Cast, day: date) -> None:
    owed = slip(cast.affiliate)
    with pytest.raises(NotACollectionDay):
        draft(cast, [owed], [(authority(cast), "100.00")], day=day)


def test_the_same_page_twice_is_one_order_and_another_choice_is_refused(cast: Cast) -> None:
    owed, behind, intent = slip(cast.affiliate), authority(cast), uuid4()
    first = draft(cast, [owed], [(behind, "100.00")], intent=intent)
    again = draft(cast, [owed], [(behind, "100.00")], intent=intent)
    assert [order.pk for order in first] == [order.pk for order in again]
    with pytest.raises(IntentReused):
        draft(cast, [owed], [(behind, "100.00")], intent=intent, day=date(2026, 4, 14))


def test_what_is_ordered_is_not_ordered_again(cast: Cast) -> None:
    owed, behind = slip(cast.affiliate), authority(cast)
    two = [draft(cast, [owed], [(behind, "100.00")]) for _ in range(2)]
    side.sign_order(actor=cast.owner, affiliate=cast.affiliate, intent=two[0][0].intent, at=AT)
    with pytest.raises(AboveOpenDues):
        side.sign_order(actor=cast.owner, affiliate=cast.affiliate, intent=two[1][0].intent, at=AT)
    with pytest.raises(AboveOpenDues):
        draft(cast, [owed], [(behind, "100.00")])


def test_the_database_refuses_an_order_above_the_dues_whoever_writes_it(cast: Cast) -> None:
    owed, behind = slip(cast.affiliate), authority(cast)
    one, two = (draft(cast, [owed], [(behind, "100.00")])[0] for _ in range(2))
    side.sign_order(actor=cast.owner, affiliate=cast.affiliate, intent=one.intent, at=AT)
    with (
        pytest.raises(IntegrityError, match="would take more"),
        transaction.atomic(),
    ):
        DebitOrder.objects.filter(pk=two.pk).update(
            state="signed", signed_by=cast.owner, signed_at=AT
        )


def test_the_database_refuses_a_due_that_falls_below_its_orders(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    signed(cast, owed)
    with pytest.raises(IntegrityError, match="takes more than what is left"), transaction.atomic():
        PaymentSlip.objects.filter(pk=owed.pk).update(outstanding=D("99.00"))


def test_what_was_signed_cannot_change(cast: Cast) -> None:
    order = signed(cast, slip(cast.affiliate))
    for change in (
        {"amount": D("99.00")},
        {"collect_on": date(2026, 4, 14)},
        {"signed_by": cast.bank},
    ):
        with pytest.raises(IntegrityError, match="signed and cannot change"), transaction.atomic():
            DebitOrder.objects.filter(pk=order.pk).update(**change)
    with pytest.raises(IntegrityError, match="fixed"), transaction.atomic():
        DebitShare.objects.filter(order=order).update(amount=D("1.00"))
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        DebitEvent.objects.filter(order=order).update(state="paid")
    with pytest.raises(IntegrityError, match="born a draft"), transaction.atomic():
        DebitOrder.objects.create(
            affiliate=order.affiliate, reference="T26000009999", intent=uuid4(), rank=1,
            authority=order.authority, amount=D("1.00"), collect_on=DAY, state="planned",
            prepared_by=cast.owner, prepared_at=AT, signed_by=cast.owner, signed_at=AT,
        )  # fmt: skip


def test_an_order_waits_signed_until_the_bank_confirms_the_account(cast: Cast) -> None:
    behind = authority(cast, active=False)
    order = signed(cast, slip(cast.affiliate), behind=behind)
    assert order.state == "signed"
    side.activate(actor=cast.bank, authority=behind, at=AT)
    assert state_of(order) == "planned"


def test_confirmed_too_late_the_order_is_cancelled_not_moved(cast: Cast) -> None:
    behind = authority(cast, active=False)
    order = signed(cast, slip(cast.affiliate), behind=behind)
    side.activate(actor=cast.bank, authority=behind, at=AFTER_CUT_OFF)
    assert (state_of(order), order.cause) == ("cancelled", "lapsed")


def test_cancelled_until_the_last_second_and_not_after(cast: Cast) -> None:
    order = signed(cast, slip(cast.affiliate))
    limit = cut_off(DAY, CASABLANCA)
    with pytest.raises(CannotStopAnyMore):
        side.cancel_order(actor=cast.owner, affiliate=cast.affiliate, intent=order.intent, at=limit)
    last = limit.astimezone(UTC).replace(minute=0) - (limit - limit.replace(minute=0))
    before = datetime.fromtimestamp(last.timestamp() - 1, UTC)
    side.cancel_order(actor=cast.owner, affiliate=cast.affiliate, intent=order.intent, at=before)
    assert (state_of(order), order.cause) == ("cancelled", "employer")
    side.cancel_order(actor=cast.owner, affiliate=cast.affiliate, intent=order.intent, at=limit)


def test_signed_after_the_cut_off_is_refused(cast: Cast) -> None:
    made = draft(cast, [slip(cast.affiliate)], [(authority(cast), "100.00")])
    with pytest.raises(PastCutOff):
        side.sign_order(
            actor=cast.owner,
            affiliate=cast.affiliate,
            intent=made[0].intent,
            at=cut_off(DAY, CASABLANCA),
        )


def test_a_payment_stops_the_order_it_makes_too_large(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    order = signed(cast, owed)
    pay(cast, owed, "30.00")
    assert (state_of(order), order.cause) == ("cancelled", DebitCause.DUE_CHANGED.value)
    assert check().breaches == ()


def test_a_hold_suspends_the_order_and_its_release_resumes_it(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    order = signed(cast, owed)
    hold = place_hold(
        actor=cast.treasurer,
        slip_line_id=owed.lines.get().pk,
        amount=D("1.00"),
        reference="R1",
        at=AT,
    )
    assert (state_of(order), order.cause) == ("suspended", "hold")
    release_hold(actor=cast.treasurer, hold_id=hold.pk, at=AT)
    assert state_of(order) == "planned"
    hold = place_hold(
        actor=cast.treasurer,
        slip_line_id=owed.lines.get().pk,
        amount=D("1.00"),
        reference="R2",
        at=AT,
    )
    release_hold(actor=cast.treasurer, hold_id=hold.pk, at=AFTER_CUT_OFF)
    assert (state_of(order), order.cause) == ("cancelled", "lapsed")


def test_a_revoked_authority_takes_nothing_more(cast: Cast) -> None:
    behind = authority(cast)
    order = signed(cast, slip(cast.affiliate), behind=behind)
    side.revoke(actor=cast.owner, authority=behind, at=AT)
    assert (state_of(order), order.cause) == ("cancelled", "authority")


def test_an_order_whose_day_came_without_leaving_lapses(cast: Cast) -> None:
    order = signed(cast, slip(cast.affiliate))
    assert side.lapse(at=AFTER_CUT_OFF) == 0
    assert side.lapse(at=datetime(2026, 4, 13, 9, tzinfo=UTC)) == 1
    assert (state_of(order), order.cause) == ("cancelled", "lapsed")


# ------------------------------------------------------------------ runs


def test_a_run_is_prepared_after_the_cut_off_and_released_by_another(cast: Cast) -> None:
    order = signed(cast, slip(cast.affiliate))
    with pytest.raises(RunTooEarly):
        runs.prepare_run(actor=cast.treasurer, account=cast.bank_account, collect_on=DAY, at=AT)
    run = runs.prepare_run(
        actor=cast.treasurer, account=cast.bank_account, collect_on=DAY, at=AFTER_CUT_OFF
    )
    assert run.message_id == "CNSSPRL202604100001"
    with pytest.raises(SamePersonTwice):
        runs.release_run(
            actor=cast.treasurer, run=run, count=1, total=D("100.00"), at=AFTER_CUT_OFF
        )
    with pytest.raises(IntegrityError, match="debit_run_two_persons"), transaction.atomic():
        DebitRun.objects.filter(pk=run.pk).update(
            released_by=cast.treasurer, released_at=AFTER_CUT_OFF
        )
    with pytest.raises(RunChanged):
        runs.release_run(
            actor=second_person(), run=run, count=2, total=D("100.00"), at=AFTER_CUT_OFF
        )
    run = runs.release_run(
        actor=second_person(), run=run, count=1, total=D("100.00"), at=AFTER_CUT_OFF
    )
    assert state_of(order) == "planned"
    runs.write_run(run_id=run.pk, at=AFTER_CUT_OFF)
    run.refresh_from_db()
    assert (state_of(order), run.order_count, run.total, run.state) == (
        "sent", 1, D("100.00"), "done",
    )  # fmt: skip
    with pytest.raises(CannotStopAnyMore):
        side.cancel_order(actor=cast.owner, affiliate=cast.affiliate, intent=order.intent, at=AT)
    assert check().breaches == ()


def test_the_bytes_are_kept_and_always_the_same(cast: Cast) -> None:
    signed(cast, slip(cast.affiliate))
    run = sent(cast)
    assert run.stored is not None
    kept = open_stored(run.stored).read()
    orders = list(run.orders.select_related("authority", "affiliate").order_by("pk"))
    assert run.released_at is not None
    assert runs.bytes_of(run, orders, run.released_at) == kept
    runs.write_run(run_id=run.pk, at=AFTER_CUT_OFF)
    assert open_stored(DebitRun.objects.get().stored).read() == kept
    document = etree.fromstring(kept)
    names = {"d": "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"}
    found = document.xpath("//d:DrctDbtTxInf/d:PmtId/d:EndToEndId/text()", namespaces=names)
    assert found == [orders[0].reference]
    assert document.xpath("//d:CtrlSum/text()", namespaces=names) == ["100.00", "100.00"]


def test_an_authority_revoked_between_two_persons_leaves_the_run(cast: Cast) -> None:
    one = authority(cast)
    two = authority(cast, account=2)
    going = signed(cast, slip(cast.affiliate), behind=one)
    stopped = signed(cast, slip(cast.affiliate, Period(2026, 2)), behind=two)
    run = released(cast)
    register.revoke_authority(actor=cast.owner, at=AFTER_CUT_OFF, authority=two)
    runs.write_run(run_id=run.pk, at=AFTER_CUT_OFF)
    run.refresh_from_db()
    assert (state_of(going), state_of(stopped), run.order_count) == ("sent", "suspended", 1)
    assert check().breaches == ()


def test_a_payment_between_release_and_file_takes_the_order_out(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    order = signed(cast, owed)
    run = released(cast)
    pay(cast, owed, "100.00")
    runs.write_run(run_id=run.pk, at=AFTER_CUT_OFF)
    run.refresh_from_db()
    assert (state_of(order), run.sent_at, run.stored) == ("cancelled", None, None)
    assert check().breaches == ()


def test_nothing_to_send_is_said(cast: Cast) -> None:
    with pytest.raises(NothingToSend):
        runs.prepare_run(
            actor=cast.treasurer, account=cast.bank_account, collect_on=DAY, at=AFTER_CUT_OFF
        )


def test_a_silent_bank_is_called_so_after_five_working_days() -> None:
    assert silent_from(DAY) == date(2026, 4, 20)


def test_every_refusal_has_words() -> None:
    with pytest.raises(DomainError) as refused:
        after(DebitState.EXECUTED, DebitAct.CANCEL)
    assert "payé" in refused.value.message.format(**refused.value.facts)
