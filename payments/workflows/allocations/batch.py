"""What one settlement writes: entries, allocations, what is left on the dues, the verdict of each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone

from payments import posting
from payments.matching import (
    Match,
    Proposal,
)
from payments.models import Allocation, BankLine, DebitOrder
from payments.workflows.ledger import Event, post_all
from payments.workflows.targets import Target, save_targets
from portal.bulk import insert_rows, made_from, update_rows
from portal.models import User


@dataclass(slots=True)
class Batch:
    """What one settlement will write."""

    events: list[Event] = field(default_factory=list)
    # Each with the place of the event whose entry it follows from; none: it already names its entry.
    allocations: list[tuple[int | None, Allocation]] = field(default_factory=list)
    touched: dict[str, Target] = field(default_factory=dict)
    answered: list[BankLine] = field(default_factory=list)


def note_answer(line: BankLine, answer: Match) -> None:
    """Put the answer on the line; the last thing told is the one the return file says."""
    line.rule = answer.rule
    line.verdict = answer.verdict.value
    said = answer.told[-1] if answer.told else None
    line.verdict_code = said.code if said else ""
    line.verdict_facts = dict(said.facts) if said else {}
    line.proposals = [_plain(proposal) for proposal in answer.proposals]


def _plain(proposal: Proposal) -> dict[str, Any]:
    return {**asdict(proposal), "amount": str(proposal.amount)}


def allocate(
    batch: Batch,
    place: int,
    line: BankLine,
    shares: Sequence[tuple[Target, Decimal]],
    credit_to: int | None,
    credit: Decimal,
    rule: str,
    paid_on: date,
    order: DebitOrder | None = None,
) -> None:
    """Plan the allocations of one line; `order` is the debit order whose collection they are."""
    for target, amount in shares:
        target.pay(amount, paid_on)
        batch.touched[target.code] = target
        due = target.due
        paid = allocation_of(
            line.pk, due.affiliate, amount, rule, paid_on,
            slip_id=due.slip, surcharge_id=due.surcharge, filing_penalty_id=due.filing_penalty,
            debit_order_id=order.pk if order else None,
        )  # fmt: skip
        batch.allocations.append((place, paid))
    if credit and credit_to is not None:
        order_id = order.pk if order else None
        kept = allocation_of(line.pk, credit_to, credit, rule, paid_on, debit_order_id=order_id)
        batch.allocations.append((place, kept))


def allocation_of(
    line_id: int, affiliate_id: int, amount: Decimal, rule: str, paid_on: date, **about: int | None
) -> Allocation:
    """A new allocation; `about` names the due, the order, the entry or the allocation it undoes, by their keys."""
    return made_from(
        Allocation,
        {
            "id": None,
            "bank_line_id": line_id,
            "affiliate_id": affiliate_id,
            "slip_id": None,
            "surcharge_id": None,
            "filing_penalty_id": None,
            "debit_order_id": None,
            "amount": amount,
            "rule": rule,
            "paid_on": paid_on,
            "entry_id": None,
            "allocated_at": None,
            "allocated_by_id": None,
            "undoes_id": None,
            **about,
        },
    )


def write(batch: Batch, actor: User | None) -> None:
    entries = post_all(batch.events, actor=actor)
    allocated_at, allocated_by = timezone.now(), actor.pk if actor else None
    for place, allocation in batch.allocations:
        if place is not None:
            allocation.entry_id = entries[place].pk
        allocation.allocated_at, allocation.allocated_by_id = allocated_at, allocated_by
    insert_rows([allocation for _, allocation in batch.allocations])
    save_targets(batch.touched.values())
    written = [line for line in batch.answered if not line._state.adding]
    update_rows(written, ["rule", "verdict", "verdict_code", "verdict_facts", "proposals"])


def key_of_due(due: posting.Due) -> tuple[str, int]:
    if due.slip:
        return "slip", due.slip
    return ("surcharge", due.surcharge) if due.surcharge else ("penalty", due.filing_penalty or 0)


def key_of(allocation: Allocation) -> tuple[str, int] | None:
    if allocation.slip_id:
        return "slip", allocation.slip_id
    if allocation.surcharge_id:
        return "surcharge", allocation.surcharge_id
    return ("penalty", allocation.filing_penalty_id) if allocation.filing_penalty_id else None


def live_allocations(line_id: int) -> list[Allocation]:
    """The allocations of a bank line that nothing has undone."""
    return list(
        Allocation.objects.filter(
            bank_line_id=line_id, undoes__isnull=True, undone_by__isnull=True
        ).order_by("pk")
    )
