"""The employer's side: prepare an order, sign it, stop it; and what the portal does to keep its word before the day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction

from affiliates import workflows as register
from affiliates.access import require_post
from affiliates.enums import MONEY_ROLES, AuthorityState
from affiliates.models import Affiliate, DebitAuthority
from payments.access import bank_of
from payments.enums import DebitAct, DebitCause, DebitState
from payments.errors import (
    AboveCap,
    AboveOpenDues,
    AuthorityNotUsable,
    CannotStopAnyMore,
    DuesMoved,
    IntentReused,
    NotACollectionDay,
    NothingChosen,
    PastCutOff,
    SplitWrong,
    UnknownReference,
)
from payments.models import MOST_ACCOUNTS, DebitOrder, DebitShare
from payments.queries.debits import Payable, about
from payments.transitions import UNSENT, collection_days, cut_off
from payments.workflows.debits.claims import field_of, free_on
from payments.workflows.debits.notices import tell_outcome
from payments.workflows.debits.steps import due_codes_of, lock_orders, step, tell
from payments.workflows.targets import Target, lock_targets
from portal import audit
from portal.clock import CASABLANCA, day_of
from portal.errors import constraints_refuse
from portal.failpoints import failpoint
from portal.formats import instant
from portal.models import User
from regulation.identifiers import order_reference
from regulation.money import ZERO, format_amount
from regulation.parameters import french_day

_STOPPABLE = [state.value for state in (*UNSENT, DebitState.DRAFT, DebitState.SUSPENDED)]


@dataclass(frozen=True, slots=True)
class Part:
    """One account of a split: the authority (its key) and the dirhams taken from it."""

    authority: int
    amount: Decimal


@transaction.atomic
def prepare_order(
    *,
    actor: User,
    affiliate: Affiliate,
    intent: UUID,
    codes: Sequence[str],
    parts: Sequence[Part],
    collect_on: date,
    at: datetime,
) -> list[DebitOrder]:
    """Write the draft of an order that pays all that is free of these dues, on this day, from one to three accounts.

    `parts` say what the person saw: their sum must be what is free now, to the centime. The same intent with the same
    content gives the first orders; with another content, IntentReused. Refuses NothingChosen, UnknownReference,
    AboveOpenDues, SplitWrong, AuthorityNotUsable, AboveCap, NotACollectionDay. Nothing is taken: a draft only shows.
    """
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    wanted = list(dict.fromkeys(codes))
    known = list(DebitOrder.objects.filter(affiliate=affiliate, intent=intent).order_by("rank"))
    if known:
        return _the_same(known, wanted, parts, collect_on)
    if not wanted:
        raise NothingChosen
    if collect_on not in set(collection_days(at, CASABLANCA)):
        raise NotACollectionDay(day=french_day(collect_on))
    found = lock_targets(wanted)
    targets = [_mine(found, code, affiliate) for code in wanted]
    free = free_on([target.row for target in targets])
    for target in targets:
        if not free[target.code]:
            raise AboveOpenDues(
                reference=target.code,
                asked=format_amount(target.outstanding),
                left=format_amount(ZERO),
            )
    total = sum(free.values(), ZERO)
    authorities = _authorities(affiliate, parts, total)
    orders = []
    left = [(target, free[target.code]) for target in targets]
    for rank, (part, authority) in enumerate(zip(parts, authorities, strict=True), start=1):
        order = DebitOrder.objects.create(
            affiliate=affiliate,
            reference=next_reference(at),
            intent=intent,
            rank=rank,
            authority=authority,
            amount=part.amount,
            collect_on=collect_on,
            prepared_by=actor,
            prepared_at=at,
        )
        left = _share_out(order, left)
        tell(order, actor=actor, at=at, facts={})
        orders.append(order)
    audit.record(
        actor=actor,
        action="payments.debit_prepared",
        subject=orders[0],
        affiliation_number=affiliate.affiliation_number,
        references=[order.reference for order in orders],
        amount=total,
        collect_on=collect_on,
        dues=wanted,
    )
    return orders


def _the_same(
    known: list[DebitOrder], codes: list[str], parts: Sequence[Part], collect_on: date
) -> list[DebitOrder]:
    """The orders of this intention, when they are what is asked again."""
    said = [(order.authority_id, order.amount) for order in known]
    asked = [(part.authority, part.amount) for part in parts]
    days = {order.collect_on for order in known}
    if said != asked or days != {collect_on} or due_codes_of(o.pk for o in known) != set(codes):
        raise IntentReused
    return known


def _mine(found: dict[str, Target], code: str, affiliate: Affiliate) -> Target:
    target = found.get(code)
    if target is None or target.due.affiliate != affiliate.pk:
        raise UnknownReference(reference=code[:40])
    return target


def _authorities(
    affiliate: Affiliate, parts: Sequence[Part], total: Decimal
) -> list[DebitAuthority]:
    """The authorities of a split, judged: they are the affiliate's, alive, different, and their caps hold."""
    made = sum((part.amount for part in parts), ZERO)
    keys = {part.authority for part in parts}
    if (
        made != total
        or not 1 <= len(parts) <= MOST_ACCOUNTS
        or len(keys) != len(parts)
        or any(part.amount <= 0 for part in parts)
    ):
        raise SplitWrong(
            parts=format_amount(made), total=format_amount(total), most=str(MOST_ACCOUNTS)
        )
    rows = {row.pk: row for row in DebitAuthority.objects.filter(affiliate=affiliate, pk__in=keys)}
    for part in parts:
        authority = rows.get(part.authority)
        if authority is None:
            raise UnknownReference(reference=str(part.authority))
        if authority.state not in (AuthorityState.ACTIVE.value, AuthorityState.REQUESTED.value):
            raise AuthorityNotUsable(
                reference=authority.reference, state=AuthorityState(authority.state).label
            )
        if part.amount > authority.cap:
            raise AboveCap(
                amount=format_amount(part.amount),
                cap=format_amount(authority.cap),
                reference=authority.reference,
            )
    return [rows[part.authority] for part in parts]


