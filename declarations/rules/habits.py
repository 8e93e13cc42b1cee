"""Which habit of some software explains a fault (e-BDS §9): asked only of lines already at fault.

Each answer is the name of a deviation, or nothing when the trace is not clear enough to say.
"""

from __future__ import annotations

import re

from declarations.codecs.e_bds import NewHireLine, PrefilledLine
from declarations.codecs.fixed_width import RECORD_LENGTH
from declarations.codecs.records import AffiliateHeader, Record
from declarations.rules.context import State
from declarations.rules.numbers import registration_keys

#: Digits kept by the software that writes a control sum as ten zeros and nine digits (D11).
KEPT_DIGITS = 10**9
#: Name not padded, or days in six columns instead of two (D16): 50 or 54 digits after the name.
SIX_COLUMN_DAYS = re.compile(
    r"[BE]02[0-9]{22}(?P<name>[^0-9]{1,60})(?P<figures>[0-9]{54}|[0-9]{50})[A-Z ]{2}[0-9]{19} *"
)
#: Where the days stand, by record: columns 112 and 94, counted from zero.
DAYS_START = {"02": 111, "04": 93}


def of_transfer_identifier(value: str, expected: str) -> str:
    """D10, the key alone is wrong; D9, zeros, an instant or digits at random (no key at all)."""
    if value[:13] == expected[:13]:
        return "D10"
    is_issued = value[11:13] == "01" and f"{int(value[:13]) % 97:02}"[0] == value[13]
    return "" if is_issued else "D9"


def of_record_shape(record: Record) -> str:
    """D16, D20 and D28: a record of a wrong width that has a known cause."""
    text = record.text
    if record.name == "E03" and set(text[3:150].rstrip()[13:]) == {"0"}:
        return "D20"
    match = SIX_COLUMN_DAYS.fullmatch(text)
    if match and (len(match["name"]) < 60 or len(match["figures"]) == 54):
        return "D16"
    start = DAYS_START.get(record.code)
    if start is None:
        return ""
    if len(text.rstrip()) <= RECORD_LENGTH and re.fullmatch(
        "[0-9]?[.,][0-9]?", text[start : start + 2]
    ):
        return "D28"
    three = text[start : start + 3]
    if len(text) == RECORD_LENGTH + 1 and three.isdecimal() and int(three[:2]) <= 26 < int(three):
        return "D28"
    return ""


def of_header(header: AffiliateHeader, issued: AffiliateHeader) -> str:
    """D21: the header of the prefill read without its activity, everything moved by 40 columns."""
    stated, truth = _texts(header), _texts(issued)
    if stated == truth:
        return ""
    early = stated[40:160] == truth[:120]
    late = stated[:146] == truth[40:]
    return "D21" if early or late else ""


def _texts(header: AffiliateHeader) -> str:
    """Columns 57 to 242 of an x01: activity, address, city and postal code as they stand."""
    widths = ((header.activity, 40), (header.address, 120), (header.city, 20))
    return "".join(text.ljust(width) for text, width in widths) + header.postal_code.ljust(6)


def of_unknown_number(number: str, state: State) -> str:
    """D23, a number rewritten to suit the first key only; D24, a number pushed out of its field."""
    prefill = state.expected.prefill
    if prefill is None or len(number) != 9:
        return ""
    key, other = registration_keys(number)
    if number[8] == str(key) and number[:8] + str(other) in prefill.lines:
        return "D23"
    if number[0] == "1" and f"9{number[1:]}" in prefill.lines:
        return "D23"
    if number[0] == "0":
        if not state.number_openings:
            state.number_openings = {known[:8] for known in prefill.lines}
        if number[1:] in state.number_openings:
            return "D24"
    return ""


def of_missing(missing: set[str], state: State) -> str:
    """D23 when those left out are exactly those whom the rule of 2006 refuses; otherwise D18."""
    prefill = state.expected.prefill
    if prefill is None or len(missing) < 2 or len(missing) == len(prefill.lines):
        return "D18"
    refused = {
        number
        for number in prefill.lines
        if number[0] != "1" or number[8] != str(registration_keys(number)[0])
    }
    return "D23" if missing == refused else "D18"


def of_capped_wage(line: PrefilledLine | NewHireLine, capped: int) -> str:
    """D24 to D26: a capped wage cut to its width, off by one centime, or not capped at all."""
    value, gross = line.capped_wage, line.gross_wage
    if value == gross:
        return "D26"
    if abs(value - capped) == 1:
        return "D25"
    if gross >= KEPT_DIGITS and value in (gross % KEPT_DIGITS, int(str(gross)[:9])):
        return "D24"
    return ""


def of_control_sum(stated: int, total: int, rank: int = 0) -> str:
    """D12, left at zero; D11, cut to nine digits or made without the rank of the situation."""
    if stated == 0:
        return "D12"
    without_rank = total - rank if rank > 1 else total
    if stated != total and stated in (
        total % KEPT_DIGITS,
        without_rank,
        without_rank % KEPT_DIGITS,
    ):
        return "D11"
    return ""


def of_total(value: int, truth: int, people: int) -> str:
    """D25: a total of wages off by at most a centime a person."""
    return "D25" if 0 < abs(value - truth) <= people else ""
