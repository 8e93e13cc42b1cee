"""Second factors: enrolment, the stage after the password, single use, the requirement, fresh confirmation."""

import contextlib
import datetime
import re
import threading
from collections.abc import Callable

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client

from portal import second_factors, workflows
from portal.errors import CodeRefused
from portal.models import AuditEntry, OpenSession, User
from tests.affiliates.factories import PASSWORD, UserFactory
from tests.cast import Cast

pytestmark = pytest.mark.django_db

AT = datetime.datetime(2026, 3, 2, 9, 0, 5, tzinfo=datetime.UTC)
HALF_MINUTE = datetime.timedelta(seconds=30)
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # of RFC 6238: « 12345678901234567890 »


def code_at(at: datetime.datetime, secret: str = SECRET) -> str:
    """The code that an application shows, worked out apart from the code under test."""
    import base64
    import hmac
    import struct

    digest = hmac.digest(
        base64.b32decode(secret), struct.pack(">Q", int(at.timestamp()) // 30), "sha1"
    )
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


def enrol(user: User, at: datetime.datetime = AT - datetime.timedelta(hours=1)) -> list[str]:
    return workflows.add_application(actor=user, secret=SECRET, code=code_at(at), at=at)


def sign_in(client: Client, user: User, **typed: str):
    return client.post("/connexion/", {"username": user.email, "password": PASSWORD, **typed})


@pytest.fixture
def owner() -> User:
    return UserFactory(email="patronne@exemple.ma")


@pytest.fixture
def now():
    with time_machine.travel(AT, tick=False) as clock:
        yield clock


# ---------------------------------------------------------------- codes


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_the_codes_are_those_of_rfc_6238(seconds: int, code: str):
    at = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    assert second_factors.step_of(SECRET, code, at=at) == seconds // 30


def test_a_code_holds_half_a_minute_around_and_is_spent_with_those_before_it():
    assert second_factors.step_of(SECRET, code_at(AT - HALF_MINUTE), at=AT) is not None
    assert second_factors.step_of(SECRET, code_at(AT + HALF_MINUTE), at=AT) is not None
    assert second_factors.step_of(SECRET, code_at(AT - 2 * HALF_MINUTE), at=AT) is None
    step = second_factors.step_of(SECRET, code_at(AT), at=AT)
    assert second_factors.step_of(SECRET, code_at(AT), at=AT, after=step) is None
    assert second_factors.step_of(SECRET, code_at(AT - HALF_MINUTE), at=AT, after=step) is None


def test_the_secret_and_the_recovery_codes_are_not_readable_in_the_database(owner: User):
    codes = enrol(owner)
    assert len(codes) == 10 == len(set(codes))
    kept = " ".join(str(row.data) for row in Authenticator.objects.all())
    assert SECRET not in kept
    assert not [code for code in codes if code in kept or code.replace("-", "") in kept]


@pytest.mark.parametrize("kind", ["application", "paper"])
def test_a_code_opens_once(owner: User, kind: str):
    codes = enrol(owner)
    code = code_at(AT) if kind == "application" else codes[3].lower().replace("-", " ")
    workflows.spend_code(user=owner, code=code, at=AT)
    with pytest.raises(CodeRefused):
        workflows.spend_code(user=owner, code=code, at=AT)
    if kind == "paper":
        assert second_factors.held_by(owner).recovery_left == 9
        workflows.spend_code(user=owner, code=codes[4], at=AT)


def spend_from_two_threads(spend: Callable[[], object]) -> list[str]:
    said: list[str] = []
    start = threading.Barrier(2)

    def one() -> None:
        try:
            start.wait()
            spend()
        except CodeRefused:
            said.append("refused")
        else:
            said.append("accepted")
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said)


