"""Another mail address: confirmed where it is, told where it was, and only by whoever just showed who they are."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse

from portal import addresses
from portal.errors import AddressLinkClosed, AddressUnchanged
from portal.models import AddressChange, AuditEntry, Mail, OpenSession, User
from tests.affiliates.factories import PASSWORD, UserFactory
from tests.cast import Cast

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
NEW = "nouvelle@exemple.ma"


@pytest.fixture(autouse=True)
def _on_that_day():
    with time_machine.travel(AT, tick=False):
        yield


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    client.get(reverse("portal:security"))
    return client


def link_in(mail: Mail) -> str:
    found = re.search(r"/ma-securite/adresse/\S+", mail.text)
    assert found is not None
    return found[0]


def asked(user: User, email: str = NEW) -> str:
    addresses.ask_address(actor=user, at=AT, email=email)
    return link_in(Mail.objects.filter(address=email).latest("pk"))


def test_the_link_changes_the_address_and_the_former_one_is_told(cast: Cast) -> None:
    former, here, elsewhere = cast.owner.email, browser(cast.owner), browser(cast.owner)
    done = here.post(reverse("portal:change_address"), {"email": "Nouvelle@Exemple.MA"})
    assert done.headers["Location"] == reverse("portal:security")
    assert User.objects.get(pk=cast.owner.pk).email == former
    link = link_in(Mail.objects.get(address=NEW))
    assert NEW in here.get(link).content.decode()
    assert User.objects.get(pk=cast.owner.pk).email == former, "looking changes nothing"
    assert here.post(link).headers["Location"] == reverse("portal:security")
    assert User.objects.get(pk=cast.owner.pk).email == NEW
    assert [here.get("/ma-securite/").status_code, elsewhere.get("/ma-securite/").status_code] == [
        200,
        302,
    ]
    assert OpenSession.objects.filter(user=cast.owner).count() == 1
    told = Mail.objects.filter(address=former).order_by("pk").values_list("subject", flat=True)
    assert ["demandée" in told[0], "a changé" in told[1]] == [True, True]
    assert not any(NEW in mail.text for mail in Mail.objects.filter(address=former))
    acts = AuditEntry.objects.filter(action__startswith="user.address")
    assert {entry.action for entry in acts} == {"user.address_asked", "user.address_changed"}
    assert not any(NEW in str(entry.facts) for entry in acts), "the trace names no address"
    # Once only; and the door knows the new address alone.
    assert here.post(link).status_code == 404
    statuses = [
        Client().post("/connexion/", {"username": email, "password": PASSWORD}).status_code
        for email in (former, NEW)
    ]
    assert statuses == [422, 302]


def test_a_session_that_waited_is_asked_again(cast: Cast) -> None:
    client = browser(cast.owner)
    half = settings.FRESH_AUTHENTICATION / 2
    with time_machine.travel(AT + half, tick=False):
        client.get(reverse("portal:security"))
    with time_machine.travel(AT + 2 * half, tick=False):
        page = client.post(reverse("portal:change_address"), {"email": NEW})
    assert 'name="confirmation-password"' in page.content.decode()
    assert not AddressChange.objects.exists()


def test_the_link_opens_for_the_same_account_only_and_for_a_day(cast: Cast) -> None:
    link = asked(cast.owner)
    assert browser(cast.stranger).get(link).status_code == 404
    assert browser(cast.stranger).post(link).status_code == 404
    assert Client().post(link).status_code == 302
    change = AddressChange.objects.get()
    for at, refused in ((timedelta(days=1), True), (timedelta(days=1, seconds=-1), False)):
        if refused:
            with pytest.raises(AddressLinkClosed):
                addresses.confirm_address(actor=cast.owner, at=AT + at, change=change, here=None)
        else:
            addresses.confirm_address(actor=cast.owner, at=AT + at, change=change, here=None)
    assert User.objects.get(pk=cast.owner.pk).email == NEW


def test_a_second_request_takes_the_place_of_the_first(cast: Cast) -> None:
    first = asked(cast.owner)
    second = asked(cast.owner, "autre@exemple.ma")
    client = browser(cast.owner)
    assert client.post(first).status_code == 404
    assert client.post(second).status_code == 302
    assert User.objects.get(pk=cast.owner.pk).email == "autre@exemple.ma"


def test_nothing_tells_whether_an_address_has_an_account(cast: Cast) -> None:
    client = browser(cast.owner)
    answers = []
    for email in (cast.stranger.email, "inconnue@exemple.ma"):
        done = client.post(reverse("portal:change_address"), {"email": email}, follow=True)
        page = re.sub(r'value="\w{64}"|nonce="[^"]+"', "", done.content.decode())
        answers.append((done.status_code, page))
    assert answers[0] == answers[1]
    letter = Mail.objects.get(address=cast.stranger.email)
    assert "déjà un compte" in letter.subject
    assert "/ma-securite/adresse/" not in letter.text


def test_an_address_taken_meanwhile_is_refused(cast: Cast) -> None:
    link = asked(cast.owner)
    UserFactory(email=NEW)
    assert browser(cast.owner).post(link).status_code == 409
    assert User.objects.get(pk=cast.owner.pk).email == cast.owner.email


def test_the_same_address_is_refused(cast: Cast) -> None:
    with pytest.raises(AddressUnchanged):
        addresses.ask_address(actor=cast.owner, at=AT, email=cast.owner.email.upper())
