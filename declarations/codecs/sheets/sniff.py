"""Is it a spreadsheet of a month? Told from the first bytes."""

from __future__ import annotations

from typing import Final

from declarations.codecs.sheets.delimited import OPENING, looks_like_list

SHEET_OPENING: Final = OPENING
_ARCHIVE: Final = b"PK\x03\x04"


def is_sheet(opening: bytes) -> bool:
    """An archive, which a workbook is, or a csv whose titles are those of a list of wages."""
    return opening.startswith(_ARCHIVE) or looks_like_list(opening)
