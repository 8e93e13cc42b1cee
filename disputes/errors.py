"""Why an act on a dispute may be refused."""

from regulation.errors import DomainError
from regulation.text import _


class MoveRefused(DomainError):
    """The table of transitions does not allow this act in this state for this person."""

    code = "dispute.move_refused"
    message = _(
        "Cette réclamation est « {state} » : il n’est pas possible de {action} maintenant. "
        "Rechargez la page pour voir où elle en est."
    )


class IntentReused(DomainError):
    """The same form was sent twice with different contents."""

    code = "dispute.intent_reused"
    message = _(
        "Ce formulaire a déjà été envoyé avec un autre contenu. Rechargez la page, puis recommencez."
    )


class NothingContested(DomainError):
    """No line, or no amount."""

    code = "dispute.nothing_contested"
    message = _("Indiquez au moins une ligne et le montant que vous contestez.")


class UnknownLine(DomainError):
    """A line that is not on a slip of this affiliate."""

    code = "dispute.unknown_line"
    message = _("Cette ligne n’existe pas sur vos bordereaux.")


class SlipClosed(DomainError):
    """The slip was replaced or cancelled: nothing is asked on it any more."""

    code = "dispute.slip_closed"
    message = _(
        "Le bordereau {reference} est {state} : plus rien n’est demandé à ce titre. "
        "Contestez plutôt le bordereau qui le remplace."
    )


class TooMuchContested(DomainError):
    """More than what is left to contest on the line."""

    code = "dispute.too_much"
    message = _(
        "Sur la ligne « {line} », vous pouvez contester au plus {remaining} DH : "
        "le reste est déjà contesté ou a déjà été accordé."
    )


class TextMissing(DomainError):
    """A message without words."""

    code = "dispute.text_missing"
    message = _("Écrivez votre message : quelques mots suffisent.")


class TextTooLong(DomainError):
    """A message longer than what is kept."""

    code = "dispute.text_too_long"
    message = _("Votre texte compte {length} caractères ; la limite est de {limit}.")


class ReasonsMissing(DomainError):
    """A decision must say why."""

    code = "dispute.reasons_missing"
    message = _("Une décision doit être motivée : expliquez-la en quelques phrases.")


class LegalGroundMissing(DomainError):
    """A refusal, even in part, must name the text that it applies."""

    code = "dispute.legal_ground_missing"
    message = _("Un refus, même partiel, doit citer le texte appliqué.")


class OutcomeMissing(DomainError):
    """An item was left without an outcome."""

    code = "dispute.outcome_missing"
    message = _("Chaque point contesté doit recevoir une réponse : il en manque pour « {line} ».")


class GrantedOutOfRange(DomainError):
    """Granting in part means more than nothing and less than everything."""

    code = "dispute.granted_out_of_range"
    message = _(
        "Accorder en partie la ligne « {line} » : le montant doit être supérieur à 0 "
        "et inférieur à {contested} DH."
    )


class SecondPersonNeeded(DomainError):
    """Above the limit, the person who examined the file may not decide it."""

    code = "dispute.second_person"
    message = _(
        "Le montant contesté dépasse {limit} DH : un superviseur autre que l’agent chargé du dossier "
        "doit décider."
    )


class NotStaff(DomainError):
    """The person has no staff assignment."""

    code = "dispute.not_staff"
    message = _("Votre compte n’est affecté à aucune agence : adressez-vous à votre responsable.")
