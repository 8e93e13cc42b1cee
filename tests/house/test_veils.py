"""On the desk, what names somebody is veiled until it is shown for a reason, and the firm reads that it was.

Every card, account, telephone, address and day of birth of the demonstration is a canary: a supervisor, who sees every
firm, crawls every address of the desk with the keys of several rows, and none of them stands there whole.
"""

import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import reverse

from affiliates.enums import StaffRole
from affiliates.models import (
    AffiliationRequest,
    DebitAuthority,
    Employee,
    RegistrationRequest,
)
from damancom.demo import build
from declarations.models import DeclarationLine
from payments.models import BankLine, ClerkAct
from portal import clock, formats, veils
from portal.models import AuditEntry, Mail, User
from tests.affiliates.factories import (
    EmployeeFactory,
    EmploymentFactory,
    StaffAssignmentFactory,
    UserFactory,
)
from tests.affiliates.test_registrations import request_of
from tests.cast import Cast
from tests.house.test_canary import PARAMETER, Address, addresses, text_of

#: Where each kind of canary stands.
SOURCES: list[tuple[type[Any], str]] = [
    (Employee, "cin"), (Employee, "born_on"), (RegistrationRequest, "card_number"),
    (RegistrationRequest, "phone"), (RegistrationRequest, "rib"), (RegistrationRequest, "born_on"),
    (AffiliationRequest, "phone"), (AffiliationRequest, "email"), (DeclarationLine, "cin"),
    (BankLine, "payer_rib"), (ClerkAct, "rib"), (DebitAuthority, "rib"), (User, "email"), (Mail, "address"),
]  # fmt: skip
#: Rows of each table whose pages are opened.
ROWS = 3


def canaries(reader: User) -> set[str]:
    found = set()
    for model, name in SOURCES:
        for value in model._base_manager.values_list(name, flat=True).distinct():
            if isinstance(value, datetime.date):
                found.add(formats.day(value))
            elif value:
                found |= {value, formats.rib(value)} if len(value) == 24 else {value}
    # The reader's own address stands in the menu of the person.
    return {one for one in found if len(one) >= 6} - {reader.email}


def desk_addresses() -> Iterator[tuple[Address, str]]:
    """Each address of the desk with the keys of some rows of its table."""
    for address in addresses():
        if not address.route.startswith("administration/"):
            continue
        words = address.route.split("/")
        keys: list[Any] = [0]
        try:
            model = apps.get_model(words[1], words[2])
        except (LookupError, IndexError, ValueError):
            model = None
        if model is not None and PARAMETER.search(address.route):
            keys = list(model._base_manager.order_by("-pk").values_list("pk", flat=True)[:ROWS])
        for key in keys:
            path = PARAMETER.sub(str(key), address.route)
            yield address, "/" + re.sub(r"\^|\$|\).*", "", path)


