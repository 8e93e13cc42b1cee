"""A surcharge or a filing penalty lowered because a dispute about it was upheld."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from payments import posting
from payments.enums import AccountKind, EntryKind
from payments.errors import UpheldTooMuch
from payments.models import LedgerLine, PaymentSlip, Surcharge
from payments.queries.debits import field_of, left_called
from payments.workflows import credits
from payments.workflows.ledger import Event, post
from payments.workflows.targets import lock_targets, save_targets
from portal import audit, clock
from portal.models import User
from regulation.money import format_amount

_CAUSE = "upheld:"


def upheld_on(row: Surcharge) -> bool:
    """Whether a decision took something off a surcharge: what is called of it does not follow its slip any more."""
    return LedgerLine.objects.filter(
        surcharge=row,
        account__kind=AccountKind.PENALTIES.value,
        entry__kind=EntryKind.SURCHARGE_LOWERED.value,
        entry__cause__startswith=_CAUSE,
    ).exists()


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
    cause = f"{_CAUSE}{field_of(target.row)}:{target.row.pk}:{reference}"[:60]
    if LedgerLine.objects.filter(entry__cause=cause).exists():
        return
    if isinstance(target.row, PaymentSlip):
        raise TypeError("a slip is lowered by credit_upheld")
    limit = left_called(target.row)
    if not 0 < amount <= limit:
        raise UpheldTooMuch(asked=format_amount(amount), limit=format_amount(limit))
    on = clock.day_of(at)
    entry = posting.surcharge_lowered(
        target.due, amount, target.outstanding, credits.given_up_on(target.due)
    )
    post(Event(entry, cause, on), actor=actor)
    target.pay(min(amount, target.outstanding), on)
    save_targets([target])
    audit.record(
        actor=actor,
        action="payments.extra_lowered",
        subject=target.row,
        affiliation_number=target.affiliation_number,
        amount=amount,
        reference=reference,
    )
