"""What each finding says to a person: the fault, why it arises, what to do, what it changes.

French messages of the catalogue with `{facts}`; Arabic is in the catalogue. A finding offers
its `value`, `expected`, `field`, `line` and its own facts. Every code has a text: a test fails
otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from declarations.finding_texts.e_bds import E_BDS_TEXTS
from declarations.finding_texts.sheets import SHEET_TEXTS, in_a_sheet
from portal.wording import FindingText
from regulation.text import Sentence

__all__ = ["TEXTS", "TRANSLATED_FACTS", "FindingText", "in_a_sheet", "message_of"]

TEXTS: Mapping[str, FindingText] = {**E_BDS_TEXTS, **SHEET_TEXTS}

#: Facts that are themselves messages of the catalogue; a field of a spreadsheet is named by its French title.
TRANSLATED_FACTS = frozenset(("nature", "field", "form"))


def message_of(
    code: str,
    *,
    value: str,
    expected: str,
    field: str,
    line_number: int | None,
    facts: Mapping[str, object],
) -> Sentence:
    """The message of a finding with its facts, to be translated where it is shown."""
    known = {"value": value, "expected": expected, "field": field, "line": str(line_number or "")}
    known |= {name: str(fact) for name, fact in facts.items()}
    return Sentence(TEXTS[code].message, known, tuple(sorted(TRANSLATED_FACTS & known.keys())))
