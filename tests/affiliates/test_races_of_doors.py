"""Two people at one door at the same instant: invitations, recoveries, corrections, keys; each with its control."""

import datetime
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models.query import QuerySet

from affiliates import workflows
from affiliates.enums import CardKind, RecoveryState, Role
from affiliates.errors import (
    AlreadyMember,
    CardOfAnother,
    InvitationClosed,
    RecoveryClosed,
    RecoveryOpen,
    RequestMoveRefused,
)
from affiliates.models import AccountRecovery, Employee, Invitation, Membership
from affiliates.workflows import invitations, recoveries, rectifications
from affiliates.workflows.numbers import lock_registrations
from payments.enums import KeyScope
from payments.errors import TooManyKeys
from payments.models import Bank, BankKey
from payments.workflows import bank_keys
from portal.models import AuditEntry, Mail, User
from tests.affiliates.factories import (
    AffiliateFactory,
    AgencyFactory,
    EmployeeFactory,
    EmploymentFactory,
    MembershipFactory,
    StaffAssignmentFactory,
    UserFactory,
    clerk_of_files,
)
from tests.affiliates.test_races import together
from tests.disputes.factories import PDF, upload
from tests.payments.factories import supervisor

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime.datetime(2026, 3, 10, 9, 0, tzinfo=datetime.UTC)
WORDS = "quatre lapins sous la pluie fine"


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], None]:
    """Switch the locks off, and let nobody go on from a place before both have come to it."""

    def after(module: Any, name: str) -> None:
        monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
        meeting, look = threading.Barrier(2), getattr(module, name)

        def both_have_looked(*args: Any, **words: Any) -> Any:
            found = look(*args, **words)
            meeting.wait(timeout=20)
            return found

        monkeypatch.setattr(module, name, both_have_looked)

    return after


def refusals(answers: list[Any], *kinds: type[Exception]) -> int:
    """How many were refused, each in words of ours."""
    failed = [one for one in answers if isinstance(one, Exception)]
    assert all(isinstance(one, kinds) for one in failed), failed
    return len(failed)


# -- invitations -----------------------------------------------------------------------------------


def invited(email: str = "salma@exemple.ma") -> Invitation:
    owner = MembershipFactory()
    return workflows.invite(
        actor=owner.user, at=AT, affiliate=owner.affiliate, email=email, full_name="Salma Tazi", role=Role.PAYER,
    )  # fmt: skip


def accepted(one: Invitation) -> User:
    return workflows.accept_with_password(
        at=AT, invitation=one, full_name="Salma Tazi", password=WORDS
    )


def test_a_link_followed_twice_at_once_opens_one_account() -> None:
    one = invited()
    answers = together([lambda: accepted(one)] * 2)
    assert refusals(answers, InvitationClosed) == 1
    assert User.objects.filter(email=one.email).count() == 1
    assert AuditEntry.objects.filter(action="invitation.accepted").count() == 1


def test_without_the_locks_only_the_wall_of_the_address_is_left(
    no_locks: Callable[[Any, str], None],
) -> None:
    one = invited()
    no_locks(invitations, "is_open")
    answers = together([lambda: accepted(one)] * 2)
    assert sum(isinstance(answer, IntegrityError) for answer in answers) == 1


def _accepted_and_withdrawn() -> tuple[Invitation, list[Any]]:
    one = invited()
    answers = together(
        [
            lambda: accepted(one),
            lambda: workflows.withdraw_invitation(actor=one.invited_by, at=AT, invitation=one),
        ]
    )
    one.refresh_from_db()
    return one, answers


def test_an_invitation_accepted_and_withdrawn_at_once_ends_one_way() -> None:
    one, answers = _accepted_and_withdrawn()
    refusals(answers, InvitationClosed)
    assert (one.accepted_at is None) == (one.withdrawn_at is not None)
    rights = Membership.objects.filter(user__email=one.email, ended_at__isnull=True)
    assert rights.count() == (1 if one.accepted_at else 0)


def test_without_the_locks_a_withdrawn_invitation_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    looked, withdrawn, look = threading.Event(), threading.Event(), invitations.is_open

    def before_the_other(invitation: Invitation, at: datetime.datetime) -> bool:
        found = look(invitation, at)
        looked.set()
        withdrawn.wait(timeout=20)
        return found

    monkeypatch.setattr(invitations, "is_open", before_the_other)
    one = invited()

    def withdraw() -> None:
        looked.wait(timeout=20)
        workflows.withdraw_invitation(actor=one.invited_by, at=AT, invitation=one)
        withdrawn.set()

    together([lambda: accepted(one), withdraw])
    one.refresh_from_db()
    assert one.accepted_at is not None
    assert one.withdrawn_at is not None


