"""Rows of the register for tests. Identifiers carry valid keys; nothing here is a real person or firm."""

import datetime

import factory
from factory.django import DjangoModelFactory

from affiliates.enums import Role, Scope, StaffRole
from affiliates.models import (
    Affiliate,
    Agency,
    Employee,
    Employment,
    Mandate,
    Membership,
    Representative,
    StaffAssignment,
)
from portal.models import User

PASSWORD = "une-phrase-de-passe-pour-les-essais"


def affiliation_number(rank: int) -> str:
    """The ``rank``-th invented affiliation number, key of the first series."""
    body = f"{200_000 + rank:06}"
    total = sum(int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


def registration_number(rank: int) -> str:
    """The ``rank``-th invented registration number, key of the first series."""
    body = f"1{2_000_000 + rank:07}"
    total = sum(int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(body) if place)
    return f"{body}{-total % 10}"


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"personne{n}@exemple.ma")
    full_name = factory.Sequence(lambda n: f"Personne Inventée {n}")
    password = factory.django.Password(PASSWORD)


class AgencyFactory(DjangoModelFactory[Agency]):
    class Meta:
        model = Agency

    code = factory.Sequence(lambda n: f"{n % 100:02}")
    name = factory.LazyAttribute(lambda agency: f"Agence {agency.code}")
    name_ar = factory.LazyAttribute(lambda agency: f"وكالة {agency.code}")
    city = "Casablanca"


class AffiliateFactory(DjangoModelFactory[Affiliate]):
    class Meta:
        model = Affiliate

    affiliation_number = factory.Sequence(affiliation_number)
    name = factory.Sequence(lambda n: f"SOCIETE INVENTEE {n}")
    activity = "COMMERCE"
    address = "12 RUE DES ORANGERS"
    city = "CASABLANCA"
    agency = factory.SubFactory(AgencyFactory)
    affiliated_on = datetime.date(2015, 3, 1)


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    class Params:
        ended = factory.Trait(ended_at=datetime.datetime(2026, 1, 15, 9, tzinfo=datetime.UTC))

    user = factory.SubFactory(UserFactory)
    affiliate = factory.SubFactory(AffiliateFactory)
    role = Role.OWNER.value
    since = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


class RepresentativeFactory(DjangoModelFactory[Representative]):
    class Meta:
        model = Representative
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Fiduciaire Inventée {n}")
    city = "Rabat"

    @factory.post_generation
    def members(self, create: bool, extracted: list[User] | None) -> None:
        if create and extracted:
            self.members.add(*extracted)


class MandateFactory(DjangoModelFactory[Mandate]):
    class Meta:
        model = Mandate

    class Params:
        revoked = factory.Trait(revoked_at=datetime.datetime(2026, 1, 15, 9, tzinfo=datetime.UTC))

    affiliate = factory.SubFactory(AffiliateFactory)
    representative = factory.SubFactory(RepresentativeFactory)
    scopes = factory.LazyFunction(lambda: [Scope.READ.value, Scope.DECLARE.value])
    starts_on = datetime.date(2020, 1, 1)


class StaffAssignmentFactory(DjangoModelFactory[StaffAssignment]):
    class Meta:
        model = StaffAssignment

    user = factory.SubFactory(UserFactory, is_staff=True)
    agency = factory.SubFactory(AgencyFactory)
    role = StaffRole.CLERK.value


def clerk_of_files() -> User:
    """Somebody whose post handles the files of firms."""
    person: User = StaffAssignmentFactory().user
    return person


class EmployeeFactory(DjangoModelFactory[Employee]):
    class Meta:
        model = Employee

    class Params:
        unregistered = factory.Trait(registration_number=None, cin="AB123456")

    registration_number = factory.Sequence(registration_number)
    last_name = factory.Sequence(lambda n: f"NOM{n}")
    first_name = "SALMA"


class EmploymentFactory(DjangoModelFactory[Employment]):
    class Meta:
        model = Employment

    class Params:
        ended = factory.Trait(ended_on=datetime.date(2025, 12, 31))

    employee = factory.SubFactory(EmployeeFactory)
    affiliate = factory.SubFactory(AffiliateFactory)
    started_on = datetime.date(2021, 5, 3)
