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


class AlreadyEmployed(DomainError):
    """The person already works there."""

    code = "employment.open"
    message = _("{person} travaille déjà pour {name} depuis le {since}.")
