"""What a dispute that is upheld takes off a slip, a surcharge or a filing penalty."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from declarations.enums import StopReason
from declarations.workflows import stop_corrections
from payments import posting
from payments.errors import UpheldTooMuch
from payments.models import LedgerLine, PaymentSlip, SlipLine
from payments.posting import Due, Posting
from payments.queries.debits import field_of, left_called
from payments.workflows import corrections, credits
from payments.workflows.ledger import Event, post
from payments.workflows.penalties import lowered_by_line
from payments.workflows.targets import Target, lock_targets, save_targets
from portal import audit, clock
from portal.models import User
from regulation.money import ZERO, format_amount
from regulation.periods import Period


@transaction.atomic
def credit_upheld(
    *, actor: User, slip_line_id: int, amount: Decimal, reference: str, at: datetime
) -> None:
    """Lower a line of a slip by `amount` dirhams, once per `reference`.

    What was still to pay disappears; what was already paid becomes the affiliate's credit. Refuses UpheldTooMuch
    above the line. The same reference again changes nothing.
    """
    contested = SlipLine.objects.select_related("slip").get(pk=slip_line_id)
    slip_line = corrections.standing_line(contested)
    slip = slip_line.slip
    target = lock_targets([slip.payment_reference])[slip.payment_reference]
    cause = f"{corrections.UPHELD}{slip_line.pk}:{reference}"[:60]
    if LedgerLine.objects.filter(entry__cause=cause).exists():
        return
    # Closed to its employer: a correction upon a decision would take the same amount off twice.
    stop_corrections(
        actor=actor,
        at=at,
        affiliate=slip.affiliate,
        period=Period.from_day(slip.period),
        reason=StopReason.DECISION,
        reference=reference,
    )
    limit = slip_line.amount - lowered_by_line(slip).get(slip_line.pk, ZERO)
    corrected = lowered_by_line(slip, why="corrected").get(slip_line.pk, ZERO)
    if corrected or slip_line != contested:
        # What the correction took off meanwhile needs no decision any more.
        amount = min(amount, limit)
        if amount == 0:
            return
    _check(amount, limit)
    _lower(actor, target, amount, posting.slip_lowered, cause, at)
    audit.record(
        actor=actor,
        action="payments.slip_lowered",
        subject=slip,
        affiliation_number=target.affiliation_number,
        line=slip_line.rank,
        amount=amount,
        reference=reference,
    )


@transaction.atomic
def lower_upheld(
    *, actor: User, payment_reference: str, amount: Decimal, reference: str, at: datetime
) -> None:
    """Lower the surcharge or penalty behind a payment code by `amount` dirhams, once per `reference`.

    What was still to pay disappears; what was already paid becomes the affiliate's credit. What was called stays
    called in the reckoning of later months, so that none of them asks for it again. Refuses UpheldTooMuch above what
    still stands of it. The same reference again changes nothing.
    """
    target = lock_targets([payment_reference])[payment_reference]
    cause = f"{corrections.UPHELD}{field_of(target.row)}:{target.row.pk}:{reference}"[:60]
    if LedgerLine.objects.filter(entry__cause=cause).exists():
        return
    if isinstance(target.row, PaymentSlip):
        raise TypeError("a slip is lowered by credit_upheld")
    _check(amount, left_called(target.row))
    _lower(actor, target, amount, posting.surcharge_lowered, cause, at)
    audit.record(
        actor=actor,
        action="payments.extra_lowered",
        subject=target.row,
        affiliation_number=target.affiliation_number,
        amount=amount,
        reference=reference,
    )


def _check(amount: Decimal, limit: Decimal) -> None:
    if not 0 < amount <= limit:
        raise UpheldTooMuch(asked=format_amount(amount), limit=format_amount(limit))


def _lower(
    actor: User,
    target: Target,
    amount: Decimal,
    lowered: Callable[[Due, Decimal, Decimal, Decimal], Posting],
    cause: str,
    at: datetime,
) -> None:
    on = clock.day_of(at)
    entry = lowered(target.due, amount, target.outstanding, credits.given_up_on(target.due))
    post(Event(entry, cause, on), actor=actor)
    target.pay(min(amount, target.outstanding), on)
    save_targets([target])
