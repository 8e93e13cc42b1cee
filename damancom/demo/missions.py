"""Inspections of the demo: one whose observations wait for the firm's answer, one just announced, drawn by lot."""

import datetime
from decimal import Decimal

from damancom.demo import world
from damancom.demo.paper import intent
from damancom.demo.register import Register
from declarations.models import DeclarationLine
from disputes.enums import AssessmentRule, SelectionReason, StepKind
from disputes.missions import earliest_visit
from disputes.models import Inspector, Mission
from disputes.workflows import missions as inspecting
from disputes.workflows.risks import measure_all
from portal import clock
from portal.models import User
from regulation.parameters import is_working_day, value_at
from regulation.periods import Period

_VISIT = {
    "place": "Atelier de Sidi Moumen, bâtiment B",
    "hours": "de 9 h 30 à 12 h 15",
    "met": "Le directeur, la responsable de la paie, douze ouvrières à leur poste.",
    "seen": "Registre du personnel, bulletins de paie de trois mois, plan de l’atelier.",
    "noted": "Une prime d’équipe est versée chaque mois ; elle ne figure pas dans les salaires déclarés.",
    "statement": "« Le donneur d’ordre verse cette prime ; nous pensions qu’elle n’entrait pas dans l’assiette. »",
}
_OBSERVATIONS = {
    "facts": "Une prime d’équipe de 500 DH par mois a été versée à une salariée sans être déclarée.",
    "texts": "Dahir n° 1-72-184, article 19 : l’assiette comprend les primes.",
    "consequence": "Redresser le mois examiné, sauf pièce contraire de votre part.",
}


def missions(register: Register, *, now: datetime.datetime) -> None:
    """Play both missions through their workflows; every act has its own day."""
    team = [register.user(person) for person, _grade in world.INSPECTORS]
    for person, grade in world.INSPECTORS:
        Inspector.objects.get_or_create(user=register.user(person), defaults={"grade": grade.value})
    _observed(register, team, now)
    _announced(register, team, now)
    measure_all(at=now)


def _observed(register: Register, team: list[User], now: datetime.datetime) -> None:
    textile, month = register.affiliates["textile"], register.last_month - 2
    ordered_at = _morning(now, days=24)
    visit = _first_visit(ordered_at)
    mission = _order(
        register,
        team,
        "textile",
        inspecting.Order(
            reason=SelectionReason.COMPLAINT,
            reason_facts="Plainte d’une salariée sur une prime qui ne figure pas à son relevé.",
            first=month - 5,
            last=month,
            scope="Primes versées au personnel de l’atelier.",
            limits="Deux visites au plus, aux heures de travail ; les comptes bancaires ne sont pas examinés.",
            starts_on=visit,
            ends_on=visit + datetime.timedelta(days=10),
        ),
        ordered_at,
    )
    visited_at = datetime.datetime.combine(visit, datetime.time(13), clock.CASABLANCA)
    _act(mission, team, StepKind.VISIT, _VISIT, visited_at)
    line = (
        DeclarationLine.objects.filter(
            declaration__affiliate=textile, declaration__period=month.first_day, days_declared=26
        )
        .order_by("rank")
        .first()
    )
    if line is not None:
        inspecting.propose(
            actor=team[2],
            mission_id=mission.pk,
            found=inspecting.Established(
                rule=AssessmentRule.UNDERSTATED,
                period=month,
                employee=" ".join(line.full_name.split()),
                registration_number=line.registration_number,
                days=line.days_declared,
                declared=line.gross_wage,
                wage=line.gross_wage + Decimal("500.00"),
            ),
            intent=intent("textile assessment"),
            at=visited_at + datetime.timedelta(days=1),
        )
    _act(
        mission,
        team,
        StepKind.OBSERVATIONS,
        _OBSERVATIONS,
        visited_at + datetime.timedelta(days=2),
    )


def _announced(register: Register, team: list[User], now: datetime.datetime) -> None:
    ordered_at = _morning(now, days=1)
    visit = _first_visit(ordered_at)
    period = Period.from_day(clock.day_of(now))
    _order(
        register,
        team,
        "garage",
        inspecting.Order(
            reason=SelectionReason.RANDOM,
            reason_facts="Tirage au sort public, rang 14 parmi les 312 affiliés de l’agence.",
            first=period - 12,
            last=period - 2,
            scope="Effectif et jours déclarés.",
            limits="Une visite, aux heures d’ouverture.",
            starts_on=visit,
            ends_on=visit + datetime.timedelta(days=7),
        ),
        ordered_at,
    )


def _morning(now: datetime.datetime, *, days: int) -> datetime.datetime:
    day = clock.day_of(now) - datetime.timedelta(days=days)
    return datetime.datetime.combine(day, datetime.time(10, 15), clock.CASABLANCA)


def _first_visit(ordered_at: datetime.datetime) -> datetime.date:
    day = clock.day_of(ordered_at)
    notice = int(value_at("mission.notice", day).value)
    return earliest_visit(day, is_working_day, working_days=notice)


def _order(
    register: Register,
    team: list[User],
    firm: str,
    order: inspecting.Order,
    at: datetime.datetime,
) -> Mission:
    mission = inspecting.draft(
        actor=register.supervisor,
        affiliate=register.affiliates[firm],
        intent=intent(f"{firm} mission"),
        order=order,
        team=team,
        at=at,
    )
    for hour, inspector in enumerate(team):
        signed_at = at + datetime.timedelta(hours=hour)
        inspecting.sign(actor=inspector, mission_id=mission.pk, at=signed_at)
    return mission


def _act(
    mission: Mission,
    team: list[User],
    kind: StepKind,
    answers: dict[str, str],
    at: datetime.datetime,
) -> None:
    step = inspecting.write_step(
        actor=team[0],
        mission_id=mission.pk,
        kind=kind,
        day=clock.day_of(at),
        answers=answers,
        intent=intent(f"{mission.number} {kind.value}"),
        at=at,
    )
    inspecting.countersign(actor=team[1], step_id=step.pk, at=at + datetime.timedelta(minutes=40))
