"""What is said in a dispute and written beside it: a message with its pieces, a dated step, an entry of the trace."""

import datetime
from collections.abc import Sequence
from uuid import UUID

from affiliates.models import Affiliate
from disputes.access import staff_party
from disputes.enums import Action, MessageSide, Party
from disputes.errors import AnotherPersonNeeded
from disputes.models import Attachment, Dispute, DisputeStep, Message
from portal import audit
from portal.models import User
from portal.pieces import Piece, keep_piece


def locked(dispute_id: int, *, with_affiliate: bool = False) -> Dispute:
    """The dispute under its row lock; with its affiliate's first when money will move."""
    if with_affiliate:
        Affiliate.objects.select_for_update(of=("self",)).get(disputes__pk=dispute_id)
    return (
        Dispute.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .get(pk=dispute_id)
    )


def acting(actor: User, dispute: Dispute) -> Party:
    """What a member of staff is to a dispute. Raises NotStaff, AnotherPersonNeeded."""
    party = staff_party(actor, dispute)
    if party is Party.FIRST_INSTANCE:
        raise AnotherPersonNeeded
    return party


def say(
    dispute: Dispute,
    actor: User,
    side: MessageSide,
    intent: UUID,
    text: str,
    pieces: Sequence[Piece],
    at: datetime.datetime,
) -> Message:
    """Keep a message and its pieces."""
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


def step(
    dispute: Dispute,
    actor: User,
    action: Action,
    side: MessageSide,
    at: datetime.datetime,
    message: Message | None = None,
) -> None:
    """Write one act, as both sides will read it."""
    DisputeStep.objects.create(
        dispute=dispute, author=actor, action=action.value, side=side.value, at=at, message=message
    )


def record(dispute: Dispute, actor: User | None, action: str, **facts: object) -> None:
    """Leave an entry in the trace of the affiliate."""
    audit.record(
        actor=actor,
        action=action,
        subject=dispute,
        affiliation_number=dispute.affiliate.affiliation_number,
        **facts,
    )
