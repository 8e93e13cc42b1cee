"""What each finding of a spreadsheet says, and how a finding of the declaration is mended in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from declarations.finding_texts.wording import FindingText
from regulation.text import _

_STOPS = _("Le tableur ne peut pas être déposé en l’état.")
_LINE_STOPS = _("La déclaration ne peut pas être déposée tant que cette ligne n’est pas corrigée.")
_NOTHING = _("La déclaration peut être déposée ; rien n’est perdu pour le salarié.")
_AGAIN = _("Téléchargez de nouveau le modèle du mois, reportez-y vos valeurs et déposez-le.")

SHEET_TEXTS: Mapping[str, FindingText] = {
    "S1": FindingText(
        _("Tableur illisible"),
        _("Ce fichier ne peut pas être lu comme un classeur Excel : c’est {nature}."),
        _("Le fichier est d’un autre format, protégé par un mot de passe, ou endommagé."),
        _("Ouvrez-le dans votre tableur et enregistrez-le au format « Classeur Excel (.xlsx) »."),
        _STOPS,
    ),
    "S2": FindingText(
        _("Macros"),
        _("Ce classeur contient des macros ({value}) : le portail n’en reçoit pas."),
        _("Le classeur est au format .xlsm, ou il vient d’un modèle qui contient des programmes."),
        _("Enregistrez-le au format « Classeur Excel (.xlsx) », sans macros, puis déposez-le."),
        _STOPS,
    ),
    "S3": FindingText(
        _("Tableur trop volumineux"),
        _("La lecture de ce tableur demande plus de place ou de temps que permis : {nature}."),
        _("Une déclaration de 38 000 salariés tient dans 5 Mo ; ce fichier contient autre chose."),
        _(
            "Copiez les valeurs dans le modèle du mois, sans mise en forme ni images, et déposez-le."
        ),
        _STOPS,
    ),
    "S4": FindingText(
        _("Titres des colonnes"),
        _("La ligne de titres est introuvable ou incomplète ; il manque : {expected}."),
        _("Les titres ont été renommés ou supprimés, ou c’est un autre tableau."),
        _("Reprenez les titres du modèle du mois, sur une seule ligne."),
        _STOPS,
    ),
    "S5": FindingText(
        _("Titre répété"),
        _("Le titre « {value} » figure deux fois, dont une en {cell} : laquelle lire ?"),
        _("Une colonne a été copiée."),
        _("Supprimez la colonne de trop ou changez son titre."),
        _STOPS,
    ),
    "S6": FindingText(
        _("Cellules fusionnées"),
        _("Les cellules {value} sont fusionnées : on ne sait pas à qui revient leur contenu."),
        _("Des cellules ont été fusionnées pour la présentation."),
        _("Annulez la fusion et remplissez chaque cellule."),
        _STOPS,
    ),
    "S7": FindingText(
        _("Contenu masqué"),
        _("Un contenu masqué ({nature}) se trouve en {value}."),
        _("Un filtre est actif, ou des lignes, des colonnes ou des feuilles sont masquées."),
        _(
            "Affichez tout et vérifiez : les lignes et colonnes masquées sont lues, les feuilles non."
        ),
        _NOTHING,
    ),
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
    "S10": FindingText(
        _("Colonne inconnue"),
        _("La colonne « {value} » n’est pas lue."),
        _("Une colonne a été ajoutée, ou son titre a changé."),
        _("Si cette colonne compte, redonnez-lui le titre du modèle ; sinon laissez-la."),
        _NOTHING,
    ),
    "S11": FindingText(
        _("Ligne de total"),
        _("La ligne {line} (« {value} ») est un total : elle n’est pas lue."),
        _("Un total a été ajouté sous la liste."),
        _("Rien à faire : le portail calcule les totaux."),
        _NOTHING,
    ),
    "S12": FindingText(
        _("Plusieurs tableaux"),
        _("Les feuilles {value} contiennent chacune une liste de salariés : laquelle lire ?"),
        _("Le classeur réunit plusieurs mois ou plusieurs essais."),
        _("Gardez une seule feuille de salaires par fichier."),
        _STOPS,
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
    "S15": FindingText(
        _("Guillemet non refermé"),
        _("La lecture du fichier s’arrête à la ligne {line} : {nature}."),
        _("Le fichier CSV a été modifié dans un éditeur de texte ou coupé."),
        _("Enregistrez-le de nouveau depuis votre tableur, ou utilisez le format .xlsx."),
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
