"""A refusal reads the same on a form, on a page and for a program; a constraint that fires becomes one."""

import datetime
from decimal import Decimal

import pytest
from django import forms
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test import RequestFactory
from django.utils import translation
from rest_framework.exceptions import NotFound, ValidationError

from portal import errors
from portal.api import refusal_handler
from portal.commands import RehearsedCommand
from portal.models import User
from portal.tasks import PortalTask
from regulation.errors import DomainError
from tests.affiliates.factories import UserFactory


class Late(DomainError):
    code = "test.late"
    message = "Trop tard depuis le {day} : {amount} DH."


LATE = Late(day=datetime.date(2026, 2, 10), amount=Decimal("1234.50"))
SENTENCE = "Trop tard depuis le 10\u00a0février\u00a02026 : 1\u202f234,50 DH."


@pytest.fixture(autouse=True)
def _in_french():
    with translation.override("fr"):
        yield


class OneField(forms.Form):
    day = forms.CharField()


def test_on_a_form():
    form = OneField({"day": "x"})
    errors.add_to_form(form, LATE, "day")
    errors.add_to_form(form, LATE)
    assert form.errors["day"] == [SENTENCE]
    assert form.non_field_errors() == [SENTENCE]


def test_on_a_page():
    request = RequestFactory().get("/")
    request.session = {}
    request._messages = FallbackStorage(request)
    errors.add_to_messages(request, LATE)
    (said,) = get_messages(request)
    assert (said.level_tag, str(said)) == ("error", SENTENCE)


def test_for_a_program():
    answer = refusal_handler(LATE, {})
    assert answer is not None
    assert answer.status_code == 409
    assert answer.data == {
        "code": "test.late",
        "message": SENTENCE,
        "facts": {"day": "2026-02-10", "amount": "1234.50"},
    }


def test_the_refusals_of_the_framework_have_the_same_shape():
    missing = refusal_handler(NotFound(), {})
    invalid = refusal_handler(ValidationError({"period": ["obligatoire"]}), {})
    busy = refusal_handler(OperationalError("timeout"), {})
    assert missing is not None
    assert invalid is not None
    assert busy is not None
    assert (missing.status_code, missing.data["code"]) == (404, "not_found")
    assert (invalid.status_code, invalid.data["code"]) == (400, "invalid")
    assert invalid.data["facts"] == {"fields": {"period": ["obligatoire"]}}
    assert (busy.status_code, busy.data["code"], busy.headers["Retry-After"]) == (503, "busy", "5")


def test_a_bug_stays_a_bug_for_a_program():
    assert refusal_handler(ValueError("x"), {}) is None


class Taken(DomainError):
    code = "test.taken"


@pytest.mark.django_db
def test_a_named_constraint_becomes_its_refusal():
    UserFactory(email="prise@exemple.ma")
    refusals = {"portal_user_email_key": Taken()}
    with pytest.raises(Taken), errors.constraints_refuse(refusals), transaction.atomic():
        UserFactory(email="prise@exemple.ma")


@pytest.mark.django_db
def test_any_other_constraint_stays_a_bug():
    refusals = {"portal_user_email_key": Taken()}
    with pytest.raises(IntegrityError), errors.constraints_refuse(refusals), transaction.atomic():
        UserFactory(email="MAJUSCULES@exemple.ma")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "transient"),
    [
        ("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(1)", True),
        ("SELECT * FROM nowhere", False),
    ],
)
def test_what_is_worth_another_try(statement: str, transient: bool):
    found: BaseException | None = None
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except Exception as error:  # noqa: BLE001 - judged below
        found = error
    assert found is not None
    assert errors.is_transient(found) is transient


def test_a_lost_connection_is_worth_another_try_and_a_bug_is_not():
    assert errors.is_transient(OperationalError("server closed the connection"))
    assert not errors.is_transient(ValueError())
    assert not errors.is_transient(None)


# ---------------------------------------------------------------- commands and tasks


class Renames(RehearsedCommand):
    def work(self, **options) -> list[str]:
        changed = User.objects.update(full_name="Renommée")
        return [f"{changed} personne"]


@pytest.mark.django_db
def test_a_command_rehearses_unless_told(capsys: pytest.CaptureFixture[str]):
    user = UserFactory(full_name="Avant")
    call_command(Renames())
    user.refresh_from_db()
    assert user.full_name == "Avant"
    said = capsys.readouterr().out
    assert "1 personne" in said
    assert "rien n’a été enregistré" in said
    call_command(Renames(), "--apply")
    user.refresh_from_db()
    assert user.full_name == "Renommée"
    assert "rien n’a été enregistré" not in capsys.readouterr().out


def test_a_task_tries_again_only_on_what_passes_by_itself():
    assert OperationalError in PortalTask.autoretry_for
    assert not any(issubclass(ValueError, kind) for kind in PortalTask.autoretry_for)
    assert PortalTask.max_retries == 3
