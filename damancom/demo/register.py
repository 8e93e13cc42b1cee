"""The demo's register: accounts, agencies, banks, firms, their people, through the workflows of each room.

Accounts, agencies, banks and representatives are what an installation is given before its first day; no workflow
makes them yet, so they are created here, each only when it is missing.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from affiliates import workflows
from affiliates.models import Affiliate, Agency, Representative
from damancom.demo import world
from damancom.demo.people import Job, registration_numbers, staff_of
from payments.models import Bank, BankAccount, BankMembership
from portal import clock
from portal.models import User
from regulation.enums import ContributionStatus
from regulation.periods import Period


@dataclass(frozen=True)
class Register:
    """What the history needs to go on: rows by the keys of ``world``."""

    affiliates: Mapping[str, Affiliate]
    jobs: Mapping[str, list[Job]]
    banks: Mapping[str, Bank]
    people: Mapping[str, User]
    first_month: Period
    last_month: Period

    def user(self, person: world.Person) -> User:
        """The account of someone."""
        return self.people[person.email]

    @property
    def clerk(self) -> User:
        return self.user(world.CLERK)

    @property
    def treasurer(self) -> User:
        return self.user(world.TREASURER)

    @property
    def supervisor(self) -> User:
        return self.user(world.SUPERVISOR)

    def declarant(self, firm: world.Firm) -> User:
        """Who declares for a firm: its accountant's office, or its last member who may."""
        if firm.represented:
            return self.user(world.ACCOUNTANT)
        return self.user(firm.members[min(1, len(firm.members) - 1)][0])


def jobs_of_all(first_month: Period, last_month: Period) -> dict[str, list[Job]]:
    """The people of every firm; the same whatever is already in the database."""
    numbers = registration_numbers()
    return {
        firm.key: staff_of(
            firm.key,
            count=firm.employees,
            first_month=first_month,
            last_month=last_month,
            numbers=numbers,
            skilled=firm.skilled,
            turnover=firm.turnover,
        )
        for firm in world.FIRMS
    }


def build(*, at: datetime.datetime, first_month: Period, last_month: Period) -> Register:
    """Everyone and every firm, as they stand before ``first_month``; ``at`` is when the fund wrote it down."""
    people = {person.email: _account(person) for person in _everybody()}
    supervisor = people[world.SUPERVISOR.email]
    agencies = {office.code: _agency(office) for office in world.AGENCIES}
    for person, code, role in world.STAFF:
        giver = supervisor if person != world.SUPERVISOR else people[world.DEPUTY.email]
        workflows.give_post(
            actor=giver, at=at, user=people[person.email], agency=agencies[code], role=role
        )
    banks = {house.code: _bank(house, people[house.user.email]) for house in world.BANKS}
    office, _ = Representative.objects.get_or_create(name=world.OFFICE_NAME, city=world.OFFICE_CITY)
    office.members.add(people[world.ACCOUNTANT.email])
    jobs = jobs_of_all(first_month, last_month)
    affiliates = {}
    for firm in world.FIRMS:
        founded = datetime.datetime.combine(firm.since, datetime.time(10), clock.CASABLANCA)
        affiliate = _affiliate(firm, agencies[firm.agency], supervisor, founded)
        affiliates[firm.key] = affiliate
        for person, member_role in firm.members:
            workflows.add_member(
                actor=supervisor,
                at=founded,
                affiliate=affiliate,
                user=people[person.email],
                role=member_role,
            )
        if firm.represented:
            workflows.grant_mandate(
                actor=people[firm.owner.email],
                at=at,
                affiliate=affiliate,
                representative=office,
                scopes=world.MANDATE_SCOPES,
                starts_on=first_month.first_day,
            )
        for job in jobs[firm.key]:
            if job.started_on < first_month.first_day:
                enter(job, affiliate=affiliate, actor=supervisor, at=at)
    return Register(affiliates, jobs, banks, people, first_month, last_month)


def enter(job: Job, *, affiliate: Affiliate, actor: User, at: datetime.datetime) -> None:
    """Register someone and their employment."""
    employee = workflows.register_employee(
        actor=actor,
        at=at,
        registration_number=job.registration_number,
        last_name=job.last_name,
        first_name=job.first_name,
        cin=job.cin,
        born_on=job.born_on,
    )
    workflows.hire(
        actor=actor,
        at=at,
        affiliate=affiliate,
        employee=employee,
        started_on=max(job.started_on, affiliate.affiliated_on),
        children=job.children,
    )


def _everybody() -> list[world.Person]:
    members = [person for firm in world.FIRMS for person, _ in firm.members]
    clerks = [person for person, _, _ in world.STAFF]
    return [*members, world.ACCOUNTANT, *[house.user for house in world.BANKS], *clerks]


def _account(person: world.Person) -> User:
    known = User.objects.filter(email=person.email).first()
    return known or User.objects.create_user(
        person.email,
        world.PASSWORD,
        full_name=person.full_name,
        language=person.language,
        is_staff=any(person is clerk for clerk, _, _ in world.STAFF),
    )


def _agency(office: world.Office) -> Agency:
    agency, _ = Agency.objects.get_or_create(
        code=office.code,
        defaults={"name": office.name, "name_ar": office.name_ar, "city": office.city},
    )
    return agency


def _bank(house: world.BankHouse, user: User) -> Bank:
    bank, _ = Bank.objects.get_or_create(code=house.code, defaults={"name": house.name})
    BankAccount.objects.get_or_create(
        rib=house.rib, defaults={"bank": bank, "label": "Recouvrement des cotisations"}
    )
    BankMembership.objects.get_or_create(user=user, bank=bank, ended_at=None)
    return bank


def _affiliate(firm: world.Firm, agency: Agency, actor: User, at: datetime.datetime) -> Affiliate:
    affiliate = workflows.register(
        actor=actor,
        at=at,
        affiliation_number=firm.number,
        name=firm.name,
        name_ar=firm.name_ar,
        activity=firm.activity,
        address=firm.address,
        city=firm.city,
        postal_code=firm.postal_code,
        ice=firm.ice,
        agency=agency,
        affiliated_on=firm.since,
    )
    if firm.amo_exempt:
        workflows.set_status(
            actor=actor,
            at=at,
            affiliate=affiliate,
            status=ContributionStatus.AMO_EXEMPT,
            effective_from=firm.since,
        )
    return affiliate
