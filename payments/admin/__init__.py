"""The clerk's desk for money: bank files and lines, the suspense desk, slips, and the ledger to read.

Every act calls a workflow.
"""

from payments.admin.acts import ClerkActAdmin
from payments.admin.banks import BankFileAdmin, BankLineAdmin
from payments.admin.debits import DebitAuthorityAdmin, DebitOrderAdmin, DebitRunAdmin
from payments.admin.grace import GraceRequestAdmin
from payments.admin.keys import BankKeyAdmin
from payments.admin.ledger import LedgerEntryAdmin
from payments.admin.profiles import BankProfileAdmin
from payments.admin.slips import (
    FilingPenaltyAdmin,
    PaymentSlipAdmin,
    SurchargeAdmin,
    SurchargeExemptionAdmin,
)

__all__ = [
    "BankFileAdmin",
    "BankKeyAdmin",
    "BankLineAdmin",
    "BankProfileAdmin",
    "ClerkActAdmin",
    "DebitAuthorityAdmin",
    "DebitOrderAdmin",
    "DebitRunAdmin",
    "FilingPenaltyAdmin",
    "GraceRequestAdmin",
    "LedgerEntryAdmin",
    "PaymentSlipAdmin",
    "SurchargeAdmin",
    "SurchargeExemptionAdmin",
]
