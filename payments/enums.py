"""The choices of the accounts and of bank files."""

from regulation.enums import LabelledEnum
from regulation.text import _


class SlipState(LabelledEnum):
    """What became of a payment slip."""

    ISSUED = "issued", _("à payer")
    PARTLY_PAID = "partly_paid", _("partiellement payé")
    PAID = "paid", _("payé")
    REPLACED = "replaced", _("remplacé")
    CANCELLED = "cancelled", _("annulé")


class AccountKind(LabelledEnum):
    """The accounts of the ledger."""

    RECEIVABLE = "receivable", _("cotisations à recevoir")
    CREDIT = "credit", _("crédit de l’affilié")
    BANK = "bank", _("compte en banque")
    SUSPENSE = "suspense", _("versements à identifier")
    CONTRIBUTIONS = "contributions", _("cotisations appelées")
    PENALTIES = "penalties", _("majorations et astreintes appelées")
    REFUNDS = "refunds", _("remboursements à verser")
    WRITE_OFFS = "write_offs", _("différences abandonnées")
    REMISSIONS = "remissions", _("remises accordées")


class EntryKind(LabelledEnum):
    """What happened, in one word, for each balanced entry."""

    SLIP_ISSUED = "slip_issued", _("bordereau émis")
    SLIP_LOWERED = "slip_lowered", _("bordereau diminué")
    SURCHARGE_ASSESSED = "surcharge_assessed", _("majoration de retard appelée")
    SURCHARGE_LOWERED = "surcharge_lowered", _("majoration ou astreinte contre-passée")
    PENALTY_ASSESSED = "penalty_assessed", _("astreinte appelée")
    PAYMENT = "payment", _("paiement reçu")
    COLLECTION = "collection", _("prélèvement encaissé")
    COLLECTION_RETURN = "collection_return", _("prélèvement revenu impayé")
    SUSPENSE_RECEIVED = "suspense_received", _("versement à identifier reçu")
    SUSPENSE_ASSIGNED = "suspense_assigned", _("versement identifié")
    CREDIT_USED = "credit_used", _("crédit utilisé")
    REVERSAL = "reversal", _("contre-passation")
    CREDIT_MOVED = "credit_moved", _("trop-perçu rendu au bordereau cité")
    CREDIT_TAKEN_BACK = "credit_taken_back", _("crédit utilisé, repris par la banque")
    WRITTEN_OFF = "written_off", _("différence abandonnée")
    REFUND_ORDERED = "refund_ordered", _("remboursement ordonné")
    REFUND_PAID = "refund_paid", _("remboursement versé")
    REMISSION_GRANTED = "remission_granted", _("remise accordée")
    REMISSION_UNDONE = "remission_undone", _("remise annulée")


class DebitState(LabelledEnum):
    """Where a debit order stands (bank-files §1.1). Only EXECUTED settles what is due."""

    DRAFT = "draft", _("brouillon")
    SIGNED = "signed", _("signé")
    PLANNED = "planned", _("planifié")
    SUSPENDED = "suspended", _("suspendu")
    SENT = "sent", _("transmis à la banque")
    ACCEPTED = "accepted", _("en cours d’exécution")
    EXECUTED = "executed", _("payé")
    REJECTED = "rejected", _("rejeté par la banque")
    RETURNED = "returned", _("revenu impayé")
    CANCELLED = "cancelled", _("annulé")


class DebitAct(LabelledEnum):
    """What happens to a debit order; the label is the verb a person reads."""

    SIGN = "sign", _("signer")
    PLAN = "plan", _("planifier")
    SUSPEND = "suspend", _("suspendre")
    RESUME = "resume", _("reprendre")
    CANCEL = "cancel", _("annuler")
    SEND = "send", _("transmettre")
    ACCEPT = "accept", _("accepter")
    WITHDRAW = "withdraw", _("annuler à la banque")
    EXECUTE = "execute", _("exécuter")
    REJECT = "reject", _("rejeter")
    RETURN = "return", _("rendre impayé")


class DebitCause(LabelledEnum):
    """Why the portal itself stopped or moved an order."""

    EMPLOYER = "employer", _("à votre demande")
    STAFF = "staff", _("par la Caisse, avant l’heure limite")
    DUE_CHANGED = "due_changed", _("la somme due a changé depuis la signature")
    HOLD = "hold", _("une réclamation suspend une partie de la somme")
    AUTHORITY = "authority", _("le mandat de prélèvement n’est plus actif")
    LAPSED = "lapsed", _("le jour de prélèvement est passé sans que l’ordre ait pu partir")
    BANK = "bank", _("réponse de la banque")
    RETRY = "retry", _("la banque a demandé une autre date : l’ordre repart une seule fois")


class RunState(LabelledEnum):
    """Where a run of debits stands: chosen by one person, released by another, written by the worker."""

    PREPARED = "prepared", _("préparée, à remettre par une seconde personne")
    RELEASED = "released", _("remise, fichier en préparation")
    SENT = "sent", _("à la disposition de la banque")
    PARKED = "parked", _("mise de côté")
    CLOSED = "closed", _("fermée sans envoi")


