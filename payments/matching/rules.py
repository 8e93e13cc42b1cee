"""Which due does a bank line pay? A line and the open items in, one answer with its rule and reasons out.

Rules R0 to R9 of docs/formats/matching.md, in order; the first that yields exactly one candidate applies. A reference
with check digits may settle, anything else only proposes. No tolerance: a centime of difference is a difference.
Rules R1, R1b and R1c speak of one debit order, R2 of a whole run of them; only a booked credit executes an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from payments.codecs.faults import Fault, fault, quoted
from payments.enums import DebitState, LineKind, LineVerdict
from payments.matching.facts import (
    Books,
    Item,
    Match,
    Proposal,
    Received,
    Settled,
    Share,
)
from payments.matching.references import (
    References,
    alone_in_entry,
    order_reference_of,
    refund_numbers,
)
from regulation.errors import DomainError
from regulation.identifiers import (
    check_rib,
    rib_key,
)
from regulation.money import ZERO
from regulation.text import _

_BY_THE_WAY: Final = frozenset({"L07", "L21"})
_CASH_CHANNELS: Final = frozenset({"AGE", "GAB", "PRX"})
_CASH_NATURE: Final = "PMNT/CNTR/"


def match(line: Received, cited: References, books: Books) -> Match:
    """The answer to one line. `cited` is `references(line)`; `books` holds what those references name.

    What the reading noted by the way (no value day, an unknown reason) is told first: the last thing told weighs most.
    """
    answer = _match(line, cited, books)
    by_the_way = tuple(
        note for note in line.notes if note.code in _BY_THE_WAY and note not in answer.told
    )
    return replace(answer, told=by_the_way + answer.told) if by_the_way else answer


def _match(line: Received, cited: References, books: Books) -> Match:
    outside = _without_effect(line, books)
    if outside is not None:
        return outside
    if line.kind is LineKind.DEBIT:
        return _reversal(line, books)
    waiting = _must_wait(line, books)
    if waiting is not None:
        return waiting
    by_order = _by_order(line, books) or _by_block(line, books)
    if by_order is not None:
        return by_order
    by_reference = (
        _by_basket(line, cited, books)
        or _by_one(line, cited.structured, books, "R3")
        or _by_one(line, cited.all, books, "R4")
        or _by_several(line, cited.all, books)
    )
    return by_reference or _suspense(line, cited, books)


def _without_effect(line: Received, books: Books) -> Match | None:
    """Not booked, copies, refused orders, debits that undo nothing: no money to place."""
    if line.kind is LineKind.INFO:
        return Match("", LineVerdict.INFORMATION, line.notes)
    if line.kind is LineKind.REJECT:
        return _refusal(line, books)
    if line.kind is LineKind.DEBIT and not line.is_reversal:
        refund = _refund(line, books)
        if refund is not None:
            return refund
        nature = quoted(line.nature) or "–"
        return Match("", LineVerdict.INFORMATION, (fault("L24", rang=line.rank, nature=nature),))
    return None


def _refusal(line: Received, books: Books) -> Match:
    """A refused order: no money moved. An order we never sent, or one already over, is for a clerk."""
    reference = order_reference_of(line.end_to_end)
    order = books.orders.get(reference)
    if order is None:
        ref = quoted(line.end_to_end) or "–"
        return Match("R0", LineVerdict.WAITING, (fault("L22", rang=line.rank, ref=ref),))
    if order.is_awaited:
        return Match("R1", LineVerdict.ACCEPTED, line.notes, orders=(order,))
    told = fault("L23", rang=line.rank, ref=reference, etat=order.state.label, evenement=_("rejet"))
    return Match("R0", LineVerdict.WAITING, (told,))


def _refund(line: Received, books: Books) -> Match | None:
    """RMB: the debit by which our bank paid a refund, to the centime and once; anything else of it is for a clerk."""
    numbers = refund_numbers(line)
    if not numbers:
        return None
    refund = books.refunds.get(numbers[0])
    if len(numbers) > 1:
        told = fault("L26", rang=line.rank, refs=quoted(", ".join(numbers)))
    elif refund is None:
        told = fault("L22", rang=line.rank, ref=numbers[0])
    elif refund.is_paid:
        told = fault(
            "L23", rang=line.rank, ref=refund.number, etat=_("versé"), evenement=_("débit")
        )
    elif refund.amount != line.amount:
        told = fault(
            "L33", rang=line.rank, ref=refund.number, montant=line.amount, attendu=refund.amount
        )
    else:
        return Match("RMB", LineVerdict.ACCEPTED, line.notes, refund=refund.number)
    return Match("R0", LineVerdict.WAITING, (told,))


def _refund_back(line: Received, books: Books) -> tuple[Proposal, ...]:
    """A refund that its bank sent back is proposed to the credit it came from."""
    found = [books.refunds.get(number) for number in refund_numbers(line)]
    return tuple(
        Proposal("RMB", refund.affiliate, "", line.amount)
        for refund in found
        if refund is not None and refund.is_paid and refund.amount == line.amount
    )


def _must_wait(line: Received, books: Books) -> Match | None:
    """Credits that go to a clerk whatever they cite."""
    doubt = _doubt(line)
    if doubt is not None:
        return Match("R0", LineVerdict.WAITING, (doubt,))
    if line.is_reversal:
        told = fault("L19", rang=line.rank)
        return Match("R0", LineVerdict.WAITING, (told,), proposals=_refund_back(line, books))
    if line.creditor_rib and line.our_account and line.creditor_rib != line.our_account:
        return Match("R0", LineVerdict.WAITING, (fault("L25", rang=line.rank),))
    return None


def _doubt(line: Received) -> Fault | None:
    """What the reading noted that sends a line to a clerk: details that do not add up, a bank reference already
    used for another amount."""
    return next((note for note in line.notes if note.code in ("L16", "L18")), None)


def _by_order(line: Received, books: Books) -> Match | None:
    """R1, R1b, R1c: the end-to-end reference is that of an order in the hands of the bank."""
    reference = order_reference_of(line.end_to_end)
    order = books.orders.get(reference)
    if order is None:
        return None
    if not order.is_awaited:
        told = fault(
            "L23",
            rang=line.rank,
            ref=reference,
            etat=order.state.label,
            evenement=_("encaissement"),
        )
        return Match("R0", LineVerdict.WAITING, (told,))
    if line.amount != order.amount:
        told = fault("L13", rang=line.rank, montant=line.amount, attendu=order.amount)
        return Match(
            "R1b",
            LineVerdict.WAITING,
            (told,),
            proposals=tuple(
                Proposal("R1b", order.affiliate, share.code, min(share.amount, line.amount))
                for share in order.shares[:1]
            ),
        )
    if line.payer_rib and len(line.payer_rib) == 24 and line.payer_rib != order.rib:
        told = fault("L30", rang=line.rank, ref=reference)
        return Match("R1c", LineVerdict.ACCEPTED, (*line.notes, told), orders=(order,))
    return Match("R1", LineVerdict.ACCEPTED, line.notes, orders=(order,))


def _by_block(line: Received, books: Books) -> Match | None:
    """R2: a credit without detail for a run of ours. All its orders, or those left when its rejects explain the gap."""
    block = books.blocks.get(line.batch)
    if not block or not line.whole:
        return None
    awaited = tuple(order for order in block if order.is_awaited)
    accepted = tuple(order for order in awaited if order.state is DebitState.ACCEPTED)
    for orders in (awaited, accepted):
        total = sum((order.amount for order in orders), ZERO)
        if orders and total == line.amount and line.count in (1, len(orders)):
            return Match("R2", LineVerdict.ACCEPTED, line.notes, orders=orders)
    told = fault(
        "L31",
        rang=line.rank,
        remise=quoted(line.batch),
        attendu=sum((order.amount for order in awaited), ZERO),
        n=len(awaited),
        montant=line.amount,
    )
    return Match("R0", LineVerdict.WAITING, (told,))


def _by_one(line: Received, codes: Sequence[str], books: Books, rule: str) -> Match | None:
    """R3, R4: exactly one valid code."""
    if len(codes) != 1:
        return None
    cited = codes[0]
    item = books.items.get(cited)
    if item is None:
        return None
    notes: list[Fault] = []
    seen = {cited}
    while item.successor and item.successor in books.items and item.successor not in seen:
        seen.add(item.successor)
        notes.append(fault("L12", rang=line.rank, ref=item.code, ref2=item.successor))
        item = books.items[item.successor]
    announced = line.affiliation_number
    if announced and announced != item.affiliate:
        told = fault("L15", rang=line.rank, a1=quoted(announced), a2=item.affiliate)
        return Match(
            "R0",
            LineVerdict.WAITING,
            (told,),
            proposals=(Proposal(rule, item.affiliate, item.code, line.amount),),
        )
    return _against(line, item, rule, notes)


def _against(line: Received, item: Item, rule: str, notes: list[Fault]) -> Match:
    """Amount and state of the item named: equal, less, more, nothing left, cancelled or wholly held."""
    rank, amount = line.rank, line.amount
    if item.cancelled or item.held:
        told = (*notes, fault("L12c", rang=rank, ref=item.code))
        return Match(rule, LineVerdict.PARTIAL, told, credit_to=item.affiliate, credit=amount)
    if item.outstanding == 0:
        told = (*notes, fault("L14", rang=rank, ref=item.code))
        return Match(rule, LineVerdict.PARTIAL, told, credit_to=item.affiliate, credit=amount)
    if amount > item.outstanding:
        excess = amount - item.outstanding
        return Match(
            rule,
            LineVerdict.PARTIAL,
            (*notes, fault("L28", rang=rank, ref=item.code, excedent=excess)),
            (Share(item.code, item.outstanding),),
            credit_to=item.affiliate,
            credit=excess,
        )
    if amount < item.outstanding:
        rest = item.outstanding - amount
        notes = [*notes, fault("L27", rang=rank, ref=item.code, reste=rest)]
    return Match(rule, LineVerdict.ACCEPTED, tuple(notes), (Share(item.code, amount),))


def _by_basket(line: Received, cited: References, books: Books) -> Match | None:
    """R3, R4 with the code of a basket: its dues in their order, the excess to the affiliate's credit."""
    rule, codes = ("R3", cited.structured) if cited.structured else ("R4", cited.all)
    if len(codes) != 1 or codes[0] not in books.baskets:
        return None
    items = [_final(books, code) for code in books.baskets[codes[0]] if code in books.items]
    if not items:
        return None
    affiliate = items[0].affiliate
    if line.affiliation_number and line.affiliation_number != affiliate:
        told = fault("L15", rang=line.rank, a1=quoted(line.affiliation_number), a2=affiliate)
        return Match("R0", LineVerdict.WAITING, (told,))
    left, shares = line.amount, []
    open_items = {item.code: item for item in items if not (item.cancelled or item.held)}
    for item in open_items.values():
        amount = min(left, item.outstanding)
        if amount:
            shares.append(Share(item.code, amount))
            left -= amount
    if left:
        code = "L28" if shares else "L14"
        told = fault(code, rang=line.rank, ref=codes[0], **({"excedent": left} if shares else {}))
        return Match(
            rule,
            LineVerdict.PARTIAL,
            (*line.notes, told),
            tuple(shares),
            credit_to=affiliate,
            credit=left,
        )
    due = sum((item.outstanding for item in open_items.values()), ZERO)
    notes = list(line.notes)
    if due > line.amount:
        notes.append(fault("L27", rang=line.rank, ref=codes[0], reste=due - line.amount))
    return Match(rule, LineVerdict.ACCEPTED, tuple(notes), tuple(shares))


