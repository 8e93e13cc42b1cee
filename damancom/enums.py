"""The choices of the wiring: what stands before an employer for one month."""

from regulation.enums import LabelledEnum
from regulation.text import _


class MonthState(LabelledEnum):
    """Where a month stands for an affiliate, from « nothing sent » to « paid »."""

    TO_DECLARE = "to_declare", _("à déclarer")
    LATE_TO_DECLARE = "late_to_declare", _("déclaration en retard")
    CHECKING = "checking", _("fichier en cours de contrôle")
    TO_CORRECT = "to_correct", _("fichier à corriger")
    FILLING = "filling", _("saisie à terminer")
    READY = "ready", _("prête à déposer")
    SUBMITTED = "submitted", _("déposée, bordereau en préparation")
    TO_PAY = "to_pay", _("à payer")
    LATE_TO_PAY = "late_to_pay", _("paiement en retard")
    ORDERED = "ordered", _("prélèvement ordonné")
    HELD = "held", _("en réclamation")
    PAID = "paid", _("payée")
