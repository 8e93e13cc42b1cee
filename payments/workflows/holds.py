"""The brake on what is claimed: a held amount bears no surcharge and cannot be debited; it stays due."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from payments.enums import DebitCause
from payments.errors import HoldTooLarge
from payments.models import Hold, PaymentSlip, SlipLine
from payments.workflows.debits.claims import give_way
from payments.workflows.debits.orders import resume_held
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
    audit.record(
        actor=actor,
        action="payments.hold_placed",
        subject=slip,
        affiliation_number=slip.affiliate.affiliation_number,
        amount=amount,
        reference=reference,
    )
    return hold


@transaction.atomic
def release_hold(*, actor: User, hold_id: int, at: datetime) -> Hold:
    """Release a hold from `at` on; one already released stays as it is."""
    slip_id = Hold.objects.values_list("slip_id", flat=True).get(pk=hold_id)
    PaymentSlip.objects.select_for_update(of=("self",)).get(pk=slip_id)
    hold = Hold.objects.select_related("slip__affiliate").get(pk=hold_id)
    if hold.released_at is not None:
        return hold
    hold.released_at = at
    hold.save(update_fields=["released_at"])
    audit.record(
        actor=actor,
        action="payments.hold_released",
        subject=hold.slip,
        affiliation_number=hold.slip.affiliate.affiliation_number,
        reference=hold.reference,
    )
    resume_held(actor=actor, slip_id=slip_id, at=at)
    return hold
