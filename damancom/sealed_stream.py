"""A stream of bytes that nobody reads or changes without the key: AES-256-GCM, piece by piece.

Each piece is sealed under its rank and whether it is the last, so that a piece cannot be changed, moved, repeated or
left out, and the end cannot be cut off, without the next reading noticing (the construction called STREAM; Hoang,
Reyhanitabar, Rogaway and Vizár, 2015). Memory stays at two pieces whatever the length.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_MAGIC: Final = b"DMCSEAL1"
_SALT_BYTES: Final = 16
_HEADER_BYTES: Final = len(_MAGIC) + _SALT_BYTES
_PIECE: Final = 1_048_576
_TAG: Final = 16
#: Characters of a key file: 32 random bytes in base64 are 43.
_SHORTEST_KEY: Final = 43


class Unreadable(Exception):
    """Not sealed with this key, or changed since."""


def read_key(path: Path) -> bytes:
    """The secret of a key file, its white space apart; ValueError when it is shorter than 32 random bytes would be."""
    key = b"".join(path.read_bytes().split())
    if len(key) < _SHORTEST_KEY:
        raise ValueError(f"{path}: {len(key)} < {_SHORTEST_KEY}")
    return key


def derive(key: bytes, purpose: bytes, salt: bytes) -> bytes:
    """32 bytes for one purpose; never the secret itself."""
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=purpose).derive(key)


def seal(source: BinaryIO, key: bytes) -> Iterator[bytes]:
    """The sealed form of what ``source`` gives, piece by piece."""
    header = _MAGIC + secrets.token_bytes(_SALT_BYTES)
    box = _box(key, header)
    yield header
    rank, piece = 0, _read(source, _PIECE)
    while True:
        following = _read(source, _PIECE)
        yield box.encrypt(_nonce(rank, is_last=not following), piece, header)
        if not following:
            return
        rank, piece = rank + 1, following


def unseal(source: BinaryIO, key: bytes) -> Iterator[bytes]:
    """What was sealed, piece by piece, each after its own proof; Unreadable at the first that has none."""
    header = _read(source, _HEADER_BYTES)
    if len(header) != _HEADER_BYTES or not header.startswith(_MAGIC):
        raise Unreadable
    box = _box(key, header)
    rank, piece = 0, _read(source, _PIECE + _TAG)
    while True:
        following = _read(source, _PIECE + _TAG)
        try:
            yield box.decrypt(_nonce(rank, is_last=not following), piece, header)
        except InvalidTag as refusal:
            raise Unreadable from refusal
        if not following:
            return
        rank, piece = rank + 1, following


def _box(key: bytes, header: bytes) -> AESGCM:
    return AESGCM(derive(key, b"damancom sealed stream", header[len(_MAGIC) :]))


def _nonce(rank: int, *, is_last: bool) -> bytes:
    return rank.to_bytes(11, "big") + bytes([is_last])


def _read(source: BinaryIO, count: int) -> bytes:
    """Exactly ``count`` bytes, fewer only at the end: a pipe gives what it has."""
    parts = bytearray()
    while len(parts) < count and (part := source.read(count - len(parts))):
        parts += part
    return bytes(parts)
