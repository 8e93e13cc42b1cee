"""Booked lines and debit orders: which orders lines cite, what a credit executes, what a debit brings back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from django.db.models import Q

from payments.codecs.pain import block_id
from payments.codecs.reasons import reason_of
from payments.enums import DebitAct, DebitCause, DebitState
from payments.matching import Order, Share, order_reference_of
from payments.models import BankLine, DebitOrder, DebitShare
from payments.workflows.debits.answers import REFUSED, Answer, answer_order, follow
from payments.workflows.debits.notices import tell_outcome
from payments.workflows.debits.steps import lock_orders, step
from portal import clock

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


def execute(order: DebitOrder, line: BankLine, on: date) -> None:
    """The bank booked the credit: the only thing that settles."""
    step(
        order,
        DebitAct.EXECUTE,
        actor=None,
        at=clock.now(),
        cause=DebitCause.BANK,
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


def bring_back(order: DebitOrder, line: BankLine) -> None:
    """An executed order comes back unpaid: what it paid is owed again from its first due day."""
    at = clock.now()
    step(
        order,
        DebitAct.RETURN,
        actor=None,
        at=at,
        cause=DebitCause.BANK,
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
    tell_outcome(order, at=at)
    follow(order, reason_of(line.reason_code), at)
