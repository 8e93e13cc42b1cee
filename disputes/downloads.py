"""Handing out a piece of a dispute, to either side."""

from django.http import FileResponse

from disputes.models import Attachment, ReplyPiece
from portal.downloads import attachment
from portal.enums import PieceType
from portal.storage import open_stored


def piece_response(piece: Attachment) -> FileResponse:
    """A download of the type told from the bytes, under a name of our own: theirs is only ever shown."""
    kind = PieceType(piece.content_type)
    name = f"{piece.message.dispute.number}-piece-{piece.pk}.{kind.extension}"
    return attachment(open_stored(piece.stored), name=name, content_type=kind.value)


def reply_piece_response(piece: ReplyPiece) -> FileResponse:
    """A download of a piece that the firm joined to its answer, under the same care."""
    kind = PieceType(piece.content_type)
    name = f"{piece.reply.step.mission.number}-piece-{piece.pk}.{kind.extension}"
    return attachment(open_stored(piece.stored), name=name, content_type=kind.value)
