"""What may be paid, loaded and locked: slips, surcharges and penalties behind their payment codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from payments.enums import SlipState
from payments.matching import Item
from payments.models import FilingPenalty, PaymentSlip, Surcharge
from payments.posting import Due
from payments.queries.debits import field_of, held_on
from payments.workflows.debits.claims import give_way
from portal.bulk import update_rows
from regulation.money import ZERO
from regulation.periods import Period

Extra = Surcharge | FilingPenalty
Payable = PaymentSlip | Extra


@dataclass(slots=True)
class Target:
    """One payable row under lock, with what matching and posting want to know of it."""

    row: Payable
    due: Due
    affiliation_number: str
    held: Decimal = ZERO
    _item: Item | None = None

    @property
    def code(self) -> str:
        return self.row.payment_reference

    @property
    def outstanding(self) -> Decimal:
        return self.row.outstanding

    def item(self) -> Item:
        """The row as matching sees it now."""
        seen = self._item
        if seen is None or seen.outstanding is not self.row.outstanding:
            seen = self._item = self._seen()
        return seen

    def _seen(self) -> Item:
        slip = self.row if isinstance(self.row, PaymentSlip) else None
        successor = slip.replaced_by if slip is not None else None
        return Item(
            code=self.code,
            affiliate=self.affiliation_number,
            period=Period.from_day(self.due.period),
            outstanding=self.outstanding,
            cancelled=slip is not None and slip.state == SlipState.CANCELLED.value,
            held=bool(self.outstanding) and self.held >= self.outstanding,
            successor=successor.payment_reference if successor else "",
        )

    def pay(self, amount: Decimal, on: date) -> None:
        """Lower what remains; the caller writes the row."""
        self.row.outstanding -= amount
        if isinstance(self.row, PaymentSlip):
            self.row.state = state_of(self.row).value
            self.row.settled_on = on if self.row.outstanding == 0 else None

    def owe_again(self, amount: Decimal) -> None:
        """Raise what remains, after a return; the caller writes the row."""
        self.row.outstanding += amount
        if isinstance(self.row, PaymentSlip):
            self.row.state = state_of(self.row).value
            self.row.settled_on = None


def state_of(slip: PaymentSlip) -> SlipState:
    """The state that follows from what remains; replaced and cancelled stay so."""
    if slip.state in (SlipState.REPLACED.value, SlipState.CANCELLED.value):
        return SlipState(slip.state)
    if slip.outstanding == 0:
        return SlipState.PAID
    return SlipState.ISSUED if slip.outstanding == slip.total else SlipState.PARTLY_PAID


def lock_targets(codes: Collection[str]) -> dict[str, Target]:
    """The payable rows behind these codes and the successors of replaced slips, locked in ascending order."""
    if not codes:
        return {}
    wanted = set(codes)
    successors = PaymentSlip.objects.filter(
        payment_reference__in=wanted, replaced_by__isnull=False
    ).values_list("replaced_by__payment_reference", flat=True)
    wanted |= set(successors)
    slips = list(
        PaymentSlip.objects.filter(payment_reference__in=wanted)
        .select_related("affiliate", "replaced_by")
        .order_by("pk")
        .select_for_update(of=("self",))
    )
    found = {slip.payment_reference: target_of(slip) for slip in slips}
    missing = wanted - found.keys()
    if missing:
        for row in _others(missing):
            found[row.payment_reference] = target_of(row)
    _note_holds(found.values())
    return found


def _others(codes: Collection[str]) -> Iterable[Extra]:
    yield from (
        Surcharge.objects.filter(payment_reference__in=codes)
        .select_related("slip__affiliate")
        .order_by("pk")
        .select_for_update(of=("self",))
    )
    yield from (
        FilingPenalty.objects.filter(payment_reference__in=codes)
        .select_related("affiliate")
        .order_by("pk")
        .select_for_update(of=("self",))
    )


def lock_extra(code: str) -> Extra:
    """The surcharge or filing penalty behind a payment code, locked. Raises KeyError when the code is of neither."""
    row = next(iter(_others([code])), None)
    if row is None:
        raise KeyError(code)
    return row


def target_of(row: Payable) -> Target:
    """A payable row (its affiliate loaded) as a target."""
    if isinstance(row, PaymentSlip):
        due = Due(row.affiliate_id, row.period, slip=row.pk)
        return Target(row, due, row.affiliate.affiliation_number)
    if isinstance(row, Surcharge):
        slip = row.slip
        due = Due(slip.affiliate_id, slip.period, surcharge=row.pk)
        return Target(row, due, slip.affiliate.affiliation_number)
    due = Due(row.affiliate_id, row.period, filing_penalty=row.pk)
    return Target(row, due, row.affiliate.affiliation_number)


def _note_holds(targets: Iterable[Target]) -> None:
    by_due = {(field_of(target.row), target.row.pk): target for target in targets}
    for due, total in held_on([target.row for target in by_due.values()]).items():
        by_due[due].held = total


def save_targets(targets: Iterable[Target]) -> None:
    """Write what `pay` and `owe_again` changed; orders that would now take too much stop first."""
    rows = [target.row for target in targets]
    give_way(rows)
    slips = [row for row in rows if isinstance(row, PaymentSlip)]
    surcharges = [row for row in rows if isinstance(row, Surcharge)]
    penalties = [row for row in rows if isinstance(row, FilingPenalty)]
    update_rows(slips, ["outstanding", "state", "settled_on"])
    update_rows(surcharges, ["outstanding"])
    update_rows(penalties, ["outstanding"])