def race(monkeypatch: pytest.MonkeyPatch, kind: str, *, patience: float) -> list[str]:
    """Two requests with one code, each held, once it has read what is kept, until the other has read it too.

    The second that waits for the lock does not come: then the first goes on alone after ``patience`` seconds.
    """
    user = UserFactory()
    codes = enrol(user)
    code = code_at(AT) if kind == "application" else codes[0]
    both_have_read = threading.Barrier(2)
    judge = "step_of" if kind == "application" else "digest_of"
    plain = getattr(second_factors, judge)

    def read_together(*args, **kwargs):
        with contextlib.suppress(threading.BrokenBarrierError):
            both_have_read.wait(timeout=patience)
        return plain(*args, **kwargs)

    monkeypatch.setattr(second_factors, judge, read_together)
    return spend_from_two_threads(lambda: workflows.spend_code(user=user, code=code, at=AT))


KINDS = ["application", "paper"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", KINDS)
def test_one_code_from_two_requests_at_once_opens_once(monkeypatch: pytest.MonkeyPatch, kind: str):
    assert race(monkeypatch, kind, patience=2) == ["accepted", "refused"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", KINDS)
def test_without_the_lock_the_same_race_opens_twice(monkeypatch: pytest.MonkeyPatch, kind: str):
    """The positive control: the two requests do meet."""
    from django.db.models import QuerySet

    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_options: rows)
    assert race(monkeypatch, kind, patience=20) == ["accepted", "accepted"]


# ---------------------------------------------------------------- the door


def test_a_password_alone_opens_nothing_once_there_is_an_application(
    client: Client, owner: User, now
):
    enrol(owner)
    answer = sign_in(client, owner, next="/mes-preferences/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/connexion/second-facteur/")
    assert client.session.get("_auth_user_id") is None
    assert client.get("/mes-preferences/").status_code == 302
    assert not AuditEntry.objects.filter(action="user.signed_in").exists()

    wrong = client.post("/connexion/second-facteur/", {"code": "000000"})
    assert wrong.status_code == 422
    assert "n’est pas le bon" in wrong.content.decode()

    before = client.session.session_key
    inside = client.post("/connexion/second-facteur/", {"code": code_at(AT)})
    assert (inside.status_code, inside.headers["Location"]) == (302, "/mes-preferences/")
    assert client.session.session_key != before
    assert client.get("/mes-preferences/").status_code == 200
    assert AuditEntry.objects.filter(action="user.signed_in").count() == 1


def test_a_code_that_served_in_one_browser_does_not_open_another(owner: User, now):
    enrol(owner)
    answers = []
    for browser in (Client(), Client()):
        sign_in(browser, owner)
        answers.append(
            browser.post("/connexion/second-facteur/", {"code": code_at(AT)}).status_code
        )
    assert answers == [302, 422]


def test_a_recovery_code_opens_the_door(client: Client, owner: User, now):
    codes = enrol(owner)
    sign_in(client, owner)
    assert client.post("/connexion/second-facteur/", {"code": codes[0]}).status_code == 302
    assert AuditEntry.objects.filter(action="user.recovery_code_used").count() == 1


def test_the_second_step_is_closed_without_the_first(client: Client, owner: User):
    enrol(owner)
    for method in (client.get, client.post):
        answer = method("/connexion/second-facteur/")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/connexion/")


def test_codes_cannot_be_guessed_at_leisure_and_the_right_one_then_waits(
    client: Client, owner: User, now
):
    enrol(owner)
    sign_in(client, owner)
    answers = [
        client.post("/connexion/second-facteur/", {"code": "000000"}).status_code
        for _attempt in range(11)
    ]
    assert answers == [422] * 10 + [429]
    last = client.post("/connexion/second-facteur/", {"code": code_at(AT)})
    assert (last.status_code, last.headers["Retry-After"]) == (429, "900")


def test_a_new_password_does_not_remove_the_second_factor(client: Client, owner: User, now):
    enrol(owner)
    workflows.change_password(actor=owner, new_password="une autre phrase bien longue")
    answer = client.post(
        "/connexion/", {"username": owner.email, "password": "une autre phrase bien longue"}
    )
    assert answer.headers["Location"] == "/connexion/second-facteur/"


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "{}", '{"response": 3}', '{"response": {"userHandle": "x"}}']
)
def test_a_passkey_answer_that_makes_no_sense_is_refused_kindly(client: Client, text: str):
    options = client.get("/connexion/cle/").json()
    assert options["publicKey"]["userVerification"] == "required"
    answer = client.post("/connexion/cle/", {"credential": text}, follow=True)
    assert answer.status_code == 200
    assert "n’a pas été reconnue" in answer.content.decode()


