"""What a certificate of each kind attests on the day it is asked for, from the register and the declarations."""

import datetime
from collections import defaultdict
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum

from affiliates.models import Affiliate, Employment
from certificates.eligibility import PersonStanding
from certificates.enums import CertificateKind
from certificates.facts import (
    CertificateFacts,
    PersonFacts,
    PersonLineFacts,
    PersonMonthFacts,
    StandingFacts,
)
from certificates.queries import affiliate_facts, declared_months, submitted
from declarations.models import DeclarationLine
from payments.models import PaymentSlip
from regulation.money import ZERO
from regulation.parameters import value_at
from regulation.periods import Period

# Written in the place of a number that the fund has not given yet.
_AWAITED = "000000000"

Span = tuple[Period, Period]


def certificate_facts(
    affiliate: Affiliate,
    kind: CertificateKind,
    span: Span | None,
    *,
    about: str,
    on: datetime.date,
) -> CertificateFacts:
    """What a certificate of this kind would attest on the Moroccan day ``on``.

    ``span`` for the kinds that have a range, ``about`` for a tender or an employee: a registration number.
    """
    employer = affiliate_facts(affiliate)
    if kind is CertificateKind.PAYROLL and span is not None:
        return CertificateFacts(employer, declared_months(affiliate, *span))
    if kind is CertificateKind.EMPLOYEE:
        return CertificateFacts(employer, person=person_facts(affiliate, about))
    if span is None:
        return CertificateFacts(employer)
    relied = _receipts(affiliate, span)
    if kind is CertificateKind.EMPLOYEES:
        people = declared_people(affiliate, span)
        return CertificateFacts(employer, span=span, relied=relied, people=people)
    if kind is CertificateKind.WAGES:
        return CertificateFacts(
            employer,
            span=span,
            relied=relied,
            person=person_facts(affiliate, about),
            wages=person_months(affiliate, about, span),
        )
    standing = StandingFacts(_held(affiliate), _months_later(on))
    return CertificateFacts(employer, span=span, relied=relied, about=about, standing=standing)


def _receipts(affiliate: Affiliate, span: Span) -> tuple[str, ...]:
    rows = submitted(affiliate).filter(period__range=(span[0].first_day, span[1].first_day))
    return tuple(number or "" for number in rows.values_list("receipt_number", flat=True))


def _held(affiliate: Affiliate) -> Decimal:
    """What disputes hold of all the slips; said on the paper, since it does not stop it."""
    slips = PaymentSlip.objects.filter(affiliate=affiliate)
    held = slips.aggregate(held=Sum("holds__amount", filter=Q(holds__released_at__isnull=True)))
    return held["held"] or ZERO


def _months_later(on: datetime.date) -> datetime.date:
    """The same day some months later (policy), or the last day of that month when it has no such day."""
    months = int(value_at("certificate.standing_validity", on).value)
    month = Period.from_day(on) + months
    return month.first_day.replace(day=min(on.day, month.last_day.day))


# ---------------------------------------------------------------------------------------------- employees


def _lines(affiliate: Affiliate, span: Span | None = None) -> QuerySet[DeclarationLine]:
    rows = submitted(affiliate)
    if span is not None:
        rows = rows.filter(period__range=(span[0].first_day, span[1].first_day))
    return DeclarationLine.objects.filter(declaration__in=rows.order_by())


def declared_people(affiliate: Affiliate, span: Span) -> tuple[PersonLineFacts, ...]:
    """Who is declared, by name; a person on several declarations is one line. No wage: the list is passed around."""
    people: dict[tuple[str, str], int] = defaultdict(int)
    names: dict[str, str] = {}
    rows = _lines(affiliate, span).values_list("registration_number", "full_name", "days_declared")
    for number, name, days in rows.order_by("declaration", "rank").iterator(chunk_size=2000):
        known = "" if number == _AWAITED else number
        # Two entrants without a number are two people as long as their names differ.
        people[known, "" if known else name] += days
        names.setdefault(known or name, name)
    lines = (
        PersonLineFacts(number, names[number or name], days)
        for (number, name), days in people.items()
    )
    return tuple(sorted(lines, key=lambda line: (line.name, line.registration_number)))


def person_months(affiliate: Affiliate, number: str, span: Span) -> tuple[PersonMonthFacts, ...]:
    """What was declared for one employee, month by month; a month without them has no line."""
    rows = (
        _lines(affiliate, span)
        .filter(registration_number=number)
        .values_list("declaration__period")
        .annotate(days=Sum("days_declared"), gross=Sum("gross_wage"), capped=Sum("capped_wage"))
        .order_by("declaration__period")
    )
    return tuple(
        PersonMonthFacts(Period.from_day(period), days, gross, capped)
        for period, days, gross, capped in rows
    )


def person_standing(affiliate: Affiliate, number: str) -> PersonStanding:
    """Whether ``number`` is an employee of ``affiliate``, by the register or by a declaration; when declared."""
    if not (number.isascii() and number.isdecimal() and len(number) == 9) or number == _AWAITED:
        return PersonStanding(is_known=False)
    declared = frozenset(
        Period.from_day(period)
        for period in _lines(affiliate)
        .filter(registration_number=number)
        .values_list("declaration__period", flat=True)
        .distinct()
    )
    return PersonStanding(bool(declared) or _employments(affiliate, number).exists(), declared)


def person_facts(affiliate: Affiliate, number: str) -> PersonFacts:
    """The employee as the register names them, or as the last declaration did."""
    employment = _employments(affiliate, number).order_by("started_on").first()
    if employment is None:
        line = _lines(affiliate).filter(registration_number=number).order_by("-declaration").first()
        return PersonFacts(number, line.full_name if line else "", "", None)
    person = employment.employee
    return PersonFacts(
        number,
        f"{person.last_name} {person.first_name}",
        f"{person.first_name_ar} {person.last_name_ar}".strip(),
        employment.started_on,
    )


def _employments(affiliate: Affiliate, number: str) -> QuerySet[Employment]:
    rows = Employment.objects.filter(affiliate=affiliate, employee__registration_number=number)
    return rows.select_related("employee")
