"""A clerk names what waiting money pays, or takes back what was named wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from affiliates.access import require_post
from affiliates.enums import MONEY_ROLES
from affiliates.models import Affiliate
from payments import posting
from payments.enums import LineVerdict
from payments.errors import (
    AlreadyUndone,
    AmountsDoNotAddUp,
    NothingToAssign,
    NotThatMuch,
    ProposalNeeded,
    SecondPersonNeeded,
    UnknownReference,
)
from payments.models import Allocation, BankLine
from payments.queries import suspense_of
from payments.workflows.allocations.batch import (
    Batch,
    allocate,
    key_of,
    key_of_due,
    write,
)
from payments.workflows.allocations.spent import (
    back_to_what_is_asked,
    lock_owners,
    paid_with_credit,
    unspend,
)
from payments.workflows.ledger import Event, post
from payments.workflows.targets import Target, lock_targets, save_targets
from portal import audit, clock
from portal.models import User
from regulation.money import ZERO, format_amount
from regulation.parameters import value_at

BY_CLERK = "CLRK"
"""The rule written on an allocation that a person decided."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a clerk wants: an amount to a payment code, or to an affiliate's credit when the code is empty."""

    amount: Decimal
    code: str = ""
    affiliate: Affiliate | None = None


@transaction.atomic
def assign(
    *, actor: User, line_id: int, parts: Sequence[Part], at: datetime, second: User | None = None
) -> None:
    """A clerk names what waiting money pays. The parts must be the whole of what waits.

    `second` is the other person when two are needed (`needs_second_person`). Refuses whoever is not at the money desk
    (PostMissing), ProposalNeeded without one, NothingToAssign, UnknownReference, AmountsDoNotAddUp, and NotThatMuch for
    more than a due has left.
    """
    require_post(actor, MONEY_ROLES)
    line = BankLine.objects.get(pk=line_id)
    if (second is None or second == actor) and needs_second_person(line, parts, at=at):
        raise ProposalNeeded(limit=format_amount(_limit(at)))
    assign_found(actor=actor, line_id=line_id, parts=parts, rule=BY_CLERK, at=at)


def needs_second_person(line: BankLine, parts: Sequence[Part], *, at: datetime) -> bool:
    """Whether two persons must agree: a sum above the parameter, or an affiliate that no proposal named."""
    if line.amount > _limit(at):
        return True
    proposed = {one["affiliate"] for one in line.proposals}
    return bool(proposed) and any(number not in proposed for number in _affiliates_of(parts))


def _limit(at: datetime) -> Decimal:
    return value_at("suspense.second_person_above", clock.day_of(at)).value


def _affiliates_of(parts: Sequence[Part]) -> set[str]:
    found = {part.affiliate.affiliation_number for part in parts if part.affiliate is not None}
    targets = lock_targets({part.code for part in parts if part.code})
    return found | {target.affiliation_number for target in targets.values()}


@transaction.atomic
def assign_found(
    *, actor: User | None, line_id: int, parts: Sequence[Part], rule: str, at: datetime
) -> None:
    """`assign`, for a due found by a rule: a slip issued after the money that cites it."""
    targets = lock_targets({part.code for part in parts if part.code})
    line = BankLine.objects.select_for_update(of=("self",)).get(pk=line_id)
    waiting = suspense_of(line.pk)
    if not waiting:
        raise NothingToAssign
    if sum((part.amount for part in parts), ZERO) != waiting or any(
        part.amount <= 0 for part in parts
    ):
        shares = format_amount(sum((part.amount for part in parts), ZERO))
        raise AmountsDoNotAddUp(shares=shares, amount=format_amount(waiting))
    by_code: dict[str, Decimal] = {}
    credits: dict[int, Decimal] = {}
    for part in parts:
        if part.code or part.affiliate is None:
            by_code[part.code] = by_code.get(part.code, ZERO) + part.amount
        else:
            credits[part.affiliate.pk] = credits.get(part.affiliate.pk, ZERO) + part.amount
    shares_to = [(_checked(targets, code, amount), amount) for code, amount in by_code.items()]
    number = 1 + Allocation.objects.filter(bank_line_id=line.pk).count()
    batch = Batch(
        events=[
            Event(
                posting.suspense_assigned(
                    line.pk,
                    [(target.due, amount) for target, amount in shares_to],
                    list(credits.items()),
                ),
                f"assign:{line.pk}:{number}",
                clock.day_of(at),
            )
        ],
        answered=[line],
    )
    paid_on = line.paid_on or line.booking_day
    allocate(batch, 0, line, shares_to, None, ZERO, rule, paid_on)
    for affiliate, amount in credits.items():
        allocate(batch, 0, line, [], affiliate, amount, rule, paid_on)
    line.rule = rule
    line.verdict = (LineVerdict.PARTIAL if credits else LineVerdict.ACCEPTED).value
    line.verdict_code, line.verdict_facts = "", {}
    write(batch, actor)
    audit.record(
        actor=actor,
        action="payments.line_assigned",
        subject=line,
        amount=waiting,
        parts=[{"code": part.code, "amount": part.amount} for part in parts],
    )