def _final(books: Books, code: str) -> Item:
    """The item behind a code, or the last one that replaced it."""
    item, seen = books.items[code], {code}
    while item.successor in books.items and item.successor not in seen:
        seen.add(item.successor)
        item = books.items[item.successor]
    return item


def _by_several(line: Received, codes: Sequence[str], books: Books) -> Match | None:
    """R5: several valid codes, and the amount is the sum of what remains on them, to the centime."""
    if len(codes) < 2:
        return None
    items = [books.items[code] for code in codes if code in books.items]
    whole = len(items) == len(codes) and not any(
        item.cancelled or item.held or item.successor for item in items
    )
    if whole and sum((item.outstanding for item in items), ZERO) == line.amount:
        shares = tuple(Share(item.code, item.outstanding) for item in items if item.outstanding)
        return Match("R5", LineVerdict.ACCEPTED, (), shares)
    told = fault("L26", rang=line.rank, refs=quoted(", ".join(codes)))
    proposals = tuple(
        Proposal("R5", item.affiliate, item.code, min(item.outstanding, line.amount))
        for item in items
        if item.outstanding
    )
    return Match("R0", LineVerdict.WAITING, (told,), proposals=proposals)


def _suspense(line: Received, cited: References, books: Books) -> Match:
    """R0: the money waits, with the reason and what R6, R7 and R8 would propose."""
    return Match(
        "R0",
        LineVerdict.WAITING,
        (_why_unknown(line, cited),),
        proposals=tuple(_proposals(line, cited, books)),
    )


