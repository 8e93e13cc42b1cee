"""What may be contested and granted: judged on plain values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from disputes.enums import Outcome, Party
from disputes.errors import (
    GrantedOutOfRange,
    LegalGroundMissing,
    OutcomeMissing,
    ReasonsMissing,
    SecondPersonNeeded,
    TextMissing,
    TextTooLong,
)
from regulation.money import ZERO

TEXT_LIMIT = 4_000


def text_of(text: str) -> str:
    """The words of a message, with plain line ends; raises when there are none or too many."""
    clean = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not clean:
        raise TextMissing
    if len(clean) > TEXT_LIMIT:
        raise TextTooLong(length=len(clean), limit=TEXT_LIMIT)
    return clean


def contestable(
    line_amount: Decimal, *, pending: Iterable[Decimal], granted: Iterable[Decimal]
) -> Decimal:
    """What is left to contest on a line (DH): its amount less what is being contested or was granted."""
    return max(ZERO, line_amount - sum(pending, ZERO) - sum(granted, ZERO))


def payable_now(outstanding: Decimal, held: Iterable[Decimal]) -> Decimal:
    """What may be claimed of a slip today (DH): what remains due less what is held, never below zero."""
    return max(ZERO, outstanding - sum(held, ZERO))


def holdable(contested: Decimal, *, outstanding: Decimal, held: Iterable[Decimal]) -> Decimal:
    """The part of a contested amount that can be held (DH): no more than what is still claimed of the slip.

    Zero on a slip already paid: there is nothing left to hold, an upheld dispute gives a credit.
    """
    return min(contested, payable_now(outstanding, held))


@dataclass(frozen=True, slots=True)
class Ruling:
    """The answer to one contested item; ``granted`` in dirhams is read for a part only."""

    outcome: Outcome
    granted: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Contested:
    """One contested item, as a decision needs it. ``line`` is its French name; amount in dirhams."""

    key: int
    line: str
    amount: Decimal


def granted_amounts(
    items: Iterable[Contested], rulings: Mapping[int, Ruling]
) -> dict[int, Decimal]:
    """What each item is granted (DH): all, nothing, or the part said.

    Raises OutcomeMissing when an item has no ruling, GrantedOutOfRange when a part is nothing or everything.
    """
    granted: dict[int, Decimal] = {}
    for item in items:
        ruling = rulings.get(item.key)
        if ruling is None:
            raise OutcomeMissing(line=item.line)
        if ruling.outcome is Outcome.UPHELD:
            granted[item.key] = item.amount
        elif ruling.outcome is Outcome.REFUSED:
            granted[item.key] = ZERO
        elif ZERO < ruling.granted < item.amount:
            granted[item.key] = ruling.granted
        else:
            raise GrantedOutOfRange(line=item.line, contested=item.amount)
    return granted


def overall_outcome(rulings: Iterable[Ruling]) -> Outcome:
    """One word for the whole decision: all granted, all refused, otherwise in part."""
    outcomes = {ruling.outcome for ruling in rulings}
    return outcomes.pop() if len(outcomes) == 1 else Outcome.PARTLY_UPHELD


def check_grounds(outcome: Outcome, *, reasons: str, legal_ground: str) -> None:
    """A decision says why; a refusal, even in part, names the text that it applies."""
    if not reasons.strip():
        raise ReasonsMissing
    if outcome is not Outcome.UPHELD and not legal_ground.strip():
        raise LegalGroundMissing


def check_second_person(contested_total: Decimal, *, limit: Decimal, party: Party) -> None:
    """Above ``limit`` (DH) the person in charge of the file may not decide alone; at the limit they may."""
    if contested_total > limit and party is not Party.SUPERVISOR:
        raise SecondPersonNeeded(limit=limit)
