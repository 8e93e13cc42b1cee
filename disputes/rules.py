"""What may be contested and granted: judged on plain values."""

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from disputes.enums import Outcome, Party, SubjectKind
from disputes.errors import (
    GrantedOutOfRange,
    LegalGroundMissing,
    MeetingToCome,
    OutcomeMissing,
    PartOfNoAmount,
    ReasonsMissing,
    SecondPersonNeeded,
    TextMissing,
    TextTooLong,
)
from regulation.money import ZERO

TEXT_LIMIT = 4_000

_NAME = re.compile(r"([a-z]{4,9})-([A-Za-z0-9._-]{1,40})", re.ASCII)

# What asks for money: a part of it can be contested, held and granted. The rest is contested as a whole.
OF_MONEY = frozenset({SubjectKind.LINE, SubjectKind.SURCHARGE, SubjectKind.PENALTY})


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """One thing that may be contested: its kind and the key of its row, or what was refused (« grace.12 »)."""

    kind: SubjectKind
    key: str

    def __str__(self) -> str:
        return f"{self.kind.value}-{self.key}"

    @classmethod
    def of(cls, kind: SubjectKind, key: object) -> "Subject":
        """The subject of this kind with this key."""
        return cls(kind, str(key))

    @classmethod
    def parse(cls, text: str) -> "Subject | None":
        """The subject that an address names (« line-12 »); None when it names nothing we know."""
        found = _NAME.fullmatch(text)
        if found is None or found[1] not in {kind.value for kind in SubjectKind}:
            return None
        return cls(SubjectKind(found[1]), found[2])

    @property
    def row(self) -> int | None:
        """The key as that of a row; None when it is not one."""
        return (
            int(self.key)
            if self.key.isascii() and self.key.isdigit() and len(self.key) < 16
            else None
        )

    @property
    def is_money(self) -> bool:
        """Whether an amount is contested, rather than the thing as a whole."""
        return self.kind in OF_MONEY


def text_of(text: str) -> str:
    """The words of a message, with plain line ends; raises when there are none or too many."""
    clean = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not clean:
        raise TextMissing
    if len(clean) > TEXT_LIMIT:
        raise TextTooLong(length=len(clean), limit=TEXT_LIMIT)
    return clean


def check_held(held_on: datetime.date, *, today: datetime.date) -> None:
    """A meeting is written down once it was held. Raises MeetingToCome."""
    if held_on > today:
        raise MeetingToCome(day=held_on)


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
    """One contested item, as a decision needs it. ``line`` is its French name; no amount when none is at stake."""

    key: int
    line: str
    amount: Decimal | None


def granted_amounts(
    items: Iterable[Contested], rulings: Mapping[int, Ruling]
) -> dict[int, Decimal]:
    """What each item is granted (DH): all, nothing, or the part said; nothing where no amount is at stake.

    Raises OutcomeMissing when an item has no ruling, GrantedOutOfRange when a part is nothing or everything,
    PartOfNoAmount when there is no amount to grant a part of.
    """
    granted: dict[int, Decimal] = {}
    for item in items:
        ruling = rulings.get(item.key)
        if ruling is None:
            raise OutcomeMissing(line=item.line)
        if item.amount is None:
            if ruling.outcome is Outcome.PARTLY_UPHELD:
                raise PartOfNoAmount(line=item.line)
            granted[item.key] = ZERO
        elif ruling.outcome is Outcome.UPHELD:
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


def too_small(cells: Sequence[int], *, least: int) -> frozenset[int]:
    """Which cells of a breakdown, by rank, are not published beside its total.

    A count from one to less than ``least`` is not; and as the total tells the sum of what is hidden, the next
    smallest is hidden too until at least two are, and until they make ``least`` together.
    """
    hidden = {rank for rank, count in enumerate(cells) if 0 < count < least}
    others = sorted((count, rank) for rank, count in enumerate(cells) if count >= least)
    while hidden and others and (len(hidden) < 2 or sum(cells[rank] for rank in hidden) < least):
        hidden.add(others.pop(0)[1])
    return frozenset(hidden)


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