# ---------------------------------------------------------------- « Ma sécurité »


def add_application(client: Client) -> tuple[str, list[str]]:
    """Through the pages, as a person does; answers the secret and the recovery codes shown."""
    page = client.get("/ma-securite/application/")
    assert page.status_code == 200
    found = re.search(r'<p class="dc-code" dir="ltr">([A-Z2-7 ]+)</p>', page.content.decode())
    assert found
    secret = found[1].replace(" ", "")
    done = client.post("/ma-securite/application/", {"code": code_at(AT, secret)})
    assert done.status_code == 200
    return secret, re.findall(r"<li>([0-9A-Z-]{19})</li>", done.content.decode())


def test_an_application_is_added_and_its_recovery_codes_are_shown_once(
    client: Client, owner: User, now
):
    sign_in(client, owner)
    secret, codes = add_application(client)
    assert len(codes) == 10
    assert codes[0] not in client.get("/ma-securite/").content.decode()
    # The code that bound the application is spent.
    with pytest.raises(CodeRefused):
        workflows.spend_code(user=owner, code=code_at(AT, secret), at=AT)
    page = client.post("/ma-securite/codes/")
    renewed = re.findall(r"<li>([0-9A-Z-]{19})</li>", page.content.decode())
    assert len(renewed) == 10
    with pytest.raises(CodeRefused):
        workflows.spend_code(user=owner, code=codes[0], at=AT)
    workflows.spend_code(user=owner, code=renewed[0], at=AT)


def test_a_wrong_code_binds_nothing(client: Client, owner: User, now):
    sign_in(client, owner)
    client.get("/ma-securite/application/")
    answer = client.post("/ma-securite/application/", {"code": "000000"})
    assert answer.status_code == 422
    assert not Authenticator.objects.exists()


def test_one_does_not_remove_or_read_the_factor_of_another(client: Client, owner: User, now):
    enrol(owner)
    factor = Authenticator.objects.get(type="totp")
    client.force_login(UserFactory())
    assert client.post(f"/ma-securite/{factor.pk}/retirer/").status_code == 404
    assert Authenticator.objects.filter(pk=factor.pk).exists()


def test_removing_a_factor_asks_for_a_factor_not_for_the_password(client: Client, owner: User, now):
    codes = enrol(owner)
    factor = Authenticator.objects.get(type="totp")
    client.force_login(owner)  # a session that showed no second factor lately
    page = client.post(f"/ma-securite/{factor.pk}/retirer/")
    assert "Confirmez que c’est vous" in page.content.decode()
    assert 'type="password"' not in page.content.decode()
    with_password = {"confirmation-password": PASSWORD}
    assert client.post(f"/ma-securite/{factor.pk}/retirer/", with_password).status_code == 422
    assert Authenticator.objects.filter(pk=factor.pk).exists()
    with_code = {"confirmation-code": codes[0]}
    assert client.post(f"/ma-securite/{factor.pk}/retirer/", with_code).status_code == 302
    assert not Authenticator.objects.exists()  # the paper goes with the last one


def cookie_of(browser: Client) -> Client:
    """Another browser with the same cookies: whoever copied them."""
    thief = Client()
    thief.cookies = browser.cookies.copy()
    return thief


def is_in(browser: Client) -> bool:
    return browser.get("/mes-preferences/").status_code == 200


def test_a_device_is_seen_and_closed_and_its_cookie_opens_nothing_more(owner: User, now):
    here, there = Client(), Client()
    sign_in(here, owner)
    phone = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"
    there.post(
        "/connexion/",
        {"username": owner.email, "password": PASSWORD},
        headers={"user-agent": phone},
    )
    page = here.get("/ma-securite/").content.decode()
    assert "Chrome · Android" in page
    assert page.count("Cet appareil") == 1
    (mark,) = re.findall(r"/ma-securite/appareils/([0-9a-f]{24})/fermer/", page)
    stolen = cookie_of(there)
    assert is_in(stolen)
    assert here.post(f"/ma-securite/appareils/{mark}/fermer/").status_code == 302
    assert not is_in(there)
    assert not is_in(stolen)
    assert is_in(here)