def _checked(targets: Mapping[str, Target], code: str, amount: Decimal) -> Target:
    target = targets.get(code)
    if target is None:
        raise UnknownReference(reference=code[:40])
    if amount > target.outstanding:
        raise NotThatMuch(asked=format_amount(amount), left=format_amount(target.outstanding))
    return target


def reverse(*, actor: User, second: User, allocation_id: int, at: datetime) -> None:
    """Undo one allocation: its money goes back to suspense and what it paid is owed again.

    Always two persons of the money desk. Refuses PostMissing, SecondPersonNeeded and AlreadyUndone. Moving money is
    this, then `assign`.
    """
    for person in (actor, second):
        require_post(person, MONEY_ROLES)
    if second == actor:
        raise SecondPersonNeeded
    take_back(actor=actor, allocation_id=allocation_id, at=at)


@transaction.atomic
def take_back(*, actor: User, allocation_id: int, at: datetime) -> None:
    """`reverse`, for callers that have seen to the two persons."""
    wanted = Allocation.objects.select_related("slip", "surcharge", "filing_penalty").get(
        pk=allocation_id
    )
    rows = [wanted.slip, wanted.surcharge, wanted.filing_penalty]
    owner = lock_owners([wanted.affiliate_id])[wanted.affiliate_id]
    codes = {row.payment_reference for row in rows if row is not None}
    targets = lock_targets(codes | paid_with_credit([owner.pk]))
    line = BankLine.objects.select_for_update(of=("self",)).get(pk=wanted.bank_line_id)
    if wanted.undoes_id or Allocation.objects.filter(undoes_id=wanted.pk).exists():
        raise AlreadyUndone
    key = key_of(wanted)
    target = next((one for one in targets.values() if key_of_due(one.due) == key), None)
    shares = [(target.due, wanted.amount)] if target else []
    credits = [] if target else [(wanted.affiliate_id, wanted.amount)]
    placed = posting.suspense_assigned(line.pk, shares, credits)
    entry = post(
        Event(posting.reversal(placed.lines), f"undo:{wanted.pk}", clock.day_of(at)), actor=actor
    )
    Allocation.objects.create(
        bank_line=line,
        affiliate_id=wanted.affiliate_id,
        slip_id=wanted.slip_id,
        surcharge_id=wanted.surcharge_id,
        filing_penalty_id=wanted.filing_penalty_id,
        amount=wanted.amount,
        rule=BY_CLERK,
        paid_on=clock.day_of(at),
        entry=entry,
        allocated_by=actor,
        undoes=wanted,
    )
    why, on = f"undo{wanted.pk}", clock.day_of(at)
    if target:
        target.owe_again(wanted.amount)
        back_to_what_is_asked(actor=actor, targets=[target], why=why, on=on)
        save_targets([target])
    unspend(actor=actor, affiliate=owner, targets=targets.values(), why=why, on=on)
    line.verdict = LineVerdict.WAITING.value
    line.save(update_fields=["verdict"])
    audit.record(
        actor=actor,
        action="payments.allocation_reversed",
        subject=line,
        allocation=wanted.pk,
        amount=wanted.amount,
    )
