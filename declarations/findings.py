"""A finding: one fault of a file, said precisely enough to be mended."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from declarations.enums import Severity


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where, what was found and what was expected.

    `record` is the record type (`B02`), `line_number` the line of the file (1-based, None for
    the file as a whole), `columns` the first and last column, `field` the official field name.
    `deviation` names the habit of some software that explains the fault (D1 to D28), if known.
    `facts` complete the texts of `declarations.finding_texts`.
    """

    code: str
    severity: Severity
    record: str = ""
    line_number: int | None = None
    columns: tuple[int, int] | None = None
    field: str = ""
    value: str = ""
    expected: str = ""
    deviation: str = ""
    facts: Mapping[str, str | int] = dataclasses.field(default_factory=dict)

    @property
    def is_blocking(self) -> bool:
        """Whether the file cannot be submitted while this stands."""
        return self.severity is not Severity.WARNING
