"""Money, bank details and mandates move only for whoever showed who they are within the last minutes.

Every address that acts either asks again (`portal.fresh`) or stands here with its reason: one for each address of the
rooms where money and rights are, one for a whole family elsewhere.
"""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse

from affiliates.enums import StaffRole
from portal import clock
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory
from tests.cast import Cast
from tests.house.test_doors import addresses

#: Families of addresses that move no money, change no bank details and give no right, and what their acts are.
FAMILIES = {
    "declarations:": "declares wages: what is owed follows, paying it asks again",
    "disputes:": "contests, answers, takes back: nothing moves before the fund decides, and who decides is asked",
    "certificates:": "proves what is already true, to whoever the firm shows it",
    "admin:certificates_": "delivers what is already true, at the counter",
    "admin:disputes_answertemplate_": "words for later",
}
#: Requests to the fund: whoever grants them is asked.
REQUESTS = {
    f"affiliates:{name}"
    for name in (
        "leave", "absence", "cancel_absence", "rectify_person", "rectify_firm", "answer_rectification",
        "withdraw_rectification", "new_registration", "many_hires", "join_copies", "edit_registration",
        "answer_registration", "withdraw_registration", "new_firm", "affiliation", "correct_affiliation",
    )
}  # fmt: skip
ARGUED = {
    "portal:language": "the language of the screen",
    "portal:preferences": "the language of the letters",
    "portal:stop_reminders": "the link of a letter stops reminders",
    "portal:login": "the door itself",
    "portal:second_factor": "the door itself",
    "portal:passkey": "the door itself",
    "portal:confirm": "the page that asks again",
    "portal:logout": "leaves",
    "admin:logout": "leaves",
    "portal:new_browser": "opens nothing",
    "portal:close_session": "closes: nothing may slow it down",
    "portal:close_other_sessions": "closes: nothing may slow it down",
    "portal:password": "asks for the password in the same form, and counts the tries",
    "portal:confirm_address": "the link that only the new address received, in the session that asked and was asked",
    "affiliates:invitation": "the link that only the invited address received; whoever invited was asked",
    "affiliates:recover": "whoever follows it has lost every means; two persons of an agency were asked",
    "affiliates:stop_recovery": "stops: nothing may slow it down",
    "clients:receipts": "an archive of receipts, to be kept",
    "portal:search": "looks for something: what is typed stays out of the address",
    "clients:send": "sends declaration files: submitting and paying them asks again",
    "admin:login": "leads to the door",
    "admin:password_change": "leads to the page of the password",
    "admin:password_change_done": "closed",
    "admin:autocomplete": "closed",
    "admin:view_on_site": "closed",
    "admin:show": "shows what is veiled, once said why; it changes nothing",
    "admin:affiliates_accountrecovery_refuse": "stops: nothing may slow it down",
    "admin:affiliates_affiliationrequest_ask": "asks for a piece",
    "admin:affiliates_affiliationrequest_refuse": "leaves everything as it is",
    "admin:affiliates_rectificationrequest_ask": "asks for a piece",
    "admin:affiliates_rectificationrequest_refuse": "leaves everything as it is",
    "admin:affiliates_registrationrequest_ask": "asks for a piece",
    "admin:affiliates_registrationrequest_refuse": "leaves everything as it is",
    "admin:disputes_dispute_triage": "sorts the queue",
    "admin:disputes_dispute_assign": "says who works on it",
    "admin:disputes_dispute_take": "says who works on it",
    "admin:disputes_dispute_give_back": "says who works on it",
    "admin:disputes_dispute_meet": "an appointment",
    "admin:disputes_dispute_write": "a message",
    "admin:disputes_dispute_ask": "asks for a piece",
    "admin:disputes_mission_order": "announces; two others sign, and nothing is due before it is approved",
    "admin:disputes_mission_sign": "announces; nothing is due before an assessment is approved",
    "admin:disputes_mission_cancel": "ends what was announced",
    "admin:disputes_mission_step": "an act of the inspection, that another countersigns and is asked",
    "admin:disputes_mission_propose": "a proposal: two others approve it and are asked",
    "admin:disputes_mission_drop": "takes a proposal back",
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
    """Name → view of the pages that answer a POST at all, machines (who have keys) left out."""
    found = {}
    for route, name, view in addresses(get_resolver()):
        # The history of an object is Django's own page: it reads, whatever the method.
        if hasattr(view, "cls") or name.endswith(("_history", "logout")):
            continue
        values = {key: "1" for _kind, key in _PARAMETER.findall(route)}
        try:
            path = reverse(name, kwargs=values)
        except NoReverseMatch:
            continue  # a pattern without a name: Django's « catch all » of the desk
        if client.post(path).status_code not in (403, 405):
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


def test_whatever_moves_money_or_rights_asks_again_or_says_why_not(desk: Client) -> None:
    views = acting(desk)
    silent = {name for name, view in views.items() if not getattr(view, "asks_again", False)}
    of_families = {name for name in silent if name.startswith(tuple(FAMILIES))}
    assert silent - of_families - REQUESTS == set(ARGUED) - {"portal:logout", "admin:logout"}
    assert silent >= REQUESTS, "nothing stands on the list for nothing"
    assert {
        "payments:sign_order", "payments:use_credit", "admin:payments_clerkact_decide", "clients:pay",
        "affiliates:grant_mandate", "affiliates:invite", "affiliates:member", "portal:add_passkey",
        "portal:remove_factor", "portal:change_address", "admin:disputes_dispute_decide",
        "admin:disputes_mission_approve", "admin:affiliates_affiliationrequest_grant",
        "admin:affiliates_accountrecovery_approve", "admin:affiliates_staffassignment_change",
    } <= set(views) - silent  # fmt: skip


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ("owner", "payments:use_credit"),
        ("owner", "payments:sign_authority"),
        ("bank", "payments:bank_refuse"),
        ("bank", "payments:bank_take_run"),
        ("treasurer", "admin:payments_clerkact_decide"),
        ("treasurer", "admin:payments_bankline_assign"),
        ("treasurer", "admin:payments_gracerequest_decide"),
        ("treasurer", "admin:payments_debitorder_changelist"),
        ("owner", "affiliates:grant_mandate"),
        ("owner", "affiliates:invite"),
        ("owner", "portal:add_application"),
        ("fiduciaire", "clients:pay"),
        ("staff", "admin:affiliates_affiliationrequest_grant"),
        ("staff", "admin:affiliates_rectificationrequest_grant"),
        ("staff", "admin:affiliates_accountrecovery_approve"),
        ("staff", "admin:disputes_dispute_decide"),
        ("staff", "admin:disputes_mission_approve"),
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
