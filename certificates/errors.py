"""Refusals of the room of certificates."""

from regulation.errors import DomainError
from regulation.text import _


class NotEligible(DomainError):
    """The facts of the day do not allow this certificate; eligibility.py says why, one reason at a time."""

    code = "certificate.not_eligible"
    message = _(
        "Cette attestation ne peut pas être délivrée aujourd’hui : chaque raison, et ce qu’il faut faire, "
        "est indiquée sur la page."
    )


class IntentReused(DomainError):
    """The same form was sent again with another request inside."""

    code = "certificate.intent_reused"
    message = _(
        "Ce formulaire a déjà servi à une autre demande. Rien n’a été fait ; rechargez la page et recommencez."
    )


class NotValidAnyMore(DomainError):
    """Only a valid certificate can be revoked."""

    code = "certificate.not_valid"
    message = _("L’attestation {number} n’est plus valide : elle ne peut pas être révoquée.")


class ReasonMissing(DomainError):
    """A revocation without a reason."""

    code = "certificate.reason_missing"
    message = _("Écrivez pourquoi l’attestation est révoquée : l’employeur lira cette raison.")


class ShareTooLong(DomainError):
    """A link that would stay open too long."""

    code = "share.too_long"
    message = _("Un lien de partage dure {days} jours au plus.")


class SharesTooMany(DomainError):
    """One certificate has as many open links as it may."""

    code = "share.too_many"
    message = _(
        "Cette attestation a déjà {most} liens ouverts. Retirez-en un avant d’en créer un autre."
    )


class NoteMissing(DomainError):
    """An alarm closed without a word."""

    code = "alarm.note_missing"
    message = _("Écrivez ce que vous avez constaté.")


class OwnAlarm(DomainError):
    """Nobody closes the alarm that is about them."""

    code = "alarm.own"
    message = _("Cette alerte vous concerne : un autre superviseur l’examine.")


class PurposeMissing(DomainError):
    """A member of staff asks for a paper of an affiliate without saying why."""

    code = "certificate.purpose_missing"
    message = _("Écrivez pourquoi ce document est délivré : l’affilié lira ce motif.")


class DocumentNotReady(DomainError):
    """The press gave no document; asking again later is all there is to do."""

    code = "document.not_ready"
    message = _("Votre document est en préparation. Réessayez dans une minute.")


class NotAPdf(DomainError):
    """What was sent to be compared is no PDF."""

    code = "comparison.not_a_pdf"
    message = _(
        "Ce fichier n’est pas un PDF lisible. Envoyez le fichier reçu tel quel, pas une photo ni une copie scannée."
    )


class ComparisonNotReady(DomainError):
    """The examiner gave no answer; asking again later is all there is to do."""

    code = "comparison.not_ready"
    message = _("La comparaison n’a pas abouti. Réessayez dans une minute : rien n’a été gardé.")
