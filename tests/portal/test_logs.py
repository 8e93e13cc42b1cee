"""One line of JSON an event, under the code of its request, in pages, tasks and letters; nobody is named in it."""

import json
import logging
import re
from collections.abc import Iterator

import pytest
from django.core import mail as django_mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils.module_loading import import_string

from portal import clock, incidents, logs, mail, security_log, tasks
from portal.models import AuditEntry, Incident, Mail, User
from portal.request_code import current_request_id
from portal.security_log import SecurityEvent
from tests.affiliates.factories import PASSWORD, UserFactory
from tests.cast import Cast

pytestmark = pytest.mark.django_db
PAGES = "tests.portal.urls_for_tests"


class Lines(logging.Handler):
    """What a real handler would print."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logs.JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def told(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.lines]

    def events(self) -> list[dict[str, object]]:
        return [one for one in self.told() if one["logger"] == "damancom.security"]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, root = Lines(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture
def owner() -> User:
    return UserFactory(email="patronne@exemple.ma", full_name="Nadia Benjelloun")


# -- the line ------------------------------------------------------------------------------------


def test_a_line_is_json_with_the_code_of_its_request(lines: Lines) -> None:
    token = current_request_id.set("7KQ4-92MX")
    logging.getLogger("room").warning(
        "late by %s", 3, extra={"facts": {"row": 12, "who": "a@b.ma"}}
    )
    current_request_id.reset(token)
    (told,) = lines.told()
    assert {name: told[name] for name in ("level", "logger", "code", "message", "row", "who")} == {
        "level": "WARNING",
        "logger": "room",
        "code": "7KQ4-92MX",
        "message": "late by 3",
        "row": 12,
        "who": "•••",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", str(told["at"]))


@pytest.mark.parametrize(
    "personal",
    [
        "nadia.b@exemple.ma", "AB123456", "J12345", "123456789", "2045187", "011810000012345678901234",
        "MA64011519000001205000534921", "001234567000089", "12 34 56 78 90",
    ],
)  # fmt: skip
def test_what_could_name_someone_is_masked(personal: str) -> None:
    assert personal not in logs.masked(f"row of {personal}, refused")


@pytest.mark.parametrize(
    "plain", ["40P01", "line 512", "2026-11-21", "portal/mail.py:120", "0.35 s"]
)
def test_what_names_nobody_is_not(plain: str) -> None:
    assert logs.masked(plain) == plain


def test_an_error_says_where_and_never_quotes_the_row(lines: Lines, owner: User) -> None:
    try:
        with transaction.atomic():
            UserFactory(email=owner.email)
    except IntegrityError:
        logging.getLogger("room").exception("refused")
    (told,) = lines.told()
    assert str(told["error"]).startswith("IntegrityError: duplicate key")
    assert any("test_logs.py" in place for place in told["where"])
    assert owner.email not in lines.lines[0]


def test_what_a_message_of_the_database_quotes_is_left_out(lines: Lines, owner: User) -> None:
    """A name is no number and no address: nothing would mask it further down."""
    try:
        with transaction.atomic():
            User.objects.filter(pk=owner.pk).update(email=None)
    except IntegrityError as refused:
        quoted = str(refused)
        logging.getLogger("room").exception("refused")
    assert owner.full_name in quoted
    assert owner.full_name not in lines.lines[0]


def test_every_process_writes_such_lines_and_no_other(settings) -> None:
    told = settings.LOGGING
    assert import_string(told["formatters"]["json"]["()"]) is logs.JsonLines
    assert {handler["formatter"] for handler in told["handlers"].values()} == {"json"}
    assert told["root"]["handlers"] == ["console"]
    assert [one for one in told["loggers"].values() if one["handlers"]] == []
    # A worker would otherwise put its own in their place.
    assert settings.CELERY_WORKER_HIJACK_ROOT_LOGGER is False


# -- pages, tasks and letters under one code -----------------------------------------------------


def test_a_message_carries_the_code_and_the_task_works_under_it(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks
) -> None:
    sent: dict[str, object] = {}
    monkeypatch.setattr(tasks.seal_trace, "apply_async", lambda **said: sent.update(said))
    token = current_request_id.set("7KQ4-92MX")
    with django_capture_on_commit_callbacks(execute=True):
        tasks.wake(tasks.seal_trace)
    current_request_id.reset(token)
    assert sent["headers"] == {"request_code": "7KQ4-92MX"}

    seen: list[str] = []
    monkeypatch.setattr(tasks.audit, "seal", lambda: seen.append(current_request_id.get()))
    tasks.seal_trace.push_request(request_code="7KQ4-92MX", called_directly=False)
    try:
        tasks.seal_trace()
    finally:
        tasks.seal_trace.pop_request()
    tasks.seal_trace()
    assert seen[0] == "7KQ4-92MX"
    assert re.fullmatch(r"\w{4}-\w{4}", seen[1])
    assert current_request_id.get() == ""


def test_an_act_bears_the_code_of_its_page(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    page = client.post(reverse("affiliates:ask_copy", args=[cast.affiliate.affiliation_number]))
    assert page.status_code == 302
    assert AuditEntry.objects.get(action="copy.asked").request_id == page.headers["X-Request-Code"]
    # What follows on the same connection is another matter.
    assert current_request_id.get() == ""


def test_a_letter_keeps_the_code_in_which_it_was_written(owner: User) -> None:
    token = current_request_id.set("7KQ4-92MX")
    mail.write(
        key="one", to=owner, template="portal/mail/stop.txt", facts={"stop": "-"}, at=clock.now()
    )
    current_request_id.reset(token)
    assert Mail.objects.get().request_id == "7KQ4-92MX"
    mail.send_due()
    (letter,) = django_mail.outbox
    assert letter.extra_headers["X-Request-Code"] == "7KQ4-92MX"


# -- what broke ----------------------------------------------------------------------------------


@pytest.mark.urls(PAGES)
def test_staff_find_what_broke_by_the_code_that_was_shown(cast: Cast) -> None:
    visitor = Client(raise_request_exception=False)
    page = visitor.get("/t/breaks/")
    assert page.status_code == 500
    code = page.headers["X-Request-Code"]
    assert code in page.content.decode()
    incident = Incident.objects.get(code=code)
    assert (incident.kind, incident.status) == ("ValueError", 500)
    assert "urls_for_tests.py" in incident.where
    assert "12345678901234567890" not in incident.where

    staff = Client()
    staff.force_login(cast.staff)
    desk = reverse("admin:portal_incident_changelist")
    assert code in staff.get(f"{desk}?q={code}").content.decode()
    shown = staff.get(reverse("admin:portal_incident_change", args=[incident.pk]))
    assert shown.status_code == 200
    assert "ValueError" in shown.content.decode()
    stranger = Client()
    stranger.force_login(cast.owner)
    assert stranger.get(desk).status_code in {302, 404}


@pytest.mark.urls(PAGES)
def test_a_database_that_gave_up_is_found_by_its_code_too() -> None:
    page = Client(raise_request_exception=False).get("/t/waits/")
    assert page.status_code == 503
    incident = Incident.objects.get(code=page.headers["X-Request-Code"])
    assert (incident.kind, incident.status) == ("OperationalError", 503)


def test_a_task_that_breaks_is_found_too() -> None:
    tasks.send_mails.on_failure(ValueError("x"), "id", (), {}, None)
    assert Incident.objects.get().place == "portal.tasks.send_mails"


def test_incidents_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    incidents.note(code="A", place="p", error=None)
    assert incidents.forget_old(at=clock.now(), most=9) == 0
    assert incidents.forget_old(at=clock.now() + incidents.KEPT * 2, most=9) == 1


# -- the doors -----------------------------------------------------------------------------------


def test_the_doors_are_watched_without_naming_anyone(
    lines: Lines, cast: Cast, client: Client
) -> None:
    address = "196.200.131.7"
    client.post(
        "/connexion/", {"username": cast.owner.email, "password": "faux"}, REMOTE_ADDR=address
    )
    client.post(
        "/connexion/", {"username": cast.owner.email, "password": PASSWORD}, REMOTE_ADDR=address
    )
    other = reverse("affiliates:home", args=[cast.strangers_affiliate.affiliation_number])
    assert client.get(other, REMOTE_ADDR=address).status_code == 404
    assert client.get("/nulle-part/", REMOTE_ADDR=address).status_code == 404
    Client(enforce_csrf_checks=True).post("/connexion/", {}, REMOTE_ADDR=address)
    Client().get("/api/v1/bank-files/", headers={"Authorization": "Bearer dmc_0_0"}, REMOTE_ADDR=address)  # fmt: skip
    events = lines.events()
    assert [one["event"] for one in events] == [
        SecurityEvent.SIGN_IN_REFUSED,
        SecurityEvent.SIGNED_IN,
        SecurityEvent.DOOR_REFUSED,
        SecurityEvent.FORM_REFUSED,
        SecurityEvent.KEY_REFUSED,
    ]
    assert [one["level"] for one in events] == ["WARNING", "INFO", *["WARNING"] * 3]
    assert len({one["place"] for one in events}) == 1
    assert events[1]["user"] == events[2]["user"] == cast.owner.pk
    assert events[2]["view"] == "affiliates:home"
    written = "\n".join(lines.lines)
    for personal in (
        address,
        cast.owner.email,
        cast.owner.full_name,
        cast.affiliate.name,
        cast.strangers_affiliate.affiliation_number,
        PASSWORD,
    ):
        assert personal not in written
    assert events[0]["account"] == security_log.digest_of(cast.owner.email)


def test_too_many_tries_are_told(lines: Lines, client: Client, owner: User) -> None:
    for _try in range(6):
        client.post("/connexion/", {"username": owner.email, "password": "faux"})
    last = lines.events()[-1]
    assert (last["event"], last["level"]) == (SecurityEvent.THROTTLED, "WARNING")


def test_what_changes_who_may_come_in_is_told(lines: Lines, owner: User) -> None:
    """Each event has its severity, its account and a digest for its place, whoever notes it."""
    for event in SecurityEvent:
        security_log.note(event, user_id=owner.pk, place="196.200.131.7", why=owner.email)
    told = lines.events()
    assert {one["event"] for one in told} == set(SecurityEvent)
    assert {one["event"] for one in told if one["level"] == "INFO"} == {
        SecurityEvent.SIGNED_IN, SecurityEvent.FACTORS_CHANGED, SecurityEvent.PASSWORD_CHANGED,
        SecurityEvent.ADDRESS_CHANGED,
    }  # fmt: skip
    assert {(one["user"], one["place"], one["why"]) for one in told} == {
        (owner.pk, security_log.digest_of("196.200.131.7"), "•••")
    }
    assert re.fullmatch(r"[0-9a-f]{12}", str(told[0]["place"]))
