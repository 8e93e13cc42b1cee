"""Signed calls (RFC 9421, Ed25519): who called, what exactly, when, and once.

A bank signs the method, the path, the query and the digest of the body (RFC 9530) with a key that never leaves
it; we hold the public half. What the signature covers is one short list, and anything else is refused, other algorithms
and repeated headers included. `docs/formats/bank-api.md` says it for programmers.

`SignedCalls` judges the head of a call before its view: spending a nonce writes, and a page that is read may not. The
body is hashed while it is read, and judged by `is_body_signed` before anything is done with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from django.http import HttpRequest, HttpResponseBase

from payments.models import BankKey
from payments.workflows.bank_keys import MARK, key_named
from portal import clock, limits
from portal.errors import TooManyAttempts

#: How far the clock of a machine may be from ours.
TOLERANCE: Final = timedelta(minutes=5)
#: A nonce is remembered for longer than any call that bears it can be taken: five minutes early to five late.
ONCE: Final = limits.Limit("api:nonce", 1, timedelta(minutes=15))

_COVERED: Final = ("@method", "@path", "@query", "content-digest", "idempotency-key")
_INPUT: Final = re.compile(r'([a-z][a-z0-9_-]{0,19})=(\(((?:"[@a-z-]+"(?: (?!\))|(?=\))))+)\)(.*))')
_PARAMETER: Final = re.compile(
    r';(?:(created)=(\d{10})|(nonce|keyid|alg)="([A-Za-z0-9_-]{1,64})")', re.ASCII
)
_SIGNATURE: Final = re.compile(r"([a-z][a-z0-9_-]{0,19})=:([A-Za-z0-9+/]{86}==):")
_DIGEST: Final = re.compile(r"sha-(256|512)=:([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==):")
_SHORTEST_NONCE: Final = 16
_PIECE: Final = 65_536


@dataclass(frozen=True, slots=True)
class SignedCall:
    """What the head of a call proved: the key that signed it, or why it proves nothing."""

    key_id: int = 0
    fault: str = ""


class SignedCalls:
    """Judges the signature of every call to the interface that bears one; the doorway (`payments.api.auth`) asks."""

    prefix = "/api/v1/"

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(self.prefix) and "Signature-Input" in request.headers:
            request.signed_call = _judge(request)  # type: ignore[attr-defined]
            if request.method not in {"GET", "HEAD"}:
                request._stream = _Hashed(request._stream)  # type: ignore[assignment]
        return self.get_response(request)


def is_body_signed(request: HttpRequest) -> bool:
    """Whether the bytes of the body, all of them, are those of the signed digest. Reads what the parser left."""
    stream: Any = request._stream
    if not isinstance(stream, _Hashed):
        return False
    while stream.read(_PIECE):
        pass
    return stream.is_of(request.headers.get("Content-Digest", ""))


def base_of(names: Sequence[str], values: Mapping[str, str], parameters: str) -> bytes:
    """The bytes that are signed (RFC 9421 section 2.5): one line for each name, then the parameters as they came."""
    lines = [f'"{name}": {values[name]}' for name in names]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode()


def _judge(request: HttpRequest) -> SignedCall:
    headers = request.headers
    found = _INPUT.fullmatch(headers["Signature-Input"])
    signature = _SIGNATURE.fullmatch(headers.get("Signature", ""))
    if found is None or signature is None or found[1] != signature[1]:
        return SignedCall(fault="form")
    told = _parameters(found[4])
    names = re.findall(r'"([^"]+)"', found[3])
    if told is None or told["alg"] != "ed25519" or len(told["nonce"]) < _SHORTEST_NONCE:
        return SignedCall(fault="parameters")
    needed = {"@method", "@path", "@query"}
    if request.method not in {"GET", "HEAD"}:
        needed.add("content-digest")
    if "Idempotency-Key" in headers:
        needed.add("idempotency-key")
    if len(names) != len(set(names)) or not needed <= set(names) <= set(_COVERED):
        return SignedCall(fault="covered")
    at = clock.now()
    if abs(int(told["created"]) - at.timestamp()) > TOLERANCE.total_seconds():
        return SignedCall(fault="time")
    mark, _line, prefix = told["keyid"].partition("_")
    key = key_named(prefix, at=at) if mark == MARK else None
    values = {
        "@method": str(request.method),
        "@path": quote(request.path, safe="/:@!$&'()*+,;=~-._"),
        "@query": "?" + request.META.get("QUERY_STRING", ""),
        "content-digest": headers.get("Content-Digest", ""),
        "idempotency-key": headers.get("Idempotency-Key", ""),
    }
    if key is None or not _verifies(
        key, base64.b64decode(signature[2]), base_of(names, values, found[2])
    ):
        return SignedCall(fault="signature")
    try:
        limits.count(ONCE, f"{key.pk} {told['nonce']}")
    except TooManyAttempts:
        return SignedCall(fault="replayed")
    return SignedCall(key_id=key.pk)


def _parameters(text: str) -> dict[str, str] | None:
    """created, nonce, keyid and alg, each once and nothing else; None otherwise."""
    found = list(_PARAMETER.finditer(text))
    told = {match[1] or match[3]: match[2] or match[4] for match in found}
    whole = "".join(match[0] for match in found) == text
    exact = len(found) == len(told) and set(told) == {"created", "nonce", "keyid", "alg"}
    return told if whole and exact else None


def _verifies(key: BankKey, signature: bytes, base: bytes) -> bool:
    # Loaded where it is used: a worker, which opens no door, does without the library and its memory.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not key.public_key:
        return False
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.public_key))
    try:
        public.verify(signature, base)
    except InvalidSignature:
        return False
    return True


class _Hashed:
    """A body that is hashed while it is read."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._digests = {"256": hashlib.sha256(), "512": hashlib.sha512()}

    def read(self, *size: Any) -> bytes:
        return self._seen(self._stream.read(*size))

    def readline(self, *size: Any) -> bytes:
        return self._seen(self._stream.readline(*size))

    def is_of(self, stated: str) -> bool:
        """Whether what was read has the digest of a header that names one."""
        found = _DIGEST.fullmatch(stated)
        if found is None:
            return False
        try:
            return base64.b64decode(found[2], validate=True) == self._digests[found[1]].digest()
        except binascii.Error:
            return False

    def _seen(self, piece: bytes) -> bytes:
        for digest in self._digests.values():
            digest.update(piece)
        return piece
