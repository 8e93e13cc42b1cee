"""Controls on the total records: R40 to R62 (e-BDS §8)."""

from __future__ import annotations

from declarations.codecs.e_bds import PrefilledTotals, Totals
from declarations.enums import Severity
from declarations.findings import Finding
from declarations.rules import habits
from declarations.rules.context import State, Sums

FILE = Severity.FILE

#: Code, official field, attribute of the totals and of the sums, in column order.
PREFILLED_TOTAL_CONTROLS = (
    ("R40", "N_Nbr_Salaries", "employees"),
    ("R41", "N_T_Enfants", "children"),
    ("R42", "N_T_AF_A_Payer", "af_payable"),
    ("R43", "N_T_AF_A_Deduire", "af_deducted"),
    ("R44", "N_T_AF_Net_A_Payer", "af_net"),
    ("R46", "N_T_Num_Imma", "registration_numbers"),
    ("R45", "N_T_AF_A_Reverser", "af_returned"),
    ("R47", "N_T_Jours_Declares", "days_declared"),
    ("R48", "N_T_Salaire_Reel", "gross_wage"),
    ("R49", "N_T_Salaire_Plaf", "capped_wage"),
    ("R50", "N_T_Ctr", "control_sums"),
)
_TOTAL_FIELDS = (
    ("N_Nbr_Salaries", "employees"),
    ("N_T_Num_Imma", "registration_numbers"),
    ("N_T_Jours_Declares", "days_declared"),
    ("N_T_Salaire_Reel", "gross_wage"),
    ("N_T_Salaire_Plaf", "capped_wage"),
    ("N_T_Ctr", "control_sums"),
)
NEW_HIRE_TOTAL_CONTROLS = tuple(
    (f"R{51 + rank}", field, attribute) for rank, (field, attribute) in enumerate(_TOTAL_FIELDS)
)
GRAND_TOTAL_CONTROLS = tuple(
    (f"R{57 + rank}", field, attribute) for rank, (field, attribute) in enumerate(_TOTAL_FIELDS)
)


def prefilled_totals(stated: PrefilledTotals, state: State) -> list[Finding]:
    """R40 to R50: the B03 states what the B02 records add up to."""
    swapped = _swapped_fields(state)
    return _compare(PREFILLED_TOTAL_CONTROLS, stated, state.prefilled, state, swapped=swapped)


def new_hire_totals(stated: Totals, state: State) -> list[Finding]:
    """R51 to R56: the B05 states what the B04 records add up to."""
    return _compare(NEW_HIRE_TOTAL_CONTROLS, stated, state.new_hires, state)


def grand_totals(stated: Totals, state: State) -> list[Finding]:
    """R57 to R62: the B06 is B03 and B05 added."""
    a, b = state.prefilled, state.new_hires
    both = Sums(
        employees=a.employees + b.employees,
        registration_numbers=a.registration_numbers + b.registration_numbers,
        days_declared=a.days_declared + b.days_declared,
        gross_wage=a.gross_wage + b.gross_wage,
        capped_wage=a.capped_wage + b.capped_wage,
        control_sums=a.control_sums + b.control_sums,
        unreadable_lines=a.unreadable_lines + b.unreadable_lines,
    )
    return _compare(GRAND_TOTAL_CONTROLS, stated, both, state)


def _compare(
    controls: tuple[tuple[str, str, str], ...],
    stated: PrefilledTotals | Totals,
    sums: Sums,
    state: State,
    *,
    swapped: bool = False,
) -> list[Finding]:
    # A line that could not be read leaves its amounts unknown: the count alone is compared
    # then, so that one bad digit is not reported eleven times.
    findings = []
    for code, field, attribute in controls:
        if sums.unreadable_lines and attribute != "employees":
            continue
        truth = getattr(sums, attribute)
        if attribute == "employees":
            truth += sums.unreadable_lines
        value = getattr(stated, attribute)
        if value == truth:
            continue
        deviation = ""
        if swapped and code in ("R45", "R46"):
            deviation = "D8"
        elif attribute == "control_sums" and value == 0:
            deviation = "D12"
        elif attribute in ("gross_wage", "capped_wage"):
            deviation = habits.of_total(value, truth, sums.employees)
        findings.append(state.finding(code, FILE, field, value, truth, deviation=deviation))
    return findings


def _swapped_fields(state: State) -> bool:
    """D8: the allowance given back (12 columns) written before the sum of numbers (15)."""
    text = state.record.text
    sums = state.prefilled
    return (
        text[64:76] == f"{sums.af_returned:012}"
        and text[76:91] == f"{sums.registration_numbers:015}"
    )
