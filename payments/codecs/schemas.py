"""The published ISO 20022 schemas, kept in the repository: a file is checked against them without any network.

Whether a deviation refuses the file is for the profile of the bank to say; the checks of meaning are never relaxed.
Origin and licence of the schemas: schemas/NOTICE. Which versions: docs/formats/camt.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from lxml import etree

from payments.codecs.faults import LISTED_AT_MOST, Fault, fault, quoted
from payments.codecs.kinds import FileFormat
from regulation.text import _

FOLDER: Final = Path(__file__).parent / "schemas"
TREE_LIMIT: Final = 20 * 1_048_576
"""Bytes up to which a file that deviates is read once more as a tree, to say the line."""
ANY_ELEMENT: Final = "*"

_OF_A_SCHEMA: Final = "SCHEMASV"
_ELEMENT: Final = re.compile(r"Element '(?:\{[^}]*\})?([^']+)'")
_VALUE: Final = re.compile(r"(?:: |The value )'([^']*)' (?:is not|has)")
_EXPECTED: Final = re.compile(r"Expected is (?:one of )?\( (.*?) \)")
_NAMESPACE: Final = re.compile(r"\{[^}]*\}")

_UNEXPECTED: Final = _("élément inattendu ou manquant")
_NO_VALUE: Final = _("valeur contraire au type de l’élément")
_KINDS: Final = {"SCHEMAV_ELEMENT_CONTENT": _UNEXPECTED}


@cache
def schema_of(format: FileFormat, version: str) -> etree.XMLSchema | None:
    """The schema of this message in this version (two digits), or None when the repository holds none."""
    path = FOLDER / f"{format.value}.001.{version}.xsd"
    return etree.XMLSchema(file=str(path)) if version and path.is_file() else None


@dataclass(slots=True)
class Deviations:
    """What a file does otherwise than its schema says: facts of E-F09, the first hundred."""

    schema: etree.XMLSchema
    name: str
    found: list[dict[str, str]] = field(default_factory=list)

    def noted(self, log: Any) -> None:
        """Note the deviations of a parser's log, which knows no line."""
        self.found = [
            _read(entry, "–")
            for entry in list(log)[:LISTED_AT_MOST]
            if entry.domain_name == _OF_A_SCHEMA
        ]

    def too_many(self, parser: Any) -> bool:
        """True once a hundred deviations are known: going on would only lengthen the list."""
        log = parser.error_log
        if len(log) < LISTED_AT_MOST:
            return False
        self.noted(log)
        return True

    def place(self, log: Any) -> None:
        """The same deviations with their lines and values."""
        self.found = [_read(entry, str(entry.line)) for entry in list(log)[:LISTED_AT_MOST]]

    def faults(self, tolerated: Collection[str]) -> list[Fault]:
        """What to tell: E-F09 for each deviation, F26 once for each element that the profile tolerates."""
        told: list[Fault] = []
        pardoned: set[str] = set()
        for facts in self.found:
            element = facts["element"]
            if ANY_ELEMENT not in tolerated and element not in tolerated:
                code = "E-F09a" if "attendus" in facts else "E-F09"
                told.append(fault(code, schema=self.name, **facts))
            elif element not in pardoned:
                pardoned.add(element)
                told.append(fault("F26", schema=self.name, element=element))
        return told


def _read(entry: Any, line: str) -> dict[str, str]:
    message = entry.message
    element, value = _ELEMENT.search(message), _VALUE.search(message)
    facts = {
        "element": quoted(element[1] if element else "Document"),
        "valeur": quoted(value[1] if value else ""),
        "ligne": line,
        "detail": _KINDS.get(entry.type_name, _NO_VALUE),
    }
    expected = _EXPECTED.search(message)
    if expected:
        names = _NAMESPACE.sub("", expected[1]).split(", ")
        facts["attendus"] = ", ".join(name.strip("# ") for name in names[:4])
    return facts
