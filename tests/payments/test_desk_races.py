"""Persons of the desk and employers who click at the same instant; each race is shown to be real without its lock."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connections
from django.db.models.query import QuerySet

from affiliates.enums import StaffRole
from payments.enums import ActState, EntryKind, GraceState
from payments.errors import ActClosed, GraceOpen, NothingToRefund
from payments.ledger_check import check
from payments.models import ClerkAct, GraceRequest, LedgerEntry
from payments.queries import credit_of, pledged_credit
from payments.workflows import acts, grace, penalties
from payments.workflows.grace import Terms
from portal import clock
from portal.models import Mail, User
from regulation.enums import Branch
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory
from tests.cast import Cast
from tests.payments.factories import pay, slip
from tests.payments.test_acts import RIB

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal


@pytest.fixture
def seconds(cast: Cast) -> list[User]:
    people = [UserFactory(is_staff=True) for _rank in range(2)]
    for person in people:
        StaffAssignmentFactory(user=person, agency=cast.affiliate.agency, role=StaffRole.SUPERVISOR)
    return people


def together(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run ``act`` in threads that start at the same instant; answers or exceptions, in order."""
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


def kinds(answers: list[Any]) -> Counter[str]:
    return Counter(type(answer).__name__ for answer in answers)


def meet(monkeypatch: pytest.MonkeyPatch, room: Any, name: str) -> None:
    """Take the locks away, and let two threads leave ``room.name`` together."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    real, barrier = getattr(room, name), threading.Barrier(2)

    def slow(*args: Any, **facts: Any) -> Any:
        answer = real(*args, **facts)
        barrier.wait(timeout=20)
        return answer

    monkeypatch.setattr(room, name, slow)


# -- two persons approve one act -----------------------------------------------------------------


def proposed(cast: Cast) -> ClerkAct:
    pay(cast, slip(cast.affiliate), "150.00")
    act = ask(cast, "50.00")
    return acts.propose_refund(actor=cast.treasurer, act_id=act.pk, reason="oui", at=clock.now())


def ask(cast: Cast, amount: str) -> ClerkAct:
    return acts.request_refund(
        actor=cast.owner, affiliate=cast.affiliate, amount=D(amount), rib=RIB, at=clock.now()
    )


def test_twenty_approvals_of_two_persons_refund_once(cast: Cast, seconds: list[User]) -> None:
    act = proposed(cast)
    answers = together(
        20, lambda rank: acts.approve(actor=seconds[rank % 2], act_id=act.pk, at=clock.now())
    )
    assert kinds(answers) == {"ClerkAct": 10, "ActClosed": 10}
    act.refresh_from_db()
    assert act.state == ActState.DONE.value
    assert {one.decided_by_id for one in answers if isinstance(one, ClerkAct)} == {
        act.decided_by_id
    }
    assert LedgerEntry.objects.filter(kind=EntryKind.REFUND_ORDERED.value).count() == 1
    assert credit_of(cast.affiliate) == D("0.00")
    assert Mail.objects.filter(key__startswith="refund:").count() == 1
    assert check().breaches == ()


def test_approving_and_refusing_at_once_is_one_of_both(cast: Cast, seconds: list[User]) -> None:
    act = proposed(cast)
    answers = together(
        2,
        lambda rank: (
            acts.approve(actor=seconds[0], act_id=act.pk, at=clock.now())
            if rank
            else acts.refuse(actor=seconds[1], act_id=act.pk, reason="non", at=clock.now())
        ),
    )
    assert kinds(answers) == {"ClerkAct": 1, "ActClosed": 1}
    act.refresh_from_db()
    left = D("0.00") if act.state == ActState.DONE.value else D("50.00")
    assert credit_of(cast.affiliate) == left


def test_without_the_lock_two_persons_meet_in_the_books(
    cast: Cast, seconds: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control: both pass the question, and only the database stops the second."""
    act = proposed(cast)
    meet(monkeypatch, acts, "_check_decider")
    answers = together(
        2, lambda rank: acts.approve(actor=seconds[rank], act_id=act.pk, at=clock.now())
    )
    assert not any(isinstance(one, ActClosed) for one in answers)
    assert any(isinstance(one, DatabaseError) for one in answers)


