"""Booked lines and debit orders: which orders lines cite, what a credit executes, what a debit brings back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Min, Q

from payments.codecs.pain import block_id
from payments.codecs.reasons import Effect, reason_of
from payments.enums import DebitAct, DebitCause, DebitState
from payments.matching import Order, Share, order_reference_of
from payments.models import Allocation, BankLine, DebitOrder, DebitShare
from payments.workflows.debits.answers import REFUSED, Answer, answer_order, follow
from payments.workflows.debits.notices import tell_outcomes
from payments.workflows.debits.steps import Steps, lock_orders
from portal import clock
from regulation.money import ZERO

_BLOCK_END = len(block_id(""))


def keys_of(lines: Sequence[BankLine]) -> list[int]:
    """The orders that these lines cite, by their reference or by their run; none without a query when none is cited."""
    references = {reference for line in lines if (reference := order_reference_of(line.end_to_end))}
    runs = {line.batch[:-_BLOCK_END] for line in lines if _is_whole(line)}
    if not references and not runs:
        return []
    rows = DebitOrder.objects.filter(Q(reference__in=references) | Q(run__message_id__in=runs))
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _is_whole(line: BankLine) -> bool:
    return bool(line.batch and line.details.get("whole"))


class CitedOrders:
    """The orders that a chunk of lines cites, locked, as matching reads them at each line."""

    def __init__(self, keys: Iterable[int]) -> None:
        keys = list(keys)
        rows = lock_orders(pk__in=keys) if keys else []
        self._rows = {row.reference: row for row in rows}
        self._shares = _shares_of(rows)
        self._blocks: dict[str, list[str]] = defaultdict(list)
        runs = dict(
            DebitOrder.objects.filter(pk__in=keys, run__isnull=False).values_list(
                "reference", "run__message_id"
            )
            if keys
            else ()
        )
        for reference, message_id in runs.items():
            self._blocks[block_id(message_id)].append(reference)

    def __bool__(self) -> bool:
        """Whether any order is cited."""
        return bool(self._rows)

    def cited_by(self, line: BankLine) -> Mapping[str, Order]:
        """The order of the end-to-end reference, as it stands now."""
        reference = order_reference_of(line.end_to_end) if self._rows else ""
        return {reference: self._order(reference)} if reference in self._rows else {}

    def block_of(self, line: BankLine) -> Mapping[str, Sequence[Order]]:
        """The orders of the run that a line without detail names."""
        references = self._blocks.get(line.batch) if self._blocks and _is_whole(line) else None
        return {line.batch: [self._order(one) for one in sorted(references)]} if references else {}

    def row(self, cited: Order) -> DebitOrder:
        """The row behind an order."""
        return self._rows[cited.reference]

    def _order(self, reference: str) -> Order:
        row = self._rows[reference]
        return Order(
            reference=reference,
            state=DebitState(row.state),
            amount=row.amount,
            rib=row.authority.rib,
            affiliate=row.affiliate.affiliation_number,
            shares=self._shares.get(row.pk, ()),
        )


def _shares_of(rows: Sequence[DebitOrder]) -> dict[int, tuple[Share, ...]]:
    found: dict[int, list[Share]] = defaultdict(list)
    if not rows:
        return {}
    shares = DebitShare.objects.filter(order__in=rows).order_by("pk")
    for share in shares.select_related("slip", "surcharge", "filing_penalty"):
        due = share.slip or share.surcharge or share.filing_penalty
        if due is not None:
            found[share.order_id].append(Share(due.payment_reference, share.amount))
    return {key: tuple(parts) for key, parts in found.items()}


def executing() -> Steps:
    """Steps of orders whose credit the bank booked: the only thing that settles."""
    return Steps(DebitAct.EXECUTE, actor=None, at=clock.now(), cause=DebitCause.BANK)


def execute(steps: Steps, order: DebitOrder, line: BankLine, on: date) -> None:
    """The bank booked the credit of this order on that day; written with the other `steps`."""
    steps.take(
        order,
        facts={"bank_ref": line.bank_ref, "line": line.pk},
        bank_line=line,
        executed_on=on,
        reason_code="",
        reason_text="",
    )


def refuse_from_line(order: DebitOrder, line: BankLine) -> None:
    """A bank file lists a refused order: the same as a negative pain.002."""
    said = Answer(
        REFUSED,
        line.bank_file.received_at,
        line.reason_code,
        line.reason_text,
        line.bank_ref,
    )
    outcome = answer_order(order_id=order.pk, answer=said, at=clock.now())
    order.state = outcome.order.state


def came_back(line: BankLine) -> DebitOrder | None:
    """The collected order that a booked debit cites, if it cites one."""
    reference = order_reference_of(line.end_to_end)
    if not reference:
        return None
    found = lock_orders(reference=reference, bank_line__isnull=False)
    return found[0] if found else None


def collected_by(line: BankLine, origin_id: int) -> list[DebitOrder]:
    """The orders that a credit collected and that a debit without any reference of ours takes back with it.

    Those that came back already are left out, unless there is no other: the last word is then that it is too late.
    """
    if order_reference_of(line.end_to_end):
        return []
    orders = lock_orders(bank_line_id=origin_id)
    return [one for one in orders if one.state == DebitState.EXECUTED.value] or orders[:1]


@dataclass(frozen=True, slots=True)
class Collected:
    """An executed order, by its key, that a return may bring back, and the credit that collected it."""

    order: int
    credit: int


def coming_back(
    lines: Sequence[BankLine], found: Mapping[int, Sequence[int]]
) -> dict[int, Collected]:
    """By return the order that it cites, else the only one that the one credit in `found` collected; in two queries."""
    cited = {line.pk: order_reference_of(line.end_to_end) for line in lines}
    rows = DebitOrder.objects.filter(bank_line__isnull=False).order_by()
    references = {reference for reference in cited.values() if reference}
    by_reference = {
        reference: Collected(key, credit or 0)
        for reference, key, credit in rows.filter(reference__in=references).values_list(
            "reference", "pk", "bank_line_id"
        )
    }
    credits = {
        key: found[key][0]
        for key, reference in cited.items()
        if not reference and len(found.get(key, ())) == 1
    }
    only = {
        credit: Collected(key, credit or 0)
        for credit, many, key in rows.filter(bank_line__in=set(credits.values()))
        .values_list("bank_line_id")
        .annotate(Count("pk"), Min("pk"))
        if many == 1
    }
    coming = {key: by_reference.get(reference) for key, reference in cited.items()}
    coming |= {key: only.get(credit) for key, credit in credits.items()}
    return {key: collected for key, collected in coming.items() if collected is not None}


def paid_whole(orders: Collection[int]) -> dict[int, set[str]]:
    """Of these executed orders, those of which every dirham still pays a due: their dues by code."""
    live = Allocation.objects.filter(
        debit_order__in=orders, undoes__isnull=True, undone_by__isnull=True
    ).values_list(
        "debit_order_id",
        "debit_order__amount",
        "amount",
        "slip__payment_reference",
        "surcharge__payment_reference",
        "filing_penalty__payment_reference",
    )
    codes: dict[int, set[str]] = defaultdict(set)
    missing: dict[int, Decimal] = {}
    for order, whole, amount, *several in live:
        named = {code for code in several if code}
        missing[order] = missing.get(order, whole) - (amount if named else ZERO)
        codes[order] |= named
    return {order: codes[order] for order, left in missing.items() if left == 0}


def returning() -> Steps:
    """Steps of executed orders that come back unpaid."""
    return Steps(DebitAct.RETURN, actor=None, at=clock.now(), cause=DebitCause.BANK)


def bring_back(steps: Steps, order: DebitOrder, line: BankLine) -> None:
    """An executed order comes back unpaid: what it paid is owed again from its first due day. `tell_back` follows."""
    steps.take(
        order,
        facts={
            "bank_ref": line.bank_ref,
            "line": line.pk,
            "reason": line.reason_code,
            "reason_text": line.reason_text,
        },
        returned_line=line,
        reason_code=line.reason_code,
        reason_text=line.reason_text,
    )


def leaves_authority(reason_code: str) -> bool:
    """Whether a return for this reason does nothing to the authority behind its order."""
    return reason_of(reason_code).effect is Effect.KEPT


def tell_back(orders: Sequence[DebitOrder]) -> None:
    """Once orders that came back are written: their employers are told, and their authorities follow the reason."""
    at = clock.now()
    tell_outcomes(orders, at=at)
    for order in orders:
        follow(order, reason_of(order.reason_code), at)
