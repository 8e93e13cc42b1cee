"""What a dispute changes in the accounts: the held part bears nothing, the rest stays due and claimed."""

import datetime
import uuid
from decimal import Decimal

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disputes import rules
from disputes.enums import Outcome
from disputes.models import Dispute
from disputes.queries.disputes import thread_of
from disputes.workflows import disputes as workflows
from disputes.workflows import opening
from payments.models import Hold, PaymentSlip, Surcharge
from payments.workflows.penalties import assess_surcharges
from portal.models import User
from regulation.money import from_cents
from tests.cast import Cast
from tests.disputes.factories import dispute_of, slip_of

pytestmark = pytest.mark.django_db

# The slip of January 2026 is issued on 5 February and due on the 10th.
BEFORE_DUE = datetime.datetime(2026, 2, 6, 9, tzinfo=datetime.UTC)
AFTER_ONE_MONTH = datetime.datetime(2026, 3, 5, 9, tzinfo=datetime.UTC)


def decided(actor: User, dispute: Dispute, outcome: Outcome, granted: Decimal) -> None:
    workflows.take(actor=actor, dispute_id=dispute.pk, at=BEFORE_DUE)
    workflows.decide(
        actor=actor,
        dispute_id=dispute.pk,
        intent=uuid.uuid4(),
        rulings={item.pk: rules.Ruling(outcome, granted) for item in dispute.items.all()},
        reasons="Vérifié.",
        legal_ground="Dahir n° 1-72-184, article 19",
        at=AFTER_ONE_MONTH,
    )


def surcharged(slip: PaymentSlip, as_of: datetime.date) -> Decimal:
    assess_surcharges(actor=None, slip_id=slip.pk, as_of=as_of)
    return sum(
        Surcharge.objects.filter(slip=slip).values_list("amount", flat=True), Decimal("0.00")
    )


def test_the_held_part_bears_no_surcharge_and_the_rest_does(cast: Cast) -> None:
    whole = slip_of(cast.strangers_affiliate)
    contested = slip_of(cast.affiliate)
    dispute_of(cast.owner, contested, amount=Decimal("738.82"), at=BEFORE_DUE)

    day = datetime.date(2026, 2, 20)
    # One month begun at 3 % on the general branches, 1,829.00 DH: 54.87. AMO is contested whole.
    assert surcharged(contested, day) == Decimal("54.87")
    assert surcharged(whole, day) > Decimal("54.87")
    call_command("check_ledger")


def test_once_refused_the_part_bears_what_comes_after(cast: Cast) -> None:
    slip = slip_of(cast.affiliate)
    dispute = dispute_of(cast.owner, slip, amount=Decimal("640.00"), rank=1, at=BEFORE_DUE)
    first = surcharged(slip, datetime.date(2026, 2, 20))
    decided(cast.staff, dispute, Outcome.REFUSED, Decimal("0.00"))

    again = slip_of(cast.strangers_affiliate)
    other = dispute_of(cast.stranger, again, amount=Decimal("640.00"), rank=1, at=BEFORE_DUE)
    assert surcharged(again, datetime.date(2026, 2, 20)) == first
    assert other.closed_at is None
    # In April the refused part is claimed again; the part still contested is not.
    assert surcharged(slip, datetime.date(2026, 4, 20)) > surcharged(
        again, datetime.date(2026, 4, 20)
    )
    call_command("check_ledger")


@settings(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    cents=st.integers(min_value=1, max_value=73_882),
    share=st.integers(min_value=0, max_value=100),
    outcome=st.sampled_from([Outcome.UPHELD, Outcome.REFUSED]),
)
def test_hold_and_rest_make_the_slip_at_every_step(
    cast: Cast, cents: int, share: int, outcome: Outcome
) -> None:
    amount = from_cents(cents)
    part = from_cents(cents * share // 100)
    slip = PaymentSlip.objects.filter(affiliate=cast.affiliate).first() or slip_of(cast.affiliate)
    slip.refresh_from_db()
    left = opening.left_to_contest(slip.lines.get(rank=3))
    if amount > left:
        return
    before = slip.outstanding
    dispute = dispute_of(cast.owner, slip, amount=amount, at=BEFORE_DUE)
    (shown,) = thread_of(dispute, BEFORE_DUE.date()).dues
    assert shown.held + shown.payable == before
    assert shown.held == amount

    ruling = Outcome.PARTLY_UPHELD if 0 < part < amount else outcome
    decided(cast.staff, dispute, ruling, part)
    granted = {
        Outcome.PARTLY_UPHELD: part,
        Outcome.UPHELD: amount,
        Outcome.REFUSED: Decimal("0.00"),
    }[ruling]
    (shown,) = thread_of(dispute, BEFORE_DUE.date()).dues
    assert (shown.held, shown.payable) == (Decimal("0.00"), before - granted)
    assert not Hold.objects.filter(released_at__isnull=True).exists()
    call_command("check_ledger")
