"""Every state, act and party of the two kinds of request: what the table has moves, the rest is refused."""

import itertools

import pytest

from affiliates import transitions
from affiliates.enums import AffiliationState, RegistrationState, RequestAct, RequestParty
from affiliates.errors import RequestMoveRefused

R, A, P = RequestAct, RequestParty, RegistrationState


@pytest.mark.parametrize(
    ("state", "act", "party"), list(itertools.product(RegistrationState, RequestAct, RequestParty))
)
def test_registrations(state, act, party) -> None:
    expected = transitions.REGISTRATION_MOVES.get((state, act, party))
    if expected is None:
        with pytest.raises(RequestMoveRefused):
            transitions.move_registration(state, act, party)
    else:
        assert transitions.move_registration(state, act, party) is expected
    assert (act in transitions.may_register(state, party)) is (expected is not None)


@pytest.mark.parametrize(
    ("state", "act", "party"), list(itertools.product(AffiliationState, RequestAct, RequestParty))
)
def test_affiliations(state, act, party) -> None:
    expected = transitions.AFFILIATION_MOVES.get((state, act, party))
    if expected is None:
        with pytest.raises(RequestMoveRefused):
            transitions.move_affiliation(state, act, party)
    else:
        assert transitions.move_affiliation(state, act, party) is expected
    assert (act in transitions.may_affiliate(state, party)) is (expected is not None)


def test_nobody_moves_what_is_closed_and_no_firm_gives_itself_a_number() -> None:
    for closed in (P.ISSUED, P.REFUSED, P.WITHDRAWN):
        assert not any(was is closed for was, _, _ in transitions.REGISTRATION_MOVES)
    assert not any(
        act is R.GRANT and party is A.APPLICANT for _, act, party in transitions.REGISTRATION_MOVES
    )
