"""The choices of a declaration."""

from regulation.enums import LabelledEnum
from regulation.text import _


class DeclarationKind(LabelledEnum):
    """Main, or supplementary for people whom the main one left out."""

    MAIN = "main", _("principale")
    SUPPLEMENTARY = "supplementary", _("complémentaire")


class FilingMode(LabelledEnum):
    """How the declaration came in."""

    FORM = "form", _("formulaire (EFI)")
    FILE = "file", _("fichier (EDI)")
    SHEET = "sheet", _("tableur")
    FUND = "fund", _("établie par la Caisse")


class DeclarationStatus(LabelledEnum):
    """Where a declaration stands; which may follow which is written in transitions.py."""

    DRAFT = "draft", _("brouillon")
    SUBMITTED = "submitted", _("déposée")
    REPLACED = "replaced", _("remplacée")
    CANCELLED = "cancelled", _("abandonnée")


class StopReason(LabelledEnum):
    """Why a month may not be corrected by its employer alone."""

    DECISION = "decision", _("une décision a été rendue sur ce mois")


class FileVerdict(LabelledEnum):
    """What the check of a received file concluded."""

    PENDING = "pending", _("contrôle en cours")
    ACCEPTED = "accepted", _("acceptée")
    BLOCKED = "blocked", _("à corriger")
    REFUSED = "refused", _("refusée")
    DROPPED = "dropped", _("non traitée : droit retiré")


class Severity(LabelledEnum):
    """What a finding prevents: the whole file, its line until corrected, or nothing."""

    FILE = "file", _("refuse le fichier")
    LINE = "line", _("bloque la ligne")
    WARNING = "warning", _("avertissement")


class LineOrigin(LabelledEnum):
    """Known to the fund before the declaration, or brought by it."""

    PREFILLED = "prefilled", _("préétabli")
    NEW_HIRE = "new_hire", _("entrant")


class LineSituation(LabelledEnum):
    """What happened to the person in the month; the value is the e-BDS code (e-BDS, situation codes)."""

    NORMAL = "", _("travail normal")
    LEFT = "SO", _("sorti")
    DECEASED = "DE", _("décédé")
    MATERNITY = "IT", _("maternité")
    ILLNESS = "IL", _("maladie")
    WORK_ACCIDENT = "AT", _("accident du travail")
    UNPAID_LEAVE = "CS", _("congé sans solde")
    KEPT_UNPAID = "MS", _("maintenu sans salaire")
    OCCUPATIONAL_DISEASE = "MP", _("maladie professionnelle")

    @property
    def rank(self) -> int:
        """The number that stands for the situation in the control sum of a line."""
        return list(LineSituation).index(self)


class FormColumn(LabelledEnum):
    """A column of the form that a person fills."""

    DAYS = "days", _("jours")
    WAGE = "wage", _("salaire réel")
    SITUATION = "situation", _("situation")


class FileKind(LabelledEnum):
    """What a received file is read as."""

    E_BDS = "e_bds", _("fichier e-BDS")
    SHEET = "sheet", _("tableur")
    FUND = "fund", _("établie par la Caisse")


class SheetColumn(LabelledEnum):
    """A column of the spreadsheet of a month; the label is its title."""

    AFFILIATE = "affiliate", _("Numéro d’affiliation")
    PERIOD = "period", _("Période")
    NUMBER = "number", _("Numéro d’immatriculation")
    LAST_NAME = "last_name", _("Nom")
    FIRST_NAME = "first_name", _("Prénom")
    FULL_NAME = "full_name", _("Nom et prénom")
    CIN = "cin", _("CIN")
    CHILDREN = "children", _("Enfants")
    AF_PAYABLE = "af_payable", _("AF à payer")
    AF_DEDUCTED = "af_deducted", _("AF à déduire")
    AF_NET = "af_net", _("AF nettes")
    AF_RETURNED = "af_returned", _("AF à reverser")
    DAYS = "days", _("Jours déclarés")
    WAGE = "wage", _("Salaire réel")
    CAPPED = "capped", _("Salaire plafonné")
    SITUATION = "situation", _("Situation")


class RepairKind(LabelledEnum):
    """What a repair changes in a file."""

    MARK = "mark", _("marque UTF-8 en tête du fichier, retirée")
    TERMINATORS = "terminators", _("fin de ligne")
    BLANK_LINES = "blank_lines", _("lignes vides, retirées")
    PADDING = "padding", _("longueur de la ligne, ajustée par des espaces")
    SITUATION = "situation", _("lettre du bordereau papier")
    CONTROL_SUM = "control_sum", _("somme de contrôle de la ligne")
    TOTAL = "total", _("total")


class OnTimeReason(LabelledEnum):
    """Why a declaration submitted after the due day is not late: the portal stood in the way."""

    CHECK = (
        "check",
        _("votre fichier est arrivé avant l’échéance et notre contrôle s’est terminé après"),
    )
    PARKED = (
        "parked",
        _("votre fichier est arrivé avant l’échéance et notre contrôle n’a pas abouti"),
    )
    OUTAGE = "outage", _("vous aviez commencé avant l’échéance et le portail était en panne")
