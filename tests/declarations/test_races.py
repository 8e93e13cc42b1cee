"""Real transactions against each other: one declaration, one receipt, one row of bytes."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from declarations import workflows
from declarations.enums import DeclarationStatus
from declarations.errors import MoveRefused
from declarations.models import Declaration, DeclarationLine, Prefill
from tests.affiliates.factories import AffiliateFactory, EmploymentFactory, UserFactory
from tests.declarations.factories import AT, JANUARY, draft, issue

pytestmark = pytest.mark.django_db(transaction=True)


def together(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run `act` in `count` threads that start at the same instant; answers or exceptions, in order."""
    barrier = threading.Barrier(count)

    def one(rank: int) -> Any:
        try:
            barrier.wait(timeout=20)
            return act(rank)
        except Exception as fault:  # noqa: BLE001 (the test looks at it)
            return fault
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_a_submission_and_an_abandonment_have_one_winner() -> None:
    one = draft(UserFactory(), AffiliateFactory())
    actor = UserFactory()

    def act(rank: int) -> Declaration:
        if rank % 2:
            return workflows.cancel(actor=actor, declaration=one)
        return workflows.submit(actor=actor, at=AT, declaration=one, version=one.version)

    answers = together(8, act)

    one.refresh_from_db()
    losers = [done for done in answers if isinstance(done, MoveRefused)]
    assert len(losers) == 4
    assert one.status in (DeclarationStatus.SUBMITTED, DeclarationStatus.CANCELLED)


def test_ten_requests_issue_one_prefill() -> None:
    actor, affiliate = UserFactory(), AffiliateFactory()

    answers = together(10, lambda _: issue(actor, affiliate))

    assert {row.pk for row in answers} == {Prefill.objects.get().pk}
    assert connection.vendor == "postgresql"


def test_two_people_saving_one_form_have_one_winner_and_one_conflict() -> None:
    affiliate = AffiliateFactory()
    EmploymentFactory(affiliate=affiliate)
    actor = UserFactory()
    one = workflows.open_form(actor=actor, at=AT, affiliate=affiliate, period=JANUARY)
    line = one.lines.get()

    def act(rank: int) -> Declaration:
        cells = {line.pk: {"days": "26", "wage": f"{rank + 1}000"}}
        return workflows.save_form(actor=actor, declaration=one, version=1, cells=cells)

    answers = together(2, act)

    assert sorted(type(done).__name__ for done in answers) == ["Declaration", "FormChanged"]
    one.refresh_from_db()
    line.refresh_from_db()
    assert (one.version, one.wage_bill) == (2, line.gross_wage)


def test_two_browsers_opening_the_form_make_one_draft() -> None:
    affiliate = AffiliateFactory()
    EmploymentFactory(affiliate=affiliate)
    actor = UserFactory()

    answers = together(
        4,
        lambda _: workflows.open_form(actor=actor, at=AT, affiliate=affiliate, period=JANUARY),
    )

    assert {getattr(done, "pk", done) for done in answers} == {Declaration.objects.get().pk}
    assert DeclarationLine.objects.count() == 1
