"""The demo as a whole: built once, in one transaction; then its files and its table, at each run."""

import datetime
import io
import shutil
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from affiliates.models import Affiliate
from affiliates.queries import statuses_on
from damancom.demo import (
    debits,
    desk,
    files,
    missions,
    paper,
    quarrels,
    requests,
    statements,
    world,
)
from damancom.demo.files import Credit
from damancom.demo.history import History
from damancom.demo.register import build, jobs_of_all
from declarations.codecs import prefill as codec
from declarations.models import Prefill
from payments.models import PaymentSlip
from portal import audit, clock
from regulation.contributions import contributions
from regulation.identifiers import slip_reference
from regulation.periods import Period

MONTHS = 12


@dataclass(frozen=True)
class Account:
    """One line of the table that the visitor reads."""

    who: str
    email: str
    try_this: str


@dataclass(frozen=True)
class Demo:
    """What to print: accounts, the password of them all, and where the files lie."""

    accounts: tuple[Account, ...]
    password: str
    folder: Path
    built: bool


def load(*, now: datetime.datetime, folder: Path) -> Demo:
    """Build the world unless it stands already, write the files to upload into ``folder``, tell what to try."""
    current = Period.from_day(clock.day_of(now))
    built = False
    with transaction.atomic():
        if not Affiliate.objects.filter(affiliation_number=world.firm("bakery").number).exists():
            _live(now, first=current - MONTHS, last=current.previous())
            built = True
    if built:
        # The scheduled task may not run yet: a whole year of acts does not wait for it.
        audit.seal()
    write_files(folder, now=now)
    return Demo(ACCOUNTS, world.PASSWORD, folder, built)


def _live(now: datetime.datetime, *, first: Period, last: Period) -> None:
    before = first.first_day - datetime.timedelta(days=10)
    founded = datetime.datetime.combine(before, datetime.time(9), clock.CASABLANCA)
    register = build(at=founded.astimezone(datetime.UTC), first_month=first, last_month=last)
    history = History(register, now=now)
    quarrels.plan(history)
    history.live()
    debits.live(register, now=now)
    desk.live(register, now=now)
    statements.live(register, now=now)
    paper.certificates(register, now=now)
    requests.ask(register, now=now)
    requests.hire_season(register, now=now)
    requests.mandate(register, now=now)
    requests.own_data(register, now=now)
    missions.missions(register, now=now)
    quarrels.finish(history, now=now)
    _open_month(history, last.next(), now)


def _open_month(history: History, period: Period, now: datetime.datetime) -> None:
    """The month in progress: prefilled for all, a draft ready at the riad, a file to correct at the garage."""
    for firm in world.FIRMS:
        history.issue_prefill(firm, period, now)
    riad, garage = world.firm("riad"), world.firm("garage")
    ready = history.payroll(riad, period)
    history.send(riad, period, ready.name, ready.content, now)
    faulty = history.payroll(garage, period, careless=True)
    history.send(garage, period, faulty.name, files.as_saved_on_windows(faulty.content), now)


# -- files -------------------------------------------------------------------------------------


def write_files(folder: Path, *, now: datetime.datetime) -> None:
    """The declarations of the open month, right and faulty, and the notices of the banks, in ``folder``."""
    today = clock.day_of(now)
    bakery = Affiliate.objects.get(affiliation_number=world.firm("bakery").number)
    first = Period.from_day(bakery.prefills.order_by("period").values_list("period", flat=True)[0])
    period = first + MONTHS
    right, wrong, bank, sheets = (
        folder / name for name in ("declarations", "declarations-avec-fautes", "banque", "tableurs")
    )
    if folder.exists():
        shutil.rmtree(folder)
    for place in (right, wrong, bank, sheets):
        place.mkdir(parents=True)
    jobs = jobs_of_all(first, period.previous())
    for firm in world.FIRMS:
        prefill = Prefill.objects.get(
            affiliate__affiliation_number=firm.number, period=period.first_day
        )
        payroll = files.declaration(codec.read(io.BytesIO(bytes(prefill.content))), jobs[firm.key])
        (right / payroll.name).write_bytes(payroll.content)
        if firm.key in ("bakery", "textile"):
            (wrong / payroll.name).write_bytes(files.with_faults(payroll.content))
            name = f"salaires-{firm.number}-{period.compact}"
            (sheets / f"{name}.xlsx").write_bytes(files.workbook(payroll))
            careless = files.workbook(payroll, careless=True)
            (sheets / f"{name}-avec-fautes.xlsx").write_bytes(careless)
        if firm.key == "bakery":
            due = contributions(period, payroll.wages, statuses_on(bakery, period.first_day)).total
    house = world.bank(world.firm("bakery").bank)
    name = f"camt.054-{house.code}-{today:%Y%m%d}"
    content = files.camt_054(
        _visitors_credits(period, due),
        message_id=f"{house.code}-{today:%Y%m%d}-054-VISITE",
        rib=house.rib,
        day=today,
    )
    (bank / f"{name}.xml").write_bytes(content)
    broken = content.replace(b"-VISITE", b"-ABIME").replace(b"<Sum>", b"<Sum>1", 1)
    (bank / f"{name}-total-faux.xml").write_bytes(broken)
    (folder / "LISEZ-MOI.txt").write_text(READ_ME, encoding="utf-8")


