"""Keeping what was sent, byte for byte, before anyone reads it."""

import contextvars
import hashlib
import io
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import BinaryIO

from django.db import transaction

from portal.errors import FileTooLargeError
from portal.models import StoredChunk, StoredFile, User

#: What is written and read at once: the driver holds a piece four times while it comes out of the database.
CHUNK_BYTES = 262_144


@transaction.atomic
def store(chunks: Iterable[bytes], *, name: str, limit: int, stored_by: User | None) -> StoredFile:
    """Keep the bytes of ``chunks`` (a file's ``.chunks()``) and their SHA-256; at most ``limit`` bytes.

    Raises FileTooLargeError and keeps nothing when the limit is passed. Holds one chunk in memory at a time.
    """
    stored = StoredFile.objects.create(name=name[:255], size=0, sha256="", stored_by=stored_by)
    digest = hashlib.sha256()
    size = 0
    for index, piece in enumerate(_equal_pieces(chunks)):
        size += len(piece)
        if size > limit:
            raise FileTooLargeError(name=name[:80], limit_mb=limit // 1_048_576)
        digest.update(piece)
        StoredChunk.objects.create(file=stored, index=index, data=piece)
    stored.size = size
    stored.sha256 = digest.hexdigest()
    stored.save(update_fields=["size", "sha256"])
    return stored


def _equal_pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer[:CHUNK_BYTES])
            del buffer[:CHUNK_BYTES]
    if buffer:
        yield bytes(buffer)


def forget(files: Collection[int]) -> None:
    """Remove these stored files (their keys), bytes and all; the rows that named them are gone already."""
    StoredChunk.objects.filter(file__in=files).delete()
    StoredFile.objects.filter(pk__in=files).delete()


class _PieceReader(io.RawIOBase):
    """Reads bytes that are kept in pieces, each fetched when it is reached.

    A download is read when its page has answered: each piece is fetched in the name in which the file was opened
    (portal.walls), and in its language.
    """

    def __init__(self, piece: Callable[[int], bytes]) -> None:
        context = contextvars.copy_context()
        self._piece: Callable[[int], bytes] = lambda index: context.run(piece, index)
        self._index = 0
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(self._piece(self._index))
            self._index += 1
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def open_pieces(piece: Callable[[int], bytes]) -> BinaryIO:
    """A buffered binary stream over the pieces 0, 1, 2…, of which an empty one is the end; one in memory."""
    return io.BufferedReader(_PieceReader(piece))


def open_stored(stored: StoredFile) -> BinaryIO:
    """A buffered binary stream over the stored bytes, from the start; one chunk in memory."""
    chunks = StoredChunk.objects.filter(file=stored)

    def piece(index: int) -> bytes:
        return bytes(chunks.filter(index=index).values_list("data", flat=True).first() or b"")

    return open_pieces(piece)


#: A file up to this size is read at once with its neighbours.
SMALL = 262_144


def open_all(files: Collection[StoredFile]) -> dict[int, BinaryIO]:
    """A binary stream over each of these files, by key; the small ones are fetched together, in one query."""
    small = [file.pk for file in files if file.size <= SMALL]
    chunks = StoredChunk.objects.filter(file__in=small, index=0).values_list("file_id", "data")
    streams: dict[int, BinaryIO] = {
        file.pk: open_stored(file) for file in files if file.size > SMALL
    }
    streams |= {file.pk: io.BytesIO() for file in files if file.size <= SMALL}
    streams |= {key: io.BytesIO(bytes(data)) for key, data in chunks}
    return streams
