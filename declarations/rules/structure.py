"""Controls on the file, its order and its headers: R1 to R16, R90 to R93 (e-BDS §8)."""

from __future__ import annotations

import re
from datetime import date

from declarations.codecs.e_bds import PrefilledLine, PrefilledTotals
from declarations.codecs.fixed_width import ALPHABET, FieldKind, transliterate
from declarations.codecs.records import AffiliateHeader, FileHeader, Record, RecordReader
from declarations.enums import DeclarationKind, Severity
from declarations.findings import Finding
from declarations.rules import habits
from declarations.rules.context import State
from regulation.enums import KeySeries
from regulation.identifiers import affiliation_key, transfer_identifier
from regulation.periods import Period

FILE, LINE, WARNING = Severity.FILE, Severity.LINE, Severity.WARNING

#: `DS_1234567_202601.txt`, `DSC2_…`; the month may be written MMAAAA; a browser may have added
#: " (1)" to a second download.
FILE_NAME = re.compile(
    r"DS(?:C(?P<supplement>[1-9]))?_(?P<number>[0-9]{7})_(?P<period>[0-9]{6})(?: ?\([0-9]+\))?(?:\.txt)?",
    re.IGNORECASE | re.ASCII,
)
#: Which record types may follow which.
FOLLOWS = {
    "": ("00",),
    "00": ("01",),
    "01": ("02", "03"),
    "02": ("02", "03"),
    "03": ("04",),
    "04": ("04", "05"),
    "05": ("06",),
    "06": (),
}
#: The texts of the header that move together when one is left out (D21).
SHIFTED_TOGETHER = frozenset(("activity", "address", "city", "postal_code"))
#: Control characters and direction marks: never a typing habit, always refused.
UNPRINTABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def r1_file_name(state: State) -> Finding | None:
    """The file name has the official form and agrees with the content."""
    name = state.expected.file_name
    if name is None or state.header is None or state.file_header is None:
        return None
    number, period = state.header.affiliation_number, state.header.period
    supplement = state.file_header.category[1:] if state.family == "E" else ""
    expected = f"DS{'C' + supplement if supplement else ''}_{number}_{period}.txt"
    match = FILE_NAME.fullmatch(name)
    if match is not None:
        periods = (period, period[4:] + period[:4])
        found = (match["number"], match["supplement"] or "")
        if found == (number, supplement) and match["period"] in periods:
            return None
    as_supplement = match is not None and match["supplement"] and state.family == "B"
    return Finding(
        "R1", FILE, value=name[:100], expected=expected, deviation="D19" if as_supplement else ""
    )


def r2_length(state: State) -> Finding:
    """A record has 260 characters; one that lost only trailing blanks is re-padded (D2)."""
    return state.finding(
        "R2",
        FILE,
        value=str(state.record.length),
        expected="260",
        deviation=habits.of_record_shape(state.record),
    )


def r5_order(record: Record, previous: str, state: State) -> Finding | None:
    """Types come in the order of §4.9, in one letter family."""
    allowed = FOLLOWS[previous]
    expected = " / ".join(state.family + code for code in allowed)
    if record.code in allowed and record.family == state.family:
        return None
    return state.finding("R5", FILE, value=record.text[:3], expected=expected)


def r7_digits(record: Record, state: State) -> list[Finding]:
    """Numbers are digits only; R16: fillers are blank."""
    deviation = habits.of_record_shape(record) if record.faults else ""
    return [
        Finding(
            "R16" if fault.field.kind is FieldKind.FILLER else "R7",
            FILE,
            record.name,
            record.line_number,
            fault.columns,
            fault.field.name,
            fault.value.rstrip()[:80],
            "" if fault.field.kind is FieldKind.FILLER else "0-9",
            deviation,
        )
        for fault in record.faults
    ]


def r4_characters(field: str, value: str, state: State) -> Finding | None:
    """Text in the 38 characters of the exchange; control characters are refused outright."""
    if not value.strip(ALPHABET):
        return None
    severity = FILE if UNPRINTABLE.search(value) else WARNING
    shown = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    lost = "D3" if "?" in value else ""
    return state.finding("R4", severity, field, shown, transliterate(shown), deviation=lost)


