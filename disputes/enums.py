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


class SubjectKind(LabelledEnum):
    """What may be contested; the value is the first word of a subject's name in an address."""

    LINE = "line", _("ligne de bordereau")
    SURCHARGE = "surcharge", _("majoration de retard")
    PENALTY = "penalty", _("astreinte")
    PAYMENT = "payment", _("paiement")
    MOVEMENT = "movement", _("mouvement du compte")
    REFUSAL = "refusal", _("décision de refus")
    FINDING = "finding", _("anomalie d’un fichier")


class RefusedPaper(LabelledEnum):
    """A certificate whose refusal may be contested: the kinds of the room that issues them, under the same values."""

    REGISTRATION = "registration", _("attestation d’affiliation")
    PAYROLL = "payroll", _("attestation de masse salariale")
    STANDING = "standing", _("attestation de régularité")
    TENDER = "tender", _("attestation pour marché public")
    EMPLOYEES = "employees", _("liste des salariés déclarés")
    EMPLOYEE = "employee", _("attestation d’immatriculation d’un salarié")
    WAGES = "wages", _("attestation de salaires déclarés d’un salarié")


class Ground(LabelledEnum):
    """Why the affiliate contests."""

    WRONG_BASE = "wrong_base", _("l’assiette ne correspond pas aux salaires")
    WRONG_RATE = "wrong_rate", _("le taux ou le statut appliqué n’est pas le bon")
    ALREADY_PAID = "already_paid", _("déjà payé")
    WRONG_EMPLOYEE = "wrong_employee", _("un salarié est compté à tort")
    NOT_COUNTED = "not_counted", _("un paiement n’est pas compté, ou l’est mal")
    WRONG_REFUSAL = "wrong_refusal", _("un refus ou une anomalie n’est pas fondé")
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
    MEET = "meet", _("rendre compte d’un entretien")
    ASSIGN = "assign", _("confier")
    DECIDE = "decide", _("décider")
    APPEAL = "appeal", _("faire appel")
    WITHDRAW = "withdraw", _("retirer")


class Party(LabelledEnum):
    """Who acts, seen from one dispute."""

    AFFILIATE = "affiliate", _("affilié")
    HANDLER = "handler", _("agent chargé du dossier")
    CLERK = "clerk", _("autre gestionnaire")
    SUPERVISOR = "supervisor", _("superviseur")
    # Whoever examined or decided the first dispute has no part in the second.
    FIRST_INSTANCE = "first", _("agent de la première instance")


class ClockName(LabelledEnum):
    """The two delays that the fund gives itself."""

    FIRST_ANSWER = "first_answer", _("première réponse")
    DECISION = "decision", _("décision")


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
    ESCALATED = "escalated", _("Délai écoulé")
    SECOND_PERSON = "second_person", _("Au-delà du seuil")
    APPEALS = "appeals", _("Appels")
    CLOSED = "closed", _("Closes")


class Age(LabelledEnum):
    """How long a dispute has been waiting."""

    NEW = "new", _("moins de 6 jours")
    RECENT = "recent", _("de 6 à 30 jours")
    OLD = "old", _("de 31 à 60 jours")
    OLDEST = "oldest", _("plus de 60 jours")

    @property
    def days(self) -> tuple[int, int | None]:
        """From so many days, included, to so many, excluded; None: no bound."""
        bounds: dict[str, tuple[int, int | None]] = {
            "new": (0, 6), "recent": (6, 31), "old": (31, 61), "oldest": (61, None),
        }  # fmt: skip
        return bounds[self.value]


class SelectionReason(LabelledEnum):
    """Why a firm was chosen for an inspection: one of five, written on the order and shown to the firm."""

    RISK = "risk", _("critère de risque tiré des déclarations")
    FRIENDLY_FAILED = "friendly", _("régularisation amiable restée sans suite")
    CROSS_CHECK = "cross_check", _("recoupement avec une autre administration")
    COMPLAINT = "complaint", _("plainte d’un salarié ou d’un tiers")
    RANDOM = "random", _("tirage au sort")


class Grade(LabelledEnum):
    """The rank of an inspector. A mission has one of each, so that nobody goes alone."""

    INSPECTOR = "inspector", _("inspecteur")
    SENIOR = "senior", _("inspecteur principal")
    CHIEF = "chief", _("inspecteur en chef")


class MissionState(LabelledEnum):
    """Where a mission stands; which may follow which is written in missions.py."""

    DRAFT = "draft", _("à signer")
    ORDERED = "ordered", _("annoncée")
    UNDERWAY = "underway", _("en cours")
    OBSERVED = "observed", _("observations notifiées")
    CONCLUDED = "concluded", _("close")
    CANCELLED = "cancelled", _("annulée")


class StepKind(LabelledEnum):
    """The acts of a mission; each has its fixed form."""

    VISIT = "visit", _("procès-verbal de visite")
    REQUEST = "request", _("demande de pièces")
    HEARING = "hearing", _("compte rendu d’entretien")
    OBSERVATIONS = "observations", _("lettre d’observations")
    CONCLUSION = "conclusion", _("rapport final")


class AssessmentRule(LabelledEnum):
    """The rule that an assessment applies; the value is its code, the label its text."""

    UNDECLARED = "C26", _("salarié non déclaré (dahir n° 1-72-184, article 26)")
    UNDERSTATED = "C19", _("salaire déclaré incomplet (dahir n° 1-72-184, article 19)")


class AssessmentState(LabelledEnum):
    """Where an assessment stands."""

    PROPOSED = "proposed", _("proposé")
    IN_FORCE = "in_force", _("en vigueur")
    DROPPED = "dropped", _("abandonné")


class RiskSign(LabelledEnum):
    """A sign, in what was declared, that a firm deserves a look; its formula is in risks.py."""

    NEVER_FILED = "never_filed", _("jamais de déclaration")
    BELOW_MINIMUM = "below_minimum", _("salaires sous le SMIG")
    RAISED_BEFORE_BENEFIT = "raised_before", _("salaires relevés avant une prestation")
    SUDDEN_DROP = "sudden_drop", _("chute de la masse salariale")
    SECTOR_OUTLIER = "sector_outlier", _("salaires bas pour l’activité")
