"""Money finds its due: settle by reference, assign by a clerk, reverse what was wrong or came back.

Every function runs in one transaction. Locks: slips and other dues, then bank lines, ascending.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from affiliates.models import Affiliate
from payments import posting
from payments.codecs.faults import Fault
from payments.enums import LineKind, LineVerdict
from payments.errors import (
    AlreadyUndone,
    AmountsDoNotAddUp,
    NothingToAssign,
    NotThatMuch,
    UnknownReference,
)
from payments.matching import (
    Books,
    Match,
    Proposal,
    Received,
    References,
    Settled,
    match,
    references,
)
from payments.models import Allocation, BankLine
from payments.queries import open_items_of, rib_owners, suspense_of
from payments.workflows.bulk import insert_rows, update_rows
from payments.workflows.ledger import Event, post, post_all
from payments.workflows.targets import Target, lock_targets, save_targets
from portal import audit, clock
from portal.models import User
from regulation.money import ZERO, format_amount

BY_CLERK = "CLRK"
"""The rule written on an allocation that a person decided."""


@dataclass(slots=True)
class _Batch:
    """What one settlement will write."""

    events: list[Event] = field(default_factory=list)
    allocations: list[tuple[int, Allocation]] = field(default_factory=list)
    touched: dict[str, Target] = field(default_factory=dict)
    answered: list[BankLine] = field(default_factory=list)


@transaction.atomic
def settle(*, actor: User | None, lines: Sequence[BankLine]) -> None:
    """Match these credits (and lines without effect), post them, and write the verdict of each.

    `lines` are locked here; those already answered are left alone, so the call may be repeated. Reversals are the
    business of `settle_reversals`. Every line gets a verdict: allocated, credited, waiting in suspense, information.
    """
    fresh = [line for line in lines if not line.verdict]
    cited_by = {line.pk: references(received_of(line)) for line in fresh}
    targets = lock_targets({code for found in cited_by.values() for code in found.all})
    locked = _lock_unanswered(fresh)
    if not locked:
        return
    received = [received_of(line) for line in locked]
    cited = [cited_by[line.pk] for line in locked]
    books = _books(received, cited, targets)
    batch = _Batch()
    affiliates = {target.affiliation_number: target.due.affiliate for target in targets.values()}
    for line, item, found in zip(locked, received, cited, strict=True):
        seen = Books(
            items={code: targets[code].item() for code in _with_successors(found.all, targets)},
            open_items=books.open_items,
            rib_owners=books.rib_owners,
        )
        answer = match(item, found, seen)
        _note(line, answer)
        _plan(batch, line, answer, targets, affiliates)
        batch.answered.append(line)
    _write(batch, actor)


def _with_successors(codes: Iterable[str], targets: Mapping[str, Target]) -> list[str]:
    known: dict[str, None] = {}
    for code in codes:
        while code in targets and code not in known:
            known[code] = None
            code = targets[code].item().successor
    return list(known)


def _lock_unanswered(lines: Sequence[BankLine]) -> list[BankLine]:
    """Those of these lines that still have no verdict, locked in ascending order, in the order of their file.

    Only their keys are read again: what a bank said never changes.
    """
    keys = set(
        BankLine.objects.filter(pk__in=[line.pk for line in lines], verdict="")
        .order_by("pk")
        .select_for_update(of=("self",))
        .values_list("pk", flat=True)
    )
    still = [line for line in lines if line.pk in keys]
    return sorted(still, key=lambda line: (line.bank_file_id, line.rank))


def received_of(line: BankLine) -> Received:
    """A stored line as matching reads it."""
    details = line.details
    return Received(
        rank=line.rank,
        kind=LineKind(line.kind),
        amount=line.amount,
        is_reversal=line.is_reversal,
        our_account=details.get("our_account", ""),
        bank_ref=line.bank_ref,
        end_to_end=line.end_to_end,
        instruction=details.get("instruction", ""),
        batch=line.batch,
        creditor_ref=line.creditor_ref,
        free_text=line.free_text,
        payer_rib=line.payer_rib,
        creditor_rib=details.get("creditor_rib", ""),
        affiliation_number=details.get("affiliation_number", ""),
        original_bank_ref=line.original_bank_ref,
        nature=details.get("nature", ""),
        status=line.bank_status,
        notes=tuple(Fault(note["code"], note["facts"]) for note in details.get("notes", ())),
    )


def _books(
    received: Sequence[Received], cited: Sequence[References], targets: Mapping[str, Target]
) -> Books:
    """What the proposals need, loaded only for the lines whose references lead nowhere."""
    lost = [
        (item, found)
        for item, found in zip(received, cited, strict=True)
        if item.kind is LineKind.CREDIT and not any(code in targets for code in found.all)
    ]
    owners = rib_owners({item.payer_rib for item, _ in lost if item.payer_rib})
    named = {number for _, found in lost for number in found.affiliates}
    named |= {item.affiliation_number for item, _ in lost if item.affiliation_number}
    named |= {number for numbers in owners.values() for number in numbers}
    return Books(open_items=open_items_of(named), rib_owners=owners)


def _note(line: BankLine, answer: Match) -> None:
    """Put the answer on the line; the last thing told is the one the return file says."""
    line.rule = answer.rule
    line.verdict = answer.verdict.value
    said = answer.told[-1] if answer.told else None
    line.verdict_code = said.code if said else ""
    line.verdict_facts = dict(said.facts) if said else {}
    line.proposals = [_plain(proposal) for proposal in answer.proposals]


def _plain(proposal: Proposal) -> dict[str, Any]:
    return {**asdict(proposal), "amount": str(proposal.amount)}


def _plan(
    batch: _Batch,
    line: BankLine,
    answer: Match,
    targets: Mapping[str, Target],
    affiliates: Mapping[str, int],
) -> None:
    """Turn an answer into postings and allocations, and lower what the targets owe."""
    if line.kind != LineKind.CREDIT.value:
        return
    if answer.verdict is LineVerdict.WAITING:
        entry = posting.suspense_received(line.account_id, line.pk, line.amount)
        batch.events.append(Event(entry, f"bank_line:{line.pk}", line.booking_day))
        return
    paid_on = line.paid_on or line.booking_day
    shares = [(targets[share.code], share.amount) for share in answer.shares]
    credit_to = affiliates[answer.credit_to] if answer.credit else None
    entry = posting.payment(
        line.account_id,
        line.pk,
        [(target.due, amount) for target, amount in shares],
        credit_to,
        answer.credit,
    )
    place = len(batch.events)
    batch.events.append(Event(entry, f"bank_line:{line.pk}", line.booking_day))
    _allocate(batch, place, line, shares, credit_to, answer.credit, answer.rule, paid_on)


def _allocate(
    batch: _Batch,
    place: int,
    line: BankLine,
    shares: Sequence[tuple[Target, Decimal]],
    credit_to: int | None,
    credit: Decimal,
    rule: str,
    paid_on: date,
) -> None:
    for target, amount in shares:
        target.pay(amount, paid_on)
        batch.touched[target.code] = target
        batch.allocations.append(
            (
                place,
                Allocation(
                    bank_line=line,
                    affiliate_id=target.due.affiliate,
                    slip_id=target.due.slip,
                    surcharge_id=target.due.surcharge,
                    filing_penalty_id=target.due.filing_penalty,
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
                    bank_line=line,
                    affiliate_id=credit_to,
                    amount=credit,
                    rule=rule,
                    paid_on=paid_on,
                ),
            )
        )


def _write(batch: _Batch, actor: User | None) -> None:
    entries = post_all(batch.events, actor=actor)
    for place, allocation in batch.allocations:
        allocation.entry = entries[place]
        allocation.allocated_by = actor
    insert_rows([allocation for _, allocation in batch.allocations])
    save_targets(batch.touched.values())
    update_rows(batch.answered, ["rule", "verdict", "verdict_code", "verdict_facts", "proposals"])


@transaction.atomic
def settle_reversal(*, actor: User | None, line_id: int) -> None:
    """Rule R9 for one booked debit: find the credit it undoes and make what that had paid owed again.

    A reversal that finds nothing waits (L19) and is tried again after each file: returns may arrive first.
    """
    line = BankLine.objects.select_for_update(of=("self",)).get(pk=line_id)
    if line.kind != LineKind.DEBIT.value or line.verdict not in ("", LineVerdict.WAITING.value):
        return
    received = received_of(line)
    candidates = _candidates(received, line.account_id)
    answer = match(received, references(received), Books(settled=candidates))
    if answer.rule == "R9" and answer.origin is not None:
        _undo_origin(actor, line, answer.origin)
    _note(line, answer)
    line.save(update_fields=["rule", "verdict", "verdict_code", "verdict_facts", "proposals"])


def _candidates(line: Received, account_id: int) -> list[Settled]:
    """Credits of the same account that the references of a reversal may mean, with what is left to reverse."""
    credits = BankLine.objects.filter(
        account_id=account_id, kind=LineKind.CREDIT.value, repeats__isnull=True
    ).exclude(verdict="")
    for condition in (
        {"bank_ref": line.original_bank_ref} if line.original_bank_ref else None,
        {"end_to_end": line.end_to_end} if line.end_to_end else None,
        {"batch": line.batch, "amount": line.amount} if line.batch else None,
    ):
        if condition is None:
            continue
        rows = list(credits.filter(**condition)[:3])
        if rows:
            return [
                Settled(
                    row.pk,
                    row.bank_ref,
                    row.end_to_end,
                    row.batch,
                    row.amount,
                    row.amount - _reversed_of(row),
                )
                for row in rows
            ]
    return []


def _reversed_of(line: BankLine) -> Decimal:
    """What bank reversals already took back from a credit."""
    done = line.details.get("reversed", "0.00")
    return Decimal(done)


def _undo_origin(actor: User | None, line: BankLine, origin_id: int) -> None:
    codes = [
        code
        for codes in Allocation.objects.filter(bank_line_id=origin_id).values_list(
            "slip__payment_reference",
            "surcharge__payment_reference",
            "filing_penalty__payment_reference",
        )
        for code in codes
        if code
    ]
    targets = {_key(target.due): target for target in lock_targets(codes).values()}
    origin = BankLine.objects.select_for_update(of=("self",)).get(pk=origin_id)
    left = line.amount
    waiting = suspense_of(origin.pk)
    from_suspense = min(left, waiting)
    left -= from_suspense
    shares: list[tuple[Target, Decimal]] = []
    credit, credit_from = ZERO, None
    undone: list[tuple[Allocation, Decimal]] = []
    # Last in, first out; money that sits as credit goes before money that settled something.
    live = sorted(live_allocations(origin.pk), key=lambda one: (_key_of(one) is not None, -one.pk))
    for allocation in live:
        amount = min(left, allocation.amount)
        if not amount:
            break
        left -= amount
        undone.append((allocation, amount))
        key = _key_of(allocation)
        target = targets.get(key) if key else None
        if target is None:
            credit += amount
            credit_from = allocation.affiliate_id
        else:
            shares.append((target, amount))
    entry = post(
        Event(
            posting.bank_reversal(
                line.account_id,
                line.pk,
                origin.pk,
                [(target.due, amount) for target, amount in shares],
                credit_from,
                credit,
                from_suspense,
            ),
            f"bank_line:{line.pk}",
            line.booking_day,
        ),
        actor=actor,
    )
    _keep_the_rest(actor, line, origin, undone, entry_id=entry.pk)
    for target, amount in shares:
        target.owe_again(amount)
    save_targets([target for target, _ in shares])
    origin.details = {**origin.details, "reversed": str(_reversed_of(origin) + line.amount)}
    origin.save(update_fields=["details"])
    audit.record(
        actor=actor,
        action="payments.line_reversed",
        subject=origin,
        amount=line.amount,
        by_line=line.pk,
    )


def _keep_the_rest(
    actor: User | None,
    line: BankLine,
    origin: BankLine,
    undone: Sequence[tuple[Allocation, Decimal]],
    *,
    entry_id: int,
) -> None:
    """Mark allocations as undone; the part of an allocation that survives is written again."""
    for allocation, amount in undone:
        Allocation.objects.create(
            bank_line=line,
            affiliate_id=allocation.affiliate_id,
            slip_id=allocation.slip_id,
            surcharge_id=allocation.surcharge_id,
            filing_penalty_id=allocation.filing_penalty_id,
            amount=allocation.amount,
            rule="R9",
            paid_on=line.booking_day,
            entry_id=entry_id,
            allocated_by=actor,
            undoes=allocation,
        )
        if amount < allocation.amount:
            Allocation.objects.create(
                bank_line=origin,
                affiliate_id=allocation.affiliate_id,
                slip_id=allocation.slip_id,
                surcharge_id=allocation.surcharge_id,
                filing_penalty_id=allocation.filing_penalty_id,
                amount=allocation.amount - amount,
                rule=allocation.rule,
                paid_on=allocation.paid_on,
                entry_id=allocation.entry_id,
                allocated_by=actor,
            )


def _key(due: posting.Due) -> tuple[str, int]:
    if due.slip:
        return "slip", due.slip
    return ("surcharge", due.surcharge) if due.surcharge else ("penalty", due.filing_penalty or 0)


def _key_of(allocation: Allocation) -> tuple[str, int] | None:
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


@dataclass(frozen=True, slots=True)
class Part:
    """What a clerk wants: an amount to a payment code, or to an affiliate's credit when the code is empty."""

    amount: Decimal
    code: str = ""
    affiliate: Affiliate | None = None


