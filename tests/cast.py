"""The fixed cast: five people around one affiliate, for the tests of every view.

The owner runs the bakery, the fiduciaire declares and pays for it under a mandate, the bank user belongs to a bank,
the member of staff handles files in the bakery's agency, and the stranger runs another firm. Beside them, for the tests
of money: the treasurer of the fund, for a clerk moves none.
"""

from dataclasses import dataclass

import pytest

from affiliates.enums import Scope, StaffRole
from affiliates.models import Affiliate, Representative
from payments.models import Bank, BankAccount, BankMembership
from portal.models import User
from tests.affiliates.factories import (
    AffiliateFactory,
    AgencyFactory,
    MandateFactory,
    MembershipFactory,
    RepresentativeFactory,
    StaffAssignmentFactory,
    UserFactory,
)


@dataclass(frozen=True)
class Cast:
    """The five, the affiliate they meet around, and the stranger's own."""

    affiliate: Affiliate
    owner: User
    fiduciaire: User
    bank: User
    staff: User
    stranger: User
    treasurer: User
    strangers_affiliate: Affiliate
    representative: Representative
    bank_account: BankAccount

    @property
    def outsiders(self) -> list[User]:
        """Those for whom the affiliate's pages do not exist."""
        return [self.bank, self.staff, self.stranger]


@pytest.fixture
def cast(db: None) -> Cast:
    return people()


def people() -> Cast:
    """Make them; for a test whose world is in another database than the suite's."""
    agency = AgencyFactory()
    affiliate = AffiliateFactory(
        name="BOULANGERIE AL BARAKA", name_ar="مخبزة البركة", agency=agency
    )
    owner = UserFactory(email="patronne@exemple.ma", full_name="Nadia Benjelloun")
    MembershipFactory(user=owner, affiliate=affiliate)
    fiduciaire = UserFactory(email="fiduciaire@exemple.ma", full_name="Youssef Tazi")
    representative = RepresentativeFactory(name="Fiduciaire Atlas", members=[fiduciaire])
    MandateFactory(
        affiliate=affiliate,
        representative=representative,
        scopes=[
            scope.value
            for scope in (Scope.READ, Scope.DECLARE, Scope.PAY, Scope.CERTIFICATES, Scope.DISPUTES)
        ],
    )
    bank_user = UserFactory(email="banque@exemple.ma", full_name="Hamza Idrissi")
    bank = Bank.objects.create(code="230", name="Banque Inventée du Nord")
    BankMembership.objects.create(user=bank_user, bank=bank)
    account = BankAccount.objects.create(
        bank=bank, rib="230780999999999900000128", label="Compte de recouvrement"
    )
    staff = UserFactory(email="agent@exemple.ma", full_name="Karim Alaoui", is_staff=True)
    StaffAssignmentFactory(user=staff, agency=agency)
    treasurer = UserFactory(email="tresorerie@exemple.ma", full_name="Nawal Bennis", is_staff=True)
    StaffAssignmentFactory(user=treasurer, agency=agency, role=StaffRole.TREASURER.value)
    stranger = UserFactory(email="etrangere@exemple.ma", full_name="Imane Chraibi")
    other = AffiliateFactory(name="GARAGE DES TROIS ROUTES", agency=agency)
    MembershipFactory(user=stranger, affiliate=other)
    return Cast(
        affiliate=affiliate,
        owner=owner,
        fiduciaire=fiduciaire,
        bank=bank_user,
        staff=staff,
        stranger=stranger,
        treasurer=treasurer,
        strangers_affiliate=other,
        representative=representative,
        bank_account=account,
    )
