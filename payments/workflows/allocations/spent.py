"""Credit that was spent before its money went back: what it had paid is owed again, and what is left is a debt.

A credit never falls below zero in silence. Slips paid with it are owed again, the last first; what was refunded
meanwhile cannot be, and stays a debt of the affiliate that its pages show and its next payments fill.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal

from django.db.models import F, Q

from affiliates.models import Affiliate
from payments import posting
from payments.enums import AccountKind, EntryKind
from payments.models import LedgerLine
from payments.queries import credit_of
from payments.queries.sums import total_of
from payments.workflows.allocations.batch import key_of_due
from payments.workflows.credits import taken_back_by_use
from payments.workflows.ledger import Event, post
from payments.workflows.targets import Target, save_targets
from portal import audit
from portal.models import User
from regulation.money import ZERO

_ASKING = (
    AccountKind.CONTRIBUTIONS.value,
    AccountKind.PENALTIES.value,
    AccountKind.WRITE_OFFS.value,
    AccountKind.REMISSIONS.value,
)


def lock_owners(affiliates: Iterable[int]) -> dict[int, Affiliate]:
    """These affiliates by key, locked: nobody else spends their credit meanwhile."""
    rows = Affiliate.objects.filter(pk__in=set(affiliates)).order_by("pk")
    return {row.pk: row for row in rows.select_for_update(of=("self",))}


def paid_with_credit(affiliates: Collection[int]) -> set[str]:
    """The codes of the slips that these affiliates paid with their credit: to be locked before any bank line."""
    lines = LedgerLine.objects.filter(
        account__affiliate__in=affiliates,
        account__kind=AccountKind.RECEIVABLE.value,
        entry__kind=EntryKind.CREDIT_USED.value,
    )
    return set(lines.values_list("slip__payment_reference", flat=True))


def unspend(
    *, actor: User | None, affiliate: Affiliate, targets: Collection[Target], why: str, on: date
) -> Decimal:
    """After money left the credit of an affiliate: what is missing comes from what the credit had paid, last first.

    Returns the debt that is left, in dirhams: credit that was refunded.
    The caller holds the locks of the affiliate and of `targets`, the slips of `paid_with_credit`. Each use counts as
    never made, from the day it counted. `why` makes the causes of the entries unique.
    """
    missing = -credit_of(affiliate)
    if missing <= 0:
        return ZERO
    slips = {target.due.slip: target for target in targets if target.due.slip}
    uses = (
        LedgerLine.objects.filter(
            slip__in=slips,
            account__affiliate=affiliate,
            account__kind=AccountKind.RECEIVABLE.value,
            entry__kind=EntryKind.CREDIT_USED.value,
        )
        .select_related("entry")
        .order_by("-entry_id")
    )
    gone = taken_back_by_use(slips)
    again: dict[str, Decimal] = {}
    asked = asked_of(slips.values())
    for use in uses:
        target = slips[use.slip_id or 0]
        left = use.credit - gone.get(use.entry.cause, ZERO)
        amount = min(missing, left, asked[target.code] - target.outstanding)
        if amount <= 0:
            continue
        missing -= amount
        event = Event(
            posting.credit_taken_back(target.due, amount),
            f"{use.entry.cause}~{why}",
            on,
            value_on=use.entry.counts_on,
        )
        post(event, actor=actor)
        target.owe_again(amount)
        save_targets([target])
        again[target.code] = again.get(target.code, ZERO) + amount
    audit.record(
        actor=actor,
        action="payments.credit_unspent",
        subject=affiliate,
        affiliation_number=affiliate.affiliation_number,
        again=again,
        debt=missing,
    )
    return missing


def asked_of(targets: Iterable[Target]) -> dict[str, Decimal]:
    """What these dues ask by now, paid or not, by code: called, less what fell, was given up or forgiven (dirhams)."""
    codes = {key_of_due(target.due): target.code for target in targets}
    keys: dict[str, list[int]] = {"slip": [], "surcharge": [], "penalty": []}
    for kind, key in codes:
        keys[kind].append(key)
    rows = (
        LedgerLine.objects.filter(
            Q(slip__in=keys["slip"])
            | Q(surcharge__in=keys["surcharge"])
            | Q(filing_penalty__in=keys["penalty"]),
            account__kind__in=_ASKING,
        )
        .order_by()
        .values_list("slip", "surcharge", "filing_penalty")
        .annotate(asked=total_of(F("credit") - F("debit")))
    )
    found = dict.fromkeys(codes.values(), ZERO)
    for slip, surcharge, penalty, asked in rows:
        kind = "slip" if slip else "surcharge" if surcharge else "penalty"
        found[codes[kind, slip or surcharge or penalty]] = asked
    return found


def back_to_what_is_asked(
    *, actor: User | None, targets: Collection[Target], why: str, on: date
) -> dict[int, Decimal]:
    """Dues owed again never ask more than they do by now; what that takes off each affiliate's credit, in dirhams.

    A due that fell after it was paid, or a slip that was replaced, had turned its payment into credit: with the
    payment gone it is the credit that misses, and `unspend` follows it to what it paid.
    """
    taken: dict[int, Decimal] = {}
    asked = asked_of(targets)
    for target in targets:
        over = target.outstanding - asked[target.code]
        if over <= 0:
            continue
        entry = posting.lowered_without_credit(target.due, over)
        post(Event(entry, f"lowered_back:{target.code}:{why}", on), actor=actor)
        target.pay(over, on)
        taken[target.due.affiliate] = taken.get(target.due.affiliate, ZERO) + over
    return taken