def assign(*, actor: User, line_id: int, parts: Sequence[Part], at: datetime) -> None:
    """A clerk names what waiting money pays. The parts must be the whole of what waits.

    Refuses NothingToAssign, UnknownReference, AmountsDoNotAddUp, and NotThatMuch for more than a due has left.
    """
    assign_found(actor=actor, line_id=line_id, parts=parts, rule=BY_CLERK, at=at)


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
    shares_to: list[tuple[Target, Decimal]] = []
    credit, credit_to = ZERO, None
    for part in parts:
        if part.code:
            target = _checked(targets, part)
            shares_to.append((target, part.amount))
        elif part.affiliate is not None:
            credit += part.amount
            credit_to = part.affiliate.pk
    number = 1 + Allocation.objects.filter(bank_line_id=line.pk).count()
    batch = _Batch(
        events=[
            Event(
                posting.suspense_assigned(
                    line.pk,
                    [(target.due, amount) for target, amount in shares_to],
                    credit_to,
                    credit,
                ),
                f"assign:{line.pk}:{number}",
                clock.day_of(at),
            )
        ],
        answered=[line],
    )
    paid_on = line.paid_on or line.booking_day
    _allocate(batch, 0, line, shares_to, credit_to, credit, rule, paid_on)
    line.rule = rule
    line.verdict = (LineVerdict.PARTIAL if credit else LineVerdict.ACCEPTED).value
    line.verdict_code, line.verdict_facts = "", {}
    _write(batch, actor)
    audit.record(
        actor=actor,
        action="payments.line_assigned",
        subject=line,
        amount=waiting,
        parts=[{"code": part.code, "amount": part.amount} for part in parts],
    )


