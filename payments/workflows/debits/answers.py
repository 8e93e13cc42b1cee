"""What a bank says of our orders before any booking, order by order (pain.002, CP1 `REJ`; bank-files §3.4, §11).

Every answer is kept; the last by creation counts, and nothing leaves EXECUTED. A refusal tells the employer what to do
next, does to the authority what its reason asks, and sends again by itself only what §11 allows, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import uuid5

from django.db import transaction

from payments.codecs.reasons import Effect, Reason, reason_of
from payments.enums import DebitAct, DebitCause, DebitState
from payments.models import DebitOrder, DebitShare
from payments.transitions import allows, first_collection_day
from payments.workflows.debits import orders as side
from payments.workflows.debits.claims import free_on
from payments.workflows.debits.notices import tell_outcome
from payments.workflows.debits.steps import due_codes_of, lock_orders, step, tell
from payments.workflows.targets import lock_targets
from portal.clock import CASABLANCA
from portal.failpoints import failpoint
from regulation.money import ZERO

RECEIVED: Final = frozenset({"RCVD", "ACTC"})
IN_PROGRESS: Final = frozenset({"ACCP", "ACSP", "ACWC", "PATC", "PDNG", "ACSC", "ACCC"})
REFUSED: Final = "RJCT"
CANCELLED: Final = "CANC"


@dataclass(frozen=True, slots=True)
class Answer:
    """One status for one order, as the bank wrote it. `said_at` is the creation of its message, aware."""

    status: str
    said_at: datetime
    reason: str = ""
    reason_text: str = ""
    bank_ref: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer did: the order after it, and whether the answer was possible in its state."""

    order: DebitOrder
    was: DebitState
    possible: bool
    old: bool = False


@transaction.atomic
def answer_order(*, order_id: int, answer: Answer, at: datetime) -> Outcome:
    """Apply one answer to one order. The same again changes nothing; an impossible one is kept and told (L23).

    Locks the dues first: a retry is a new order that claims them.
    """
    targets = lock_targets(due_codes_of([order_id]))
    order = lock_orders(pk=order_id)[0]
    was = DebitState(order.state)
    if _heard(order, answer):
        return Outcome(order, was, True)
    if order.answered_at is not None and answer.said_at < order.answered_at:
        _keep(order, answer, at)
        return Outcome(order, was, True, old=True)
    act = _act_of(answer)
    if act is None or (act is DebitAct.ACCEPT and was is DebitState.EXECUTED):
        _keep(order, answer, at)
        return Outcome(order, was, True)
    if not allows(was, act):
        _keep(order, answer, at)
        return Outcome(order, was, False)
    step(
        order,
        act,
        actor=None,
        at=at,
        cause=DebitCause.BANK,
        facts=_facts(answer),
        answered_at=answer.said_at,
        reason_code=answer.reason,
        reason_text=answer.reason_text[:140],
    )
    failpoint("debit-answer-half")
    if act in (DebitAct.REJECT, DebitAct.WITHDRAW):
        tell_outcome(order, at=at)
    if act is DebitAct.REJECT:
        follow(order, reason_of(answer.reason), at)
        if reason_of(answer.reason).retry and order.retry_of_id is None:
            _retry(order, free_on([target.row for target in targets.values()]), at)
    return Outcome(order, was, True)


def _act_of(answer: Answer) -> DebitAct | None:
    if answer.status == REFUSED:
        return DebitAct.REJECT
    if answer.status == CANCELLED:
        return DebitAct.WITHDRAW
    return DebitAct.ACCEPT if answer.status in IN_PROGRESS else None


def _facts(answer: Answer) -> dict[str, str]:
    said = {
        "status": answer.status,
        "said_at": answer.said_at.isoformat(),
        "reason": answer.reason,
        "reason_text": answer.reason_text,
        "bank_ref": answer.bank_ref,
    }
    return {name: value for name, value in said.items() if value}


def _heard(order: DebitOrder, answer: Answer) -> bool:
    """Whether this very answer is in the life of the order already: a message re-sent, a worker killed after commit."""
    return order.events.filter(facts=_facts(answer)).exists()


def _keep(order: DebitOrder, answer: Answer, at: datetime) -> None:
    tell(order, actor=None, at=at, facts=_facts(answer))


def follow(order: DebitOrder, reason: Reason, at: datetime) -> None:
    """What a refusal or a return does to the authority behind the order (§11)."""
    if reason.effect is Effect.SUSPENDED:
        side.suspend(actor=None, authority=order.authority, at=at, reason=order.reason_code)
    elif reason.effect is Effect.REVOKED:
        side.revoke(actor=None, authority=order.authority, at=at, reason=order.reason_code)


def _retry(order: DebitOrder, free: dict[str, Decimal], at: datetime) -> None:
    """The next run, once: a new order under the same signature, if what it paid is still free."""
    shares = list(order.shares.select_related("slip", "surcharge", "filing_penalty"))
    again = DebitOrder(
        affiliate=order.affiliate,
        reference=side.next_reference(at),
        intent=uuid5(order.intent, f"retry {order.reference}"),
        rank=1,
        authority=order.authority,
        amount=order.amount,
        collect_on=first_collection_day(at, CASABLANCA),
        prepared_by=order.prepared_by,
        prepared_at=at,
        retry_of=order,
    )
    for share in shares:
        row = share.slip or share.surcharge or share.filing_penalty
        if row is None or share.amount > free.get(row.payment_reference, ZERO):
            return
    again.save()
    for share in shares:
        DebitShare.objects.create(
            order=again,
            slip=share.slip,
            surcharge=share.surcharge,
            filing_penalty=share.filing_penalty,
            amount=share.amount,
        )
    tell(again, actor=None, at=at, facts={"retry_of": order.reference})
    step(
        again,
        DebitAct.SIGN,
        actor=order.signed_by,
        at=at,
        cause=DebitCause.RETRY,
        signed_by=order.signed_by,
        signed_at=order.signed_at,
    )
    step(again, DebitAct.PLAN, actor=None, at=at, cause=DebitCause.RETRY)
