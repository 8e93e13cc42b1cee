"""What matching reads and what it answers: a line, the open items, one answer with its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from payments.codecs.faults import Fault
from payments.enums import DebitState, LineKind, LineVerdict
from regulation.money import ZERO
from regulation.periods import Period


@dataclass(frozen=True, slots=True)
class Received:
    """What matching reads of a bank line. Amount in dirhams, above zero; `notes` are those of the codec."""

    rank: int
    kind: LineKind
    amount: Decimal
    is_reversal: bool = False
    our_account: str = ""
    bank_ref: str = ""
    end_to_end: str = ""
    instruction: str = ""
    batch: str = ""
    creditor_ref: str = ""
    free_text: str = ""
    payer_rib: str = ""
    creditor_rib: str = ""
    affiliation_number: str = ""
    original_bank_ref: str = ""
    nature: str = ""
    status: str = "BOOK"
    # An entry without its details, and how many operations it counts.
    whole: bool = False
    count: int = 1
    notes: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """Something that may be paid: a slip, a surcharge, a penalty, known by its payment code. Amount in dirhams."""

    code: str
    affiliate: str
    period: Period
    outstanding: Decimal
    cancelled: bool = False
    held: bool = False
    successor: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the line that pays one item."""

    code: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """A debit order that a line cites: what it takes (dirhams), from which account, for which codes, in order."""

    reference: str
    state: DebitState
    amount: Decimal
    rib: str
    affiliate: str
    shares: tuple[Share, ...]

    @property
    def is_awaited(self) -> bool:
        """Whether a booked credit may execute it: it is at the bank."""
        return self.state in (DebitState.SENT, DebitState.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund that two persons ordered: its number, dirhams, for whom, and whether a bank has paid it."""

    number: str
    amount: Decimal
    affiliate: str
    is_paid: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """A credit already booked that a reversal may undo. `left` is what of it has not been reversed yet."""

    key: int
    bank_ref: str
    end_to_end: str
    batch: str
    amount: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Books:
    """What matching may look at. Mappings are complete for the references of the line, empty elsewhere."""

    items: Mapping[str, Item] = field(default_factory=dict)
    open_items: Mapping[str, Sequence[Item]] = field(default_factory=dict)
    rib_owners: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settled: Sequence[Settled] = ()
    orders: Mapping[str, Order] = field(default_factory=dict)
    # The orders of a run by the identifier of its block, those refused left out of what is expected.
    blocks: Mapping[str, Sequence[Order]] = field(default_factory=dict)
    # The codes behind the code of a basket, in the order in which a short payment pays them.
    baskets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    refunds: Mapping[str, Refund] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A candidate for the clerk: never applied by the machine. `code` is empty for an affiliate's account."""

    rule: str
    affiliate: str
    code: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Match:
    """The answer. Shares and credit add up to the amount of the line, or are empty when it waits."""

    rule: str
    verdict: LineVerdict
    told: tuple[Fault, ...] = ()
    shares: tuple[Share, ...] = ()
    # Debit orders that this line executes; each brings its own shares and its own excess.
    orders: tuple[Order, ...] = ()
    # The number of the refund that this debit paid.
    refund: str = ""
    credit_to: str = ""
    credit: Decimal = ZERO
    origin: int | None = None
    proposals: tuple[Proposal, ...] = ()
