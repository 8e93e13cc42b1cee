"""Slips and what they claim, banks and what they report, the ledger that money moves by."""

from payments.models.acts import ClerkAct
from payments.models.banks import (
    Allocation,
    Bank,
    BankAccount,
    BankFile,
    BankLine,
    BankMembership,
    BankProfile,
)
from payments.models.grace import GraceDue, GraceInstalment, GraceRequest
from payments.models.keys import ApiAnswer, BankKey
from payments.models.ledger import LedgerAccount, LedgerEntry, LedgerLine
from payments.models.orders import (
    MOST_ACCOUNTS,
    Basket,
    DebitEvent,
    DebitOrder,
    DebitRun,
    DebitShare,
)
from payments.models.slips import (
    FilingPenalty,
    Hold,
    PaymentSlip,
    SlipLine,
    Surcharge,
    SurchargeExemption,
)

__all__ = [
    "MOST_ACCOUNTS",
    "Allocation",
    "ApiAnswer",
    "Bank",
    "BankAccount",
    "BankFile",
    "BankKey",
    "BankLine",
    "BankMembership",
    "BankProfile",
    "Basket",
    "ClerkAct",
    "DebitEvent",
    "DebitOrder",
    "DebitRun",
    "DebitShare",
    "FilingPenalty",
    "GraceDue",
    "GraceInstalment",
    "GraceRequest",
    "Hold",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerLine",
    "PaymentSlip",
    "SlipLine",
    "Surcharge",
    "SurchargeExemption",
]
