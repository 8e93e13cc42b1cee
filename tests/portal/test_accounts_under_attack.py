"""What strangers can do to an account from outside: slow themselves down, and never keep its owner out."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal import limits, new_browser, workflows
from portal.clock import now
from portal.models import Attempt, Mail, OpenSession, User
from tests.affiliates.factories import PASSWORD, UserFactory
from tests.portal.test_second_factor import AT, code_at, enrol

pytestmark = pytest.mark.django_db

OWNER = "patronne@exemple.ma"
NOBODY = "personne@exemple.ma"


@pytest.fixture(autouse=True)
def later():
    """The frozen clock, to be shifted."""
    with time_machine.travel(AT, tick=False) as clock:
        yield clock


@pytest.fixture
def owner() -> User:
    return UserFactory(email=OWNER)


def sign_in(client: Client, email: str = OWNER, password: str = PASSWORD, *, at: str = "1.1.1.1"):
    return client.post("/connexion/", {"username": email, "password": password}, REMOTE_ADDR=at)


def attack(email: str = OWNER, most: int = limits.ACCOUNT_FROM_ANYWHERE.most) -> list[int]:
    """As many guesses as the account takes from anywhere, no two from one place; the status of each."""
    return [
        sign_in(Client(), email, "devinette", at=f"6.{turn // 250}.{turn % 250}.1").status_code
        for turn in range(most)
    ]


def link_of(mail: Mail) -> str:
    found = re.search(r"/connexion/appareil/\S+", mail.text)
    assert found is not None
    return found[0]


def test_during_an_attack_a_link_lets_the_owner_in_from_a_new_device(owner: User, later) -> None:
    assert set(attack()) == {422}
    assert not Mail.objects.exists()
    new = Client()
    stopped = sign_in(new)
    assert (stopped.status_code, stopped.headers["Retry-After"]) == (429, "900")
    link = link_of(Mail.objects.get(user=owner, is_secret=True))
    assert OWNER not in link
    # Looking changes nothing; the link opens nothing by itself.
    assert new.get(link).status_code == 200
    assert sign_in(new).status_code == 429
    assert "C’est noté" in new.post(link).content.decode()
    assert new.get("/mes-preferences/").status_code == 302
    assert sign_in(new).status_code == 302
    assert new.get("/mes-preferences/").status_code == 200
    # Every other browser that was never here still waits, and the letter is written once an hour.
    assert sign_in(Client(), at="9.9.9.9").status_code == 429
    assert Mail.objects.filter(user=owner).count() == 1
    later.shift(timedelta(hours=1))
    attack()
    sign_in(Client(), at="9.9.9.9")
    assert Mail.objects.filter(user=owner).count() == 2


def test_the_link_serves_two_hours_for_its_account_only(owner: User, later) -> None:
    UserFactory(email="autre@exemple.ma")
    attack()
    attack("autre@exemple.ma")
    sign_in(Client())
    link = link_of(Mail.objects.get(user=owner))
    browser = Client()
    browser.post(link)
    assert sign_in(browser, "autre@exemple.ma").status_code == 429
    assert Client().post(link[:-3] + "xx/").status_code == 404
    for late, is_known in ((timedelta(hours=2), True), (timedelta(hours=2, seconds=1), False)):
        with time_machine.travel(AT + late, tick=False):
            fresh = Client()
            fresh.post(link)
            assert (settings.KNOWN_BROWSER_COOKIE_NAME in fresh.cookies) is is_known


def test_no_letter_for_nobody_and_nothing_tells_it(owner: User) -> None:
    """Same words, same status, as much work: the letter of an unknown account is written, then undone."""
    shown, asked = [], []
    for email in (OWNER, NOBODY):
        attack(email)
        with CaptureQueriesContext(connection) as queries:
            answer = sign_in(Client(), email, at="8.8.8.8")
        page = re.sub(r'value="\w{64}"', "", answer.content.decode()).replace(email, "…")
        shown.append((answer.status_code, dict(answer.headers).keys(), page))
        asked.append([sql["sql"].split()[0] for sql in queries if "portal_" in sql["sql"]])
    assert shown[0] == shown[1]
    assert asked[0] == asked[1]
    assert Mail.objects.filter(user=owner).count() == Mail.objects.count() == 1


def test_a_closed_account_gets_no_letter(owner: User) -> None:
    User.objects.update(is_active=False)
    attack()
    assert sign_in(Client()).status_code == 429
    assert not Mail.objects.exists()


def test_the_code_of_a_stolen_password_is_not_guessed_from_many_places(owner: User, later) -> None:
    """Strangers who have the password stop at forty codes; a browser that knows the account goes on."""
    enrol(owner)
    home = Client()
    sign_in(home)
    home.post("/connexion/second-facteur/", {"code": code_at(AT)})
    home.post("/deconnexion/")
    answers = []
    # The owner's own first code, in a browser that was not known yet, was one of the forty.
    for turn in range(40):
        thief, place = Client(), f"6.6.{turn}.1"
        sign_in(thief, at=place)
        # Each new browser of theirs counts at the door too: they space them out.
        Attempt.objects.filter(key=limits._key(limits.ACCOUNT_FROM_ANYWHERE, OWNER)).delete()
        wrong = thief.post("/connexion/second-facteur/", {"code": "000000"}, REMOTE_ADDR=place)
        answers.append(wrong.status_code)
    assert answers == [422] * 39 + [429]
    later.shift(timedelta(seconds=60))
    sign_in(home)
    right = code_at(AT + timedelta(seconds=60))
    assert home.post("/connexion/second-facteur/", {"code": right}).status_code == 302


def test_one_place_does_not_try_many_accounts(owner: User) -> None:
    answers = [sign_in(Client(), f"a{turn}@exemple.ma").status_code for turn in range(60)]
    assert set(answers) == {422}
    assert sign_in(Client()).status_code == 429
    assert sign_in(Client(), at="1.1.1.2").status_code == 302


def test_the_door_of_passkeys_is_counted_by_place_and_by_nothing_of_the_account(
    owner: User,
) -> None:
    attack()
    answers = [
        Client().post("/connexion/cle/", {"credential": "{}"}).status_code for _try in range(61)
    ]
    assert answers == [302] * 60 + [429]
    elsewhere = Client().post("/connexion/cle/", {"credential": "{}"}, REMOTE_ADDR="7.7.7.7")
    assert elsewhere.status_code == 302


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/mot-de-passe/", {"old_password": "faux", "new_password1": "a", "new_password2": "a"}),
        ("/connexion/confirmer/", {"confirmation-password": "faux"}),
        ("/ma-securite/application/", {"code": "000000"}),
        ("/ma-securite/adresse/", {"email": "nouvelle@exemple.ma"}),
    ],
)
def test_a_session_left_open_is_no_place_to_guess(owner: User, path: str, typed: dict) -> None:
    client = Client()
    sign_in(client)
    answers = [client.post(path, typed) for _try in range(11)]
    assert 429 not in [answer.status_code for answer in answers[:10]]
    assert (answers[10].status_code, answers[10].headers.get("Retry-After")) == (429, "900")


def test_the_desk_has_no_page_of_its_own_for_passwords() -> None:
    staff = UserFactory(is_staff=True)
    client = Client()
    client.force_login(staff)
    typed = {"old_password": PASSWORD, "new_password1": "x" * 20, "new_password2": "x" * 20}
    answer = client.post(reverse("admin:password_change"), typed)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/mot-de-passe/")
    staff.refresh_from_db()
    assert staff.check_password(PASSWORD)


def test_the_link_names_nobody_that_does_not_exist() -> None:
    """Whoever guesses a key gets no more than a way to the door."""
    browser = Client()
    path = reverse("portal:new_browser", args=[new_browser.token_of(0)])
    assert browser.post(path).status_code == 200
    assert settings.KNOWN_BROWSER_COOKIE_NAME not in browser.cookies
    assert not OpenSession.objects.exists()


def test_a_closed_account_opens_by_no_passkey(owner: User) -> None:
    """What the library found is judged again: a key of an account that was closed is refused like an unknown one."""
    from types import SimpleNamespace

    from portal import passkeys
    from portal.errors import PasskeyRefused

    found = SimpleNamespace()
    library = SimpleNamespace(
        parse_authentication_response=lambda credential: None,
        extract_user_from_response=lambda credential: owner,
        complete_authentication=lambda holder, credential: found,
        clear_state=lambda: None,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passkeys, "_library", lambda: library)
        assert passkeys.shown("{}", None) is found
        owner.is_active = False
        with pytest.raises(PasskeyRefused):
            passkeys.shown("{}", None)


def test_a_key_that_did_not_recognise_its_owner_is_not_added() -> None:
    """A device that only felt a touch is no second factor that opens the door without a password."""
    from types import SimpleNamespace

    from portal import passkeys
    from portal.errors import PasskeyRefused

    for verified in (True, False):
        binding = SimpleNamespace(is_user_verified=lambda answer=verified: answer)
        library = SimpleNamespace(
            parse_registration_response=lambda credential: None,
            complete_registration=lambda credential, made=binding: made,
            clear_state=lambda: None,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(passkeys, "_library", lambda found=library: found)
            if verified:
                assert passkeys.made("{}") == {}
            else:
                with pytest.raises(PasskeyRefused):
                    passkeys.made("{}")


def test_an_account_that_is_closed_and_opened_again_is_open_nowhere(owner: User) -> None:
    clerk = UserFactory(is_staff=True)
    here, there = Client(), Client()
    for browser in (here, there):
        sign_in(browser)
        assert browser.get("/mes-preferences/").status_code == 200
    workflows.close_account(actor=clerk, user=owner, reason="vol déclaré")
    assert workflows.close_account(actor=clerk, user=owner, reason="encore").is_active is False
    assert [browser.get("/mes-preferences/").status_code for browser in (here, there)] == [302, 302]
    assert sign_in(Client(), at="2.2.2.2").status_code == 422
    workflows.reopen_account(actor=clerk, user=owner, reason="vu au guichet")
    assert [browser.get("/mes-preferences/").status_code for browser in (here, there)] == [302, 302]
    assert sign_in(Client(), at="2.2.2.3").status_code == 302
    subjects = Mail.objects.filter(user=owner).order_by("pk").values_list("subject", flat=True)
    assert ["fermé" in subjects[0], "rouvert" in subjects[1]] == [True, True]


def test_however_it_was_closed_what_was_open_does_not_come_back(owner: User) -> None:
    browser = Client()
    sign_in(browser)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    workflows.reopen_account(actor=UserFactory(), user=owner, reason="essai")
    assert browser.get("/mes-preferences/").status_code == 302
    assert not OpenSession.objects.filter(user=owner).exists()


def test_the_day_is_not_in_the_way() -> None:
    """The instants of this file are those of the frozen clock, whatever the day."""
    assert now() == AT
    assert datetime.now(UTC) == AT
