"""Refusals of the declarations."""

from regulation.errors import DomainError
from regulation.text import _


class PeriodNotOpen(DomainError):
    """The month cannot be declared: to come, before the affiliation, or before the tables of the law."""

    code = "declaration.period_not_open"
    message = _(
        "La période {period} n’est pas ouverte à la déclaration : choisissez un mois entre {first} et {last}."
    )


class MoveRefused(DomainError):
    """The declaration is not in a state that allows this act."""

    code = "declaration.move_refused"
    message = _(
        "Cette déclaration est « {status} » : l’action « {act} » n’est pas possible. Revenez à la page du mois "
        "pour voir où elle en est."
    )


class DraftChanged(DomainError):
    """The draft is no longer the one that the person saw."""

    code = "declaration.draft_changed"
    message = _(
        "Le brouillon a changé depuis que vous l’avez affiché. Rien n’a été déposé : relisez-le, puis "
        "déposez-le."
    )


class AnotherIsSubmitted(DomainError):
    """Another declaration of the same kind was submitted for the month meanwhile."""

    code = "declaration.already_submitted"
    message = _("Une déclaration {kind} a déjà été déposée pour {period} : son récépissé fait foi.")


class CorrectedMeanwhile(DomainError):
    """The declaration that was to be corrected was corrected by somebody else first."""

    code = "declaration.corrected_meanwhile"
    message = _(
        "Cette déclaration a déjà été corrigée le {at} par {by}. Votre correction n’est pas déposée : repartez de la "
        "version qui compte aujourd’hui, sur la page du mois."
    )


class NothingCorrected(DomainError):
    """A correction that says what the declaration says already."""

    code = "declaration.nothing_corrected"
    message = _(
        "Cette correction ne change rien à la déclaration déposée : modifiez au moins une ligne avant de la déposer."
    )


class CorrectionTooLate(DomainError):
    """The month is further back than the fund may still call or give back."""

    code = "declaration.correction_too_late"
    message = _(
        "La période {period} est prescrite : une correction remonte au plus à {first}. Adressez-vous à votre agence."
    )


class CorrectionStopped(DomainError):
    """The fund decided on this month."""

    code = "declaration.correction_stopped"
    message = _(
        "La période {period} ne se corrige plus ici : {reason} (référence {reference}). Adressez-vous à votre agence, "
        "qui peut la rouvrir."
    )
    translated = ("reason",)


class ReopeningReasonMissing(DomainError):
    """A month is opened to corrections again with a reason that stays in the file."""

    code = "declaration.reopening_reason_missing"
    message = _("Dites pourquoi ce mois est rouvert à la correction : la raison reste au dossier.")


class MainMissing(DomainError):
    """A supplementary declaration waits for the main one."""

    code = "declaration.main_missing"
    message = _(
        "Déposez d’abord la déclaration principale de la période {period} : la complémentaire la suit."
    )


class TooWideForPrefill(DomainError):
    """A value of the register does not fit the exchanged format."""

    code = "prefill.too_wide"
    message = _(
        "Le préétabli de la période {period} ne peut pas être écrit : {detail}. Votre agence doit corriger la fiche."
    )


class FormChanged(DomainError):
    """The form was changed elsewhere since the person saw it; what they typed is not written."""

    code = "declaration.form_changed"
    message = _(
        "Ce brouillon a changé entre-temps, sur un autre écran ou par une autre personne. Votre saisie est "
        "toujours là : comparez-la avec ce qui est enregistré, puis enregistrez de nouveau."
    )


class FormToComplete(DomainError):
    """A form with a line that a file would be refused for."""

    code = "declaration.form_to_complete"
    message = _(
        "La déclaration n’est pas déposée : {count} ligne(s) restent à compléter ou à corriger. Elles sont "
        "signalées dans la saisie."
    )


class NotAForm(DomainError):
    """The declaration came in by file: its lines are changed by another file."""

    code = "declaration.not_a_form"
    message = _("Cette déclaration vient d’un fichier : corrigez-la en déposant un autre fichier.")


class NoEarlierDeclaration(DomainError):
    """There is no earlier month to copy."""

    code = "declaration.no_earlier"
    message = _(
        "Aucune déclaration déposée avant {period} : il n’y a pas de mois à reprendre. Remplissez la liste."
    )


class NoMoreSupplements(DomainError):
    """The nine supplementary declarations of a month are used."""

    code = "declaration.no_more_supplements"
    message = _(
        "Les neuf déclarations complémentaires de la période {period} sont déjà déposées. Adressez-vous à votre agence."
    )


class NothingToRepair(DomainError):
    """No repair of this file is certain."""

    code = "declaration.nothing_to_repair"
    message = _(
        "Ce fichier ne peut plus être réparé automatiquement : corrigez dans le logiciel de paie, puis "
        "déposez le nouveau fichier."
    )


class RepairChanged(DomainError):
    """The repair is no longer the one that the person saw."""

    code = "declaration.repair_changed"
    message = _("La réparation proposée a changé : rien n’a été fait. Relisez-la, puis confirmez.")


class OutageOutOfOrder(DomainError):
    """An outage that would end before it starts."""

    code = "declaration.outage_order"
    message = _(
        "La panne finirait le {ends_at}, avant son début le {starts_at} : vérifiez les deux heures."
    )


class DepositNameNotRead(DomainError):
    """The name of a file tells neither a firm nor a month."""

    code = "deposit.name"
    message = _(
        "Ce nom ne dit pas pour quelle entreprise ni pour quel mois : nommez le fichier comme "
        "DS_1234567_202610.txt, puis déposez-le de nouveau."
    )


class DepositNotYours(DomainError):
    """No firm of this number for which the sender may declare."""

    code = "deposit.not_yours"
    message = _(
        "Aucune entreprise pour laquelle vous pouvez déclarer n’a le numéro {number} : vérifiez le nom du fichier, "
        "ou votre mandat."
    )
