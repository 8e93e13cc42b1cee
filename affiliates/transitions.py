"""Which state of a request or of an authority may follow which, by which act and whose. The only place that says so."""

from affiliates.enums import (
    AffiliationState,
    AuthorityAct,
    AuthorityState,
    RectificationState,
    RegistrationState,
    RequestAct,
    RequestParty,
)
from affiliates.errors import AuthorityMoveRefused, RequestMoveRefused

_APPLICANT, _CLERK, _PORTAL = RequestParty.APPLICANT, RequestParty.CLERK, RequestParty.PORTAL
_R, _A = RegistrationState, AffiliationState

REGISTRATION_MOVES: dict[tuple[RegistrationState, RequestAct, RequestParty], RegistrationState] = {
    (_R.DRAFT, RequestAct.EDIT, _APPLICANT): _R.DRAFT,
    (_R.DRAFT, RequestAct.SEND, _APPLICANT): _R.SENT,
    (_R.DRAFT, RequestAct.WITHDRAW, _APPLICANT): _R.WITHDRAWN,
    (_R.SENT, RequestAct.WITHDRAW, _APPLICANT): _R.WITHDRAWN,
    (_R.PIECE_ASKED, RequestAct.WITHDRAW, _APPLICANT): _R.WITHDRAWN,
    (_R.PIECE_ASKED, RequestAct.ANSWER, _APPLICANT): _R.SENT,
    (_R.SENT, RequestAct.ASK_FOR_PIECE, _CLERK): _R.PIECE_ASKED,
    (_R.SENT, RequestAct.REFUSE, _CLERK): _R.REFUSED,
    (_R.PIECE_ASKED, RequestAct.REFUSE, _CLERK): _R.REFUSED,
    (_R.SENT, RequestAct.GRANT, _CLERK): _R.ISSUED,
    (_R.PIECE_ASKED, RequestAct.GRANT, _CLERK): _R.ISSUED,
    # When nobody in the register looks like the person and the pieces are there.
    (_R.SENT, RequestAct.GRANT, _PORTAL): _R.ISSUED,
}

AFFILIATION_MOVES: dict[tuple[AffiliationState, RequestAct, RequestParty], AffiliationState] = {
    (_A.DRAFT, RequestAct.EDIT, _APPLICANT): _A.DRAFT,
    (_A.DRAFT, RequestAct.SEND, _APPLICANT): _A.SENT,
    (_A.DRAFT, RequestAct.WITHDRAW, _APPLICANT): _A.WITHDRAWN,
    (_A.SENT, RequestAct.WITHDRAW, _APPLICANT): _A.WITHDRAWN,
    (_A.PIECE_ASKED, RequestAct.WITHDRAW, _APPLICANT): _A.WITHDRAWN,
    (_A.PIECE_ASKED, RequestAct.ANSWER, _APPLICANT): _A.SENT,
    (_A.SENT, RequestAct.ASK_FOR_PIECE, _CLERK): _A.PIECE_ASKED,
    (_A.SENT, RequestAct.REFUSE, _CLERK): _A.REFUSED,
    (_A.PIECE_ASKED, RequestAct.REFUSE, _CLERK): _A.REFUSED,
    (_A.SENT, RequestAct.GRANT, _CLERK): _A.ACCEPTED,
    (_A.PIECE_ASKED, RequestAct.GRANT, _CLERK): _A.ACCEPTED,
}


_C = RectificationState
RECTIFICATION_MOVES: dict[
    tuple[RectificationState, RequestAct, RequestParty], RectificationState
] = {
    (_C.SENT, RequestAct.WITHDRAW, _APPLICANT): _C.WITHDRAWN,
    (_C.PIECE_ASKED, RequestAct.WITHDRAW, _APPLICANT): _C.WITHDRAWN,
    (_C.PIECE_ASKED, RequestAct.ANSWER, _APPLICANT): _C.SENT,
    (_C.SENT, RequestAct.ASK_FOR_PIECE, _CLERK): _C.PIECE_ASKED,
    (_C.SENT, RequestAct.REFUSE, _CLERK): _C.REFUSED,
    (_C.PIECE_ASKED, RequestAct.REFUSE, _CLERK): _C.REFUSED,
    (_C.SENT, RequestAct.GRANT, _CLERK): _C.APPLIED,
    (_C.PIECE_ASKED, RequestAct.GRANT, _CLERK): _C.APPLIED,
}


