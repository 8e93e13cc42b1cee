"""The world of the demo: who is who. All invented; numbers carry valid keys, addresses end in .example."""

import datetime
from dataclasses import dataclass

from affiliates.enums import Role, Scope, StaffRole
from damancom.demo.people import affiliation_number
from disputes.enums import Grade
from regulation.identifiers import rib_key

PASSWORD = "damancom-demo-2026"  # noqa: S105 - printed for the visitor; the command refuses to run in production


@dataclass(frozen=True)
class Person:
    """Someone with an account."""

    email: str
    full_name: str
    language: str = "fr"


@dataclass(frozen=True)
class Office:
    """An agency of the fund."""

    code: str
    name: str
    name_ar: str
    city: str


@dataclass(frozen=True)
class BankHouse:
    """A bank, the fund's account there, and the person who sends its files."""

    code: str
    name: str
    town: str
    account: str
    user: Person

    @property
    def rib(self) -> str:
        """The fund's account, key included."""
        body = f"{self.code}{self.town}{self.account}"
        return body + rib_key(body)


@dataclass(frozen=True)
class Firm:
    """An employer, its people in number, its bank and its habits (see history.py)."""

    key: str
    number: str
    name: str
    name_ar: str
    activity: str
    address: str
    city: str
    postal_code: str
    ice: str
    agency: str
    since: datetime.date
    employees: int
    bank: str
    members: tuple[tuple[Person, Role], ...]
    skilled: bool = False
    turnover: int = 0
    # Months back from the last one from which AMO is covered privately; none: ordinary.
    amo_exempt: bool = False
    represented: bool = False

    @property
    def owner(self) -> Person:
        """Who answers for the firm."""
        return self.members[0][0]


def _ice(thirteen_digits: str) -> str:
    """Thirteen digits completed to a multiple of 97, as every known ICE is."""
    return f"{thirteen_digits}{-int(thirteen_digits) * 100 % 97:02}"


AGENCIES = (
    Office("01", "Agence Casablanca Anfa", "وكالة الدار البيضاء أنفا", "Casablanca"),
    Office("14", "Agence Fès Ville Nouvelle", "وكالة فاس المدينة الجديدة", "Fès"),
    Office("27", "Agence Marrakech Guéliz", "وكالة مراكش جليز", "Marrakech"),
)

CLERK = Person("agent@caisse.example", "Karim Alaoui")
CLERK_OF_MARRAKECH = Person("guichet@caisse.example", "Imane Fikri")
SUPERVISOR = Person("superviseur@caisse.example", "Samira El Fassi")
# What the supervisor may not decide alone: this one proposes.
DEPUTY = Person("adjoint@caisse.example", "Rachid Amrani")
TREASURER = Person("tresorerie@caisse.example", "Nawal Bennis")
AUDITOR = Person("audit@caisse.example", "Mehdi Lamrani")
# Sees to who works where; opens no file of a firm.
ACCESSES = Person("acces@caisse.example", "Ghita Sqalli")
INSPECTORS = (
    (Person("inspectrice@caisse.example", "Zineb Ouadghiri"), Grade.INSPECTOR),
    (Person("inspecteur@caisse.example", "Driss Naciri"), Grade.SENIOR),
    (Person("inspection@caisse.example", "Hafida Roussi"), Grade.CHIEF),
)
STAFF = (
    (CLERK, "01", StaffRole.CLERK),
    (CLERK_OF_MARRAKECH, "27", StaffRole.CLERK),
    (SUPERVISOR, "01", StaffRole.SUPERVISOR),
    (DEPUTY, "01", StaffRole.SUPERVISOR),
    (TREASURER, "01", StaffRole.TREASURER),
    (AUDITOR, "01", StaffRole.AUDITOR),
    (ACCESSES, "01", StaffRole.ADMINISTRATOR),
    *((person, "01", StaffRole.INSPECTOR) for person, _grade in INSPECTORS),
)

BANKS = (
    BankHouse(
        "911",
        "Banque du Détroit",
        "780",
        "0004211000770001",
        Person("banque@detroit.example", "Hamza Idrissi"),
    ),
    BankHouse(
        "922",
        "Crédit des Oasis",
        "450",
        "0009870055120003",
        Person("banque@oasis.example", "Salma Kettani"),
    ),
)

ACCOUNTANT = Person("cabinet@fiduciaire.example", "Youssef Tazi")
OFFICE_NAME = "Fiduciaire Al Mizane"
OFFICE_CITY = "Casablanca"
MANDATE_SCOPES = (Scope.READ, Scope.DECLARE, Scope.PAY, Scope.CERTIFICATES, Scope.DISPUTES)

