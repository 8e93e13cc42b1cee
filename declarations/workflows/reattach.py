"""Giving the number to people who were declared while they had none.

An employer declares a new hire with `000000000` and a card (e-BDS §4.7). Once the fund has told the number, the
lines of that employer that carry the same card receive it: those of forms being filled and those submitted, before or
after. What the employer sent stays as it was (file, receipt, amounts); each submitted line keeps the former value.
"""

import datetime
from itertools import groupby

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from affiliates.enums import RegistrationState
from affiliates.models import Affiliate, RegistrationRequest
from declarations import queries
from declarations.codecs.e_bds import AWAITING_NUMBER
from declarations.enums import DeclarationStatus, FilingMode
from declarations.models import Declaration, DeclarationLine, LineReattachment
from portal import audit

_TOUCHED = Q(declaration__status=DeclarationStatus.SUBMITTED.value) | Q(
    declaration__status=DeclarationStatus.DRAFT.value,
    declaration__mode=FilingMode.FORM.value,
)


def affiliates_to_reattach() -> QuerySet[Affiliate]:
    """Those with a line without number for a card whose number they were told; one query, on a partial index."""
    told = RegistrationRequest.objects.filter(
        state=RegistrationState.ISSUED.value,
        affiliate=OuterRef("declaration__affiliate"),
        card_number=OuterRef("cin"),
    )
    waiting = DeclarationLine.objects.filter(
        _TOUCHED, Exists(told), registration_number=AWAITING_NUMBER
    )
    return Affiliate.objects.filter(pk__in=waiting.values("declaration__affiliate")).order_by("pk")


@transaction.atomic
def reattach(*, at: datetime.datetime, affiliate: Affiliate) -> int:
    """Give their number to the lines of an affiliate that wait for it; returns how many received it.

    A declaration in which the number already stands is left as it is: one person is not declared twice by us.
    Run twice or at once, changes each line once.
    """
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    issued = RegistrationRequest.objects.filter(
        affiliate=affiliate, state=RegistrationState.ISSUED.value
    ).select_related("employee")
    requests = {row.card_number: row for row in issued}
    lines = (
        DeclarationLine.objects.filter(
            _TOUCHED,
            declaration__affiliate=affiliate,
            registration_number=AWAITING_NUMBER,
            cin__in=list(requests),
        )
        .select_related("declaration")
        .order_by("declaration_id", "rank")
    )
    changed = 0
    for _key, group in groupby(lines, key=lambda line: line.declaration_id):
        theirs = list(group)
        declaration = Declaration.objects.select_for_update(of=("self",)).get(
            pk=theirs[0].declaration_id
        )
        declaration.affiliate = affiliate
        given = [one for one in theirs if _give(one, requests[one.cin], declaration, at)]
        if given and declaration.status == DeclarationStatus.DRAFT:
            _refresh_draft(declaration)
        changed += len(given)
    return changed


def _give(
    line: DeclarationLine,
    request: RegistrationRequest,
    declaration: Declaration,
    at: datetime.datetime,
) -> bool:
    number = request.employee.registration_number if request.employee else None
    if not number or declaration.lines.filter(registration_number=number).exists():
        return False
    line.registration_number = number
    line.save(update_fields=["registration_number"])
    if declaration.status == DeclarationStatus.SUBMITTED:
        LineReattachment.objects.create(
            line=line,
            former_number=AWAITING_NUMBER,
            number=number,
            request_number=request.number,
            at=at,
        )
    audit.record(
        actor=None,
        action="declarations.line.reattached",
        subject=line,
        affiliation_number=declaration.affiliate.affiliation_number,
        period=f"{declaration.period:%Y-%m}",
        registration_number=number,
        request=request.number,
    )
    return True


def _refresh_draft(declaration: Declaration) -> None:
    """A form in progress is judged again; whoever has it open gets the readable conflict, not a mixture."""
    lines = list(declaration.lines.order_by("rank"))
    declaration.to_complete = queries.judge_form(declaration, lines).to_complete
    declaration.version += 1
    declaration.save(update_fields=["to_complete", "version"])
