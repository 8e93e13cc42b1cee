"""Controls on the lines of new hires (B04, E04): R70 to R80 (e-BDS §8)."""

from __future__ import annotations

from collections.abc import Callable

from declarations.codecs.e_bds import AWAITING_NUMBER, OCCASIONAL_LABOUR, NewHireLine
from declarations.codecs.fixed_width import ALPHABET, transliterate
from declarations.enums import Severity
from declarations.findings import Finding
from declarations.rules import habits
from declarations.rules.context import State
from declarations.rules.numbers import registration_number_fault
from declarations.rules.prefilled import LAST_DAY, LEFT_ALIGNED_CAPPED, LEFT_ALIGNED_GROSS

LINE, WARNING = Severity.LINE, Severity.WARNING
SPECIAL = frozenset((AWAITING_NUMBER, OCCASIONAL_LABOUR))


def r22_once(line: NewHireLine, state: State) -> Finding | None:
    """A person appears once in a file; the two special numbers may repeat."""
    number = line.registration_number
    if not number or number in SPECIAL:
        return None
    first = state.first_seen.setdefault(number, state.record.line_number)
    if first == state.record.line_number:
        return None
    return state.finding("R22", LINE, "N_Num_Assure", number, first_line=first)


def r70_number(line: NewHireLine, state: State) -> Finding | None:
    """A possible number, `000000000` awaiting one, or `999999999`; blank says "nobody"."""
    number = line.registration_number
    if number in SPECIAL:
        return None
    if not number:
        return state.finding("R70", LINE, "N_Num_Assure", "", AWAITING_NUMBER)
    return registration_number_fault(number, state)


def r71_identity_card(line: NewHireLine, state: State) -> Finding | None:
    """Without a registration number, the identity card number is needed."""
    if line.registration_number != AWAITING_NUMBER or line.cin.strip():
        return None
    return state.finding("R71", LINE, "L_Num_CIN", line.cin)


def r72_name(line: NewHireLine, state: State) -> Finding | None:
    """Everyone has a name, occasional labour excepted."""
    if line.name.strip() or line.registration_number == OCCASIONAL_LABOUR:
        return None
    return state.finding("R72", LINE, "L_Nom_Prenom", line.name)


def r73_days(line: NewHireLine, state: State) -> Finding | None:
    """1 to 26 days; 0 for occasional labour."""
    if line.registration_number == OCCASIONAL_LABOUR:
        if line.days_declared == 0:
            return None
        return state.finding("R73", LINE, "N_Nbr_Jours", line.days_declared, 0)
    if 1 <= line.days_declared <= LAST_DAY:
        return None
    return state.finding("R73", LINE, "N_Nbr_Jours", line.days_declared, f"1 - {LAST_DAY}")


def r74_wage(line: NewHireLine, state: State) -> Finding | None:
    """A new hire has earned something."""
    if line.gross_wage > 0:
        return None
    return state.finding("R74", LINE, "N_Sal_Reel", line.gross_wage, "> 0")


def d15_plausible_wages(line: NewHireLine, state: State) -> Finding | None:
    """D15, as for the people of the prefill; one line of occasional labour may hold many people."""
    if line.gross_wage >= LEFT_ALIGNED_GROSS:
        return state.finding("D15", LINE, "N_Sal_Reel", line.gross_wage)
    if line.capped_wage < LEFT_ALIGNED_CAPPED or line.registration_number == OCCASIONAL_LABOUR:
        return None
    return state.finding("D15", LINE, "N_Sal_Plaf", line.capped_wage)


def r75_ceiling(line: NewHireLine, state: State) -> Finding | None:
    """Capped wage = the smaller of gross wage and ceiling; within the gross for occasional labour."""
    if line.capped_wage > line.gross_wage:
        return state.finding("R75", LINE, "N_Sal_Plaf", line.capped_wage, f"0 - {line.gross_wage}")
    if state.ceiling is None or line.registration_number == OCCASIONAL_LABOUR:
        return None
    capped = min(line.gross_wage, state.ceiling)
    if line.capped_wage == capped:
        return None
    habit = habits.of_capped_wage(line, capped)
    return state.finding("R75", LINE, "N_Sal_Plaf", line.capped_wage, capped, deviation=habit)


