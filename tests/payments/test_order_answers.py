"""A pain.002 from its upload to the orders it answers, each told once, by the bank that holds them and no other."""

from datetime import UTC, datetime

import pytest
import time_machine

from payments.enums import DebitState
from payments.models import Bank, BankAccount, BankFile, BankLine, DebitOrder, LedgerEntry
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.debit_world import AFTER_CUT_OFF, AT, authority, sent, signed
from tests.payments.factories import received, slip
from tests.payments.test_pain_status import block, order, pain_002

pytestmark = pytest.mark.django_db
SAID = datetime(2026, 4, 13, 12, tzinfo=UTC)


@pytest.fixture
def orders(cast: Cast) -> list[DebitOrder]:
    """Two orders in the hands of the bank."""
    with time_machine.travel(AT, tick=False):
        mandate = authority(cast)
        for month in (1, 2):
            signed(cast, slip(cast.affiliate, Period(2026, month)), behind=mandate)
    with time_machine.travel(AFTER_CUT_OFF, tick=False):
        run = sent(cast)
    return list(run.orders.order_by("pk"))


def answered(cast: Cast, data: bytes, run_id: str) -> BankFile:
    data = data.replace(b"CNSSPRL202604100001", run_id.encode()).replace(
        b"2026-04-10T18", b"2026-04-13T10"
    )
    with time_machine.travel(SAID, tick=False):
        return received(cast.bank, cast.bank_account, data)


def states(orders: list[DebitOrder]) -> list[str]:
    for one in orders:
        one.refresh_from_db()
    return [one.state for one in orders]


def run_id(orders: list[DebitOrder]) -> str:
    run = orders[0].run
    assert run is not None
    return run.message_id


def test_each_order_is_told_what_the_bank_said_of_it(cast: Cast, orders: list[DebitOrder]) -> None:
    one, two = orders
    entries = LedgerEntry.objects.count()
    data = pain_002(block(order(one.reference, "ACCP"), order(two.reference, "RJCT", "AM04")))
    bank_file = answered(cast, data, run_id(orders))
    assert (bank_file.verdict, bank_file.state, bank_file.faults) == ("information", "done", [])
    assert states(orders) == [DebitState.ACCEPTED, DebitState.REJECTED]
    assert two.reason_code == "AM04"
    assert (BankLine.objects.count(), LedgerEntry.objects.count()) == (0, entries)
    again = answered(cast, data + b"\n", run_id(orders))
    assert (again.verdict, again.faults[0]["code"]) == ("refused", "E-F11")


def test_a_refused_file_refuses_them_all(cast: Cast, orders: list[DebitOrder]) -> None:
    group = "<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>"
    answered(cast, pain_002(group=group), run_id(orders))
    assert states(orders) == [DebitState.REJECTED, DebitState.REJECTED]


def test_an_order_that_a_mixed_file_does_not_list_stays_unknown(
    cast: Cast, orders: list[DebitOrder]
) -> None:
    data = pain_002(
        block(order(orders[0].reference, "RJCT", "AC04")), group="<GrpSts>PART</GrpSts>"
    )
    answered(cast, data, run_id(orders))
    assert states(orders) == [DebitState.REJECTED, DebitState.SENT]


def test_an_order_of_another_file_is_told_and_touched_by_nobody(
    cast: Cast, orders: list[DebitOrder]
) -> None:
    bank_file = answered(cast, pain_002(block(order("T26000099912", "RJCT"))), run_id(orders))
    assert [one["code"] for one in bank_file.faults] == ["L22"]
    assert states(orders) == [DebitState.SENT, DebitState.SENT]


def test_another_bank_answers_for_none_of_our_orders(cast: Cast, orders: list[DebitOrder]) -> None:
    run = orders[0].run
    assert run is not None
    other = Bank.objects.create(code="007", name="Autre banque")
    account = BankAccount.objects.create(bank=other, rib="007780000123400000056749", label="x")
    type(run).objects.filter(pk=run.pk).update(bank_account=account)
    bank_file = answered(cast, pain_002(group="<GrpSts>RJCT</GrpSts>"), run_id(orders))
    assert (bank_file.verdict, bank_file.faults[0]["code"]) == ("refused", "E-F09")
    assert states(orders) == [DebitState.SENT, DebitState.SENT]


def test_wrong_counts_refuse_the_answer(cast: Cast, orders: list[DebitOrder]) -> None:
    group = "<OrgnlNbOfTxs>3</OrgnlNbOfTxs><OrgnlCtrlSum>200.00</OrgnlCtrlSum><GrpSts>RJCT</GrpSts>"
    bank_file = answered(cast, pain_002(group=group), run_id(orders))
    assert (bank_file.verdict, bank_file.faults[0]["code"]) == ("refused", "E-F14")
    assert states(orders) == [DebitState.SENT, DebitState.SENT]
