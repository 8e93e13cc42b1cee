"""The bank takes money back: what it had paid is owed again (rule R9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from payments import posting
from payments.codecs.faults import Fault, fault
from payments.enums import DebitState, EntryKind, LineKind, LineVerdict
from payments.matching import (
    Books,
    Match,
    Received,
    Settled,
    match,
    references,
)
from payments.models import Allocation, BankLine, DebitOrder, DebitShare
from payments.queries import credit_of, suspense_of
from payments.workflows.allocations.batch import (
    key_of,
    key_of_due,
    live_allocations,
    note_answer,
)
from payments.workflows.allocations.settling import received_of
from payments.workflows.allocations.spent import (
    back_to_what_is_asked,
    lock_owners,
    paid_with_credit,
    unspend,
)
from payments.workflows.debits.booking import bring_back, came_back
from payments.workflows.ledger import Event, post
from payments.workflows.letters import payment_taken_back
from payments.workflows.targets import Target, lock_targets, save_targets
from portal import audit, clock
from portal.models import User
from regulation.money import ZERO
from regulation.text import _


@transaction.atomic
def settle_reversal(*, actor: User | None, line_id: int) -> None:
    """Rule R9 for one booked debit: find the credit it undoes and make what that had paid owed again.

    A reversal that finds nothing waits (L19) and is tried again after each file: returns may arrive first.
    """
    line = BankLine.objects.select_for_update(of=("self",)).get(pk=line_id)
    if line.kind != LineKind.DEBIT.value or line.verdict not in ("", LineVerdict.WAITING.value):
        return
    received = received_of(line)
    order = came_back(line, None)
    candidates = (
        _candidates(received, line.account_id) if order is None else [_collected(order, received)]
    )
    answer = match(received, references(received), Books(settled=candidates))
    if answer.rule == "R9" and answer.origin is not None:
        origin = answer.origin
        order = order or came_back(line, origin)
        impossible = _impossible(order, line) if order is not None else None
        if impossible is not None:
            answer = impossible
        else:
            _undo_origin(actor, line, origin, order)
    note_answer(line, answer)
    line.save(update_fields=["rule", "verdict", "verdict_code", "verdict_facts", "proposals"])


def _collected(order: DebitOrder, line: Received) -> Settled:
    """The collection of an order as something to undo: its own amount, even inside the credit of a whole run."""
    return Settled(order.bank_line_id or 0, "", line.end_to_end, "", order.amount, order.amount)


def _impossible(order: DebitOrder, line: BankLine) -> Match | None:
    """A debit order comes back whole and once, or a clerk looks (L13, L23)."""
    told: Fault | None = None
    if order.state != DebitState.EXECUTED.value:
        state = DebitState(order.state).label
        told = fault("L23", rang=line.rank, ref=order.reference, etat=state, evenement=_("retour"))
    elif line.amount != order.amount:
        told = fault("L13", rang=line.rank, montant=line.amount, attendu=order.amount)
    return Match("R0", LineVerdict.WAITING, (told,)) if told else None


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


def _undo_origin(
    actor: User | None, line: BankLine, origin_id: int, order: DebitOrder | None
) -> None:
    placed = Allocation.objects.filter(bank_line_id=origin_id)
    # Its credit may move below: nobody else may spend it meanwhile.
    owners = lock_owners(placed.values_list("affiliate_id", flat=True))
    codes = [
        code
        for codes in placed.values_list(
            "slip__payment_reference",
            "surcharge__payment_reference",
            "filing_penalty__payment_reference",
        )
        for code in codes
        if code
    ]
    locked = lock_targets({*codes, *paid_with_credit(owners)})
    targets = {key_of_due(target.due): target for target in locked.values()}
    before = {target.code: target.outstanding for target in locked.values()}
    origin = BankLine.objects.select_for_update(of=("self",)).get(pk=origin_id)
    live = live_allocations(origin.pk)
    mine = [one for one in live if order is not None and one.debit_order_id == order.pk]
    left = line.amount
    # What an order collected comes back from what it paid; only what a clerk moved away is looked for elsewhere.
    elsewhere = left - sum((one.amount for one in mine), ZERO) if order else left
    from_suspense = min(elsewhere, suspense_of(origin.pk))
    left -= from_suspense
    shares: list[tuple[Target, Decimal]] = []
    credits: dict[int, Decimal] = {}
    undone: list[tuple[Allocation, Decimal]] = []
    # Last in, first out; money that sits as credit goes before money that settled something.
    live.sort(key=lambda one: (one not in mine, key_of(one) is not None, -one.pk))
    for allocation in live:
        amount = min(left, allocation.amount)
        if not amount:
            break
        left -= amount
        undone.append((allocation, amount))
        key = key_of(allocation)
        target = targets.get(key) if key else None
        if target is None:
            owner = allocation.affiliate_id
            credits[owner] = credits.get(owner, ZERO) + amount
        else:
            shares.append((target, amount))
    entry = post(
        Event(
            posting.bank_reversal(
                line.account_id,
                line.pk,
                origin.pk,
                [(target.due, amount) for target, amount in shares],
                list(credits.items()),
                from_suspense,
                EntryKind.COLLECTION_RETURN if order else EntryKind.REVERSAL,
            ),
            f"bank_line:{line.pk}",
            line.booking_day,
        ),
        actor=actor,
    )
    _keep_the_rest(actor, line, origin, undone, entry_id=entry.pk)
    for target, amount in shares:
        target.owe_again(amount)
    owed = {target.code: target for target, _ in shares}
    taken = back_to_what_is_asked(
        actor=actor, targets=owed.values(), why=str(line.pk), on=line.booking_day
    )
    save_targets(owed.values())
    for target in owed.values():
        _refill(actor, target, on=line.booking_day)
    debts = {
        owner: unspend(
            actor=actor,
            affiliate=owners[owner],
            targets=locked.values(),
            why=str(line.pk),
            on=line.booking_day,
        )
        for owner in sorted({*credits, *taken})
    }
    origin.details = {**origin.details, "reversed": str(_reversed_of(origin) + line.amount)}
    origin.save(update_fields=["details"])
    audit.record(
        actor=actor,
        action="payments.line_reversed",
        subject=origin,
        amount=line.amount,
        by_line=line.pk,
    )
    if order is not None:
        bring_back(order, line)
    for affiliate in owners.values():
        # A debit that came back is told with its order: only what else is owed again is told here.
        again = [
            (target.due.period, target.code, target.outstanding - before[target.code])
            for target in locked.values()
            if target.due.affiliate == affiliate.pk
            and target.outstanding > before[target.code]
            and (order is None or target.code not in owed)
        ]
        debt = debts.get(affiliate.pk, ZERO)
        if again or debt:
            payment_taken_back(line, affiliate, again, debt, at=clock.now())


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
            debit_order_id=allocation.debit_order_id,
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


def _refill(actor: User | None, target: Target, *, on: date) -> None:
    """An excess paid for this due, kept as credit while it was settled, goes back to it now that it is owed again.

    So the books do not depend on which of two payments came first. Only credit that is still there, and only from
    lines that cited this due or collected an order of it: nothing is decided in the employer's place.
    """
    cited = Q(bank_line__verdict_code__in=("L14", "L28"), bank_line__verdict_facts__ref=target.code)
    collected = Q(
        debit_order__in=DebitShare.objects.filter(
            slip=target.due.slip,
            surcharge=target.due.surcharge,
            filing_penalty=target.due.filing_penalty,
        ).values("order")
    )
    kept = (
        Allocation.objects.filter(
            cited | collected,
            affiliate_id=target.due.affiliate,
            slip=None,
            surcharge=None,
            filing_penalty=None,
            undoes=None,
            undone_by=None,
        )
        .select_related("affiliate", "bank_line")
        .order_by("pk")
    )
    for allocation in kept:
        amount = min(allocation.amount, target.outstanding, credit_of(allocation.affiliate))
        if amount <= 0:
            return
        event = Event(
            posting.credit_moved(allocation.bank_line_id, target.due, amount),
            f"credit_moved:{allocation.pk}",
            on,
        )
        entry = post(event, actor=actor)
        _keep_the_rest(
            actor,
            allocation.bank_line,
            allocation.bank_line,
            [(allocation, amount)],
            entry_id=entry.pk,
        )
        Allocation.objects.create(
            bank_line_id=allocation.bank_line_id,
            affiliate_id=allocation.affiliate_id,
            slip_id=target.due.slip,
            surcharge_id=target.due.surcharge,
            filing_penalty_id=target.due.filing_penalty,
            amount=amount,
            rule=allocation.rule,
            paid_on=allocation.paid_on,
            entry=entry,
            allocated_by=actor,
        )
        target.pay(amount, allocation.paid_on)
        save_targets([target])