@pytest.mark.slow
def test_nobody_on_the_desk_is_named_whole_before_a_reason_is_given(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.load(now=datetime.datetime(2026, 11, 21, 10, 0, tzinfo=datetime.UTC), folder=tmp_path)
    reader = User.objects.get(email="superviseur@caisse.example")
    client = Client(raise_request_exception=False)
    client.force_login(reader)
    wanted = canaries(reader)
    assert len(wanted) > 100
    opened, seen = crawl(client, wanted)
    assert opened > 100
    assert seen == []

    # The control: were nothing veiled, the same crawl would find people all over the desk.
    monkeypatch.setattr(veils, "veiled", lambda text, kept: text)
    _opened, bare = crawl(client, wanted, only=("employee", "registrationrequest", "user", "mail"))
    assert len({one.split()[0] for one in bare}) >= 4


def crawl(client: Client, wanted: set[str], only: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    """Open every address of the desk; how many opened, and each canary with the address that showed it."""
    opened, seen = 0, []
    for address, path in desk_addresses():
        if only and not any(f"/{one}/" in path for one in only):
            continue
        with transaction.atomic():
            # A reason is asked on some pages: it opens the file, not the veils.
            answer = client.get(path)
            asks = not answer.streaming and b'name="purpose"' in answer.content
            if asks and answer.status_code == 200:
                answer = client.post(path, {"purpose": "call"}, follow=True)
            text = text_of(answer)
            transaction.set_rollback(True)
        opened += answer.status_code == 200
        seen += [f"{address.name} {path}: {one}" for one in wanted if one in text]
    return opened, seen


# -- showing ---------------------------------------------------------------------------------------


@pytest.fixture
def person(cast: Cast) -> Employee:
    employee = EmployeeFactory(cin="AB123456", born_on=datetime.date(1990, 2, 3))
    found: Employee = EmploymentFactory(affiliate=cast.affiliate, employee=employee).employee
    return found


def page_of(client: Client, person: Employee) -> str:
    address = reverse("admin:affiliates_employee_change", args=[person.pk])
    answer = client.get(address)
    if b'name="purpose"' in answer.content:
        answer = client.post(address, {"purpose": "call"}, follow=True)
    return answer.content.decode()


def show(client: Client, row: Any, **sent: str) -> Any:
    address = reverse("admin:show", args=[row._meta.label, row.pk])
    return client.post(f"{address}?next=/administration/", sent)


def test_a_page_is_veiled_until_shown_and_again_after_five_minutes(
    cast: Cast, person: Employee, client: Client
) -> None:
    client.force_login(cast.staff)
    page = page_of(client, person)
    assert "AB123456" not in page
    assert "•••456" in page
    assert "•••1990" in page
    # The reason given to open the file is the one of showing.
    assert show(client, person).status_code == 302
    page = page_of(client, person)
    assert "AB123456" in page
    assert formats.day(person.born_on) in page
    trace = AuditEntry.objects.get(action="staff.shown")
    assert trace.affiliation_number == cast.affiliate.affiliation_number
    assert trace.facts["purpose"] == "call"
    assert trace.facts["fields"] == ["cin", "born_on"]
    assert "AB123456" not in str(trace.facts)
    with time_machine.travel(clock.now() + datetime.timedelta(minutes=6), tick=False):
        assert "AB123456" not in page_of(client, person)
    # The firm reads it, with the reason.
    client.force_login(cast.owner)
    openings = reverse("affiliates:openings", args=[cast.affiliate.affiliation_number])
    assert "Données masquées affichées" in client.get(openings).content.decode()


def test_a_reason_is_asked_when_none_was_given(cast: Cast, client: Client) -> None:
    client.force_login(cast.staff)
    other = UserFactory(email="quelqu.une@exemple.ma")
    asked = show(client, other)
    assert asked.status_code == 200
    assert 'name="purpose"' in asked.content.decode()
    assert show(client, other, purpose="other", detail="non").status_code == 422
    assert not AuditEntry.objects.filter(action="staff.shown").exists()
    assert show(client, other, purpose="call").status_code == 302
    assert AuditEntry.objects.filter(action="staff.shown").count() == 1
    page = client.get(reverse("admin:portal_user_change", args=[other.pk])).content.decode()
    assert other.email in page
    # One row was shown, not the list.
    assert other.email not in client.get(reverse("admin:portal_user_changelist")).content.decode()


def test_a_request_of_the_firm_is_its_own_reason(cast: Cast, client: Client) -> None:
    row = request_of(cast.affiliate, card_number="CD654321", phone="0612345678")
    client.force_login(cast.staff)
    address = reverse("admin:affiliates_registrationrequest_change", args=[row.pk])
    before = client.get(address).content.decode()
    assert "CD654321" not in before
    assert "0612345678" not in before
    assert show(client, row).status_code == 302
    after = client.get(address).content.decode()
    assert "CD654321" in after
    assert "0612345678" in after
    assert AuditEntry.objects.get(action="staff.shown").facts["purpose"] == "request"
    # The firm itself reads what it wrote.
    client.force_login(cast.owner)
    own = reverse("affiliates:registration", args=[cast.affiliate.affiliation_number, row.number])
    assert "CD654321" in client.get(own).content.decode()


def test_nobody_shows_what_is_not_on_their_desk(
    cast: Cast, person: Employee, client: Client
) -> None:
    far = StaffAssignmentFactory(role=StaffRole.CLERK.value).user
    request = request_of(cast.affiliate)
    client.force_login(far)
    assert show(client, person, purpose="call").status_code == 404
    assert show(client, request, purpose="call").status_code == 404
    client.force_login(cast.staff)
    for label in ("affiliates.Nothing", "x", "affiliates.Agency", "mfa.Authenticator"):
        assert client.post(reverse("admin:show", args=[label, 1])).status_code == 404
    assert (
        client.get(reverse("admin:show", args=[person._meta.label, person.pk])).status_code == 405
    )
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        client.force_login(user)
        assert show(client, person, purpose="call").status_code in (302, 404)
    assert not AuditEntry.objects.filter(action="staff.shown").exists()


def test_the_way_back_stays_in_the_house(cast: Cast, person: Employee, client: Client) -> None:
    client.force_login(cast.staff)
    address = reverse("admin:show", args=[person._meta.label, person.pk])
    answer = client.post(f"{address}?next=https://ailleurs.example/", {"purpose": "call"})
    assert answer["Location"] == reverse("admin:index")


def test_the_end_of_a_number_is_never_the_whole_of_it() -> None:
    assert veils.veiled("AB123456", 3) == "•••456"
    assert veils.veiled("1234", 4) == "•••34"
    assert veils.veiled("", 4) == ""
    assert admin.site._registry


def test_a_table_shown_on_the_desk_has_no_other_name_for_what_is_veiled() -> None:
    """A field whose name says that it reaches somebody is in the table of veils, or in no table of the desk."""
    telling = re.compile(r"cin|rib|phone|email|card_number|born|iban|mobile")
    bare = {
        f"{model._meta.label}.{field.name}"
        for model in admin.site._registry
        for field in model._meta.concrete_fields
        if telling.fullmatch(field.name.removeprefix("payer_").removesuffix("_on"))
        and veils.kept_of(model, field.name) is None
    }
    assert bare == set()
