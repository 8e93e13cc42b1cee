"""Lines of the prefill about which no control has anything to say, told apart quickly.

Most lines of most files are right. This reads many of them at once and names those that *may* be at
fault; the controls of `prefilled` then judge these, one by one, and they alone make findings. It may
name a line for nothing, never leave out one that a control would stop at: a test compares the two
over thousands of files.
"""

from __future__ import annotations

from collections.abc import Sequence

from declarations.codecs.e_bds import OCCASIONAL_LABOUR, RANKS, PrefilledLine
from declarations.codecs.fixed_width import ALPHABET
from declarations.rules.context import State
from declarations.rules.numbers import REFUSED_NUMBER, keys_of
from declarations.rules.prefilled import LAST_DAY, LEFT_ALIGNED_CAPPED, LEFT_ALIGNED_GROSS

_NO_SITUATION = RANKS[""]
_ALPHABET = ALPHABET.encode("ascii")


def to_look_at(lines: Sequence[PrefilledLine], state: State) -> list[int]:
    """The ranks of those of these consecutive lines, in plain characters, that the controls have to judge."""
    header, ceiling = state.header, state.ceiling
    if header is None or ceiling is None:
        return list(range(len(lines)))
    found = []
    issued = state.expected.prefill.lines if state.expected.prefill else None
    minimum_wage = state.minimum_wage or 0
    highest = state.previous_number
    names = "".join([line.name for line in lines]).encode("ascii")
    plain_names = not names.translate(None, _ALPHABET)
    keys = keys_of([line.registration_number for line in lines])
    for rank, (line, key) in enumerate(zip(lines, keys, strict=True)):
        # fmt: off
        (affiliate, period, number, name, children, payable, deducted, net,
         returned, days, gross, capped, situation, stated) = line
        # fmt: on
        last = ord(number[8]) - 48
        if (
            number > highest  # R21, R22
            and number not in state.first_seen
            and (REFUSED_NUMBER < number < "2" or "9" <= number < OCCASIONAL_LABOUR)  # R23
            and (last == key or last == 9 - key)
            and (
                issued is None  # R20, R24
                or (
                    number in issued
                    and issued[number][3:] == (name, children, payable, deducted, net)
                )
            )
            and (plain_names or not name.strip(ALPHABET))  # R4
            and affiliate == header.affiliation_number  # R11
            and period == header.period  # R13
            and returned <= net == payable - deducted  # R25, R26
            and not situation  # R27, R29, R31, R32, R37
            and 0 < days <= LAST_DAY  # R28, R30
            and 0 < gross < LEFT_ALIGNED_GROSS  # R30, D15
            and 0 < capped < LEFT_ALIGNED_CAPPED
            and capped == (min(ceiling, gross))  # R33, R34
            and gross * LAST_DAY > minimum_wage * (days - 1)  # R35
            and stated == int(number) + returned + days + gross + capped + _NO_SITUATION  # R36
        ):
            highest = number
        else:
            found.append(rank)
            highest = max(highest, number)
    return found
