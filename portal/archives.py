"""Archives. One that someone sends: measured before it is opened, its real bytes counted while it is read.

`members` is for a process of its own: a page asks `portal.reading_archives`, which starts one. One that we hand out:
written piece by piece, one file of it in memory.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Final

from regulation.errors import DomainError
from regulation.text import _

MEGABYTE: Final = 1_048_576
MOST_MEMBERS: Final = 600
#: Of all the files together, once unpacked.
MOST_BYTES: Final = 128 * MEGABYTE
#: Text packs ten or twenty times smaller; what packs more was made to fill a disk.
HIGHEST_RATIO: Final = 200
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PIECE: Final = 65_536
#: Of a directory: an entry has 46 bytes, its name, and a little more.
_MOST_DIRECTORY: Final = (MOST_MEMBERS + 1) * 1_024
#: The record at the end, with the longest remark that may follow it; and its form for very large archives.
_LONGEST_END: Final = 22 + 65_535 + 20
_END: Final = b"PK\x05\x06"
_OTHER_END: Final = b"PK\x06\x07"
#: What the reader of zips raises on bytes that are none, or that lie.
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    ValueError,
    OSError,
)


class ArchiveRefused(DomainError):
    """An archive that cannot be read, or that no honest program writes."""

    code = "archive.refused"
    message = _(
        "L’archive « {name} » ne se lit pas : {cause}. Refaites-la, ou déposez les fichiers un à un."
    )
    translated = ("cause",)


BROKEN: Final = _("elle est abîmée")
LOCKED: Final = _("elle est protégée par un mot de passe")
TOO_MANY: Final = _("elle contient plus de 600 fichiers")
TOO_LARGE: Final = _("elle dépasse 128 Mo une fois ouverte")
DENSE: Final = _("elle est comprimée au-delà de ce qu’un fichier de paie permet")
OVERLAPS: Final = _("ses fichiers se recouvrent")
EMPTY: Final = _("elle ne contient aucun fichier")
ENDLESS: Final = _("sa lecture a atteint les limites de mémoire ou de temps")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its name without folders, and its bytes."""

    name: str
    content: bytes


class Damaged(Exception):
    """Bytes that are no zip, or a zip that lies."""


class Crowded(Damaged):
    """A directory of more entries than any sheet or sending has: reading it would cost a kilobyte each."""


class TooDense(Exception):
    """What comes out of a member is so much more than went in that it was made to fill a disk."""


def open_zip(stream: IO[bytes]) -> zipfile.ZipFile:
    """A zip, its directory measured, then read, and nothing else. Raises Damaged, Crowded for a directory too large."""
    try:
        _measure_directory(stream)
        return zipfile.ZipFile(stream)
    except _BROKEN:
        raise Damaged from None


def _measure_directory(stream: IO[bytes]) -> None:
    """Look at the end of a zip, where the size of its directory stands, before anybody reads the directory."""
    stream.seek(0, io.SEEK_END)
    stream.seek(-min(stream.tell(), _LONGEST_END), io.SEEK_CUR)
    tail = stream.read()
    stream.seek(0)
    place = tail.rfind(_END)
    (directory_bytes,) = struct.unpack_from("<I", tail, place + 12) if place >= 0 else (0,)
    # The other form of the end exists for archives of four gigabytes, and would speak in place of this one.
    if directory_bytes > _MOST_DIRECTORY or tail[: max(place, 0)][-20:].startswith(_OTHER_END):
        raise Crowded


def pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo, *, densest: int) -> Iterator[bytes]:
    """The real bytes of a member, piece by piece, whatever size it announces.

    Raises TooDense beyond `densest` times its packed size (of 512 bytes at least: a few bytes prove nothing), and
    Damaged on a lie.
    """
    most = max(member.compress_size, 512) * densest
    size = 0
    try:
        with archive.open(member) as source:
            while piece := source.read(_PIECE):
                size += len(piece)
                if size > most:
                    raise TooDense
                yield piece
    except _BROKEN:
        raise Damaged from None


def is_archive(opening: bytes) -> bool:
    """Whether the first bytes are those of a zip."""
    return opening[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def members(stream: BinaryIO, *, name: str, limit: int) -> Iterator[Member]:
    """The files of a zip, one in memory at a time, each of ``limit`` bytes at most beyond which it is cut.

    A file cut so is one byte longer than ``limit``: whoever keeps it refuses it as too large. Folders, and what
    systems add for themselves, are passed over. Refuses (ArchiveRefused) before anything is read: a password,
    another way to pack, too many files, files that overlap; while reading: too many real bytes, or too dense.
    """
    try:
        with open_zip(stream) as archive:
            chosen = [one for one in archive.infolist() if _counts(one)]
            _check(archive.infolist(), chosen, name)
            total = 0
            for one in chosen:
                content = _read(archive, one, name, limit)
                total += len(content)
                if total > MOST_BYTES:
                    raise ArchiveRefused(name=name, cause=TOO_LARGE)
                yield Member(_base_name(one), content)
    except Crowded:
        raise ArchiveRefused(name=name, cause=TOO_MANY) from None
    except Damaged:
        raise ArchiveRefused(name=name, cause=BROKEN) from None


def _base_name(member: zipfile.ZipInfo) -> str:
    return member.filename.replace("\\", "/").rpartition("/")[2]


def _counts(member: zipfile.ZipInfo) -> bool:
    base = _base_name(member)
    return bool(base) and not base.startswith(".") and "__MACOSX" not in member.filename


def _check(every: list[zipfile.ZipInfo], chosen: list[zipfile.ZipInfo], name: str) -> None:
    if not chosen:
        raise ArchiveRefused(name=name, cause=EMPTY)
    if len(every) > MOST_MEMBERS:
        raise ArchiveRefused(name=name, cause=TOO_MANY)
    if any(one.flag_bits & 1 for one in every):
        raise ArchiveRefused(name=name, cause=LOCKED)
    if any(one.compress_type not in _METHODS for one in every):
        raise ArchiveRefused(name=name, cause=BROKEN)
    end = 0
    for one in sorted(every, key=lambda one: one.header_offset):
        if one.header_offset < end:
            raise ArchiveRefused(name=name, cause=OVERLAPS)
        # A local header is thirty bytes and its name at least.
        end = one.header_offset + 30 + len(one.orig_filename) + one.compress_size


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, limit: int) -> bytes:
    parts, size = [], 0
    try:
        for piece in pieces(archive, member, densest=HIGHEST_RATIO):
            parts.append(piece)
            size += len(piece)
            if size > limit:
                break
    except TooDense:
        raise ArchiveRefused(name=name, cause=DENSE) from None
    return b"".join(parts)[: limit + 1]


class _Outlet(io.RawIOBase):
    """Where a zip is written before it is sent: what was written since the last look, and no way back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._held)
        self._held.clear()
        return taken


def written(files: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """The bytes of a zip of these files (name, content), a piece a file: as large as they are, one in memory."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
            yield outlet.take()
    yield outlet.take()
