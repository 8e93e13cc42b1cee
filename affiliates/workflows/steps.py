"""What several workflows of the register share: lock the affiliate, judge days, note an act on a request."""

import datetime
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Model, Q, QuerySet

from affiliates.enums import RequestAct, RequestParty
from affiliates.errors import DaysReversed, ReasonMissing
from affiliates.models import Affiliate
from affiliates.models.requests import RequestStep
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
