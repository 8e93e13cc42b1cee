"""The certificates of an employer, the papers made on demand, and the public pages that check them."""

from certificates.views.asking import ASKED_APART, ask, certificate_list, request_certificate
from certificates.views.certificate import (
    certificate_page,
    certificate_pdf,
    paper_progress,
    prepare_paper,
    share,
    withdraw_share,
)
from certificates.views.links import shared, shared_pdf, shared_prepare, shared_progress
from certificates.views.public import check_receipt, compare, verification, verify
from certificates.views.receipts import (
    decision_pdf,
    filing_receipt_pdf,
    payment_receipt_pdf,
    slip_pdf,
)

__all__ = [
    "ASKED_APART",
    "ask",
    "certificate_list",
    "certificate_page",
    "certificate_pdf",
    "check_receipt",
    "compare",
    "decision_pdf",
    "filing_receipt_pdf",
    "paper_progress",
    "payment_receipt_pdf",
    "prepare_paper",
    "request_certificate",
    "share",
    "shared",
    "shared_pdf",
    "shared_prepare",
    "shared_progress",
    "slip_pdf",
    "verification",
    "verify",
    "withdraw_share",
]
