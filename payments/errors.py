"""What payments refuses, and why."""

from regulation.errors import DomainError
from regulation.text import _


class DeclarationNotSubmitted(DomainError):
    """A slip is asked for a declaration that is not submitted."""

    code = "payments.declaration_not_submitted"
    message = _(
        "Cette déclaration n’est pas déposée : le bordereau de paiement est émis après le dépôt."
    )


class DebitMoveRefused(DomainError):
    """The order is not in a state that allows this."""

    code = "debit.move_refused"
    message = _(
        "Cet ordre est « {state} » : on ne peut plus le {act}. Rechargez la page pour voir où il en est."
    )
    translated = ("state", "act")


class AboveOpenDues(DomainError):
    """An order would take more than what is due, not contested and not already ordered."""

    code = "debit.above_dues"
    message = _(
        "Pour la référence {reference}, {asked} DH sont demandés alors que {left} DH restent à ordonner : le reste "
        "est payé, contesté ou déjà dans un autre ordre. Rien n’a été ordonné."
    )


class PastCutOff(DomainError):
    """Too late for this collection day."""

    code = "debit.past_cut_off"
    message = _(
        "L’heure limite était le {limit} pour un prélèvement du {day} : choisissez un autre jour."
    )


class CannotStopAnyMore(DomainError):
    """The cut-off has passed: the order leaves, or has left, for the bank."""

    code = "debit.cannot_stop"
    message = _(
        "L’heure limite pour annuler était le {limit}. L’ordre part à la banque : demandez-lui de refuser ce "
        "prélèvement, ou payez et demandez le remboursement."
    )


class NotACollectionDay(DomainError):
    """A weekend, a holiday, or a day beyond the horizon."""

    code = "debit.day"
    message = _(
        "Le {day} n’est pas un jour de prélèvement possible : choisissez un jour de la liste."
    )


class AboveCap(DomainError):
    """The debit is larger than the authority allows."""

    code = "debit.above_cap"
    message = _(
        "{amount} DH dépassent le plafond de {cap} DH du mandat {reference} : partagez entre plusieurs comptes, ou "
        "faites un mandat avec un plafond plus haut."
    )


class AuthorityNotUsable(DomainError):
    """The authority does not exist any more for this purpose."""

    code = "debit.authority"
    message = _("Le mandat {reference} est « {state} » : choisissez un autre compte.")
    translated = ("state",)


class SplitWrong(DomainError):
    """The parts of a split do not make the whole, or there are too many."""

    code = "debit.split"
    message = _(
        "Les prélèvements font {parts} DH alors que la somme à payer est de {total} DH, sur {most} comptes au plus. "
        "Corrigez les montants."
    )


class NothingChosen(DomainError):
    """No due was chosen."""

    code = "debit.nothing_chosen"
    message = _("Choisissez au moins une somme à payer.")


class IntentReused(DomainError):
    """The same page sent twice, with other choices."""

    code = "debit.intent_reused"
    message = _(
        "Cet ordre a déjà été préparé avec d’autres choix. Rien n’a été changé : ouvrez l’ordre, ou recommencez "
        "depuis la page « Payer »."
    )


class NothingToSend(DomainError):
    """No order waits for this run."""

    code = "debit.nothing_to_send"
    message = _("Aucun ordre n’attend de partir pour le {day} vers ce compte.")


class RunTooEarly(DomainError):
    """Employers may still cancel."""

    code = "debit.run_too_early"
    message = _("Les employeurs peuvent annuler jusqu’au {limit} : préparez la remise après.")


class RunTooLate(DomainError):
    """A bank takes no debit for a day that has come."""

    code = "debit.run_too_late"
    message = _(
        "Le {day} est arrivé : cette remise ne part plus. Ses ordres sont annulés et leurs signataires prévenus."
    )


class SamePersonTwice(DomainError):
    """The person who prepared is the one who releases."""

    code = "debit.same_person"
    message = _("Vous avez préparé cette remise : une autre personne doit la remettre.")


class RunChanged(DomainError):
    """Orders left the run since the page was shown."""

    code = "debit.run_changed"
    message = _(
        "La remise a changé depuis l’affichage : elle compte maintenant {count} ordres pour {total} DH. Relisez-la, "
        "puis remettez-la."
    )


