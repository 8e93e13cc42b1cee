"""The choices of the register."""

from regulation.enums import LabelledEnum
from regulation.text import _


class AffiliateState(LabelledEnum):
    """Where an affiliate stands in the register."""

    ACTIVE = "active", _("en activité")
    SUSPENDED = "suspended", _("activité suspendue")
    CLOSED = "closed", _("activité cessée")


class Role(LabelledEnum):
    """What a member of a firm may do in its name."""

    OWNER = "owner", _("responsable")
    DECLARANT = "declarant", _("déclarant")
    PAYER = "payer", _("payeur")
    READER = "reader", _("lecteur")


class Scope(LabelledEnum):
    """One kind of act that a role or a mandate allows."""

    READ = "read", _("consulter")
    DECLARE = "declare", _("déclarer")
    PAY = "pay", _("payer")
    CERTIFICATES = "certificates", _("demander des attestations")
    DISPUTES = "disputes", _("déposer des réclamations")
    MANAGE = "manage", _("gérer les accès")


ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    Role.OWNER: frozenset(Scope),
    Role.DECLARANT: frozenset({Scope.READ, Scope.DECLARE, Scope.CERTIFICATES, Scope.DISPUTES}),
    Role.PAYER: frozenset({Scope.READ, Scope.PAY, Scope.CERTIFICATES}),
    Role.READER: frozenset({Scope.READ}),
}


#: What a mandate may allow, besides reading.
MANDATE_SCOPES = (Scope.DECLARE, Scope.PAY, Scope.CERTIFICATES, Scope.DISPUTES)


class CopyOf(LabelledEnum):
    """Whose data a copy holds."""

    ACCOUNT = "account", _("un compte")
    FIRM = "firm", _("une entreprise")
    INSURED = "insured", _("un assuré")


class MandateRequestState(LabelledEnum):
    """Where the request of an office for a mandate stands."""

    OPEN = "open", _("en attente")
    ACCEPTED = "accepted", _("acceptée")
    REFUSED = "refused", _("refusée")
    WITHDRAWN = "withdrawn", _("retirée")


class StaffRole(LabelledEnum):
    """What a member of the fund's staff is there for; damancom/posts.py says what it opens."""

    CLERK = "clerk", _("gestionnaire")
    SUPERVISOR = "supervisor", _("superviseur")
    INSPECTOR = "inspector", _("inspecteur")
    TREASURER = "treasurer", _("trésorier")
    AUDITOR = "auditor", _("auditeur")
    ADMINISTRATOR = "admin", _("administrateur des accès")


#: Posts whose desk is the whole country, and not one agency.
NATIONAL_ROLES = frozenset({StaffRole.SUPERVISOR, StaffRole.TREASURER, StaffRole.AUDITOR})
#: Posts that handle the files of firms; the others look, or see to something else.
FILE_ROLES = frozenset({StaffRole.CLERK, StaffRole.SUPERVISOR})
#: Posts that see to who works where.
ACCESS_ROLES = frozenset({StaffRole.SUPERVISOR, StaffRole.ADMINISTRATOR})
#: Posts of the money desk: the treasurer acts, the supervisor controls. Whoever handles files moves no money.
MONEY_ROLES = frozenset({StaffRole.TREASURER, StaffRole.SUPERVISOR})


class ReviewVerdict(LabelledEnum):
    """What a review of a post says."""

    KEPT = "kept", _("gardé")
    REMOVED = "removed", _("retiré")


class CardKind(LabelledEnum):
    """What proves who a person is."""

    CIN = "cin", _("carte nationale d’identité")
    RESIDENCE = "residence", _("titre de séjour")


class Sex(LabelledEnum):
    """As the identity card says."""

    FEMALE = "F", _("femme")
    MALE = "M", _("homme")


class HireColumn(LabelledEnum):
    """A column of the spreadsheet of new hires: the value is the field, the label its title."""

    LAST_NAME = "last_name", _("Nom")
    FIRST_NAME = "first_name", _("Prénom")
    LAST_NAME_AR = "last_name_ar", _("Nom en arabe")
    FIRST_NAME_AR = "first_name_ar", _("Prénom en arabe")
    CARD_KIND = "card_kind", _("Type de pièce")
    CARD_NUMBER = "card_number", _("Numéro de la pièce")
    NATIONALITY = "nationality", _("Nationalité")
    SEX = "sex", _("Sexe")
    BORN_ON = "born_on", _("Date de naissance")
    BIRTH_PLACE = "birth_place", _("Lieu de naissance")
    ADDRESS = "address", _("Adresse")
    CITY = "city", _("Ville")
    PHONE = "phone", _("Téléphone")
    RIB = "rib", _("RIB")
    HIRED_ON = "hired_on", _("Date d’embauche")


class RegistrationState(LabelledEnum):
    """Where a request to register a person stands (immatriculation)."""

    DRAFT = "draft", _("brouillon")
    SENT = "sent", _("en cours d’examen")
    PIECE_ASKED = "piece_asked", _("pièce demandée")
    ISSUED = "issued", _("numéro communiqué")
    REFUSED = "refused", _("refusée")
    WITHDRAWN = "withdrawn", _("retirée")


