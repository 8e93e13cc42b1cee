"""The brake on what is claimed: a held amount bears no surcharge and cannot be debited; it stays due."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from payments.enums import DebitCause
from payments.errors import HoldTooLarge
from payments.models import Hold, PaymentSlip, SlipLine
from payments.queries.debits import field_of
from payments.workflows.debits.claims import give_way
from payments.workflows.debits.orders import resume_held
from payments.workflows.targets import Extra, lock_extra, target_of
from portal import audit
from portal.models import User
from regulation.money import format_amount


@transaction.atomic
def place_hold(
    *,
    actor: User,
    slip_line_id: int,
    amount: Decimal,
    reference: str,
    at: datetime,
) -> Hold:
    """Hold `amount` dirhams of one line of a slip under the caller's `reference`, from `at` on.

    The same reference on the same line again returns the first hold. Refuses HoldTooLarge above the line.
    """
    slip_line = SlipLine.objects.get(pk=slip_line_id)
    slip = (
        PaymentSlip.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .get(pk=slip_line.slip_id)
    )
    existing = Hold.objects.filter(slip=slip, slip_line=slip_line, reference=reference).first()
    if existing is not None:
        return existing
    if not 0 < amount <= slip_line.amount:
        raise HoldTooLarge(asked=format_amount(amount), limit=format_amount(slip_line.amount))
    give_way([slip], actor=actor, at=at, cause=DebitCause.HOLD, about_to_hold=amount)
    hold = Hold.objects.create(
        slip=slip,
        slip_line=slip_line,
        amount=amount,
        reference=reference,
        placed_at=at,
        placed_by=actor,
    )
    _record(actor, "payments.hold_placed", hold, amount=amount)
    return hold


@transaction.atomic
def hold_extra(
    *, actor: User, payment_reference: str, amount: Decimal, reference: str, at: datetime
) -> Hold:
    """Hold `amount` dirhams of the surcharge or filing penalty behind a payment code, as `place_hold` does a line.

    Refuses HoldTooLarge above what is left to pay of it.
    """
    row = lock_extra(payment_reference)
    about: dict[str, Extra] = {field_of(row): row}
    existing = Hold.objects.filter(reference=reference, **about).first()
    if existing is not None:
        return existing
    if not 0 < amount <= row.outstanding:
        raise HoldTooLarge(asked=format_amount(amount), limit=format_amount(row.outstanding))
    give_way([row], actor=actor, at=at, cause=DebitCause.HOLD, about_to_hold=amount)
    hold = Hold.objects.create(
        amount=amount, reference=reference, placed_at=at, placed_by=actor, **about
    )
    _record(actor, "payments.hold_placed", hold, amount=amount)
    return hold


@transaction.atomic
def release_hold(*, actor: User, hold_id: int, at: datetime) -> Hold:
    """Release a hold from `at` on; one already released stays as it is."""
    found = Hold.objects.select_related("slip", "surcharge", "filing_penalty").get(pk=hold_id)
    type(found.due).objects.select_for_update(of=("self",)).get(pk=found.due.pk)
    hold = Hold.objects.select_related(
        "slip__affiliate", "surcharge__slip__affiliate", "filing_penalty__affiliate"
    ).get(pk=hold_id)
    if hold.released_at is not None:
        return hold
    hold.released_at = at
    hold.save(update_fields=["released_at"])
    _record(actor, "payments.hold_released", hold)
    resume_held(actor=actor, due=hold.due, at=at)
    return hold


def _record(actor: User, action: str, hold: Hold, **facts: object) -> None:
    due = hold.due
    audit.record(
        actor=actor,
        action=action,
        subject=due,
        affiliation_number=target_of(due).affiliation_number,
        reference=hold.reference,
        **facts,
    )
