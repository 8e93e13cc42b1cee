"""The bank takes money back: what it had paid is owed again (rule R9). A chunk of returns is settled together.

What undoing a credit reads is loaded for all of them under their locks and kept up to date from one return to the next,
so that the books are those of one return after the other. A return that sets more in motion is settled alone: that of
money which became credit, of a due that fell since, that credit paid too, or for which an excess is kept; that of
several debit orders, of one of which a part was moved since, or whose reason stops its authority.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from affiliates.models import Affiliate
from payments import posting
from payments.codecs.faults import Fault, fault
from payments.enums import DebitState, EntryKind, LineKind, LineVerdict
from payments.matching import (
    Books,
    Match,
    Received,
    Settled,
    match,
    order_reference_of,
    references,
)
from payments.models import Allocation, BankLine, DebitOrder, DebitShare
from payments.queries import credit_of, suspense_of_each
from payments.workflows.allocations.batch import (
    Batch,
    allocate,
    allocation_of,
    key_of,
    key_of_due,
    note_answer,
    write,
)
from payments.workflows.allocations.meant import (
    KEPT,
    credits_meant,
    executed_or_kept,
    odd_dues,
    of_no_due,
    paid_by,
)
from payments.workflows.allocations.settling import received_of
from payments.workflows.allocations.spent import (
    back_to_what_is_asked,
    lock_owners,
    paid_with_credit,
    unspend,
)
from payments.workflows.debits.booking import (
    Collected,
    bring_back,
    came_back,
    collected_by,
    coming_back,
    leaves_authority,
    paid_whole,
    returning,
    tell_back,
)
from payments.workflows.debits.steps import lock_orders
from payments.workflows.ledger import Event
from payments.workflows.letters import payment_taken_back, readers_of_each
from payments.workflows.targets import Target, lock_targets
from portal import audit, clock
from portal.bulk import number_rows, update_rows
from portal.models import User
from regulation.money import ZERO
from regulation.text import _


@transaction.atomic
def settle_reversals(*, actor: User | None, line_ids: Collection[int]) -> None:
    """Rule R9 for these booked debits, in order: find the credit each undoes, make what that had paid owed again.

    A reversal that finds nothing waits (L19) and is tried again after each file: returns may arrive first. Safe to run
    twice: what was settled is left alone. Locks: lines, affiliates, dues, the credits undone, then orders.
    """
    lines = list(
        BankLine.objects.filter(
            pk__in=line_ids,
            kind=LineKind.DEBIT.value,
            verdict__in=("", LineVerdict.WAITING.value),
        )
        .order_by("pk")
        .select_for_update(of=("self",))
    )
    received = {line.pk: received_of(line) for line in lines}
    found = credits_meant(lines)
    orders = coming_back(lines, found)
    keys = {key for several in found.values() for key in several}
    keys |= {one.credit for one in orders.values()}
    codes, owners = paid_by(keys)
    # Their credit may move below: nobody else may spend it meanwhile.
    lock_owners(owners)
    paid = {code for several in codes.values() for code in several}
    by_credit = paid_with_credit(owners)
    targets = lock_targets(paid | by_credit)
    list(
        BankLine.objects.filter(pk__in=keys)
        .order_by("pk")
        .select_for_update(of=("self",))
        .values_list("pk")
    )
    whole = paid_whole({one.order for one in orders.values()})
    touched = _touched(lines, found, orders, codes, whole)
    odd = by_credit | odd_dues(
        [(line.amount, touched[line.pk]) for line in lines], owners, [targets[one] for one in paid]
    )
    special = executed_or_kept(keys)
    alone = {
        line.pk
        for line in lines
        if not odd.isdisjoint(touched[line.pk])
        or (
            not (orders[line.pk].order in whole and leaves_authority(line.reason_code))
            if line.pk in orders
            else not special.isdisjoint(found.get(line.pk, ()))
        )
    }
    for group in _groups(lines, alone):
        first = group[0].pk
        order = came_back(group[0]) if first in alone else None
        meant = {key for line in group for key in found.get(line.pk, ())}
        meant |= {orders[line.pk].credit for line in group if line.pk in orders}
        returns = _Returns(actor, meant, order, alone=first in alone)
        if first not in alone:
            returns.collected(
                {line.pk: orders[line.pk].order for line in group if line.pk in orders}
            )
        returns.settle([(line, received[line.pk]) for line in group], found)


def _touched(
    lines: Sequence[BankLine],
    found: Mapping[int, Sequence[int]],
    orders: Mapping[int, Collected],
    codes: Mapping[int, set[str]],
    whole: Mapping[int, set[str]],
) -> dict[int, set[str]]:
    """By return the dues that it may make owed again: what its order paid, else all that its credit ever paid."""
    return {
        line.pk: whole.get(orders[line.pk].order, set())
        if line.pk in orders
        else {code for key in found.get(line.pk, ()) for code in codes.get(key, ())}
        for line in lines
    }


def _groups(lines: Sequence[BankLine], alone: Collection[int]) -> Iterator[list[BankLine]]:
    """The lines in order: those that may go together, and those that go alone."""
    group: list[BankLine] = []
    for line in lines:
        if line.pk in alone:
            if group:
                yield group
            yield [line]
            group = []
        else:
            group.append(line)
    if group:
        yield group


# ------------------------------------------------------------------ undoing


def _impossible(orders: Sequence[DebitOrder], line: BankLine) -> Match | None:
    """A debit order comes back whole and once, and so do those of one credit; else a clerk looks (L13, L23, L31)."""
    told: Fault | None = None
    whole = sum((order.amount for order in orders), ZERO)
    if len(orders) > 1 and line.amount != whole:
        run = orders[0].run
        told = fault(
            "L31r", rang=line.rank, montant=line.amount, remise=run.message_id if run else "",
            n=len(orders), attendu=whole,
        )  # fmt: skip
    elif len(orders) == 1 and orders[0].state != DebitState.EXECUTED.value:
        state = DebitState(orders[0].state).label
        told = fault(
            "L23", rang=line.rank, ref=orders[0].reference, etat=state, evenement=_("retour")
        )
    elif len(orders) == 1 and line.amount != whole:
        told = fault("L13", rang=line.rank, montant=line.amount, attendu=whole)
    return Match("R0", LineVerdict.WAITING, (told,)) if told else None


def _reversed_of(line: BankLine) -> Decimal:
    """What bank reversals already took back from a credit."""
    return Decimal(line.details.get("reversed", "0.00"))


_Again = tuple[date, str, Decimal]
"""A month, a code, and what is owed again on it, in dirhams."""


@dataclass(frozen=True, slots=True)
class _Undone:
    """What one return took back: from these dues, and from the credit of these affiliates (dirhams)."""

    targets: list[Target]
    credits: dict[int, Decimal]


class _Returns:
    """Credits to undo, under lock, with all that undoing them reads: each return sees what the one before it did."""

    def __init__(
        self, actor: User | None, keys: Collection[int], order: DebitOrder | None, *, alone: bool
    ) -> None:
        self._actor, self._order, self._alone = actor, order, alone
        codes, owners = paid_by(keys)
        self._owners = lock_owners(owners)
        paid = {code for several in codes.values() for code in several}
        locked = lock_targets(paid | paid_with_credit(owners) if alone else paid)
        self._locked = list(locked.values())
        self._targets = {key_of_due(target.due): target for target in self._locked}
        rows = BankLine.objects.filter(pk__in=keys).order_by("pk")
        self._origins = {row.pk: row for row in rows.select_for_update(of=("self",))}
        self._suspense = suspense_of_each(keys)
        # By credit, then by key: what of it is placed; and by order what of that is its own.
        self._live: dict[int, dict[int, Allocation]] = defaultdict(dict)
        self._own: dict[int, list[Allocation]] = defaultdict(list)
        for one in Allocation.objects.filter(
            bank_line_id__in=keys, undoes__isnull=True, undone_by__isnull=True
        ).order_by("pk"):
            self._live[one.bank_line_id][one.pk] = one
            if one.debit_order_id:
                self._own[one.debit_order_id].append(one)
        self._orders: dict[int, DebitOrder] = {}
        self._returned, self._brought = returning(), list[DebitOrder]()
        self._batch = Batch()
        self._reversed: dict[int, BankLine] = {}
        self._acts: list[audit.Act] = []
        self._told: list[tuple[BankLine, Affiliate, list[_Again], Decimal]] = []

    def collected(self, orders: Mapping[int, int]) -> None:
        """Lock the orders that these returns may bring back, by the key of the return."""
        rows = {row.pk: row for row in lock_orders(pk__in=set(orders.values()))}
        self._orders = {line: rows[key] for line, key in orders.items()}

    def settle(
        self, lines: Sequence[tuple[BankLine, Received]], found: Mapping[int, tuple[int, ...]]
    ) -> None:
        """Answer these returns in order, and write what follows."""
        for line, received in lines:
            order = self._order or self._orders.get(line.pk)
            orders = [order] if order is not None else []
            cited = order if order_reference_of(line.end_to_end) else None
            books = Books(settled=self._settled(received, found.get(line.pk, ()), cited))
            answer = match(received, references(received), books)
            origin = answer.origin
            if answer.rule == "R9" and origin is not None:
                if not orders and self._alone:
                    orders = collected_by(line, origin)
                impossible = _impossible(orders, line)
                if impossible is not None:
                    answer = impossible
                elif self._alone:
                    self._undo_alone(line, self._origins[origin], orders)
                elif orders:
                    # Told with its order: nothing else is owed again by it.
                    self._undo(line, self._origins[origin], orders)
                    self._bring_back(orders, line)
                else:
                    before = self._owed_by(origin)
                    undone = self._undo(line, self._origins[origin], ())
                    self._tell(line, undone.targets, before, {})
            note_answer(line, answer)
            self._batch.answered.append(line)
        self._write()

    def _owed_by(self, origin: int) -> dict[str, Decimal]:
        """What is left of the dues that a credit pays now, by code."""
        live = self._live[origin].values()
        paid = (self._targets[key] for one in live if (key := key_of(one)))
        return {target.code: target.outstanding for target in paid}

    def _undo_alone(self, line: BankLine, origin: BankLine, orders: Sequence[DebitOrder]) -> None:
        """Undo with all that may follow: dues that fell since, excess that goes back, credit that was spent."""
        before = {target.code: target.outstanding for target in self._locked}
        undone = self._undo(line, origin, orders)
        why, on = str(line.pk), line.booking_day
        taken = back_to_what_is_asked(actor=self._actor, targets=undone.targets, why=why, on=on)
        self._write()
        for target in undone.targets:
            _refill(self._actor, target, on=on)
        debts = {
            owner: unspend(
                actor=self._actor,
                affiliate=self._owners[owner],
                targets=self._locked,
                why=why,
                on=on,
            )
            for owner in sorted({*undone.credits, *taken})
        }
        self._bring_back(orders, line)
        self._write_orders()
        # A debit that came back is told with its order: only what else is owed again is told here.
        own = {target.code for target in undone.targets} if orders else set()
        others = [target for target in self._locked if target.code not in own]
        self._tell(line, others, before, debts)

    def _bring_back(self, orders: Iterable[DebitOrder], line: BankLine) -> None:
        for order in orders:
            bring_back(self._returned, order, line)
            self._brought.append(order)

    def _write_orders(self) -> None:
        self._returned.write()
        tell_back(self._brought)
        self._returned, self._brought = returning(), []

    def _tell(
        self,
        line: BankLine,
        targets: Iterable[Target],
        before: Mapping[str, Decimal],
        debts: Mapping[int, Decimal],
    ) -> None:
        """Note what each affiliate is to be told that it owes again."""
        again: dict[int, list[_Again]] = defaultdict(list)
        for target in targets:
            more = target.outstanding - before[target.code]
            if more > 0:
                again[target.due.affiliate].append((target.due.period, target.code, more))
        for key, affiliate in self._owners.items():
            debt = debts.get(key, ZERO)
            if key in again or debt:
                self._told.append((line, affiliate, again[key], debt))

    def _settled(
        self, received: Received, keys: Collection[int], order: DebitOrder | None
    ) -> list[Settled]:
        if order is not None:
            # The collection of an order: its own amount, even inside the credit of a whole run.
            key = order.bank_line_id or 0
            return [Settled(key, "", received.end_to_end, "", order.amount, order.amount)]
        rows = [self._origins[key] for key in keys]
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

    def _undo(self, line: BankLine, origin: BankLine, orders: Collection[DebitOrder]) -> _Undone:
        """Take the amount of a return back from where that of its credit had gone."""
        live = self._live[origin.pk]
        mine = [one for order in orders for one in self._own[order.pk] if one.pk in live]
        left = line.amount
        # What an order collected comes back from what it paid; only what a clerk moved away is looked for elsewhere.
        elsewhere = left - sum((one.amount for one in mine), ZERO)
        from_suspense = min(elsewhere, self._suspense.get(origin.pk, ZERO))
        left -= from_suspense
        shares: list[tuple[Target, Decimal]] = []
        credits: dict[int, Decimal] = {}
        undone: list[tuple[Allocation, Decimal]] = []
        # Last in, first out; money that sits as credit goes before money that settled something.
        for allocation in _last_first(mine, live):
            if not left:
                break
            amount = min(left, allocation.amount)
            left -= amount
            undone.append((allocation, amount))
            key = key_of(allocation)
            target = self._targets.get(key) if key else None
            if target is None:
                owner = allocation.affiliate_id
                credits[owner] = credits.get(owner, ZERO) + amount
            else:
                shares.append((target, amount))
        place = len(self._batch.events)
        self._batch.events.append(
            Event(
                posting.bank_reversal(
                    line.account_id,
                    line.pk,
                    origin.pk,
                    [(target.due, amount) for target, amount in shares],
                    list(credits.items()),
                    from_suspense,
                    EntryKind.COLLECTION_RETURN if orders else EntryKind.REVERSAL,
                ),
                f"bank_line:{line.pk}",
                line.booking_day,
            )
        )
        rests = _keep_the_rest(self._batch, place, line, origin, undone)
        for one, _amount in undone:
            del live[one.pk]
        live.update((one.pk, one) for one in rests)
        if from_suspense:
            self._suspense[origin.pk] -= from_suspense
        for target, amount in shares:
            target.owe_again(amount)
            self._batch.touched[target.code] = target
        origin.details = {**origin.details, "reversed": str(_reversed_of(origin) + line.amount)}
        self._reversed[origin.pk] = origin
        facts = {"amount": line.amount, "by_line": line.pk}
        self._acts.append(audit.Act(origin, "", facts))
        return _Undone(list({target.code: target for target, _ in shares}.values()), credits)

    def _write(self) -> None:
        write(self._batch, self._actor)
        update_rows(list(self._reversed.values()), ["details"])
        audit.record_all(actor=self._actor, action="payments.line_reversed", acts=self._acts)
        if self._told:
            at = clock.now()
            firms = {affiliate.pk for _line, affiliate, *_ in self._told}
            readers = readers_of_each(firms, at=at)
            for line, affiliate, again, debt in self._told:
                payment_taken_back(
                    line, affiliate, again, debt, at=at, readers=readers.get(affiliate.pk, ())
                )
        self._write_orders()
        self._batch, self._reversed, self._acts, self._told = Batch(), {}, [], []


def _last_first(mine: Sequence[Allocation], live: Mapping[int, Allocation]) -> Iterator[Allocation]:
    """In what order a credit is undone: first what its order collected, and credit before what settled something."""

    def place(one: Allocation) -> tuple[bool, int]:
        return key_of(one) is not None, -one.pk

    yield from sorted(mine, key=place)
    own = {one.pk for one in mine}
    # A credit that executed a whole run has thousands more: looked at only when they are needed.
    yield from sorted((one for one in live.values() if one.pk not in own), key=place)


def _keep_the_rest(
    batch: Batch,
    place: int,
    line: BankLine,
    origin: BankLine,
    undone: Sequence[tuple[Allocation, Decimal]],
) -> list[Allocation]:
    """Plan the undoing of allocations by the entry at this place; the parts that survive, written again."""
    rests: list[Allocation] = []
    for allocation, amount in undone:
        due = {
            "slip_id": allocation.slip_id,
            "surcharge_id": allocation.surcharge_id,
            "filing_penalty_id": allocation.filing_penalty_id,
        }
        undoing = allocation_of(
            line.pk, allocation.affiliate_id, allocation.amount, "R9", line.booking_day,
            debit_order_id=allocation.debit_order_id, undoes_id=allocation.pk, **due,
        )  # fmt: skip
        batch.allocations.append((place, undoing))
        if amount < allocation.amount:
            rest = allocation_of(
                origin.pk, allocation.affiliate_id, allocation.amount - amount, allocation.rule,
                allocation.paid_on, entry_id=allocation.entry_id, **due,
            )  # fmt: skip
            rests.append(rest)
            batch.allocations.append((None, rest))
    number_rows(rests)
    return rests


def _refill(actor: User | None, target: Target, *, on: date) -> None:
    """An excess paid for this due, kept as credit while it was settled, goes back to it now that it is owed again.

    So the books do not depend on which of two payments came first. Only credit that is still there, and only from
    lines that cited this due or collected an order of it: nothing is decided in the employer's place.
    """
    cited = Q(bank_line__verdict_code__in=KEPT, bank_line__verdict_facts__ref=target.code)
    collected = Q(
        debit_order__in=DebitShare.objects.filter(
            slip=target.due.slip,
            surcharge=target.due.surcharge,
            filing_penalty=target.due.filing_penalty,
        ).values("order")
    )
    kept = (
        of_no_due()
        .filter(cited | collected, affiliate_id=target.due.affiliate)
        .select_related("affiliate", "bank_line")
        .order_by("pk")
    )
    for allocation in kept:
        amount = min(allocation.amount, target.outstanding, credit_of(allocation.affiliate))
        if amount <= 0:
            return
        line = allocation.bank_line
        batch = Batch()
        batch.events.append(
            Event(
                posting.credit_moved(line.pk, target.due, amount),
                f"credit_moved:{allocation.pk}",
                on,
            )
        )
        _keep_the_rest(batch, 0, line, line, [(allocation, amount)])
        paid = [(target, amount)]
        allocate(batch, 0, line, paid, None, ZERO, allocation.rule, allocation.paid_on)
        write(batch, actor)
