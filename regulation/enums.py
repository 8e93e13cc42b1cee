"""Closed vocabularies of the law, with their French labels."""

from enum import StrEnum
from typing import Self

from regulation.text import _


class LabelledEnum(StrEnum):
    """A string enumeration whose members carry a French label.

    Members are written `NAME = "value", _("Libellé")`; the value is stored, the
    label is a message of the catalogue, translated where it is shown.
    """

    label: str

    def __new__(cls, value: str, label: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """Return (value, French label) pairs in the order of definition."""
        return [(member.value, member.label) for member in cls]


class Branch(LabelledEnum):
    """A branch of contributions (general regime, AMO, vocational training tax)."""

    PF = "PF", _("Prestations familiales")
    CT = "CT", _("Prestations sociales à court terme")
    LT = "LT", _("Prestations sociales à long terme")
    IPE = "IPE", _("Indemnité pour perte d’emploi")
    AMO = "AMO", _("Assurance maladie obligatoire")
    AMO_SOLIDARITY = "AMO_SOLIDARITY", _("Participation solidaire à l’AMO")
    TFP = "TFP", _("Taxe de formation professionnelle")


class Box(LabelledEnum):
    """A box of the payment slip (form 511-1-01): the unit of rounding."""

    PF = "PF", _("Prestations familiales")
    SOCIAL_BENEFITS = "PS", _("Prestations sociales")
    TFP = "TFP", _("Taxe de formation professionnelle")
    AMO_SOLIDARITY = "AMO_SOLIDARITY", _("Participation solidaire à l’AMO")
    AMO = "AMO", _("Assurance maladie obligatoire")


class SurchargeGroup(LabelledEnum):
    """Branches whose late payment is charged at the same rates."""

    GENERAL = "GENERAL", _("Régime général")
    AMO = "AMO", _("Assurance maladie obligatoire")
    TFP = "TFP", _("Taxe de formation professionnelle")


class ContributionStatus(LabelledEnum):
    """What an affiliate owes, by dated decision."""

    ORDINARY = "ORDINARY", _("Régime ordinaire")
    AMO_EXEMPT = "AMO_EXEMPT", _("Exonéré de l’AMO (couverture privée)")
    TFP_EXEMPT = "TFP_EXEMPT", _("Exonéré de la taxe de formation professionnelle")


class Confidence(LabelledEnum):
    """How far a value of the law can be trusted."""

    HIGH = "high", _("Établie")
    MEDIUM = "medium", _("Probable")
    LOW = "low", _("À confirmer")
    POLICY = "policy", _("Choix de gestion")


class KeySeries(LabelledEnum):
    """Which formula the last digit of an affiliation or registration number obeys."""

    FIRST = "first", _("Première série")
    SECOND = "second", _("Seconde série")
    UNKNOWN = "unknown", _("Clé non reconnue")


class PaymentNature(LabelledEnum):
    """What an 18-digit payment code is for: its fourteenth digit."""

    SLIP = "1", _("Bordereau de paiement")
    INSTALMENT = "5", _("Échéance d’un plan de paiement")
    SURCHARGE = "7", _("Majoration ou frais")
    BASKET = "9", _("Panier de sommes dues")
