"""The choices of a dispute."""

from regulation.enums import LabelledEnum
from regulation.text import _


class DisputeState(LabelledEnum):
    """Where a dispute stands; which may follow which is written in transitions.py."""

    OPEN = "open", _("déposée")
    TAKEN = "taken", _("en cours d’examen")
    ANSWER_AWAITED = "awaiting", _("précision demandée")
    DECIDED = "decided", _("décidée")
    WITHDRAWN = "withdrawn", _("retirée")


class Ground(LabelledEnum):
    """Why the affiliate contests."""

    WRONG_BASE = "wrong_base", _("l’assiette ne correspond pas aux salaires")
    WRONG_RATE = "wrong_rate", _("le taux ou le statut appliqué n’est pas le bon")
    ALREADY_PAID = "already_paid", _("déjà payé")
    WRONG_EMPLOYEE = "wrong_employee", _("un salarié est compté à tort")
    OTHER = "other", _("autre motif")


class Outcome(LabelledEnum):
    """What was decided on a contested item."""

    UPHELD = "upheld", _("acceptée")
    PARTLY_UPHELD = "partly", _("acceptée en partie")
    REFUSED = "refused", _("refusée")


class MessageSide(LabelledEnum):
    """Who speaks in the thread."""

    AFFILIATE = "affiliate", _("affilié")
    STAFF = "staff", _("Caisse")


class Action(LabelledEnum):
    """What can be done with a dispute; the label reads after « il n’est pas possible de »."""

    OPEN = "open", _("déposer")
    TAKE = "take", _("prendre en charge")
    GIVE_BACK = "give_back", _("rendre à la file")
    WRITE = "write", _("écrire")
    ASK_FOR_PIECE = "ask_for_piece", _("demander une pièce")
    DECIDE = "decide", _("décider")
    WITHDRAW = "withdraw", _("retirer")


class Party(LabelledEnum):
    """Who acts, seen from one dispute."""

    AFFILIATE = "affiliate", _("affilié")
    HANDLER = "handler", _("agent chargé du dossier")
    CLERK = "clerk", _("autre gestionnaire")
    SUPERVISOR = "supervisor", _("superviseur")


class ClockState(LabelledEnum):
    """How a delay stands."""

    RUNNING = "running", _("en cours")
    LATE = "late", _("dépassé")
    MET = "met", _("tenu")
    MISSED = "missed", _("tenu en retard")
    POINTLESS = "pointless", _("sans objet")


class DeskFilter(LabelledEnum):
    """A queue of the staff desk."""

    RUNNING = "running", _("En cours")
    MINE = "mine", _("Les miennes")
    UNASSIGNED = "unassigned", _("Sans agent")
    LATE = "late", _("En retard")
    SECOND_PERSON = "second_person", _("Au-delà du seuil")
    CLOSED = "closed", _("Closes")
