"""The choices of a certificate."""

from regulation.enums import LabelledEnum
from regulation.text import _


class CertificateKind(LabelledEnum):
    """What a certificate attests."""

    REGISTRATION = "registration", _("attestation d’affiliation")
    PAYROLL = "payroll", _("attestation de masse salariale")
    STANDING = "standing", _("attestation de régularité")
    TENDER = "tender", _("attestation pour marché public")
    EMPLOYEES = "employees", _("liste des salariés déclarés")
    EMPLOYEE = "employee", _("attestation d’immatriculation d’un salarié")
    WAGES = "wages", _("attestation de salaires déclarés d’un salarié")

    @property
    def has_range(self) -> bool:
        """Whether it rests on the declarations of a range of months."""
        return self not in (CertificateKind.REGISTRATION, CertificateKind.EMPLOYEE)

    @property
    def months_are_chosen(self) -> bool:
        """Whether who asks chooses the months; those of a good standing follow from the day."""
        return self.has_range and self not in (CertificateKind.STANDING, CertificateKind.TENDER)

    @property
    def names_something(self) -> bool:
        """Whether it is about something or somebody named by who asks: a call for tenders, an employee."""
        return self is CertificateKind.TENDER or self.is_personal

    @property
    def is_personal(self) -> bool:
        """Whether it is about one employee, to whom the employer hands it over."""
        return self in (CertificateKind.EMPLOYEE, CertificateKind.WAGES)


class CertificateState(LabelledEnum):
    """What the public page answers."""

    VALID = "valid", _("valide")
    SUPERSEDED = "superseded", _("remplacée")
    REVOKED = "revoked", _("révoquée")


class ShareState(LabelledEnum):
    """Whether a link that shares a certificate still opens it."""

    OPEN = "open", _("ouvert")
    EXPIRED = "expired", _("expiré")
    WITHDRAWN = "withdrawn", _("retiré")


class SharedPart(LabelledEnum):
    """What somebody read through a link."""

    PAGE = "page", _("page ouverte")
    PAPER = "paper", _("PDF téléchargé")


class AlarmKind(LabelledEnum):
    """What was out of the ordinary in one person's hour."""

    ISSUED = "issued", _("beaucoup d’attestations délivrées")
    FETCHED = "fetched", _("beaucoup de documents téléchargés")
    READ = "read", _("beaucoup de dossiers consultés")
    FIRMS = "firms", _("beaucoup d’affiliés différents")


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
    TENDER = "tender", _("marché non désigné")
    PERSON = "person", _("salarié inconnu de cet employeur")


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
