"""What holds for every request."""

import datetime
import logging
import re
import threading

import pytest
import time_machine
from django.db import InternalError, connection, transaction
from django.test import Client, RequestFactory

from portal.middleware import Conflicts, client_address
from portal.models import AuditEntry, User
from tests.affiliates.factories import UserFactory
from tests.portal import urls_for_tests

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.portal.urls_for_tests")]

CODE = re.compile(r"[2-9BCDFGHJKMNPQRSTVWXZ]{4}-[2-9BCDFGHJKMNPQRSTVWXZ]{4}")


@pytest.fixture
def person(client: Client) -> User:
    user = UserFactory()
    client.force_login(user)
    return user


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_page_that_is_looked_at_cannot_write(client: Client, method: str):
    with pytest.raises(InternalError, match="read-only transaction"):
        getattr(client, method)("/t/writes/")
    assert not User.objects.filter(email="fantome@exemple.ma").exists()


def test_a_form_that_is_sent_can_write(client: Client):
    assert client.post("/t/writes/").status_code == 200
    assert User.objects.filter(email="fantome@exemple.ma").exists()


def test_the_connection_writes_again_after_a_page(client: Client):
    client.get("/connexion/")
    UserFactory(email="apres@exemple.ma")
    assert User.objects.filter(email="apres@exemple.ma").exists()


def test_what_was_read_is_written_after_the_page(client: Client, person: User):
    assert client.get("/t/reads/").content == b"shown"
    entry = AuditEntry.objects.get(action="staff.read")
    assert (entry.actor, entry.affiliation_number) == (person, "2000009")
    assert CODE.fullmatch(entry.request_id)


def test_nothing_is_shown_when_the_trace_cannot_be_written(client: Client, person: User):
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE portal_auditentry ADD CONSTRAINT no_more CHECK (id < 0) NOT VALID"
        )
    client.raise_request_exception = False
    answer = client.get("/t/reads/")
    assert answer.status_code == 500
    assert b"shown" not in answer.content


def test_each_request_has_its_code(client: Client):
    first, second = (client.get("/connexion/").headers["X-Request-Code"] for _time in range(2))
    assert CODE.fullmatch(first)
    assert first != second


def test_private_pages_stay_out_of_caches_and_ask_for_no_device(client: Client, person: User):
    answer = client.get("/mot-de-passe/")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "private" in answer.headers["Cache-Control"]
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_the_policy_refuses_inline_scripts_styles_and_other_hosts(client: Client):
    policy = client.get("/connexion/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "http" not in policy


def test_a_file_is_handed_out_inert(client: Client, person: User):
    answer = client.get("/t/downloads/")
    assert answer.getvalue() == b"<script>"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_visitor_is_sent_to_the_door_and_back(client: Client):
    answer = client.get("/t/reads/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/connexion/?next=/t/reads/")


def test_a_piece_asked_after_the_session_ended_reloads_the_page(client: Client):
    answer = client.get("/t/reads/", headers={"HX-Request": "true"}, follow=True)
    assert answer.headers["HX-Refresh"] == "true"


@pytest.mark.parametrize(("is_staff", "minutes"), [(False, 30), (True, 15)])
def test_an_idle_session_ends(client: Client, is_staff: bool, minutes: int):
    start = datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC)
    with time_machine.travel(start, tick=False) as clock:
        client.force_login(UserFactory(is_staff=is_staff))
        assert client.get("/t/reads/").status_code == 200
        clock.shift(datetime.timedelta(minutes=minutes))
        assert client.get("/t/reads/").status_code == 200
        stolen = Client()
        stolen.cookies = client.cookies.copy()
        clock.shift(datetime.timedelta(minutes=minutes, seconds=1))
        assert client.get("/t/reads/").status_code == 302
        # It ended for good: the cookie is worth nothing when the clock of the server goes back.
        clock.shift(datetime.timedelta(minutes=-1))
        assert stolen.get("/t/reads/").status_code == 302


@pytest.mark.parametrize("is_staff", [False, True])
def test_a_session_ends_after_twelve_hours_however_busy(client: Client, is_staff: bool):
    start = datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC)
    with time_machine.travel(start, tick=False) as clock:
        client.force_login(UserFactory(is_staff=is_staff))
        for _quarter in range(48):
            assert client.get("/t/reads/").status_code == 200
            clock.shift(datetime.timedelta(minutes=15))
        # Twelve hours to the second: still open; one more, and its cookie opens nothing.
        assert client.get("/t/reads/").status_code == 200
        stolen = Client()
        stolen.cookies = client.cookies.copy()
        clock.shift(datetime.timedelta(seconds=1))
        assert client.get("/t/reads/").status_code == 302
        assert stolen.get("/t/reads/").status_code == 302


def test_most_pages_do_not_write_the_session(client: Client, person: User):
    client.get("/mot-de-passe/")
    with connection.execute_wrapper(_no_writing):
        client.get("/mot-de-passe/")


