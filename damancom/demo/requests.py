"""What waits on the clerk's desk: a person to register who looks like somebody known, a firm to affiliate."""

import datetime
import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from affiliates import sheet_template, workflows
from affiliates.enums import CardKind, LegalForm, Scope, Sex
from affiliates.models import Agency, Employee, Representative
from affiliates.rules import NewFirm, NewHire
from damancom import copying
from damancom.demo import world
from damancom.demo.register import Register
from portal import clock, exports
from portal.enums import Language
from portal.exports import Value

_SCAN = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


@dataclass(frozen=True)
class Scan:
    """A file as a form would give it."""

    name: str | None

    def chunks(self) -> Iterator[bytes]:
        yield _SCAN


def hire_season(register: Register, *, now: datetime.datetime) -> None:
    """The riad hires for the season by spreadsheet: two drafts wait for the copies of cards, one row was wrong."""
    riad = world.firm("riad")
    today = clock.day_of(now)
    people: tuple[tuple[Value, ...], ...] = (
        ("AIT LAHCEN", "SOUKAINA", "آيت لحسن", "سكينة", None, "EE511207", None, "F", datetime.date(2001, 4, 17),
         "MARRAKECH", "12 DERB SIDI BOUAMAR", "MARRAKECH", "0661557001", None, today),
        ("OUBIHI", "BRAHIM", "أوبيهي", "إبراهيم", None, "EE498320", None, "M", datetime.date(1998, 11, 2),
         "OUARZAZATE", "3 RUE DE LA KASBAH", "MARRAKECH", "0661557002", None, today),
        ("ZNIBER", "HAJAR", "زنيبر", "هاجر", None, "EE530041", None, "F", datetime.date(2003, 1, 9),
         "MARRAKECH", "40 AVENUE DES OLIVIERS", "MARRAKECH", "06615570", None, today),
    )  # fmt: skip
    stream = io.BytesIO()
    exports.write_xlsx(stream, title="Embauches", columns=sheet_template.columns(), rows=people)
    stream.seek(0)
    workflows.take_hires(
        actor=register.user(riad.owner),
        at=now,
        affiliate=register.affiliates["riad"],
        intent=uuid.uuid5(uuid.NAMESPACE_URL, "demo:season"),
        stream=stream,
    )


def mandate(register: Register, *, now: datetime.datetime) -> None:
    """The accountants ask the bakery for a mandate: its owner decides on her page « Accès »."""
    accountant = register.people[world.ACCOUNTANT.email]
    office = Representative.objects.filter(members=accountant).first()
    if office is not None:
        workflows.ask_for_mandate(
            actor=accountant,
            at=now,
            representative=office,
            affiliation_number=register.affiliates["bakery"].affiliation_number,
            scopes=[Scope.DECLARE, Scope.CERTIFICATES],
            starts_on=clock.day_of(now),
        )


def own_data(register: Register, *, now: datetime.datetime) -> None:
    """The clinic has moved and asks that its record say so; the baker has a copy of all that is held on her firm."""
    clinic = world.firm("clinic")
    workflows.ask_rectification(
        actor=register.user(clinic.owner),
        at=now - datetime.timedelta(days=1),
        affiliate=register.affiliates[clinic.key],
        employee=None,
        intent=uuid.uuid5(uuid.NAMESPACE_URL, "demo:rectification"),
        told={"address": "210 BOULEVARD D’ANFA"},
        text="La clinique a déménagé au début du mois ; le bail est joint.",
        pieces=[Scan("bail.pdf")],
    )
    bakery = world.firm("bakery")
    copy = copying.ask(
        actor=register.user(bakery.owner), at=now, affiliate=register.affiliates[bakery.key]
    )
    copying.make(copy_id=copy.pk, at=now)


def ask(register: Register, *, now: datetime.datetime) -> None:
    """The garage hires somebody whom the textile firm already employs, under another spelling; a firm affiliates."""
    garage = world.firm("garage")
    job = register.jobs["textile"][0]
    known = Employee.objects.get(registration_number=job.registration_number)
    request = workflows.save_request(
        actor=register.user(garage.owner),
        at=now,
        affiliate=register.affiliates["garage"],
        intent=uuid.uuid5(uuid.NAMESPACE_URL, "demo:registration"),
        person=NewHire(
            card_kind=CardKind.CIN,
            card_number="BK512044",
            last_name=f"EL {known.last_name}",
            first_name=known.first_name,
            last_name_ar="الشفيق",
            first_name_ar="رجاء",
            born_on=known.born_on or datetime.date(1990, 1, 1),
            birth_place="SETTAT",
            sex=Sex.FEMALE,
            nationality="MA",
            address="18 RUE IBN BATOUTA",
            city="CASABLANCA",
            phone="0661002030",
            rib="",
            hired_on=clock.day_of(now) - datetime.timedelta(days=9),
        ),
        pieces=[Scan("carte-nationale.pdf")],
    )
    workflows.send_request(actor=register.user(garage.owner), at=now, request=request)
    affiliation = workflows.begin_affiliation(
        at=now,
        intent=uuid.uuid5(uuid.NAMESPACE_URL, "demo:affiliation"),
        firm=NewFirm(
            legal_form=LegalForm.SARL_AU,
            name="MENUISERIE DU PORT",
            name_ar="نجارة الميناء",
            ice=f"0029981200000{-29981200000 * 100 % 97:02}",
            tax_id="50412233",
            trade_register="612044 Casablanca",
            business_tax="",
            activity="MENUISERIE",
            address="5 QUAI DES PECHEURS",
            city="CASABLANCA",
            postal_code="20000",
            first_hire_on=clock.day_of(now) - datetime.timedelta(days=20),
            contact_name="Rachid Amrani",
            email="rachid@menuiserie.example",
            phone="0661000044",
        ),
        agency=Agency.objects.get(code="01"),
        language=Language.FRENCH,
    )
    workflows.send_affiliation(at=now, request=affiliation, pieces=[Scan("statuts.pdf")])
