"""What can be done with a dispute: one verb per function, each safe to run twice.

Locks: affiliate, then dispute, then slip. Money is never touched here: a dispute asks `payments` to hold a part
of a slip, to release it, or to post a credit.
"""

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from affiliates.models import Affiliate
from disputes import rules, transitions
from disputes.access import staff_party
from disputes.enums import Action, DisputeState, Ground, MessageSide, Outcome, Party
from disputes.errors import (
    IntentReused,
    NothingContested,
    SlipClosed,
    TooMuchContested,
    UnknownLine,
)
from disputes.models import Attachment, Decision, Dispute, DisputedItem, DisputeStep, Message
from payments.enums import SlipState
from payments.models import Hold, PaymentSlip, SlipLine
from payments.workflows.holds import place_hold, release_hold
from payments.workflows.slips import credit_upheld
from portal import audit, clock
from portal.failpoints import failpoint
from portal.models import User
from portal.pieces import Piece, Upload, keep_piece, pieces_of
from regulation.enums import Branch
from regulation.money import ZERO, check_amount
from regulation.parameters import is_working_day, value_at

# ---------------------------------------------------------------- opening


@transaction.atomic
def open_dispute(
    *,
    actor: User,
    affiliate: Affiliate,
    intent: UUID,
    ground: Ground,
    text: str,
    contested: Mapping[int, Decimal],
    pieces: Sequence[Upload] = (),
    at: datetime.datetime,
) -> Dispute:
    """Contest lines of slips: ``contested`` gives an amount (DH) for each slip line id.

    Only the contested part is held; the rest stays due. Sent again with the same ``intent``, returns the dispute
    already made. Refuses: nothing contested, a line of someone else, a slip replaced or cancelled, more than what
    is left of a line, a text or a file that cannot be kept.
    """
    Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    text = rules.text_of(text)
    amounts = {line: check_amount(amount) for line, amount in contested.items() if amount}
    done = Dispute.objects.filter(intent=intent).first()
    if done is not None:
        _check_same_opening(done, actor, affiliate, ground, amounts)
        return done
    read = pieces_of(pieces)
    lines = _contested_lines(affiliate, amounts)
    opened_on = clock.day_of(at)
    dispute = Dispute.objects.create(
        number=f"R-{affiliate.affiliation_number}-{affiliate.disputes.count() + 1:03d}",
        affiliate=affiliate,
        ground=ground.value,
        opened_at=at,
        opened_by=actor,
        intent=intent,
        first_answer_due_on=transitions.first_answer_due(
            opened_on,
            is_working_day,
            working_days=int(value_at("dispute.first_answer", opened_on).value),
        ),
        decision_due_on=transitions.decision_due(
            opened_on, is_working_day, days=int(value_at("dispute.decision", opened_on).value)
        ),
    )
    held = [_contest(dispute, line, amounts[line.pk], actor, at) for line in lines]
    message = _say(dispute, actor, MessageSide.AFFILIATE, intent, text, read, at)
    _step(dispute, actor, Action.OPEN, MessageSide.AFFILIATE, at, message)
    audit.record(
        actor=actor,
        action="dispute.open",
        subject=dispute,
        affiliation_number=affiliate.affiliation_number,
        ground=ground.value,
        contested=sum(amounts.values(), ZERO),
        held=sum(held, ZERO),
        lines=[line.pk for line in lines],
        pieces=len(read),
    )
    return dispute


def _check_same_opening(
    done: Dispute,
    actor: User,
    affiliate: Affiliate,
    ground: Ground,
    amounts: Mapping[int, Decimal],
) -> None:
    same = (
        done.opened_by_id == actor.pk
        and done.affiliate_id == affiliate.pk
        and done.ground == ground
        and dict(done.items.values_list("slip_line_id", "amount")) == amounts
    )
    if not same:
        raise IntentReused


