"""Everything a bank line cites: payment codes, order references, refunds, affiliates and months."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from payments.enums import LineKind
from payments.matching.facts import Received
from regulation.enums import KeySeries
from regulation.errors import DomainError
from regulation.identifiers import (
    affiliation_key,
    check_order_reference,
    creditor_reference,
    find_payment_codes,
)
from regulation.periods import Period


@dataclass(frozen=True, slots=True)
class References:
    """What a line cites: codes of its structured reference, codes anywhere, look-alikes with wrong check digits."""

    structured: tuple[str, ...]
    all: tuple[str, ...]
    wrong: tuple[str, ...]
    affiliates: tuple[str, ...]
    periods: tuple[Period, ...]


_BETWEEN_DIGITS: Final = re.compile(r"(?<=[0-9])[\s.\-]+(?=[0-9])", re.ASCII)
_AFTER_RF: Final = re.compile(r"(?<![0-9A-Z])RF[\s.\-]*(?=[0-9])", re.ASCII)
_RF: Final = re.compile(r"(?<![0-9A-Z])RF([0-9]{2})([0-9]{18}|[0-9]{15})(?![0-9])", re.ASCII)
_LOOKALIKE: Final = re.compile(r"(?<![0-9])([0-9]{18}|[0-9]{15})(?![0-9])", re.ASCII)
_SEVEN: Final = re.compile(r"(?<![0-9])[0-9]{7}(?![0-9])", re.ASCII)
_YEAR_MONTH: Final = re.compile(r"(?<![0-9])(20[0-9]{2})[-/. ]?(0[1-9]|1[0-2])(?![0-9])", re.ASCII)
_MONTH_YEAR: Final = re.compile(r"(?<![0-9])(0[1-9]|1[0-2])[-/. ]?(20[0-9]{2})(?![0-9])", re.ASCII)
_REFUND: Final = re.compile(r"(?<![0-9A-Z])RMB([0-9]{2})-?([0-9]{7})(?![0-9])", re.ASCII)
_NOT_DIGITS: Final = re.compile(r"\D+").sub
_SHORTEST_CODE: Final = 15
_SHORTEST_NAMED: Final = 6
"""Characters of a month: « 202601 »."""
_CENTURY: Final = "20"


def references(line: Received) -> References:
    """Everything a line cites, to be looked up before `match` is called.

    Free text is searched with its pieces joined and spaced; spaces, dots, dashes and line breaks between digits do
    not count, but a code starts and ends where a group of digits does. An RF reference whose own check digits are
    wrong is not read further, even when the code inside it looks right.
    """
    spaced = line.free_text.replace("\n", " ")
    texts = [line.creditor_ref, line.end_to_end, line.instruction, line.batch]
    texts += [line.free_text.replace("\n", ""), spaced]
    structured, wrong_structured = (
        _creditor_references(_compact(line.creditor_ref)) if line.creditor_ref else ([], [])
    )
    found: dict[str, None] = dict.fromkeys(structured)
    wrong: dict[str, None] = dict.fromkeys(wrong_structured)
    for text in dict.fromkeys(texts):
        # Most texts are too short to hold a code, or have too few digits.
        if len(text) >= _SHORTEST_CODE and len(_NOT_DIGITS("", text)) >= _SHORTEST_CODE:
            _note_codes(text, found, wrong)
    affiliates, periods = _affiliates_and_periods(spaced)
    return References(
        structured=tuple(structured),
        all=tuple(found),
        wrong=tuple(code for code in wrong if code not in found),
        affiliates=affiliates,
        periods=periods,
    )


def _note_codes(text: str, found: dict[str, None], wrong: dict[str, None]) -> None:
    """Add the codes of a text to `found`, and to `wrong` what only looks like one."""
    compact = _compact(text)
    good, bad = _creditor_references(compact)
    found.update(dict.fromkeys(good))
    broken = {reference[4:] for reference in bad}
    found.update(dict.fromkeys(code for code in find_payment_codes(text) if code not in broken))
    wrong.update(dict.fromkeys(bad))
    rest = _RF.sub(" ", compact) if good or bad else compact
    wrong.update(dict.fromkeys(code for code in _LOOKALIKE.findall(rest) if code not in found))


def _affiliates_and_periods(text: str) -> tuple[tuple[str, ...], tuple[Period, ...]]:
    """The affiliation numbers and the months that a free text names."""
    if len(text) < _SHORTEST_NAMED:
        return (), ()
    numbers = dict.fromkeys(
        number
        for number in _SEVEN.findall(text)
        if affiliation_key(number) is not KeySeries.UNKNOWN
    )
    if _CENTURY not in text:
        return tuple(numbers), ()
    periods = [Period(int(year), int(month)) for year, month in _YEAR_MONTH.findall(text)]
    periods += [Period(int(year), int(month)) for month, year in _MONTH_YEAR.findall(text)]
    return tuple(numbers), tuple(dict.fromkeys(periods))


def _compact(text: str) -> str:
    upper = _AFTER_RF.sub("RF", text.upper())
    return _BETWEEN_DIGITS.sub("", upper)


def _creditor_references(compact: str) -> tuple[list[str], list[str]]:
    """Codes of the right RF references of a text without what parts digits, and the wrong RF references."""
    if "RF" not in compact:
        return [], []
    good: list[re.Match[str]] = []
    bad: list[re.Match[str]] = []
    for match in _RF.finditer(compact):
        (good if creditor_reference(match[2]) == match[0] else bad).append(match)
    return [match[2] for match in good], [match[0] for match in bad]


def refund_numbers(line: Received) -> tuple[str, ...]:
    """The refunds that a debit, or a credit that comes back, cites anywhere; none on an ordinary credit."""
    if line.kind is not LineKind.DEBIT and not (line.kind is LineKind.CREDIT and line.is_reversal):
        return ()
    texts = (line.end_to_end, line.instruction, line.creditor_ref, line.free_text)
    found = (_REFUND.findall(text.upper()) for text in texts)
    return tuple(dict.fromkeys(f"RMB{year}-{rank}" for pairs in found for year, rank in pairs))


def order_reference_of(text: str) -> str:
    """The order reference that this end-to-end reference is, or nothing: its check digits must be right."""
    # Most are of somebody else's making, and have no T.
    if text.isascii() and "T" not in text and "t" not in text:
        return ""
    return _order_reference(text)


@lru_cache(maxsize=8192)
def _order_reference(text: str) -> str:
    try:
        return check_order_reference(text)
    except DomainError:
        return ""


def alone_in_entry(entry_ref: str) -> str:
    """The bank reference of the one operation of an entry without detail, from that of the entry."""
    return f"{entry_ref}#1"
