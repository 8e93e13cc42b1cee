"""Remission and plans: asked by the employer, granted by two persons, watched, undone when broken.

What is covered is what is overdue on the day of the request. The conditions are those of every scheme found: the
instalments are paid, and so are the current contributions; otherwise everything forgiven is owed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils.functional import cached_property

from affiliates.access import require_post
from affiliates.enums import MONEY_ROLES
from affiliates.models import Affiliate
from payments import posting
from payments.enums import GraceState, SlipState
from payments.errors import (
    ActClosed,
    GraceEmpty,
    GraceOpen,
    GraceTooLarge,
    GraceTooLate,
    ReasonNeeded,
    SecondPersonNeeded,
)
from payments.models import (
    FilingPenalty,
    GraceDue,
    GraceInstalment,
    GraceRequest,
    Hold,
    PaymentSlip,
    Surcharge,
    SurchargeExemption,
)
from payments.queries.debits import field_of, held_on
from payments.workflows import corrections, letters, penalties
from payments.workflows.ledger import Event, post
from payments.workflows.targets import Payable, lock_targets, save_targets
from portal import audit, clock
from portal.models import User
from regulation.grace import (
    Instalment,
    NothingOverdue,
    instalments,
    most_instalments,
    open_campaign,
    rate_for,
    share,
)
from regulation.money import ZERO, format_amount
from regulation.parameters import Campaign, french_day, value_at
from regulation.periods import Period

FIRST_WITHIN = timedelta(days=45)
"""The first instalment is at most so far: a choice of management."""

WARNED_BEFORE = timedelta(days=6)
"""A plan that will break is told so from five days before: a choice of management."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One overdue due and what of it may be asked (what is contested is left out), in dirhams."""

    row: Payable
    amount: Decimal

    @property
    def is_principal(self) -> bool:
        """Contributions are never forgiven, only spread."""
        return isinstance(self.row, PaymentSlip)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an employer asks: dirhams forgiven, number of monthly instalments of the rest, day of the first."""

    remitted: Decimal
    count: int
    first_on: date


@dataclass(frozen=True)
class Quote:
    """What a request would give, before anyone decides. Amounts in dirhams."""

    on: date
    covered: tuple[Covered, ...]
    remitted: Decimal
    instalments: tuple[Instalment, ...]
    # What would run until the last instalment and is forgiven while the plan is honoured.
    spared: Decimal
    campaign: Campaign | None
    campaign_limit: Decimal

    @cached_property
    def principal(self) -> Decimal:
        """Contributions covered."""
        return sum((one.amount for one in self.covered if one.is_principal), ZERO)

    @cached_property
    def extras(self) -> Decimal:
        """Surcharges and penalties covered."""
        return sum((one.amount for one in self.covered if not one.is_principal), ZERO)

    @property
    def to_pay(self) -> Decimal:
        """What the instalments add up to."""
        return self.principal + self.extras - self.remitted

    @property
    def if_broken(self) -> Decimal:
        """What comes back if the conditions are not kept to the end."""
        return self.remitted + self.spared

    @property
    def most(self) -> int:
        """How many instalments at most."""
        return most_instalments(self.to_pay, self.on)


def overdue(affiliate: Affiliate, on: date) -> tuple[Covered, ...]:
    """What grace may cover: slips past their day, oldest first, then surcharges and penalties; holds left out."""
    rows: list[Payable] = [
        *PaymentSlip.objects.filter(affiliate=affiliate, outstanding__gt=0, due_on__lt=on)
        .select_related("affiliate")
        .order_by("period", "pk"),
        *Surcharge.objects.filter(slip__affiliate=affiliate, outstanding__gt=0)
        .select_related("slip__affiliate")
        .order_by("slip__period", "month_number", "pk"),
        *FilingPenalty.objects.filter(affiliate=affiliate, outstanding__gt=0)
        .select_related("affiliate")
        .order_by("period", "pk"),
    ]
    held = held_on(rows)
    found = (
        Covered(row, row.outstanding - held.get((field_of(row), row.pk), ZERO)) for row in rows
    )
    return tuple(one for one in found if one.amount > 0)


def quote(affiliate: Affiliate, terms: Terms, *, on: date) -> Quote:
    """What these terms would give on the day `on`: instalments, what is spared, what comes back if broken.

    Refuses NothingOverdue, GraceTooLarge, GraceTooLate, TooManyInstalments and GraceEmpty. Writes nothing.
    """
    remitted, count, first_on = terms.remitted, terms.count, terms.first_on
    covered = overdue(affiliate, on)
    if not covered:
        raise NothingOverdue
    principal = sum((one.amount for one in covered if one.is_principal), ZERO)
    extras = sum((one.amount for one in covered if not one.is_principal), ZERO)
    if not 0 <= remitted <= extras:
        raise GraceTooLarge(asked=format_amount(remitted), limit=format_amount(extras))
    if not remitted and count < 2:
        raise GraceEmpty
    if not on < first_on <= on + FIRST_WITHIN:
        raise GraceTooLate(
            first=french_day(on + timedelta(days=1)), last=french_day(on + FIRST_WITHIN)
        )
    plan = instalments(principal + extras - remitted, count, first_on)
    campaign, limit = _campaign(covered, count, on)
    return Quote(on, covered, remitted, plan, _spared(covered, plan, on), campaign, limit)


def _campaign(covered: Sequence[Covered], count: int, on: date) -> tuple[Campaign | None, Decimal]:
    """The campaign open for these debts, and how much it would forgive."""
    found, limit = None, ZERO
    for one in covered:
        if isinstance(one.row, PaymentSlip):
            continue
        day = one.row.slip.period if isinstance(one.row, Surcharge) else one.row.period
        campaign = open_campaign(Period.from_day(day), on)
        rate = rate_for(campaign, count) if campaign else None
        if campaign is None or rate is None:
            continue
        found = campaign
        percent = rate.surcharges if isinstance(one.row, Surcharge) else rate.penalties_and_fees
        limit += share(one.amount, percent)
    return found, limit


def _spared(covered: Sequence[Covered], plan: Sequence[Instalment], on: date) -> Decimal:
    """The surcharges that would run on the covered slips while the instalments pay them, oldest first."""
    if not plan:
        return ZERO
    last = plan[-1].due_on
    pots = [one.amount for one in plan]
    spared = ZERO
    for one in covered:
        if not isinstance(one.row, PaymentSlip):
            continue
        left = one.amount
        paid: list[tuple[date, Decimal]] = []
        for rank, pot in enumerate(pots):
            part = min(left, pot)
            if part > 0:
                pots[rank] -= part
                left -= part
                paid.append((plan[rank].due_on, part))
        until = penalties.surcharge_of(one.row, until=last, also_paid=paid).total
        spared += max(ZERO, until - penalties.surcharge_of(one.row, until=on).total)
    return spared


# ---------------------------------------------------------------- asking and deciding


@transaction.atomic
def request_grace(
    *, actor: User, affiliate: Affiliate, terms: Terms, reason: str, at: datetime
) -> GraceRequest:
    """The employer asks for these terms on what is overdue today.

    Refuses what `quote` refuses, ReasonNeeded, and GraceOpen while another is open or runs.
    """
    Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    if GraceRequest.objects.filter(affiliate=affiliate, state__in=_LIVE).exists():
        raise GraceOpen
    seen = quote(affiliate, terms, on=clock.day_of(at))
    grace = GraceRequest.objects.create(
        affiliate=affiliate,
        remitted=terms.remitted,
        campaign=seen.campaign.name if seen.campaign else "",
        reason=_said(reason),
        requested_by=actor,
        requested_at=at,
    )
    left = terms.remitted
    for one in seen.covered:
        part = ZERO if one.is_principal else min(left, one.amount)
        left -= part
        GraceDue.objects.create(grace=grace, amount=one.amount, remitted=part, **_about(one.row))
    GraceInstalment.objects.bulk_create(
        GraceInstalment(grace=grace, rank=one.rank, due_on=one.due_on, amount=one.amount)
        for one in seen.instalments
    )
    _record(actor, "payments.grace_requested", grace, instalments=len(seen.instalments))
    return grace


_LIVE = (GraceState.REQUESTED.value, GraceState.PROPOSED.value, GraceState.GRANTED.value)


def _about(row: Payable) -> dict[str, Payable]:
    if isinstance(row, PaymentSlip):
        return {"slip": row}
    return {"surcharge": row} if isinstance(row, Surcharge) else {"filing_penalty": row}


def _said(reason: str) -> str:
    if not reason.strip():
        raise ReasonNeeded
    return reason.strip()[:2000]


@transaction.atomic
def propose(*, actor: User, grace_id: int, opinion: str, at: datetime) -> GraceRequest:
    """The money desk has looked and proposes to grant; a second person decides. Refuses PostMissing, ActClosed and
    ReasonNeeded.
    """
    require_post(actor, MONEY_ROLES)
    grace = _locked(grace_id)
    if grace.state != GraceState.REQUESTED.value:
        raise ActClosed
    grace.state, grace.opinion = GraceState.PROPOSED.value, _said(opinion)
    grace.proposed_by, grace.proposed_at = actor, at
    grace.save(update_fields=["state", "opinion", "proposed_by", "proposed_at"])
    _record(actor, "payments.grace_proposed", grace)
    return grace


@transaction.atomic
def grant(*, actor: User, grace_id: int, at: datetime) -> GraceRequest:
    """The second person grants: what is forgiven leaves the account now, surcharges stop running on what is covered.

    Granting again what one has granted changes nothing. Refuses PostMissing, ActClosed and SecondPersonNeeded.
    """
    require_post(actor, MONEY_ROLES)
    grace = _locked(grace_id)
    if grace.state == GraceState.GRANTED.value and grace.decided_by_id == actor.pk:
        return grace
    if grace.state != GraceState.PROPOSED.value:
        raise ActClosed
    if grace.proposed_by_id == actor.pk:
        raise SecondPersonNeeded
    on = clock.day_of(at)
    dues = _dues(grace)
    targets = lock_targets([one.due.payment_reference for one in dues if one.due is not None])
    for one in dues:
        if not one.remitted or one.due is None:
            continue
        target = targets[one.due.payment_reference]
        # Paid meanwhile: what is no longer owed cannot be forgiven.
        one.remitted = min(one.remitted, target.outstanding)
        if one.remitted:
            entry = posting.remission_granted(target.due, one.remitted)
            one.entry = post(Event(entry, f"remission:{one.pk}", on), actor=actor)
            target.pay(one.remitted, on)
        one.save(update_fields=["remitted", "entry"])
    save_targets(targets.values())
    grace.remitted = sum((one.remitted for one in dues), ZERO)
    grace.state, grace.decided_by, grace.decided_at = GraceState.GRANTED.value, actor, at
    grace.save(update_fields=["remitted", "state", "decided_by", "decided_at"])
    _spare(grace, dues, on)
    _record(actor, "payments.grace_granted", grace, remitted=grace.remitted)
    letters.grace_decided(grace, at=at)
    return grace


def _spare(grace: GraceRequest, dues: Iterable[GraceDue], on: date) -> None:
    """No surcharge on the covered slips from the day of the decision to the last instalment."""
    last = grace.instalments.order_by("-rank").first()
    if last is None:
        return
    remission = value_at("plan.surcharge_remission", on)
    if remission.value != Decimal("100.00"):
        return
    for one in dues:
        if one.slip is not None and last.due_on > one.slip.period:
            SurchargeExemption.objects.create(
                affiliate=grace.affiliate,
                first_period=one.slip.period,
                last_period=one.slip.period,
                since=on,
                until=last.due_on,
                reference=_reference(grace, remission.reference, one.slip),
                decided_on=on,
            )


def _reference(grace: GraceRequest, text: str, slip: PaymentSlip) -> str:
    mark = f" · {grace.pk}/{slip.pk}"
    return text[: 80 - len(mark)] + mark


@transaction.atomic
def refuse(*, actor: User, grace_id: int, reason: str, at: datetime) -> GraceRequest:
    """Somebody else of the money desk than the proposer says no, and why. Refuses PostMissing, ActClosed,
    SecondPersonNeeded and ReasonNeeded.
    """
    require_post(actor, MONEY_ROLES)
    grace = _locked(grace_id)
    if not grace.is_open:
        raise ActClosed
    if grace.proposed_by_id == actor.pk:
        raise SecondPersonNeeded
    grace.state, grace.decision = GraceState.REFUSED.value, _said(reason)
    grace.decided_by, grace.decided_at = actor, at
    grace.save(update_fields=["state", "decision", "decided_by", "decided_at"])
    _record(actor, "payments.grace_refused", grace)
    letters.grace_decided(grace, at=at)
    return grace


@transaction.atomic
def withdraw(*, actor: User, grace_id: int, at: datetime) -> GraceRequest:
    """The employer takes its request back while nobody has decided. Refuses ActClosed."""
    grace = _locked(grace_id)
    if grace.state == GraceState.WITHDRAWN.value:
        return grace
    if not grace.is_open:
        raise ActClosed
    grace.state, grace.decided_by, grace.decided_at = GraceState.WITHDRAWN.value, actor, at
    grace.save(update_fields=["state", "decided_by", "decided_at"])
    _record(actor, "payments.grace_withdrawn", grace)
    return grace


# ---------------------------------------------------------------- watching


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a plan is: what remains, what may still remain on that day, and current slips left unpaid (dirhams)."""

    remaining: Decimal
    allowed: Decimal
    current: Decimal

    @property
    def is_kept(self) -> bool:
        """Everything covered is paid."""
        return self.remaining == 0

    @property
    def is_broken(self) -> bool:
        """An instalment or a current contribution is missing."""
        return not self.is_kept and (self.remaining > self.allowed or self.current > 0)


