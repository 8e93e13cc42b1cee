"""What each finding of a spreadsheet says, and how a finding of the declaration is mended in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from portal.sheets.texts import FORM_TEXTS
from portal.wording import FindingText
from regulation.text import _

_STOPS = _("Le tableur ne peut pas être déposé en l’état.")
_LINE_STOPS = _("La déclaration ne peut pas être déposée tant que cette ligne n’est pas corrigée.")
_NOTHING = _("La déclaration peut être déposée ; rien n’est perdu pour le salarié.")
_AGAIN = _("Téléchargez de nouveau le modèle du mois, reportez-y vos valeurs et déposez-le.")

SHEET_TEXTS: Mapping[str, FindingText] = {
    **FORM_TEXTS,
    "S8": FindingText(
        _("Formule"),
        _("La cellule {cell} contient la formule « {value} » au lieu d’une valeur."),
        _("Le résultat d’une formule peut changer d’un poste à l’autre : le portail n’en lit pas."),
        _("Copiez la colonne, puis « Collage spécial », « Valeurs », et déposez de nouveau."),
        _LINE_STOPS,
    ),
    "S9": FindingText(
        _("Type de cellule"),
        _("La cellule {cell} ({field}) contient {nature}, « {value} » : on attend {form}."),
        _("Le tableur a changé la valeur en date ou en erreur, ou la saisie est incomplète."),
        _(
            "Effacez la cellule, donnez-lui le format « Nombre » ou « Texte », et saisissez la valeur."
        ),
        _LINE_STOPS,
    ),
    "S11": FindingText(
        _("Ligne de total"),
        _("La ligne {line} (« {value} ») est un total : elle n’est pas lue."),
        _("Un total a été ajouté sous la liste."),
        _("Rien à faire : le portail calcule les totaux."),
        _NOTHING,
    ),
    "S13": FindingText(
        _("Totaux trop grands"),
        _("La somme de la zone {field} dépasse ce qu’une déclaration peut porter."),
        _("Un ou plusieurs montants ont des chiffres de trop."),
        _("Cherchez les montants invraisemblables et corrigez-les."),
        _STOPS,
    ),
    "S14": FindingText(
        _("Autre mois ou autre affilié"),
        _("La cellule {cell} ({field}) porte « {value} » ; cette page attend « {expected} »."),
        _("C’est le tableur d’un autre mois ou d’un autre employeur."),
        _AGAIN,
        _STOPS,
    ),
}

_CELL_REMEDY = _("Corrigez la cellule dans le tableur, enregistrez-le et déposez-le de nouveau.")
#: Sentences about payroll software and its file, and what is said instead to who sent a spreadsheet.
_INSTEAD: Mapping[str, str] = {
    _(
        "Corrigez dans le logiciel de paie, produisez de nouveau le fichier et déposez-le."
    ): _CELL_REMEDY,
    _(
        "Téléchargez de nouveau le préétabli de la période, importez-le dans le logiciel de paie et "
        "produisez de nouveau le fichier."
    ): _AGAIN,
    _("Le logiciel de paie a écrit le fichier autrement que le cahier des charges."): _(
        "La valeur de la cellule n’a pas la forme attendue."
    ),
    _("Une valeur a été mal saisie dans la paie ou modifiée à la main dans le fichier."): _(
        "Une valeur a été mal saisie ou modifiée dans le tableur."
    ),
    _("Choisissez dans la paie la situation qui correspond."): _(
        "Choisissez dans la liste de la cellule la situation qui correspond."
    ),
    _("Le logiciel recalcule ou réécrit ce que la Caisse a établi."): _(
        "Une colonne établie par la Caisse a été modifiée dans le tableur."
    ),
}


def in_a_sheet(text: FindingText) -> FindingText:
    """The words of a finding for who sent a spreadsheet: the remedy is in a cell, not in payroll software."""
    return replace(
        text,
        cause=_INSTEAD.get(text.cause, text.cause),
        remedy=_INSTEAD.get(text.remedy, text.remedy),
    )
