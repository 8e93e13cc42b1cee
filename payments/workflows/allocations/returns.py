"""The bank takes money back: what it had paid is owed again (rule R9)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction

from payments import posting
from payments.enums import LineKind, LineVerdict
from payments.matching import (
    Books,
    Received,
    Settled,
    match,
    references,
)
from payments.models import Allocation, BankLine
from payments.queries import suspense_of
from payments.workflows.allocations.batch import (
    key_of,
    key_of_due,
    live_allocations,
    note_answer,
)
from payments.workflows.allocations.settling import received_of
from payments.workflows.ledger import Event, post
from payments.workflows.targets import Target, lock_targets, save_targets
from portal import audit
from portal.models import User
from regulation.money import ZERO


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
    note_answer(line, answer)
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
    targets = {key_of_due(target.due): target for target in lock_targets(codes).values()}
    origin = BankLine.objects.select_for_update(of=("self",)).get(pk=origin_id)
    left = line.amount
    waiting = suspense_of(origin.pk)
    from_suspense = min(left, waiting)
    left -= from_suspense
    shares: list[tuple[Target, Decimal]] = []
    credit, credit_from = ZERO, None
    undone: list[tuple[Allocation, Decimal]] = []
    # Last in, first out; money that sits as credit goes before money that settled something.
    live = sorted(live_allocations(origin.pk), key=lambda one: (key_of(one) is not None, -one.pk))
    for allocation in live:
        amount = min(left, allocation.amount)
        if not amount:
            break
        left -= amount
        undone.append((allocation, amount))
        key = key_of(allocation)
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
