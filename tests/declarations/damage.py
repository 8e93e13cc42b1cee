"""One damaged file for each control: what the employer did, and the finding that answers it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from declarations.enums import DeclarationKind, Severity
from declarations.rules import Expected
from regulation.periods import Period
from tests.declarations.samples import (
    ALPHA,
    BRAVO,
    CHARLIE,
    HIRES,
    LINES,
    MAIN,
    PREFILL_BYTES,
    SUPPLEMENTARY,
    person,
    put,
    read_prefill,
    swap,
    total,
    without,
)

FILE, LINE, WARNING = Severity.FILE, Severity.LINE, Severity.WARNING


@dataclass(frozen=True)
class Case:
    """`place` is (record, line, field) of the finding when it has one."""

    code: str
    severity: Severity
    make: Callable[[], bytes]
    place: tuple[str, int | None, str] = ("", None, "")
    expected: Callable[[], Expected] = lambda: Expected(prefill=read_prefill())
    deviation: str = ""


def alone(**facts: object) -> Callable[[], Expected]:
    """Checked without a prefill."""
    return lambda: Expected(**facts)  # type: ignore[arg-type]


def extra_line() -> bytes:
    stranger = BRAVO._replace(registration_number="166778897")
    line = LINES[1]._replace(registration_number=stranger.registration_number, control_sum=0)
    line = line._replace(control_sum=166778897 + 20 + 412345 + 412345)
    return replace(MAIN, lines=(*LINES[:2], line, LINES[2])).content


def all_returned() -> bytes:
    return MAIN.with_line(0, af_returned=60000)


def no_hire_in_zeros() -> bytes:
    zero = HIRES[0]._replace(
        name="", cin="", days_declared=0, gross_wage=0, capped_wage=0, control_sum=0
    )
    return replace(MAIN, new_hires=(zero,)).content


def swapped_totals() -> bytes:
    return put(MAIN.content, 6, 65, "000000025000000000445791138")


def broken_prefill() -> Expected:
    return Expected(prefill=read_prefill(put(PREFILL_BYTES, 6, 22, "9")))


def by_hand(line: int, start: int, end: int, text: str) -> Callable[[], bytes]:
    """The example with columns `start` to `end` of a line replaced by a text of any width."""

    def damage() -> bytes:
        lines = MAIN.content.split(b"\n")
        raw = lines[line - 1]
        lines[line - 1] = raw[: start - 1] + text.encode() + raw[end:]
        return b"\n".join(lines)

    return damage


def other_key() -> bytes:
    """The second series refused by the payroll, which writes the first key instead."""
    return MAIN.with_line(1, registration_number="155667780")


def second_series_left_out() -> Expected:
    delta = BRAVO._replace(registration_number="914567898")
    lines = {line.registration_number: line for line in (ALPHA, BRAVO, CHARLIE, delta)}
    return Expected(prefill=replace(read_prefill(), lines=lines))


def moved_header() -> bytes:
    """The address where the activity stands: the whole block forty columns early."""
    return put(MAIN.content, 2, 57, MAIN.content.split(b"\n")[1][96:242].decode().ljust(186))


def shifted_supplement() -> bytes:
    return put(SUPPLEMENTARY.content, 4, 17, "0" * 134)


def without_e02() -> bytes:
    return without(SUPPLEMENTARY.content, 3)


def late_number() -> bytes:
    return MAIN.with_line(1, registration_number="015566778")


def uncapped_fortune() -> bytes:
    return MAIN.with_line(0, gross_wage=12_345_678_901, capped_wage=345_678_901)


CASES = (
    Case(
        "R1",
        FILE,
        lambda: MAIN.content,
        expected=alone(file_name="DSC1_1234567_202601.txt"),
        deviation="D19",
    ),
    Case("R2", FILE, by_hand(3, 112, 113, "000026"), ("B02", 3, ""), deviation="D16"),
    Case("R7", FILE, by_hand(3, 26, 85, "ALPHA AMINE"), ("B02", 3, "N_Enfants"), deviation="D16"),
    Case("R2", FILE, by_hand(3, 112, 113, "262"), ("B02", 3, ""), deviation="D28"),
    Case("R7", FILE, by_hand(4, 112, 113, "8."), ("B02", 4, "N_Jours_Declares"), deviation="D28"),
    Case("R7", FILE, by_hand(8, 94, 95, "8,"), ("B04", 8, "N_Nbr_Jours"), deviation="D28"),
    Case(
        "R4",
        WARNING,
        lambda: put(MAIN.content, 2, 17, "SOCI?T? EXEMPLE"),
        ("B01", 2, "L_Raison_Sociale"),
        deviation="D3",
    ),
    Case(
        "R9",
        FILE,
        lambda: put(MAIN.content, 1, 4, "20260131093000"),
        ("B00", 1, "N_Identif_Transfert"),
        deviation="D9",
    ),
    Case(
        "R9",
        FILE,
        lambda: put(MAIN.content, 1, 17, "9"),
        ("B00", 1, "N_Identif_Transfert"),
        deviation="D10",
    ),
    Case(
        "R10",
        WARNING,
        lambda: put(MAIN.content, 1, 17, "9"),
        ("B00", 1, "N_Identif_Transfert"),
        alone(),
        "D10",
    ),
    Case("R14", WARNING, moved_header, ("B01", 2, "L_Activite"), deviation="D21"),
    Case("R16", FILE, shifted_supplement, ("E03", 4, "L_filler"), alone(), "D20"),
    Case("R20", LINE, other_key, ("B02", 4, "N_Num_Assure"), deviation="D23"),
    Case(
        "R20",
        LINE,
        lambda: replace(MAIN, lines=(LINES[0], LINES[2])).content,
        ("B02", None, "N_Num_Assure"),
        second_series_left_out,
        "D23",
    ),
    Case("R20", LINE, late_number, ("B02", 4, "N_Num_Assure"), deviation="D24"),
    Case(
        "R30",
        LINE,
        lambda: MAIN.with_line(1, days_declared=0, gross_wage=0, capped_wage=0),
        ("B02", 4, "N_Jours_Declares"),
        deviation="D17",
    ),
    Case("R34", LINE, uncapped_fortune, ("B02", 3, "N_Salaire_Plaf"), deviation="D24"),
    Case(
        "R34",
        LINE,
        lambda: MAIN.with_line(1, capped_wage=412344),
        ("B02", 4, "N_Salaire_Plaf"),
        deviation="D25",
    ),
    Case(
        "R34",
        LINE,
        lambda: MAIN.with_line(0, capped_wage=850050),
        ("B02", 3, "N_Salaire_Plaf"),
        deviation="D26",
    ),
    Case(
        "R75",
        LINE,
        lambda: MAIN.with_hire(1, gross_wage=700000, capped_wage=700000),
        ("B04", 8, "N_Sal_Plaf"),
        deviation="D26",
    ),
    Case("R48", FILE, total(6, 112), ("B03", 6, "N_T_Salaire_Reel"), deviation="D25"),
    Case(
        "R36",
        LINE,
        lambda: MAIN.with_line(0, summed=False, gross_wage=900_000_000, control_sum=12833467),
        ("B02", 3, "S_Ctr"),
        deviation="D11",
    ),
    Case(
        "R36",
        LINE,
        lambda: MAIN.with_line(2, summed=False, situation="DE", control_sum=177914908),
        ("B02", 5, "S_Ctr"),
        deviation="D11",
    ),
    Case(
        "R36",
        LINE,
        lambda: MAIN.with_line(0, summed=False, control_sum=0),
        ("B02", 3, "S_Ctr"),
        deviation="D12",
    ),
    Case(
        "D15",
        LINE,
        lambda: MAIN.with_line(0, gross_wage=8_500_500_000_000),
        ("B02", 3, "N_Salaire_Reel"),
    ),
    Case(
        "D15",
        LINE,
        lambda: MAIN.with_line(0, capped_wage=600_000_000),
        ("B02", 3, "N_Salaire_Plaf"),
    ),
    Case(
        "D15",
        LINE,
        lambda: MAIN.with_hire(1, gross_wage=6_000_010_000_000),
        ("B04", 8, "N_Sal_Reel"),
    ),
    Case("R90", FILE, without_e02, ("E03", 3, ""), deviation="D19"),
    Case("R1", FILE, lambda: MAIN.content, expected=alone(file_name="DS_7654321_202601.txt")),
    Case("R1", FILE, lambda: MAIN.content, expected=alone(file_name="salaires.txt")),
    Case("R2", FILE, lambda: MAIN.content.replace(b"SO0000", b"SO 0000"), ("B02", 5, "")),
    Case(
        "R3", FILE, lambda: put(MAIN.content, 4, 1, "").replace(b"\nB03", b"\n\nB03"), ("", 6, "")
    ),
    Case("R3", FILE, lambda: MAIN.content * 2, ("B00", 11, ""), deviation="D4"),
    Case("R3", WARNING, lambda: MAIN.content.rstrip(b"\n")),
    Case("R4", WARNING, lambda: put(MAIN.content, 2, 17, "Soci"), ("B01", 2, "L_Raison_Sociale")),
    Case("R4", FILE, lambda: put(MAIN.content, 2, 17, "SO\x07"), ("B01", 2, "L_Raison_Sociale")),
    Case("R5", FILE, lambda: without(MAIN.content, 2), ("B02", 2, "")),
    Case("R5", FILE, lambda: put(MAIN.content, 4, 1, "E"), ("E02", 4, "")),
    Case("R5", FILE, lambda: b"".join(MAIN.content.splitlines(keepends=True)[:5]), ("", 5, "")),
    Case(
        "R6",
        FILE,
        lambda: without(without(MAIN.content, 7), 7),
        ("B05", 7, ""),
        deviation="D7",
    ),
    Case(
        "R7", FILE, lambda: put(MAIN.content, 3, 114, "          8,5"), ("B02", 3, "N_Salaire_Reel")
    ),
    Case("R8", FILE, lambda: put(MAIN.content, 1, 18, "E0"), ("B00", 1, "L_Cat"), deviation="D19"),
    Case("R9", FILE, lambda: put(MAIN.content, 1, 17, "9"), ("B00", 1, "N_Identif_Transfert")),
    Case(
        "R9",
        FILE,
        lambda: put(MAIN.content, 1, 4, "0" * 14),
        ("B00", 1, "N_Identif_Transfert"),
        deviation="D9",
    ),
    Case(
        "R10",
        WARNING,
        lambda: put(MAIN.content, 1, 17, "9"),
        ("B00", 1, "N_Identif_Transfert"),
        alone(),
    ),
    Case(
        "R11",
        FILE,
        lambda: MAIN.content,
        ("B01", 2, "N_Num_Affilie"),
        alone(affiliation_number="7654321"),
    ),
    Case("R11", FILE, lambda: put(MAIN.content, 4, 10, "8"), ("B02", 4, "N_Num_Affilie")),
    Case(
        "R12",
        WARNING,
        lambda: MAIN.content.replace(b"1234567202601", b"1234569202601"),
        ("B01", 2, "N_Num_Affilie"),
        alone(),
    ),
    Case("R13", FILE, lambda: MAIN.content, ("B01", 2, "L_Periode"), alone(period=Period(2026, 2))),
    Case("R13", FILE, lambda: put(MAIN.content, 2, 15, "13"), ("B01", 2, "L_Periode")),
    Case("R13", FILE, lambda: put(MAIN.content, 5, 16, "2"), ("B02", 5, "L_Periode")),
    Case("R14", WARNING, lambda: put(MAIN.content, 2, 217, "RABAT     "), ("B01", 2, "L_Ville")),
    Case("R15", FILE, lambda: put(MAIN.content, 2, 253, "20260230"), ("B01", 2, "D_Date_Exig")),
    Case("R15", WARNING, lambda: put(MAIN.content, 2, 253, "20260212"), ("B01", 2, "D_Date_Exig")),
    Case("R16", FILE, lambda: put(MAIN.content, 3, 200, "X"), ("B02", 3, "L_filler")),
    Case("R20", LINE, extra_line, ("B02", 5, "N_Num_Assure")),
    Case(
        "R20",
        LINE,
        lambda: replace(MAIN, lines=LINES[:2]).content,
        ("B02", None, "N_Num_Assure"),
        deviation="D18",
    ),
    Case("R21", WARNING, lambda: swap(MAIN.content, 3), ("B02", 4, "N_Num_Assure")),
    Case(
        "R22",
        LINE,
        lambda: replace(MAIN, lines=(*LINES[:2], LINES[1], LINES[2])).content,
        ("B02", 5, "N_Num_Assure"),
    ),
    Case(
        "R23",
        LINE,
        lambda: MAIN.with_line(1, registration_number="100000000"),
        ("B02", 4, "N_Num_Assure"),
    ),
    Case(
        "R23",
        LINE,
        lambda: MAIN.with_line(1, registration_number="999999999"),
        ("B02", 4, "N_Num_Assure"),
    ),
    Case(
        "R23",
        WARNING,
        lambda: MAIN.with_line(1, registration_number="155667785"),
        ("B02", 4, "N_Num_Assure"),
    ),
    Case(
        "R23",
        WARNING,
        lambda: MAIN.with_line(1, registration_number="255667789"),
        ("B02", 4, "N_Num_Assure"),
    ),
    Case(
        "R24", LINE, lambda: MAIN.with_line(0, children=3), ("B02", 3, "N_Enfants"), deviation="D13"
    ),
    Case(
        "R24",
        WARNING,
        lambda: MAIN.with_line(0, name="ALPHA AMINE"),
        ("B02", 3, "L_Nom_Prenom"),
        deviation="D22",
    ),
    Case(
        "R24",
        LINE,
        lambda: MAIN.with_line(0, name=person("OMEGA", "AMINE")),
        ("B02", 3, "L_Nom_Prenom"),
    ),
    Case(
        "R25",
        LINE,
        lambda: MAIN.with_line(0, af_net=50000),
        ("B02", 3, "N_AF_Net_A_Payer"),
        alone(),
    ),
    Case("R26", LINE, lambda: MAIN.with_line(0, af_returned=60001), ("B02", 3, "N_AF_A_Reverser")),
    Case("R27", LINE, lambda: MAIN.with_line(2, af_returned=0), ("B02", 5, "N_AF_A_Reverser")),
    Case("R28", LINE, lambda: MAIN.with_line(0, days_declared=27), ("B02", 3, "N_Jours_Declares")),
    Case("R29", LINE, lambda: MAIN.with_line(1, situation="XX"), ("B02", 4, "L_Situation")),
    Case(
        "R29",
        LINE,
        lambda: MAIN.with_line(1, situation="ML"),
        ("B02", 4, "L_Situation"),
        deviation="D17",
    ),
    Case("R30", LINE, lambda: MAIN.with_line(1, days_declared=0), ("B02", 4, "N_Jours_Declares")),
    Case("R31", LINE, lambda: MAIN.with_line(1, situation="CS"), ("B02", 4, "N_Jours_Declares")),
    Case("R32", WARNING, lambda: MAIN.with_line(1, situation="AT"), ("B02", 4, "N_Jours_Declares")),
    Case("R33", LINE, lambda: MAIN.with_line(1, capped_wage=412346), ("B02", 4, "N_Salaire_Plaf")),
    Case("R34", LINE, lambda: MAIN.with_line(0, capped_wage=600001), ("B02", 3, "N_Salaire_Plaf")),
    Case("R34", LINE, lambda: MAIN.with_line(1, capped_wage=412344), ("B02", 4, "N_Salaire_Plaf")),
    Case(
        "R35",
        WARNING,
        lambda: MAIN.with_line(1, gross_wage=250121, capped_wage=250121),
        ("B02", 4, "N_Salaire_Reel"),
    ),
    Case(
        "R36",
        LINE,
        lambda: MAIN.with_line(0, summed=False, control_sum=113683518),
        ("B02", 3, "S_Ctr"),
    ),
    Case(
        "R37",
        WARNING,
        lambda: MAIN.with_line(2, days_declared=3),
        ("B02", 5, "N_Salaire_Reel"),
    ),
    Case("D14", WARNING, all_returned, ("B02", None, "N_AF_A_Reverser")),
    Case("R40", FILE, total(6, 22), ("B03", 6, "N_Nbr_Salaries")),
    Case("R41", FILE, total(6, 28), ("B03", 6, "N_T_Enfants")),
    Case("R42", FILE, total(6, 40), ("B03", 6, "N_T_AF_A_Payer")),
    Case("R43", FILE, total(6, 52), ("B03", 6, "N_T_AF_A_Deduire")),
    Case("R44", FILE, total(6, 64), ("B03", 6, "N_T_AF_Net_A_Payer")),
    Case("R45", FILE, total(6, 91), ("B03", 6, "N_T_AF_A_Reverser")),
    Case("R46", FILE, total(6, 79), ("B03", 6, "N_T_Num_Imma")),
    Case("R46", FILE, swapped_totals, ("B03", 6, "N_T_Num_Imma"), deviation="D8"),
    Case("R47", FILE, total(6, 97), ("B03", 6, "N_T_Jours_Declares")),
    Case("R48", FILE, total(6, 112), ("B03", 6, "N_T_Salaire_Reel")),
    Case("R49", FILE, total(6, 125), ("B03", 6, "N_T_Salaire_Plaf")),
    Case("R50", FILE, total(6, 144), ("B03", 6, "N_T_Ctr")),
    Case(
        "R50",
        FILE,
        lambda: put(MAIN.content, 6, 126, "0" * 19),
        ("B03", 6, "N_T_Ctr"),
        deviation="D12",
    ),
    *(
        Case(f"R{first + rank}", FILE, total(line, column), (record, line, field))
        for record, line, first in (("B05", 9, 51), ("B06", 10, 57))
        for rank, (column, field) in enumerate(
            (
                (22, "N_Nbr_Salaries"),
                (37, "N_T_Num_Imma"),
                (43, "N_T_Jours_Declares"),
                (58, "N_T_Salaire_Reel"),
                (71, "N_T_Salaire_Plaf"),
                (90, "N_T_Ctr"),
            )
        )
    ),
    Case("R63", WARNING, lambda: MAIN.content, ("A03", None, ""), broken_prefill),
    Case(
        "R70", LINE, lambda: MAIN.with_hire(1, registration_number=""), ("B04", 8, "N_Num_Assure")
    ),
    Case("R71", LINE, lambda: MAIN.with_hire(0, cin=""), ("B04", 7, "L_Num_CIN")),
    Case("R72", LINE, lambda: MAIN.with_hire(1, name=""), ("B04", 8, "L_Nom_Prenom")),
    Case("R73", LINE, lambda: MAIN.with_hire(1, days_declared=0), ("B04", 8, "N_Nbr_Jours")),
    Case(
        "R73",
        LINE,
        lambda: MAIN.with_hire(1, registration_number="999999999"),
        ("B04", 8, "N_Nbr_Jours"),
    ),
    Case(
        "R74",
        LINE,
        lambda: MAIN.with_hire(1, gross_wage=0, capped_wage=0),
        ("B04", 8, "N_Sal_Reel"),
    ),
    Case("R75", LINE, lambda: MAIN.with_hire(1, capped_wage=600001), ("B04", 8, "N_Sal_Plaf")),
    Case("R75", LINE, lambda: MAIN.with_hire(0, capped_wage=171137), ("B04", 7, "N_Sal_Plaf")),
    Case("R76", LINE, lambda: MAIN.with_hire(1, name="EL-ECHO"), ("B04", 8, "L_Nom_Prenom")),
    Case("R76", LINE, lambda: MAIN.with_hire(0, cin="AB 12345"), ("B04", 7, "L_Num_CIN")),
    Case(
        "R77",
        WARNING,
        lambda: MAIN.with_hire(1, gross_wage=300000, capped_wage=300000),
        ("B04", 8, "N_Sal_Reel"),
    ),
    Case("R78", LINE, lambda: MAIN.with_hire(1, summed=False, control_sum=1), ("B04", 8, "S_Ctr")),
    Case(
        "R79",
        LINE,
        lambda: (
            replace(
                MAIN,
                lines=(LINES[0], LINES[2]),
                new_hires=(
                    HIRES[1]._replace(
                        registration_number=BRAVO.registration_number,
                        control_sum=155667789 + 26 + 600001 + 600000,
                    ),
                ),
            ).content
        ),
        ("B04", 6, "N_Num_Assure"),
    ),
    Case(
        "R80",
        WARNING,
        lambda: (
            replace(
                MAIN,
                new_hires=(
                    HIRES[1],
                    HIRES[1]._replace(
                        registration_number="166778897",
                        control_sum=166778897 + 26 + 600001 + 600000,
                    ),
                ),
            ).content
        ),
        ("B04", 8, "N_Num_Assure"),
    ),
    Case(
        "D5",
        WARNING,
        lambda: put(MAIN.content, 8, 26, "ECHO ESSAADIA".rjust(60)),
        ("B04", 8, "L_Nom_Prenom"),
    ),
    Case("D6", FILE, no_hire_in_zeros, ("B04", 7, "N_Num_Assure")),
    Case(
        "R90",
        FILE,
        lambda: put(SUPPLEMENTARY.content, 3, 17, "112233441"),
        ("E02", 3, "N_Num_Assure"),
    ),
    Case("R90", FILE, lambda: put(SUPPLEMENTARY.content, 4, 22, "1"), ("E03", 4, "N_Nbr_Salaries")),
    Case("R91", FILE, lambda: replace(SUPPLEMENTARY, new_hires=()).content, ("E04", None, "")),
    Case(
        "R92",
        FILE,
        lambda: SUPPLEMENTARY.content,
        ("E00", 1, "L_Cat"),
        alone(supplements_used=frozenset({1})),
    ),
    Case("F3", FILE, lambda: MAIN.content, expected=alone(main_declared=True)),
    Case(
        "F4",
        FILE,
        lambda: SUPPLEMENTARY.content,
        expected=alone(corrects=(DeclarationKind.MAIN, 0)),
    ),
    Case(
        "R94",
        LINE,
        lambda: MAIN.content,
        ("B04", 8, "N_Num_Assure"),
        alone(already_declared=frozenset({"190011223"}), corrects=(DeclarationKind.MAIN, 0)),
    ),
    Case("R93", FILE, lambda: SUPPLEMENTARY.content, expected=alone(main_declared=False)),
    Case(
        "R94",
        LINE,
        lambda: SUPPLEMENTARY.content,
        ("E04", 6, "N_Num_Assure"),
        alone(already_declared=frozenset({"190011223"})),
    ),
    Case("D1", WARNING, lambda: MAIN.content.replace(b"\n", b"\r\n")),
    Case(
        "D2",
        WARNING,
        lambda: b"\n".join(x.rstrip() for x in MAIN.content.split(b"\n")),
        ("", 1, ""),
    ),
    Case("D3", WARNING, lambda: put(MAIN.content, 2, 17, "SOCI\xc9T\xc9"), ("", 2, "")),
    Case("D3", WARNING, lambda: b"\xef\xbb\xbf" + MAIN.content, ("", 1, "")),
    Case("D27", FILE, lambda: b"", ("", 1, "")),
    Case("D27", FILE, lambda: b"%PDF-1.7\n", ("", 1, "")),
    Case("D27", FILE, lambda: MAIN.content.decode().encode("utf-16"), ("", 1, "")),
    Case("D27", FILE, lambda: b"matricule;nom;salaire\n1;ALPHA;8500\n", ("", 1, "")),
    Case("D27", FILE, lambda: b"01" + b" " * 198 + b"\n", ("", 1, "")),
    Case("D27", FILE, lambda: PREFILL_BYTES, ("", 1, "")),
)

#: Controls whose file would be too long to write beside the others; see test_rules.
TESTED_ELSEWHERE = {"F1", "F2"}
