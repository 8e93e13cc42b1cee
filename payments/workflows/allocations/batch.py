"""What one settlement writes: entries, allocations, what is left on the dues, the verdict of each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from payments import posting
from payments.matching import (
    Match,
    Proposal,
)
from payments.models import Allocation, BankLine, DebitOrder
from payments.workflows.ledger import Event, post_all
from payments.workflows.targets import Target, save_targets
from portal.bulk import insert_rows, update_rows
from portal.models import User


@dataclass(slots=True)
class Batch:
    """What one settlement will write."""

    events: list[Event] = field(default_factory=list)
    allocations: list[tuple[int, Allocation]] = field(default_factory=list)
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
        batch.allocations.append(
            (
                place,
                Allocation(
                    bank_line_id=line.pk,
                    affiliate_id=target.due.affiliate,
                    slip_id=target.due.slip,
                    surcharge_id=target.due.surcharge,
                    filing_penalty_id=target.due.filing_penalty,
                    debit_order=order,
                    amount=amount,
                    rule=rule,
                    paid_on=paid_on,
                ),
            )
        )
    if credit and credit_to is not None:
        batch.allocations.append(
            (
                place,
                Allocation(
                    bank_line_id=line.pk,
                    affiliate_id=credit_to,
                    debit_order=order,
                    amount=credit,
                    rule=rule,
                    paid_on=paid_on,
                ),
            )
        )


def write(batch: Batch, actor: User | None) -> None:
    entries = post_all(batch.events, actor=actor)
    for place, allocation in batch.allocations:
        allocation.entry_id = entries[place].pk
        allocation.allocated_by = actor
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
