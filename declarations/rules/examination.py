"""One pass over a declaration file: records in, findings and declared lines out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from declarations.codecs import e_bds
from declarations.codecs.e_bds import NewHireLine, PrefilledLine, PrefilledTotals, Totals
from declarations.codecs.fixed_width import ALPHABET
from declarations.codecs.records import AffiliateHeader, FileHeader, Record, RecordReader, Together
from declarations.enums import DeclarationKind, FileVerdict, Severity
from declarations.findings import Finding
from declarations.rules import structure, totals
from declarations.rules.context import Expected, State
from declarations.rules.new_hires import NEW_HIRE_CONTROLS, d6_empty_form_with_zeros
from declarations.rules.prefilled import (
    ABSENCE_CONTROLS,
    LEAVERS,
    WORK_CONTROLS,
    everything_given_back,
    missing_people,
)
from declarations.rules.sniff import OPENING, what_it_is_instead
from declarations.rules.sound import to_look_at
from regulation.money import to_cents
from regulation.parameters import NotEstablished, NotYetKnown, monthly_minimum_wage, value_at

FILE = Severity.FILE
#: The day total has six digits: more lines than this cannot be stated (e-BDS §4.9).
MOST_LINES = 38_461
#: A file in which everything is wrong says so once a thousand times, not a million.
MOST_FINDINGS = 20_000

#: Lines read and judged together: as many as a chunk of the file holds.
MOST_TOGETHER = 256

DetailLine = PrefilledLine | NewHireLine


@dataclass(frozen=True, slots=True)
class Summary:
    """What a file declares, as far as it could be read. Wages in centimes."""

    kind: DeclarationKind | None
    supplement_number: int
    affiliation_number: str
    period: str
    employees: int
    days_declared: int
    wage_bill: int
    capped_wage_bill: int


class Examination:
    """Checks one file. Iterate `run`, then read `findings`, `verdict` and `summary`.

    Memory does not grow with the file beyond its registration numbers and its findings.
    Refuses nothing by exception: whatever the bytes, the answer is a list of findings.
    """

    def __init__(self, expected: Expected) -> None:
        self.findings: list[Finding] = []
        self.state = State(expected)
        self.lines_read = 0
        self._previous = ""  # the code of the last record that could be placed
        self._layout_code = ""  # the code that state.layout describes
        self._stopped = False
        self._cut_short = False  # stopped before the end: what is absent may merely be unread

    # -- results ---------------------------------------------------------------------------

    @property
    def verdict(self) -> FileVerdict:
        """Refused when the file is at fault, blocked when lines are, accepted otherwise."""
        severities = {finding.severity for finding in self.findings}
        if FILE in severities:
            return FileVerdict.REFUSED
        if Severity.LINE in severities:
            return FileVerdict.BLOCKED
        return FileVerdict.ACCEPTED

    @property
    def summary(self) -> Summary:
        """Totals of the lines themselves, whatever the total records state."""
        state, a, b = self.state, self.state.prefilled, self.state.new_hires
        kind = {"B": DeclarationKind.MAIN, "E": DeclarationKind.SUPPLEMENTARY}.get(state.family)
        category = state.file_header.category if state.file_header else ""
        number = category[1:] if state.family == "E" else ""
        return Summary(
            kind=kind,
            supplement_number=int(number) if number.isdecimal() and number.isascii() else 0,
            affiliation_number=state.header.affiliation_number if state.header else "",
            period=state.header.period if state.header else "",
            employees=a.employees + b.employees,
            days_declared=a.days_declared + b.days_declared,
            wage_bill=a.gross_wage + b.gross_wage,
            capped_wage_bill=a.capped_wage + b.capped_wage,
        )

    # -- the pass --------------------------------------------------------------------------

    def run(self, stream: BinaryIO) -> Iterator[DetailLine]:
        """Check the whole stream; give back each declared line once its own controls have run."""
        first = stream.read(OPENING)
        instead = what_it_is_instead(first)
        if instead is not None:
            self.findings.append(instead)
            return
        reader = e_bds.reader(stream, first)
        records = iter(reader)
        while not self._stopped:
            together = self._together(reader)
            if together is not None:
                yield from self._judge_together(together, reader, records)
                continue
            record = next(records, None)
            if record is None:
                break
            detail = self._judge(record)
            if detail is not None:
                yield detail
        self._finish()
        self._extend(structure.physical_notices(reader))

    def _judge(self, record: Record) -> DetailLine | None:
        self.lines_read = record.line_number
        detail = self._see(record)
        if len(self.findings) > MOST_FINDINGS:
            self._too_many()
        return detail

    def _together(self, reader: RecordReader) -> Together | None:
        """The lines of the prefill that come next, when they are many, of a main declaration and well formed."""
        state = self.state
        if self._previous != "02" or state.family != "B":
            return None
        room = MOST_LINES - state.prefilled_lines - state.new_hire_lines
        return reader.together("B02", min(MOST_TOGETHER, room))

    def _judge_together(
        self, together: Together, reader: RecordReader, records: Iterator[Record]
    ) -> Iterator[DetailLine]:
        """Take the sound lines by the run; give each of the others to the controls, in its turn."""
        lines = cast(Sequence[PrefilledLine], together.contents)
        start = 0
        for stop in (*to_look_at(lines, self.state), len(lines)):
            run = lines[start:stop]
            if run:
                self._take(run, together.first_line + start)
                reader.skip(together, len(run))
                yield from run
            if stop < len(lines):
                detail = self._judge(next(records))
                if detail is not None:
                    yield detail
                if self._stopped:
                    return
            start = stop + 1

    def _take(self, lines: Sequence[PrefilledLine], first_line: int) -> None:
        """Count lines about which no control has anything to say."""
        state = self.state
        state.prefilled_lines += len(lines)
        state.prefilled.add_all_prefilled(lines)
        issued = state.expected.prefill.lines if state.expected.prefill else {}
        # The prefill's own copy of each number, where there is one: ours would be two megabytes more.
        numbers = [issued.get(line[2], line).registration_number for line in lines]
        state.first_seen.update(
            zip(numbers, range(first_line, first_line + len(lines)), strict=True)
        )
        state.previous_number = numbers[-1]
        for line in lines:
            if line.af_net:
                state.allowances += 1
                state.allowances_returned += line.af_returned == line.af_net
        self.lines_read = first_line + len(lines) - 1

    def _see(self, record: Record) -> DetailLine | None:
        state = self.state
        state.record = record
        code = record.code
        if code != self._layout_code:
            state.layout = e_bds.TYPES[code].layout if code in e_bds.TYPES else None
            self._layout_code = code
        if not self._in_order(record):
            return None
        if record.faults or record.content is None:
            self._say_faults(record)
        if record.content is None:
            return None
        if code == "02":
            return self._prefilled(cast(PrefilledLine, record.content))
        if code == "04":
            return self._new_hire(cast(NewHireLine, record.content))
        self._other(record)
        return None

    def _say_faults(self, record: Record) -> None:
        state = self.state
        if record.length_is_wrong:
            self._add(structure.r2_length(state))
        self._extend(structure.r7_digits(record, state))
        if record.content is None and record.code == "02":
            state.prefilled.unreadable_lines += 1
        elif record.content is None and record.code == "04":
            state.new_hires.unreadable_lines += 1

    def _in_order(self, record: Record) -> bool:
        """R3, R5 and R6; false when the record cannot be placed at all."""
        state, code = self.state, record.code
        if code in ("02", "04"):
            if code == self._previous and record.family == state.family:
                return self._has_room()  # one more line of the block: the common case
            state.previous_number = ""
        if not record.text.strip():
            self._add(state.finding("R3", FILE))
            return False
        if self._previous == "06":
            repeated = record.name == f"{state.family}00"
            self._add(
                state.finding("R3", FILE, value=record.text[:3], deviation="D4" if repeated else "")
            )
            self._stopped = True
            return False
        if not state.family:
            state.family = record.family
        if code not in e_bds.TYPES:
            self._add(structure.r5_order(record, self._previous, state))
            return False
        if self._previous == "03" and code == "05":
            self._add(state.finding("R6", FILE, deviation="D7"))
        else:
            self._add(structure.r5_order(record, self._previous, state))
        self._previous = code
        return True

    def _has_room(self) -> bool:
        state = self.state
        if state.prefilled_lines + state.new_hire_lines < MOST_LINES:
            return True
        self._add(state.finding("F1", FILE, expected=str(MOST_LINES)))
        self._stopped = self._cut_short = True
        return False

    def _prefilled(self, line: PrefilledLine) -> DetailLine | None:
        state, findings = self.state, self.findings
        state.prefilled_lines += 1
        self._same_keys(line.affiliation_number, line.period)
        state.prefilled.add_prefilled(line)
        if state.family == "E":
            self._add(structure.r90_empty_prefilled(line, state))
            return None
        for control in ABSENCE_CONTROLS if line.situation else WORK_CONTROLS:
            finding = control(line, state)
            if finding is not None:
                findings.append(finding)
        if line.name.strip(ALPHABET):
            self._add(structure.r4_characters("L_Nom_Prenom", line.name, state))
        if line.af_net and line.situation not in LEAVERS:
            state.allowances += 1
            state.allowances_returned += line.af_returned == line.af_net
        state.previous_number = line.registration_number
        return line

    def _new_hire(self, line: NewHireLine) -> DetailLine | None:
        state, findings = self.state, self.findings
        state.new_hire_lines += 1
        self._same_keys(line.affiliation_number, line.period)
        state.new_hires.add_new_hire(line)
        if line.is_empty_form:
            state.empty_forms += 1
            return None
        zeros = d6_empty_form_with_zeros(line, state)
        if zeros is not None:
            findings.append(zeros)
            return None
        for control in NEW_HIRE_CONTROLS:
            finding = control(line, state)
            if finding is not None:
                findings.append(finding)
        if not line.name.isascii():
            self._add(structure.r4_characters("L_Nom_Prenom", line.name, state))
        state.previous_number = line.registration_number
        return line

    def _same_keys(self, affiliation_number: str, period: str) -> None:
        header = self.state.header
        if header is None:
            return
        if affiliation_number != header.affiliation_number:
            self._add(structure.r11_same_affiliate(affiliation_number, self.state))
        if period != header.period:
            self._add(structure.r13_same_period(period, self.state))

    def _other(self, record: Record) -> None:
        state = self.state
        if record.code == "00":
            state.file_header = header = cast(FileHeader, record.content)
            self._add(structure.r8_category(header, state))
            self._add(structure.r9_transfer(header, state))
            self._add(structure.r92_sequence(header, state))
        elif record.code == "01":
            self._header(cast(AffiliateHeader, record.content))
        elif record.code == "03":
            stated = cast(PrefilledTotals, record.content)
            self._same_keys(stated.affiliation_number, stated.period)
            if state.family == "E":
                self._add(structure.r90_zero_totals(stated, state))
            else:
                self._extend(totals.prefilled_totals(stated, state))
        else:
            summed = cast(Totals, record.content)
            self._same_keys(summed.affiliation_number, summed.period)
            compare = totals.new_hire_totals if record.code == "05" else totals.grand_totals
            self._extend(compare(summed, state))

    def _header(self, header: AffiliateHeader) -> None:
        state = self.state
        state.header = header
        self._add(structure.r11_affiliate(header, state))
        self._add(structure.r12_affiliate_key(header, state))
        self._add(structure.r13_period(header, state))
        self._extend(structure.r14_as_issued(header, state))
        self._extend(structure.r15_days(header, state))
        if state.layout is not None:
            for field, value in zip(state.layout.values, header, strict=True):
                self._add(structure.r4_characters(field.name, value, state))
        state.period = structure.readable_period(header.period)
        if state.period is None:
            return
        self._add(structure.r10_transfer_form(state))
        first_day = state.period.first_day
        try:
            state.ceiling = to_cents(value_at("ceiling.monthly", first_day).value)
        except (NotYetKnown, NotEstablished):
            # The law of that month is not in the tables: a month that nobody declares any more.
            self._add(state.finding("R13", FILE, "L_Periode", header.period))
        try:
            state.minimum_wage = to_cents(monthly_minimum_wage(first_day))
        except (NotYetKnown, NotEstablished):
            state.minimum_wage = None  # only advice hangs on it

    def _finish(self) -> None:
        state = self.state
        state.record, state.layout = Record(0, "", "", ""), None
        if self._previous != "06" and not self._stopped:
            following = structure.FOLLOWS[self._previous]
            expected = " / ".join(state.family + code for code in following)
            self.findings.append(
                Finding("R5", FILE, line_number=self.lines_read, expected=expected)
            )
        if state.empty_forms and state.new_hire_lines > 1:
            self.findings.append(Finding("R6", FILE, f"{state.family}04"))
        if state.family == "B":
            self._say_the_missing()
            self._add(everything_given_back(state))
            self._add(structure.f3_main_once(state))
        elif state.family == "E":
            if not (state.new_hires.employees or state.new_hires.unreadable_lines):
                self.findings.append(Finding("R91", FILE, "E04"))
            self._add(structure.r93_main_first(state))
        summary = self.summary
        self._add(structure.f4_other_place(state, summary.kind, summary.supplement_number))
        self._add(structure.r1_file_name(state))
        prefill = state.expected.prefill
        if prefill is not None and not prefill.is_whole:
            self.findings.append(Finding("R63", Severity.WARNING, "A03"))

    def _say_the_missing(self) -> None:
        if self._cut_short:
            return
        missing = missing_people(self.state)
        room = max(0, MOST_FINDINGS - len(self.findings))
        self._extend(missing[:room])
        if len(missing) > room:
            self._too_many()

    def _add(self, finding: Finding | None) -> None:
        if finding is not None:
            self.findings.append(finding)

    def _extend(self, findings: list[Finding]) -> None:
        self.findings.extend(findings)

    def _too_many(self) -> None:
        self._add(self.state.finding("F2", FILE, value=str(MOST_FINDINGS)))
        self._stopped = self._cut_short = True
