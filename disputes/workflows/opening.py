"""Contesting, and asking others to look again at what was refused: both open a dispute and hold what is at stake.

Locks: affiliate, then dispute, then the dues. Money is never touched here: `payments` holds.
"""

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from affiliates.models import Affiliate
from disputes import rules, transitions
from disputes.enums import Action, DisputeState, Ground, MessageSide, Outcome, SubjectKind
from disputes.errors import (
    AlreadyContested,
    AppealRefused,
    AppealTooLate,
    IntentReused,
    NothingContested,
    SlipClosed,
    TooMuchContested,
    UnknownLine,
)
from disputes.models import Decision, Dispute, DisputedItem
from disputes.queries import subjects
from disputes.queries.subjects import Contestable
from disputes.rules import Subject
from disputes.workflows import letters
from disputes.workflows.thread import say, step
from payments.enums import SlipState
from payments.models import Hold, PaymentSlip, SlipLine
from payments.queries.debits import field_of, held_on
from payments.workflows.holds import hold_extra, place_hold
from portal import audit, clock
from portal.models import User
from portal.pieces import Piece, Upload, pieces_of
from regulation.enums import Branch
from regulation.money import ZERO, check_amount
from regulation.parameters import is_working_day, value_at


@transaction.atomic
def open_dispute(
    *,
    actor: User,
    affiliate: Affiliate,
    intent: UUID,
    ground: Ground,
    text: str,
    contested: Mapping[Subject, Decimal],
    pieces: Sequence[Upload] = (),
    at: datetime.datetime,
) -> Dispute:
    """Contest lines, surcharges and penalties by an amount (DH), payments, movements, refusals and findings as a whole.

    Only the contested part is held; the rest stays due. Sent again with the same ``intent``, returns the dispute
    already made. Refuses: nothing contested, something of someone else, a slip replaced or cancelled, more than what
    is left of a line, what another dispute is about, a text or a file that cannot be kept.
    """
    Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    text = rules.text_of(text)
    amounts = {
        subject: check_amount(amount)
        for subject, amount in contested.items()
        if amount or not subject.is_money
    }
    done = Dispute.objects.filter(intent=intent).first()
    if done is not None:
        _check_same_opening(done, actor, affiliate, ground, amounts)
        return done
    if not amounts:
        raise NothingContested
    rows = subjects.found(affiliate, amounts)
    if {row.subject for row in rows} != set(amounts):
        raise UnknownLine
    for row in rows:
        if not row.subject.is_money and (number := subjects.already_contested(affiliate, row)):
            raise AlreadyContested(what=str(row.label), number=number)
    return _open(
        actor=actor,
        affiliate=affiliate,
        intent=intent,
        ground=ground,
        text=text,
        rows=rows,
        amounts=amounts,
        read=pieces_of(pieces),
        at=at,
    )


@transaction.atomic
def appeal(
    *,
    actor: User,
    dispute_id: int,
    intent: UUID,
    text: str,
    pieces: Sequence[Upload] = (),
    at: datetime.datetime,
) -> Dispute:
    """Ask other persons to look again at what a decision refused; it is held again meanwhile.

    Sent again with the same ``intent``, returns the appeal already made. Refuses: a dispute that is not decided, that
    was upheld whole, that is an appeal or has one, and a delay that ran out (`dispute.appeal`, days from the decision).
    """
    first = Dispute.objects.select_related("affiliate").get(pk=dispute_id)
    affiliate = first.affiliate
    Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    text = rules.text_of(text)
    done = Dispute.objects.filter(intent=intent).first()
    if done is not None:
        if (done.appeal_of_id, done.opened_by_id) != (first.pk, actor.pk):
            raise IntentReused
        return done
    decision = Decision.objects.filter(dispute=first).first()
    if (
        decision is None
        or decision.outcome == Outcome.UPHELD
        or first.appeal_of_id is not None
        or Dispute.objects.filter(appeal_of=first).exists()
    ):
        raise AppealRefused
    until = appeal_until(decision)
    if clock.day_of(at) > until:
        raise AppealTooLate(until=until)
    refused = {
        subject_of(item): item.stake - (item.granted or ZERO)
        for item in first.items.order_by("pk")
        if item.outcome != Outcome.UPHELD
    }
    rows = subjects.found(affiliate, refused)
    # What was corrected or taken off since the decision needs no second one.
    amounts = {
        row.subject: min(refused[row.subject], row.remaining)
        for row in rows
        if not row.subject.is_money or row.remaining > ZERO
    }
    if not amounts:
        raise NothingContested
    return _open(
        actor=actor,
        affiliate=affiliate,
        intent=intent,
        ground=Ground(first.ground),
        text=text,
        rows=[row for row in rows if row.subject in amounts],
        amounts=amounts,
        read=pieces_of(pieces),
        at=at,
        appeal_of=first,
    )


def appeal_until(decision: Decision) -> datetime.date:
    """The last day for an appeal against a decision: so many days, carried over to a worked day."""
    decided_on = clock.day_of(decision.decided_at)
    days = int(value_at("dispute.appeal", decided_on).value)
    return transitions.decision_due(decided_on, is_working_day, days=days)


def subject_of(item: DisputedItem) -> Subject:
    """What an item is about, named as an address names it."""
    row = (
        item.slip_line_id
        or item.surcharge_id
        or item.filing_penalty_id
        or item.payment_id
        or item.movement_id
    )
    return Subject.of(SubjectKind(item.kind), row or item.key)