class TooManyBaskets(DomainError):
    """Ninety-nine codes in one month."""

    code = "basket.too_many"
    message = _(
        "Quatre-vingt-dix-neuf paniers ont été faits ce mois-ci : payez un de ceux qui existent."
    )


class DuesMoved(DomainError):
    """The database refused: a payment, a hold or another order came first."""

    code = "debit.dues_moved"
    message = _(
        "Une somme a changé à l’instant (paiement, réclamation ou autre ordre). Rien n’a été ordonné : relisez la "
        "page et recommencez."
    )


class NotThatMuch(DomainError):
    """An assignment or a reversal asks for more than there is."""

    code = "payments.not_that_much"
    message = _(
        "Le montant demandé ({asked} DH) dépasse ce qui reste ({left} DH). Corrigez le montant."
    )


class NothingToAssign(DomainError):
    """The bank line is not waiting in suspense."""

    code = "payments.nothing_to_assign"
    message = _(
        "Cette opération n’attend plus d’identification : une autre personne l’a peut-être traitée. "
        "Rechargez la page."
    )


class UnknownReference(DomainError):
    """No slip, surcharge or penalty bears this payment code."""

    code = "payments.unknown_reference"
    message = _(
        "Aucune somme due ne porte la référence « {reference} ». Vérifiez les chiffres du bordereau."
    )


class AmountsDoNotAddUp(DomainError):
    """The shares of an assignment are not the amount that waits."""

    code = "payments.amounts_do_not_add_up"
    message = _(
        "Les parts font {shares} DH alors que l’opération porte {amount} DH. Répartissez la somme entière."
    )


class AlreadyUndone(DomainError):
    """The allocation was undone before."""

    code = "payments.already_undone"
    message = _("Cette affectation est déjà annulée.")


class NoCreditLeft(DomainError):
    """The affiliate's credit is lower than what is asked of it."""

    code = "payments.no_credit_left"
    message = _(
        "Le crédit disponible est de {left} DH ; {asked} DH sont demandés. Choisissez un montant plus petit."
    )


class HoldTooLarge(DomainError):
    """A hold above the amount of the line or slip it restrains."""

    code = "payments.hold_too_large"
    message = _(
        "Le montant contesté ({asked} DH) dépasse celui de la ligne ({limit} DH). Corrigez le montant."
    )


class UpheldTooMuch(DomainError):
    """A decision would lower a slip by more than the line that was contested."""

    code = "payments.upheld_too_much"
    message = _(
        "Le montant accordé ({asked} DH) dépasse ce qui peut encore être retiré de la ligne ({limit} DH)."
    )


class ExemptionUnfounded(DomainError):
    """An exemption without the decision that grants it."""

    code = "payments.exemption_unfounded"
    message = _("Indiquez la référence de la décision qui exonère de majorations.")


class ExemptionDaysReversed(DomainError):
    """An exemption whose months or days are not in order."""

    code = "payments.exemption_days"
    message = _(
        "L’exonération de {first} à {last} jusqu’au {until} n’a pas de sens : le premier mois vient avant "
        "le dernier, et l’exonération va plus loin que l’échéance du {due_on}."
    )


class ExemptionDiffers(DomainError):
    """The same decision is recorded with another last day."""

    code = "payments.exemption_differs"
    message = _(
        "La décision {reference} est déjà enregistrée pour ces mois, jusqu’au {until} : indiquez une autre référence."
    )


class SecondPersonNeeded(DomainError):
    """The act needs two persons and was asked of one."""

    code = "payments.second_person"
    message = _(
        "Vous avez vous-même proposé cet acte : une autre personne doit le valider. Rien n’a changé."
    )


class ProposalNeeded(DomainError):
    """An assignment that one person may not decide alone."""

    code = "payments.proposal_needed"
    message = _(
        "Cette affectation demande deux personnes (plus de {limit} DH, ou affilié autre que celui proposé)."
    )


class SenderMayNotDecide(DomainError):
    """Whoever sent the bank file may not place its money."""

    code = "payments.sender_may_not_decide"
    message = _(
        "Vous avez déposé le fichier de cette opération : une autre personne doit en décider."
    )


