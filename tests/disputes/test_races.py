"""Real transactions against each other, and a process killed in the middle of a decision."""

import datetime
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.models.query import QuerySet

from affiliates.enums import StaffRole
from disputes import rules
from disputes.enums import DisputeState, Outcome
from disputes.errors import MoveRefused, TooMuchContested
from disputes.models import Decision, Dispute, Escalation
from disputes.workflows import disputes as workflows
from disputes.workflows import opening
from disputes.workflows.escalations import escalate_due
from payments.enums import EntryKind
from payments.models import Hold, LedgerEntry, PaymentSlip
from portal.models import Mail, User
from tests.affiliates.factories import (
    AffiliateFactory,
    MembershipFactory,
    StaffAssignmentFactory,
    UserFactory,
)
from tests.disputes.factories import OPENED_AT, dispute_of, slip_of
from tests.running import die_at

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner() -> User:
    return UserFactory()


@pytest.fixture
def slip(owner: User) -> PaymentSlip:
    affiliate = AffiliateFactory()
    MembershipFactory(user=owner, affiliate=affiliate)
    return slip_of(affiliate)


@pytest.fixture
def clerk(slip: PaymentSlip) -> User:
    return StaffAssignmentFactory(agency=slip.affiliate.agency).user


@pytest.fixture
def taken(owner: User, slip: PaymentSlip, clerk: User) -> Dispute:
    dispute = dispute_of(owner, slip)
    return workflows.take(actor=clerk, dispute_id=dispute.pk, at=OPENED_AT)


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


def decide(actor: User, dispute: Dispute, intent: uuid.UUID, outcome: Outcome) -> Decision:
    return workflows.decide(
        actor=actor,
        dispute_id=dispute.pk,
        intent=intent,
        rulings={item.pk: rules.Ruling(outcome) for item in dispute.items.all()},
        reasons="Vérifié.",
        legal_ground="Dahir n° 1-72-184, article 19",
        at=OPENED_AT,
    )


def test_twenty_clicks_open_one_dispute(owner: User, slip: PaymentSlip) -> None:
    intent = uuid.uuid4()

    answers = together(20, lambda _: dispute_of(owner, slip, intent=intent))

    assert {getattr(answer, "pk", answer) for answer in answers} == {Dispute.objects.get().pk}
    assert Hold.objects.count() == 1


def test_a_line_is_not_contested_twice_over_by_two_people(owner: User, slip: PaymentSlip) -> None:
    answers = together(6, lambda _: dispute_of(owner, slip, amount=Decimal("300.00")))

    refused = [answer for answer in answers if isinstance(answer, TooMuchContested)]
    opened = [answer for answer in answers if isinstance(answer, Dispute)]
    assert (len(opened), len(refused)) == (2, 4)
    assert len({dispute.number for dispute in opened}) == 2
    assert sum(Hold.objects.values_list("amount", flat=True)) == Decimal("600.00")