def _checked(targets: Mapping[str, Target], part: Part) -> Target:
    target = targets.get(part.code)
    if target is None:
        raise UnknownReference(reference=part.code[:40])
    if part.amount > target.outstanding:
        raise NotThatMuch(asked=format_amount(part.amount), left=format_amount(target.outstanding))
    return target


@transaction.atomic
def reverse(*, actor: User, allocation_id: int, at: datetime) -> None:
    """Undo one allocation: its money goes back to suspense and what it paid is owed again.

    Refuses AlreadyUndone. Moving money is this, then `assign`.
    """
    wanted = Allocation.objects.select_related("slip", "surcharge", "filing_penalty").get(
        pk=allocation_id
    )
    rows = [wanted.slip, wanted.surcharge, wanted.filing_penalty]
    targets = lock_targets({row.payment_reference for row in rows if row is not None})
    line = BankLine.objects.select_for_update(of=("self",)).get(pk=wanted.bank_line_id)
    if wanted.undoes_id or Allocation.objects.filter(undoes_id=wanted.pk).exists():
        raise AlreadyUndone
    key = _key_of(wanted)
    target = next((one for one in targets.values() if _key(one.due) == key), None)
    shares = [(target.due, wanted.amount)] if target else []
    placed = posting.suspense_assigned(
        line.pk, shares, None if target else wanted.affiliate_id, ZERO if target else wanted.amount
    )
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
    if target:
        target.owe_again(wanted.amount)
        save_targets([target])
    line.verdict = LineVerdict.WAITING.value
    line.save(update_fields=["verdict"])
    audit.record(
        actor=actor,
        action="payments.allocation_reversed",
        subject=line,
        allocation=wanted.pk,
        amount=wanted.amount,
    )