def _share_out(
    order: DebitOrder, left: list[tuple[Target, Decimal]]
) -> list[tuple[Target, Decimal]]:
    """Give this order its dues, in their order, until its amount is reached; what remains goes to the next account."""
    amount = order.amount
    rest: list[tuple[Target, Decimal]] = []
    for target, due in left:
        taken = min(due, amount)
        if taken:
            DebitShare.objects.create(
                order=order, amount=taken, **{f"{field_of(target.row)}_id": target.row.pk}
            )
            amount -= taken
        if due > taken:
            rest.append((target, due - taken))
    return rest


def next_reference(at: datetime) -> str:
    """The next 12-character reference of an order, never used before (bank-files §10.3)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('payments_debit_order_number')")
        number = cursor.fetchone()[0]
    return order_reference(day_of(at).year, number)


def sign_order(
    *, actor: User, affiliate: Affiliate, intent: UUID, at: datetime
) -> list[DebitOrder]:
    """Sign every draft of an intention: from now on it goes, unless it is stopped before the cut-off.

    An order on an account that its bank has not confirmed yet stays signed, and is planned with the confirmation.
    Signed before: nothing changes. Refuses PastCutOff, AuthorityNotUsable, AboveOpenDues, DuesMoved.
    """
    with constraints_refuse({"debit_not_above_dues": DuesMoved()}), transaction.atomic():
        Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
        keys = DebitOrder.objects.filter(affiliate=affiliate, intent=intent).values_list("pk")
        targets = lock_targets(due_codes_of(key for (key,) in keys))
        orders = lock_orders(affiliate=affiliate, intent=intent)
        drafts = [order for order in orders if order.state == DebitState.DRAFT.value]
        if not drafts:
            return orders
        limit = cut_off(drafts[0].collect_on, CASABLANCA)
        if at >= limit:
            raise PastCutOff(limit=instant(limit), day=french_day(drafts[0].collect_on))
        _check_free(drafts, targets)
        for order in drafts:
            _check_authority(order)
            step(order, DebitAct.SIGN, actor=actor, at=at, signed_by=actor, signed_at=at)
            failpoint("debit-half-signed")
            if order.authority.state == AuthorityState.ACTIVE.value:
                step(order, DebitAct.PLAN, actor=None, at=at)
        return orders


def _check_free(drafts: Sequence[DebitOrder], targets: dict[str, Target]) -> None:
    """What these drafts take must still be free; the database says the same, without the figures."""
    free = free_on([target.row for target in targets.values()])
    shares = DebitShare.objects.filter(order__in=drafts).select_related(
        "slip", "surcharge", "filing_penalty"
    )
    asked: dict[str, Decimal] = {}
    for share in shares:
        row = share.slip or share.surcharge or share.filing_penalty
        if row is not None:
            code = row.payment_reference
            asked[code] = asked.get(code, ZERO) + share.amount
    for code, amount in asked.items():
        if amount > free[code]:
            raise AboveOpenDues(
                reference=code, asked=format_amount(amount), left=format_amount(free[code])
            )


def _check_authority(order: DebitOrder) -> None:
    authority = order.authority
    if authority.state not in (AuthorityState.ACTIVE.value, AuthorityState.REQUESTED.value):
        raise AuthorityNotUsable(
            reference=authority.reference, state=AuthorityState(authority.state).label
        )


@transaction.atomic
def cancel_order(
    *,
    actor: User,
    affiliate: Affiliate,
    intent: UUID,
    at: datetime,
    cause: DebitCause = DebitCause.EMPLOYER,
) -> list[DebitOrder]:
    """Stop every order of an intention, up to the cut-off. Stopped before: nothing changes.

    `cause` is STAFF when the money desk stops it (PostMissing for anybody else): the employer is then told.

    Refuses CannotStopAnyMore once the cut-off has passed or a run holds one of them: all stop, or none.
    """
    if cause is DebitCause.STAFF:
        require_post(actor, MONEY_ROLES)
    Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    orders = lock_orders(affiliate=affiliate, intent=intent)
    alive = [order for order in orders if order.state in _STOPPABLE]
    if not alive and all(order.state == DebitState.CANCELLED.value for order in orders):
        return orders
    limit = cut_off(orders[0].collect_on, CASABLANCA)
    signed = [order for order in orders if order.state not in ("draft", "cancelled")]
    if signed and (len(alive) < len(orders) or at >= limit or any(o.run_id for o in alive)):
        raise CannotStopAnyMore(limit=instant(limit))
    for order in alive:
        step(order, DebitAct.CANCEL, actor=actor, at=at, cause=cause)
        if cause is not DebitCause.EMPLOYER and order.signed_at is not None:
            tell_outcome(order, at=at)
    return orders


# ------------------------------------------------------------------ the authority behind


@transaction.atomic
def activate(*, actor: User, authority: DebitAuthority, at: datetime) -> DebitAuthority:
    """The bank confirms an authority, or the money desk by the form that the bank stamped (PostMissing for others).

    The orders that waited for it are planned, if their cut-off is still to come.
    """
    if bank_of(actor) is None:
        require_post(actor, MONEY_ROLES)
    targets = lock_targets(_dues_behind(authority))
    authority = register.activate_authority(actor=actor, at=at, authority=authority)
    waiting = lock_orders(authority=authority, state__in=["signed", "suspended"])
    free = free_on([target.row for target in targets.values()])
    for order in waiting:
        if order.state == DebitState.SUSPENDED.value and order.cause != DebitCause.AUTHORITY.value:
            continue
        if at >= cut_off(order.collect_on, CASABLANCA):
            _cancel(order, at=at, cause=DebitCause.LAPSED)
        elif order.state == DebitState.SIGNED.value:
            step(order, DebitAct.PLAN, actor=None, at=at)
        elif fits(order, free):
            step(order, DebitAct.RESUME, actor=None, at=at)
        else:
            _cancel(order, at=at, cause=DebitCause.DUE_CHANGED)
    return authority


def _cancel(
    order: DebitOrder, *, at: datetime, cause: DebitCause, actor: User | None = None
) -> None:
    """Cancel an order for a reason that its employer did not choose, and say so. A draft had nothing to stop."""
    was_signed = order.signed_at is not None
    step(order, DebitAct.CANCEL, actor=actor, at=at, cause=cause, run=None)
    if was_signed:
        tell_outcome(order, at=at)


def _dues_behind(authority: DebitAuthority) -> set[str]:
    keys = authority.orders.filter(state__in=["signed", "suspended"]).values_list("pk", flat=True)
    return due_codes_of(keys)


def fits(order: DebitOrder, free: dict[str, Decimal]) -> bool:
    """Whether each share of a suspended order still finds what it takes; counts it as taken when it does."""
    shares = list(order.shares.select_related("slip", "surcharge", "filing_penalty"))
    asked = {
        row.payment_reference: share.amount
        for share in shares
        if (row := share.slip or share.surcharge or share.filing_penalty) is not None
    }
    if any(amount > free.get(code, ZERO) for code, amount in asked.items()):
        return False
    for code, amount in asked.items():
        free[code] -= amount
    return True


@transaction.atomic
def revoke(
    *, actor: User | None, authority: DebitAuthority, at: datetime, reason: str = ""
) -> DebitAuthority:
    """Take an authority back: what has not left for the bank is cancelled at once. What has left is said on screen."""
    authority = register.revoke_authority(actor=actor, at=at, authority=authority, reason=reason)
    for order in lock_orders(authority=authority, state__in=_STOPPABLE):
        _cancel(order, actor=actor, at=at, cause=DebitCause.AUTHORITY)
    return authority


@transaction.atomic
def suspend(
    *, actor: User | None, authority: DebitAuthority, at: datetime, reason: str
) -> DebitAuthority:
    """A bank answered that this account does not pass: what is planned on it waits."""
    authority = register.suspend_authority(actor=actor, at=at, authority=authority, reason=reason)
    for order in lock_orders(authority=authority, state=DebitState.PLANNED.value):
        step(order, DebitAct.SUSPEND, actor=actor, at=at, cause=DebitCause.AUTHORITY, run=None)
        tell_outcome(order, at=at)
    return authority


# ------------------------------------------------------------------ the portal's own care


@transaction.atomic
def resume_held(*, actor: User | None, due: Payable, at: datetime) -> None:
    """A hold on a due is released: orders it suspended go on, if there is still time and the sum is still due."""
    keys = DebitShare.objects.filter(
        about([due]), order__state="suspended", order__cause=DebitCause.HOLD.value
    ).values_list("order_id", flat=True)
    targets = lock_targets(due_codes_of(list(keys)))
    free = free_on([target.row for target in targets.values()])
    for order in lock_orders(pk__in=list(keys), state=DebitState.SUSPENDED.value):
        if at < cut_off(order.collect_on, CASABLANCA) and fits(order, free):
            step(order, DebitAct.RESUME, actor=actor, at=at)
        else:
            _cancel(order, actor=actor, at=at, cause=DebitCause.LAPSED)


def lapse(*, at: datetime) -> int:
    """Cancel the orders whose day has come without their leaving, in a run or not; returns how many.

    The employer is told.
    """
    waiting = ["signed", "planned", "suspended"]
    late = DebitOrder.objects.filter(state__in=waiting, collect_on__lte=day_of(at))
    done = 0
    for key in list(late.values_list("pk", flat=True)):
        with transaction.atomic():
            for order in lock_orders(pk=key, state__in=waiting):
                _cancel(order, at=at, cause=DebitCause.LAPSED)
                done += 1
    return done