def test_without_the_lock_the_same_two_would_collide(
    owner: User, slip: PaymentSlip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control: the race is real, it is the lock that stops it."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    left = opening.left_to_contest
    barrier = threading.Barrier(2)

    def slow(line: Any) -> Decimal:
        answer = left(line)
        barrier.wait(timeout=20)
        return answer

    monkeypatch.setattr(opening, "left_to_contest", slow)
    answers = together(2, lambda _: dispute_of(owner, slip, amount=Decimal("700.00")))

    assert not any(isinstance(answer, TooMuchContested) for answer in answers)


def test_twenty_clicks_make_one_decision_and_one_credit(
    slip: PaymentSlip, clerk: User, taken: Dispute
) -> None:
    intent = uuid.uuid4()

    answers = together(20, lambda _: decide(clerk, taken, intent, Outcome.UPHELD))

    assert {getattr(answer, "pk", answer) for answer in answers} == {Decision.objects.get().pk}
    assert LedgerEntry.objects.filter(kind=EntryKind.SLIP_LOWERED.value).count() == 1
    slip.refresh_from_db()
    assert slip.outstanding == slip.total - Decimal("100.00")
    call_command("check_ledger")


def test_two_people_who_decide_at_once_make_one_decision(
    slip: PaymentSlip, clerk: User, taken: Dispute
) -> None:
    supervisor = StaffAssignmentFactory(role=StaffRole.SUPERVISOR.value).user
    people = [(clerk, Outcome.UPHELD), (supervisor, Outcome.REFUSED)]

    answers = together(
        2, lambda rank: decide(people[rank][0], taken, uuid.uuid4(), people[rank][1])
    )

    assert {type(answer) for answer in answers} == {Decision, MoveRefused}
    assert not Hold.objects.filter(released_at__isnull=True).exists()
    call_command("check_ledger")


def test_withdrawing_and_deciding_at_once_end_in_one_state(
    owner: User, slip: PaymentSlip, clerk: User, taken: Dispute
) -> None:
    acts: list[Callable[[], object]] = [
        lambda: decide(clerk, taken, uuid.uuid4(), Outcome.UPHELD),
        lambda: workflows.withdraw(actor=owner, dispute_id=taken.pk, at=OPENED_AT),
    ]

    answers = together(2, lambda rank: acts[rank]())

    assert sum(isinstance(answer, MoveRefused) for answer in answers) == 1
    taken.refresh_from_db()
    decided = taken.state == DisputeState.DECIDED
    assert Decision.objects.exists() is decided
    assert LedgerEntry.objects.filter(kind=EntryKind.SLIP_LOWERED.value).exists() is decided
    assert not Hold.objects.filter(released_at__isnull=True).exists()


DYING = """
import sys, uuid, django
django.setup()
from django.db import connection
from disputes import rules
from disputes.workflows import disputes as workflows
from disputes.enums import Outcome
from disputes.models import Dispute
from portal.models import User
from tests.disputes.factories import OPENED_AT
dispute = Dispute.objects.get()
workflows.decide(
    actor=User.objects.get(pk=sys.argv[1]), dispute_id=dispute.pk, intent=uuid.UUID(sys.argv[2]),
    rulings={item.pk: rules.Ruling(Outcome.UPHELD) for item in dispute.items.all()},
    reasons="Vérifié.", legal_ground="", at=OPENED_AT,
)
"""


@pytest.mark.parametrize(
    "failpoint", ["dispute-decide-before-decision", "dispute-decide-before-commit"]
)
def test_a_process_killed_while_deciding_leaves_the_dispute_as_it_was(
    slip: PaymentSlip, clerk: User, taken: Dispute, failpoint: str
) -> None:
    intent = uuid.uuid4()
    settings = connection.settings_dict
    address = (
        f"postgres://{settings['USER']}:{settings['PASSWORD']}@/{settings['NAME']}"
        f"?host={settings['HOST']}&port={settings['PORT']}"
    )
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DYING, str(clerk.pk), str(intent)],
        env=os.environ | {"FAILPOINT": failpoint, "DATABASE_URL": address},
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]

    taken.refresh_from_db()
    slip.refresh_from_db()
    assert taken.state == DisputeState.TAKEN
    assert slip.outstanding == slip.total
    assert Hold.objects.filter(released_at__isnull=True).count() == 1
    assert not Decision.objects.exists()
    call_command("check_ledger")

    decide(clerk, taken, intent, Outcome.UPHELD)
    slip.refresh_from_db()
    assert slip.outstanding == slip.total - Decimal("100.00")
    call_command("check_ledger")


def test_a_worker_killed_while_it_escalates_leaves_nothing_half_told(
    owner: User, slip: PaymentSlip
) -> None:
    dispute = dispute_of(owner, slip)
    late = OPENED_AT + datetime.timedelta(days=8)
    letters = Mail.objects.count()

    die_at("dispute-escalated", lambda: escalate_due(at=late))

    assert (Escalation.objects.count(), Mail.objects.count()) == (0, letters)
    assert [escalate_due(at=late) for _ in range(2)] == [1, 0]
    assert Escalation.objects.get().dispute == dispute
    assert Mail.objects.filter(key__contains=":late:").count() == 1
