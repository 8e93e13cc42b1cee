"""Handing out the pieces joined to a request, to either side."""

from django.http import FileResponse

from affiliates.models import AffiliationPiece, RectificationPiece, RegistrationPiece
from portal.downloads import attachment
from portal.enums import PieceType
from portal.models import StoredFile
from portal.storage import open_stored


def piece_response(stored: StoredFile, content_type: str, *, name: str) -> FileResponse:
    """A download of the type told from the bytes, under a name of our own: theirs is only ever shown."""
    kind = PieceType(content_type)
    return attachment(open_stored(stored), name=f"{name}.{kind.extension}", content_type=kind.value)


def registration_piece(piece: RegistrationPiece) -> FileResponse:
    """A piece of a request to register a person."""
    name = f"{piece.request.number}-piece-{piece.pk}"
    return piece_response(piece.stored, piece.content_type, name=name)


def affiliation_piece(piece: AffiliationPiece) -> FileResponse:
    """A piece of the request of a new employer."""
    name = f"{piece.request.number}-piece-{piece.pk}"
    return piece_response(piece.stored, piece.content_type, name=name)


def rectification_piece(piece: RectificationPiece) -> FileResponse:
    """A proof joined to a request for a correction."""
    name = f"{piece.request.number}-piece-{piece.pk}"
    return piece_response(piece.stored, piece.content_type, name=name)
