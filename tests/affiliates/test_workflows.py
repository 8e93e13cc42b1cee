"""What changes the register, and what it refuses."""

import datetime

import pytest
from django.db import IntegrityError, transaction

from affiliates import access, errors, queries, workflows
from affiliates.enums import Role, Scope
from affiliates.models import AffiliateStatus, Employment, Mandate, Membership
from portal.models import AuditEntry
from regulation.enums import ContributionStatus
from regulation.identifiers import InvalidAffiliationNumber
from tests.affiliates.factories import (
    AffiliateFactory,
    AgencyFactory,
    EmployeeFactory,
    EmploymentFactory,
    MandateFactory,
    MembershipFactory,
    RepresentativeFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

AT = datetime.datetime(2026, 3, 10, 9, 0, tzinfo=datetime.UTC)
DAY = datetime.date(2026, 3, 10)


def _register(number="1234567", name="BOULANGERIE AL BARAKA", **more):
    return workflows.register(
        actor=UserFactory(),
        at=AT,
        affiliation_number=number,
        name=name,
        address="12 RUE DES ORANGERS",
        city="CASABLANCA",
        agency=AgencyFactory(),
        affiliated_on=DAY,
        **more,
    )


def _acts(action):
    return AuditEntry.objects.filter(action=action).count()


@pytest.mark.parametrize("number", ["1234567", "1234562"])
def test_both_series_of_keys_enter_the_register(number):
    assert _register(number).affiliation_number == number
    assert _acts("affiliate.registered") == 1


def test_a_wrong_key_or_form_is_refused():
    with pytest.raises(errors.UnknownKey, match="1234560"):
        _register("1234560")
    with pytest.raises(InvalidAffiliationNumber):
        _register("12345")


def test_registering_twice_is_once_and_another_name_is_refused():
    first = _register()
    assert _register() == first
    assert _acts("affiliate.registered") == 1
    with pytest.raises(errors.AlreadyAffiliated, match="BOULANGERIE"):
        _register(name="AUTRE")


def test_a_status_counts_from_day_to_day_and_cannot_overlap_itself():
    affiliate = AffiliateFactory()
    facts = {
        "actor": UserFactory(),
        "at": AT,
        "affiliate": affiliate,
        "status": ContributionStatus.AMO_EXEMPT,
    }
    first = workflows.set_status(
        **facts,
        effective_from=datetime.date(2025, 1, 1),
        effective_to=datetime.date(2025, 12, 31),
    )
    again = workflows.set_status(
        **facts,
        effective_from=datetime.date(2025, 1, 1),
        effective_to=datetime.date(2025, 12, 31),
    )
    assert again == first
    assert queries.statuses_on(affiliate, datetime.date(2025, 12, 31)) == {
        ContributionStatus.AMO_EXEMPT
    }
    assert queries.statuses_on(affiliate, datetime.date(2026, 1, 1)) == frozenset()
    with pytest.raises(errors.StatusOverlaps):
        workflows.set_status(**facts, effective_from=datetime.date(2025, 12, 31))
    with pytest.raises(errors.DaysReversed):
        workflows.set_status(
            **facts,
            effective_from=datetime.date(2027, 1, 2),
            effective_to=datetime.date(2027, 1, 1),
        )
    with pytest.raises(IntegrityError, match="affiliate_status_no_overlap"), transaction.atomic():
        AffiliateStatus.objects.create(
            affiliate=affiliate,
            status=ContributionStatus.AMO_EXEMPT.value,
            effective_from=datetime.date(2025, 6, 1),
        )


def test_a_member_is_added_once_and_may_change_role():
    affiliate, person = AffiliateFactory(), UserFactory()
    facts = {"actor": UserFactory(), "at": AT, "affiliate": affiliate, "user": person}
    workflows.add_member(**facts, role=Role.READER)
    workflows.add_member(**facts, role=Role.READER)
    workflows.add_member(**facts, role=Role.PAYER)
    assert Membership.objects.get().role == Role.PAYER
    assert _acts("membership.given") == 2


def test_the_last_owner_stays():
    owner = MembershipFactory()
    with pytest.raises(errors.LastOwner):
        workflows.end_membership(actor=owner.user, at=AT, membership=owner)
    with pytest.raises(errors.LastOwner):
        workflows.add_member(
            actor=owner.user, at=AT, affiliate=owner.affiliate, user=owner.user, role=Role.READER
        )
    MembershipFactory(affiliate=owner.affiliate)
    ended = workflows.end_membership(actor=owner.user, at=AT, membership=owner)
    assert ended.ended_at == AT
    later = AT + datetime.timedelta(hours=1)
    assert workflows.end_membership(actor=owner.user, at=later, membership=owner).ended_at == AT
    assert _acts("membership.ended") == 1


def test_a_mandate_is_granted_once_with_reading():
    affiliate, office = AffiliateFactory(), RepresentativeFactory()
    facts = {
        "actor": UserFactory(),
        "at": AT,
        "affiliate": affiliate,
        "representative": office,
        "starts_on": DAY,
    }
    first = workflows.grant_mandate(**facts, scopes={Scope.DECLARE})
    assert workflows.grant_mandate(**facts, scopes=[Scope.DECLARE]) == first
    assert first.scopes == ["read", "declare"]
    with pytest.raises(errors.MandateOverlaps):
        workflows.grant_mandate(**facts, scopes={Scope.PAY})
    for scopes in (set(), {Scope.READ, Scope.MANAGE}):
        with pytest.raises(errors.MandateEmpty):
            workflows.grant_mandate(**facts, scopes=scopes)


def test_overlapping_mandates_are_refused_by_the_database_too():
    mandate = MandateFactory()
    with pytest.raises(IntegrityError, match="mandate_no_overlap"), transaction.atomic():
        Mandate.objects.create(
            affiliate=mandate.affiliate,
            representative=mandate.representative,
            scopes=["read"],
            starts_on=DAY,
        )


def test_a_mandate_taken_back_closes_the_door_and_may_be_given_again():
    person = UserFactory()
    mandate = MandateFactory(representative=RepresentativeFactory(members=[person]))
    workflows.revoke_mandate(actor=UserFactory(), at=AT, mandate=mandate)
    workflows.revoke_mandate(actor=UserFactory(), at=AT, mandate=mandate)
    assert _acts("mandate.revoked") == 1
    assert not access.for_actor(person, on=DAY).exists()
    workflows.grant_mandate(
        actor=UserFactory(),
        at=AT,
        affiliate=mandate.affiliate,
        representative=mandate.representative,
        scopes={Scope.PAY},
        starts_on=DAY,
    )
    assert access.for_actor(person, Scope.PAY, on=DAY).exists()


def test_an_insured_person_is_registered_once_under_one_name():
    facts = {"actor": UserFactory(), "at": AT, "registration_number": "112233441"}
    first = workflows.register_employee(**facts, last_name="ALAMI", first_name="SALMA")
    assert workflows.register_employee(**facts, last_name="ALAMI", first_name="SALMA") == first
    with pytest.raises(errors.RegistrationNumberTaken):
        workflows.register_employee(**facts, last_name="TAZI", first_name="OMAR")


def test_hiring_and_leaving():
    affiliate, employee = AffiliateFactory(), EmployeeFactory()
    facts = {"actor": UserFactory(), "at": AT}
    job = workflows.hire(**facts, affiliate=affiliate, employee=employee, started_on=DAY)
    assert workflows.hire(**facts, affiliate=affiliate, employee=employee, started_on=DAY) == job
    with pytest.raises(errors.AlreadyEmployed, match="10/03/2026"):
        workflows.hire(
            **facts, affiliate=affiliate, employee=employee, started_on=datetime.date(2026, 4, 1)
        )
    with pytest.raises(errors.DaysReversed):
        workflows.end_employment(**facts, employment=job, ended_on=datetime.date(2026, 3, 9))
    workflows.end_employment(**facts, employment=job, ended_on=DAY)
    workflows.end_employment(**facts, employment=job, ended_on=DAY)
    assert _acts("employment.ended") == 1
    assert Employment.objects.get().ended_on == DAY


def test_employed_in_counts_a_single_shared_day():
    affiliate = AffiliateFactory()
    inside = EmploymentFactory(
        affiliate=affiliate, started_on=datetime.date(2026, 3, 31), ended_on=None
    )
    leaver = EmploymentFactory(
        affiliate=affiliate,
        started_on=datetime.date(2025, 1, 1),
        ended_on=datetime.date(2026, 3, 1),
    )
    EmploymentFactory(affiliate=affiliate, started_on=datetime.date(2026, 4, 1))
    EmploymentFactory(
        affiliate=affiliate,
        started_on=datetime.date(2025, 1, 1),
        ended_on=datetime.date(2026, 2, 28),
    )
    found = queries.employed_in(affiliate, datetime.date(2026, 3, 1), datetime.date(2026, 3, 31))
    assert set(found) == {inside, leaver}


def test_search_by_number_name_town_in_any_order():
    bakery = AffiliateFactory(name="BOULANGERIE AL BARAKA", city="FES", name_ar="مخبزة البركة")
    AffiliateFactory(name="GARAGE ATLAS", city="FES")
    everyone = type(bakery).objects.all()
    for text in ("baraka fes", bakery.affiliation_number, "البركة"):
        assert list(queries.search(everyone, text)) == [bakery]
    assert queries.search(everyone, "").count() == 2
    assert not queries.search(everyone, "baraka rabat").exists()
