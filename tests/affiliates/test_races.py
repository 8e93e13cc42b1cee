"""Real transactions against each other: a firm keeps an owner, a mandate is granted once."""

import datetime
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connections
from django.db.models.query import QuerySet

from affiliates import workflows
from affiliates.enums import MandateRequestState, Role, Scope
from affiliates.errors import LastOwner, MandateRequestClosed
from affiliates.models import Mandate, MandateRequest, Membership
from affiliates.workflows import access, mandates
from portal.models import AuditEntry
from tests.affiliates.factories import (
    AffiliateFactory,
    MembershipFactory,
    RepresentativeFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime.datetime(2026, 3, 10, 9, 0, tzinfo=datetime.UTC)


def together(acts: list[Callable[[], Any]]) -> list[Any]:
    """Run the acts in threads that start at the same instant; answers or exceptions, in order."""
    barrier = threading.Barrier(len(acts))

    def one(act: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=20)
            return act()
        except Exception as fault:  # noqa: BLE001 (the test looks at it)
            return fault
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def _two_owners_leave() -> tuple[int, list[Any]]:
    first = MembershipFactory()
    second = MembershipFactory(affiliate=first.affiliate)
    actor = UserFactory()
    answers = together(
        [
            lambda one=one: workflows.end_membership(actor=actor, at=AT, membership=one)
            for one in (first, second)
        ]
    )
    owners = Membership.objects.filter(
        affiliate=first.affiliate, role=Role.OWNER.value, ended_at__isnull=True
    )
    return owners.count(), answers


def test_two_owners_who_leave_at_once_leave_one() -> None:
    left, answers = _two_owners_leave()
    assert left == 1
    assert sum(isinstance(answer, LastOwner) for answer in answers) == 1


def test_without_the_locks_nobody_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: the race above is real."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    meeting = threading.Barrier(2)
    keep_an_owner = access._keep_an_owner

    def both_have_looked(membership: Membership) -> None:
        keep_an_owner(membership)
        meeting.wait(timeout=20)

    monkeypatch.setattr(access, "_keep_an_owner", both_have_looked)
    left, _ = _two_owners_leave()
    assert left == 0


def test_ten_clicks_grant_one_mandate() -> None:
    affiliate, office, actor = AffiliateFactory(), RepresentativeFactory(), UserFactory()
    answers = together(
        [
            lambda: workflows.grant_mandate(
                actor=actor,
                at=AT,
                affiliate=affiliate,
                representative=office,
                scopes={Scope.DECLARE},
                starts_on=AT.date(),
            )
        ]
        * 10
    )
    assert {getattr(answer, "pk", answer) for answer in answers} == {Mandate.objects.get().pk}
    assert AuditEntry.objects.filter(action="mandate.granted").count() == 1


def test_without_the_locks_a_click_fails_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: both saw that nothing was granted yet; only the database kept the second out."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    meeting = threading.Barrier(2)
    overlapping = mandates.overlapping

    def both_have_looked(*of_the_days: Any) -> bool:
        found = overlapping(*of_the_days)
        meeting.wait(timeout=20)
        return found

    monkeypatch.setattr(mandates, "overlapping", both_have_looked)
    affiliate, office, actor = AffiliateFactory(), RepresentativeFactory(), UserFactory()
    answers = together(
        [
            lambda: workflows.grant_mandate(
                actor=actor,
                at=AT,
                affiliate=affiliate,
                representative=office,
                scopes={Scope.DECLARE},
                starts_on=AT.date(),
            )
        ]
        * 2
    )
    assert sum(isinstance(answer, IntegrityError) for answer in answers) == 1
    assert Mandate.objects.count() == 1


def _accepted_and_withdrawn_at_once() -> tuple[MandateRequest, list[Any]]:
    """The firm accepts while the office takes its request back."""
    office, asker, owner = RepresentativeFactory(), UserFactory(), UserFactory()
    affiliate = AffiliateFactory()
    request = workflows.ask_for_mandate(
        actor=asker,
        at=AT,
        representative=office,
        affiliation_number=affiliate.affiliation_number,
        scopes={Scope.DECLARE},
        starts_on=AT.date(),
    )
    answers = together(
        [
            lambda: workflows.accept_mandate(actor=owner, at=AT, request=request),
            lambda: workflows.withdraw_mandate_request(actor=asker, at=AT, request=request),
        ]
    )
    return MandateRequest.objects.get(pk=request.pk), answers


@pytest.mark.parametrize("_again", range(3))
def test_a_request_accepted_and_withdrawn_at_once_ends_one_way(_again: int) -> None:
    request, answers = _accepted_and_withdrawn_at_once()
    assert sum(isinstance(one, MandateRequestClosed) for one in answers) == 1
    given = Mandate.objects.filter(representative=request.representative).count()
    expected = {MandateRequestState.ACCEPTED: 1, MandateRequestState.WITHDRAWN: 0}
    assert given == expected[MandateRequestState(request.state)]
    assert (request.mandate is not None) == bool(given)


def test_without_the_locks_a_withdrawn_request_gives_a_mandate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The positive control: both looked before either wrote."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    meeting = threading.Barrier(2)
    check_open = mandates._check_open

    def both_have_looked(row: MandateRequest) -> None:
        check_open(row)
        meeting.wait(timeout=20)

    monkeypatch.setattr(mandates, "_check_open", both_have_looked)
    request, answers = _accepted_and_withdrawn_at_once()
    assert not any(isinstance(one, Exception) for one in answers)
    assert Mandate.objects.filter(representative=request.representative).count() == 1
    assert [
        entry.action for entry in AuditEntry.objects.filter(action__startswith="mandate.request")
    ] == ["mandate.request_withdrawn"]
