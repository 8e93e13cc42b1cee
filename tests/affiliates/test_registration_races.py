"""Twenty numbers asked for at once, and one person asked for by two firms at the same instant."""

import datetime
import threading

import pytest
from django.db import IntegrityError
from django.db.models.query import QuerySet

from affiliates import workflows
from affiliates.enums import Likeness, RegistrationState
from affiliates.models import Employee, RegistrationRequest
from affiliates.queries.registrations import Alike
from affiliates.workflows import registrations
from tests.affiliates.factories import clerk_of_files
from tests.affiliates.test_races import together
from tests.affiliates.test_registrations import AT, request_of

pytestmark = pytest.mark.django_db(transaction=True)


def _twenty() -> list[RegistrationRequest]:
    return [
        request_of(
            card_number=f"BK{rank}",
            last_name="".join("ABCDEFGHIJKLMNOPQRST"[rank] + vowel for vowel in "AIOU"),
            born_on=datetime.date(1970, 1, 1) + datetime.timedelta(days=500 * rank),
        )
        for rank in range(20)
    ]


def test_twenty_at_once_get_twenty_numbers() -> None:
    clerk, asked = clerk_of_files(), _twenty()
    answers = together(
        [lambda one=one: workflows.issue_number(actor=clerk, at=AT, request=one) for one in asked]
    )
    numbers = {answer.employee.registration_number for answer in answers}
    assert len(numbers) == 20


def test_twenty_clicks_on_one_request_give_one_number() -> None:
    clerk, one = clerk_of_files(), request_of()
    answers = together([lambda: workflows.issue_number(actor=clerk, at=AT, request=one)] * 20)
    assert {answer.employee_id for answer in answers} == {Employee.objects.get().pk}


def _two_firms_at_once() -> list[RegistrationState]:
    """One hires the person, the other sends the same request meanwhile: the portal looks at both at once."""
    first, second = request_of(), request_of()
    together(
        [
            lambda one=one: workflows.issue_automatically(at=AT, request=one)
            for one in (first, second)
        ]
    )
    return [RegistrationRequest.objects.get(pk=one.pk).state for one in (first, second)]


def test_the_same_person_asked_by_two_firms_at_once_gets_no_two_numbers() -> None:
    clerk, first, second = clerk_of_files(), request_of(), request_of()
    together(
        [
            lambda one=one: workflows.issue_number(actor=clerk, at=AT, request=one)
            for one in (first, second)
        ]
    )
    assert Employee.objects.count() == 1
    assert _two_firms_at_once() == [RegistrationState.SENT.value] * 2, "a clerk decides"


def test_without_the_lock_of_the_series_only_the_wall_of_the_database_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The positive control: both look in the register before either has written."""
    clerk, asked = clerk_of_files(), [request_of(), request_of()]
    workflows.issue_number(actor=clerk, at=AT, request=request_of(card_number="K1"))
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    meeting, look = threading.Barrier(2), registrations.people_like

    def both_have_looked(row: RegistrationRequest) -> list[Alike]:
        found = look(row)
        meeting.wait(timeout=20)
        return [one for one in found if one.likeness is Likeness.SAME_CARD]

    monkeypatch.setattr(registrations, "people_like", both_have_looked)
    answers = together(
        [lambda one=one: workflows.issue_number(actor=clerk, at=AT, request=one) for one in asked]
    )
    assert sum(isinstance(answer, IntegrityError) for answer in answers) == 1
