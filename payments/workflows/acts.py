"""Acts of two persons: one proposes with a reason, another approves, and only then does money move.

Assigning a large sum or one to another affiliate than proposed, taking back or moving an allocation, giving up a
small difference, refunding a credit. The database refuses an act decided by whoever proposed it. Each step is the money
desk's: whoever holds no post there, or not any more, is refused (PostMissing).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from affiliates.access import for_actor, require_post
from affiliates.enums import MONEY_ROLES, Scope
from affiliates.models import Affiliate
from payments import posting
from payments.enums import ActKind, ActState
from payments.errors import (
    ActClosed,
    ActOpen,
    AlreadyUndone,
    NothingToAssign,
    NothingToRefund,
    ReasonNeeded,
    SecondPersonNeeded,
    SenderMayNotDecide,
    UnknownReference,
    WriteOffTooLarge,
)
from payments.models import Allocation, BankLine, ClerkAct, PaymentSlip, Surcharge
from payments.queries import credit_of, pledged_credit, suspense_of
from payments.workflows.allocations import (
    BY_CLERK,
    Part,
    assign,
    assign_found,
    needs_second_person,
    take_back,
)
from payments.workflows.ledger import Event, post
from payments.workflows.letters import refund_decided
from payments.workflows.targets import Target, lock_targets, save_targets
from portal import audit, clock
from portal.models import User
from regulation.identifiers import check_rib
from regulation.money import format_amount
from regulation.parameters import value_at

_OPEN = (ActState.REQUESTED.value, ActState.PROPOSED.value)
_ONCE = ("clerk_act_assign_once", "clerk_act_undo_once", "clerk_act_write_off_once")


# ---------------------------------------------------------------- naming what waiting money pays


@transaction.atomic
def assign_or_propose(
    *, actor: User, line_id: int, parts: Sequence[Part], reason: str, at: datetime
) -> ClerkAct | None:
    """Assign now when one person may, and return None; otherwise return the proposal for a second one.

    Refuses what `assign` refuses, ReasonNeeded, ActOpen, and SenderMayNotDecide.
    """
    require_post(actor, MONEY_ROLES)
    line = BankLine.objects.select_related("bank_file").get(pk=line_id)
    _check_sender(line, actor)
    if not needs_second_person(line, parts, at=at):
        assign(actor=actor, line_id=line_id, parts=parts, at=at)
        return None
    waiting = suspense_of(line.pk)
    if not waiting:
        raise NothingToAssign
    # What `assign` would refuse is refused now, not when the second person reads.
    with _rehearsal():
        assign_found(actor=actor, line_id=line_id, parts=parts, rule=BY_CLERK, at=at)
    return _propose(
        ActKind.ASSIGN,
        actor=actor,
        at=at,
        reason=reason,
        amount=waiting,
        bank_line=line,
        parts=_stored(parts),
    )


@contextmanager
def _rehearsal() -> Iterator[None]:
    """Run the block in a savepoint and undo it: only its refusals remain."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _check_sender(line: BankLine, actor: User) -> None:
    if line.bank_file.received_by_id == actor.pk:
        raise SenderMayNotDecide


def _stored(parts: Sequence[Part]) -> list[dict[str, str]]:
    return [
        {
            "code": part.code,
            "affiliate": part.affiliate.affiliation_number if part.affiliate else "",
            "amount": str(part.amount),
        }
        for part in parts
    ]


def parts_of(act: ClerkAct) -> list[Part]:
    """The split that an act proposes, as `assign` takes it."""
    affiliates = {
        row.affiliation_number: row
        for row in Affiliate.objects.filter(
            affiliation_number__in=[part["affiliate"] for part in act.parts if part["affiliate"]]
        )
    }
    return [
        Part(Decimal(part["amount"]), part["code"], affiliates.get(part["affiliate"]))
        for part in act.parts
    ]


# ---------------------------------------------------------------- proposing


@transaction.atomic
def propose_undo(
    *, actor: User, allocation_id: int, parts: Sequence[Part] = (), reason: str, at: datetime
) -> ClerkAct:
    """Propose to take back an allocation, or to move it when `parts` say where its money goes instead.

    Refuses AlreadyUndone, ReasonNeeded, ActOpen and SenderMayNotDecide.
    """
    require_post(actor, MONEY_ROLES)
    allocation = Allocation.objects.select_related("bank_line__bank_file", "affiliate").get(
        pk=allocation_id
    )
    _check_sender(allocation.bank_line, actor)
    if allocation.undoes_id or Allocation.objects.filter(undoes_id=allocation.pk).exists():
        raise AlreadyUndone
    if parts:
        with _rehearsal():
            _undo(actor, allocation, parts, at)
    return _propose(
        ActKind.UNDO,
        actor=actor,
        at=at,
        reason=reason,
        amount=allocation.amount,
        affiliate=allocation.affiliate,
        bank_line=allocation.bank_line,
        allocation=allocation,
        parts=_stored(parts),
    )


