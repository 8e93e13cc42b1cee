"""What changes the register: employers, who acts for them, whom they employ.

Every function takes ``actor`` (who does it) and ``at`` (the instant, aware); each is one transaction, leaves an
audit entry when something changed, and answers the same when asked twice.
"""

from affiliates.workflows.access import add_member, end_membership, grant_mandate, revoke_mandate
from affiliates.workflows.employees import end_employment, hire, register_employee
from affiliates.workflows.employers import register, set_status
from affiliates.workflows.takeovers import end_takeover, grant_takeover

__all__ = [
    "add_member",
    "end_employment",
    "end_membership",
    "end_takeover",
    "grant_mandate",
    "grant_takeover",
    "hire",
    "register",
    "register_employee",
    "revoke_mandate",
    "set_status",
]