def move_rectification(
    state: RectificationState, act: RequestAct, party: RequestParty
) -> RectificationState:
    """The state that follows; raises RequestMoveRefused when the table has no such move."""
    try:
        return RECTIFICATION_MOVES[state, act, party]
    except KeyError:
        raise RequestMoveRefused(state=state, act=act) from None


def may_rectify(state: RectificationState, party: RequestParty) -> frozenset[RequestAct]:
    """What ``party`` may do while a request for a correction is in ``state``."""
    return frozenset(act for was, act, who in RECTIFICATION_MOVES if (was, who) == (state, party))


def move_registration(
    state: RegistrationState, act: RequestAct, party: RequestParty
) -> RegistrationState:
    """The state that follows; raises RequestMoveRefused when the table has no such move."""
    try:
        return REGISTRATION_MOVES[state, act, party]
    except KeyError:
        raise RequestMoveRefused(state=state, act=act) from None


def move_affiliation(
    state: AffiliationState, act: RequestAct, party: RequestParty
) -> AffiliationState:
    """The state that follows; raises RequestMoveRefused when the table has no such move."""
    try:
        return AFFILIATION_MOVES[state, act, party]
    except KeyError:
        raise RequestMoveRefused(state=state, act=act) from None


def may_register(state: RegistrationState, party: RequestParty) -> frozenset[RequestAct]:
    """What ``party`` may do while a request to register a person is in ``state``."""
    return frozenset(act for was, act, who in REGISTRATION_MOVES if (was, who) == (state, party))


def may_affiliate(state: AffiliationState, party: RequestParty) -> frozenset[RequestAct]:
    """What ``party`` may do while the request of a new employer is in ``state``."""
    return frozenset(act for was, act, who in AFFILIATION_MOVES if (was, who) == (state, party))


_TO_SIGN, _REQUESTED, _ACTIVE = (
    AuthorityState.TO_SIGN,
    AuthorityState.REQUESTED,
    AuthorityState.ACTIVE,
)
_SUSPENDED, _REFUSED, _REVOKED = (
    AuthorityState.SUSPENDED,
    AuthorityState.REFUSED,
    AuthorityState.REVOKED,
)

AUTHORITY_MOVES: dict[tuple[AuthorityState, AuthorityAct], AuthorityState] = {
    (_TO_SIGN, AuthorityAct.SIGN): _REQUESTED,
    (_TO_SIGN, AuthorityAct.REVOKE): _REVOKED,
    (_REQUESTED, AuthorityAct.ACTIVATE): _ACTIVE,
    (_REQUESTED, AuthorityAct.REFUSE): _REFUSED,
    (_REQUESTED, AuthorityAct.REVOKE): _REVOKED,
    (_ACTIVE, AuthorityAct.SUSPEND): _SUSPENDED,
    (_ACTIVE, AuthorityAct.REVOKE): _REVOKED,
    # Only the bank that knows why it stopped may say that it runs again.
    (_SUSPENDED, AuthorityAct.ACTIVATE): _ACTIVE,
    (_SUSPENDED, AuthorityAct.REVOKE): _REVOKED,
}

LIVE_AUTHORITIES = frozenset({_TO_SIGN, _REQUESTED, _ACTIVE, _SUSPENDED})


def move_authority(state: AuthorityState, act: AuthorityAct) -> AuthorityState:
    """The state that follows `act`; raises AuthorityMoveRefused when the table has no such move."""
    try:
        return AUTHORITY_MOVES[state, act]
    except KeyError:
        raise AuthorityMoveRefused(state=state.label, act=act.label) from None


def authority_allows(state: AuthorityState, act: AuthorityAct) -> bool:
    """Whether the table has this move."""
    return (state, act) in AUTHORITY_MOVES
