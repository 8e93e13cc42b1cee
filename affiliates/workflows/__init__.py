"""What changes the register: employers, who acts for them, whom they employ.

Every function takes ``actor`` (who does it) and ``at`` (the instant, aware); each is one transaction, leaves an
audit entry when something changed, and answers the same when asked twice.
"""

from affiliates.workflows.access import add_member, end_membership, grant_mandate, revoke_mandate
from affiliates.workflows.affiliations import (
    accept_affiliation,
    answer_affiliation,
    ask_applicant,
    begin_affiliation,
    correct_affiliation,
    forget_drafts,
    path_of,
    refuse_affiliation,
    request_of_token,
    send_affiliation,
    token_of_request,
    withdraw_affiliation,
)
from affiliates.workflows.authorities import (
    activate_authority,
    prepare_authority,
    refuse_authority,
    revoke_authority,
    sign_authority,
    suspend_authority,
)
from affiliates.workflows.employees import (
    cancel_absence,
    end_employment,
    fill_name_keys,
    hire,
    record_absence,
    register_employee,
)
from affiliates.workflows.employers import register, set_status
from affiliates.workflows.hire_sheets import (
    SHEET_LIMIT,
    CellFault,
    PiecesOutcome,
    RowOutcome,
    SheetOutcome,
    join_copies,
    take_hires,
)
from affiliates.workflows.invitations import (
    accept_as,
    accept_with_password,
    invitation_of,
    invite,
    is_open,
    token_of,
    withdraw_invitation,
)
from affiliates.workflows.registrations import (
    answer_request,
    ask_for_piece,
    issue_automatically,
    issue_number,
    refuse_request,
    save_request,
    send_request,
    withdraw_request,
)
from affiliates.workflows.takeovers import end_takeover, grant_takeover

__all__ = [
    "SHEET_LIMIT",
    "CellFault",
    "PiecesOutcome",
    "RowOutcome",
    "SheetOutcome",
    "accept_affiliation",
    "accept_as",
    "accept_with_password",
    "activate_authority",
    "add_member",
    "answer_affiliation",
    "answer_request",
    "ask_applicant",
    "ask_for_piece",
    "begin_affiliation",
    "cancel_absence",
    "correct_affiliation",
    "end_employment",
    "end_membership",
    "end_takeover",
    "fill_name_keys",
    "forget_drafts",
    "grant_mandate",
    "grant_takeover",
    "hire",
    "invitation_of",
    "invite",
    "is_open",
    "issue_automatically",
    "issue_number",
    "join_copies",
    "path_of",
    "prepare_authority",
    "record_absence",
    "refuse_affiliation",
    "refuse_authority",
    "refuse_request",
    "register",
    "register_employee",
    "request_of_token",
    "revoke_authority",
    "revoke_mandate",
    "save_request",
    "send_affiliation",
    "send_request",
    "set_status",
    "sign_authority",
    "suspend_authority",
    "take_hires",
    "token_of",
    "token_of_request",
    "withdraw_affiliation",
    "withdraw_invitation",
    "withdraw_request",
]
