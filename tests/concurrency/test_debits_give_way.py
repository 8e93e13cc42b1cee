"""An order signed while what it pays falls: whoever comes first, never more is claimed than what is left free."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine

from affiliates.enums import StaffRole
from declarations import workflows as filing
from payments.ledger_check import check
from payments.models import DebitOrder, PaymentSlip, Surcharge
from payments.queries.debits import claimed_on
from payments.workflows import grace, penalties
from payments.workflows.debits import orders as side
from payments.workflows.grace import Terms
from payments.workflows.slips import issue_slips, use_credit
from portal import clock
from regulation.periods import Period
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory
from tests.cast import Cast
from tests.concurrency.test_corrections import correction
from tests.concurrency.test_payments import at_once
from tests.payments.debit_world import AT, DAY, authority, draft
from tests.payments.factories import pay, slip
from tests.payments.test_corrections import LATE

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal
TURNS = pytest.mark.parametrize("order_first", [True, False])


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel("2026-04-10 10:00:00+00:00"):
        yield


def race(cast: Cast, order: DebitOrder, act: object, order_first: bool) -> None:
    """Sign this draft and do `act` at the same instant, started in this order."""
    acts = [
        lambda: side.sign_order(
            actor=cast.owner, affiliate=cast.affiliate, intent=order.intent, at=AT
        ),
        act,
    ]
    at_once(*(acts if order_first else reversed(acts)))  # type: ignore[arg-type]


def never_too_much(row: PaymentSlip | Surcharge) -> None:
    row.refresh_from_db()
    assert sum(claimed_on([row]).values(), D("0.00")) <= row.outstanding
    assert check().breaches == ()


@TURNS
def test_a_credit_used_while_an_order_is_signed(cast: Cast, order_first: bool) -> None:
    pay(cast, slip(cast.affiliate), "150.00")
    owed = slip(cast.affiliate, Period(2026, 2))
    order = draft(cast, [owed], [(authority(cast), "100.00")])[0]
    race(
        cast,
        order,
        lambda: use_credit(
            actor=cast.owner, affiliate=cast.affiliate, slip_id=owed.pk, at=clock.now()
        ),
        order_first,
    )
    never_too_much(owed)
    assert owed.outstanding == D("50.00")


@TURNS
def test_a_remission_granted_while_an_order_is_signed(cast: Cast, order_first: bool) -> None:
    owed = slip(cast.affiliate)
    penalties.assess_surcharges(actor=None, slip_id=owed.pk, as_of=clock.today())
    charge = Surcharge.objects.order_by("pk")[0]
    second = UserFactory(is_staff=True)
    StaffAssignmentFactory(user=second, agency=cast.affiliate.agency, role=StaffRole.SUPERVISOR)
    made = grace.request_grace(
        actor=cast.owner,
        affiliate=cast.affiliate,
        terms=Terms(charge.outstanding, 1, DAY.replace(month=5, day=15)),
        reason="Chantier arrêté",
        at=clock.now(),
    )
    grace.propose(actor=cast.treasurer, grace_id=made.pk, opinion="Favorable", at=clock.now())
    order = side.prepare_order(
        actor=cast.owner,
        affiliate=cast.affiliate,
        intent=uuid4(),
        codes=[charge.payment_reference],
        parts=[side.Part(authority(cast).pk, charge.outstanding)],
        collect_on=DAY,
        at=AT,
    )[0]
    race(
        cast,
        order,
        lambda: grace.grant(actor=second, grace_id=made.pk, at=clock.now()),
        order_first,
    )
    never_too_much(charge)


@TURNS
def test_a_correction_lowers_a_slip_while_an_order_is_signed(cast: Cast, order_first: bool) -> None:
    lower = correction("1000")
    world = dataclasses.replace(cast, affiliate=lower.affiliate)
    owed = PaymentSlip.objects.get()
    before = owed.outstanding
    order = draft(world, [owed], [(authority(world), str(before))])[0]
    filing.submit(actor=UserFactory(), at=LATE, declaration=lower, version=lower.version)
    race(
        world,
        order,
        lambda: issue_slips(actor=None, declaration_ids=[lower.pk], at=LATE),
        order_first,
    )
    never_too_much(owed)
    order.refresh_from_db()
    assert owed.outstanding < before
    assert order.state in ("draft", "cancelled")