@transaction.atomic
def propose_write_off(*, actor: User, code: str, reason: str, at: datetime) -> ClerkAct:
    """Propose to give up what little remains on a due. Refuses UnknownReference, WriteOffTooLarge, ReasonNeeded."""
    require_post(actor, MONEY_ROLES)
    target = lock_targets([code]).get(code)
    if target is None:
        raise UnknownReference(reference=code[:40])
    _check_small(target, at)
    row = target.row
    about = (
        {"slip": row}
        if isinstance(row, PaymentSlip)
        else {"surcharge": row}
        if isinstance(row, Surcharge)
        else {"filing_penalty": row}
    )
    return _propose(
        ActKind.WRITE_OFF,
        actor=actor,
        at=at,
        reason=reason,
        amount=row.outstanding,
        affiliate=Affiliate.objects.get(pk=target.due.affiliate),
        **about,
    )


def _check_small(target: Target, at: datetime) -> None:
    limit = value_at("suspense.write_off_up_to", clock.day_of(at)).value
    if not 0 < target.outstanding <= limit:
        raise WriteOffTooLarge(left=format_amount(target.outstanding), limit=format_amount(limit))


@transaction.atomic
def request_refund(
    *, actor: User, affiliate: Affiliate, amount: Decimal, rib: str, at: datetime
) -> ClerkAct:
    """The employer asks its credit back, to the account `rib`. The same open request again is the first one.

    Refuses NothingToRefund above the credit that no other request holds, and a RIB with a wrong key.
    """
    rib = check_rib(rib)
    Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    twin = ClerkAct.objects.filter(
        kind=ActKind.REFUND.value, state__in=_OPEN, affiliate=affiliate, amount=amount, rib=rib
    ).first()
    if twin is not None:
        return twin
    left = credit_of(affiliate) - pledged_credit(affiliate)
    if not 0 < amount <= left:
        raise NothingToRefund(left=format_amount(left), asked=format_amount(amount))
    act = ClerkAct.objects.create(
        kind=ActKind.REFUND.value,
        state=ActState.REQUESTED.value,
        affiliate=affiliate,
        amount=amount,
        rib=rib,
        requested_by=actor,
        requested_at=at,
    )
    _record(actor, "payments.refund_requested", act)
    return act


@transaction.atomic
def propose_refund(*, actor: User, act_id: int, reason: str, at: datetime) -> ClerkAct:
    """The money desk has looked at a request and proposes to pay it. Refuses ActClosed and ReasonNeeded."""
    require_post(actor, MONEY_ROLES)
    act = _locked(act_id)
    if act.state != ActState.REQUESTED.value:
        raise ActClosed
    act.reason, act.proposed_by, act.proposed_at = _said(reason), actor, at
    act.state = ActState.PROPOSED.value
    act.save(update_fields=["reason", "proposed_by", "proposed_at", "state"])
    _record(actor, "payments.act_proposed", act)
    return act


def _propose(
    kind: ActKind, *, actor: User, at: datetime, reason: str, amount: Decimal, **about: object
) -> ClerkAct:
    try:
        with transaction.atomic():
            act = ClerkAct.objects.create(
                kind=kind.value,
                amount=amount,
                reason=_said(reason),
                requested_at=at,
                proposed_by=actor,
                proposed_at=at,
                **about,
            )
    except IntegrityError as error:
        if not any(name in str(error) for name in _ONCE):
            raise
        raise ActOpen from error
    _record(actor, "payments.act_proposed", act)
    return act


def _said(reason: str) -> str:
    if not reason.strip():
        raise ReasonNeeded
    return reason.strip()[:2000]


# ---------------------------------------------------------------- deciding


@transaction.atomic
def approve(*, actor: User, act_id: int, at: datetime) -> ClerkAct:
    """The second person agrees: the act is done now, in this transaction.

    Approving again what one has approved changes nothing. Refuses ActClosed, SecondPersonNeeded,
    SenderMayNotDecide, and whatever the act itself refuses by now.
    """
    require_post(actor, MONEY_ROLES)
    act = _locked(act_id)
    if act.state == ActState.DONE.value and act.decided_by_id == actor.pk:
        return act
    _check_decider(act, actor)
    if act.bank_line is not None:
        _check_sender(act.bank_line, actor)
    match ActKind(act.kind):
        case ActKind.ASSIGN:
            _assign(act, actor, at)
        case ActKind.UNDO:
            if act.allocation is not None:
                _undo(actor, act.allocation, parts_of(act), at)
        case ActKind.WRITE_OFF:
            _write_off(act, actor, at)
        case ActKind.REFUND:
            _refund(act, actor, at)
    act.state, act.decided_by, act.decided_at = ActState.DONE.value, actor, at
    act.save(update_fields=["state", "decided_by", "decided_at", "order_number", "entry"])
    _record(actor, "payments.act_approved", act)
    refund_decided(act, at=at)
    return act