def _no_writing(execute, sql, params, many, context):
    assert not sql.startswith(("UPDATE", "INSERT", "DELETE")), sql
    return execute(sql, params, many, context)


def test_the_address_is_the_connection_or_what_our_proxy_says(settings):
    request = RequestFactory().get(
        "/", HTTP_X_FORWARDED_FOR="9.9.9.9, 10.0.0.7", REMOTE_ADDR="10.1.1.1"
    )
    assert client_address(request) == "10.1.1.1"
    settings.TRUSTED_PROXIES = 1
    assert client_address(request) == "10.0.0.7"
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="10.1.1.1")) == "10.1.1.1"


# ---------------------------------------------------------------- errors


@pytest.fixture
def visitor(client: Client) -> Client:
    client.raise_request_exception = False
    return client


def test_a_bug_has_a_page_without_its_secrets(visitor: Client, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.CRITICAL):
        answer = visitor.get("/t/breaks/")
    page = answer.content.decode()
    assert answer.status_code == 500
    assert answer.headers["X-Request-Code"] in page
    assert "12345678901234567890" not in page
    assert "Traceback" not in page
    assert 'lang="ar" dir="rtl"' in page
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_database_that_cannot_answer_in_time_gives_a_503_with_its_code(visitor: Client):
    answer = visitor.get("/t/waits/")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["X-Request-Code"] in answer.content.decode()
    # Whatever kept it silent, a lock or a database that is gone, the sentence is true.
    assert "Le service ne répond pas pour le moment" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_row_that_another_holds_gives_a_503_and_then_opens(visitor: Client):
    UserFactory(email="tenue@exemple.ma")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            User.objects.select_for_update().get(email="tenue@exemple.ma")
            held.set()
            done.wait(10)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    answer = visitor.post("/t/locks/")
    done.set()
    holder.join(10)
    assert answer.status_code == 503
    assert answer.headers["X-Request-Code"] in answer.content.decode()
    assert visitor.post("/t/locks/").content == b"had it"


def collide(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Two forms that take the same two rows in opposite orders, at once; the status of each answer."""
    for name in ("un", "deux"):
        UserFactory(email=f"{name}@exemple.ma", full_name=name)
    barrier = threading.Barrier(2)
    monkeypatch.setattr(urls_for_tests, "meetings", [barrier])
    monkeypatch.setattr(urls_for_tests, "tries", [])
    statuses: dict[str, int] = {}

    def post(first: str, second: str) -> None:
        visitor = Client(raise_request_exception=False)
        statuses[first] = visitor.post(
            f"/t/collides/{first}/{second}/", {"letter": "+"}
        ).status_code
        connection.close()

    threads = [
        threading.Thread(target=post, args=pair) for pair in (("un", "deux"), ("deux", "un"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return sorted(statuses.values())


@pytest.mark.django_db(transaction=True)
def test_a_form_that_lost_a_deadlock_is_taken_again(monkeypatch: pytest.MonkeyPatch):
    assert collide(monkeypatch) == [200, 200]
    assert len(urls_for_tests.tries) >= 3
    names = User.objects.filter(email__in=["un@exemple.ma", "deux@exemple.ma"])
    assert sorted(names.values_list("full_name", flat=True)) == ["deux++", "un++"]


@pytest.mark.django_db(transaction=True)
def test_without_another_try_the_same_forms_show_a_503(monkeypatch: pytest.MonkeyPatch):
    """The positive control: the deadlock above is real."""
    monkeypatch.setattr(Conflicts, "tries", 1)
    assert collide(monkeypatch) == [200, 503]


def test_no_wait_is_endless():
    waits = {}
    with connection.cursor() as cursor:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SHOW {name}")
            (waits[name],) = cursor.fetchone()
    assert waits == {
        "statement_timeout": "10s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
    }


def test_a_page_that_does_not_exist(visitor: Client):
    answer = visitor.get("/nulle-part/")
    assert answer.status_code == 404
    assert "Cette page n’existe pas" in answer.content.decode()


def test_a_refusal_that_nobody_showed_becomes_a_page_that_says_why(visitor: Client):
    answer = visitor.get("/t/refuses/")
    assert answer.status_code == 429
    assert "Attendez 15 minutes" in answer.content.decode()


def test_a_form_from_elsewhere_is_refused():
    answer = Client(enforce_csrf_checks=True).post("/connexion/", {"username": "a"})
    assert answer.status_code == 403
    assert "Cette action n’est pas permise" in answer.content.decode()


@pytest.mark.parametrize("path", ["/connexion/?next=%00", "/la-regle/a%00b/", "/verifier/%00/"])
def test_an_address_with_a_nul_leads_nowhere(db: None, path: str):
    assert Client(raise_request_exception=False).get(path).status_code == 404
