"""The receipt of a filed declaration as data: one canonical text, its digest, and the chain it belongs to.

Each receipt holds the digest of the one before for the same affiliate: none can be changed, removed or
slipped in later without breaking those that follow. Field by field in docs/formats/recepisse-json.md.
A digest proves that nothing changed since; that the fund wrote it is proven by the fund's own copy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

FORMAT = "recepisse-declaration-1"
#: The receipt of a correction, which names the one that it takes the place of.
CORRECTION_FORMAT = "recepisse-declaration-2"
#: What the first receipt of an affiliate holds in place of a digest.
NO_PREVIOUS = "0" * 64

Fact = str | int | bool
#: Every fact of a receipt, and what it is written as. Amounts are dirhams with two decimals, in text.
FACTS: Mapping[str, type] = {
    "format": str,
    "receipt_number": str,
    "rank": int,
    "previous_digest": str,
    "affiliation_number": str,
    "affiliate_name": str,
    "period": str,
    "kind": str,
    "supplement_number": int,
    "submitted_at": str,
    "submitted_by": str,
    "due_on": str,
    "is_late": bool,
    "file_name": str,
    "file_sha256": str,
    "employees": int,
    "new_hires": int,
    "days_declared": int,
    "wage_bill": str,
    "capped_wage_bill": str,
    "contributions": str,
}


#: What a receipt of each format holds.
FACTS_OF: Mapping[str, Mapping[str, type]] = {
    FORMAT: FACTS,
    CORRECTION_FORMAT: {**FACTS, "replaces": str, "first_submitted_at": str},
}
#: Facts that a receipt states only when there is something to state.
SOMETIMES: Mapping[str, type] = {"kept_on_time_because": str, "submitted_by_office": str}


def _is_whole(facts: Mapping[str, object]) -> bool:
    """Every fact of a receipt of its format and no other, each of its type."""
    types = {name: type(value) for name, value in facts.items()}
    stated = {name: SOMETIMES[name] for name in types if name in SOMETIMES}
    form = FACTS_OF.get(str(facts.get("format", "")))
    return form is not None and types == {**form, **stated}


class NotAReceipt(ValueError):
    """The text is not the JSON of a receipt, nor a list of them."""


def canonical(facts: Mapping[str, object]) -> str:
    """The one way to write these facts: keys in order, no blank, characters as they are."""
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def instant(at: datetime) -> str:
    """An aware instant in UTC to the microsecond, written in one way only."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def digest_of(content: str) -> str:
    """SHA-256 of the canonical text in UTF-8, in hexadecimal."""
    return hashlib.sha256(content.encode("utf-8", errors="surrogatepass")).hexdigest()


def content_of(facts: Mapping[str, Fact], *, rank: int, previous_digest: str) -> str:
    """The canonical text of a receipt at its place in the chain. Raises ValueError when a fact is missing.

    The format is that of a correction when the facts say what it `replaces`.
    """
    form = CORRECTION_FORMAT if "replaces" in facts else FORMAT
    whole = {**facts, "format": form, "rank": rank, "previous_digest": previous_digest}
    if not _is_whole(whole):
        raise ValueError(f"not the facts of a receipt: {sorted(whole)}")
    return canonical(whole)


def document(content: str, digest: str) -> bytes:
    """The file that a person downloads: the receipt and its digest, indented to be read."""
    whole = {"receipt": json.loads(content), "digest": digest}
    return (json.dumps(whole, ensure_ascii=False, indent=2) + "\n").encode()


@dataclass(frozen=True, slots=True)
class SealedReceipt:
    """A receipt as read from a file: not yet believed."""

    source: str
    facts: Mapping[str, object]
    digest: str

    @property
    def chain(self) -> tuple[str, int]:
        """Whose chain, and at which rank; nought when it does not say."""
        rank = self.facts.get("rank")
        known = isinstance(rank, int) and not isinstance(rank, bool)
        return str(self.facts.get("affiliation_number", "")), cast(int, rank) if known else 0


@dataclass(frozen=True, slots=True)
class ReceiptFault:
    """`shape`, `digest`, `start`, `link` or `fork`, of which file and which receipt."""

    code: str
    source: str
    receipt_number: str


def read(text: bytes, *, source: str) -> list[SealedReceipt]:
    """The receipts of a file: one, or a list of them. Raises NotAReceipt."""
    try:
        whole = json.loads(text.decode("utf-8-sig"), object_pairs_hook=_each_key_once)
    except (ValueError, RecursionError) as fault:
        raise NotAReceipt(source) from fault
    receipts = whole if isinstance(whole, list) else [whole]
    if not receipts:
        raise NotAReceipt(source)
    return [_sealed(one, source) for one in receipts]


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice: two readers would read two receipts")
    return found


def _sealed(one: object, source: str) -> SealedReceipt:
    if not isinstance(one, dict) or one.keys() != {"receipt", "digest"}:
        raise NotAReceipt(source)
    if not isinstance(one["receipt"], dict) or not isinstance(one["digest"], str):
        raise NotAReceipt(source)
    return SealedReceipt(source, one["receipt"], one["digest"])


def verify(receipts: Iterable[SealedReceipt]) -> list[ReceiptFault]:
    """Every fault of these receipts, each alone, then linked with its neighbours; none when all is well.

    Two receipts whose ranks follow are linked by the digest; a gap between ranks is no fault, for the
    receipts in between were simply not given (`gaps` says so).
    """
    faults = []
    chains: dict[tuple[str, int], SealedReceipt] = {}
    for one in receipts:
        code = _own_fault(one)
        if not code:
            known = chains.setdefault(one.chain, one)
            code = "fork" if known.digest != one.digest else ""
        if code:
            faults.append(_fault(code, one))
    for (affiliate, rank), one in sorted(chains.items()):
        before = chains.get((affiliate, rank - 1))
        if before is not None and one.facts["previous_digest"] != before.digest:
            faults.append(_fault("link", one))
    return faults


def _own_fault(one: SealedReceipt) -> str:
    if not _is_whole(one.facts) or one.chain[1] < 1:
        return "shape"
    if digest_of(canonical(one.facts)) != one.digest:
        return "digest"
    if (one.chain[1] == 1) != (one.facts["previous_digest"] == NO_PREVIOUS):
        return "start"
    return ""


def _fault(code: str, one: SealedReceipt) -> ReceiptFault:
    return ReceiptFault(code, one.source, str(one.facts.get("receipt_number", "")))


def gaps(receipts: Iterable[SealedReceipt]) -> list[tuple[str, int]]:
    """The places of each chain, up to its last rank given, for which no receipt was given."""
    ranks: dict[str, set[int]] = {}
    for one in receipts:
        affiliate, rank = one.chain
        ranks.setdefault(affiliate, set()).add(rank)
    missing = []
    for affiliate, known in sorted(ranks.items()):
        # One rank per hole is enough to say that links are missing there.
        missing += [
            (affiliate, rank - 1) for rank in sorted(known) if rank > 1 and rank - 1 not in known
        ]
    return missing
