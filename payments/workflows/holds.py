"""The brake on what is claimed: a held amount bears no surcharge and cannot be debited; it stays due."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from payments.errors import HoldTooLarge
from payments.models import Hold, PaymentSlip, SlipLine
from portal import audit, clock
from portal.models import User
from regulation.money import format_amount


@transaction.atomic
def place_hold(
    *,
    actor: User,
    slip: PaymentSlip,
    slip_line: SlipLine | None,
    amount: Decimal,
    reference: str,
) -> Hold:
    """Hold `amount` dirhams of a slip, or of one of its lines, under the caller's `reference`.

    The same reference on the same line again returns the first hold. Refuses HoldTooLarge above the line or slip.
    """
    PaymentSlip.objects.select_for_update(of=("self",)).get(pk=slip.pk)
    existing = Hold.objects.filter(slip=slip, slip_line=slip_line, reference=reference).first()
    if existing is not None:
        return existing
    limit = slip_line.amount if slip_line else slip.total
    if not 0 < amount <= limit:
        raise HoldTooLarge(asked=format_amount(amount), limit=format_amount(limit))
    hold = Hold.objects.create(
        slip=slip, slip_line=slip_line, amount=amount, reference=reference, placed_by=actor
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
def release_hold(*, actor: User, slip: PaymentSlip, reference: str) -> int:
    """Release the holds placed on a slip under this reference; how many were still in place."""
    PaymentSlip.objects.select_for_update(of=("self",)).get(pk=slip.pk)
    released = Hold.objects.filter(slip=slip, reference=reference, released_at__isnull=True).update(
        released_at=clock.now()
    )
    if released:
        audit.record(
            actor=actor,
            action="payments.hold_released",
            subject=slip,
            affiliation_number=slip.affiliate.affiliation_number,
            reference=reference,
        )
    return released
