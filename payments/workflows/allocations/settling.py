"""Credits find their due by reference, or wait in suspense with what was seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from django.db import transaction

from payments import posting
from payments.codecs.faults import Fault, fault
from payments.enums import LineKind, LineVerdict
from payments.matching import (
    Books,
    Item,
    Match,
    Received,
    References,
    match,
    references,
)
from payments.models import BankLine
from payments.queries import open_items_of, rib_owners
from payments.queries.debits import baskets_behind
from payments.workflows.allocations.batch import (
    Batch,
    allocate,
    note_answer,
    write,
)
from payments.workflows.debits.booking import (
    CitedOrders,
    execute,
    executing,
    keys_of,
    refuse_from_line,
)
from payments.workflows.debits.steps import Steps, due_codes_of
from payments.workflows.ledger import Event
from payments.workflows.refunds import CitedRefunds
from payments.workflows.targets import Target, lock_targets
from portal.models import User
from regulation.money import ZERO

Read = tuple[Received, References]
"""A line as matching reads it, and what it cites."""


def read_line(line: BankLine) -> Read:
    """What matching reads of a line: nothing but what its bank said."""
    received = received_of(line)
    return received, references(received)


@transaction.atomic
def settle(
    *, actor: User | None, lines: Sequence[BankLine], read: Mapping[int, Read] | None = None
) -> None:
    """Match these credits (and lines without effect), post them, and write the verdict of each.

    `lines` are locked here; those already answered are left alone, so the call may be repeated. New lines (numbered,
    not yet written) get their answer for the caller to write with them. Reversals are the business of
    `settle_reversals`. Every line gets a verdict: allocated, credited, waiting in suspense, information. `read` holds
    by key the lines that were read already (`read_line`).
    """
    fresh = [line for line in lines if not line.verdict]
    known = read or {}
    read_by = {line.pk: known.get(line.pk) or read_line(line) for line in fresh}
    cited_orders = keys_of(fresh)
    cited_codes = {code for _item, found in read_by.values() for code in found.all}
    baskets = baskets_behind(cited_codes)
    cited_codes |= {code for codes in baskets.values() for code in codes}
    targets = lock_targets(cited_codes | due_codes_of(cited_orders))
    locked = _lock_unanswered(fresh)
    if not locked:
        return
    orders = CitedOrders(cited_orders)
    received = [read_by[line.pk][0] for line in locked]
    cited = [read_by[line.pk][1] for line in locked]
    refunds = CitedRefunds(received)
    books = _books(received, cited, targets)
    batch, executed = Batch(), executing()
    affiliates = {target.affiliation_number: target.due.affiliate for target in targets.values()}
    plain = replace(books, items=_Items(targets), baskets=baskets)
    for line, item, found in zip(locked, received, cited, strict=True):
        seen = plain
        if orders or refunds:
            seen = replace(
                plain,
                orders=orders.cited_by(line),
                blocks=orders.block_of(line),
                refunds=refunds.seen(),
            )
        answer = match(item, found, seen)
        note_answer(line, answer)
        if answer.refund:
            batch.events.append(refunds.pay(answer.refund, line))
        elif answer.orders:
            _settle_orders(batch, executed, line, answer, targets, orders)
        else:
            _plan(batch, line, answer, targets, affiliates)
        batch.answered.append(line)
    # First: dues may not fall below what orders on their way still take.
    executed.write()
    write(batch, actor)
    refunds.save(actor)


class _Items(Mapping[str, Item]):
    """The dues under lock as matching reads them: each as the lines before left it."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self._targets = targets

    def __getitem__(self, code: str) -> Item:
        return self._targets[code].item()

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __len__(self) -> int:
        return len(self._targets)


def _lock_unanswered(lines: Sequence[BankLine]) -> list[BankLine]:
    """Those of these lines that still have no verdict, locked in ascending order, in the order of their file.

    Only their keys are read again: what a bank said never changes.
    """
    written = [line.pk for line in lines if not line._state.adding]
    keys = {line.pk for line in lines if line._state.adding}
    if written:
        keys |= set(
            BankLine.objects.filter(pk__in=written, verdict="")
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
        whole=bool(details.get("whole")),
        count=line.entry_count,
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


def _settle_orders(
    batch: Batch,
    executed: Steps,
    line: BankLine,
    answer: Match,
    targets: Mapping[str, Target],
    orders: CitedOrders,
) -> None:
    """A booked credit executes its orders; a refusal rejects its one. What was paid otherwise becomes credit."""
    if line.kind != LineKind.CREDIT.value:
        refuse_from_line(orders.row(answer.orders[0]), line)
        return
    place = len(batch.events)
    shares: list[tuple[Target, Decimal]] = []
    credits: list[tuple[int, Decimal]] = []
    for cited in answer.orders:
        order = orders.row(cited)
        paid_on = min(order.collect_on, line.booking_day)
        excess = order.amount
        for share in cited.shares:
            target = _last(targets, share.code)
            amount = min(share.amount, target.outstanding)
            if amount:
                allocate(
                    batch, place, line, [(target, amount)], None, ZERO, answer.rule, paid_on, order
                )
                shares.append((target, amount))
                excess -= amount
        if excess:
            allocate(
                batch, place, line, [], order.affiliate_id, excess, answer.rule, paid_on, order
            )
            credits.append((order.affiliate_id, excess))
            line.verdict = LineVerdict.PARTIAL.value
            told = fault("L32", rang=line.rank, ref=order.reference, excedent=excess)
            line.verdict_code, line.verdict_facts = told.code, dict(told.facts)
        execute(executed, order, line, paid_on)
    entry = posting.collection(
        line.account_id, line.pk, [(target.due, amount) for target, amount in shares], credits
    )
    batch.events.append(Event(entry, f"bank_line:{line.pk}", line.booking_day))


def _last(targets: Mapping[str, Target], code: str) -> Target:
    """The due behind a code, or the one that replaced it."""
    seen = {code}
    target = targets[code]
    while (successor := target.item().successor) in targets and successor not in seen:
        seen.add(successor)
        target = targets[successor]
    return target


def _plan(
    batch: Batch,
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
    allocate(batch, place, line, shares, credit_to, answer.credit, answer.rule, paid_on)
