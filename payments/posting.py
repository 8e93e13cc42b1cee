"""Business events in, balanced ledger lines out. Nothing here touches the database.

Debit is what the fund has or is owed, credit where it comes from. Each posting sums to zero by construction and is
checked again by the database at commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from payments.enums import AccountKind, EntryKind
from regulation.money import ZERO


class Account(NamedTuple):
    """A ledger account: of an affiliate, of one of our bank accounts, or of the fund."""

    kind: AccountKind
    affiliate: int | None = None
    bank_account: int | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What a line is about: exactly one of slip, surcharge and filing penalty. Identifiers are row keys."""

    affiliate: int
    period: date
    slip: int | None = None
    surcharge: int | None = None
    filing_penalty: int | None = None


class PostedLine(NamedTuple):
    """One side of an entry, in dirhams; exactly one of debit and credit is above zero."""

    account: Account
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    period: date | None = None
    slip: int | None = None
    surcharge: int | None = None
    filing_penalty: int | None = None
    bank_line: int | None = None

    def opposed(self) -> PostedLine:
        """The same line on the other side."""
        return PostedLine(
            self.account, self.credit, self.debit, self.period, self.slip, self.surcharge,
            self.filing_penalty, self.bank_line,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Posting:
    """One balanced entry. Raises ValueError when it is not: that is a bug, never an input."""

    kind: EntryKind
    lines: tuple[PostedLine, ...]

    def __post_init__(self) -> None:
        debit = credit = ZERO
        one_sided = True
        for line in self.lines:
            debit += line.debit
            credit += line.credit
            one_sided = (
                one_sided
                and (line.debit > 0) != (line.credit > 0)
                and line.debit >= 0
                and line.credit >= 0
            )
        if debit != credit or not one_sided or len(self.lines) < 2:
            raise ValueError(f"unbalanced {self.kind}: {debit} ≠ {credit}")


def slip_issued(due: Due, amount: Decimal) -> Posting:
    """The affiliate owes a new slip."""
    return Posting(EntryKind.SLIP_ISSUED, _called(due, amount, AccountKind.CONTRIBUTIONS))


def surcharge_assessed(due: Due, amount: Decimal) -> Posting:
    """The affiliate owes a surcharge."""
    return Posting(EntryKind.SURCHARGE_ASSESSED, _called(due, amount, AccountKind.PENALTIES))


def penalty_assessed(due: Due, amount: Decimal) -> Posting:
    """The affiliate owes a filing penalty."""
    return Posting(EntryKind.PENALTY_ASSESSED, _called(due, amount, AccountKind.PENALTIES))


def slip_lowered(
    due: Due, amount: Decimal, outstanding: Decimal, given_up: Decimal = ZERO
) -> Posting:
    """A dispute was upheld, or a declaration corrected: the due falls by `amount` dirhams.

    What was still to pay disappears, then what the fund had `given_up` of it, which nobody paid; what was paid
    becomes the affiliate's credit.
    """
    return Posting(
        EntryKind.SLIP_LOWERED,
        _lowered(due, amount, outstanding, given_up, AccountKind.CONTRIBUTIONS),
    )


def surcharge_lowered(
    due: Due, amount: Decimal, outstanding: Decimal, given_up: Decimal = ZERO
) -> Posting:
    """The slip behind a surcharge fell: so does the surcharge, by `amount` dirhams, as a slip does."""
    return Posting(
        EntryKind.SURCHARGE_LOWERED,
        _lowered(due, amount, outstanding, given_up, AccountKind.PENALTIES),
    )


def payment(
    bank_account: int,
    bank_line: int,
    shares: Sequence[tuple[Due, Decimal]],
    credit_to: int | None,
    credit: Decimal,
) -> Posting:
    """Money from the bank pays items; the excess is the affiliate's credit. Shares and credit are the whole line."""
    credits = [(credit_to, credit)] if credit and credit_to is not None else []
    return _received(EntryKind.PAYMENT, bank_account, bank_line, shares, credits)


def collection(
    bank_account: int,
    bank_line: int,
    shares: Sequence[tuple[Due, Decimal]],
    credits: Sequence[tuple[int, Decimal]],
) -> Posting:
    """Booked debits pay what their orders say. What was paid otherwise meanwhile is each affiliate's credit."""
    return _received(EntryKind.COLLECTION, bank_account, bank_line, shares, credits)


def _received(
    kind: EntryKind,
    bank_account: int,
    bank_line: int,
    shares: Sequence[tuple[Due, Decimal]],
    credits: Sequence[tuple[int, Decimal]],
) -> Posting:
    total = sum((amount for _, amount in (*shares, *credits)), ZERO)
    bank = PostedLine(
        Account(AccountKind.BANK, bank_account=bank_account), debit=total, bank_line=bank_line
    )
    return Posting(kind, (bank, *_placed(bank_line, shares, credits)))


def suspense_received(bank_account: int, bank_line: int, amount: Decimal) -> Posting:
    """Money from the bank that nobody can name yet."""
    return Posting(
        EntryKind.SUSPENSE_RECEIVED,
        (
            PostedLine(
                Account(AccountKind.BANK, bank_account=bank_account),
                debit=amount,
                bank_line=bank_line,
            ),
            PostedLine(Account(AccountKind.SUSPENSE), credit=amount, bank_line=bank_line),
        ),
    )


def suspense_assigned(
    bank_line: int,
    shares: Sequence[tuple[Due, Decimal]],
    credits: Sequence[tuple[int, Decimal]],
) -> Posting:
    """Money in suspense finds its dues; what pays none is the credit of the affiliates named."""
    total = sum((amount for _, amount in (*shares, *credits)), ZERO)
    held = PostedLine(Account(AccountKind.SUSPENSE), debit=total, bank_line=bank_line)
    return Posting(EntryKind.SUSPENSE_ASSIGNED, (held, *_placed(bank_line, shares, credits)))


def credit_used(due: Due, amount: Decimal) -> Posting:
    """The affiliate pays an item with its own credit."""
    spent = PostedLine(
        Account(AccountKind.CREDIT, affiliate=due.affiliate), debit=amount, period=due.period
    )
    return Posting(EntryKind.CREDIT_USED, (spent, _receivable(due, credit=amount)))


def credit_moved(bank_line: int, due: Due, amount: Decimal) -> Posting:
    """An excess paid for a due goes back to it, now that another payment of it came back unpaid."""
    credit = Account(AccountKind.CREDIT, affiliate=due.affiliate)
    taken = PostedLine(credit, debit=amount, bank_line=bank_line)
    return Posting(
        EntryKind.CREDIT_MOVED, (taken, _receivable(due, credit=amount, bank_line=bank_line))
    )


def credit_taken_back(due: Due, amount: Decimal) -> Posting:
    """The credit that paid an item was money that the bank took back: the item is owed again."""
    lines = credit_used(due, amount).lines
    return Posting(EntryKind.CREDIT_TAKEN_BACK, tuple(line.opposed() for line in lines))


def lowered_without_credit(due: Due, amount: Decimal) -> Posting:
    """An item had fallen after it was paid, and the payment is gone: what had become credit no longer is."""
    kind = EntryKind.SURCHARGE_LOWERED if due.surcharge else EntryKind.SLIP_LOWERED
    return Posting(kind, credit_used(due, amount).lines)


def written_off(due: Due, amount: Decimal) -> Posting:
    """The fund gives up a small difference: it is no longer owed."""
    lost = _about(due, Account(AccountKind.WRITE_OFFS), debit=amount)
    return Posting(EntryKind.WRITTEN_OFF, (lost, _receivable(due, credit=amount)))


def remission_granted(due: Due, amount: Decimal) -> Posting:
    """The fund forgives a part of a surcharge or penalty."""
    forgiven = _about(due, Account(AccountKind.REMISSIONS), debit=amount)
    return Posting(EntryKind.REMISSION_GRANTED, (forgiven, _receivable(due, credit=amount)))


def remission_undone(due: Due, amount: Decimal) -> Posting:
    """The conditions were not kept: what was forgiven is owed again."""
    granted = remission_granted(due, amount)
    return Posting(EntryKind.REMISSION_UNDONE, tuple(line.opposed() for line in granted.lines))


def refund_ordered(affiliate: int, amount: Decimal) -> Posting:
    """The affiliate's credit leaves its account: the fund owes it to the affiliate's bank."""
    given = PostedLine(Account(AccountKind.CREDIT, affiliate=affiliate), debit=amount)
    owed = PostedLine(Account(AccountKind.REFUNDS), credit=amount)
    return Posting(EntryKind.REFUND_ORDERED, (given, owed))


def refund_paid(bank_account: int, bank_line: int, amount: Decimal) -> Posting:
    """The fund's bank has paid a refund: nothing is owed to the affiliate's bank any more."""
    owed = PostedLine(Account(AccountKind.REFUNDS), debit=amount, bank_line=bank_line)
    bank = Account(AccountKind.BANK, bank_account=bank_account)
    return Posting(
        EntryKind.REFUND_PAID, (owed, PostedLine(bank, credit=amount, bank_line=bank_line))
    )


def reversal(lines: Iterable[PostedLine]) -> Posting:
    """The exact opposite of an entry."""
    return Posting(EntryKind.REVERSAL, tuple(line.opposed() for line in lines))


def bank_reversal(
    bank_account: int,
    bank_line: int,
    origin_line: int,
    shares: Sequence[tuple[Due, Decimal]],
    credits: Sequence[tuple[int, Decimal]],
    from_suspense: Decimal,
    kind: EntryKind = EntryKind.REVERSAL,
) -> Posting:
    """The bank takes back money of `origin_line`: what it had paid is owed again, wherever it had gone.

    `kind` is COLLECTION_RETURN when a debit came back unpaid.
    """
    total = sum((amount for _, amount in (*shares, *credits)), ZERO) + from_suspense
    lines = [line.opposed() for line in _placed(origin_line, shares, credits)]
    if from_suspense:
        lines.append(
            PostedLine(Account(AccountKind.SUSPENSE), debit=from_suspense, bank_line=origin_line)
        )
    bank = PostedLine(
        Account(AccountKind.BANK, bank_account=bank_account), credit=total, bank_line=bank_line
    )
    return Posting(kind, (*lines, bank))


def _called(due: Due, amount: Decimal, income: AccountKind) -> tuple[PostedLine, ...]:
    return (_receivable(due, debit=amount), _about(due, Account(income), credit=amount))


def _lowered(
    due: Due, amount: Decimal, outstanding: Decimal, given_up: Decimal, income: AccountKind
) -> tuple[PostedLine, ...]:
    unpaid = min(amount, outstanding)
    lost = min(amount - unpaid, given_up)
    paid = amount - unpaid - lost
    lines = [_about(due, Account(income), debit=amount)]
    if unpaid:
        lines.append(_receivable(due, credit=unpaid))
    if lost:
        lines.append(_about(due, Account(AccountKind.WRITE_OFFS), credit=lost))
    if paid:
        credit = Account(AccountKind.CREDIT, affiliate=due.affiliate)
        lines.append(PostedLine(credit, credit=paid, period=due.period))
    return tuple(lines)


def _placed(
    bank_line: int,
    shares: Sequence[tuple[Due, Decimal]],
    credits: Sequence[tuple[int, Decimal]],
) -> tuple[PostedLine, ...]:
    lines = [_receivable(due, credit=amount, bank_line=bank_line) for due, amount in shares]
    for affiliate, amount in credits:
        account = Account(AccountKind.CREDIT, affiliate=affiliate)
        lines.append(PostedLine(account, credit=amount, bank_line=bank_line))
    return tuple(lines)


def _receivable(
    due: Due, *, debit: Decimal = ZERO, credit: Decimal = ZERO, bank_line: int | None = None
) -> PostedLine:
    account = Account(AccountKind.RECEIVABLE, affiliate=due.affiliate)
    return _about(due, account, debit=debit, credit=credit, bank_line=bank_line)


def _about(
    due: Due,
    account: Account,
    *,
    debit: Decimal = ZERO,
    credit: Decimal = ZERO,
    bank_line: int | None = None,
) -> PostedLine:
    return PostedLine(
        account, debit, credit, due.period, due.slip, due.surcharge, due.filing_penalty, bank_line
    )
