"""Corrections against each other: one wins, money moves once, a death in the middle leaves nothing half-done."""

import threading

import pytest
from django.db.models.query import QuerySet

from declarations import workflows
from declarations.models import Declaration, Receipt
from payments.ledger_check import check
from payments.models import LedgerEntry, PaymentSlip
from payments.workflows.slips import issue_slips
from tests.affiliates.factories import AffiliateFactory, UserFactory
from tests.declarations.factories import AT, submitted
from tests.declarations.test_races import together
from tests.payments.test_corrections import LATE

pytestmark = pytest.mark.django_db(transaction=True)


def correction(wage: str = "9000") -> Declaration:
    """A draft that corrects a filed month whose slip is issued."""
    actor = UserFactory()
    one = submitted(actor, AffiliateFactory())
    issue_slips(actor=None, declaration_ids=[one.pk], at=AT)
    row = workflows.open_correction(actor=actor, at=LATE, declaration=one)
    line = row.lines.order_by("rank")[0]
    return workflows.save_form(
        actor=actor, declaration=row, version=1, cells={line.pk: {"wage": wage}}
    )


def test_twenty_clicks_correct_once() -> None:
    draft = correction()
    actor = UserFactory()

    answers = together(
        20,
        lambda _: workflows.submit(actor=actor, at=LATE, declaration=draft, version=draft.version),
    )

    assert {getattr(one, "pk", one) for one in answers} == {draft.pk}
    assert Receipt.objects.count() == 2
    assert Declaration.objects.filter(status="submitted").count() == 1


def test_without_the_locks_the_same_clicks_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: the race above is real."""
    draft = correction()
    actor = UserFactory()
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    meeting = threading.Barrier(4)
    monkeypatch.setattr(workflows.drafts, "_hand_over", lambda former: meeting.wait(timeout=20))

    answers = together(
        4,
        lambda _: workflows.submit(actor=actor, at=LATE, declaration=draft, version=draft.version),
    )

    assert sum(isinstance(one, Exception) for one in answers) >= 3


def test_two_colleagues_opening_the_same_correction_share_one_draft() -> None:
    actor = UserFactory()
    one = submitted(actor, AffiliateFactory())

    answers = together(
        6, lambda _: workflows.open_correction(actor=UserFactory(), at=LATE, declaration=one)
    )

    assert len({getattr(row, "pk", row) for row in answers}) == 1


def test_eight_workers_post_one_difference() -> None:
    draft = correction()
    done = workflows.submit(actor=UserFactory(), at=LATE, declaration=draft, version=draft.version)

    together(8, lambda _: issue_slips(actor=None, declaration_ids=[done.pk], at=LATE))

    assert PaymentSlip.objects.filter(complements__isnull=False).count() == 1
    assert LedgerEntry.objects.count() == 2
    assert check().breaches == ()
