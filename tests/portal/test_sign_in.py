"""The door: one sentence for every failure, limits that a stranger cannot turn against the owner."""

import datetime
import threading
from collections import Counter

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client

from portal import limits
from portal.clock import now
from portal.errors import TooManyAttempts
from portal.models import Attempt, AuditEntry, User
from tests.affiliates.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

SAME_WORDS = "L’adresse ou le mot de passe ne correspondent pas"


@pytest.fixture
def owner() -> User:
    return UserFactory(email="patronne@exemple.ma")


def sign_in(
    client: Client,
    email: str = "patronne@exemple.ma",
    password: str = PASSWORD,
    *,
    at: str = "1.1.1.1",
):
    return client.post("/connexion/", {"username": email, "password": password}, REMOTE_ADDR=at)


def test_the_owner_comes_in_and_leaves_a_trace(client: Client, owner: User):
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert AuditEntry.objects.get().action == "user.signed_in"


def test_the_address_is_compared_without_case(client: Client, owner: User):
    assert sign_in(client, "Patronne@Exemple.MA").status_code == 302


def test_the_door_leads_back_to_the_page_but_never_to_another_site(client: Client, owner: User):
    inside = client.post(
        "/connexion/", {"username": owner.email, "password": PASSWORD, "next": "/mot-de-passe/"}
    )
    assert inside.headers["Location"] == "/mot-de-passe/"
    client.post("/deconnexion/")
    outside = client.post(
        "/connexion/",
        {"username": owner.email, "password": PASSWORD, "next": "https://ailleurs.ma/"},
    )
    assert outside.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("patronne@exemple.ma", "autre chose"),
        ("inconnue@exemple.ma", PASSWORD),
        ("fermee@exemple.ma", PASSWORD),
    ],
)
def test_unknown_closed_and_wrong_all_say_the_same(
    client: Client, owner: User, email: str, password: str
):
    UserFactory(email="fermee@exemple.ma", is_active=False)
    answer = sign_in(client, email, password)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert SAME_WORDS in page
    assert client.session.get("_auth_user_id") is None


def test_an_unknown_account_costs_as_many_password_checks_as_a_known_one(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
):
    from django.contrib.auth.hashers import MD5PasswordHasher

    checks: Counter[str] = Counter()
    plain = MD5PasswordHasher.encode

    def counted(self, password, salt):
        checks[password] += 1
        return plain(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    sign_in(client, "patronne@exemple.ma", "faux-un")
    sign_in(client, "inconnue@exemple.ma", "faux-deux")
    assert checks == {"faux-un": 1, "faux-deux": 1}


def test_a_stranger_is_stopped_and_the_owner_is_not(client: Client, owner: User):
    stranger = Client()
    for _attempt in range(5):
        assert sign_in(stranger, password="devinette", at="6.6.6.6").status_code == 422
    stopped = sign_in(stranger, at="6.6.6.6")  # even with the right password
    assert stopped.status_code == 429
    assert stopped.headers["Retry-After"] == "900"
    assert "Attendez 15 minutes" in stopped.content.decode()
    assert sign_in(client, at="1.1.1.1").status_code == 302


def test_many_strangers_together_do_not_shut_out_a_browser_that_knows_the_account(owner: User):
    home = Client()
    assert sign_in(home).status_code == 302
    home.post("/deconnexion/")
    for attempt in range(45):
        sign_in(Client(), password="devinette", at=f"6.6.{attempt}.1")
    assert sign_in(Client(), at="7.7.7.7").status_code == 429
    assert sign_in(home).status_code == 302


def test_the_mark_of_one_account_says_nothing_for_another(owner: User):
    UserFactory(email="autre@exemple.ma")
    home = Client()
    sign_in(home, "autre@exemple.ma")
    home.post("/deconnexion/")
    for attempt in range(41):
        sign_in(Client(), password="devinette", at=f"6.6.{attempt}.1")
    assert sign_in(home).status_code == 429


def test_unknown_accounts_are_throttled_alike(client: Client):
    answers = [sign_in(client, "inconnue@exemple.ma").status_code for _attempt in range(6)]
    assert answers == [422] * 5 + [429]


def test_the_window_passes(client: Client, owner: User):
    with time_machine.travel(
        datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC), tick=False
    ) as clock:
        for _attempt in range(6):
            sign_in(client, password="devinette")
        assert sign_in(client).status_code == 429
        clock.shift(datetime.timedelta(minutes=15))
        assert sign_in(client).status_code == 302


