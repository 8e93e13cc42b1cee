"""R23: the check digit of a registration number, both series in circulation (e-BDS §6).

`regulation.identifiers.registration_key` says the same of a number that a person types; here
the nine digits are known to be digits and the control runs on every line of every file.
"""

from __future__ import annotations

from collections.abc import Sequence

from declarations.enums import Severity
from declarations.findings import Finding
from declarations.rules.context import State

REFUSED_NUMBER = "100000000"
#: First digits seen on real registration numbers: 1 officially, 9 as well in 2026 (e-BDS §6.3).
FIRST_DIGITS = "19"
_ZERO = ord("0")
_DIGITS = bytes.maketrans(b"0123456789", bytes(range(10)))
_KEYS = bytes(-total % 10 for total in range(256))


def registration_keys(number: str) -> tuple[int, int]:
    """The two possible last digits of a nine-digit number: k, and 9 - k (e-BDS §6.2, §6.3)."""
    c = number.encode("ascii")
    total = 2 * (c[1] + c[3] + c[5] + c[7]) + c[2] + c[4] + c[6] - 11 * _ZERO
    key = -total % 10
    return key, 9 - key


def keys_of(numbers: Sequence[str]) -> bytes:
    """The first of the two possible last digits, of many nine-digit numbers at once.

    The digits of one column, taken as the bytes of one long integer, are added to those of another
    in one addition: no sum passes 99, so nothing is carried from one number to its neighbour.
    """
    digits = "".join(numbers).encode("ascii").translate(_DIGITS)
    c = [int.from_bytes(digits[column::9], "big") for column in range(9)]
    totals = 2 * (c[1] + c[3] + c[5] + c[7]) + c[2] + c[4] + c[6]
    return totals.to_bytes(len(numbers), "big").translate(_KEYS)


def registration_number_fault(number: str, state: State) -> Finding | None:
    """R23: `100000000` stops the line; an unknown first digit or key is only worth a look."""
    if number == REFUSED_NUMBER:
        return state.finding("R23", Severity.LINE, "N_Num_Assure", number)
    key, other = registration_keys(number)
    last = ord(number[8]) - _ZERO
    if last not in (key, other):
        return state.finding(
            "R23", Severity.WARNING, "N_Num_Assure", number, f"{number[:8]}{key}", other=other
        )
    if number[0] not in FIRST_DIGITS:
        return state.finding("R23", Severity.WARNING, "N_Num_Assure", number, "1… / 9…")
    return None