def _why_unknown(line: Received, cited: References) -> Fault:
    if cited.all:
        return fault("L11", rang=line.rank, ref=cited.all[0])
    if cited.wrong:
        return fault("L10", rang=line.rank, ref=quoted(cited.wrong[0]))
    if line.end_to_end and order_reference_of(line.end_to_end):
        return fault("L22", rang=line.rank, ref=quoted(line.end_to_end))
    key = _wrong_rib_key(line.payer_rib)
    if key is not None:
        masked = f"{line.payer_rib[:3]}…{line.payer_rib[-4:]}"
        return fault("L08", rang=line.rank, rib=masked, cle=line.payer_rib[22:], attendue=key)
    return fault("L09", rang=line.rank)


def _wrong_rib_key(rib: str) -> str | None:
    """The key expected when 24 digits carry another; None when the key is right or this is not a RIB."""
    if len(rib) != 24 or not (rib.isascii() and rib.isdigit()):
        return None
    try:
        check_rib(rib)
    except DomainError:
        return rib_key(rib[:22])
    return None


def _proposals(line: Received, cited: References, books: Books) -> Iterable[Proposal]:
    named = {line.affiliation_number} if line.affiliation_number else set(cited.affiliates)
    for affiliate in sorted(named):
        for item in books.open_items.get(affiliate, ()):
            if item.period in cited.periods and item.outstanding == line.amount:
                yield Proposal("R6", affiliate, item.code, line.amount)
    owners = books.rib_owners.get(line.payer_rib, ()) if line.payer_rib else ()
    if len(owners) != 1:
        return
    exact = [
        item for item in books.open_items.get(owners[0], ()) if item.outstanding == line.amount
    ]
    if len(exact) == 1:
        yield Proposal("R7", owners[0], exact[0].code, line.amount)
    else:
        yield Proposal("R8", owners[0], "", line.amount)