def _visitors_credits(period: Period, due: Decimal) -> list[Credit]:
    """Five transfers: the bakery's coming slip to the centime, a part, too much, an unknown code, no code at all."""
    number = world.firm("bakery").number
    late = period.previous()
    hairdresser = slip_reference(world.firm("hairdresser").number, late)
    riad = slip_reference(world.firm("riad").number, late - 1)
    owed = PaymentSlip.objects.get(payment_reference=hairdresser).total
    day = f"{period.compact[2:]}"
    return [
        Credit(f"V{day}0001", due, "BOULANGERIE AL BARAKA", slip_reference(number, period)),
        Credit(
            f"V{day}0002", Decimal("5000.00"), "RIAD BAB AGNAOU", riad, "ACOMPTE", structured=False
        ),
        Credit(f"V{day}0003", owed + Decimal("147.40"), "COIFFURE YASMINA", hairdresser),
        Credit(
            f"V{day}0004",
            Decimal("1250.00"),
            "SOCIETE DE PASSAGE",
            slip_reference(number, period - 30),
        ),
        Credit(f"V{day}0005", Decimal("830.00"), "M BENNANI", text="COTISATIONS OCTOBRE"),
    ]


READ_ME = """Fichiers de la démonstration. Tout y est inventé.

declarations/              un fichier DS correct par entreprise, pour le mois en cours
declarations-avec-fautes/  le même avec des fautes courantes : fins de ligne Windows, blancs coupés,
                           un salaire plafonné, un nombre de jours, un code de situation et un total faux
tableurs/                  le même mois dans un tableur, à déposer au même endroit ; et avec deux cellules fausses
banque/                    un avis camt.054 à déposer dans l’espace de la Banque du Détroit : un bordereau payé
                           au centime (celui que crée le dépôt de BOULANGERIE AL BARAKA), un paiement partiel,
                           un trop-perçu, une référence inconnue, un virement sans référence ;
                           et le même avec un total de contrôle faux, que le portail refuse entier
"""

ACCOUNTS = (
    Account(
        "Nadia Berrada, patronne d’une boulangerie de 2 salariés",
        "nadia@boulangerie.example",
        "déclarer le mois en cours avec declarations/DS_…, voir son bordereau",
    ),
    Account(
        "Youssef Tazi, fiduciaire de trois entreprises",
        "cabinet@fiduciaire.example",
        "choisir une entreprise, corriger le fichier du garage, déposer celui du riad",
    ),
    Account(
        "Hamza Idrissi, Banque du Détroit",
        "banque@detroit.example",
        "déposer banque/camt.054-…, lire chaque sorte de réponse ; un avis refusé, une remise à prendre",
    ),
    Account(
        "Salma Kettani, Crédit des Oasis",
        "banque@oasis.example",
        "un relevé MT940, et des virements sans référence",
    ),
    Account(
        "Dr Meryem Skalli, clinique de 118 salariés, AMO privée",
        "direction@clinique.example",
        "ses attestations ; un mois corrigé, ses versions ; un autre payé deux fois, son crédit",
    ),
    Account(
        "Abdelhak Lahlou, textile, 300 salariés",
        "direction@atlasmaille.example",
        "un mois en retard par un virement sans référence, une attestation révoquée",
    ),
    Account(
        "Leïla Benchekroun, riad de 34 salariés",
        "leila@riad.example",
        "ses réclamations : décidée et en cours ; son échelonnement",
    ),
    Account(
        "Yasmina Sefrioui, coiffeuse (écrans en arabe)",
        "yasmina@coiffure.example",
        "un mois payé sous l’ancienne référence : son crédit, ce que coûte le retard",
    ),
    Account(
        "Omar Bouazza, garage de 9 salariés",
        "omar@garage.example",
        "sa remise accordée, ses majorations, son astreinte ; retirer le mandat de la fiduciaire",
    ),
    Account(
        "Karim Alaoui, gestionnaire",
        "agent@caisse.example",
        "traiter une réclamation, comparer deux personnes, affilier une entreprise",
    ),
    Account(
        "Samira El Fassi, superviseure",
        "superviseur@caisse.example",
        "valider le versement que la trésorerie propose d’affecter, approuver la convention d’une banque",
    ),
    Account(
        "Nawal Bennis, trésorière",
        "tresorerie@caisse.example",
        "affecter un versement sans référence, proposer le remboursement d’un crédit, préparer une remise",
    ),
)
