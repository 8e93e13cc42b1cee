"""Controls on the lines of people of the prefill (B02): R20 to R37 (e-BDS §8).

One function per control: a line and the state in, a finding or nothing out. Amounts are
centimes. Each runs on every line of every file, so each is one comparison when all is well.
"""

from __future__ import annotations

from collections.abc import Callable

from declarations.codecs.e_bds import (
    AWAITING_NUMBER,
    OCCASIONAL_LABOUR,
    RANKS,
    PrefilledLine,
)
from declarations.codecs.fixed_width import transliterate
from declarations.enums import Severity
from declarations.findings import Finding
from declarations.rules import habits
from declarations.rules.context import State
from declarations.rules.numbers import registration_number_fault

LINE, WARNING = Severity.LINE, Severity.WARNING

LAST_DAY = 26
#: First column of a wage filled: ten thousand million dirhams a month, or one million capped.
LEFT_ALIGNED_GROSS, LEFT_ALIGNED_CAPPED = 10**12, 10**8
#: Letters of the paper form and the e-BDS code that means the same (e-BDS §5.1, D17).
PAPER_SITUATIONS = {"CO": "CS", "ML": "IL", "MT": "IT"}
LEAVERS = frozenset(("SO", "DE"))
UNPAID = frozenset(("CS", "MS"))
OCCUPATIONAL = frozenset(("AT", "MP"))
PARTLY_PAID = frozenset(("SO", "DE", "IT", "IL"))


def r20_expected_person(line: PrefilledLine, state: State) -> Finding | None:
    """A B02 concerns a person of the prefill; anyone else is a new hire (B04)."""
    prefill = state.expected.prefill
    if prefill is None or line.registration_number in prefill.lines:
        return None
    number = line.registration_number
    return state.finding(
        "R20",
        LINE,
        "N_Num_Assure",
        number,
        deviation=habits.of_unknown_number(number, state),
        name=line.name.strip(),
    )


def r21_ascending(line: PrefilledLine, state: State) -> Finding | None:
    """Lines come in ascending registration number."""
    if line.registration_number > state.previous_number:
        return None
    if line.registration_number == state.previous_number:  # R22 says it
        return None
    return state.finding(
        "R21", WARNING, "N_Num_Assure", line.registration_number, f"> {state.previous_number}"
    )


def r22_once(line: PrefilledLine, state: State) -> Finding | None:
    """A person appears once in a file."""
    first = state.first_seen.setdefault(line.registration_number, state.record.line_number)
    if first == state.record.line_number:
        return None
    return state.finding("R22", LINE, "N_Num_Assure", line.registration_number, first_line=first)


def r23_number(line: PrefilledLine, state: State) -> Finding | None:
    """The registration number is possible: first digit and check digit."""
    number = line.registration_number
    if number in (AWAITING_NUMBER, OCCASIONAL_LABOUR, ""):
        return state.finding("R23", LINE, "N_Num_Assure", number)
    return registration_number_fault(number, state)


def r24_as_issued(line: PrefilledLine, state: State) -> Finding | None:
    """Name, children and family allowance are those of the prefill: they belong to the fund."""
    prefill = state.expected.prefill
    issued = prefill.lines.get(line.registration_number) if prefill else None
    if issued is None or line[3:8] == issued[3:8]:
        return None
    for field, value, truth in zip(
        ("N_Enfants", "N_AF_A_Payer", "N_AF_A_Deduire", "N_AF_Net_A_Payer"),
        line[4:8],
        issued[4:8],
        strict=True,
    ):
        if value != truth:
            return state.finding("R24", LINE, field, value, truth, deviation="D13")
    if line.name.split() == issued.name.split():
        return state.finding(
            "R24", WARNING, "L_Nom_Prenom", line.name, issued.name, deviation="D22"
        )
    if transliterate(line.name).split() == transliterate(issued.name).split():
        return None  # only accents or case differ: R4 says it
    return state.finding("R24", LINE, "L_Nom_Prenom", line.name, issued.name)


