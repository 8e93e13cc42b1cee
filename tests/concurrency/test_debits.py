"""Orders against each other, against payments and against holds: nothing above what is due, nothing twice."""

from __future__ import annotations

import threading
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine
from django.db import connection

from payments.errors import AboveOpenDues
from payments.ledger_check import check
from payments.models import DebitOrder, DebitRun, PaymentSlip
from payments.workflows.debits import orders as side
from payments.workflows.debits import runs
from payments.workflows.holds import place_hold
from tests.cast import Cast
from tests.concurrency.test_payments import at_once
from tests.payments.debit_world import AFTER_CUT_OFF, AT, authority, draft, released, signed
from tests.payments.factories import pay, slip

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel("2026-04-10 12:00:00+00:00"):
        yield


def claims(owed: PaymentSlip) -> Decimal:
    """What unsent orders say they take of a slip."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(s.amount), 0) FROM payments_debitshare s JOIN payments_debitorder o"
            " ON o.id = s.order_id WHERE s.slip_id = %s AND o.state IN ('signed', 'planned', 'sent', 'accepted')",
            [owed.pk],
        )
        return Decimal(cursor.fetchone()[0])


def test_twenty_clicks_are_one_order(cast: Cast) -> None:
    owed, behind, intent = slip(cast.affiliate), authority(cast), uuid4()

    def click() -> int:
        made = draft(cast, [owed], [(behind, "100.00")], intent=intent)
        return side.sign_order(
            actor=cast.owner, affiliate=cast.affiliate, intent=made[0].intent, at=AT
        )[0].pk

    assert len(set(at_once(*[click for _ in range(20)]))) == 1
    order = DebitOrder.objects.get()
    assert (order.state, order.events.count()) == ("planned", 3)


def test_two_browsers_order_the_same_slip_once(cast: Cast) -> None:
    owed, behind = slip(cast.affiliate), authority(cast)
    intents = [draft(cast, [owed], [(behind, "100.00")])[0].intent for _ in range(4)]
    results = at_once(
        *[
            lambda intent=intent: side.sign_order(
                actor=cast.owner, affiliate=cast.affiliate, intent=intent, at=AT
            )
            for intent in intents
        ]
    )
    assert sorted(type(one).__name__ for one in results) == ["AboveOpenDues"] * 3 + ["list"]
    assert claims(owed) == D("100.00")
    assert AboveOpenDues.code


@pytest.mark.parametrize("turn", range(3))
def test_an_order_a_transfer_and_a_hold_at_once_never_claim_too_much(cast: Cast, turn: int) -> None:
    owed, behind = slip(cast.affiliate), authority(cast)
    intent = draft(cast, [owed], [(behind, "100.00")])[0].intent
    line = owed.lines.get().pk
    acts = [
        lambda: side.sign_order(actor=cast.owner, affiliate=cast.affiliate, intent=intent, at=AT),
        lambda: pay(cast, owed, "40.00"),
        lambda: place_hold(
            actor=cast.staff, slip_line_id=line, amount=D("30.00"), reference="R", at=AT
        ),
    ]
    at_once(*acts[turn:], *acts[:turn])
    owed.refresh_from_db()
    assert owed.outstanding == D("60.00")
    assert claims(owed) == 0
    assert check().breaches == ()


def test_three_workers_write_one_file(cast: Cast) -> None:
    signed(cast, slip(cast.affiliate))
    run = released(cast)
    at_once(*[lambda: runs.write_run(run_id=run.pk, at=AFTER_CUT_OFF) for _ in range(3)])
    run.refresh_from_db()
    assert (run.order_count, run.attempts, DebitRun.objects.count()) == (1, 1, 1)
    assert DebitOrder.objects.get().events.filter(state="sent").count() == 1


def test_without_the_walls_the_race_is_real(cast: Cast) -> None:
    """The positive control: judged without a lock and written without the triggers, one slip is ordered twice."""
    owed, behind = slip(cast.affiliate), authority(cast)
    drafts = [draft(cast, [owed], [(behind, "100.00")])[0].pk for _ in range(2)]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payments_debitorder DISABLE TRIGGER USER")
    both_looked = threading.Barrier(2)

    def careless(key: int) -> None:
        free = owed.outstanding - claims(owed)
        both_looked.wait()
        if free >= D("100.00"):
            DebitOrder.objects.filter(pk=key).update(
                state="planned", signed_by=cast.owner, signed_at=AT
            )

    try:
        at_once(*[lambda key=key: careless(key) for key in drafts])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE payments_debitorder ENABLE TRIGGER USER")
    assert claims(owed) == D("200.00")
    assert "order_within_dues" in [breach.check for breach in check().breaches]