@transaction.atomic
def refuse(*, actor: User, act_id: int, reason: str, at: datetime) -> ClerkAct:
    """The second person says no, and why. Refuses ActClosed, SecondPersonNeeded and ReasonNeeded."""
    require_post(actor, MONEY_ROLES)
    act = _locked(act_id)
    if not act.is_open:
        raise ActClosed
    if act.proposed_by_id == actor.pk:
        raise SecondPersonNeeded
    act.state, act.decided_by, act.decided_at = ActState.REFUSED.value, actor, at
    act.decision = _said(reason)
    act.save(update_fields=["state", "decided_by", "decided_at", "decision"])
    _record(actor, "payments.act_refused", act)
    refund_decided(act, at=at)
    return act


@transaction.atomic
def withdraw(*, actor: User, act_id: int, at: datetime) -> ClerkAct:
    """Whoever may pay for the firm that asked, or the money desk, takes it back. Once withdrawn it stays so.

    Refuses PostMissing and ActClosed.
    """
    act = _locked(act_id)
    firms = for_actor(actor, Scope.PAY, on=clock.day_of(at))
    asked = act.requested_by_id is not None and act.affiliate is not None
    if not (asked and firms.filter(pk__in=[act.affiliate_id]).exists()):
        require_post(actor, MONEY_ROLES)
    if act.state == ActState.WITHDRAWN.value:
        return act
    if not act.is_open:
        raise ActClosed
    act.state, act.decided_by, act.decided_at = ActState.WITHDRAWN.value, actor, at
    act.save(update_fields=["state", "decided_by", "decided_at"])
    _record(actor, "payments.act_withdrawn", act)
    return act


def _locked(act_id: int) -> ClerkAct:
    return (
        ClerkAct.objects.select_for_update(of=("self",))
        .select_related("affiliate", "allocation", "bank_line__bank_file")
        .get(pk=act_id)
    )


def _check_decider(act: ClerkAct, actor: User) -> None:
    if act.state != ActState.PROPOSED.value:
        raise ActClosed
    if act.proposed_by_id == actor.pk:
        raise SecondPersonNeeded


def _assign(act: ClerkAct, actor: User, at: datetime) -> None:
    if act.bank_line_id is not None:
        assign(
            actor=actor,
            line_id=act.bank_line_id,
            parts=parts_of(act),
            at=at,
            second=act.proposed_by,
        )


def _undo(actor: User, allocation: Allocation, parts: Sequence[Part], at: datetime) -> None:
    """Take the allocation back, and place its money elsewhere when the act says where.

    Whatever waited on the line already goes on waiting: the line takes the parts only when they are all of it.
    """
    take_back(actor=actor, allocation_id=allocation.pk, at=at)
    if parts:
        line_id = allocation.bank_line_id
        assign_found(actor=actor, line_id=line_id, parts=parts, rule=BY_CLERK, at=at)


def _write_off(act: ClerkAct, actor: User, at: datetime) -> None:
    if act.due is None:
        return
    code = act.due.payment_reference
    target = lock_targets([code])[code]
    _check_small(target, at)
    if target.outstanding != act.amount:
        raise ActClosed
    on = clock.day_of(at)
    act.entry = post(
        Event(posting.written_off(target.due, act.amount), f"act:{act.pk}", on), actor=actor
    )
    target.pay(act.amount, on)
    save_targets([target])


def _refund(act: ClerkAct, actor: User, at: datetime) -> None:
    if act.affiliate is None:
        return
    Affiliate.objects.select_for_update(of=("self",)).get(pk=act.affiliate.pk)
    left = credit_of(act.affiliate)
    if act.amount > left:
        raise NothingToRefund(left=format_amount(left), asked=format_amount(act.amount))
    on = clock.day_of(at)
    entry = posting.refund_ordered(act.affiliate.pk, act.amount)
    act.entry = post(Event(entry, f"act:{act.pk}", on), actor=actor)
    act.order_number = f"RMB{on.year % 100:02}-{act.pk:07}"


def _record(actor: User, action: str, act: ClerkAct) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=act,
        affiliation_number=act.affiliate.affiliation_number if act.affiliate else "",
        kind=act.kind,
        amount=act.amount,
        line=act.bank_line_id,
        parts=act.parts,
        reason=act.decision or act.reason,
    )