def test_ten_invitations_of_one_address_leave_one_that_opens() -> None:
    owner = MembershipFactory()

    def invite() -> Invitation:
        return workflows.invite(
            actor=owner.user, at=AT, affiliate=owner.affiliate, email="a@exemple.ma", full_name="A", role=Role.READER,
        )  # fmt: skip

    answers = together([invite] * 10)
    assert refusals(answers, AlreadyMember) == 0
    assert Invitation.objects.filter(withdrawn_at__isnull=True).count() == 1


# -- recoveries ------------------------------------------------------------------------------------


def agents() -> tuple[User, User, User]:
    """Two of one agency, and whoever lost everything."""
    agency = AgencyFactory()
    first, second = (StaffAssignmentFactory(agency=agency).user for _ in range(2))
    return first, second, UserFactory(email="perdue@exemple.ma")


def opened(agent: User, lost: User) -> AccountRecovery:
    return workflows.open_recovery(
        actor=agent, at=AT, email=lost.email, document=CardKind.CIN, lost="téléphone volé"
    )


def link() -> AccountRecovery:
    first, second, lost = agents()
    return workflows.approve_recovery(actor=second, at=AT, recovery=opened(first, lost))


def test_two_agents_who_open_at_once_open_one() -> None:
    first, second, lost = agents()
    answers = together([lambda one=one: opened(one, lost) for one in (first, second)])
    assert refusals(answers, RecoveryOpen) == 1
    assert AccountRecovery.objects.count() == 1


def test_without_the_locks_only_the_wall_keeps_it_one(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, lost = agents()
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    meeting, plain = threading.Barrier(2), QuerySet.create

    def all_have_looked(rows: QuerySet[Any], **values: Any) -> Any:
        if rows.model is AccountRecovery:
            meeting.wait(timeout=20)
        return plain(rows, **values)

    monkeypatch.setattr(QuerySet, "create", all_have_looked)
    answers = together([lambda one=one: opened(one, lost) for one in (first, second)])
    assert sum(isinstance(answer, IntegrityError) for answer in answers) == 1


def _completed_twice() -> list[Any]:
    row = link()
    return together(
        [
            lambda words=words: workflows.complete_recovery(at=AT, recovery=row, password=words)
            for words in (WORDS, f"{WORDS} encore")
        ]
    )


def test_a_link_that_opens_again_serves_once_even_for_two() -> None:
    answers = _completed_twice()
    assert refusals(answers, RecoveryClosed) == 1
    assert AuditEntry.objects.filter(action="recovery.used").count() == 1
    winner = next(one for one in answers if isinstance(one, User))
    winner.refresh_from_db()
    words = WORDS if answers[0] == winner else f"{WORDS} encore"
    assert winner.check_password(words)


def test_without_the_locks_the_link_serves_twice(no_locks: Callable[[Any, str], None]) -> None:
    no_locks(recoveries, "opens")
    _completed_twice()
    assert AuditEntry.objects.filter(action="recovery.used").count() == 2


def _approved_and_stopped() -> tuple[AccountRecovery, list[Any]]:
    first, second, lost = agents()
    row = opened(first, lost)
    answers = together(
        [
            lambda: workflows.approve_recovery(actor=second, at=AT, recovery=row),
            lambda: workflows.stop_recovery(at=AT, recovery=row),
        ]
    )
    row.refresh_from_db()
    return row, answers


@pytest.mark.parametrize("_again", range(3))
def test_what_the_person_stops_opens_nothing_whoever_came_first(_again: int) -> None:
    row, answers = _approved_and_stopped()
    refusals(answers, RecoveryClosed)
    assert row.state == RecoveryState.STOPPED
    assert not recoveries.opens(row, AT)


def test_without_the_locks_a_stopped_recovery_opens(no_locks: Callable[[Any, str], None]) -> None:
    no_locks(recoveries, "_locked")
    _approved_and_stopped()
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"recovery.approved", "recovery.stopped"} <= actions
    assert Mail.objects.filter(key__contains=":link:").exists()


# -- corrections of the register -------------------------------------------------------------------


