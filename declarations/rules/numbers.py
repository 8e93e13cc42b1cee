"""R23: the check digit of a registration number, both series in circulation (e-BDS §6).

`regulation.identifiers.registration_key` says the same of a number that a person types; here
the nine digits are known to be digits and the control runs on every line of every file.
"""

from __future__ import annotations

from declarations.enums import Severity
from declarations.findings import Finding
from declarations.rules.context import State

REFUSED_NUMBER = "100000000"
#: First digits seen on real registration numbers: 1 officially, 9 as well in 2026 (e-BDS §6.3).
FIRST_DIGITS = "19"
_ZERO = ord("0")


def registration_keys(number: str) -> tuple[int, int]:
    """The two possible last digits of a nine-digit number: k, and 9 - k (e-BDS §6.2, §6.3)."""
    c = number.encode("ascii")
    total = 2 * (c[1] + c[3] + c[5] + c[7]) + c[2] + c[4] + c[6] - 11 * _ZERO
    key = -total % 10
    return key, 9 - key


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