def r8_category(header: FileHeader, state: State) -> Finding | None:
    """`B0` for a main declaration, `E1` to `E9` for a supplementary one (R92: the sequence)."""
    if state.family == "B":
        fits = header.category == "B0"
    else:
        fits = re.fullmatch("E[1-9]", header.category) is not None
    if fits:
        return None
    expected = "B0" if state.family == "B" else "E1 - E9"
    mixed = re.fullmatch("E[0-9]|B0", header.category)
    return state.finding(
        "R8", FILE, "L_Cat", header.category, expected, deviation="D19" if mixed else ""
    )


def r9_transfer(header: FileHeader, state: State) -> Finding | None:
    """The transfer identifier is the one of the prefill, unchanged."""
    prefill = state.expected.prefill
    if prefill is None or header.transfer_identifier == prefill.transfer_identifier:
        return None
    value, expected = header.transfer_identifier, prefill.transfer_identifier
    deviation = habits.of_transfer_identifier(value, expected)
    return state.finding("R9", FILE, "N_Identif_Transfert", value, expected, deviation=deviation)


def r10_transfer_form(state: State) -> Finding | None:
    """The identifier has the structure seen on real ones (e-BDS §4.1): advice only."""
    if state.file_header is None or state.header is None or state.period is None:
        return None
    if state.expected.prefill is not None:  # R9 compares with the true one
        return None
    value = state.file_header.transfer_identifier
    expected = transfer_identifier(state.header.affiliation_number, state.period)
    if value == expected:
        return None
    return Finding(
        "R10",
        WARNING,
        f"{state.family}00",
        1,
        (4, 17),
        "N_Identif_Transfert",
        value,
        expected,
        habits.of_transfer_identifier(value, expected),
    )


def r11_affiliate(header: AffiliateHeader, state: State) -> Finding | None:
    """The file is that of the account, and of the prefill."""
    expected = state.expected.affiliation_number
    if expected is None and state.expected.prefill is not None:
        expected = state.expected.prefill.header.affiliation_number
    if expected is None or header.affiliation_number == expected:
        return None
    return state.finding("R11", FILE, "N_Num_Affilie", header.affiliation_number, expected)


def r11_same_affiliate(number: str, state: State) -> Finding | None:
    """Every record repeats the affiliate of the header."""
    if state.header is None or number == state.header.affiliation_number:
        return None
    return state.finding("R11", FILE, "N_Num_Affilie", number, state.header.affiliation_number)


def r12_affiliate_key(header: AffiliateHeader, state: State) -> Finding | None:
    """The check digit of the affiliate number, in either series (e-BDS §6.3): advice only."""
    if affiliation_key(header.affiliation_number) is not KeySeries.UNKNOWN:
        return None
    return state.finding("R12", WARNING, "N_Num_Affilie", header.affiliation_number)


def readable_period(text: str) -> Period | None:
    """AAAAMM as a period; None when it is no month."""
    if re.fullmatch("(19|2[0-9])[0-9]{2}(0[1-9]|1[0-2])", text, re.ASCII) is None:
        return None
    return Period(int(text[:4]), int(text[4:]))


def r13_period(header: AffiliateHeader, state: State) -> Finding | None:
    """The period is a month, the one of the page, and of the prefill."""
    expected = state.expected.period.compact if state.expected.period else None
    if expected is None and state.expected.prefill is not None:
        expected = state.expected.prefill.header.period
    if readable_period(header.period) is None:
        return state.finding("R13", FILE, "L_Periode", header.period, expected or "AAAAMM")
    if expected is None or header.period == expected:
        return None
    return state.finding("R13", FILE, "L_Periode", header.period, expected)


def r13_same_period(period: str, state: State) -> Finding | None:
    """Every record repeats the period of the header."""
    if state.header is None or period == state.header.period:
        return None
    return state.finding("R13", FILE, "L_Periode", period, state.header.period)


