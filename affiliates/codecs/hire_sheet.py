"""The spreadsheet of new hires: which columns it has, and each row as the person it names.

A row is judged by the rules of the form (`affiliates.rules`); what a cell holds and no field can (a formula, a day
that is none) is said here. docs/formats/tableur-embauches.md says what each column may hold.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from affiliates.enums import CardKind, HireColumn, Sex
from affiliates.errors import CellIsFormula, CellMissing, CellNotRead, CellRounded, CellTooLong
from affiliates.rules import MOROCCO, HireLimits, NewHire, faults_of, tidy
from portal.enums import CellKind
from portal.sheets.table import Cell, SheetLayout, plain_title, titles_of
from regulation.errors import DomainError
from regulation.text import _

#: As many people as one upload takes; one more is read, so that too many is seen.
MOST_PEOPLE: Final = 300

REQUIRED: Final = (
    HireColumn.LAST_NAME,
    HireColumn.FIRST_NAME,
    HireColumn.CARD_NUMBER,
    HireColumn.SEX,
    HireColumn.BORN_ON,
    HireColumn.BIRTH_PLACE,
    HireColumn.ADDRESS,
    HireColumn.CITY,
    HireColumn.PHONE,
    HireColumn.HIRED_ON,
)

#: Other writings of the titles, in French and in Arabic; compared without accents, signs and capitals.
_OTHER_TITLES: Final[Mapping[HireColumn, tuple[str, ...]]] = {
    HireColumn.LAST_NAME: ("الاسم العائلي", "nom de famille", "nom en lettres latines"),
    HireColumn.FIRST_NAME: ("الاسم الشخصي", "prénoms", "prénom en lettres latines"),
    HireColumn.LAST_NAME_AR: ("الاسم العائلي بالعربية", "nom (arabe)"),
    HireColumn.FIRST_NAME_AR: ("الاسم الشخصي بالعربية", "prénom (arabe)"),
    HireColumn.CARD_KIND: ("نوع الوثيقة", "type de pièce d’identité"),
    HireColumn.CARD_NUMBER: ("رقم الوثيقة", "cin", "cnie", "n° cin", "numéro de cin", "البطاقة الوطنية"),
    HireColumn.NATIONALITY: ("الجنسية",),
    HireColumn.SEX: ("الجنس", "genre"),
    HireColumn.BORN_ON: ("تاريخ الازدياد", "né(e) le", "né le"),
    HireColumn.BIRTH_PLACE: ("مكان الازدياد", "né(e) à", "né à"),
    HireColumn.ADDRESS: ("العنوان",),
    HireColumn.CITY: ("المدينة",),
    HireColumn.PHONE: ("الهاتف", "n° de téléphone", "gsm", "tél"),
    HireColumn.RIB: ("رقم الحساب البنكي", "compte bancaire"),
    HireColumn.HIRED_ON: ("تاريخ التشغيل", "embauché(e) le", "embauché le", "date d’entrée"),
}  # fmt: skip

LAYOUT: Final = SheetLayout(
    titles_of(
        {column.value: (column.label, *_OTHER_TITLES[column]) for column in HireColumn},
    ),
    tuple(column.value for column in REQUIRED),
    MOST_PEOPLE + 1,
)

_DAY_FORM = _("un jour comme 08/03/1994")
_FORMS: Final[Mapping[HireColumn, str]] = {
    HireColumn.LAST_NAME: _("le nom tel que sur la pièce d’identité"),
    HireColumn.FIRST_NAME: _("le prénom tel que sur la pièce d’identité"),
    HireColumn.LAST_NAME_AR: _("le nom en arabe tel que sur la pièce d’identité"),
    HireColumn.FIRST_NAME_AR: _("le prénom en arabe tel que sur la pièce d’identité"),
    HireColumn.CARD_KIND: _("CIN, ou titre de séjour"),
    HireColumn.CARD_NUMBER: _("le numéro de la pièce, comme AB123456"),
    HireColumn.NATIONALITY: _("le pays, comme Maroc, ou son code à deux lettres, comme MA"),
    HireColumn.SEX: _("F ou M"),
    HireColumn.BORN_ON: _DAY_FORM,
    HireColumn.BIRTH_PLACE: _("la ville ou le pays de naissance"),
    HireColumn.ADDRESS: _("l’adresse, sans la ville"),
    HireColumn.CITY: _("la ville où habite la personne"),
    HireColumn.PHONE: _("un numéro comme 0612345678"),
    HireColumn.RIB: _("vingt-quatre chiffres"),
    HireColumn.HIRED_ON: _DAY_FORM,
}
#: The longest texts of the form; the names are judged by the rules.
_LONGEST: Final = {HireColumn.BIRTH_PLACE: 60, HireColumn.ADDRESS: 120, HireColumn.CITY: 40}
_SEXES: Final = {
    plain_title(text): sex
    for sex, texts in {
        Sex.FEMALE: ("F", "femme", "féminin", "أنثى", "امرأة"),
        Sex.MALE: ("M", "H", "homme", "masculin", "ذكر", "رجل"),
    }.items()
    for text in texts
}
_KINDS: Final = {
    plain_title(text): kind
    for kind, texts in {
        CardKind.CIN: ("CIN", "CNIE", "carte nationale", CardKind.CIN.label, "البطاقة الوطنية"),
        CardKind.RESIDENCE: ("TS", "carte de séjour", CardKind.RESIDENCE.label, "بطاقة الإقامة"),
    }.items()
    for text in texts
}
_DAY: Final = re.compile(r"([0-9]{1,2})[/.\-]([0-9]{1,2})[/.\-]([0-9]{4})", re.ASCII)
_ISO_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T[0-9:.]+)?", re.ASCII)
#: What a spreadsheet makes of 0612345678 typed as a number.
_SHORT_PHONE: Final = re.compile("[5-8][0-9]{8}", re.ASCII)
_MOST_DIGITS: Final = 15
#: How a number of more than twenty digits comes back, and how a csv writes it.
_SCIENTIFIC: Final = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ReadHire:
    """The person of a row, tidy, and what is wrong with it by column; to be kept only without faults."""

    person: NewHire
    faults: Mapping[HireColumn, DomainError]


@dataclass(slots=True)
class _Row:
    cells: Mapping[str, Cell]
    faults: dict[HireColumn, DomainError] = field(default_factory=dict)

    def text(self, column: HireColumn) -> str:
        """The text of a cell; empty, with its fault, when it is missing or none."""
        cell = self.cells.get(column)
        text = " ".join(cell.text.split()) if cell else ""
        if cell is None or not text:
            if column in REQUIRED:
                self.faults[column] = CellMissing(form=_FORMS[column])
            return ""
        if cell.kind is CellKind.FORMULA:
            self.faults[column] = CellIsFormula()
        elif cell.kind not in (CellKind.TEXT, CellKind.NUMBER):
            self.wrong(column)
        elif _is_rounded(cell.kind, text):
            self.faults[column] = CellRounded()
        elif len(text) > _LONGEST.get(column, len(text)):
            self.faults[column] = CellTooLong(limit=_LONGEST[column])
        else:
            return text
        return ""

    def day(self, column: HireColumn) -> datetime.date | None:
        """A day, as a day of the spreadsheet or written day/month/year."""
        cell = self.cells.get(column)
        is_day = cell is not None and cell.kind is CellKind.DAY
        text = cell.text.strip() if cell and is_day else self.text(column)
        if not text:
            return None
        if found := _ISO_DAY.fullmatch(text):
            year, month, day = found.groups()
        elif found := _DAY.fullmatch(text):
            day, month, year = found.groups()
        else:
            self.wrong(column)
            return None
        try:
            return datetime.date(int(year), int(month), int(day))
        except ValueError:
            self.wrong(column)
            return None

    def wrong(self, column: HireColumn) -> None:
        nature = self.cells[column].kind.label
        self.faults[column] = CellNotRead(nature=nature, form=_FORMS[column])


def read_hire(
    cells: Mapping[str, Cell], limits: HireLimits, countries: Mapping[str, str]
) -> ReadHire:
    """A row as a person. ``countries`` gives the code of each country by its name, as `plain_title` writes it.

    Without a nationality a person is Moroccan; without a kind of card, it is the one of the nationality.
    """
    row = _Row(cells)
    nationality = _nationality(row, countries)
    born_on, hired_on = row.day(HireColumn.BORN_ON), row.day(HireColumn.HIRED_ON)
    person = tidy(
        NewHire(
            card_kind=_card_kind(row, nationality),
            card_number=row.text(HireColumn.CARD_NUMBER),
            last_name=row.text(HireColumn.LAST_NAME),
            first_name=row.text(HireColumn.FIRST_NAME),
            last_name_ar=row.text(HireColumn.LAST_NAME_AR),
            first_name_ar=row.text(HireColumn.FIRST_NAME_AR),
            # A day that cannot be read is told as such; the others are judged as if it were right.
            born_on=born_on or datetime.date(limits.last_day.year - limits.minimum_age - 2, 1, 1),
            birth_place=row.text(HireColumn.BIRTH_PLACE),
            sex=_sex(row),
            nationality=nationality,
            address=row.text(HireColumn.ADDRESS),
            city=row.text(HireColumn.CITY),
            phone=_phone(row),
            rib=row.text(HireColumn.RIB),
            hired_on=hired_on or limits.last_day,
        )
    )
    judged = {HireColumn(name): fault for name, fault in faults_of(person, limits).items()}
    if HireColumn.NATIONALITY in row.faults:
        judged.pop(HireColumn.CARD_KIND, None)
    for column in (HireColumn.LAST_NAME_AR, HireColumn.FIRST_NAME_AR):
        if column in judged and not getattr(person, column):
            if HireColumn.NATIONALITY in row.faults:
                del judged[column]
            else:
                judged[column] = CellMissing(form=_FORMS[column])
    # The words about the cell come first: what follows from an unread one is no fault of the person.
    found = judged | row.faults
    return ReadHire(person, {column: found[column] for column in HireColumn if column in found})


def _is_rounded(kind: CellKind, text: str) -> bool:
    digits = sum(char.isdigit() for char in text)
    return _SCIENTIFIC.fullmatch(text) is not None or (
        kind is CellKind.NUMBER and digits > _MOST_DIGITS
    )


def _nationality(row: _Row, countries: Mapping[str, str]) -> str:
    text = row.text(HireColumn.NATIONALITY)
    if not text:
        return MOROCCO
    code = countries.get(plain_title(text))
    if code is None:
        row.wrong(HireColumn.NATIONALITY)
        return MOROCCO
    return code


def _card_kind(row: _Row, nationality: str) -> CardKind:
    text = row.text(HireColumn.CARD_KIND)
    usual = CardKind.CIN if nationality == MOROCCO else CardKind.RESIDENCE
    if text and plain_title(text) not in _KINDS:
        row.wrong(HireColumn.CARD_KIND)
    return _KINDS.get(plain_title(text), usual)


def _sex(row: _Row) -> Sex:
    text = row.text(HireColumn.SEX)
    sex = _SEXES.get(plain_title(text))
    if text and sex is None:
        row.wrong(HireColumn.SEX)
    return sex or Sex.FEMALE


def _phone(row: _Row) -> str:
    text = row.text(HireColumn.PHONE)
    cell = row.cells.get(HireColumn.PHONE)
    lost_its_zero = cell is not None and cell.kind is CellKind.NUMBER
    return f"0{text}" if lost_its_zero and _SHORT_PHONE.fullmatch(text) else text