def _contested_lines(affiliate: Affiliate, amounts: Mapping[int, Decimal]) -> list[SlipLine]:
    """The contested lines, their slips locked; each has at least its amount left to contest."""
    if not amounts:
        raise NothingContested
    lines = list(
        SlipLine.objects.filter(pk__in=amounts, slip__affiliate=affiliate).order_by("slip", "rank")
    )
    if len(lines) != len(amounts):
        raise UnknownLine
    slips = PaymentSlip.objects.filter(pk__in={line.slip_id for line in lines}).order_by("pk")
    for slip in slips.select_for_update(of=("self",)):
        if slip.state in {SlipState.REPLACED, SlipState.CANCELLED}:
            raise SlipClosed(reference=slip.payment_reference, state=SlipState(slip.state))
    for line in lines:
        left = left_to_contest(line)
        if amounts[line.pk] > left:
            raise TooMuchContested(line=Branch(line.branch), remaining=left)
    return lines


def left_to_contest(line: SlipLine) -> Decimal:
    """What may still be contested on a line (DH)."""
    items = DisputedItem.objects.filter(slip_line=line).select_related("dispute")
    return rules.contestable(
        line.amount,
        pending=[item.amount for item in items if item.dispute.closed_at is None],
        granted=[item.granted for item in items if item.granted is not None],
    )


def _contest(
    dispute: Dispute, line: SlipLine, amount: Decimal, actor: User, at: datetime.datetime
) -> Decimal:
    """Write one contested item and hold what can be held of it; return the held amount."""
    slip = PaymentSlip.objects.get(pk=line.slip_id)
    live = Hold.objects.filter(slip=slip, released_at__isnull=True)
    holdable = rules.holdable(
        amount, outstanding=slip.outstanding, held=live.values_list("amount", flat=True)
    )
    hold = None
    if holdable > ZERO:
        hold = place_hold(
            actor=actor, slip_line_id=line.pk, amount=holdable, reference=dispute.number, at=at
        )
    DisputedItem.objects.create(dispute=dispute, slip_line=line, amount=amount, hold=hold)
    return holdable


# ---------------------------------------------------------------- the thread


@transaction.atomic
def take(*, actor: User, dispute_id: int, at: datetime.datetime) -> Dispute:
    """Assign a dispute to oneself; a supervisor may take it over from a colleague. Taking one's own changes nothing."""
    dispute = _locked(dispute_id)
    party = staff_party(actor, dispute)
    if party is Party.HANDLER and dispute.closed_at is None:
        return dispute
    dispute.state = transitions.move(DisputeState(dispute.state), Action.TAKE, party).value
    previous = dispute.assigned_to_id
    dispute.assigned_to = actor
    dispute.save(update_fields=["state", "assigned_to"])
    _step(dispute, actor, Action.TAKE, MessageSide.STAFF, at)
    _record(dispute, actor, "dispute.take", previous=previous)
    return dispute


@transaction.atomic
def give_back(*, actor: User, dispute_id: int, at: datetime.datetime) -> Dispute:
    """Put a dispute back in the queue, for another clerk to take."""
    dispute = _locked(dispute_id)
    party = staff_party(actor, dispute)
    dispute.state = transitions.move(DisputeState(dispute.state), Action.GIVE_BACK, party).value
    dispute.assigned_to = None
    dispute.save(update_fields=["state", "assigned_to"])
    _step(dispute, actor, Action.GIVE_BACK, MessageSide.STAFF, at)
    _record(dispute, actor, "dispute.give_back")
    return dispute


@transaction.atomic
def write(
    *,
    actor: User,
    dispute_id: int,
    side: MessageSide,
    intent: UUID,
    text: str,
    pieces: Sequence[Upload] = (),
    at: datetime.datetime,
) -> Message:
    """Add a message from one side; the fund's first one stops the first clock.

    Sent again with the same ``intent``, returns the message already kept.
    """
    dispute = _locked(dispute_id)
    text = rules.text_of(text)
    done = _said_already(dispute, actor, side, intent, text)
    if done is not None:
        return done
    party = Party.AFFILIATE if side is MessageSide.AFFILIATE else staff_party(actor, dispute)
    state = transitions.move(DisputeState(dispute.state), Action.WRITE, party)
    message = _say(dispute, actor, side, intent, text, pieces_of(pieces), at)
    _step(dispute, actor, Action.WRITE, side, at, message)
    _answered(dispute, side, state, at)
    _record(dispute, actor, "dispute.write", side=side.value, message=message.pk)
    return message