def r25_net_allowance(line: PrefilledLine, state: State) -> Finding | None:
    """Net family allowance = due - deducted."""
    if line.af_net == line.af_payable - line.af_deducted:
        return None
    return state.finding(
        "R25", LINE, "N_AF_Net_A_Payer", line.af_net, line.af_payable - line.af_deducted
    )


def r26_returned_within_net(line: PrefilledLine, state: State) -> Finding | None:
    """The allowance given back cannot exceed the net allowance."""
    if line.af_returned <= line.af_net:
        return None
    return state.finding("R26", LINE, "N_AF_A_Reverser", line.af_returned, f"0 - {line.af_net}")


def r27_leaver_returns_all(line: PrefilledLine, state: State) -> Finding | None:
    """A leaver's or deceased person's allowance goes back to the fund whole."""
    if line.situation not in LEAVERS or line.af_returned == line.af_net:
        return None
    return state.finding(
        "R27", LINE, "N_AF_A_Reverser", line.af_returned, line.af_net, situation=line.situation
    )


def r28_days(line: PrefilledLine, state: State) -> Finding | None:
    """At most 26 days a month."""
    if line.days_declared <= LAST_DAY:
        return None
    return state.finding("R28", LINE, "N_Jours_Declares", line.days_declared, f"0 - {LAST_DAY}")


def r29_situation(line: PrefilledLine, state: State) -> Finding | None:
    """The situation is blank or one of the eight codes."""
    if line.situation in RANKS:
        return None
    meant = PAPER_SITUATIONS.get(line.situation, "")
    return state.finding(
        "R29",
        LINE,
        "L_Situation",
        line.situation,
        meant or " ".join(RANKS).strip(),
        deviation="D17" if meant else "",
    )


def r30_worked(line: PrefilledLine, state: State) -> Finding | None:
    """Without a situation the person worked: days and both wages are positive."""
    if line.days_declared and line.gross_wage and line.capped_wage:
        return None
    for field, value in (
        ("N_Jours_Declares", line.days_declared),
        ("N_Salaire_Reel", line.gross_wage),
        ("N_Salaire_Plaf", line.capped_wage),
    ):
        if not value:
            nobody = not (line.days_declared or line.gross_wage or line.capped_wage)
            habit = "D17" if nobody else ""
            return state.finding("R30", LINE, field, value, "> 0", deviation=habit)
    return None


def r31_unpaid(line: PrefilledLine, state: State) -> Finding | None:
    """Unpaid leave, kept without pay: no day and no wage."""
    if line.situation not in UNPAID:
        return None
    return _first_not_zero("R31", LINE, line, state)


def r32_occupational(line: PrefilledLine, state: State) -> Finding | None:
    """Work accident, occupational disease: no day and no wage expected."""
    if line.situation not in OCCUPATIONAL:
        return None
    return _first_not_zero("R32", WARNING, line, state)


def _first_not_zero(
    code: str, severity: Severity, line: PrefilledLine, state: State
) -> Finding | None:
    for field, value in (
        ("N_Jours_Declares", line.days_declared),
        ("N_Salaire_Reel", line.gross_wage),
        ("N_Salaire_Plaf", line.capped_wage),
    ):
        if value:
            return state.finding(code, severity, field, value, 0, situation=line.situation)
    return None


def d15_plausible_wages(line: PrefilledLine, state: State) -> Finding | None:
    """D15: an amount that fills its field from the first column was padded on the wrong side."""
    if line.gross_wage < LEFT_ALIGNED_GROSS and line.capped_wage < LEFT_ALIGNED_CAPPED:
        return None
    if line.gross_wage >= LEFT_ALIGNED_GROSS:
        return state.finding("D15", LINE, "N_Salaire_Reel", line.gross_wage)
    return state.finding("D15", LINE, "N_Salaire_Plaf", line.capped_wage)


def r33_capped_within_gross(line: PrefilledLine, state: State) -> Finding | None:
    """The capped wage cannot exceed the gross wage."""
    if line.capped_wage <= line.gross_wage:
        return None
    return state.finding("R33", LINE, "N_Salaire_Plaf", line.capped_wage, f"0 - {line.gross_wage}")


