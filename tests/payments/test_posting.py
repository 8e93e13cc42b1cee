"""Each event posts what the worked example says, and nothing unbalanced can be made."""

from datetime import date
from decimal import Decimal

import pytest

from payments import posting
from payments.enums import AccountKind, EntryKind
from payments.posting import Account, Due, PostedLine, Posting

D = Decimal
DUE = Due(affiliate=7, period=date(2026, 1, 1), slip=12)


def sides(entry: Posting) -> list[tuple[str, str, str]]:
    return [(line.account.kind.value, str(line.debit), str(line.credit)) for line in entry.lines]


def test_a_slip_is_owed_by_the_affiliate() -> None:
    assert sides(posting.slip_issued(DUE, D("843.60"))) == [
        ("receivable", "843.60", "0.00"),
        ("contributions", "0.00", "843.60"),
    ]


def test_a_payment_with_excess_credits_the_affiliate() -> None:
    entry = posting.payment(3, 9, [(DUE, D("843.60"))], 7, D("6.40"))
    assert sides(entry) == [
        ("bank", "850.00", "0.00"),
        ("receivable", "0.00", "843.60"),
        ("credit", "0.00", "6.40"),
    ]
    assert {line.bank_line for line in entry.lines} == {9}


def test_suspense_then_assignment() -> None:
    assert sides(posting.suspense_received(3, 9, D("50.00"))) == [
        ("bank", "50.00", "0.00"),
        ("suspense", "0.00", "50.00"),
    ]
    assert sides(posting.suspense_assigned(9, [(DUE, D("50.00"))], [])) == [
        ("suspense", "50.00", "0.00"),
        ("receivable", "0.00", "50.00"),
    ]


def test_an_upheld_dispute_lowers_the_due_and_gives_back_what_was_paid() -> None:
    assert sides(posting.slip_lowered(DUE, D("100.00"), D("30.00"))) == [
        ("contributions", "100.00", "0.00"),
        ("receivable", "0.00", "30.00"),
        ("credit", "0.00", "70.00"),
    ]


def test_surcharges_and_penalties_are_called_apart() -> None:
    due = Due(7, date(2026, 1, 1), surcharge=4)
    assert sides(posting.surcharge_assessed(due, D("30.00")))[1][0] == "penalties"
    assert posting.penalty_assessed(due, D("30.00")).kind is EntryKind.PENALTY_ASSESSED


def test_credit_used_pays_an_item() -> None:
    assert sides(posting.credit_used(DUE, D("6.40"))) == [
        ("credit", "6.40", "0.00"),
        ("receivable", "0.00", "6.40"),
    ]


def test_a_reversal_opposes_every_line() -> None:
    entry = posting.payment(3, 9, [(DUE, D("843.60"))], 7, D("6.40"))
    both = [*entry.lines, *posting.reversal(entry.lines).lines]
    for kind in AccountKind:
        assert (
            sum((line.debit - line.credit for line in both if line.account.kind is kind), D(0)) == 0
        )


def test_a_returned_payment_is_owed_again_wherever_it_had_gone() -> None:
    entry = posting.bank_reversal(3, 10, 9, [(DUE, D("843.60"))], [(7, D("6.40"))], D("0.00"))
    assert sides(entry) == [
        ("receivable", "843.60", "0.00"),
        ("credit", "6.40", "0.00"),
        ("bank", "0.00", "850.00"),
    ]


@pytest.mark.parametrize(
    "lines",
    [
        (("1.00", "0.00"), ("0.00", "0.99")),
        (("1.00", "1.00"), ("0.00", "0.00")),
        (("0.00", "0.00"), ("0.00", "0.00")),
        (("-1.00", "0.00"), ("0.00", "-1.00")),
        (("1.00", "0.00"),),
    ],
)
def test_an_unbalanced_entry_cannot_be_made(lines: tuple[tuple[str, str], ...]) -> None:
    account = Account(AccountKind.SUSPENSE)
    with pytest.raises(ValueError, match="unbalanced"):
        Posting(
            EntryKind.PAYMENT,
            tuple(PostedLine(account, D(debit), D(credit)) for debit, credit in lines),
        )