def standing(grace: GraceRequest, *, as_of: date) -> Standing:
    """What the conditions look at, as of the end of the day before `as_of`."""
    dues = _dues(grace)
    slips = [one.slip_id for one in dues if one.slip_id]
    held = dict(
        Hold.objects.filter(slip__affiliate=grace.affiliate_id, released_at__isnull=True)
        .values("slip_id")
        .annotate(total=Sum("amount"))
        .values_list("slip_id", "total")
    )
    covered = [one.due for one in dues if one.due is not None]
    of_covered = held_on(covered)
    remaining = ZERO
    for row in covered:
        remaining += max(ZERO, row.outstanding - of_covered.get((field_of(row), row.pk), ZERO))
    allowed = sum((one.amount for one in grace.instalments.all() if one.due_on >= as_of), ZERO)
    granted = clock.day_of(grace.decided_at) if grace.decided_at else as_of
    current = sum(
        (
            max(ZERO, slip.outstanding - held.get(slip.pk, ZERO))
            for slip in PaymentSlip.objects.filter(
                affiliate=grace.affiliate_id,
                due_on__gte=granted,
                due_on__lt=as_of,
                outstanding__gt=0,
            )
            .exclude(pk__in=slips)
            .exclude(state__in=[SlipState.REPLACED.value, SlipState.CANCELLED.value])
        ),
        ZERO,
    )
    return Standing(remaining, allowed, current)