def _open(
    *,
    actor: User,
    affiliate: Affiliate,
    intent: UUID,
    ground: Ground,
    text: str,
    rows: Sequence[Contestable],
    amounts: Mapping[Subject, Decimal],
    read: Sequence[Piece],
    at: datetime.datetime,
    appeal_of: Dispute | None = None,
) -> Dispute:
    _check_lines(rows, amounts)
    opened_on = clock.day_of(at)
    dispute = Dispute.objects.create(
        number=f"R-{affiliate.affiliation_number}-{affiliate.disputes.count() + 1:03d}",
        affiliate=affiliate,
        ground=ground.value,
        opened_at=at,
        opened_by=actor,
        intent=intent,
        appeal_of=appeal_of,
        first_answer_due_on=transitions.first_answer_due(
            opened_on,
            is_working_day,
            working_days=int(value_at("dispute.first_answer", opened_on).value),
        ),
        decision_due_on=transitions.decision_due(
            opened_on, is_working_day, days=int(value_at("dispute.decision", opened_on).value)
        ),
    )
    held = [_contest(dispute, row, amounts[row.subject], actor, at) for row in rows]
    message = say(dispute, actor, MessageSide.AFFILIATE, intent, text, read, at)
    action = Action.APPEAL if appeal_of else Action.OPEN
    step(dispute, actor, action, MessageSide.AFFILIATE, at, message)
    audit.record(
        actor=actor,
        action="dispute.appeal" if appeal_of else "dispute.open",
        subject=dispute,
        affiliation_number=affiliate.affiliation_number,
        ground=ground.value,
        contested=sum(amounts.values(), ZERO),
        held=sum(held, ZERO),
        subjects=[str(row.subject) for row in rows],
        pieces=len(read),
    )
    letters.opened(dispute, at=at)
    return dispute


def _check_same_opening(
    done: Dispute,
    actor: User,
    affiliate: Affiliate,
    ground: Ground,
    amounts: Mapping[Subject, Decimal],
) -> None:
    same = (
        done.opened_by_id == actor.pk
        and done.affiliate_id == affiliate.pk
        and done.ground == ground
        and {subject_of(item): item.stake for item in done.items.all()} == amounts
    )
    if not same:
        raise IntentReused


def _check_lines(rows: Sequence[Contestable], amounts: Mapping[Subject, Decimal]) -> None:
    """Their slips locked and open; each has at least its amount left to contest, read again under the lock."""
    keys = {row.slip.pk for row in rows if row.slip is not None and row.subject.is_money}
    slips = PaymentSlip.objects.filter(pk__in=keys).order_by("pk")
    for slip in slips.select_for_update(of=("self",)):
        if slip.state in {SlipState.REPLACED, SlipState.CANCELLED}:
            raise SlipClosed(reference=slip.payment_reference, state=SlipState(slip.state))
    for row in rows:
        if not row.subject.is_money:
            continue
        left = left_to_contest(row.line) if row.line is not None else row.remaining
        if amounts[row.subject] > left:
            name = Branch(row.line.branch) if row.line is not None else str(row.label)
            raise TooMuchContested(line=name, remaining=left)


def left_to_contest(line: SlipLine) -> Decimal:
    """What may still be contested on a line (DH)."""
    (row,) = subjects.of_lines([line])
    return row.remaining


def _contest(
    dispute: Dispute, row: Contestable, amount: Decimal, actor: User, at: datetime.datetime
) -> Decimal:
    """Write one contested item and hold what can be held of it; return the held amount."""
    about: dict[str, object] = {
        "dispute": dispute,
        "kind": row.subject.kind.value,
        "period": row.period,
    }
    column = _COLUMNS.get(row.subject.kind)
    about |= {column: row.row} if column else {"key": row.subject.key}
    if row.line is None:
        about["said"] = row.label.to_json()
    if not row.subject.is_money:
        DisputedItem.objects.create(**about)
        return ZERO
    hold = _hold(dispute, row, amount, actor, at)
    DisputedItem.objects.create(amount=amount, hold=hold, **about)
    return hold.amount if hold else ZERO


_COLUMNS = {
    SubjectKind.LINE: "slip_line",
    SubjectKind.SURCHARGE: "surcharge",
    SubjectKind.PENALTY: "filing_penalty",
    SubjectKind.PAYMENT: "payment",
    SubjectKind.MOVEMENT: "movement",
}


def _hold(
    dispute: Dispute, row: Contestable, amount: Decimal, actor: User, at: datetime.datetime
) -> Hold | None:
    due = PaymentSlip.objects.get(pk=row.line.slip_id) if row.line is not None else row.row
    due.refresh_from_db()
    held = held_on([due]).get((field_of(due), due.pk), ZERO)
    holdable = rules.holdable(amount, outstanding=due.outstanding, held=[held])
    if holdable == ZERO:
        return None
    if row.line is not None:
        return place_hold(
            actor=actor, slip_line_id=row.line.pk, amount=holdable, reference=dispute.number, at=at
        )
    return hold_extra(
        actor=actor,
        payment_reference=due.payment_reference,
        amount=holdable,
        reference=dispute.number,
        at=at,
    )


def may_appeal(dispute: Dispute, decision: Decision | None, on: datetime.date) -> bool:
    """Whether an appeal is possible on a day: a first decision that refuses, even in part, within its delay."""
    return (
        decision is not None
        and dispute.state == DisputeState.DECIDED
        and decision.outcome != Outcome.UPHELD
        and dispute.appeal_of_id is None
        and on <= appeal_until(decision)
        and not Dispute.objects.filter(appeal_of=dispute).exists()
    )
