"""The figures of outcomes: right for the staff, and for everyone without what could point at a firm."""

import datetime
import uuid
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from disputes import rules
from disputes.access import staff_disputes
from disputes.enums import Age, Ground, Outcome
from disputes.models import Dispute
from disputes.queries.figures import figures, public_figures
from disputes.workflows import disputes as workflows
from payments.models import PaymentSlip
from tests.cast import Cast
from tests.disputes.factories import OPENED_AT, dispute_of, slip_of

A_YEAR_AGO = OPENED_AT - datetime.timedelta(days=365)


def after(days: int) -> datetime.datetime:
    return OPENED_AT + datetime.timedelta(days=days)


@given(
    cells=st.lists(st.integers(min_value=0, max_value=40), max_size=6),
    least=st.integers(min_value=1, max_value=10),
)
def test_no_hidden_count_can_be_found_back_from_the_total(cells: list[int], least: int) -> None:
    hidden = rules.too_small(cells, least=least)

    assert all(cells[rank] == 0 or cells[rank] >= least for rank in set(range(len(cells))) - hidden)
    assert hidden == set() or any(0 < cells[rank] < least for rank in hidden)
    rest = [count for rank, count in enumerate(cells) if rank not in hidden and count]
    if hidden and rest:
        assert len(hidden) > 1
        assert sum(cells[rank] for rank in hidden) >= least


@pytest.mark.parametrize(
    ("cells", "hidden"),
    [
        ([], set()),
        ([0, 12, 30], set()),
        ([4, 12, 30], {0, 1}),
        ([1, 1, 30, 9], {0, 1, 3}),
        ([2, 4, 30], {0, 1}),
        ([3], {0}),
    ],
)
def test_the_next_smallest_hides_the_small_one(cells: list[int], hidden: set[int]) -> None:
    assert rules.too_small(cells, least=5) == hidden


@pytest.mark.django_db
def test_the_staff_reads_them_by_ground_outcome_and_age(cast: Cast, slip: PaymentSlip) -> None:
    decided, running = (dispute_of(cast.owner, slip, rank=rank) for rank in (1, 2))
    workflows.take(actor=cast.staff, dispute_id=decided.pk, at=OPENED_AT)
    workflows.decide(
        actor=cast.staff,
        dispute_id=decided.pk,
        intent=uuid.uuid4(),
        rulings={item.pk: rules.Ruling(Outcome.UPHELD) for item in decided.items.all()},
        reasons="Vérifié.",
        legal_ground="",
        at=after(10),
    )
    found = figures(staff_disputes(cast.staff), A_YEAR_AGO, after(40))

    assert (found.opened, found.running, found.decided, found.appeals) == (2, 1, 1, 0)
    assert found.by_age == {Age.NEW: 0, Age.RECENT: 0, Age.OLD: 1, Age.OLDEST: 0}
    (row,) = found.by_ground
    assert (row.ground, row.opened, row.running, row.mean_days) == (Ground.WRONG_BASE, 2, 1, 10)
    assert row.by_outcome[Outcome.UPHELD] == 1
    assert running.closed_at is None


@pytest.mark.django_db
def test_everyone_reads_only_what_points_at_nobody(cast: Cast, slip: PaymentSlip) -> None:
    page = reverse("disputes:figures")
    Dispute.objects.all()
    for month in range(1, 4):
        period = datetime.date(2025, month, 1)
        other = slip_of(cast.affiliate, period)
        for rank in (1, 2):
            dispute_of(cast.owner, other, rank=rank, amount=Decimal("1.00"))
    found = public_figures(A_YEAR_AGO, after(3), least=5)
    assert (found.opened, found.by_fate) == (6, {"running": 6, "withdrawn": 0, "decided": 0})
    assert found.mean_days_to_decide is None
    workflows.withdraw(actor=cast.owner, dispute_id=Dispute.objects.first().pk, at=OPENED_AT)
    found = public_figures(A_YEAR_AGO, after(3), least=5)
    assert found.by_fate == {"running": None, "withdrawn": None, "decided": 0}
    assert public_figures(A_YEAR_AGO, after(3), least=7).opened is None
    for language in ("fr", "ar"):
        client = Client()
        client.cookies["django_language"] = language
        answer = client.get(page)
        assert answer.status_code == 200
        assert cast.affiliate.name not in answer.content.decode()
    assert Client().post(page).status_code == 405
