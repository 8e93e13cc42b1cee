"""A slip to contest, the people of the desk, and a dispute already taken."""

import pytest

from affiliates.enums import StaffRole
from disputes.models import Dispute
from disputes.workflows import disputes as workflows
from payments.models import PaymentSlip
from portal.models import User
from tests.affiliates.factories import StaffAssignmentFactory
from tests.cast import Cast
from tests.disputes.factories import OPENED_AT, dispute_of, slip_of


@pytest.fixture
def slip(cast: Cast) -> PaymentSlip:
    return slip_of(cast.affiliate)


@pytest.fixture
def supervisor(cast: Cast) -> User:
    return StaffAssignmentFactory(
        role=StaffRole.SUPERVISOR.value, agency=cast.affiliate.agency
    ).user


@pytest.fixture
def colleague(cast: Cast) -> User:
    """Another clerk of the same agency."""
    return StaffAssignmentFactory(agency=cast.affiliate.agency).user


@pytest.fixture
def taken(cast: Cast, slip: PaymentSlip) -> Dispute:
    """A dispute of 100.00 DH opened by the owner and taken by the clerk of the cast."""
    dispute = dispute_of(cast.owner, slip)
    return workflows.take(actor=cast.staff, dispute_id=dispute.pk, at=OPENED_AT)