def _two_people_one_card() -> list[Any]:
    clerk, asked = clerk_of_files(), []
    with transaction.atomic():
        lock_registrations()  # the series was begun long ago
    for _rank in range(2):
        affiliate = AffiliateFactory()
        person = EmploymentFactory(affiliate=affiliate, employee=EmployeeFactory()).employee
        asked.append(
            workflows.ask_rectification(
                actor=UserFactory(), at=AT, affiliate=affiliate, employee=person, intent=uuid.uuid4(),
                told={"cin": "AB123456"}, text="La carte a changé.", pieces=[upload("carte.pdf", PDF)],
            )
        )  # fmt: skip
    return together(
        [
            lambda one=one: workflows.apply_rectification(actor=clerk, at=AT, request=one)
            for one in asked
        ]
    )


def test_one_card_is_written_for_one_person_even_at_once() -> None:
    assert refusals(_two_people_one_card(), CardOfAnother) == 1
    assert Employee.objects.filter(cin="AB123456").count() == 1


def test_without_the_locks_two_people_hold_one_card(no_locks: Callable[[Any, str], None]) -> None:
    no_locks(rectifications, "_check_card")
    assert refusals(_two_people_one_card()) == 0
    assert Employee.objects.filter(cin="AB123456").count() == 2


def _applied_and_withdrawn() -> tuple[Any, list[Any]]:
    clerk, owner = clerk_of_files(), MembershipFactory()
    one = workflows.ask_rectification(
        actor=owner.user, at=AT, affiliate=owner.affiliate, employee=None, intent=uuid.uuid4(),
        told={"address": "12 RUE DU FOUR"}, text="Déménagée.", pieces=[upload("bail.pdf", PDF)],
    )  # fmt: skip
    answers = together(
        [
            lambda: workflows.apply_rectification(actor=clerk, at=AT, request=one),
            lambda: workflows.withdraw_rectification(actor=owner.user, at=AT, request=one),
        ]
    )
    one.refresh_from_db()
    owner.affiliate.refresh_from_db()
    return (one.state, owner.affiliate.address), answers


def test_a_correction_applied_and_withdrawn_at_once_ends_one_way() -> None:
    (state, address), answers = _applied_and_withdrawn()
    assert refusals(answers, RequestMoveRefused) == 1
    assert (state == "applied") == (address == "12 RUE DU FOUR")


def test_without_the_locks_it_ends_both_ways(no_locks: Callable[[Any, str], None]) -> None:
    no_locks(rectifications, "_next")
    _result, answers = _applied_and_withdrawn()
    assert refusals(answers) == 0
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"rectification.grant", "rectification.withdraw"} <= actions


def test_twenty_clicks_with_one_intent_ask_once() -> None:
    owner, intent = MembershipFactory(), uuid.uuid4()

    def ask() -> Any:
        return workflows.ask_rectification(
            actor=owner.user, at=AT, affiliate=owner.affiliate, employee=None, intent=intent,
            told={"address": "12 RUE DU FOUR"}, text="Déménagée.", pieces=[upload("bail.pdf", PDF)],
        )  # fmt: skip

    answers = together([ask] * 20)
    assert len({getattr(one, "pk", one) for one in answers}) == 1
    assert AuditEntry.objects.filter(action="rectification.send").count() == 1


# -- keys of banks ---------------------------------------------------------------------------------


def _four_keys() -> list[Any]:
    bank, chief = Bank.objects.create(code="230", name="Banque du Nord"), supervisor()
    return together(
        [
            lambda: bank_keys.issue_key(
                actor=chief, bank=bank, label="Serveur", scopes=[KeyScope.SEND], days=30, at=AT
            )
        ]
        * 4
    )


def test_four_keys_asked_at_once_are_two() -> None:
    assert refusals(_four_keys(), TooManyKeys) == 2
    assert sorted(BankKey.objects.values_list("slot", flat=True)) == [1, 2]


def test_without_the_lock_only_the_wall_of_the_places_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    meeting, plain = threading.Barrier(4), QuerySet.create

    def all_have_looked(rows: QuerySet[Any], **values: Any) -> Any:
        if rows.model is BankKey:
            meeting.wait(timeout=20)
        return plain(rows, **values)

    monkeypatch.setattr(QuerySet, "create", all_have_looked)
    assert sum(isinstance(one, IntegrityError) for one in _four_keys()) == 3