def test_the_devices_of_another_are_neither_seen_nor_closed(client: Client, owner: User):
    sign_in(client, owner)
    other = Client()
    stranger = UserFactory()
    sign_in(other, stranger)
    page = client.get("/ma-securite/").content.decode()
    assert re.findall(r"appareils/([0-9a-f]{24})/fermer/", page) == []
    from portal.security_pages import _mark

    theirs = OpenSession.objects.get(user=stranger)
    assert client.post(f"/ma-securite/appareils/{_mark(theirs.pk)}/fermer/").status_code == 404
    assert is_in(other)


def test_after_each_event_the_old_cookies_open_nothing(owner: User, now):
    def two() -> tuple[Client, Client]:
        here, there = Client(), Client()
        for browser in (here, there):
            answer = sign_in(browser, owner)
            if "second" in answer.headers["Location"]:
                browser.post("/connexion/second-facteur/", {"code": codes.pop()})
            assert is_in(browser)
        return here, there

    codes: list[str] = []

    here, there = two()
    stolen = cookie_of(here)
    here.post("/deconnexion/")
    assert not is_in(stolen)

    here, there = two()
    stolen = cookie_of(here)
    codes = add_application(here)[1]
    assert (is_in(here), is_in(there), is_in(stolen)) == (True, False, False)

    here, there = two()
    stolen = cookie_of(here)
    new = "une phrase neuve et bien longue"
    here.post(
        "/mot-de-passe/",
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )
    assert (is_in(here), is_in(there), is_in(stolen)) == (True, False, False)

    owner.refresh_from_db()
    owner.set_password(PASSWORD)
    owner.save()
    here, there = two()
    factor = Authenticator.objects.get(type="totp")
    stolen = cookie_of(here)
    here.post(f"/ma-securite/{factor.pk}/retirer/")
    assert (is_in(here), is_in(there), is_in(stolen)) == (True, False, False)

    owner.is_active = False
    owner.save()
    assert not is_in(here)


# ---------------------------------------------------------------- the requirement


@pytest.mark.parametrize(
    ("who", "led"),
    [("owner", False), ("fiduciaire", True), ("bank", True), ("staff", True), ("stranger", False)],
)
def test_whoever_acts_for_others_is_led_to_a_second_factor(
    cast: Cast, client: Client, settings, now, who: str, led: bool
):
    settings.SECOND_FACTOR_REQUIRED = True
    person: User = getattr(cast, who)
    sign_in(client, person)
    answer = client.get("/mes-preferences/")
    posted = client.post("/mes-preferences/", {"language": "ar"})
    person.refresh_from_db()
    if not led:
        assert (answer.status_code, person.language) == (200, "ar")
        return
    assert (answer.status_code, answer.headers["Location"]) == (302, "/ma-securite/?requis")
    assert posted.headers["Location"] == "/ma-securite/?requis"
    assert person.language == "fr"
    assert "ajoutez un second facteur" in client.get("/ma-securite/?requis").content.decode()
    secret, _codes = add_application(client)
    assert client.get("/mes-preferences/").status_code == 200
    client.post("/deconnexion/")

    # From then on the door asks for it, and what opened the session is remembered.
    now.shift(2 * HALF_MINUTE)
    sign_in(client, person)
    code = code_at(AT + 2 * HALF_MINUTE, secret)
    assert client.post("/connexion/second-facteur/", {"code": code}).status_code == 302
    assert client.get("/mes-preferences/").status_code == 200


def test_a_session_that_showed_no_factor_begins_again(cast: Cast, client: Client, settings):
    settings.SECOND_FACTOR_REQUIRED = True
    client.force_login(cast.staff)
    enrol(cast.staff)
    answer = client.get("/administration/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/connexion/")
    assert client.session.get("_auth_user_id") is None


