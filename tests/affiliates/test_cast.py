"""The cast is what it says."""

from affiliates import access
from affiliates.enums import Scope
from portal import clock
from regulation.enums import KeySeries
from regulation.identifiers import affiliation_key, check_rib


def test_the_five_stand_where_they_should(cast):
    today = clock.today()
    for user in (cast.owner, cast.fiduciaire):
        assert list(access.for_actor(user, Scope.PAY, on=today)) == [cast.affiliate]
    for user in cast.outsiders:
        assert cast.affiliate not in access.for_actor(user, on=today)
    assert list(access.for_actor(cast.stranger, on=today)) == [cast.strangers_affiliate]
    assert cast.affiliate in access.staff_affiliates(cast.staff)


def test_their_identifiers_have_valid_keys(cast):
    assert affiliation_key(cast.affiliate.affiliation_number) is KeySeries.FIRST
    assert check_rib(cast.bank_account.rib)