def running() -> list[int]:
    """The grants whose conditions are to be watched."""
    return list(
        GraceRequest.objects.filter(state=GraceState.GRANTED.value)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


@transaction.atomic
def watch(*, grace_id: int, as_of: date, today: date) -> GraceState:
    """Look at the conditions of one grant: kept, broken, or still running. Safe to run twice.

    `as_of` lies some days back (penalties.GRACE): banks bring payments late. Broken: each remission is opposed by
    its own entry, the exemptions are withdrawn, and the surcharges that did not run are assessed.
    """
    grace = _locked(grace_id)
    if grace.state != GraceState.GRANTED.value:
        return GraceState(grace.state)
    dues = _dues(grace)
    slips = _slips_of(dues)
    targets = lock_targets([one.due.payment_reference for one in dues if one.due is not None])
    found = standing(grace, as_of=as_of)
    if found.is_kept:
        return _close(grace, GraceState.KEPT, today)
    if not found.is_broken:
        _warn(grace, today)
        return GraceState.GRANTED
    for one in dues:
        if one.remitted and one.due is not None:
            target = targets[one.due.payment_reference]
            entry = posting.remission_undone(target.due, one.remitted)
            cause = f"remission_undone:{one.pk}"
            post(Event(entry, cause, today, reversal_of=one.entry_id), actor=None)
            target.owe_again(one.remitted)
    save_targets(targets.values())
    grace.breach = {
        "remaining": str(found.remaining),
        "allowed": str(found.allowed),
        "current": str(found.current),
    }
    SurchargeExemption.objects.filter(
        affiliate=grace.affiliate_id, reference__contains=f" · {grace.pk}/"
    ).update(withdrawn_on=today)
    state = _close(grace, GraceState.BROKEN, today)
    for slip in slips:
        # A correction left alone the surcharges that were forgiven: they stand again, so they fall to the law now.
        if penalties.lowered_by_line(slip, why="corrected"):
            corrections.take_back_surcharges(None, slip, mark=f"grace{grace.pk}", on=today)
    for one in dues:
        if one.slip_id is not None:
            penalties.assess_surcharges(actor=None, slip_id=one.slip_id, as_of=as_of)
    return state


def _warn(grace: GraceRequest, today: date) -> None:
    """Write to the employer while there is still time, when a condition of the coming days is not met yet."""
    coming = standing(grace, as_of=today + WARNED_BEFORE)
    if not coming.is_broken:
        return
    missed = standing(grace, as_of=today)
    seen = missed if missed.is_broken else coming
    window = {"due_on__gte": today, "due_on__lt": today + WARNED_BEFORE}
    days = [
        *grace.instalments.filter(**window).values_list("due_on", flat=True),
        *PaymentSlip.objects.filter(
            affiliate=grace.affiliate_id, outstanding__gt=0, **window
        ).values_list("due_on", flat=True),
    ]
    letters.grace_warned(
        grace,
        missing=max(ZERO, seen.remaining - seen.allowed) + seen.current,
        before=None if missed.is_broken else min(days, default=today),
        today=today,
        at=clock.now(),
    )


def _close(grace: GraceRequest, state: GraceState, today: date) -> GraceState:
    grace.state, grace.closed_on = state.value, today
    grace.save(update_fields=["state", "closed_on", "breach"])
    _record(None, f"payments.grace_{state.value}", grace, **grace.breach)
    letters.grace_closed(grace, at=clock.now())
    return state


def _locked(grace_id: int) -> GraceRequest:
    """The request under the lock of its affiliate, then its own."""
    affiliate = GraceRequest.objects.values_list("affiliate_id", flat=True).get(pk=grace_id)
    Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate)
    return (
        GraceRequest.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .get(pk=grace_id)
    )


def _slips_of(dues: Iterable[GraceDue]) -> list[PaymentSlip]:
    """The slips that dues are of, or are surcharges of; locked, before the dues themselves."""
    keys = {one.slip_id for one in dues if one.slip_id is not None}
    keys |= {one.surcharge.slip_id for one in dues if one.surcharge}
    rows = PaymentSlip.objects.filter(pk__in=keys).select_related("affiliate")
    return list(rows.order_by("pk").select_for_update(of=("self",)))


def _dues(grace: GraceRequest) -> list[GraceDue]:
    rows = grace.dues.select_related("slip", "surcharge__slip", "filing_penalty")
    return list(rows.order_by("pk"))


def _record(actor: User | None, action: str, grace: GraceRequest, **facts: object) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=grace,
        affiliation_number=grace.affiliate.affiliation_number,
        **{"remitted": grace.remitted, **facts},
    )
