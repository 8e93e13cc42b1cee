"""What can be done with a dispute once it is open: one verb per function, each safe to run twice.

Locks: affiliate, then dispute, then the dues. Money is never touched here: a dispute asks `payments` to hold a part
of a due, to release it, or to post a credit.
"""

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from affiliates.access import is_supervisor
from disputes import rules, transitions
from disputes.access import staff_disputes
from disputes.enums import Action, DisputeState, MessageSide, Outcome, Party
from disputes.errors import IntentReused, NotOnTheDesk
from disputes.models import Decision, Dispute, DisputedItem, Meeting, Message
from disputes.workflows import letters
from disputes.workflows.thread import acting, locked, record, say, step
from payments.workflows.holds import release_hold
from payments.workflows.upheld import credit_upheld, lower_upheld
from portal import clock, formats
from portal.failpoints import failpoint
from portal.models import User
from portal.pieces import Upload, pieces_of
from regulation.money import ZERO
from regulation.parameters import value_at

# ---------------------------------------------------------------- the thread


@transaction.atomic
def take(*, actor: User, dispute_id: int, at: datetime.datetime) -> Dispute:
    """Assign a dispute to oneself; a supervisor may take it over from a colleague. Taking one's own changes nothing."""
    dispute = locked(dispute_id)
    party = acting(actor, dispute)
    if party is Party.HANDLER and dispute.closed_at is None:
        return dispute
    dispute.state = transitions.move(DisputeState(dispute.state), Action.TAKE, party).value
    previous = dispute.assigned_to_id
    dispute.assigned_to = actor
    dispute.save(update_fields=["state", "assigned_to"])
    step(dispute, actor, Action.TAKE, MessageSide.STAFF, at)
    record(dispute, actor, "dispute.take", previous=previous)
    letters.taken(dispute, actor, at=at)
    return dispute


@transaction.atomic
def assign(*, actor: User, dispute_id: int, to: User, at: datetime.datetime) -> Dispute:
    """A supervisor gives a file to someone of the desk, who is told. To who has it already, changes nothing.

    Refuses NotOnTheDesk for someone who may not see it, AnotherPersonNeeded for one of the first instance.
    """
    dispute = locked(dispute_id)
    party = Party.SUPERVISOR if is_supervisor(actor) else acting(actor, dispute)
    if dispute.assigned_to_id == to.pk and dispute.closed_at is None:
        return dispute
    state = transitions.move(DisputeState(dispute.state), Action.ASSIGN, party)
    if not staff_disputes(to).filter(pk=dispute.pk).exists():
        raise NotOnTheDesk(name=to.full_name)
    acting(to, dispute)
    previous = dispute.assigned_to_id
    dispute.state, dispute.assigned_to = state.value, to
    dispute.save(update_fields=["state", "assigned_to"])
    step(dispute, actor, Action.ASSIGN, MessageSide.STAFF, at)
    record(dispute, actor, "dispute.assign", to=to.pk, previous=previous)
    letters.assigned(dispute, at=at)
    letters.taken(dispute, to, at=at)
    return dispute


@transaction.atomic
def give_back(*, actor: User, dispute_id: int, at: datetime.datetime) -> Dispute:
    """Put a dispute back in the queue, for another clerk to take."""
    dispute = locked(dispute_id)
    party = acting(actor, dispute)
    dispute.state = transitions.move(DisputeState(dispute.state), Action.GIVE_BACK, party).value
    dispute.assigned_to = None
    dispute.save(update_fields=["state", "assigned_to"])
    step(dispute, actor, Action.GIVE_BACK, MessageSide.STAFF, at)
    record(dispute, actor, "dispute.give_back")
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
    dispute = locked(dispute_id)
    text = rules.text_of(text)
    done = _said_already(dispute, actor, side, intent, text)
    if done is not None:
        return done
    party = Party.AFFILIATE if side is MessageSide.AFFILIATE else acting(actor, dispute)
    state = transitions.move(DisputeState(dispute.state), Action.WRITE, party)
    message = say(dispute, actor, side, intent, text, pieces_of(pieces), at)
    step(dispute, actor, Action.WRITE, side, at, message)
    _answered(dispute, side, state, at)
    record(dispute, actor, "dispute.write", side=side.value, message=message.pk)
    letters.written(dispute, message, at=at)
    return message


