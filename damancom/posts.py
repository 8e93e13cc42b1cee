"""What each post of the fund opens on the desk: one table, read by Django's own question « has_perm ».

A line is a screen's model, then who acts there, then who only reads. Files are the agency's: who a firm is, what it
declares, what it contests. Money is the money desk's: the treasurer acts, the supervisor controls, and a clerk reads
what the file of a firm needs. Whoever proposes and whoever approves are two persons by the workflows and the database,
whatever their posts; this table says who comes near at all, and the workflows ask the post again. A superuser has no
desk: that account is for repairs at the console, never for daily work. tests/house/matrix.py holds the same table from
the other side, address by address. Why: docs/decisions/recovery-and-posts.md.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model

from affiliates.access import post_of
from affiliates.enums import ACCESS_ROLES, FILE_ROLES, MONEY_ROLES, StaffRole
from portal.models import User

CLERK, SUPERVISOR = StaffRole.CLERK, StaffRole.SUPERVISOR
INSPECTOR, TREASURER = StaffRole.INSPECTOR, StaffRole.TREASURER
AUDITOR, ADMINISTRATOR = StaffRole.AUDITOR, StaffRole.ADMINISTRATOR
_FILES, _MONEY, _ACCESSES = FILE_ROLES, MONEY_ROLES, ACCESS_ROLES

#: model → (who acts, who reads without acting)
DESKS: Final[Mapping[str, tuple[Collection[StaffRole], Collection[StaffRole]]]] = {
    "affiliates.accountrecovery": (_FILES, (AUDITOR,)),
    "affiliates.affiliate": (_FILES, (INSPECTOR, TREASURER, AUDITOR)),
    "affiliates.affiliationrequest": (_FILES, (AUDITOR,)),
    "affiliates.datacopy": (_FILES, (AUDITOR,)),
    "affiliates.debitauthority": (_MONEY, (CLERK, AUDITOR)),
    "affiliates.employee": (_FILES, (INSPECTOR, AUDITOR)),
    "affiliates.employment": (_FILES, (INSPECTOR, AUDITOR)),
    "affiliates.mandate": (_FILES, (AUDITOR,)),
    "affiliates.rectificationrequest": (_FILES, (AUDITOR,)),
    "affiliates.registrationrequest": (_FILES, (AUDITOR,)),
    "affiliates.representative": (_FILES, (AUDITOR,)),
    "affiliates.staffassignment": (_ACCESSES, (AUDITOR,)),
    "affiliates.statetakeover": (_FILES, (AUDITOR,)),
    "certificates.certificate": (_FILES, (AUDITOR,)),
    "certificates.usagealarm": ((SUPERVISOR,), (AUDITOR,)),
    "declarations.correctionstop": (_FILES, (INSPECTOR, AUDITOR)),
    "declarations.declaration": (_FILES, (INSPECTOR, AUDITOR)),
    "declarations.filefinding": (_FILES, (AUDITOR,)),
    "declarations.outage": (_FILES, (ADMINISTRATOR, AUDITOR)),
    "declarations.prefill": (_FILES, (AUDITOR,)),
    "declarations.receivedfile": (_FILES, (AUDITOR,)),
    "disputes.answertemplate": (_FILES, (AUDITOR,)),
    "disputes.dispute": (_FILES, (AUDITOR,)),
    "disputes.inspector": ((SUPERVISOR,), (CLERK, INSPECTOR, AUDITOR)),
    "disputes.mission": ((CLERK, SUPERVISOR, INSPECTOR), (AUDITOR,)),
    "disputes.riskfact": ((SUPERVISOR, INSPECTOR), (CLERK, AUDITOR)),
    "payments.bankfile": (_MONEY, (AUDITOR,)),
    "payments.bankkey": ((SUPERVISOR,), (AUDITOR,)),
    "payments.bankline": (_MONEY, (AUDITOR,)),
    "payments.bankprofile": ((SUPERVISOR,), (TREASURER, AUDITOR)),
    "payments.clerkact": (_MONEY, (AUDITOR,)),
    "payments.debitorder": (_MONEY, (CLERK, AUDITOR)),
    "payments.debitrun": (_MONEY, (AUDITOR,)),
    "payments.filingpenalty": (_MONEY, (CLERK, AUDITOR)),
    "payments.gracerequest": (_MONEY, (CLERK, AUDITOR)),
    "payments.ledgerentry": (_MONEY, (AUDITOR,)),
    "payments.paymentslip": (_MONEY, (CLERK, INSPECTOR, AUDITOR)),
    "payments.surcharge": (_MONEY, (CLERK, AUDITOR)),
    "payments.surchargeexemption": (_MONEY, (CLERK, AUDITOR)),
    "portal.auditentry": ((), (AUDITOR,)),
    "portal.incident": ((), (CLERK, SUPERVISOR, ADMINISTRATOR, AUDITOR)),
    "portal.mail": ((), (CLERK, SUPERVISOR, ADMINISTRATOR, AUDITOR)),
    "portal.purge": ((), (ADMINISTRATOR, AUDITOR)),
    "portal.user": ((), (CLERK, SUPERVISOR, ADMINISTRATOR, AUDITOR)),
}


def opens(role: StaffRole, model: str, *, to_act: bool) -> bool:
    """Whether a post opens the screens of a model: to read, or to act there."""
    acting, reading = DESKS.get(model, ((), ()))
    return role in acting or (not to_act and role in reading)


class PostBackend(BaseBackend):
    """Answers « has_perm » from the table: « app.view_model » to read, « app.change_model » to act."""

    def has_perm(self, user_obj: User | AnonymousUser, perm: str, obj: Model | None = None) -> bool:
        """Whether the post that ``user_obj`` holds now opens this screen; asked of the database once a request."""
        app, _dot, rest = perm.partition(".")
        verb, _line, model = rest.partition("_")
        role = _role_of(user_obj)
        if role is None or verb not in ("view", "change"):
            return False
        return opens(role, f"{app}.{model}", to_act=verb == "change")

    def get_user(self, user_id: Any) -> None:
        """Nobody signs in by this backend."""


def _role_of(user: User | AnonymousUser) -> StaffRole | None:
    if not isinstance(user, User):
        return None
    # Kept with the person as this request loaded them: a post taken back is gone at the next request.
    if not hasattr(user, "_post"):
        user._post = post_of(user)  # type: ignore[attr-defined]
    role: StaffRole | None = user._post  # type: ignore[attr-defined]
    return role
