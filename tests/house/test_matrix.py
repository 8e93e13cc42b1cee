"""Role × address × method × owner: each door of the portal answers as its line of the table says, and no other way.

One world for all. Each request is undone. Three owners: one's own firm and objects; another's firm and objects;
another's objects under one's own number. On the desk: rows of one's own agency, and of another.
"""

import copy
import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from http import HTTPMethod
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLResolver, get_resolver, resolve

from affiliates import access
from affiliates.enums import Scope, StaffRole
from affiliates.models import Affiliate
from damancom import posts
from payments.admin import slips as desk_of_slips
from payments.api.document import DOCUMENT
from payments.api.files import BankView
from payments.models import BankFile
from tests.house.doors_desk import CLOSED, FRAME_ROWS, PREFIX, TABLE, desk_path, right
from tests.house.doors_world import World, build_world, filled, label_before
from tests.house.matrix import ELSEWHERE, EVERYBODY, INSIDE, PORTAL, Row, opens_for, rows
from tests.house.test_canary import NOW, PARAMETER, Address, addresses

pytestmark = pytest.mark.django_db

#: On the desk the posts of another agency come too.
DESK_PEOPLE = (*EVERYBODY, *ELSEWHERE)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Closed to everybody in this world, and why.
NEVER_OPEN = {
    "metrics",  # whoever brings the token, which the tests do not
}


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Built once for every test of this file, and undone after the last."""
    with django_db_blocker.unblock(), transaction.atomic():
        with time_machine.travel(NOW, tick=False):
            made = build_world(tmp_path_factory.mktemp("doors"))
            # Signed in here, so that no test undoes the session of another.
            for who in DESK_PEOPLE:
                made.client(who)
        yield made
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _the_same_instant() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Tens of thousands of refusals, each of which the portal notes: here they are the answers."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


# -- asking --------------------------------------------------------------------------------------


def answer(client: Client, method: str, path: str, body: str = "") -> tuple[str, int]:
    """What the door did, in a word; everything it wrote is undone."""
    kept = copy.deepcopy(client.cookies)
    with transaction.atomic():
        response: Any = client.generic(method, path, body, "application/x-www-form-urlencoded")
        transaction.set_rollback(True)
    client.cookies = kept
    status, to = response.status_code, response.headers.get("Location", "")
    if status >= 500 and path != "/healthz":  # no worker beats beside this test
        return "breaks", status
    if status == 302 and to.startswith("/connexion/confirmer"):
        return "asks again", status
    if status == 302 and to.partition("?")[0] in ("/connexion/", "/administration/login/"):
        return "asks to sign in", status
    if path.startswith("/administration/") and (status, to) == (302, "/administration/"):
        # Django's own words for a row that is not there; from its door, whoever is of the staff is led in.
        return ("opens" if path == "/administration/login/" else "missing"), status
    closed = {401: "asks for a key", 403: "refused", 404: "missing", 405: "not this method"}
    return closed.get(status, "opens"), status


@dataclass
class Outcome:
    """What was asked, and each answer that the table does not say."""

    wrong: list[str] = field(default_factory=list)
    asked: int = 0
    opened: Counter[tuple[str, str]] = field(default_factory=Counter)

    def ask(
        self, world: World, name: str, who: str, owner: str, path: str, right: Callable[[str], set[str]]
    ) -> None:  # fmt: skip
        """Ask with every method, and keep what is not right."""
        for method in METHODS:
            got, status = answer(world.client(who), method, path, world.bodies.get(name, ""))
            self.asked += 1
            self.opened[name, owner] += got == "opens"
            if got not in right(method):
                told = f"{got} ({status}), not {' or '.join(sorted(right(method)))}"
                self.wrong.append(f"{method} {name} {path}, {who}, {owner}: {told}")


# -- the portal ----------------------------------------------------------------------------------


def asked_of(row: Row, who: str, owner: str) -> str:
    """What the table says of this door, of these things, for this person."""
    if owner == "own" or row.door in ("everyone", "nobody"):
        return opens_for(row, who)
    if row.door == "link":
        return "missing"
    said = opens_for(row, who)
    return "missing" if said == "opens" or (owner == "theirs" and said == "refused") else said


def allowed(row: Row, method: str, *, said: str) -> set[str]:
    """The words that are right: a method that the door has not may be refused before or after the person is."""
    if row.name == "portal:login" and method not in row.methods:
        return {"opens", "not this method"}  # whoever is signed in is led on, whatever was asked
    if method not in row.methods:
        return {"not this method", said} - {"opens"} | ({"missing"} if said == "opens" else set())
    if row.door == "threshold":
        return {"opens", "asks to sign in"}
    return {said}


def owners(address: Address, world: World, who: str) -> Iterator[tuple[str, str]]:
    """The address with one's own things, with another's, and with another's under one's own number."""
    yield "own", filled(address, world.own, "", world, who, True)
    if "<" in address.route:
        yield "theirs", filled(address, world.theirs, "", world, who, False)
        named = any(label_before(address, one.start()) for one in PARAMETER.finditer(address.route))
        if named and "<str:affiliation_number>" in address.route and who in INSIDE:
            number = world.own[0].affiliation_number
            yield "crossed", filled(address, world.theirs, number, world, who, False)


def walk(world: World, table: dict[str, Row], people: Collection[str] = EVERYBODY) -> Outcome:
    """Ask each door of the portal everything, for each of these people."""
    seen = Outcome()
    for address in addresses():
        row = table.get(address.name)
        if row is None:
            continue
        for who in people:
            for owner, path in owners(address, world, who):
                right = partial(allowed, row, said=asked_of(row, who, owner))
                seen.ask(world, address.name, who, owner, path, right)
    return seen


# -- the desk ------------------------------------------------------------------------------------


def walk_desk(
    world: World, names: Collection[str] = (), people: Collection[str] = DESK_PEOPLE
) -> Outcome:
    """Ask each address of the desk, or those of these names, everything, for each of these people."""
    seen = Outcome()
    for address in addresses():
        if not address.route.startswith(PREFIX) or (names and address.name not in names):
            continue
        for who in people:
            path = desk_path(address, world, who)
            seen.ask(world, address.name, who, "own", path, partial(right, address, who))
    return seen


# -- the tests -----------------------------------------------------------------------------------


def test_every_address_of_the_portal_has_its_line_and_no_line_is_left() -> None:
    named = {one.name for one in addresses() if not one.route.startswith(PREFIX)}
    assert named == set(rows(PORTAL))


def test_every_address_of_the_desk_has_its_line_and_no_line_is_left() -> None:
    """Generated from the addresses of the screens that are registered; what Django adds to each is closed to all."""
    named = {one.name for one in addresses() if one.route.startswith(PREFIX)}
    told = set(TABLE) | set(FRAME_ROWS) | {"admin:"}
    assert {one for one in named if not one.endswith(CLOSED)} == told
    both = {(one.acts, one.reads) for one in TABLE.values() if one.acts & one.reads}
    assert both == set(), "a post that acts reads anyway"


def test_every_act_of_the_published_interface_has_its_line_and_no_line_is_left() -> None:
    table = rows(PORTAL)
    published: dict[str, set[str]] = {}
    for path, acts in DOCUMENT["paths"].items():
        name = resolve("/api/v1" + re.sub(r"\{\w+\}", "x1", path)).view_name
        published[name] = {one.upper() for one in acts if one.upper() in HTTPMethod.__members__}
    machine = {name: set(row.methods) for name, row in table.items() if row.door == "machine"}
    assert published == machine


@pytest.mark.slow
def test_each_door_answers_each_person_as_the_table_says(world: World) -> None:
    table = rows(PORTAL)
    seen = walk(world, table)
    assert not seen.wrong, "\n".join(seen.wrong)
    assert seen.asked > 25_000
    # Each door was seen open for somebody, so that « closed » means the person and not an empty world.
    assert {name for name in table if not seen.opened[name, "own"]} == NEVER_OPEN


@pytest.mark.slow
def test_each_door_of_the_desk_answers_each_post_as_the_table_says(world: World) -> None:
    seen = walk_desk(world)
    assert not seen.wrong, "\n".join(seen.wrong)
    assert seen.asked > 20_000
    # Each was seen open for somebody: a row is there, and « missing » means the other agency.
    assert {name for name in TABLE if not seen.opened[name, "own"]} == set()


# -- doors opened too wide -----------------------------------------------------------------------


def red(seen: Outcome, *words: str) -> bool:
    """Whether the walk complains of exactly this."""
    return any(all(word in told for word in words) for told in seen.wrong)


def test_a_doorway_that_forgets_who_asks_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "_scopes_of", lambda affiliate: frozenset(Scope))
    seen = walk(world, only("payments:slip"), ["stranger", "owner"])
    assert red(seen, "GET payments:slip", "stranger, own: opens (200), not missing")
    assert red(seen, "GET payments:slip", "owner, theirs: opens (200), not missing")


def test_a_post_too_many_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    acting, reading = posts.DESKS["payments.bankline"]
    wide = {**posts.DESKS, "payments.bankline": ({*acting, StaffRole.CLERK}, reading)}
    monkeypatch.setattr(posts, "DESKS", wide)
    seen = walk_desk(world, ["admin:payments_bankline_assign"], ["clerk", "treasurer"])
    assert red(seen, "POST admin:payments_bankline_assign", "clerk", "opens")
    assert not red(seen, "treasurer")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_method_too_many_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    door = next(one for one in _patterns(get_resolver()) if one.name == "withdraw_grace")
    view = door.callback

    def wide(request: HttpRequest, **keys: Any) -> HttpResponseBase:
        return HttpResponse("fait") if request.method == method else view(request, **keys)

    monkeypatch.setattr(door, "callback", wide)
    seen = walk(world, only("payments:withdraw_grace"), ["payer"])
    assert {told.split()[0] for told in seen.wrong} == {method}
    assert red(seen, f"{method} payments:withdraw_grace", "payer, own: opens (200)")


def test_the_row_of_another_agency_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_of_slips, "staff_affiliates", lambda user: Affiliate.objects.all())
    seen = walk_desk(world, ["admin:payments_paymentslip_change"])
    assert red(seen, "GET admin:payments_paymentslip_change", "clerk elsewhere", "opens (200)")
    assert red(seen, "GET admin:payments_paymentslip_change", "inspector elsewhere", "opens (200)")


def test_an_interface_that_forgets_the_bank_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BankView, "files", lambda view, request: BankFile.objects.all())
    seen = walk(world, only("payments:api_bank_file"), ["machine"])
    assert red(seen, "GET payments:api_bank_file", "machine, theirs: opens (200), not missing")


def only(name: str) -> dict[str, Row]:
    return {name: rows(PORTAL)[name]}


def _patterns(resolver: URLResolver) -> Iterator[Any]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from _patterns(one)
        else:
            yield one
