"""A whole run booked as one sum and taken back as one sum, without a word about its orders (R2, then R9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine

from payments.codecs.pain import block_id
from payments.ledger_check import check
from payments.models import BankLine, DebitOrder, DebitRun, LedgerEntry, PaymentSlip
from portal.models import Mail
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.camt_files import details, entry
from tests.payments.debit_world import authority, sent, signed
from tests.payments.factories import file_of, received, slip

pytestmark = pytest.mark.django_db
D = Decimal
FLAGGED = "<RvslInd>true</RvslInd>"
RETURN = "<RtrInf><Rsn><Cd>MS03</Cd></Rsn></RtrInf>"


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(datetime(2026, 4, 30, 12, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def orders(cast: Cast) -> list[DebitOrder]:
    """Three orders of 100.00 in one run, booked as one sum of 300.00."""
    behind = authority(cast)
    made = [
        signed(cast, slip(cast.affiliate, Period(2026, month)), behind=behind)
        for month in (1, 2, 3)
    ]
    sent(cast)
    line = moved(cast, "300.00", "B1", details_extra=batch(3))
    assert (line.rule, line.verdict, states()) == ("R2", "ACC", ["executed"] * 3)
    return made


def batch(count: int) -> str:
    block = block_id(DebitRun.objects.get().message_id)
    return f"<Btch><PmtInfId>{block}</PmtInfId><NbOfTxs>{count}</NbOfTxs></Btch>"


def moved(cast: Cast, amount: str, ref: str, **more: str) -> BankLine:
    """One entry of a notice: by default without any detail."""
    data = file_of(cast, entry(amount, ref=ref, **more), message_id=f"M{ref}")
    return received(cast.bank, cast.bank_account, data).lines.get()


def by_its_batch(cast: Cast, amount: str) -> BankLine:
    """The debit names the batch, as its credit did."""
    return moved(cast, amount, "B2", sign="DBIT", extra=FLAGGED, details_extra=batch(3))


def by_its_reference(cast: Cast, amount: str) -> BankLine:
    """The debit names the entry of the credit by the bank's own reference."""
    return moved(cast, amount, "B2", sign="DBIT", txs=details(ref="B1", extra=RETURN))


def states() -> list[str]:
    return list(DebitOrder.objects.order_by("pk").values_list("state", flat=True))


def owed() -> list[Decimal]:
    return list(PaymentSlip.objects.order_by("pk").values_list("outstanding", flat=True))


@pytest.mark.parametrize("take", [by_its_batch, by_its_reference])
def test_the_whole_run_comes_back_with_all_its_orders(
    cast: Cast, orders: list[DebitOrder], take: Callable[[Cast, str], BankLine]
) -> None:
    line = take(cast, "300.00")
    assert (line.rule, line.verdict) == ("R9", "ACC")
    assert (states(), owed()) == (["returned"] * 3, [D("100.00")] * 3)
    assert set(DebitOrder.objects.values_list("returned_line", flat=True)) == {line.pk}
    assert LedgerEntry.objects.filter(kind="collection_return").count() == 1
    # Each order is told with its reference; nothing is told a second time as a payment taken back.
    letters = Mail.objects.filter(address="patronne@exemple.ma", key__contains="returned")
    assert sorted(one.key.split(":")[1] for one in letters) == [one.reference for one in orders]
    assert not Mail.objects.filter(key__startswith="taken_back").exists()
    assert check().breaches == ()


@pytest.mark.parametrize("take", [by_its_reference])
def test_a_part_of_it_that_names_no_order_is_for_a_clerk(
    cast: Cast, orders: list[DebitOrder], take: Callable[[Cast, str], BankLine]
) -> None:
    """Which of three orders came back is not guessed: nothing moves on their slips."""
    line = take(cast, "100.00")
    assert (line.verdict, line.verdict_code) == ("ATT", "L31r")
    assert line.verdict_facts["n"] == "3"
    assert (states(), owed()) == (["executed"] * 3, [D("0.00")] * 3)
    assert check().breaches == ()


def test_what_is_left_of_it_comes_back_after_one_order_did(
    cast: Cast, orders: list[DebitOrder]
) -> None:
    one = details(ref="B3", e2e=orders[1].reference, extra=RETURN)
    moved(cast, "100.00", "B3", sign="DBIT", txs=one)
    assert states() == ["executed", "returned", "executed"]
    line = by_its_reference(cast, "200.00")
    assert (line.rule, line.verdict) == ("R9", "ACC")
    assert (states(), owed()) == (["returned"] * 3, [D("100.00")] * 3)
    assert check().breaches == ()


def test_a_reversal_that_comes_before_its_run_waits_for_it(cast: Cast) -> None:
    signed(cast, slip(cast.affiliate))
    sent(cast)
    line = by_its_reference(cast, "100.00")
    assert (line.verdict, line.verdict_code) == ("ATT", "L19")
    moved(cast, "100.00", "B1", details_extra=batch(1))
    line.refresh_from_db()
    assert (line.rule, line.verdict, states()) == ("R9", "ACC", ["returned"])
    assert check().breaches == ()