def r76_characters(line: NewHireLine, state: State) -> Finding | None:
    """Name and identity card in the 38 characters; no blank inside the card number.

    A name that only needs its accents taken off is advised upon (R4, D3): the portal knows
    what is meant. Anything else would be registered wrong.
    """
    plain = transliterate(line.name)
    if line.name.strip(ALPHABET) and (line.name.isascii() or plain.strip(ALPHABET)):
        return state.finding("R76", LINE, "L_Nom_Prenom", line.name, plain)
    cin = line.cin.strip()
    if cin.strip(ALPHABET) or " " in cin or "\t" in cin:
        return state.finding("R76", LINE, "L_Num_CIN", line.cin, cin.replace(" ", ""))
    return None


def r77_minimum_wage(line: NewHireLine, state: State) -> Finding | None:
    """As R35: above the legal minimum for the days declared, less one day."""
    if state.minimum_wage is None or not line.gross_wage or not line.days_declared:
        return None
    floor = state.minimum_wage * (line.days_declared - 1)
    if line.gross_wage * LAST_DAY > floor:
        return None
    return state.finding(
        "R77",
        WARNING,
        "N_Sal_Reel",
        line.gross_wage,
        f"> {floor // LAST_DAY}",
        days=line.days_declared,
    )


def r78_control_sum(line: NewHireLine, state: State) -> Finding | None:
    """S_Ctr = number + days + wages."""
    total = int(line.registration_number or 0) + line.days_declared
    total += line.gross_wage + line.capped_wage
    if line.control_sum == total:
        return None
    habit = habits.of_control_sum(line.control_sum, total)
    return state.finding("R78", LINE, "S_Ctr", line.control_sum, total, deviation=habit)


def r79_not_expected(line: NewHireLine, state: State) -> Finding | None:
    """A person of the prefill is declared among its lines, not as a new hire.

    A supplementary file holds nothing but people omitted from the main declaration, who may
    well be in the prefill: the control concerns main declarations.
    """
    prefill = state.expected.prefill
    if prefill is None or state.family != "B" or line.registration_number not in prefill.lines:
        return None
    return state.finding("R79", LINE, "N_Num_Assure", line.registration_number)


def r80_ascending(line: NewHireLine, state: State) -> Finding | None:
    """Ascending numbers; the special ones come first or last."""
    number = line.registration_number
    if not number or number in SPECIAL or number >= state.previous_number:
        return None
    return state.finding("R80", WARNING, "N_Num_Assure", number, f"> {state.previous_number}")


def d5_left_aligned(line: NewHireLine, state: State) -> Finding | None:
    """D5: name and card number pushed to the right of their field by some software."""
    if not line.name.startswith("  ") and not line.cin.startswith(" "):
        return None
    return state.finding("D5", WARNING, "L_Nom_Prenom", line.name.strip())


def r94_not_declared_yet(line: NewHireLine, state: State) -> Finding | None:
    """A supplementary file, or a correction, repeats nobody already declared for the period."""
    number = line.registration_number
    if number in SPECIAL or (state.family != "E" and state.expected.corrects is None):
        return None
    if number not in state.expected.already_declared:
        return None
    return state.finding("R94", LINE, "N_Num_Assure", number)


NEW_HIRE_CONTROLS: tuple[Callable[[NewHireLine, State], Finding | None], ...] = (
    r22_once,
    r70_number,
    r71_identity_card,
    r72_name,
    r73_days,
    r74_wage,
    d15_plausible_wages,
    r75_ceiling,
    r76_characters,
    r77_minimum_wage,
    r78_control_sum,
    r79_not_expected,
    r80_ascending,
    d5_left_aligned,
    r94_not_declared_yet,
)


def d6_empty_form_with_zeros(line: NewHireLine, state: State) -> Finding | None:
    """D6: "no new hire" written with a number of nine zeros instead of nine blanks."""
    if line.registration_number != AWAITING_NUMBER or line[3:] != ("", "", 0, 0, 0, 0):
        return None
    return state.finding("D6", Severity.FILE, "N_Num_Assure", line.registration_number, " " * 9)
