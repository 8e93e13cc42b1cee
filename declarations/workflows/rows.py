"""Loading lines and findings by COPY: six times the speed of row objects, in the same transaction."""

import io
import json
from collections.abc import Sequence
from functools import lru_cache

from django.db import connection

from declarations.codecs.e_bds import NewHireLine, PrefilledLine
from declarations.enums import LineOrigin
from declarations.findings import Finding
from declarations.models import Declaration, DeclarationLine, FileFinding, ReceivedFile

#: Stands for the declaration's key, which is not known while the file is read.
_LINE_COLUMNS = (
    "rank",
    "origin",
    "registration_number",
    "full_name",
    "cin",
    "children",
    "af_payable",
    "af_deducted",
    "af_net",
    "af_returned",
    "days_declared",
    "gross_wage",
    "capped_wage",
    "situation",
)
_FINDING_COLUMNS = (
    "received_file_id",
    "rank",
    "code",
    "severity",
    "line_number",
    "record",
    "column_start",
    "column_end",
    "field",
    "value",
    "expected",
    "facts",
)
NULL = r"\N"


def copied_text(value: str) -> str:
    """A text as COPY reads it: the few characters that would end a column are escaped."""
    if "\\" in value or "\t" in value or "\n" in value or "\r" in value:
        value = value.replace("\\", "\\\\").replace("\t", "\\t")
        value = value.replace("\n", "\\n").replace("\r", "\\r")
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def dirhams(cents: int) -> str:
    """Centimes as a decimal of dirhams, in text: no float on the way."""
    return f"{cents // 100}.{cents % 100:02}"


#: Family allowances take few values, most of them zero.
allowance = lru_cache(maxsize=1024)(dirhams)


class LineBuffer:
    """Declared lines as text ready for COPY: about 130 bytes each, 5 MB for the longest file."""

    def __init__(self) -> None:
        self._rows = io.StringIO()
        self._rank = 0

    def add(self, line: PrefilledLine | NewHireLine) -> None:
        """One line more, in file order."""
        self._rank += 1
        name = copied_text(line.name)
        if isinstance(line, PrefilledLine):
            row = (
                f"{self._rank}\t{LineOrigin.PREFILLED.value}\t{line.registration_number}\t{name}\t\t"
                f"{line.children}\t{allowance(line.af_payable)}\t{allowance(line.af_deducted)}\t"
                f"{allowance(line.af_net)}\t{allowance(line.af_returned)}\t{line.days_declared}\t"
                f"{dirhams(line.gross_wage)}\t{dirhams(line.capped_wage)}\t{line.situation}\n"
            )
        else:
            row = (
                f"{self._rank}\t{LineOrigin.NEW_HIRE.value}\t{line.registration_number}\t"
                f"{name.strip()}\t{copied_text(line.cin.strip())}\t0\t0\t0\t0\t0\t{line.days_declared}\t"
                f"{dirhams(line.gross_wage)}\t{dirhams(line.capped_wage)}\t\n"
            )
        self._rows.write(row)

    def load(self, declaration: Declaration) -> None:
        """Replace the lines of a declaration by these; runs in the caller's transaction."""
        DeclarationLine.objects.filter(declaration=declaration).delete()
        prefix = f"{declaration.pk}\t"
        self._rows.seek(0)
        rows = io.StringIO("".join(prefix + row for row in self._rows))
        _copy(DeclarationLine._meta.db_table, ("declaration_id", *_LINE_COLUMNS), rows)


def load_findings(file: ReceivedFile, findings: Sequence[Finding]) -> None:
    """Replace the findings of a file by these; runs in the caller's transaction."""
    FileFinding.objects.filter(received_file=file).delete()
    if not findings:
        return
    rows = io.StringIO()
    for rank, finding in enumerate(findings, 1):
        first, last = finding.columns or (NULL, NULL)
        facts = dict(finding.facts)
        if finding.deviation:
            facts["deviation"] = finding.deviation
        row = (
            file.pk,
            rank,
            finding.code,
            finding.severity.value,
            NULL if finding.line_number is None else finding.line_number,
            copied_text(finding.record[:3]),
            first,
            last,
            finding.field,
            copied_text(finding.value[:60]),
            copied_text(finding.expected[:120]),
            copied_text(json.dumps(facts).replace("\\u0000", "\\ufffd")),
        )
        rows.write("\t".join(map(str, row)) + "\n")
    rows.seek(0)
    _copy(FileFinding._meta.db_table, _FINDING_COLUMNS, rows)


def _copy(table: str, columns: Sequence[str], rows: io.StringIO) -> None:
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", rows)
