"""What several workflows of the register share: lock the affiliate, judge days, note an act on a request."""

import datetime
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Model, Q, QuerySet

from affiliates.access import who_may
from affiliates.enums import RequestAct, RequestParty, Role, Scope
from affiliates.errors import DaysReversed, ReasonMissing
from affiliates.models import Affiliate, Membership
from affiliates.models.requests import RequestStep
from portal.clock import day_of
from portal.models import User
from portal.pieces import Upload, keep_piece, pieces_of

TEXT_LIMIT: Final = 1_000


def locked(affiliate: Affiliate) -> Affiliate:
    return Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)


def check_days(start: datetime.date, end: datetime.date | None) -> None:
    if end is not None and end < start:
        raise DaysReversed(start=f"{start:%d/%m/%Y}", end=f"{end:%d/%m/%Y}")


def overlapping(
    rows: QuerySet[Model],
    start_field: str,
    end_field: str,
    start: datetime.date,
    end: datetime.date | None,
) -> bool:
    """Whether one of ``rows`` covers a day from ``start`` to ``end``; the exclusion constraint says the same."""
    rows = rows.filter(Q(**{f"{end_field}__isnull": True}) | Q(**{f"{end_field}__gte": start}))
    if end is not None:
        rows = rows.filter(**{f"{start_field}__lte": end})
    return rows.exists()


def owners_of(affiliate: Affiliate) -> list[User]:
    """Who owns the access of this firm today."""
    rows = Membership.objects.filter(
        affiliate=affiliate, role=Role.OWNER.value, ended_at__isnull=True
    )
    return [row.user for row in rows.select_related("user").order_by("pk")]


def readers_of_answer(request: Any, *, at: datetime.datetime) -> list[User]:
    """Who reads what becomes of a firm's request: whoever wrote it, while they may still look at the firm.

    Otherwise its owners: an answer has a reader, and a right that was taken back reads nothing.
    """
    writer: User = request.created_by
    if (writer.pk, request.affiliate_id) in who_may(Scope.READ, [writer], on=day_of(at)):
        return [writer]
    return owners_of(request.affiliate)


def check_words(text: str) -> None:
    """Refuses an act without its words (ReasonMissing)."""
    if not text.strip():
        raise ReasonMissing()


def keep_pieces(request: Any, uploads: Sequence[Upload], *, stored_by: User | None) -> None:
    """Join these files to a request of any kind; refuses one that is no piece."""
    for piece in pieces_of(uploads):
        stored = keep_piece(piece, stored_by=stored_by)
        request.pieces.create(stored=stored, content_type=piece.type.value)


def take_step(
    request: Any,
    act: RequestAct,
    party: RequestParty,
    actor: User | None,
    at: datetime.datetime,
    text: str,
) -> RequestStep:
    """Write down an act on a request of any kind, with its words."""
    step: RequestStep = request.steps.create(
        act=act.value, party=party.value, author=actor, at=at, text=text.strip()[:TEXT_LIMIT]
    )
    return step
