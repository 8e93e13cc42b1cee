"""Money that goes back after it was spent: what it had paid is owed again, a debt is said, never a silent minus."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from payments.ledger_check import check
from payments.models import Allocation, BankLine, LedgerEntry, PaymentSlip, Surcharge
from payments.queries import credit_of, open_dues, slip_facts
from payments.workflows.allocations import Part, settle_reversals
from payments.workflows.allocations import reverse as take_back
from payments.workflows.allocations.clerk import assign
from payments.workflows.penalties import assess_surcharges
from payments.workflows.slips import issue_slip, use_credit
from payments.workflows.upheld import credit_upheld
from portal import clock
from portal.models import Mail
from regulation.enums import Branch
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.camt_files import details, entry
from tests.payments.factories import file_of, received, refunded, slip, submitted, supervisor

pytestmark = pytest.mark.django_db
D = Decimal
BACK = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
FEBRUARY = Period(2026, 2)


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        yield


def owed(one: PaymentSlip) -> Decimal:
    one.refresh_from_db()
    return one.outstanding


def paid(cast: Cast, one: PaymentSlip | None, amount: str, ref: str = "B1") -> BankLine:
    """A transfer that cites a slip, or nothing."""
    rf = slip_facts(one).creditor_reference if one else ""
    txs = details(ref=ref, e2e=f"E{ref}", rf=rf)
    data = file_of(cast, entry(amount, txs=txs), message_id=f"M{ref}")
    return received(cast.bank, cast.bank_account, data).lines.get()


def paid_too_much(cast: Cast, amount: str = "180.00") -> PaymentSlip:
    """A slip of 100.00 paid with more: the rest is credit."""
    one = slip(cast.affiliate)
    paid(cast, one, amount)
    return one


def comes_back(cast: Cast, amount: str, origin: str = "B1") -> BankLine:
    """The bank takes back so much of a transfer."""
    txs = details(ref=f"R{origin}", e2e=f"E{origin}", extra=BACK)
    data = file_of(cast, entry(amount, sign="DBIT", txs=txs), message_id=f"R{origin}")
    line = received(cast.bank, cast.bank_account, data).lines.get()
    assert (line.rule, line.verdict) == ("R9", "ACC"), line.verdict_code
    return line


def clean() -> None:
    found = check()
    assert found.breaches == ()


def test_a_slip_paid_with_money_that_went_back_is_owed_again(cast: Cast) -> None:
    first = paid_too_much(cast)
    second = slip(cast.affiliate, FEBRUARY)
    use_credit(actor=cast.owner, affiliate=cast.affiliate, slip_id=second.pk, at=clock.now())
    assert owed(second) == D("20.00")
    comes_back(cast, "180.00")
    assert (owed(first), owed(second)) == (D("100.00"), D("100.00"))
    assert credit_of(cast.affiliate) == 0
    assert second.state == "issued"
    assert [due.outstanding for due in open_dues(cast.affiliate)] == [D("100.00"), D("100.00")]
    clean()


def test_only_what_is_missing_is_taken_from_the_last_slip_first(cast: Cast) -> None:
    paid_too_much(cast, "250.00")
    second, third = (slip(cast.affiliate, Period(2026, month)) for month in (2, 3))
    for one in (second, third):
        use_credit(actor=cast.owner, affiliate=cast.affiliate, slip_id=one.pk, at=clock.now())
    assert (owed(second), owed(third)) == (0, D("50.00"))
    comes_back(cast, "70.00")
    assert (owed(second), owed(third)) == (D("20.00"), D("100.00"))
    clean()


def test_the_delay_counts_as_if_the_credit_had_never_paid(cast: Cast) -> None:
    paid_too_much(cast, "200.00")
    second = slip(cast.affiliate, FEBRUARY)
    with time_machine.travel("2026-03-20 12:00:00+00:00", tick=False):
        use_credit(actor=cast.owner, affiliate=cast.affiliate, slip_id=second.pk, at=clock.now())
    comes_back(cast, "200.00")
    assess_surcharges(actor=None, slip_id=second.pk, as_of=date(2026, 4, 20))
    alone = slip(cast.strangers_affiliate, FEBRUARY)
    assess_surcharges(actor=None, slip_id=alone.pk, as_of=date(2026, 4, 20))
    called = [one.amount for one in Surcharge.objects.filter(slip=second)]
    assert called == [one.amount for one in Surcharge.objects.filter(slip=alone)]
    assert sum(called) > 0
    clean()


def test_what_was_refunded_is_a_debt_that_is_said_and_that_the_next_payment_fills(
    cast: Cast, client: Client
) -> None:
    first = paid_too_much(cast)
    refunded(cast, "80.00")
    comes_back(cast, "180.00")
    assert (owed(first), credit_of(cast.affiliate)) == (D("100.00"), D("-80.00"))
    clean()
    letter = Mail.objects.filter(user=cast.owner, key__startswith="taken_back:").get()
    assert "80,00\u00a0DH vous avaient déjà été remboursés" in letter.text
    assert first.payment_reference in letter.text
    client.force_login(cast.owner)
    number = cast.affiliate.affiliation_number
    page = client.get(reverse("payments:credit", args=[number])).content.decode()
    assert "Vous devez 80,00\u00a0DH à la Caisse" in page
    home = client.get(reverse("affiliates:home", args=[number])).content.decode()
    assert "Vous devez 80,00\u00a0DH à la Caisse" in home
    paid(cast, first, "180.00", "B7")
    assert (owed(first), credit_of(cast.affiliate)) == (0, 0)
    clean()


def test_a_payment_of_a_slip_replaced_since_leaves_its_successor_owed(cast: Cast) -> None:
    old = slip(cast.affiliate, Period(2026, 3))
    paid(cast, old, "100.00")
    old.declaration.status = "replaced"
    old.declaration.save(update_fields=["status"])
    declaration = submitted(cast.affiliate, Period(2026, 3), {Branch.PF: "60.00"})
    new = issue_slip(actor=None, declaration_id=declaration.pk, at=clock.now())
    assert (owed(old), owed(new), credit_of(cast.affiliate)) == (0, 0, D("40.00"))
    comes_back(cast, "100.00")
    assert (owed(old), owed(new), credit_of(cast.affiliate)) == (0, D("60.00"), 0)
    assert old.state == "replaced"
    clean()


def test_a_slip_that_fell_is_owed_for_what_it_still_asks(cast: Cast) -> None:
    one = slip(cast.affiliate)
    paid(cast, one, "100.00")
    credit_upheld(
        actor=cast.treasurer, slip_line_id=one.lines.get().pk, amount=D("40.00"), reference="R1",
        at=clock.now(),
    )  # fmt: skip
    assert credit_of(cast.affiliate) == D("40.00")
    comes_back(cast, "100.00")
    assert (owed(one), credit_of(cast.affiliate)) == (D("60.00"), 0)
    facts = slip_facts(one)
    assert (facts.paid, facts.outstanding) == (0, D("60.00"))
    clean()


def test_a_clerk_who_takes_back_a_spent_credit_leaves_no_minus(cast: Cast) -> None:
    line = paid(cast, None, "90.00")
    parts = [Part(D("90.00"), affiliate=cast.affiliate)]
    assign(actor=cast.treasurer, line_id=line.pk, parts=parts, at=clock.now())
    one = slip(cast.affiliate)
    use_credit(actor=cast.owner, affiliate=cast.affiliate, slip_id=one.pk, at=clock.now())
    assert owed(one) == D("10.00")
    wrong = Allocation.objects.get(bank_line=line)
    take_back(actor=cast.treasurer, second=supervisor(), allocation_id=wrong.pk, at=clock.now())
    assert (owed(one), credit_of(cast.affiliate)) == (D("100.00"), 0)
    clean()


def test_money_shared_between_two_firms_is_each_ones_credit(cast: Cast) -> None:
    line = paid(cast, None, "90.00")
    parts = [
        Part(D("60.00"), affiliate=cast.affiliate),
        Part(D("30.00"), affiliate=cast.strangers_affiliate),
    ]
    assign(actor=cast.treasurer, line_id=line.pk, parts=parts, at=clock.now())
    assert (credit_of(cast.affiliate), credit_of(cast.strangers_affiliate)) == (
        D("60.00"),
        D("30.00"),
    )
    comes_back(cast, "90.00")
    assert (credit_of(cast.affiliate), credit_of(cast.strangers_affiliate)) == (0, 0)
    clean()


def test_the_same_return_twice_takes_once(cast: Cast) -> None:
    paid_too_much(cast)
    second = slip(cast.affiliate, FEBRUARY)
    use_credit(actor=cast.owner, affiliate=cast.affiliate, slip_id=second.pk, at=clock.now())
    comes_back(cast, "180.00")
    count = LedgerEntry.objects.count()
    settle_reversals(actor=None, line_ids=[BankLine.objects.get(kind="debit").pk])
    assert LedgerEntry.objects.count() == count
    assert Mail.objects.filter(user=cast.owner, key__startswith="taken_back:").count() == 1
