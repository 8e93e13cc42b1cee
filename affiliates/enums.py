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


class StaffRole(LabelledEnum):
    """What a member of the fund's staff may decide."""

    CLERK = "clerk", _("gestionnaire")
    SUPERVISOR = "supervisor", _("superviseur")
