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


class Verdict(LabelledEnum):
    """What a PDF is, compared with our record."""

    GENUINE = "genuine", _("authentique et valide")
    SUPERSEDED = "superseded", _("authentique, mais remplacée")
    REVOKED = "revoked", _("authentique, mais révoquée")
    CHANGED = "changed", _("modifiée après le scellement")
    UPDATED = "updated", _("complétée après le scellement")
    BORROWED = "borrowed", _("code d’une autre attestation")
    OTHER_PAPER = "paper", _("autre document de la Caisse")
    UNKNOWN = "unknown", _("inconnue de la Caisse")
