"""The words that codecs share: formats and rules of identity."""

from __future__ import annotations

from regulation.enums import LabelledEnum
from regulation.text import _


class FileFormat(LabelledEnum):
    """A format that `sniff` recognises. Recognising is not accepting: see `sniff.READABLE`."""

    CAMT_052 = "camt.052", _("Relevé provisoire (camt.052)")
    CAMT_053 = "camt.053", _("Relevé de compte (camt.053)")
    CAMT_054 = "camt.054", _("Avis d’opérations (camt.054)")
    PAIN_002 = "pain.002", _("Compte rendu d’ordres (pain.002)")
    CFONB_120 = "cfonb120", _("Relevé CFONB 120")
    CFONB_160 = "cfonb160", _("Ordres et impayés CFONB 160")
    CFONB_240 = "cfonb240", _("Prélèvements CFONB 240")
    MT940 = "mt940", _("Relevé MT940")
    CP1 = "cp1", _("Confirmation de paiements (CP1)")


class IdentityRule(LabelledEnum):
    """Which of the four rules gave a line its identity; stored with it, so that a new rule never re-keys old lines."""

    TRANSACTION = "a", _("Référence bancaire de l’opération")
    ENTRY = "b", _("Référence bancaire de l’écriture et rang")
    END_TO_END = "c", _("Référence de bout en bout, sens, montant et jour")
    FINGERPRINT = "d", _("Empreinte du contenu et rang parmi les semblables")
