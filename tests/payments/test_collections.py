"""What a bank answers to debit orders: booked, refused, come back; money is never taken twice and never lost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from payments.codecs.pain import block_id
from payments.codecs.reasons import REASONS, Effect
from payments.enums import LineVerdict
from payments.ledger_check import check
from payments.models import Allocation, BankLine, DebitOrder, DebitRun, LedgerEntry, PaymentSlip
from payments.queries import credit_of
from payments.workflows.allocations import reverse
from payments.workflows.debits.answers import Answer, answer_order
from payments.workflows.penalties import assess_surcharges
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.camt_files import details, entry
from tests.payments.debit_world import AFTER_CUT_OFF, authority, rib, second_person, sent, signed
from tests.payments.factories import file_of, pay, received, slip

pytestmark = pytest.mark.django_db
D = Decimal
SAID = datetime(2026, 4, 13, 8, tzinfo=UTC)
RETURN = "<RtrInf><Rsn><Cd>{}</Cd></Rsn></RtrInf>"


@pytest.fixture
def owed(cast: Cast) -> PaymentSlip:
    return slip(cast.affiliate)


@pytest.fixture
def order(cast: Cast, owed: PaymentSlip) -> DebitOrder:
    """An order of 100.00 in the hands of the bank."""
    made = signed(cast, owed)
    sent(cast)
    made.refresh_from_db()
    return made


def booked(
    cast: Cast, order: DebitOrder, *, amount: str = "100.00", ref: str = "B1", message: str = "M1", **more: str
) -> BankLine:  # fmt: skip
    data = file_of(
        cast,
        entry(amount, txs=details(ref=ref, e2e=order.reference, **more)),
        message_id=message,
    )
    return received(cast.bank, cast.bank_account, data).lines.get()


def came_back(
    cast: Cast, order: DebitOrder, *, amount: str = "100.00", reason: str = "AM04", ref: str = "B2"
) -> BankLine:
    said = details(ref=ref, e2e=order.reference, extra=RETURN.format(reason))
    data = file_of(
        cast, entry(amount, sign="DBIT", day="2026-04-30", txs=said), message_id=f"M{ref}"
    )
    return received(cast.bank, cast.bank_account, data).lines.get()


def state(order: DebitOrder) -> str:
    order.refresh_from_db()
    return order.state


def refused(order: DebitOrder, reason: str, *, at: datetime = SAID, status: str = "RJCT") -> str:
    answer = Answer(status, at, reason, "", f"R{reason}")
    answer_order(order_id=order.pk, answer=answer, at=at)
    return state(order)


# ------------------------------------------------------------------ booked


def test_a_booked_credit_executes_the_order_and_settles_the_slip(
    cast: Cast, owed: PaymentSlip, order: DebitOrder
) -> None:
    line = booked(cast, order)
    owed.refresh_from_db()
    assert (line.rule, line.verdict, line.verdict_code) == ("R1", "ACC", "")
    assert (state(order), order.bank_line_id, owed.state) == ("executed", line.pk, "paid")
    allocation = Allocation.objects.get()
    assert (allocation.debit_order_id, allocation.rule) == (order.pk, "R1")
    assert LedgerEntry.objects.filter(kind="collection").count() == 1
    assert check().breaches == ()


def test_the_day_of_payment_is_the_collection_day(cast: Cast, owed: PaymentSlip) -> None:
    order = signed(cast, owed, day=date(2026, 4, 10))
    sent(cast, day=date(2026, 4, 10), at=datetime(2026, 4, 9, 12, tzinfo=UTC))
    data = file_of(cast, entry(day="2026-04-15", txs=details(ref="B1", e2e=order.reference)))
    received(cast.bank, cast.bank_account, data)
    assert Allocation.objects.get().paid_on == date(2026, 4, 10)


def test_accepted_settles_nothing(cast: Cast, owed: PaymentSlip, order: DebitOrder) -> None:
    for place, status in enumerate(("RCVD", "ACTC")):
        assert refused(order, "", status=status, at=SAID + timedelta(minutes=place)) == "sent"
    for place, status in enumerate(("ACCP", "PDNG", "ACSC", "ACCC"), start=5):
        assert refused(order, "", status=status, at=SAID + timedelta(minutes=place)) == "accepted"
    owed.refresh_from_db()
    assert (owed.outstanding, Allocation.objects.count()) == (D("100.00"), 0)
    assert booked(cast, order).verdict == "ACC"


def test_another_amount_is_for_a_clerk(cast: Cast, order: DebitOrder) -> None:
    line = booked(cast, order, amount="99.99")
    assert (line.rule, line.verdict, line.verdict_code) == ("R1b", "ATT", "L13")
    assert (state(order), Allocation.objects.count()) == ("sent", 0)
    assert check().breaches == ()


def test_another_account_is_taken_and_flagged(cast: Cast, order: DebitOrder) -> None:
    payer = f"<RltdPties><DbtrAcct><Id><Othr><Id>{rib(99)}</Id></Othr></Id></DbtrAcct></RltdPties>"
    said = details(ref="B1", e2e=order.reference).replace("<RmtInf>", f"{payer}<RmtInf>")
    line = received(
        cast.bank, cast.bank_account, file_of(cast, entry("100.00", txs=said))
    ).lines.get()
    assert (line.rule, line.verdict, line.verdict_code) == ("R1c", "ACC", "L30")
    assert state(order) == "executed"


def test_an_order_we_never_sent_is_for_a_clerk(cast: Cast, owed: PaymentSlip) -> None:
    waiting = signed(cast, owed)
    line = booked(cast, waiting)
    assert (line.verdict, line.verdict_code, state(waiting)) == ("ATT", "L23", "planned")
    unknown = DebitOrder(reference="T26000000136")
    line = booked(cast, unknown, ref="B7", message="M7")
    assert (line.verdict, line.verdict_code) == ("ATT", "L22")
    assert check().breaches == ()


def test_executed_after_rejected_is_for_a_clerk(cast: Cast, order: DebitOrder) -> None:
    assert refused(order, "AM04") == "rejected"
    line = booked(cast, order)
    assert (line.verdict, line.verdict_code, state(order)) == ("ATT", "L23", "rejected")
    assert check().breaches == ()


def test_the_same_collection_in_two_files_counts_once(cast: Cast, order: DebitOrder) -> None:
    booked(cast, order)
    assert booked(cast, order, message="M9").verdict == "DBL"
    again = booked(cast, order, ref="B8", message="M8")
    assert (again.verdict, again.verdict_code) == ("ATT", "L23")
    assert check().breaches == ()


def test_a_transfer_that_came_first_makes_the_collection_a_credit(
    cast: Cast, owed: PaymentSlip, order: DebitOrder
) -> None:
    pay(cast, owed, "40.00", ref="V1", message="MV")
    line = booked(cast, order)
    assert (line.verdict, line.verdict_code) == ("PAR", "L32")
    owed.refresh_from_db()
    assert (owed.state, credit_of(cast.affiliate), state(order)) == ("paid", D("40.00"), "executed")
    assert check().breaches == ()


def test_one_sum_for_the_whole_run_executes_all_its_orders(cast: Cast, owed: PaymentSlip) -> None:
    behind = authority(cast)
    orders = [signed(cast, owed, behind=behind)]
    orders += [
        signed(cast, slip(cast.affiliate, Period(2025, month)), behind=behind) for month in (3, 4)
    ]
    run = sent(cast)
    refused(orders[2], "AM04")
    batch = f"<Btch><PmtInfId>{block_id(run.message_id)}</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>"
    line = received(
        cast.bank, cast.bank_account, file_of(cast, entry("200.00", ref="B1", details_extra=batch))
    ).lines.get()
    assert (line.rule, line.verdict) == ("R2", "ACC")
    assert [state(one) for one in orders] == ["executed", "executed", "rejected"]
    assert check().breaches == ()
    back = came_back(cast, orders[1])
    assert (back.verdict, back.rule) == ("ACC", "R9")
    assert [state(one) for one in orders] == ["executed", "returned", "rejected"]
    assert check().breaches == ()


def test_a_sum_that_is_not_that_of_the_run_is_for_a_clerk(cast: Cast, order: DebitOrder) -> None:
    batch = f"<Btch><PmtInfId>{block_id(DebitRun.objects.get().message_id)}</PmtInfId><NbOfTxs>1</NbOfTxs></Btch>"
    line = received(
        cast.bank, cast.bank_account, file_of(cast, entry("90.00", ref="B1", details_extra=batch))
    ).lines.get()
    assert (line.verdict, line.verdict_code, state(order)) == ("ATT", "L31", "sent")


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_a_refusal_does_to_the_authority_what_its_reason_asks(
    cast: Cast, order: DebitOrder, reason: str
) -> None:
    assert refused(order, reason) == "rejected"
    expected = {Effect.KEPT: "active", Effect.SUSPENDED: "suspended", Effect.REVOKED: "revoked"}
    order.authority.refresh_from_db()
    assert order.authority.state == expected[REASONS[reason].effect]
    retried = DebitOrder.objects.filter(retry_of=order).count()
    assert retried == (reason in {"DT01", "TM01", "CH03", "CH04", "ED05"})
    assert check().breaches == ()


def test_a_refusal_leaves_the_slip_due_from_its_first_day(
    cast: Cast, owed: PaymentSlip, order: DebitOrder
) -> None:
    refused(order, "AM04")
    owed.refresh_from_db()
    assert (owed.outstanding, owed.state) == (D("100.00"), "issued")
    again = signed(cast, owed, behind=order.authority, at=SAID, day=date(2026, 4, 15))
    assert again.state == "planned"


def test_the_machine_tries_again_once_and_never_twice(cast: Cast, order: DebitOrder) -> None:
    refused(order, "ED05", at=SAID)
    again = DebitOrder.objects.get(retry_of=order)
    assert (again.state, again.collect_on, again.signed_by, again.amount) == (
        "planned", date(2026, 4, 14), order.signed_by, D("100.00"),
    )  # fmt: skip
    later = datetime(2026, 4, 13, 12, tzinfo=UTC)
    sent(cast, day=again.collect_on, at=later)
    assert refused(again, "ED05", at=later) == "rejected"
    assert DebitOrder.objects.count() == 2


def test_an_answer_heard_twice_changes_nothing(cast: Cast, order: DebitOrder) -> None:
    refused(order, "AM04")
    events = order.events.count()
    refused(order, "AM04")
    assert order.events.count() == events


def test_the_last_answer_by_its_own_date_wins(cast: Cast, order: DebitOrder) -> None:
    refused(order, "", status="ACSP", at=SAID + timedelta(hours=1))
    assert refused(order, "AM04", at=SAID) == "accepted"
    assert refused(order, "AM04", at=SAID + timedelta(hours=2)) == "rejected"


def test_nothing_leaves_executed_but_a_return(cast: Cast, order: DebitOrder) -> None:
    booked(cast, order)
    answer = Answer("RJCT", SAID, "AM04")
    assert not answer_order(order_id=order.pk, answer=answer, at=SAID).possible
    assert refused(order, "", status="ACCP", at=SAID + timedelta(1)) == "executed"


def test_cancelled_at_the_bank_is_cancelled_here(cast: Cast, order: DebitOrder) -> None:
    assert refused(order, "CUST", status="CANC") == "cancelled"
    assert check().breaches == ()


# ------------------------------------------------------------------ come back


def test_a_return_weeks_later_reopens_the_due_and_its_surcharge(
    cast: Cast, owed: PaymentSlip, order: DebitOrder
) -> None:
    booked(cast, order)
    line = came_back(cast, order)
    owed.refresh_from_db()
    assert (line.rule, line.verdict) == ("R9", LineVerdict.ACCEPTED.value)
    assert (state(order), order.reason_code, order.returned_line_id) == (
        "returned",
        "AM04",
        line.pk,
    )
    assert (owed.outstanding, owed.state, owed.settled_on) == (D("100.00"), "issued", None)
    assert LedgerEntry.objects.filter(kind="collection_return").count() == 1
    assert check().breaches == ()
    # Surcharges run from the first due day, as if nothing had been paid.
    assert assess_surcharges(actor=None, slip_id=owed.pk, as_of=date(2026, 4, 20))


def test_a_return_that_comes_before_its_collection_waits_for_it(
    cast: Cast, owed: PaymentSlip, order: DebitOrder
) -> None:
    back = came_back(cast, order)
    assert (back.verdict, back.verdict_code) == ("ATT", "L19")
    booked(cast, order)
    back.refresh_from_db()
    owed.refresh_from_db()
    assert (back.verdict, state(order), owed.outstanding) == ("ACC", "returned", D("100.00"))
    assert check().breaches == ()


def test_a_second_return_and_another_amount_are_for_a_clerk(cast: Cast, order: DebitOrder) -> None:
    booked(cast, order)
    wrong = came_back(cast, order, amount="99.00", ref="B4")
    assert (wrong.verdict, wrong.verdict_code) == ("ATT", "L13")
    came_back(cast, order)
    again = came_back(cast, order, ref="B3")
    assert (again.verdict, again.verdict_code) == ("ATT", "L23")
    assert check().breaches == ()


def test_money_that_a_clerk_moved_comes_back_from_where_it_is(
    cast: Cast, owed: PaymentSlip, order: DebitOrder
) -> None:
    booked(cast, order)
    allocation = Allocation.objects.get()
    reverse(
        actor=cast.treasurer, second=second_person(), allocation_id=allocation.pk, at=AFTER_CUT_OFF
    )
    assert check().breaches == ()
    came_back(cast, order)
    assert state(order) == "returned"
    assert check().breaches == ()


def test_the_return_of_a_collection_that_came_too_late_takes_the_credit_back(
    cast: Cast, owed: PaymentSlip, order: DebitOrder
) -> None:
    pay(cast, owed, "100.00", ref="V1", message="MV")
    booked(cast, order)
    assert credit_of(cast.affiliate) == D("100.00")
    came_back(cast, order)
    owed.refresh_from_db()
    assert (credit_of(cast.affiliate), owed.state) == (D("0.00"), "paid")
    assert check().breaches == ()


def test_a_return_closes_an_account_that_is_closed(cast: Cast, order: DebitOrder) -> None:
    booked(cast, order)
    came_back(cast, order, reason="AC04")
    order.authority.refresh_from_db()
    assert order.authority.state == "revoked"
