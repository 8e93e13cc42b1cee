"""Whoever acts for others and holds no second factor: of all the addresses there are, only these open.

The addresses are those of the URL configuration, the desk and the programming interface included.
"""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse
from rest_framework.authentication import SessionAuthentication

from payments.api.auth import BankKeyAuthentication
from tests.cast import Cast
from tests.house.test_asks_again import _PARAMETER
from tests.house.test_doors import addresses

#: To take one, to say who one is, to leave, to read in one's language, to be watched by the supervisor.
OPEN = {
    "portal:security",
    "portal:add_application",
    "portal:add_passkey",
    "portal:close_session",
    "portal:close_other_sessions",
    "portal:confirm",
    "portal:language",
    "portal:logout",
    "portal:healthz",
}
LED = "/ma-securite/?requis"


def paths() -> Iterator[tuple[str, str]]:
    for route, name, _view in addresses(get_resolver()):
        values = {key: "1" for _kind, key in _PARAMETER.findall(route)}
        try:
            yield name, reverse(name, kwargs=values)
        except NoReverseMatch:
            yield name or route, "/" + route.replace("(?P<url>.*)$", "quelque-part")


@pytest.mark.parametrize("who", ["staff", "bank", "fiduciaire"])
def test_without_one_nothing_else_opens(cast: Cast, settings, who: str) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    client = Client(raise_request_exception=False)
    client.force_login(getattr(cast, who))
    walked = list(paths())
    assert len(walked) > 250
    for name, path in walked:
        if name in OPEN:
            continue
        for ask in (client.get, client.post):
            answer = ask(path)
            assert (answer.status_code, answer.headers.get("Location")) == (302, LED), (name, path)


def test_no_address_of_the_interface_takes_the_session_of_a_person() -> None:
    """Machines bring keys: a browser's cookie is no way in, so that no act there goes without asking again."""
    walked = [view for _route, _name, view in addresses(get_resolver()) if hasattr(view, "cls")]
    assert len(walked) >= 6
    ways = {way for view in walked for way in view.cls.authentication_classes}
    assert ways == {BankKeyAuthentication}
    assert SessionAuthentication not in ways
