"""The lines of a text file of a bank: its encoding, then its lines, numbered, with nothing guessed from statistics.

A profile may name the encoding. Otherwise: UTF-8 if every byte fits, else Windows-1252, else ISO-8859-1, after a byte
order mark is taken off. Length is counted in characters after decoding.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO, Final

from payments.codecs.faults import FormatError, fault

_CHUNK: Final = 1 << 20
_LONGEST_LINE: Final = 4096
_TRIED: Final = ("utf-8", "cp1252")


def encoding_of(stream: IO[bytes], named: str = "") -> str:
    """The encoding of this file; refuses (E-F07, with the offset) bytes that are not in the one that was named."""
    if named:
        offset = first_bad_byte(_pieces(stream), named)
        if offset is not None:
            raise FormatError(fault("E-F07", octet=offset, encodage=named.upper()))
        return named
    for encoding in _TRIED:
        if first_bad_byte(_pieces(stream), encoding) is None:
            return encoding
    return "iso-8859-1"


def lines(stream: IO[bytes], encoding: str) -> Iterator[tuple[int, str]]:
    """The lines from 1, without their ends nor the byte order mark. `encoding` is that of `encoding_of`.

    A control character inside a line refuses the file (E-F07): no text of a bank holds one.
    """
    stream.seek(0)
    offset = 0
    pieces = iter(lambda: stream.readline(_LONGEST_LINE), b"")
    for number, raw in enumerate(pieces, start=1):
        body = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        text = body.decode(encoding, "strict").rstrip("\r\n\x1a\x03")
        for place, character in enumerate(text):
            if character < " " and character not in "\t\x01\x02":
                octet = offset + len(raw) - len(body) + len(text[:place].encode(encoding))
                raise FormatError(fault("E-F07", octet=octet, encodage=encoding.upper()))
        offset += len(raw)
        yield number, text


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    stream.seek(0)
    return iter(lambda: stream.read(_CHUNK), b"")


def first_bad_byte(chunks: Iterator[bytes], encoding: str, *, final: bool = True) -> int | None:
    """Offset of the first byte that is not in this encoding, or None. Not `final`: the bytes may end half-way."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    read = 0
    for chunk in chunks:
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            return read - pending + error.start
        read += len(chunk)
    if final:
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            return read - pending + error.start
    return None