FIRMS = (
    Firm(
        key="bakery",
        number=affiliation_number("204518", second_series=False),
        name="BOULANGERIE AL BARAKA",
        name_ar="مخبزة البركة",
        activity="BOULANGERIE PATISSERIE",
        address="14 RUE DES ORANGERS MAARIF",
        city="CASABLANCA",
        postal_code="20330",
        ice=_ice("0021457830000"),
        agency="01",
        since=datetime.date(2016, 4, 1),
        employees=2,
        bank="911",
        members=((Person("nadia@boulangerie.example", "Nadia Berrada"), Role.OWNER),),
    ),
    Firm(
        key="hairdresser",
        number=affiliation_number("731960", second_series=True),
        name="COIFFURE YASMINA",
        name_ar="صالون ياسمينة للحلاقة",
        activity="COIFFURE",
        address="3 AVENUE HASSAN II",
        city="FES",
        postal_code="30000",
        ice=_ice("0018840020000"),
        agency="14",
        since=datetime.date(2021, 9, 1),
        employees=1,
        bank="911",
        members=(
            (Person("yasmina@coiffure.example", "Yasmina Sefrioui", language="ar"), Role.OWNER),
        ),
        represented=True,
    ),
    Firm(
        key="garage",
        number=affiliation_number("318207", second_series=True),
        name="GARAGE DES TROIS ROUTES",
        name_ar="مرآب الطرق الثلاث",
        activity="REPARATION AUTOMOBILE",
        address="KM 4 ROUTE DE MEDIOUNA",
        city="CASABLANCA",
        postal_code="20470",
        ice=_ice("0019002760000"),
        agency="01",
        since=datetime.date(2012, 2, 1),
        employees=9,
        bank="922",
        members=((Person("omar@garage.example", "Omar Bouazza"), Role.OWNER),),
        represented=True,
    ),
    Firm(
        key="riad",
        number=affiliation_number("466031", second_series=False),
        name="RIAD BAB AGNAOU",
        name_ar="رياض باب أكناو",
        activity="HOTELLERIE",
        address="22 DERB SIDI BOUAMAR MEDINA",
        city="MARRAKECH",
        postal_code="40030",
        ice=_ice("0015527190000"),
        agency="27",
        since=datetime.date(2009, 6, 1),
        employees=34,
        bank="911",
        members=(
            (Person("leila@riad.example", "Leïla Benchekroun"), Role.OWNER),
            (Person("accueil@riad.example", "Hicham Oubella"), Role.READER),
        ),
        turnover=3,
        represented=True,
    ),
    Firm(
        key="clinic",
        number=affiliation_number("127749", second_series=True),
        name="CLINIQUE LES OLIVIERS",
        name_ar="مصحة الزيتون",
        activity="ETABLISSEMENT DE SANTE",
        address="8 BOULEVARD GHANDI",
        city="CASABLANCA",
        postal_code="20380",
        ice=_ice("0010093640000"),
        agency="01",
        since=datetime.date(2004, 1, 1),
        employees=118,
        bank="922",
        members=(
            (Person("direction@clinique.example", "Dr Meryem Skalli"), Role.OWNER),
            (Person("paie@clinique.example", "Adil Hajji"), Role.DECLARANT),
            (Person("tresorerie@clinique.example", "Hanane Sabri"), Role.PAYER),
        ),
        skilled=True,
        turnover=5,
        amo_exempt=True,
    ),
    Firm(
        key="textile",
        number=affiliation_number("588412", second_series=False),
        name="ATLAS MAILLE INDUSTRIES",
        name_ar="أطلس للنسيج",
        activity="CONFECTION TEXTILE",
        address="LOT 45 ZONE INDUSTRIELLE SIDI MOUMEN",
        city="CASABLANCA",
        postal_code="20400",
        ice=_ice("0007718250000"),
        agency="01",
        since=datetime.date(1998, 10, 1),
        employees=300,
        bank="922",
        members=(
            (Person("direction@atlasmaille.example", "Abdelhak Lahlou"), Role.OWNER),
            (Person("paie@atlasmaille.example", "Soukaina Naciri"), Role.DECLARANT),
        ),
        turnover=12,
    ),
)


def firm(key: str) -> Firm:
    """The firm of this key."""
    return next(one for one in FIRMS if one.key == key)


def clerk_of(employer: Firm) -> Person:
    """Who looks after the firm at its agency; the clerk of Casablanca where there is none."""
    return CLERK_OF_MARRAKECH if employer.agency == "27" else CLERK


def bank(code: str) -> BankHouse:
    """The bank of this code."""
    return next(one for one in BANKS if one.code == code)
