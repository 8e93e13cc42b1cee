"""Handing out a piece of a dispute, to either side."""

from django.http import FileResponse

from disputes.models import Attachment
from portal.downloads import attachment
from portal.enums import PieceType
from portal.storage import open_stored


def piece_response(piece: Attachment) -> FileResponse:
    """A download of the type told from the bytes, under a name of our own: theirs is only ever shown."""
    kind = PieceType(piece.content_type)
    name = f"{piece.message.dispute.number}-piece-{piece.pk}.{kind.extension}"
    return attachment(open_stored(piece.stored), name=name, content_type=kind.value)
