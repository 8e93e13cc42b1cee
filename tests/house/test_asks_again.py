"""Money, bank details and mandates move only for whoever showed who they are within the last minutes.

Every address of payments that acts either asks again (`portal.fresh`) or stands on this short list with its reason.
"""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import get_resolver, reverse

from affiliates.enums import StaffRole
from portal import clock
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory
from tests.cast import Cast
from tests.house.test_doors import addresses

ARGUED = {
    "payments:bank_home": "a bank tells what it booked: it directs no money, and a file cannot wait in a form",
    "payments:pay_by_code": "makes a code to pay with; the payer's bank asks who pays",
    "payments:stop_order": "stops money before a cut-off: nothing may slow it down",
    "payments:withdraw_refund": "takes a request back: the money stays where it is",
    "payments:ask_grace": "asks; two members of staff decide, and they are asked",
    "payments:withdraw_grace": "takes a request back: what was owed is owed",
}
"""What acts and does not ask again, and why it need not."""

_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


def acting(client: Client) -> dict[str, Any]:
    """Name → view of the pages of payments that answer a POST at all, machines (who have keys) left out."""
    found = {}
    for route, name, view in addresses(get_resolver()):
        ours = name.startswith(("payments:", "admin:payments_"))
        # The history of an object is Django's own page: it reads, whatever the method.
        if not ours or hasattr(view, "cls") or name.endswith("_history"):
            continue
        values = {key: "1" for _kind, key in _PARAMETER.findall(route)}
        if client.post(reverse(name, kwargs=values)).status_code not in (403, 405):
            found[name] = view
    return found


@pytest.fixture
def desk(db: None) -> Client:
    """Somebody whom no permission stops: what remains closed is closed by its method."""
    client = Client(raise_request_exception=False)
    user = UserFactory(email="toutes@caisse.example", is_staff=True)
    StaffAssignmentFactory(user=user, role=StaffRole.SUPERVISOR.value)
    client.force_login(user)
    return client


def test_whatever_moves_money_asks_again_or_says_why_not(desk: Client) -> None:
    views = acting(desk)
    silent = {name for name, view in views.items() if not getattr(view, "asks_again", False)}
    assert silent == set(ARGUED)
    assert {"payments:sign_order", "payments:use_credit", "admin:payments_clerkact_decide"} < set(
        views
    )


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ("owner", "payments:use_credit"),
        ("owner", "payments:sign_authority"),
        ("bank", "payments:bank_refuse"),
        ("bank", "payments:bank_take_run"),
        ("staff", "admin:payments_clerkact_decide"),
        ("staff", "admin:payments_bankline_assign"),
        ("staff", "admin:payments_gracerequest_decide"),
        ("staff", "admin:payments_debitorder_changelist"),
    ],
)
def test_a_session_that_waited_is_asked_before_anything_is_looked_up(
    cast: Cast, person: str, name: str
) -> None:
    """The page that asks comes first: not even whether the object exists is told."""
    (route,) = {route for route, found, _view in addresses(get_resolver()) if found == name}
    values = {key: "1" for _kind, key in _PARAMETER.findall(route)}
    if "affiliation_number" in values:
        values["affiliation_number"] = cast.affiliate.affiliation_number
    now = clock.now()
    client = Client()
    client.force_login(getattr(cast, person))
    # Present all along, so that the session lives: only the showing is old.
    half = settings.FRESH_AUTHENTICATION / 2
    for at in (now, now + half):
        with time_machine.travel(at, tick=False):
            client.get(reverse("portal:preferences"))
    with time_machine.travel(now + 2 * half + timedelta(seconds=1), tick=False):
        asked = client.post(reverse(name, kwargs=values), {"raison": "conservée"})
    page = asked.content.decode()
    assert (asked.status_code, 'name="confirmation-password"' in page) == (200, True)
    assert "conservée" in page
