"""The worked example of the format note, and how to damage it."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace

from declarations.codecs import e_bds, prefill
from declarations.codecs.e_bds import NewHireLine, PrefilledLine
from declarations.codecs.prefill import PrefillFile, PrefillLine
from declarations.codecs.records import AffiliateHeader
from declarations.enums import Severity
from declarations.findings import Finding
from declarations.rules import Examination, Expected

TRANSFER = "12345672601017"
HEADER = AffiliateHeader(
    affiliation_number="1234567",
    period="202601",
    company_name="SOCIETE EXEMPLE",
    activity="",
    address="1 RUE DES ORANGERS",
    city="CASABLANCA",
    postal_code="20000",
    agency_code="01",
    issued_on="20260127",
    due_on="20260210",
)


def person(last_name: str, first_name: str) -> str:
    """A name as the prefill writes it: surname in 30 columns, then first name."""
    return last_name.ljust(30) + first_name


ALPHA = PrefillLine("1234567", "202601", "112233441", person("ALPHA", "AMINE"), 2, 60000, 0, 60000)
BRAVO = PrefillLine("1234567", "202601", "155667789", person("BRAVO", "BAHIJA"), 0, 0, 0, 0)
CHARLIE = PrefillLine(
    "1234567", "202601", "177889908", person("CHARLIE", "CHAIMAE"), 1, 30000, 5000, 25000
)
PREFILLED = (ALPHA, BRAVO, CHARLIE)
LINES = (
    e_bds.prefilled_line(ALPHA, days_declared=26, gross_wage=850050, capped_wage=600000),
    e_bds.prefilled_line(BRAVO, days_declared=20, gross_wage=412345, capped_wage=412345),
    e_bds.prefilled_line(
        CHARLIE, days_declared=0, gross_wage=0, capped_wage=0, situation="SO", af_returned=25000
    ),
)
HIRES = (
    e_bds.new_hire_line(
        HEADER,
        registration_number="000000000",
        name=person("DELTA", "DRISS"),
        cin="AB123456",
        days_declared=13,
        gross_wage=171136,
        capped_wage=171136,
    ),
    e_bds.new_hire_line(
        HEADER,
        registration_number="190011223",
        name=person("ECHO", "ESSAADIA"),
        cin="K12345",
        days_declared=26,
        gross_wage=600001,
        capped_wage=600000,
    ),
)


@dataclass(frozen=True)
class Sample:
    """A declaration to be written, any part of which may be replaced."""

    transfer_identifier: str = TRANSFER
    header: AffiliateHeader = HEADER
    lines: tuple[PrefilledLine, ...] = LINES
    new_hires: tuple[NewHireLine, ...] = HIRES
    supplement_number: int = 0

    @property
    def content(self) -> bytes:
        return b"".join(
            e_bds.write(
                transfer_identifier=self.transfer_identifier,
                header=self.header,
                lines=self.lines,
                new_hires=self.new_hires,
                supplement_number=self.supplement_number,
            )
        )

    def with_line(self, index: int, *, summed: bool = True, **values: str | int) -> bytes:
        """The file with one B02 changed; `summed` keeps its control sum right."""
        line = self.lines[index]._replace(**values)
        if summed and line.situation in e_bds.RANKS:
            line = line._replace(control_sum=e_bds.control_sum(line))
        lines = [*self.lines]
        lines[index] = line
        return replace(self, lines=tuple(lines)).content

    def with_hire(self, index: int, *, summed: bool = True, **values: str | int) -> bytes:
        """The file with one B04 changed; `summed` keeps its control sum right."""
        hire = self.new_hires[index]._replace(**values)
        if summed:
            hire = hire._replace(control_sum=e_bds.control_sum(hire))
        hires = [*self.new_hires]
        hires[index] = hire
        return replace(self, new_hires=tuple(hires)).content


MAIN = Sample()
SUPPLEMENTARY = Sample(lines=(), supplement_number=1)
PREFILL_BYTES = b"".join(
    prefill.write(transfer_identifier=TRANSFER, header=HEADER, lines=PREFILLED)
)


def read_prefill(content: bytes = PREFILL_BYTES) -> PrefillFile:
    return prefill.read(io.BytesIO(content))


def examine(content: bytes, expected: Expected | None = None) -> Examination:
    """Check bytes against the prefill of the example, unless told otherwise."""
    examination = Examination(expected or Expected(prefill=read_prefill()))
    for _ in examination.run(io.BytesIO(content)):
        pass
    return examination


def put(content: bytes, line: int, column: int, text: str) -> bytes:
    """The file with `text` written over line `line` from column `column`, both 1-based."""
    lines = content.split(b"\n")
    raw = lines[line - 1]
    data = text.encode("latin-1")
    lines[line - 1] = raw[: column - 1] + data + raw[column - 1 + len(data) :]
    return b"\n".join(lines)


def without(content: bytes, line: int) -> bytes:
    lines = content.split(b"\n")
    del lines[line - 1]
    return b"\n".join(lines)


def swap(content: bytes, line: int) -> bytes:
    """Two neighbouring lines exchanged."""
    lines = content.split(b"\n")
    lines[line - 1], lines[line] = lines[line], lines[line - 1]
    return b"\n".join(lines)


def total(line: int, column: int) -> Callable[[], bytes]:
    """The example with the last digit of a total changed."""

    def damage() -> bytes:
        current = int(MAIN.content.split(b"\n")[line - 1][column - 1 : column])
        return put(MAIN.content, line, column, str((current + 1) % 10))

    return damage


def codes(examination: Examination) -> list[str]:
    return [finding.code for finding in examination.findings]


def found(examination: Examination, code: str) -> Finding:
    return next(finding for finding in examination.findings if finding.code == code)


def at(severity: Severity, examination: Examination) -> list[str]:
    return [f.code for f in examination.findings if f.severity is severity]
