"""The affiliate's own credit: paying with it, and letting money follow from a slip to the one that corrects it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import F

from affiliates.models import Affiliate
from payments import posting
from payments.enums import AccountKind, EntryKind
from payments.errors import NoCreditLeft
from payments.models import Allocation, LedgerLine, PaymentSlip
from payments.posting import Due
from payments.queries import credit_of, pledged_credit
from payments.queries.sums import total_of
from payments.workflows.debits.claims import give_way
from payments.workflows.ledger import Event, post
from payments.workflows.targets import state_of
from portal.models import User
from regulation.money import ZERO, format_amount

BACK = "slip_back:"
"""Causes of credit that goes back to the slips of the same declaration, from which a correction had freed it."""


def use_credit_on(
    actor: User | None,
    slip: PaymentSlip,
    amount: Decimal,
    *,
    cause: str,
    on: date,
    value_on: date | None = None,
) -> None:
    """Pay a slip with the affiliate's credit; the caller holds the locks. Refuses NoCreditLeft.

    `value_on` is the day that counts for surcharges, when the money is older than its entry.
    """
    left = credit_of(slip.affiliate)
    if amount > left:
        raise NoCreditLeft(left=format_amount(left), asked=format_amount(amount))
    due = Due(slip.affiliate_id, slip.period, slip=slip.pk)
    event = Event(posting.credit_used(due, amount), cause, on, value_on=value_on)
    post(event, actor=actor)
    slip.outstanding -= amount
    slip.state = state_of(slip).value
    slip.settled_on = on if slip.outstanding == 0 else None
    give_way([slip], actor=actor)
    slip.save(update_fields=["outstanding", "state", "settled_on"])


def carry(
    actor: User | None,
    *,
    to: PaymentSlip,
    paid: Sequence[tuple[date, Decimal]],
    freed: Decimal,
    cause: str,
    on: date,
) -> Decimal:
    """Pay a slip with credit that a correction freed, each part on the day when the money came; returns how much.

    `paid` are the payments, oldest first, of which the last `freed` dirhams became credit. Never more than the
    credit that is left, nor than what the slip asks.
    """
    left = max(ZERO, min(freed, to.outstanding, free_credit(to.affiliate)))
    carried = ZERO
    for rank, (day, amount) in enumerate(_last(paid, freed)):
        part = min(amount, left)
        if part <= 0:
            break
        use_credit_on(actor, to, part, cause=f"{cause}:{rank}", on=on, value_on=day)
        left -= part
        carried += part
    return carried


def free_credit(affiliate: Affiliate) -> Decimal:
    """The credit that no request of refund holds, in dirhams."""
    return credit_of(affiliate) - pledged_credit(affiliate)


def _last(paid: Sequence[tuple[date, Decimal]], amount: Decimal) -> Iterator[tuple[date, Decimal]]:
    """The payments that make the last `amount` dirhams, oldest first."""
    before = max(ZERO, sum((part for _, part in paid), ZERO) - amount)
    for day, part in paid:
        skipped = min(before, part)
        before -= skipped
        if part > skipped:
            yield day, part - skipped


def payments_of(slips: Sequence[PaymentSlip]) -> list[tuple[date, Decimal]]:
    """What was paid on these slips of one declaration, oldest first: day that counts, dirhams.

    Money that went from one of them to another is counted once, where it came in.
    """
    paid = [
        (one.paid_on, one.amount)
        for one in Allocation.objects.filter(
            slip__in=slips, undoes__isnull=True, undone_by__isnull=True
        )
    ]
    paid += credit_used_on(slips, but=BACK)
    return sorted(paid)


def credit_used_on(
    slips: Iterable[PaymentSlip], *, but: str = "", also: Sequence[str] = ()
) -> list[tuple[date, Decimal]]:
    """What credit paid on these slips and was not taken back since: day that counts, dirhams.

    Causes that start with `but` are left out; `also` are other kinds of entries that count as payments.
    """
    kinds = [EntryKind.CREDIT_USED.value, EntryKind.CREDIT_TAKEN_BACK.value, *also]
    lines = LedgerLine.objects.filter(
        slip__in=list(slips), account__kind=AccountKind.RECEIVABLE.value, entry__kind__in=kinds
    ).select_related("entry")
    if but:
        lines = lines.exclude(entry__cause__startswith=but)
    days: dict[date, Decimal] = {}
    for line in lines:
        day = line.entry.counts_on
        days[day] = days.get(day, ZERO) + line.credit - line.debit
    return [(day, amount) for day, amount in days.items() if amount]


SPENT_AGAIN = "~"
"""Between the cause of a use of credit and what took it back."""


def taken_back_by_use(slips: Collection[int | None]) -> dict[str, Decimal]:
    """By the cause of a use of credit on these slips, what a bank took back of it, in dirhams."""
    found: dict[str, Decimal] = {}
    rows = LedgerLine.objects.filter(
        slip__in=slips,
        account__kind=AccountKind.RECEIVABLE.value,
        entry__kind=EntryKind.CREDIT_TAKEN_BACK.value,
    ).values_list("entry__cause", "debit")
    for cause, amount in rows:
        use = cause.partition(SPENT_AGAIN)[0]
        found[use] = found.get(use, ZERO) + amount
    return found


def freed_by_corrections(slips: Sequence[PaymentSlip]) -> Decimal:
    """The credit that corrections of these slips made and that did not go back to one of them, in dirhams."""
    entries = LedgerLine.objects.filter(
        slip__in=slips,
        account__kind=AccountKind.CONTRIBUTIONS.value,
        entry__kind=EntryKind.SLIP_LOWERED.value,
        entry__cause__startswith="corrected:",
    ).values("entry")
    freed = LedgerLine.objects.filter(
        entry__in=entries, account__kind=AccountKind.CREDIT.value
    ).aggregate(total=total_of("credit"))["total"]
    back = LedgerLine.objects.filter(
        slip__in=slips,
        account__kind=AccountKind.RECEIVABLE.value,
        entry__cause__startswith=BACK,
    ).aggregate(total=total_of(F("credit") - F("debit")))["total"]
    return Decimal(freed) - Decimal(back)


def given_up_on(due: Due) -> Decimal:
    """What the fund gave up of a due and still counts as lost, in dirhams."""
    about = {
        name: key
        for name, key in (
            ("slip", due.slip),
            ("surcharge", due.surcharge),
            ("filing_penalty", due.filing_penalty),
        )
        if key is not None
    }
    sums = LedgerLine.objects.filter(account__kind=AccountKind.WRITE_OFFS.value, **about).aggregate(
        total=total_of(F("debit") - F("credit"))
    )
    return Decimal(sums["total"])