@transaction.atomic
def ask_for_piece(
    *, actor: User, dispute_id: int, intent: UUID, text: str, at: datetime.datetime
) -> Message:
    """Ask the affiliate for a piece or a precision; the dispute waits for its answer, its clock runs on."""
    dispute = _locked(dispute_id)
    text = rules.text_of(text)
    done = _said_already(dispute, actor, MessageSide.STAFF, intent, text)
    if done is not None:
        return done
    party = staff_party(actor, dispute)
    state = transitions.move(DisputeState(dispute.state), Action.ASK_FOR_PIECE, party)
    message = _say(dispute, actor, MessageSide.STAFF, intent, text, [], at)
    _step(dispute, actor, Action.ASK_FOR_PIECE, MessageSide.STAFF, at, message)
    _answered(dispute, MessageSide.STAFF, state, at)
    _record(dispute, actor, "dispute.ask_for_piece", message=message.pk)
    return message


def _said_already(
    dispute: Dispute, actor: User, side: MessageSide, intent: UUID, text: str
) -> Message | None:
    done = Message.objects.filter(intent=intent).first()
    if done is None:
        return None
    if (done.dispute_id, done.author_id, done.side, done.text) != (
        dispute.pk,
        actor.pk,
        side.value,
        text,
    ):
        raise IntentReused
    return done


def _answered(
    dispute: Dispute, side: MessageSide, state: DisputeState, at: datetime.datetime
) -> None:
    dispute.state = state.value
    if side is MessageSide.STAFF and dispute.first_answered_at is None:
        dispute.first_answered_at = at
    dispute.save(update_fields=["state", "first_answered_at"])


def _say(
    dispute: Dispute,
    actor: User,
    side: MessageSide,
    intent: UUID,
    text: str,
    pieces: Sequence[Piece],
    at: datetime.datetime,
) -> Message:
    message = Message.objects.create(
        dispute=dispute,
        side=side.value,
        author=actor,
        written_at=at,
        text=text,
        intent=intent,
    )
    for piece in pieces:
        stored = keep_piece(piece, stored_by=actor)
        Attachment.objects.create(message=message, stored=stored, content_type=piece.type.value)
    return message


# ---------------------------------------------------------------- the end


