"""The facts of a receipt."""

import datetime
import json
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, QuerySet

from declarations.enums import (
    DeclarationKind,
    LineOrigin,
    OnTimeReason,
)
from declarations.models import (
    Declaration,
    DeclarationLine,
)
from declarations.queries.contributions import stored_contributions
from portal import clock
from regulation.contributions import ContributionResult
from regulation.parameters import due_day
from regulation.periods import Period


@dataclass(frozen=True)
class ReceiptFacts:
    """Everything that the receipt of a submitted declaration states. Amounts in dirhams."""

    receipt_number: str
    affiliation_number: str
    affiliate_name: str
    affiliate_name_ar: str
    agency_name: str
    agency_name_ar: str
    period: Period
    kind: DeclarationKind
    supplement_number: int
    submitted_at: datetime.datetime
    submitted_by: str
    due_on: datetime.date
    is_late: bool
    file_name: str
    file_sha256: str
    employee_count: int
    new_hire_count: int
    days_declared: int
    wage_bill: Decimal
    capped_wage_bill: Decimal
    contributions: ContributionResult
    digest: str  # of the chained receipt; empty while it is being made
    kept_on_time_because: OnTimeReason | None = None
    # What a correction takes the place of, and when the month first arrived: that day says whether it was late.
    replaces: str = ""
    first_submitted_at: datetime.datetime | None = None
    # The office by whose mandate it was filed, as the receipt states it; empty in one's own right.
    office: str = ""


def first_filed_at(declaration: Declaration) -> datetime.datetime:
    """When the place of a filed declaration was first filed, corrected since or not."""
    first = filed_in_place(declaration).order_by("submitted_at").first()
    if first is None or first.submitted_at is None:
        raise Declaration.DoesNotExist("nothing was filed in this place")
    return first.submitted_at


def filed_in_place(declaration: Declaration) -> QuerySet[Declaration]:
    """Everything ever submitted for the month, kind and number of a declaration, itself included."""
    return Declaration.objects.filter(
        affiliate=declaration.affiliate_id,
        period=declaration.period,
        kind=declaration.kind,
        supplement_number=declaration.supplement_number,
        submitted_at__isnull=False,
    )


def receipt_facts(declaration: Declaration) -> ReceiptFacts:
    """The facts of the receipt of a submitted declaration; three queries at most."""
    return receipt_facts_of([declaration])[declaration.pk]


def receipt_facts_of(declarations: Collection[Declaration]) -> dict[int, ReceiptFacts]:
    """The facts of the receipts of submitted declarations, by key; two queries, and one for each correction."""
    keys = [one.pk for one in declarations]
    rows = Declaration.objects.filter(pk__in=keys).select_related(
        "affiliate__agency", "submitted_by", "received_file__stored", "receipt", "corrects"
    )
    hired = dict(
        DeclarationLine.objects.filter(declaration__in=keys, origin=LineOrigin.NEW_HIRE.value)
        .order_by()
        .values_list("declaration")
        .annotate(count=Count("pk"))
    )
    return {row.pk: _receipt_facts(row, hired.get(row.pk, 0)) for row in rows}


def _receipt_facts(declaration: Declaration, new_hires: int) -> ReceiptFacts:
    if declaration.submitted_at is None or declaration.receipt_number is None:
        raise Declaration.DoesNotExist("no receipt before submission")
    affiliate, file = declaration.affiliate, declaration.received_file
    receipt = declaration.receipt if hasattr(declaration, "receipt") else None
    period = Period.from_day(declaration.period)
    due_on = due_day(period)
    former = declaration.corrects
    first = first_filed_at(declaration) if former else declaration.submitted_at
    return ReceiptFacts(
        receipt_number=declaration.receipt_number,
        affiliation_number=affiliate.affiliation_number,
        affiliate_name=affiliate.name,
        affiliate_name_ar=affiliate.name_ar,
        agency_name=affiliate.agency.name,
        agency_name_ar=affiliate.agency.name_ar,
        period=period,
        kind=DeclarationKind(declaration.kind),
        supplement_number=declaration.supplement_number,
        submitted_at=declaration.submitted_at,
        replaces=(former.receipt_number or "") if former else "",
        first_submitted_at=first,
        submitted_by=declaration.submitted_by.full_name if declaration.submitted_by else "",
        due_on=due_on,
        is_late=(declaration.filed_on or clock.day_of(first)) > due_on,
        kept_on_time_because=(
            OnTimeReason(declaration.kept_on_time_because)
            if declaration.kept_on_time_because
            else None
        ),
        file_name=file.stored.name if file else "",
        file_sha256=file.sha256 if file else "",
        employee_count=declaration.employee_count,
        new_hire_count=new_hires,
        days_declared=declaration.days_declared,
        wage_bill=declaration.wage_bill,
        capped_wage_bill=declaration.capped_wage_bill,
        contributions=stored_contributions(declaration),
        digest=receipt.digest if receipt else "",
        office=json.loads(receipt.content).get("submitted_by_office", "") if receipt else "",
    )
