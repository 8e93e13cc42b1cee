"""Files that a person joins to a request: told by their bytes, kept inert, handed out as attachments only.

Nothing opens them here. Their own name is shown, escaped, and never used as a path.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from portal import storage
from portal.enums import PieceType
from portal.errors import PieceEmpty, PieceTypeRefused, TooManyPieces
from portal.models import StoredFile, User

MEBIBYTE = 1_048_576
PIECE_LIMIT_BYTES = 5 * MEBIBYTE
PIECES_AT_ONCE = 5

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"


class Upload(Protocol):
    """A file as a form gives it."""

    @property
    def name(self) -> str | None: ...
    def chunks(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """An upload whose type was told from its first bytes, not yet kept."""

    name: str
    type: PieceType
    chunks: Iterable[bytes]


def piece_type(head: bytes, *, name: str) -> PieceType:
    """The type told by the first bytes of a file; its name and what the browser says of it do not count.

    Raises PieceEmpty or PieceTypeRefused.
    """
    if not head:
        raise PieceEmpty(name=shown_name(name))
    if head.startswith(b"%PDF-"):
        return PieceType.PDF
    if head.startswith(_PNG_HEAD) and head[12:16] == b"IHDR":
        return PieceType.PNG
    if head.startswith(b"\xff\xd8\xff"):
        return PieceType.JPEG
    raise PieceTypeRefused(name=shown_name(name))


def check_piece_count(count: int) -> None:
    """Raise TooManyPieces above what may be sent at once."""
    if count > PIECES_AT_ONCE:
        raise TooManyPieces(limit=PIECES_AT_ONCE, count=count)


def shown_name(name: str) -> str:
    """A file name fit to be shown: no path, no control, no change of writing direction, at most 120 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(
        " " if unicodedata.category(char).startswith("Z") else char
        for char in last
        # Cc: controls; Cf: direction overrides and other invisible marks; Cs: lone surrogates.
        if unicodedata.category(char) not in {"Cc", "Cf", "Cs"}
    )
    return kept.strip()[:120] or "sans nom"


def pieces_of(uploads: Sequence[Upload]) -> list[Piece]:
    """Tell the type of each upload from its first bytes; nothing is kept yet, nothing more is read.

    Raises TooManyPieces, PieceEmpty and PieceTypeRefused.
    """
    check_piece_count(len(uploads))
    pieces = []
    for upload in uploads:
        name = upload.name or ""
        chunks = iter(upload.chunks())
        head = next(chunks, b"")
        kind = piece_type(head, name=name)
        pieces.append(Piece(shown_name(name), kind, chain([head], chunks)))
    return pieces


def keep_piece(piece: Piece, *, stored_by: User | None) -> StoredFile:
    """Keep the bytes of a piece; FileTooLargeError above the limit, and nothing is kept."""
    return storage.store(
        piece.chunks, name=piece.name, limit=PIECE_LIMIT_BYTES, stored_by=stored_by
    )
