"""The spreadsheet of new hires to fill: a line a person, and how to fill it.

Its columns are those that `affiliates.codecs.hire_sheet` reads back; docs/formats/tableur-embauches.md describes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

from django.http import FileResponse
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from affiliates.codecs.hire_sheet import MOST_PEOPLE, REQUIRED
from affiliates.enums import HireColumn
from affiliates.models import Affiliate
from portal import downloads, exports
from portal.exports import Column
from portal.sheets.table import column_name

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

FORMS: Final = ("xlsx", "csv")
#: Rows made ready in the workbook; more may be written below.
_READY: Final = 100
_WIDTHS: Final = {
    HireColumn.LAST_NAME: 20,
    HireColumn.FIRST_NAME: 18,
    HireColumn.LAST_NAME_AR: 18,
    HireColumn.FIRST_NAME_AR: 18,
    HireColumn.CARD_KIND: 13,
    HireColumn.CARD_NUMBER: 14,
    HireColumn.NATIONALITY: 13,
    HireColumn.SEX: 7,
    HireColumn.BORN_ON: 13,
    HireColumn.BIRTH_PLACE: 18,
    HireColumn.ADDRESS: 32,
    HireColumn.CITY: 16,
    HireColumn.PHONE: 15,
    HireColumn.RIB: 27,
    HireColumn.HIRED_ON: 13,
}
_DAYS: Final = (HireColumn.BORN_ON, HireColumn.HIRED_ON)


def columns() -> list[Column]:
    """The columns of the template, in order, their titles in the language of the reader."""
    return [Column(_(column.label), width) for column, width in _WIDTHS.items()]


def hire_template(form: str, affiliate: Affiliate) -> FileResponse:
    """The empty template as `csv` or `xlsx`."""
    name = f"embauches-{affiliate.affiliation_number}"
    if form == "csv":
        return exports.attachment_of(
            "csv", name=name, title=_("Embauches"), columns=columns(), rows=()
        )
    return downloads.attachment(
        exports.made_whole(_write), name=f"{name}.xlsx", content_type=exports.TYPES["xlsx"]
    )


def _write(stream: BinaryIO) -> None:
    with exports.open_workbook(stream) as workbook:
        looks = exports.cell_formats(workbook)
        sheet = workbook.add_worksheet(exports.sheet_name(_("Embauches")))
        sheet.freeze_panes(1, 2)
        if get_language_bidi():
            sheet.right_to_left()
        for place, column in enumerate(columns()):
            sheet.set_column(place, place, column.width)
            sheet.write_string(0, place, column.title, looks.title)
        for row in range(1, _READY + 1):
            for place, kind in enumerate(_WIDTHS):
                # Texts keep the zeros of a telephone and the digits of a RIB.
                sheet.write_blank(row, place, None, looks.day if kind in _DAYS else looks.text)
        _validate(sheet)
        exports.write_guide(
            workbook, name=_("Mode d’emploi"), heading=_("Nouveaux salariés"), lines=_guide()
        )


def _validate(sheet: Worksheet) -> None:
    places = {column: place for place, column in enumerate(_WIDTHS)}
    for column, source in {
        HireColumn.SEX: ["F", "M"],
        HireColumn.CARD_KIND: [_("CIN"), _("titre de séjour")],
    }.items():
        place = places[column]
        sheet.data_validation(
            1, place, _READY, place, {"validate": "list", "source": source, "error_type": "warning"}
        )


def _guide() -> Iterator[tuple[str, str]]:
    """What a person who fills the sheet must know, a subject a line."""
    letters = {column: column_name(place) for place, column in enumerate(_WIDTHS, 1)}
    yield (
        _("Une ligne par personne"),
        _(
            "%(limit)d personnes au plus par fichier. Recopiez la pièce d’identité telle qu’elle est."
        )
        % {"limit": MOST_PEOPLE},
    )
    yield (
        _("Obligatoires"),
        ", ".join(
            f"{_(column.label)} ({letters[column]})" for column in _WIDTHS if column in REQUIRED
        ),
    )
    yield (
        _("En arabe"),
        _("Le nom et le prénom en arabe sont obligatoires pour un Marocain, comme sur sa carte."),
    )
    yield (
        _("Type de pièce"),
        _(
            "CIN, ou titre de séjour. Vide : la CIN d’un Marocain, le titre de séjour d’un étranger."
        ),
    )
    yield (
        _("Nationalité"),
        _("Le nom du pays, comme Sénégal, ou son code à deux lettres, comme SN. Vide : Maroc."),
    )
    yield (_("Sexe"), _("F ou M."))
    yield (_("Dates"), _("Jour, mois, année : 08/03/1994."))
    yield (_("Téléphone"), _("Dix chiffres comme 0612345678, ou + et l’indicatif."))
    yield (_("RIB"), _("Vingt-quatre chiffres, en texte ; facultatif."))
    yield (_("Des valeurs"), _("Pas de formules, de cellules fusionnées ni de macros."))
    yield (
        _("Ensuite"),
        _(
            "Déposez le fichier dans « Salariés », « Demandes d’immatriculation ». Chaque ligne juste devient un "
            "brouillon ; les autres vous sont dites, cellule par cellule. Corrigez-les et redéposez le même "
            "fichier : personne n’est demandé deux fois. Joignez ensuite les copies des pièces d’identité."
        ),
    )