class NextStep(LabelledEnum):
    """What the employer does after a debit that did not pass (bank-files §11)."""

    FUND = "fund", _("Approvisionnez le compte, puis payez de nouveau.")
    ACCOUNT = "account", _("Corrigez le compte : préparez un nouveau mandat avec le bon RIB.")
    NEW_AUTHORITY = "new_authority", _("Donnez un autre compte : préparez un nouveau mandat.")
    SEE_BANK = "see_bank", _("Voyez votre banque, puis payez de nouveau ou par un autre moyen.")
    OTHER_CHANNEL = (
        "other_channel",
        _("Payez depuis un autre compte ou par un autre moyen : le code ci-dessous va partout."),
    )
    REGISTER = (
        "register",
        _("Demandez à votre banque d’enregistrer le mandat, puis payez de nouveau."),
    )
    DISPUTE = (
        "dispute",
        _("Si vous contestez la somme, ouvrez une réclamation ; sinon, payez par un autre moyen."),
    )
    STAFF = (
        "staff",
        _(
            "Vous n’avez rien à corriger : la Caisse s’en occupe. Pour ne pas attendre, payez avec le code ci-dessous."
        ),
    )
    CONTACT = (
        "contact",
        _(
            "Appelez votre banque, qui n’a pas dit son motif ; en attendant, payez par un autre moyen."
        ),
    )
    WAIT = "wait", _("Rien à faire : l’ordre repart une seule fois, au jour indiqué.")
    NONE = "none", _("Rien à faire, sauf si vous vouliez payer : dans ce cas, refaites un ordre.")


class BankFormat(LabelledEnum):
    """A format of bank file that the portal reads."""

    CAMT_054 = "camt.054", _("camt.054 — avis de crédit et de débit")
    CAMT_053 = "camt.053", _("camt.053 — relevé de compte")
    CFONB_120 = "cfonb120", _("CFONB 120 — relevé de compte")
    CFONB_160 = "cfonb160", _("CFONB 160 — prélèvements impayés")
    CFONB_240 = "cfonb240", _("CFONB 240 — prélèvements")
    MT940 = "mt940", _("MT940 — relevé de compte")
    PAIN_002 = "pain.002", _("pain.002 — réponse aux ordres de prélèvement")
    CP1 = "cp1", _("CP1 — confirmation de paiement")


class BankFileVerdict(LabelledEnum):
    """What became of a bank file as a whole."""

    PENDING = "pending", _("lecture en cours")
    ACCEPTED = "accepted", _("accepté")
    REFUSED = "refused", _("refusé")
    INFORMATION = "information", _("pour information")
    INCOMPLETE = "incomplete", _("en attente de pages")


class ProfileState(LabelledEnum):
    """Where a version of a bank's profile stands between its two persons."""

    PROPOSED = "proposed", _("proposé")
    APPROVED = "approved", _("approuvé")
    REJECTED = "rejected", _("écarté")


class LineKind(LabelledEnum):
    """What a bank line says."""

    CREDIT = "credit", _("crédit")
    DEBIT = "debit", _("débit")
    REJECT = "reject", _("rejet")
    INFO = "info", _("information")


class LineVerdict(LabelledEnum):
    """The answer to one bank line; the value is the code written in the return file."""

    ACCEPTED = "ACC", _("accepté et affecté")
    PARTIAL = "PAR", _("accepté, affecté en partie")
    WAITING = "ATT", _("accepté, en attente d’identification")
    DUPLICATE = "DBL", _("déjà reçu, sans effet")
    INFORMATION = "INF", _("pour information")
    REFUSED = "REF", _("refusé")


class ActKind(LabelledEnum):
    """What a clerk may only do with a second person."""

    ASSIGN = "assign", _("affecter un versement")
    UNDO = "undo", _("reprendre une affectation")
    WRITE_OFF = "write_off", _("abandonner une différence")
    REFUND = "refund", _("rembourser un crédit")


class ActState(LabelledEnum):
    """How far an act of two persons is."""

    REQUESTED = "requested", _("demandé")
    PROPOSED = "proposed", _("proposé, à valider")
    DONE = "done", _("validé")
    REFUSED = "refused", _("refusé")
    WITHDRAWN = "withdrawn", _("retiré")


class GraceState(LabelledEnum):
    """How far a request for remission or for a plan is."""

    REQUESTED = "requested", _("demandée")
    PROPOSED = "proposed", _("proposée, à valider")
    GRANTED = "granted", _("accordée")
    KEPT = "kept", _("tenue")
    BROKEN = "broken", _("rompue")
    REFUSED = "refused", _("refusée")
    WITHDRAWN = "withdrawn", _("retirée")


class KeyScope(LabelledEnum):
    """What the key of a bank's machine may do."""

    SEND = "send", _("déposer des fichiers")
    READ = "read", _("lire le suivi et les retours")
    DEBITS = "debits", _("prendre les remises de prélèvements")
