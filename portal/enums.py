"""The choices that every room shares."""

from regulation.enums import LabelledEnum
from regulation.text import _


class Language(LabelledEnum):
    """A language of the screens."""

    FRENCH = "fr", _("Français")
    ARABIC = "ar", _("Arabe")


class JobState(LabelledEnum):
    """Where a piece of background work stands; the row that carries it is the job."""

    WAITING = "waiting", _("en attente")
    RUNNING = "running", _("en cours")
    DONE = "done", _("terminé")
    PARKED = "parked", _("mis de côté")


class PurgeRule(LabelledEnum):
    """What is forgotten once its time is past; damancom/privacy.py says why and after how long."""

    ATTEMPTS = "attempts", _("compteurs d’essais")
    INCIDENTS = "incidents", _("incidents")
    LETTERS = "letters", _("textes des courriels, et adresses de qui n’a pas de compte")
    SESSIONS = "sessions", _("connexions terminées")
    AFFILIATIONS = "affiliations", _("demandes d’affiliation jamais confirmées")
    REGISTRATIONS = "registrations", _("brouillons d’immatriculation abandonnés, avec leurs pièces")
    INVITATIONS = "invitations", _("invitations restées sans réponse")


class PieceType(LabelledEnum):
    """A type of attachment that is accepted; the value is what is served."""

    PDF = "application/pdf", _("PDF")
    PNG = "image/png", _("image PNG")
    JPEG = "image/jpeg", _("image JPEG")

    @property
    def extension(self) -> str:
        return {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}[self.value]


class MailOutcome(LabelledEnum):
    """Why a letter that is finished or put aside did not leave; blank while it waits or once it left."""

    STOPPED = "stopped", _("vous aviez arrêté les rappels")
    CLOSED = "closed", _("le compte était fermé")
    REFUSED = "refused", _("la boîte aux lettres l’a refusé")
    POISON = "poison", _("trois envois se sont interrompus")


class CellKind(LabelledEnum):
    """What a spreadsheet holds in a cell."""

    TEXT = "text", _("un texte")
    NUMBER = "number", _("un nombre")
    DAY = "day", _("une date")
    BOOLEAN = "boolean", _("vrai ou faux")
    ERROR = "error", _("une erreur de calcul")
    FORMULA = "formula", _("une formule")


class Purpose(LabelledEnum):
    """Why a member of staff opens the file of a firm outside their queue."""

    CALL = "call", _("l’entreprise appelle ou est au guichet")
    REQUEST = "request", _("instruction d’une demande en cours")
    CHECK = "check", _("contrôle ou recoupement")
    RECOVERY = "recovery", _("recouvrement")
    SUPERVISION = "supervision", _("supervision du travail de l’agence")
    OTHER = "other", _("autre motif, écrit ci-dessous")
    # Nobody is asked for this one: what waits for an answer is its own reason.
    QUEUE = "queue", _("affaires en attente dans la file de l’agent")
