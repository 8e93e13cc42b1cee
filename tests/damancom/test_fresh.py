"""What engages money, bank details or rights is confirmed, in every room; what was typed is not lost."""

import datetime
import html
import re

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from affiliates.models import Invitation
from tests.affiliates.factories import PASSWORD
from tests.cast import Cast

pytestmark = pytest.mark.django_db

# Who sends it, the address, what it needs besides the affiliate.
GUARDED = [
    ("owner", "payments:pay_by_debit", {}),
    ("owner", "payments:sign_order", {"reference": "X"}),
    ("owner", "payments:ask_refund", {}),
    ("owner", "payments:authorities", {}),
    ("owner", "payments:sign_authority", {"pk": 1}),
    ("owner", "payments:revoke_authority", {"pk": 1}),
    ("owner", "affiliates:invite", {}),
    ("owner", "affiliates:withdraw_invitation", {"invitation_id": 1}),
    ("owner", "affiliates:revoke_mandate", {"mandate_id": 1}),
    ("bank", "payments:bank_confirm", {"pk": 1}),
    ("treasurer", "admin:payments_debitrun_release", {"pk": 1}),
]


def stale(client: Client, cast: Cast, who: str):
    """Signed in twenty minutes ago, active since."""
    client.force_login(getattr(cast, who))
    client.get("/mes-preferences/")
    session = client.session
    session["opened_at"] -= 20 * 60
    session.save()


@pytest.mark.parametrize(("who", "name", "kwargs"), GUARDED, ids=lambda value: str(value))
def test_a_session_that_is_not_fresh_is_asked_and_nothing_happens(
    cast: Cast, client: Client, who: str, name: str, kwargs: dict[str, object]
):
    number = cast.affiliate.affiliation_number
    if who == "owner":
        kwargs = {"affiliation_number": number, **kwargs}
    stale(client, cast, who)
    answer = client.post(reverse(name, kwargs=kwargs), {"x": "ce qui était écrit"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Confirmez que c’est vous" in page
    assert '<input type="hidden" name="x" value="ce qui était écrit">' in page


def test_a_stranger_is_not_asked_to_confirm_for_what_does_not_exist(cast: Cast, client: Client):
    stale(client, cast, "stranger")
    number = cast.affiliate.affiliation_number
    address = reverse("affiliates:invite", kwargs={"affiliation_number": number})
    assert client.post(address, {}).status_code == 404


def test_what_was_typed_is_sent_on_with_the_confirmation(cast: Cast, client: Client):
    stale(client, cast, "owner")
    number = cast.affiliate.affiliation_number
    address = reverse("affiliates:invite", kwargs={"affiliation_number": number})
    typed = {"email": "collegue@exemple.ma", "full_name": "Samira « Sam » O’Neil", "role": "reader"}
    page = client.post(address, typed).content.decode()
    assert not Invitation.objects.exists()
    carried = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
        if name not in {"csrfmiddlewaretoken", "next"}  # the switch of language has these too
    }
    assert carried == typed
    wrong = client.post(address, {**carried, "confirmation-password": "autre chose"})
    assert wrong.status_code == 422
    assert not Invitation.objects.exists()
    assert 'value="collegue@exemple.ma"' in wrong.content.decode()
    right = client.post(address, {**carried, "confirmation-password": PASSWORD})
    assert right.status_code == 302
    row = Invitation.objects.get()
    assert (row.email, row.full_name) == (typed["email"], typed["full_name"])


def test_the_delay_counts_from_the_last_confirmation(cast: Cast, client: Client):
    number = cast.affiliate.affiliation_number
    address = reverse("payments:pay_by_debit", kwargs={"affiliation_number": number})
    with time_machine.travel(
        datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC), tick=False
    ) as clock:
        client.post("/connexion/", {"username": cast.owner.email, "password": PASSWORD})
        clock.shift(14 * 60)
        assert "/confirmer/" not in client.get(address).headers.get("Location", "")
        clock.shift(2 * 60)
        asked = client.get(address)
        assert asked.headers["Location"].startswith("/connexion/confirmer/?next=")
        client.post("/connexion/confirmer/", {"next": address, "confirmation-password": PASSWORD})
        clock.shift(14 * 60)
        assert "/confirmer/" not in client.get(address).headers.get("Location", "")
