"""What is said of the form of a spreadsheet, whatever its list: the faults that the reader itself finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portal.wording import FindingText
from regulation.text import _

_STOPS = _("Le tableur ne peut pas être déposé en l’état.")
_READ = _("Le reste du tableur est lu.")

#: The faults that let the rest be read; each other one stops the whole.
ADVISORY: Final = frozenset(("S7", "S10"))

FORM_TEXTS: Mapping[str, FindingText] = {
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
        _("Une liste de 38 000 personnes tient dans 5 Mo ; ce fichier contient autre chose."),
        _(
            "Copiez les valeurs dans le modèle du portail, sans mise en forme ni images, et déposez-le."
        ),
        _STOPS,
    ),
    "S4": FindingText(
        _("Titres des colonnes"),
        _("La ligne de titres est introuvable ou incomplète ; il manque : {expected}."),
        _("Les titres ont été renommés ou supprimés, ou c’est un autre tableau."),
        _("Reprenez les titres du modèle du portail, sur une seule ligne."),
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
        _READ,
    ),
    "S10": FindingText(
        _("Colonne inconnue"),
        _("La colonne « {value} » n’est pas lue."),
        _("Une colonne a été ajoutée, ou son titre a changé."),
        _("Si cette colonne compte, redonnez-lui le titre du modèle ; sinon laissez-la."),
        _READ,
    ),
    "S12": FindingText(
        _("Plusieurs tableaux"),
        _("Les feuilles {value} contiennent chacune une liste de salariés : laquelle lire ?"),
        _("Le classeur réunit plusieurs listes ou plusieurs essais."),
        _("Gardez une seule liste par fichier."),
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
