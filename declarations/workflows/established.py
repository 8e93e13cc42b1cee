"""Wages that the fund established in the place of the employer: they become a declaration like any other.

A correction of the month by the fund, or its first declaration when the employer made none: the employee's rights,
the receipt, the slip and every page then follow as they do from what an employer files.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from affiliates.models import Affiliate
from declarations.codecs.e_bds import AWAITING_NUMBER
from declarations.enums import (
    DeclarationKind,
    DeclarationStatus,
    FilingMode,
    LineOrigin,
)
from declarations.errors import NothingCorrected
from declarations.models import Declaration, DeclarationLine
from declarations.transitions import Act, after
from declarations.workflows.corrections import copied_lines
from declarations.workflows.drafts import submit
from portal import audit
from portal.models import User
from regulation.money import ZERO
from regulation.parameters import value_at
from regulation.periods import Period


@dataclass(frozen=True, slots=True)
class EstablishedWage:
    """What was established of one person in the month; the wage in dirhams, the number empty while there is none."""

    full_name: str
    registration_number: str
    days: int
    wage: Decimal


@transaction.atomic
def establish(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    period: Period,
    reference: str,
    wages: Sequence[EstablishedWage],
) -> Declaration:
    """Raise the month to the wages established under ``reference``; return the declaration that now stands.

    A wage already declared as high, by the employer meanwhile for instance, stays; when that is so of all, nothing
    changes. The limits put on an employer's own corrections do not hold the fund. A draft in the way is replaced and
    stays readable.
    """
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    place = Declaration.objects.filter(
        affiliate=affiliate, period=period.first_day, kind=DeclarationKind.MAIN.value
    )
    former = place.filter(status=DeclarationStatus.SUBMITTED.value).first()
    for draft in place.filter(status=DeclarationStatus.DRAFT.value).select_for_update(of=("self",)):
        draft.status = after(DeclarationStatus(draft.status), Act.REPLACE).value
        draft.version += 1
        draft.save(update_fields=["status", "version"])
    row = Declaration.objects.create(
        affiliate=affiliate,
        period=period.first_day,
        kind=DeclarationKind.MAIN.value,
        mode=FilingMode.FUND.value,
        created_at=at,
        corrects=former,
    )
    lines = _raised(copied_lines(former, row) if former else [], row, period, wages)
    DeclarationLine.objects.bulk_create(lines, batch_size=2_000)
    row.employee_count = len(lines)
    row.days_declared = sum(line.days_declared for line in lines)
    row.wage_bill = sum((line.gross_wage for line in lines), ZERO)
    row.capped_wage_bill = sum((line.capped_wage for line in lines), ZERO)
    row.save()
    audit.record(
        actor=actor,
        action="declarations.established",
        subject=row,
        affiliation_number=affiliate.affiliation_number,
        period=str(period),
        reference=reference,
    )
    try:
        with transaction.atomic():
            return submit(actor=actor, at=at, declaration=row, version=row.version)
    except NothingCorrected:
        if former is None:
            raise
        row.status = after(DeclarationStatus.DRAFT, Act.CANCEL).value
        row.save(update_fields=["status"])
        return former


def _raised(
    lines: list[DeclarationLine], row: Declaration, period: Period, wages: Sequence[EstablishedWage]
) -> list[DeclarationLine]:
    ceiling = value_at("ceiling.monthly", period.first_day).value
    for found in wages:
        line = next((line for line in lines if _is_of(line, found)), None)
        if line is None:
            line = DeclarationLine(
                declaration=row,
                rank=len(lines) + 1,
                origin=LineOrigin.NEW_HIRE.value,
                registration_number=found.registration_number or AWAITING_NUMBER,
                full_name=found.full_name[:60],
                days_declared=0,
                gross_wage=ZERO,
                capped_wage=ZERO,
            )
            lines.append(line)
        if found.wage > line.gross_wage:
            line.gross_wage = found.wage
            line.capped_wage = min(found.wage, ceiling)
            line.days_declared = max(line.days_declared, found.days)
    return lines


def _is_of(line: DeclarationLine, found: EstablishedWage) -> bool:
    if found.registration_number:
        return line.registration_number == found.registration_number
    return line.full_name.split() == found.full_name.upper().split()