# -- a credit is asked back twice ----------------------------------------------------------------


def test_twenty_requests_never_ask_more_than_the_credit(cast: Cast) -> None:
    """Different sums, so that none is the twin of another: 40 DH of 50 once, and only once."""
    pay(cast, slip(cast.affiliate), "150.00")
    answers = together(20, lambda rank: ask(cast, f"40.{rank:02}"))
    assert kinds(answers) == {"ClerkAct": 1, "NothingToRefund": 19}
    assert pledged_credit(cast.affiliate) <= D("50.00")


def test_twenty_clicks_are_one_request(cast: Cast) -> None:
    pay(cast, slip(cast.affiliate), "150.00")
    answers = together(20, lambda _rank: ask(cast, "50.00"))
    assert {getattr(one, "pk", one) for one in answers} == {ClerkAct.objects.get().pk}


def test_without_the_lock_two_requests_hold_the_same_credit(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(cast, slip(cast.affiliate), "150.00")
    meet(monkeypatch, acts, "pledged_credit")
    answers = together(2, lambda rank: ask(cast, f"40.{rank:02}"))
    assert not any(isinstance(one, NothingToRefund) for one in answers)
    assert pledged_credit(cast.affiliate) > D("50.00")


# -- a plan is asked and granted twice -----------------------------------------------------------


def asked(cast: Cast) -> GraceRequest:
    return grace.request_grace(
        actor=cast.owner,
        affiliate=cast.affiliate,
        terms=Terms(D("100.00"), 2, clock.today() + timedelta(days=20)),
        reason="Chantier arrêté",
        at=clock.now(),
    )


@pytest.fixture
def overdue(cast: Cast) -> None:
    owed = slip(cast.affiliate, amounts={Branch.PF: "10000.00"})
    as_of: date = clock.today()
    penalties.assess_surcharges(actor=None, slip_id=owed.pk, as_of=as_of)


@pytest.fixture
def request_of_grace(cast: Cast, overdue: None) -> GraceRequest:
    made = asked(cast)
    return grace.propose(actor=cast.treasurer, grace_id=made.pk, opinion="oui", at=clock.now())


def test_twenty_grants_of_two_persons_forgive_once(
    request_of_grace: GraceRequest, seconds: list[User]
) -> None:
    key = request_of_grace.pk
    answers = together(
        20, lambda rank: grace.grant(actor=seconds[rank % 2], grace_id=key, at=clock.now())
    )
    assert kinds(answers) == {"GraceRequest": 10, "ActClosed": 10}
    assert GraceRequest.objects.get().state == GraceState.GRANTED.value
    forgiven = LedgerEntry.objects.filter(kind=EntryKind.REMISSION_GRANTED.value)
    assert sum(line.debit for one in forgiven for line in one.lines.all()) == D("100.00")
    assert Mail.objects.filter(key__startswith="grace:").count() == 1
    assert check().breaches == ()


def test_without_the_lock_two_persons_grant_the_same_plan(
    request_of_grace: GraceRequest, seconds: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(monkeypatch, grace, "_dues")
    answers = together(
        2,
        lambda rank: grace.grant(actor=seconds[rank], grace_id=request_of_grace.pk, at=clock.now()),
    )
    assert not any(isinstance(one, ActClosed) for one in answers)
    assert any(isinstance(one, IntegrityError) for one in answers)


def test_twenty_requests_open_one_plan(cast: Cast, overdue: None) -> None:
    answers = together(20, lambda _rank: asked(cast))
    assert kinds(answers) == {"GraceRequest": 1, "GraceOpen": 19}
    assert GraceRequest.objects.count() == 1


def test_without_the_lock_only_the_database_keeps_one_plan(
    cast: Cast, overdue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(monkeypatch, grace, "quote")
    answers = together(2, lambda _rank: asked(cast))
    assert not any(isinstance(one, GraceOpen) for one in answers)
    assert any(isinstance(one, IntegrityError) for one in answers)