@transaction.atomic
def decide(
    *,
    actor: User,
    dispute_id: int,
    intent: UUID,
    rulings: Mapping[int, rules.Ruling],
    reasons: str,
    legal_ground: str,
    at: datetime.datetime,
) -> Decision:
    """Answer each contested item (``rulings`` by item id): release its hold, post the credit of what is granted.

    All in one transaction: a worker's death leaves the dispute open and the hold in place, a second click finds the
    decision already made. Refuses: a missing answer or reason, a refusal without its legal text, and above
    `dispute.second_person_above` anyone but a supervisor who did not examine the file.
    """
    dispute = _locked(dispute_id, with_affiliate=True)
    done = Decision.objects.filter(dispute=dispute).first()
    if done is not None and (done.intent, done.decided_by_id) == (intent, actor.pk):
        return done
    party = staff_party(actor, dispute)
    state = transitions.move(DisputeState(dispute.state), Action.DECIDE, party)
    items = list(dispute.items.select_related("slip_line__slip").order_by("pk"))
    contested = [
        rules.Contested(item.pk, Branch(item.slip_line.branch).label, item.amount) for item in items
    ]
    granted = rules.granted_amounts(contested, rulings)
    outcome = rules.overall_outcome(rulings[item.pk] for item in items)
    rules.check_grounds(outcome, reasons=reasons, legal_ground=legal_ground)
    total = sum((item.amount for item in items), ZERO)
    limit = value_at("dispute.second_person_above", clock.day_of(at)).value
    rules.check_second_person(total, limit=limit, party=party)
    _release_holds(dispute, actor, at)
    for item in items:
        _settle(dispute, item, rulings[item.pk].outcome, granted[item.pk], actor, at)
    failpoint("dispute-decide-before-decision")
    decision = Decision.objects.create(
        dispute=dispute,
        outcome=outcome.value,
        reasons=rules.text_of(reasons),
        legal_ground=legal_ground.strip()[:200],
        decided_at=at,
        decided_by=actor,
        intent=intent,
        # The table lets nobody decide a file that no one took.
        examined_by_id=dispute.assigned_to_id or actor.pk,
        contested_total=total,
        second_person_above=limit,
    )
    dispute.state = state.value
    dispute.closed_at = at
    dispute.first_answered_at = dispute.first_answered_at or at
    dispute.save(update_fields=["state", "closed_at", "first_answered_at"])
    _step(dispute, actor, Action.DECIDE, MessageSide.STAFF, at)
    _record(
        dispute,
        actor,
        "dispute.decide",
        outcome=outcome.value,
        contested=total,
        granted=sum(granted.values(), ZERO),
        examined_by=decision.examined_by_id,
    )
    failpoint("dispute-decide-before-commit")
    return decision


def _release_holds(dispute: Dispute, actor: User, at: datetime.datetime) -> None:
    held = dispute.items.filter(hold__isnull=False).order_by("slip_line__slip", "pk")
    for hold_id in held.values_list("hold_id", flat=True):
        release_hold(actor=actor, hold_id=hold_id, at=at)


def _settle(
    dispute: Dispute,
    item: DisputedItem,
    outcome: Outcome,
    granted: Decimal,
    actor: User,
    at: datetime.datetime,
) -> None:
    """Post the credit of what an item was granted, and keep the answer on it."""
    if granted > ZERO:
        credit_upheld(
            actor=actor,
            slip_line_id=item.slip_line_id,
            amount=granted,
            reference=dispute.number,
            at=at,
        )
    item.outcome = outcome.value
    item.granted = granted
    item.save(update_fields=["outcome", "granted"])


@transaction.atomic
def withdraw(*, actor: User, dispute_id: int, at: datetime.datetime) -> Dispute:
    """The affiliate gives up: the holds are released, the whole slip is due again. Twice changes nothing."""
    dispute = _locked(dispute_id, with_affiliate=True)
    if dispute.state == DisputeState.WITHDRAWN:
        return dispute
    state = transitions.move(DisputeState(dispute.state), Action.WITHDRAW, Party.AFFILIATE)
    _release_holds(dispute, actor, at)
    dispute.state = state.value
    dispute.closed_at = at
    dispute.save(update_fields=["state", "closed_at"])
    _step(dispute, actor, Action.WITHDRAW, MessageSide.AFFILIATE, at)
    _record(dispute, actor, "dispute.withdraw")
    return dispute


def _locked(dispute_id: int, *, with_affiliate: bool = False) -> Dispute:
    """The dispute under its row lock; with its affiliate's first when money will move."""
    if with_affiliate:
        Affiliate.objects.select_for_update(of=("self",)).get(disputes__pk=dispute_id)
    return (
        Dispute.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .get(pk=dispute_id)
    )


def _step(
    dispute: Dispute,
    actor: User,
    action: Action,
    side: MessageSide,
    at: datetime.datetime,
    message: Message | None = None,
) -> None:
    DisputeStep.objects.create(
        dispute=dispute, author=actor, action=action.value, side=side.value, at=at, message=message
    )


def _record(dispute: Dispute, actor: User, action: str, **facts: object) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=dispute,
        affiliation_number=dispute.affiliate.affiliation_number,
        **facts,
    )
