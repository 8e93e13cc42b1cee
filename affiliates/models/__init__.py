"""The register of employers and employees, who may act for whom, and what is asked of it."""

from affiliates.models.affiliations import (
    OPEN_AFFILIATIONS,
    AffiliationPiece,
    AffiliationRequest,
    AffiliationStep,
)
from affiliates.models.authorities import DebitAuthority
from affiliates.models.copies import DataCopy
from affiliates.models.invitations import Invitation
from affiliates.models.mandates import MandateRequest
from affiliates.models.recoveries import AccountRecovery
from affiliates.models.rectifications import (
    OPEN_RECTIFICATIONS,
    RectificationPiece,
    RectificationRequest,
    RectificationStep,
)
from affiliates.models.register import (
    Absence,
    Affiliate,
    AffiliateStatus,
    Agency,
    DateRange,
    Employee,
    Employment,
    Mandate,
    Membership,
    PostReview,
    Representative,
    StaffAssignment,
    StateTakeover,
)
from affiliates.models.registrations import (
    OPEN_REGISTRATIONS,
    NumberCounter,
    RegistrationPiece,
    RegistrationRequest,
    RegistrationStep,
)

__all__ = [
    "OPEN_AFFILIATIONS",
    "OPEN_RECTIFICATIONS",
    "OPEN_REGISTRATIONS",
    "Absence",
    "AccountRecovery",
    "Affiliate",
    "AffiliateStatus",
    "AffiliationPiece",
    "AffiliationRequest",
    "AffiliationStep",
    "Agency",
    "DataCopy",
    "DateRange",
    "DebitAuthority",
    "Employee",
    "Employment",
    "Invitation",
    "Mandate",
    "MandateRequest",
    "Membership",
    "NumberCounter",
    "PostReview",
    "RectificationPiece",
    "RectificationRequest",
    "RectificationStep",
    "RegistrationPiece",
    "RegistrationRequest",
    "RegistrationStep",
    "Representative",
    "StaffAssignment",
    "StateTakeover",
]