class AffiliationState(LabelledEnum):
    """Where the request of a new employer stands."""

    DRAFT = "draft", _("à confirmer")
    SENT = "sent", _("en cours d’examen")
    PIECE_ASKED = "piece_asked", _("pièce demandée")
    ACCEPTED = "accepted", _("acceptée")
    REFUSED = "refused", _("refusée")
    WITHDRAWN = "withdrawn", _("retirée")


class RectificationState(LabelledEnum):
    """Where a request to correct what the register says stands."""

    SENT = "sent", _("en cours d’examen")
    PIECE_ASKED = "piece_asked", _("pièce demandée")
    APPLIED = "applied", _("corrigé")
    REFUSED = "refused", _("refusée")
    WITHDRAWN = "withdrawn", _("retirée")


class RequestAct(LabelledEnum):
    """What is done to a request; the label is the verb a person reads."""

    EDIT = "edit", _("modifier")
    SEND = "send", _("envoyer")
    ANSWER = "answer", _("répondre")
    WITHDRAW = "withdraw", _("retirer")
    ASK_FOR_PIECE = "ask_for_piece", _("demander une pièce")
    REFUSE = "refuse", _("refuser")
    GRANT = "grant", _("accorder")


class RequestParty(LabelledEnum):
    """Who acts on a request."""

    APPLICANT = "applicant", _("demandeur")
    CLERK = "clerk", _("gestionnaire")
    PORTAL = "portal", _("portail")


class Likeness(LabelledEnum):
    """Why someone in the register may be the person of a request, the surest first."""

    SAME_CARD = "same_card", _("même pièce d’identité")
    SAME_NAME_AND_DAY = "same_name_and_day", _("même nom et même jour de naissance")
    NEAR_NAME_SAME_DAY = "near_name_same_day", _("nom voisin et même jour de naissance")
    SAME_NAME_NEAR_DAY = "same_name_near_day", _("même nom et jour de naissance voisin")
    NAME_ONLY = "name_only", _("même nom, jour de naissance inconnu")


class LeaveReason(LabelledEnum):
    """Why an employment ended."""

    RESIGNATION = "resignation", _("démission")
    DISMISSAL = "dismissal", _("licenciement")
    END_OF_CONTRACT = "end_of_contract", _("fin de contrat")
    RETIREMENT = "retirement", _("retraite")
    DEATH = "death", _("décès")
    OTHER = "other", _("autre motif")


class AbsenceKind(LabelledEnum):
    """Why someone employed does not work; the value is the situation of the declaration (e-BDS §5.1)."""

    MATERNITY = "IT", _("maternité")
    ILLNESS = "IL", _("maladie")
    WORK_ACCIDENT = "AT", _("accident du travail")
    OCCUPATIONAL_DISEASE = "MP", _("maladie professionnelle")
    UNPAID_LEAVE = "CS", _("congé sans solde")
    KEPT_UNPAID = "MS", _("maintenu sans salaire")


class LegalForm(LabelledEnum):
    """The legal form of an employer."""

    NATURAL_PERSON = "PP", _("personne physique")
    SARL = "SARL", _("SARL")
    SARL_AU = "SARL-AU", _("SARL à associé unique")
    SA = "SA", _("société anonyme")
    SNC = "SNC", _("société en nom collectif")
    COOPERATIVE = "COOP", _("coopérative")
    ASSOCIATION = "ASSO", _("association")
    OTHER = "OTHER", _("autre forme")


class NumberSeries(LabelledEnum):
    """A series of numbers that the fund gives out."""

    REGISTRATION = "registration", _("numéros d’immatriculation")
    AFFILIATION = "affiliation", _("numéros d’affiliation")


class AuthorityState(LabelledEnum):
    """Where an authority to debit an account stands."""

    TO_SIGN = "to_sign", _("à signer")
    REQUESTED = "requested", _("chez votre banque, à confirmer")
    ACTIVE = "active", _("actif")
    SUSPENDED = "suspended", _("suspendu")
    REFUSED = "refused", _("refusé par la banque")
    REVOKED = "revoked", _("révoqué")


class AuthorityAct(LabelledEnum):
    """What is done to an authority; the label is the verb a person reads."""

    SIGN = "sign", _("signer")
    ACTIVATE = "activate", _("activer")
    REFUSE = "refuse", _("refuser")
    SUSPEND = "suspend", _("suspendre")
    REVOKE = "revoke", _("révoquer")


class RecoveryState(LabelledEnum):
    """Where the recovery of an account stands."""

    WAITING = "waiting", _("attend une seconde personne")
    APPROVED = "approved", _("approuvée, lien envoyé")
    USED = "used", _("compte rouvert")
    REFUSED = "refused", _("refusée")
    STOPPED = "stopped", _("arrêtée par la personne")
    EXPIRED = "expired", _("lien expiré")
