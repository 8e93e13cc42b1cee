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
    """Something that is not this affiliate's."""

    code = "dispute.unknown_line"
    message = _("Ce que vous contestez n’existe pas dans votre compte.")


class AlreadyContested(DomainError):
    """A refusal, a payment or a finding that another dispute of the affiliate is about."""

    code = "dispute.already_contested"
    message = _("« {what} » est déjà contesté dans la réclamation {number} : suivez-la.")


class AppealRefused(DomainError):
    """Not decided, already upheld, already appealed, or a second instance itself."""

    code = "dispute.appeal_refused"
    message = _(
        "Aucun appel n’est possible ici : seule une première décision qui refuse, même en partie, en connaît un seul."
    )


class AppealTooLate(DomainError):
    """The delay for an appeal has run out."""

    code = "dispute.appeal_too_late"
    message = _("L’appel était possible jusqu’au {until}. Restent la conciliation et le tribunal.")


class AnotherPersonNeeded(DomainError):
    """Whoever took part in the first instance has no part in the second."""

    code = "dispute.another_person"
    message = _(
        "Vous avez instruit ou décidé la première réclamation : l’appel revient à d’autres personnes."
    )


class NotOnTheDesk(DomainError):
    """A file is given to someone of the desk who may see it."""

    code = "dispute.not_on_the_desk"
    message = _("{name} n’a pas ce dossier sur son bureau : choisissez une autre personne.")


class MeetingToCome(DomainError):
    """A record of what has not taken place."""

    code = "dispute.meeting_to_come"
    message = _("Le {day} n’est pas passé : un compte rendu s’écrit après l’entretien.")


class PartOfNoAmount(DomainError):
    """Nothing to grant a part of."""

    code = "dispute.part_of_no_amount"
    message = _("« {line} » ne porte sur aucun montant : acceptez ou refusez.")


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


class TeamIncomplete(DomainError):
    """A mission is made of three inspectors of three grades."""

    code = "mission.team"
    message = _(
        "Une mission compte trois inspecteurs de trois grades différents : un inspecteur, "
        "un inspecteur principal, un inspecteur en chef. Complétez l’équipe."
    )


class ScopeOutOfOrder(DomainError):
    """The periods to look at are reversed, not over, or prescribed."""

    code = "mission.scope"
    message = _(
        "La mission ne peut porter de {first} à {last} : choisissez des mois entre {oldest} et {latest}, "
        "dans l’ordre."
    )


class NoticeTooShort(DomainError):
    """The firm must see the order some working days before the first visit."""

    code = "mission.notice"
    message = _(
        "L’affilié doit voir l’ordre de mission {days} jours ouvrés avant la visite : elle peut commencer "
        "au plus tôt le {earliest}, et finir après avoir commencé."
    )


class MissionMoveRefused(DomainError):
    """Not possible while the mission stands where it does."""

    code = "mission.move_refused"
    message = _(
        "Cette mission est « {state} » : ce n’est pas possible maintenant. Rechargez la page pour voir où elle en est."
    )


class StepRefused(DomainError):
    """This act does not belong to this moment of a mission."""

    code = "mission.step_refused"
    message = _("Cette mission est « {state} » : elle n’attend pas de {kind}.")


class OutsideDates(DomainError):
    """A visit on a day that the order does not cover."""

    code = "mission.outside_dates"
    message = _("L’ordre de mission autorise les visites du {first} au {last} seulement.")


class ReplyStillOpen(DomainError):
    """The firm still has time to answer the observations."""

    code = "mission.reply_open"
    message = _(
        "L’affilié peut répondre aux observations jusqu’au {until} : le rapport final vient après, "
        "ou dès qu’il a répondu."
    )


class FieldMissing(DomainError):
    """A blank of the fixed form was left empty."""

    code = "mission.field_missing"
    message = _("« {field} » est vide. S’il n’y a rien à dire, écrivez « néant ».")


class FieldTooLong(DomainError):
    """More than what is kept."""

    code = "mission.field_too_long"
    message = _("« {field} » compte {length} caractères ; la limite est de {limit}.")


class NotOnTheTeam(DomainError):
    """Only an inspector of the mission may sign its acts."""

    code = "mission.not_on_team"
    message = _("Seul un inspecteur de cette mission peut faire cet acte.")


class SecondSignatureByAnother(DomainError):
    """Whoever wrote an act does not sign it a second time."""

    code = "mission.second_signature"
    message = _(
        "Vous avez écrit cet acte : un autre inspecteur de la mission doit le contresigner."
    )


class ApproverInvolved(DomainError):
    """An assessment is approved by two supervisors who neither proposed it nor took part in the mission."""

    code = "mission.approver_involved"
    message = _(
        "Un redressement est approuvé par deux superviseurs étrangers à la mission, et différents l’un de l’autre."
    )


class NotSupervisor(DomainError):
    """The act is reserved to supervisors."""

    code = "mission.not_supervisor"
    message = _("Cet acte est réservé à un superviseur.")


class NothingEstablished(DomainError):
    """An assessment must establish more wages than were declared."""

    code = "mission.nothing_established"
    message = _(
        "{employee} : le salaire établi ({established} DH) doit dépasser le salaire déclaré ({declared} DH)."
    )


class PeriodOutsideScope(DomainError):
    """An assessment on a month that the order does not cover."""

    code = "mission.outside_scope"
    message = _("L’ordre de mission porte de {first} à {last} : {period} n’en fait pas partie.")


class AlreadyInspected(DomainError):
    """One mission at a time."""

    code = "mission.already"
    message = _("Une mission est déjà en cours chez cet affilié : elle doit finir d’abord.")


class NotAnInspector(DomainError):
    """The person is not in the list of inspectors."""

    code = "mission.not_an_inspector"
    message = _("{name} ne figure pas parmi les inspecteurs en activité.")