def r34_ceiling(line: PrefilledLine, state: State) -> Finding | None:
    """Capped wage = the smaller of the gross wage and the ceiling of the month."""
    if state.ceiling is None or line.capped_wage > line.gross_wage:
        return None
    capped = min(state.ceiling, line.gross_wage)
    if line.capped_wage == capped:
        return None
    return state.finding(
        "R34",
        LINE,
        "N_Salaire_Plaf",
        line.capped_wage,
        capped,
        deviation=habits.of_capped_wage(line, capped),
        ceiling=state.ceiling,
    )


def r35_minimum_wage(line: PrefilledLine, state: State) -> Finding | None:
    """The wage is above the legal minimum for the days declared, less one day."""
    if state.minimum_wage is None or not line.gross_wage or not line.days_declared:
        return None
    floor = state.minimum_wage * (line.days_declared - 1)
    if line.gross_wage * LAST_DAY > floor:
        return None
    return state.finding(
        "R35",
        WARNING,
        "N_Salaire_Reel",
        line.gross_wage,
        f"> {floor // LAST_DAY}",
        days=line.days_declared,
    )


def r36_control_sum(line: PrefilledLine, state: State) -> Finding | None:
    """S_Ctr = number + AF returned + days + wages + rank of the situation."""
    if line.situation not in RANKS:  # no rank, no sum: R29 says it
        return None
    total = (
        int(line.registration_number or 0)
        + line.af_returned
        + line.days_declared
        + line.gross_wage
        + line.capped_wage
        + RANKS[line.situation]
    )
    if line.control_sum == total:
        return None
    habit = habits.of_control_sum(line.control_sum, total, RANKS[line.situation])
    return state.finding("R36", LINE, "S_Ctr", line.control_sum, total, deviation=habit)


def r37_days_and_wage(line: PrefilledLine, state: State) -> Finding | None:
    """Days without a wage, or a wage without days, is odd under SO, DE, IT and IL."""
    if line.situation not in PARTLY_PAID or bool(line.days_declared) == bool(line.gross_wage):
        return None
    field = "N_Salaire_Reel" if line.days_declared else "N_Jours_Declares"
    return state.finding("R37", WARNING, field, 0, "> 0", situation=line.situation)


_Control = Callable[[PrefilledLine, State], Finding | None]
_ALWAYS: tuple[_Control, ...] = (
    r20_expected_person,
    r21_ascending,
    r22_once,
    r23_number,
    r24_as_issued,
    r25_net_allowance,
    r26_returned_within_net,
    r28_days,
)
_WAGES: tuple[_Control, ...] = (
    d15_plausible_wages,
    r33_capped_within_gross,
    r34_ceiling,
    r35_minimum_wage,
    r36_control_sum,
)
#: The controls of a line without a situation: the person worked.
WORK_CONTROLS = (*_ALWAYS, r30_worked, *_WAGES)
#: The controls of a line with a situation.
ABSENCE_CONTROLS = (
    *_ALWAYS,
    r27_leaver_returns_all,
    r29_situation,
    r31_unpaid,
    r32_occupational,
    *_WAGES,
    r37_days_and_wage,
)


def missing_people(state: State) -> list[Finding]:
    """R20, the other way: everyone of the prefill comes back, paid or not (D18)."""
    prefill = state.expected.prefill
    if prefill is None:
        return []
    missing = {number for number in prefill.lines if number not in state.first_seen}
    deviation = habits.of_missing(missing, state)
    return [
        Finding(
            "R20",
            LINE,
            "B02",
            field="N_Num_Assure",
            expected=number,
            deviation=deviation,
            facts={"name": line.name.strip()},
        )
        for number, line in prefill.lines.items()
        if number in missing
    ]


def everything_given_back(state: State) -> Finding | None:
    """D14: every allowance of active staff given back; most often a software habit."""
    if not state.allowances or state.allowances_returned < state.allowances:
        return None
    return Finding(
        "D14",
        WARNING,
        "B02",
        field="N_AF_A_Reverser",
        facts={"count": state.allowances},
    )
