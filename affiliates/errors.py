"""Refusals of the register."""

from regulation.errors import DomainError
from regulation.text import _


class ScopeMissing(DomainError):
    """The person may see this affiliate, but not do this."""

    code = "affiliate.scope_missing"
    message = _(
        "Votre rôle ou votre mandat pour {name} ne permet pas de : {scope}. "
        "Demandez ce droit au responsable de l’entreprise ; la page « Accès » dit qui il est."
    )


class AlreadyAffiliated(DomainError):
    """The affiliation number is taken by another employer."""

    code = "affiliate.number_taken"
    message = _("Le numéro d’affiliation {number} est déjà attribué à {name}.")


class UnknownKey(DomainError):
    """The last digit of an affiliation number follows neither series."""

    code = "affiliate.key_unknown"
    message = _("La clé du numéro d’affiliation {number} n’est celle d’aucune série : vérifiez-le.")


class LastOwner(DomainError):
    """A firm never stays without anyone who manages its access."""

    code = "membership.last_owner"
    message = _(
        "{person} est le seul responsable de {name} : désignez d’abord un autre responsable."
    )


class MandateOverlaps(DomainError):
    """The representative already holds a mandate for these days."""

    code = "mandate.overlap"
    message = _(
        "{representative} a déjà un mandat pour ces dates : retirez-le d’abord, ou choisissez "
        "d’autres dates."
    )


class StatusOverlaps(DomainError):
    """The same status already covers some of these days."""

    code = "affiliate.status_overlap"
    message = _("{name} a déjà ce statut pour une partie de ces dates.")


class DaysReversed(DomainError):
    """An end before its start."""

    code = "days.reversed"
    message = _("La fin ({end}) ne peut pas précéder le début ({start}).")


class MandateEmpty(DomainError):
    """A mandate that allows nothing, or more than a mandate may."""

    code = "mandate.scopes"
    message = _(
        "Un mandat permet au moins un acte ; gérer les accès reste au responsable de l’entreprise."
    )


class RegistrationNumberTaken(DomainError):
    """The registration number belongs to someone else."""

    code = "employee.number_taken"
    message = _("Le numéro d’immatriculation {number} appartient déjà à une autre personne.")


class DecisionMissing(DomainError):
    """A takeover without the decision that grants it."""

    code = "takeover.decision_missing"
    message = _("Indiquez la référence de la décision qui accorde la prise en charge par l’État.")


class TakeoverBeforeHire(DomainError):
    """The State takes over no month before the hire."""

    code = "takeover.before_hire"
    message = _(
        "{person} est entré chez {name} en {hired} : la prise en charge ne peut pas commencer en {first}."
    )


class TakeoverTooLong(DomainError):
    """More months than the programme allows for one employment."""

    code = "takeover.too_long"
    message = _(
        "La prise en charge ferait {asked} mois ; le programme en accorde {limit} au plus par salarié : "
        "choisissez une fin plus proche."
    )


class TakeoverTooMany(DomainError):
    """More hires than the programme allows for one affiliate."""

    code = "takeover.too_many"
    message = _(
        "{name} a déjà {limit} embauches prises en charge par l’État, le plus que le programme accorde."
    )


class TakeoverOverlaps(DomainError):
    """Some of these months are already taken over for this employment."""

    code = "takeover.overlap"
    message = _(
        "{person} a déjà une prise en charge pour une partie de ces mois : choisissez d’autres mois."
    )


class AlreadyEmployed(DomainError):
    """The person already works there."""

    code = "employment.open"
    message = _("{person} travaille déjà pour {name} depuis le {since}.")
