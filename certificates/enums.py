"""The choices of a certificate."""

from regulation.enums import LabelledEnum
from regulation.text import _


class CertificateKind(LabelledEnum):
    """What a certificate attests."""

    REGISTRATION = "registration", _("attestation d’affiliation")
    PAYROLL = "payroll", _("attestation de masse salariale")


class CertificateState(LabelledEnum):
    """What the public page answers."""

    VALID = "valid", _("valide")
    SUPERSEDED = "superseded", _("remplacée")
    REVOKED = "revoked", _("révoquée")


class ReasonKind(LabelledEnum):
    """Why a certificate stopped being valid."""

    DECLARATION_CORRECTED = "corrected", _("une déclaration de la période a été corrigée")
    RENEWED = "renewed", _("une attestation plus récente la remplace")
    ISSUED_IN_ERROR = "error", _("délivrée par erreur")


class RefusalReason(LabelledEnum):
    """Why a certificate cannot be issued today; each has its remedy in eligibility.py."""

    CLOSED = "closed", _("activité cessée")
    RANGE = "range", _("période demandée impossible")
    UNDECLARED = "undeclared", _("déclarations manquantes")
    ARREARS = "arrears", _("cotisations impayées")
