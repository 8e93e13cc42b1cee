"""Who reaches which affiliate, and for what."""

import datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.test import RequestFactory

from affiliates import access
from affiliates.context import current_affiliate
from affiliates.enums import Role, Scope, StaffRole
from portal import clock
from tests.affiliates.factories import (
    AffiliateFactory,
    AgencyFactory,
    MandateFactory,
    MembershipFactory,
    RepresentativeFactory,
    StaffAssignmentFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

DAY = datetime.date(2026, 3, 10)


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        (Role.OWNER, set(Scope)),
        (Role.DECLARANT, {Scope.READ, Scope.DECLARE, Scope.CERTIFICATES, Scope.DISPUTES}),
        (Role.PAYER, {Scope.READ, Scope.PAY, Scope.CERTIFICATES}),
        (Role.READER, {Scope.READ}),
    ],
)
def test_a_role_opens_its_scopes_and_no_other(role, scopes):
    membership = MembershipFactory(role=role.value)
    user, affiliate = membership.user, membership.affiliate
    assert access.capacities(user, affiliate, on=DAY) == scopes
    for scope in Scope:
        assert list(access.for_actor(user, scope, on=DAY)) == (
            [affiliate] if scope in scopes else []
        )


def test_an_ended_membership_opens_nothing():
    membership = MembershipFactory(ended=True)
    assert not access.for_actor(membership.user, on=DAY).exists()
    with pytest.raises(Http404):
        access.affiliate_or_404(membership.user, membership.affiliate.affiliation_number, on=DAY)


def test_a_deactivated_account_opens_nothing():
    membership = MembershipFactory(user__is_active=False)
    assert not access.for_actor(membership.user, on=DAY).exists()
    assert access.capacities(membership.user, membership.affiliate, on=DAY) == frozenset()


def test_nobody_logged_in_opens_nothing():
    affiliate = AffiliateFactory()
    assert not access.for_actor(AnonymousUser(), on=DAY).exists()
    with pytest.raises(Http404):
        access.affiliate_or_404(AnonymousUser(), affiliate.affiliation_number, on=DAY)


@pytest.mark.parametrize(
    ("on", "opens"),
    [
        (datetime.date(2026, 2, 28), False),
        (datetime.date(2026, 3, 1), True),
        (datetime.date(2026, 3, 31), True),
        (datetime.date(2026, 4, 1), False),
    ],
)
def test_a_mandate_counts_on_its_days_only(on, opens):
    user = UserFactory()
    mandate = MandateFactory(
        representative=RepresentativeFactory(members=[user]),
        starts_on=datetime.date(2026, 3, 1),
        ends_on=datetime.date(2026, 3, 31),
    )
    assert access.for_actor(user, Scope.DECLARE, on=on).exists() is opens
    assert (Scope.DECLARE in access.capacities(user, mandate.affiliate, on=on)) is opens


@pytest.mark.parametrize(
    ("instant", "opens"),
    [
        # Morocco lives at UTC+1 here: the day starts at 23:00 UTC the evening before.
        ("2026-04-30T22:59:59+00:00", False),
        ("2026-04-30T23:00:00+00:00", True),
        ("2026-05-31T22:59:59+00:00", True),
        ("2026-05-31T23:00:00+00:00", False),
        # And at UTC during Ramadan.
        ("2026-02-28T23:59:59+00:00", False),
    ],
)
def test_a_mandate_starts_and_ends_at_midnight_in_casablanca(instant, opens):
    user = UserFactory()
    MandateFactory(
        representative=RepresentativeFactory(members=[user]),
        starts_on=datetime.date(2026, 5, 1),
        ends_on=datetime.date(2026, 5, 31),
    )
    on = clock.day_of(datetime.datetime.fromisoformat(instant))
    assert access.for_actor(user, on=on).exists() is opens


def test_a_revoked_mandate_opens_nothing_from_the_next_question_on():
    user = UserFactory()
    mandate = MandateFactory(representative=RepresentativeFactory(members=[user]))
    assert access.for_actor(user, on=DAY).exists()
    mandate.revoked_at = datetime.datetime(2026, 3, 10, 9, tzinfo=datetime.UTC)
    mandate.save()
    assert not access.for_actor(user, on=DAY).exists()


def test_a_mandate_opens_its_scopes_only_and_never_the_access_page():
    user = UserFactory()
    mandate = MandateFactory(
        representative=RepresentativeFactory(members=[user]), scopes=[Scope.PAY.value]
    )
    assert access.capacities(user, mandate.affiliate, on=DAY) == {Scope.READ, Scope.PAY}
    with pytest.raises(PermissionDenied, match="déclarer"):
        access.affiliate_or_404(user, mandate.affiliate.affiliation_number, Scope.DECLARE, on=DAY)


def test_rights_of_a_role_and_of_a_mandate_add_up():
    user = UserFactory()
    affiliate = AffiliateFactory()
    MembershipFactory(user=user, affiliate=affiliate, role=Role.READER.value)
    MandateFactory(
        affiliate=affiliate,
        representative=RepresentativeFactory(members=[user]),
        scopes=[Scope.READ.value, Scope.PAY.value],
    )
    assert access.capacities(user, affiliate, on=DAY) == {Scope.READ, Scope.PAY}
    assert access.for_actor(user, on=DAY).count() == 1


def test_someone_elses_and_a_missing_affiliate_are_the_same_404():
    user = MembershipFactory().user
    other = AffiliateFactory()
    answers = []
    for number in (other.affiliation_number, "0000000"):
        with pytest.raises(Http404) as raised:
            access.affiliate_or_404(user, number, on=DAY)
        answers.append(str(raised.value))
    assert answers[0] == answers[1]


def test_each_question_is_one_query(django_assert_num_queries):
    membership = MembershipFactory()
    for _ in range(3):
        MembershipFactory(user=membership.user)
    with django_assert_num_queries(1):
        access.affiliate_or_404(
            membership.user, membership.affiliate.affiliation_number, Scope.PAY, on=DAY
        )
    with django_assert_num_queries(1):
        assert len(access.for_actor(membership.user, on=DAY)) == 4


def test_the_view_receives_its_affiliate_and_the_templates_what_may_be_done():
    membership = MembershipFactory(role=Role.PAYER.value)

    @access.affiliate_view(Scope.PAY)
    def view(request, affiliate, slip):
        return HttpResponse(f"{affiliate.pk} {slip}")

    request = RequestFactory().get("/")
    request.user = membership.user
    response = view(request, affiliation_number=membership.affiliate.affiliation_number, slip=3)
    assert response.content.decode() == f"{membership.affiliate.pk} 3"
    context = current_affiliate(request)
    assert context["affiliate"] == membership.affiliate
    assert "pay" in context["scopes"]
    assert "declare" not in context["scopes"]


def test_staff_see_their_agency_and_supervisors_every_agency():
    here, elsewhere = AgencyFactory(), AgencyFactory()
    ours, theirs = AffiliateFactory(agency=here), AffiliateFactory(agency=elsewhere)
    clerk = StaffAssignmentFactory(agency=here).user
    supervisor = StaffAssignmentFactory(agency=here, role=StaffRole.SUPERVISOR.value).user
    assert set(access.staff_affiliates(clerk)) == {ours}
    assert set(access.staff_affiliates(supervisor)) == {ours, theirs}
    assert not access.staff_affiliates(UserFactory(is_staff=True)).exists()
    assert not access.staff_affiliates(MembershipFactory().user).exists()
    # The desk is another door: working for the fund opens no affiliate's own pages.
    assert not access.for_actor(clerk, on=DAY).exists()