class ActClosed(DomainError):
    """The act was decided or withdrawn before."""

    code = "payments.act_closed"
    message = _(
        "Cet acte est déjà clos : une autre personne l’a peut-être traité. Rechargez la page."
    )


class ActOpen(DomainError):
    """The same thing is already proposed."""

    code = "payments.act_open"
    message = _(
        "Un acte attend déjà sa validation pour cette somme. Retirez-le d’abord pour en proposer un autre."
    )


class NotParked(DomainError):
    """Leaving a file that is read, or was."""

    code = "payments.not_parked"
    message = _(
        "Le fichier {number} n’est pas mis de côté : rechargez la page, sa lecture a repris."
    )


class ReasonNeeded(DomainError):
    """An act of two persons without its reason."""

    code = "payments.reason_needed"
    message = _("Écrivez en une phrase pourquoi : la seconde personne en a besoin pour décider.")


class WriteOffTooLarge(DomainError):
    """A difference above what may be given up."""

    code = "payments.write_off_too_large"
    message = _(
        "Il reste {left} DH : seules les différences de {limit} DH au plus peuvent être abandonnées."
    )


class NothingToRefund(DomainError):
    """A refund of nothing, or of more than the credit that is still free."""

    code = "payments.nothing_to_refund"
    message = _(
        "Votre crédit disponible est de {left} DH ; {asked} DH sont demandés. Choisissez un montant plus petit."
    )


class GraceOpen(DomainError):
    """The affiliate already has a request or a plan that runs."""

    code = "payments.grace_open"
    message = _(
        "Une demande ou un plan est déjà en cours : attendez la réponse, ou retirez la demande."
    )


class GraceTooLarge(DomainError):
    """A remission above the surcharges and penalties that remain."""

    code = "payments.grace_too_large"
    message = _(
        "La remise demandée ({asked} DH) dépasse les majorations et astreintes restantes ({limit} DH)."
    )


class GraceTooLate(DomainError):
    """The first instalment is not in the coming weeks."""

    code = "payments.grace_first_day"
    message = _("La première échéance tombe entre le {first} et le {last}.")


class GraceEmpty(DomainError):
    """Neither remission nor plan."""

    code = "payments.grace_empty"
    message = _("Demandez une remise, plusieurs échéances, ou les deux.")


class ProfileDecided(DomainError):
    """The version of a profile was decided before, the other way."""

    code = "payments.profile_decided"
    message = _(
        "Cette version du profil est déjà décidée : {state}. Proposez une nouvelle version."
    )
    translated = ("state",)


class UnknownNetwork(DomainError):
    """A text that is neither an address nor a network."""

    code = "payments.unknown_network"
    message = _(
        "« {text} » n’est ni une adresse ni un réseau : écrivez par exemple 192.0.2.10 ou 192.0.2.0/24."
    )


class TooManyKeys(DomainError):
    """Two keys of this bank are valid."""

    code = "payments.too_many_keys"
    message = _(
        "Cette banque a déjà deux clés valides : révoquez-en une avant d’en créer une autre."
    )


class UnreadablePublicKey(DomainError):
    """Not the public half of an Ed25519 key."""

    code = "payments.public_key_unreadable"
    message = _(
        "Ce n’est pas une clé publique Ed25519 : collez le bloc « PUBLIC KEY » que la banque vous a remis."
    )


class PublicKeyKnown(DomainError):
    """A public key serves once: another bank has it, or this one had it in a key that ended."""

    code = "payments.public_key_known"
    message = _(
        "Cette clé publique a déjà servi : demandez à la banque une paire neuve pour chaque clé."
    )


class KeyUsedOtherwise(DomainError):
    """The idempotency key was used for another body."""

    code = "payments.idempotency_key_reused"
    message = _(
        "Cette clé d’idempotence a déjà servi pour un autre fichier : choisissez-en une autre."
    )


class KeyInProgress(DomainError):
    """The first request of this key has not finished."""

    code = "payments.idempotency_key_in_progress"
    message = _("Le même dépôt est en cours : recommencez dans un instant avec la même clé.")
