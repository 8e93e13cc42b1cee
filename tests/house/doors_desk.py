"""The addresses of the desk with rows of an agency, and what the table says of each."""

from typing import Any

from django.apps import apps
from django.db import models

from affiliates.models import DataCopy
from tests.house.doors_world import World
from tests.house.matrix import (
    DESK,
    ELSEWHERE,
    FRAME,
    OF_AN_AGENCY,
    POSTS,
    STAFF,
    Row,
    Screen,
    rows,
    screens,
)
from tests.house.test_canary import OF_NO_AFFILIATE, Address, owned_models, rows_of
from tests.house.test_desk_trace import KEY_OF, PARAMETER, SECOND, WORDS, model_of

PREFIX = "administration/"
#: Pages that Django makes for each screen and that the desk closes to everybody.
CLOSED = ("_add", "_delete", "_history")
#: Whose rows are an agency's by the row itself.
BY_AGENCY = {"affiliates.AccountRecovery", "affiliates.AffiliationRequest"}
#: What its firm has not sent yet is on no desk.
DRAFTS_APART = {"affiliates.RegistrationRequest"}
TABLE, FRAME_ROWS = screens(DESK), rows(FRAME)


# -- the address ---------------------------------------------------------------------------------


def desk_path(address: Address, world: World, who: str) -> str:
    """The address with the keys of rows of the agency of the six posts, that belong together."""
    if address.name == "admin:app_list":
        return f"/{PREFIX}affiliates/"
    if address.route.endswith("(?P<url>.*)$"):
        return f"/{PREFIX}rien/"
    screen = TABLE.get(address.name)
    label = KEY_OF.get(address.name) or model_of(address) or ""
    if address.name == "admin:show":
        label, screen = "affiliates.Employee", TABLE["admin:affiliates_employee_change"]
    mine = who if screen is not None and screen.reach == "asked" else ""
    row, second = world.once((address, mine), lambda: _rows(label, address, screen, world, who))
    values: dict[str, object] = {}
    for _kind, name in PARAMETER.findall(address.route):
        if name in ("pk", "object_id"):
            values[name] = row.pk if row is not None else 999_999
        elif (label, name) in SECOND:
            values[name] = second.pk if second is not None else 999_999
        else:
            values[name] = WORDS.get(address.name, {}).get(name, [label or "x"])[0]
    return "/" + PARAMETER.sub(lambda found: str(values[found[2]]), address.route)


def _rows(
    label: str, address: Address, screen: Screen | None, world: World, who: str
) -> tuple[Any, Any]:
    """A row of the screen and, where the address names a second one, that which hangs on it."""
    if not label:
        return None, None
    model: Any = apps.get_model(label)
    rows = _candidates(model, label, screen, world, who)
    for _kind, name in PARAMETER.findall(address.route):
        if (label, name) in SECOND:
            other, path = SECOND[(label, name)]
            hanging = apps.get_model(other)._base_manager.filter(**{f"{path}__in": rows})
            second: Any = hanging.order_by("pk").first()
            parent: Any = second
            for step in path.split("__") if second is not None else ():
                parent = getattr(parent, step)
            return parent, second
    return rows.order_by("pk").first(), None


def _candidates(
    model: type[models.Model], label: str, screen: Screen | None, world: World, who: str
) -> models.QuerySet[Any]:
    rows: models.QuerySet[Any] = model._base_manager.all()
    if screen is None or screen.reach == "all":
        return rows
    if screen.reach == "asked":
        # Whoever asked for none tries that of another.
        mine = DataCopy.objects.filter(of="insured", asked_by=world.people.get(who))
        return mine if mine.exists() else DataCopy.objects.filter(of="insured")
    if label in BY_AGENCY:
        return rows.filter(agency=world.own[0].agency_id)
    assert model in set(owned_models()), label
    assert label not in OF_NO_AFFILIATE, label
    found = rows_of(model, [one.pk for one in world.own])
    if label == "affiliates.Employee":
        # A person who works at another agency's firm too is on both desks.
        found = found.exclude(pk__in=rows_of(model, [one.pk for one in world.theirs]).values("pk"))
    return found.exclude(state="draft") if label in DRAFTS_APART else found


# -- what is right -------------------------------------------------------------------------------


def right(address: Address, who: str, method: str) -> set[str]:
    """The words that are right for this address of the desk."""
    said, methods = _said(address, who, method)
    if method in methods or (said == "asks to sign in" and address.name != "admin:login"):
        # Closed is closed: a post is refused, or the page is as if it were not.
        closed = {"refused", "missing"}
        return closed if said == "refused" or (said, method) == ("missing", "POST") else {said}
    return {"not this method", "refused", "missing"} | ({said} - {"opens"})


def _said(address: Address, who: str, method: str) -> tuple[str, frozenset[str]]:
    """What the table says of this person, and by which methods."""
    name = address.name
    if name == "admin:show":
        # What is veiled is shown, by a button, to whoever reads the card.
        card = TABLE["admin:affiliates_employee_change"]
        return said_of_screen(card, who, "GET", of_one=True), frozenset({"POST"})
    if name in TABLE:
        of_one = PARAMETER.search(address.route) is not None
        return said_of_screen(TABLE[name], who, method, of_one=of_one), TABLE[name].methods
    if name in FRAME_ROWS:
        return said_of_frame(FRAME_ROWS[name], who), FRAME_ROWS[name].methods
    if name == "admin:":
        # From the key alone to the card; any other address is none.
        door = "staff" if "object_id" in address.route else "nobody"
        both = frozenset({"GET", "POST"})
        return said_of_frame(Row(name, door, both), who), both
    assert name.endswith(CLOSED), f"{name} has no line"
    return ("refused" if is_staff(who) else "asks to sign in"), frozenset({"GET", "POST"})


def said_of_screen(screen: Screen, who: str, method: str, *, of_one: bool) -> str:
    """What the table says of this address, for this person; ``of_one``: it names a row of the agency of the six."""
    if not is_staff(who):
        return "asks to sign in"
    post = ELSEWHERE.get(who, who)
    if post not in screen.acts | screen.reads or (method != "GET" and post not in screen.acts):
        return "refused"
    bound = screen.reach in ("agency", "asked") or (screen.reach == "firm" and post in OF_AN_AGENCY)
    return "missing" if who in ELSEWHERE and of_one and bound else "opens"


def said_of_frame(row: Row, who: str) -> str:
    """The same of an address of the frame."""
    faceless = who in ("visitor", "machine")
    if row.door == "door":
        return "opens" if is_staff(who) else "asks to sign in" if faceless else "missing"
    if not is_staff(who):
        # Django leads whoever leaves to the first page, which asks to sign in.
        return "missing" if row.door == "leaves" and not faceless else "asks to sign in"
    if row.door == "nobody" or (
        row.door == "post" and ELSEWHERE.get(who, who) not in POSTS.values()
    ):
        return "missing"
    return "opens"


def is_staff(who: str) -> bool:
    """Whether they are of the staff of the fund, with a post or without."""
    return who in STAFF or who in ELSEWHERE
