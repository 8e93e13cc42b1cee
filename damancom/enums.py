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


class ClientState(LabelledEnum):
    """Where the month of a client stands, as the person who files for many sorts them."""

    NOTHING = "nothing", _("rien")
    LATE = "late", _("en retard")
    DRAFT = "draft", _("en cours")
    FAULTS = "faults", _("à corriger")
    READY = "ready", _("prête à déposer")
    FILED = "filed", _("déposée, à payer")
    PAID = "paid", _("réglée")


#: What presses first, as an accountant looks at it: late, then what waits for them, then what waits for others.
URGENCY: tuple[ClientState, ...] = (
    ClientState.LATE,
    ClientState.FAULTS,
    ClientState.READY,
    ClientState.DRAFT,
    ClientState.NOTHING,
    ClientState.FILED,
    ClientState.PAID,
)

CLIENT_STATES: dict[MonthState, ClientState] = {
    MonthState.TO_DECLARE: ClientState.NOTHING,
    MonthState.LATE_TO_DECLARE: ClientState.LATE,
    MonthState.CHECKING: ClientState.DRAFT,
    MonthState.TO_CORRECT: ClientState.FAULTS,
    MonthState.FILLING: ClientState.DRAFT,
    MonthState.READY: ClientState.READY,
    MonthState.SUBMITTED: ClientState.FILED,
    MonthState.TO_PAY: ClientState.FILED,
    MonthState.LATE_TO_PAY: ClientState.LATE,
    MonthState.ORDERED: ClientState.FILED,
    MonthState.HELD: ClientState.FILED,
    MonthState.PAID: ClientState.PAID,
}
