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