@pytest.mark.parametrize("who", ["fiduciaire", "bank", "staff", "owner"])
def test_whoever_acts_for_others_replaces_the_last_factor_and_never_drops_it(
    cast: Cast, client: Client, settings, now, who: str
):
    settings.SECOND_FACTOR_REQUIRED = True
    person: User = getattr(cast, who)
    sign_in(client, person)
    secret, _codes = add_application(client)
    first = Authenticator.objects.get(user=person, type="totp")
    dropped = client.post(f"/ma-securite/{first.pk}/retirer/", follow=True)
    if who == "owner":
        assert not second_factors.has_any(person)
        return
    assert "votre compte garde un second facteur" in dropped.content.decode()
    assert Authenticator.objects.filter(pk=first.pk).exists()
    # Another phone: its application takes the place of the former in one step, under another secret.
    now.shift(2 * HALF_MINUTE)
    assert "Changer d’application" in client.get("/ma-securite/").content.decode()
    page = client.get("/ma-securite/application/").content.decode()
    found = re.search(r'<p class="dc-code" dir="ltr">([A-Z2-7 ]+)</p>', page)
    assert found
    new = found[1].replace(" ", "")
    assert new != secret
    at = AT + 2 * HALF_MINUTE
    done = client.post("/ma-securite/application/", {"code": code_at(at, new)})
    assert done.status_code == 302, "the codes on paper stay what they were"
    assert Authenticator.objects.filter(user=person, type="totp").count() == 1
    for old, opens in ((secret, False), (new, True)):
        later = at + HALF_MINUTE
        try:
            workflows.spend_code(user=person, code=code_at(later, old), at=later)
        except CodeRefused:
            assert not opens
        else:
            assert opens
    # With two, either may go; then the other stays.
    passkey = Authenticator.objects.create(user=person, type="webauthn", data={"name": "clé"})
    second = Authenticator.objects.get(user=person, type="totp")
    client.post(f"/ma-securite/{second.pk}/retirer/")
    client.post(f"/ma-securite/{passkey.pk}/retirer/")
    assert list(Authenticator.objects.filter(user=person, type="totp")) == []
    assert Authenticator.objects.filter(pk=passkey.pk).exists()


# ---------------------------------------------------------------- fresh confirmation


def test_before_a_form_one_confirms_and_comes_back_to_it(client: Client, owner: User, now):
    sign_in(client, owner)
    now.shift(datetime.timedelta(minutes=16))
    answer = client.get("/ma-securite/application/?x=1")
    assert answer.headers["Location"] == (
        "/connexion/confirmer/?next=%2Fma-securite%2Fapplication%2F%3Fx%3D1"
    )
    asked = client.get(answer.headers["Location"])
    assert asked.status_code == 200
    wrong = client.post(
        "/connexion/confirmer/",
        {"next": "/ma-securite/application/?x=1", "confirmation-password": "autre chose"},
    )
    assert wrong.status_code == 422
    assert "ne correspond pas" in wrong.content.decode()
    right = client.post(
        "/connexion/confirmer/",
        {"next": "/ma-securite/application/?x=1", "confirmation-password": PASSWORD},
    )
    assert right.headers["Location"] == "/ma-securite/application/?x=1"
    assert client.get("/ma-securite/application/?x=1").status_code == 200


def test_confirming_never_leads_to_another_site(client: Client, owner: User):
    sign_in(client, owner)
    answer = client.post(
        "/connexion/confirmer/",
        {"next": "https://ailleurs.ma/", "confirmation-password": PASSWORD},
    )
    assert answer.headers["Location"] == "/"


def test_confirmations_are_throttled(client: Client, owner: User):
    sign_in(client, owner)
    for _attempt in range(10):
        client.post("/connexion/confirmer/", {"confirmation-password": "devinette"})
    last = client.post("/connexion/confirmer/", {"confirmation-password": PASSWORD})
    assert (last.status_code, last.headers["Retry-After"]) == (429, "900")
    assert "Attendez 15 minutes" in last.content.decode()