def test_counters_hold_no_address_and_old_ones_are_removed(client: Client, owner: User):
    with time_machine.travel(
        datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC), tick=False
    ) as clock:
        sign_in(client, password="devinette")
        assert Attempt.objects.count() == 3
        assert all(len(key) == 64 for key in Attempt.objects.values_list("key", flat=True))
        clock.shift(datetime.timedelta(days=1, seconds=1))
        assert limits.purge(at=now(), most=2) == 2
        assert limits.purge(at=now(), most=2) == 1


@pytest.mark.django_db(transaction=True)
def test_attempts_at_once_are_all_counted():
    start = threading.Barrier(20)
    refused: list[bool] = []

    def attempt() -> None:
        start.wait(10)
        try:
            limits.count(limits.ACCOUNT_FROM_ADDRESS, "a 1.1.1.1")
            refused.append(False)
        except TooManyAttempts:
            refused.append(True)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _attempt in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert Counter(refused) == {False: 5, True: 15}


# ---------------------------------------------------------------- leaving, the password, the language


def test_leaving_ends_the_session_for_good(client: Client, owner: User):
    sign_in(client)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post("/deconnexion/")
    replay = Client()
    replay.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert replay.get("/mot-de-passe/").status_code == 302


def test_the_session_has_a_new_name_once_inside(client: Client, owner: User):
    session = client.session
    session["x"] = 1
    session.save()
    before = session.session_key
    sign_in(client)
    assert client.session.session_key != before


NEW = "un nouveau mot de passe bien long"


def change(client: Client, old: str = PASSWORD, first: str = NEW, second: str = NEW):
    return client.post(
        "/mot-de-passe/", {"old_password": old, "new_password1": first, "new_password2": second}
    )


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(client: Client, owner: User):
    elsewhere = Client()
    sign_in(elsewhere)
    sign_in(client)
    assert change(client).status_code == 302
    assert client.get("/mot-de-passe/").status_code == 200
    assert elsewhere.get("/mot-de-passe/").status_code == 302
    owner.refresh_from_db()
    assert owner.check_password(NEW)
    assert AuditEntry.objects.filter(action="user.password_changed").count() == 1


@pytest.mark.parametrize(
    ("old", "first", "second", "words"),
    [
        ("faux", NEW, NEW, "Le mot de passe actuel ne correspond pas"),
        (PASSWORD, NEW, "autre", "Les deux nouveaux mots de passe sont différents"),
        (PASSWORD, "court", "court", "12"),
    ],
)
def test_a_refused_password_says_why_and_changes_nothing(
    client: Client, owner: User, old: str, first: str, second: str, words: str
):
    client.force_login(owner)
    answer = change(client, old, first, second)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_an_account_that_is_closed_is_out_at_once(client: Client, owner: User):
    client.force_login(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert client.get("/mot-de-passe/").status_code == 302


def test_the_language_switch_stays_on_the_page(client: Client):
    answer = client.post("/langue/", {"language": "ar", "next": "/connexion/?next=/x/"})
    assert answer.headers["Location"] == "/connexion/?next=/x/"
    page = client.get("/connexion/").content.decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert "bootstrap.rtl.min.css" in page
    client.post("/langue/", {"language": "fr", "next": "/connexion/"})
    page = client.get("/connexion/").content.decode()
    assert '<html lang="fr" dir="ltr">' in page
    assert "bootstrap.min.css" in page