def _reversal(line: Received, books: Books) -> Match:
    """R9: the credit that a booked debit undoes, by bank reference, end-to-end, or amount and batch."""
    doubt = _doubt(line)
    if doubt is not None:
        return Match("R0", LineVerdict.WAITING, (doubt,))
    cited = line.original_bank_ref
    for found in (
        [
            item
            for item in books.settled
            if cited and item.bank_ref in (cited, alone_in_entry(cited))
        ],
        [item for item in books.settled if line.end_to_end and item.end_to_end == line.end_to_end],
        [
            item
            for item in books.settled
            if line.batch and (item.batch, item.amount) == (line.batch, line.amount)
        ],
    ):
        if len(found) == 1:
            return _undo(line, found[0])
        if found:
            break
    return Match("R0", LineVerdict.WAITING, (fault("L19", rang=line.rank),))


def _undo(line: Received, origin: Settled) -> Match:
    if line.amount > origin.left:
        told = fault("L20", rang=line.rank, montant=line.amount, origine=origin.left)
        return Match("R0", LineVerdict.WAITING, (told,), origin=origin.key)
    return Match("R9", LineVerdict.ACCEPTED, (), origin=origin.key)


def day_of_payment(
    *,
    channel: str,
    nature: str,
    operation_day: date | None,
    value_day: date | None,
    booking_day: date,
) -> date:
    """The day that counts for surcharges: cash at a counter or machine, the day of the operation; otherwise the
    value day, else the booking day. A policy choice: no text was found (docs/formats/matching.md).
    """
    if (channel in _CASH_CHANNELS or nature.startswith(_CASH_NATURE)) and operation_day is not None:
        return operation_day
    return value_day or booking_day