@transaction.atomic
def ask_for_piece(
    *, actor: User, dispute_id: int, intent: UUID, text: str, at: datetime.datetime
) -> Message:
    """Ask the affiliate for a piece or a precision; the dispute waits for its answer, its clock runs on."""
    dispute = locked(dispute_id)
    text = rules.text_of(text)
    done = _said_already(dispute, actor, MessageSide.STAFF, intent, text)
    if done is not None:
        return done
    party = acting(actor, dispute)
    state = transitions.move(DisputeState(dispute.state), Action.ASK_FOR_PIECE, party)
    message = say(dispute, actor, MessageSide.STAFF, intent, text, [], at)
    step(dispute, actor, Action.ASK_FOR_PIECE, MessageSide.STAFF, at, message)
    _answered(dispute, MessageSide.STAFF, state, at)
    record(dispute, actor, "dispute.ask_for_piece", message=message.pk)
    letters.asked(dispute, message, at=at)
    return message


@transaction.atomic
def meet(
    *,
    actor: User,
    dispute_id: int,
    intent: UUID,
    held_on: datetime.date,
    present: str,
    text: str,
    pieces: Sequence[Upload] = (),
    at: datetime.datetime,
) -> Message:
    """Keep the record of a meeting, which the affiliate reads and may answer; a first answer like another message."""
    dispute = locked(dispute_id)
    text = rules.text_of(text)
    present = rules.text_of(present)[:200]
    done = _said_already(dispute, actor, MessageSide.STAFF, intent, text)
    if done is not None:
        return done
    rules.check_held(held_on, today=clock.day_of(at))
    state = transitions.move(DisputeState(dispute.state), Action.MEET, acting(actor, dispute))
    message = say(dispute, actor, MessageSide.STAFF, intent, text, pieces_of(pieces), at)
    Meeting.objects.create(message=message, held_on=held_on, present=present)
    step(dispute, actor, Action.MEET, MessageSide.STAFF, at, message)
    _answered(dispute, MessageSide.STAFF, state, at)
    record(dispute, actor, "dispute.meet", message=message.pk, held_on=held_on)
    letters.written(dispute, message, at=at)
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
    dispute = locked(dispute_id, with_affiliate=True)
    done = Decision.objects.filter(dispute=dispute).first()
    if done is not None and (done.intent, done.decided_by_id) == (intent, actor.pk):
        return done
    party = acting(actor, dispute)
    state = transitions.move(DisputeState(dispute.state), Action.DECIDE, party)
    items = list(
        dispute.items.select_related("slip_line__slip", "surcharge", "filing_penalty").order_by(
            "pk"
        )
    )
    contested = [
        rules.Contested(item.pk, formats.sentence(item.label), item.amount) for item in items
    ]
    granted = rules.granted_amounts(contested, rulings)
    outcome = rules.overall_outcome(rulings[item.pk] for item in items)
    rules.check_grounds(outcome, reasons=reasons, legal_ground=legal_ground)
    total = sum((item.stake for item in items), ZERO)
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
    step(dispute, actor, Action.DECIDE, MessageSide.STAFF, at)
    record(
        dispute,
        actor,
        "dispute.decide",
        outcome=outcome.value,
        contested=total,
        granted=sum(granted.values(), ZERO),
        examined_by=decision.examined_by_id,
    )
    letters.decided(dispute, decision, at=at)
    failpoint("dispute-decide-before-commit")
    return decision


def _release_holds(dispute: Dispute, actor: User, at: datetime.datetime) -> None:
    # Slips before surcharges before penalties, as everywhere: the order of the locks.
    held = dispute.items.filter(hold__isnull=False).order_by(
        "slip_line__slip", "surcharge", "filing_penalty", "pk"
    )
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
    extra = item.surcharge or item.filing_penalty
    if granted > ZERO and item.slip_line_id is not None:
        credit_upheld(
            actor=actor,
            slip_line_id=item.slip_line_id,
            amount=granted,
            reference=dispute.number,
            at=at,
        )
    elif granted > ZERO and extra is not None:
        lower_upheld(
            actor=actor,
            payment_reference=extra.payment_reference,
            amount=granted,
            reference=dispute.number,
            at=at,
        )
    item.outcome = outcome.value
    item.granted = None if item.amount is None else granted
    item.save(update_fields=["outcome", "granted"])


@transaction.atomic
def withdraw(*, actor: User, dispute_id: int, at: datetime.datetime) -> Dispute:
    """The affiliate gives up: the holds are released, the whole slip is due again. Twice changes nothing."""
    dispute = locked(dispute_id, with_affiliate=True)
    if dispute.state == DisputeState.WITHDRAWN:
        return dispute
    state = transitions.move(DisputeState(dispute.state), Action.WITHDRAW, Party.AFFILIATE)
    _release_holds(dispute, actor, at)
    dispute.state = state.value
    dispute.closed_at = at
    dispute.save(update_fields=["state", "closed_at"])
    step(dispute, actor, Action.WITHDRAW, MessageSide.AFFILIATE, at)
    record(dispute, actor, "dispute.withdraw")
    letters.withdrawn(dispute, at=at)
    return dispute
