"""The spreadsheet of a month: which columns it has, and whether a file is one, told from its first bytes.

docs/formats/tableur.md describes the columns; `portal.sheets` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from declarations.enums import SheetColumn
from portal.sheets.delimited import OPENING, looks_like_list
from portal.sheets.table import SheetLayout, titles_of

SHEET_OPENING: Final = OPENING
_ARCHIVE: Final = b"PK\x03\x04"
#: One more than a declaration can hold, so that too many is seen (e-BDS §4.9).
MOST_ROWS: Final = 38_462
#: Without these there is nothing to declare.
REQUIRED: Final = (SheetColumn.NUMBER, SheetColumn.DAYS, SheetColumn.WAGE)

#: Other writings of the titles, in French and in Arabic; compared without accents, signs and capitals.
_OTHER_TITLES: Mapping[SheetColumn, tuple[str, ...]] = {
    SheetColumn.AFFILIATE: ("رقم الانخراط", "affilié", "n° affilié", "n° affiliation"),
    SheetColumn.PERIOD: ("الفترة", "mois"),
    SheetColumn.NUMBER: (
        "رقم التسجيل", "n° immatriculation", "immatriculation", "n° cnss", "numéro cnss", "matricule cnss",
        "n° assuré",
    ),
    SheetColumn.LAST_NAME: ("الاسم العائلي", "nom de famille"),
    SheetColumn.FIRST_NAME: ("الاسم الشخصي", "prénoms"),
    SheetColumn.FULL_NAME: ("الاسم الكامل", "nom prénom", "nom & prénom", "salarié"),
    SheetColumn.CIN: ("البطاقة الوطنية", "cnie", "n° cin", "numéro de cin"),
    SheetColumn.CHILDREN: ("الأطفال", "nombre d’enfants", "nb enfants"),
    SheetColumn.AF_PAYABLE: ("التعويضات العائلية المستحقة",),
    SheetColumn.AF_DEDUCTED: ("التعويضات العائلية المقتطعة",),
    SheetColumn.AF_NET: ("التعويضات العائلية الصافية", "af net"),
    SheetColumn.AF_RETURNED: ("التعويضات العائلية المسترجعة",),
    SheetColumn.DAYS: (
        "الأيام المصرّح بها", "الأيام", "jours", "nombre de jours", "nb jours", "jours travaillés",
    ),
    SheetColumn.WAGE: ("الأجر الحقيقي", "salaire", "salaire brut", "brut", "salaire réel (dh)"),
    SheetColumn.CAPPED: ("الأجر المسقّف",),
    SheetColumn.SITUATION: ("الوضعية", "code situation"),
}  # fmt: skip

LAYOUT: Final = SheetLayout(
    titles_of(
        {column.value: (column.label, *_OTHER_TITLES.get(column, ())) for column in SheetColumn}
    ),
    tuple(column.value for column in REQUIRED),
    MOST_ROWS,
)


def is_sheet(opening: bytes) -> bool:
    """An archive, which a workbook is, or a csv whose titles are those of a list of wages."""
    return opening.startswith(_ARCHIVE) or looks_like_list(opening, LAYOUT)