def r14_as_issued(header: AffiliateHeader, state: State) -> list[Finding]:
    """Name, address, agency and dates are those of the prefill."""
    if state.expected.prefill is None or state.layout is None:
        return []
    issued = state.expected.prefill.header
    shifted = habits.of_header(header, issued)
    return [
        state.finding(
            "R14",
            WARNING,
            field.name,
            value,
            truth,
            deviation=shifted if field.attribute in SHIFTED_TOGETHER else "",
        )
        for field, value, truth in zip(state.layout.values, header, issued, strict=True)
        if value != truth and field.attribute not in ("affiliation_number", "period")
    ]


def readable_day(text: str) -> date | None:
    """AAAAMMJJ as a day; None when the calendar has no such day."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def r15_days(header: AffiliateHeader, state: State) -> list[Finding]:
    """The two dates exist, and the due day is the 10th of the following month."""
    findings = [
        state.finding("R15", FILE, field, value, "AAAAMMJJ")
        for field, value in (
            ("D_Date_Emission", header.issued_on),
            ("D_Date_Exig", header.due_on),
        )
        if readable_day(value) is None
    ]
    period = readable_period(header.period)
    if findings or period is None:
        return findings
    prefill = state.expected.prefill
    if prefill is not None and prefill.header.due_on == header.due_on:
        return []  # the due day the fund wrote, whatever extension it carries
    expected = f"{period.next().compact}10"
    if header.due_on != expected:
        findings.append(state.finding("R15", WARNING, "D_Date_Exig", header.due_on, expected))
    return findings


def r92_sequence(header: FileHeader, state: State) -> Finding | None:
    """A supplement number serves once for a period."""
    number = header.category[1:]
    if state.family != "E" or not number.isdecimal():
        return None
    if int(number) not in state.expected.supplements_used:
        return None
    return state.finding("R92", FILE, "L_Cat", header.category)


def f3_main_once(state: State) -> Finding | None:
    """A month has one main declaration."""
    if state.family != "B" or not state.expected.main_declared:
        return None
    return Finding("F3", FILE)


def f4_other_place(state: State, kind: DeclarationKind | None, number: int) -> Finding | None:
    """A correction takes the place of the declaration it was sent for, of no other."""
    corrects = state.expected.corrects
    if corrects is None or kind is None or (kind, number) == corrects:
        return None
    return Finding("F4", FILE, value=_category(kind, number), expected=_category(*corrects))


def _category(kind: DeclarationKind, number: int) -> str:
    """L_Cat, as the file writes it."""
    return f"E{number}" if kind is DeclarationKind.SUPPLEMENTARY else "B0"


def r93_main_first(state: State) -> Finding | None:
    """A supplementary declaration completes a main one."""
    if state.family != "E" or state.expected.main_declared is not False:
        return None
    return Finding("R93", FILE)


def r90_empty_prefilled(line: PrefilledLine, state: State) -> Finding | None:
    """A supplementary file holds one E02, empty."""
    if state.prefilled_lines == 1 and line[2:] == ("", "", 0, 0, 0, 0, 0, 0, 0, 0, "", 0):
        return None
    return state.finding(
        "R90", FILE, "N_Num_Assure", line.registration_number, " " * 9, deviation="D19"
    )


def r90_zero_totals(totals: PrefilledTotals, state: State) -> Finding | None:
    """A supplementary file's E03 is all zero, and comes after its empty E02."""
    if not state.prefilled_lines:
        return state.finding("R90", FILE, expected="E02", deviation="D19")
    if not any(totals[2:]):
        return None
    return state.finding("R90", FILE, "N_Nbr_Salaries", totals.employees, 0)


def physical_notices(reader: RecordReader) -> list[Finding]:
    """D1, D2, D3 and R3: how the bytes differ from the official form, once for the file."""
    lines = reader.lines
    findings = []
    if lines.carriage_returns:
        findings.append(Finding("D1", WARNING, facts={"count": lines.carriage_returns}))
    if reader.cut_lines:
        findings.append(
            Finding("D2", WARNING, line_number=reader.first_cut, facts={"count": reader.cut_lines})
        )
    if lines.not_ascii or lines.byte_order_mark:
        findings.append(
            Finding(
                "D3",
                WARNING,
                line_number=lines.first_not_ascii or 1,
                facts={"count": lines.not_ascii},
            )
        )
    if not lines.last_terminated:
        findings.append(Finding("R3", WARNING, expected="LF"))
    return findings
