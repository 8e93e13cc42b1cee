"""Two banks side by side: at every address, by screen and by machine, what is the other's does not exist.

The addresses are read from the URL configuration: one that has no row here fails the test.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import get_resolver, reverse

from payments.enums import KeyScope
from payments.models import (
    Bank,
    BankAccount,
    BankFile,
    BankKey,
    BankLine,
    BankMembership,
    DebitRun,
    LedgerEntry,
)
from payments.workflows.bank_files import import_file
from payments.workflows.bank_keys import issue_key
from portal import clock, formats
from portal.models import User
from portal.storage import open_stored
from tests.affiliates.factories import UserFactory
from tests.cast import Cast
from tests.house.test_doors import addresses
from tests.payments.camt_files import camt, details, entry
from tests.payments.debit_world import sent, signed
from tests.payments.factories import received, slip, supervisor

pytestmark = pytest.mark.django_db

ROOM = "payments:"
OTHER_RIB = "007780000123400000056749"
EVERYTHING = tuple(KeyScope)


@dataclass(frozen=True)
class World:
    """What the first bank has, and who comes from the second."""

    files: tuple[BankFile, BankFile]
    run: DebitRun
    authority: int
    key: BankKey
    secret: str
    person: User
    other_bank: Bank
    other_person: User
    other_secret: str

    def values(self, name: str) -> list[dict[str, Any]]:
        """The first bank's keys for an address that takes some."""
        receipts = [{"receipt_number": one.receipt_number} for one in self.files]
        message = [{"message_id": self.run.message_id}]
        authority = [{"pk": self.authority}]
        return {
            "payments:bank_file": receipts,
            "payments:bank_progress": receipts,
            "payments:bank_return_file": receipts,
            "payments:bank_take_run": message,
            "payments:bank_run_file": message,
            "payments:bank_confirm": authority,
            "payments:bank_refuse": authority,
            "payments:api_bank_file": receipts,
            "payments:api_return_file": receipts,
            "payments:api_debit_run_file": message,
            "payments:api_debit_run_taken": message,
        }[name]

    @property
    def canaries(self) -> set[str]:
        """What only the first bank may read."""
        ribs = {one.account.rib for one in BankLine.objects.select_related("account")}
        lines = BankLine.objects.values_list("bank_ref", "payer_name", "free_text")
        found = {text for row in lines for text in row if text}
        found |= {self.run.message_id, self.key.prefix, self.key.label, "NOTE-SECRETE"}
        for one in self.files:
            found |= {one.receipt_number, one.sha256, one.stored.name}
            found |= {one.message_id} - {""}
        return found | ribs | {formats.rib(rib) for rib in ribs}


#: Addresses without a key of anybody in them: what they list is one's own.
LISTS = {
    "payments:bank_home",
    "payments:bank_debits",
    "payments:bank_machines",
    "payments:api_bank_files",
    "payments:api_debit_runs",
}
#: Nobody's: the same for all.
PUBLIC = {"payments:api_description"}


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-04-10 12:31:00+00:00", tick=False):
        yield


@pytest.fixture
def world(cast: Cast) -> World:
    owed = slip(cast.affiliate)
    order = signed(cast, owed)
    run = sent(cast)
    account = cast.bank_account
    data = camt(
        entry(
            "7.00", txs=details(ref="REF-PREMIERE", payer="PAYEUR DU NORD", text=("NOTE-SECRETE",))
        ),
        account=account.rib,
        message_id="MSG-PREMIERE",
    )
    accepted = received(cast.bank, account, data)
    refused = received(
        cast.bank, account, camt(entry("1e5"), account=account.rib, message_id="MSG-REFUSEE")
    )
    assert (accepted.verdict, refused.verdict) == ("accepted", "refused")
    mine = issue_key(
        actor=supervisor(), bank=account.bank, label="nuit du nord", scopes=EVERYTHING, days=30,
        at=clock.now(),
    )  # fmt: skip
    other_bank = Bank.objects.create(code="007", name="Banque Inventée du Sud")
    BankAccount.objects.create(bank=other_bank, rib=OTHER_RIB, label="Recouvrement")
    other_person = UserFactory(email="sud@exemple.ma", full_name="Ilham Sebti")
    BankMembership.objects.create(user=other_person, bank=other_bank)
    theirs = issue_key(
        actor=supervisor(), bank=other_bank, label="nuit du sud", scopes=EVERYTHING, days=30,
        at=clock.now(),
    )  # fmt: skip
    return World(
        files=(accepted, refused),
        run=run,
        authority=order.authority_id,
        key=mine.key,
        secret=mine.token,
        person=cast.bank,
        other_bank=other_bank,
        other_person=other_person,
        other_secret=theirs.token,
    )


def bank_addresses() -> set[str]:
    return {
        name
        for _route, name, _view in addresses(get_resolver())
        if name.startswith((f"{ROOM}bank_", f"{ROOM}api_"))
    }


def keyed() -> list[str]:
    return sorted(bank_addresses() - LISTS - PUBLIC)


def is_machine(name: str) -> bool:
    return name.startswith(f"{ROOM}api_")


def caller(name: str, person: User, secret: str) -> Client:
    """The person for a screen, the machine for the interface."""
    if is_machine(name):
        return Client(headers={"authorization": f"Bearer {secret}"})
    client = Client()
    client.force_login(person)
    return client


def content(answer: Any) -> str:
    body = answer.getvalue() if answer.streaming else answer.content
    return f"{answer.headers}{body.decode()}"


def standing() -> tuple[Any, ...]:
    """What the first bank has, as it stands: nobody else's call may move any of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(f ORDER BY id) FROM payments_bankfile f WHERE bank_id IN"
            " (SELECT id FROM payments_bank WHERE code = '230')"
        )
        files = cursor.fetchone()[0]
        cursor.execute("SELECT array_agg(r ORDER BY id) FROM payments_debitrun r")
        runs = cursor.fetchone()[0]
        cursor.execute("SELECT array_agg(a ORDER BY id) FROM affiliates_debitauthority a")
        authorities = cursor.fetchone()[0]
    return files, runs, authorities, LedgerEntry.objects.count()


def test_every_address_of_banks_stands_in_a_row_of_this_test(world: World) -> None:
    for name in keyed():
        assert world.values(name), name
    assert bank_addresses() > LISTS | PUBLIC


def test_what_is_the_other_bank_s_is_missing_at_every_address(world: World) -> None:
    before = standing()
    for name in keyed():
        for values in world.values(name):
            place = reverse(name, kwargs=values)
            for method in ("get", "post"):
                foreign = getattr(caller(name, world.other_person, world.other_secret), method)(
                    place, {"motif": "pour voir"}
                )
                absent = {key: 987654 if key == "pk" else "RB99-9999999" for key in values}
                nobody = getattr(caller(name, world.other_person, world.other_secret), method)(
                    reverse(name, kwargs=absent), {"motif": "pour voir"}
                )
                assert foreign.status_code in (404, 405), (place, method)
                # Neither the status nor the words tell that it exists.
                assert foreign.status_code == nobody.status_code
                said = content(foreign)
                assert not [one for one in world.canaries if one in said and one not in place]
    assert standing() == before


def test_the_bank_itself_reaches_each(world: World) -> None:
    """The control: the same calls, made by whom they belong to."""
    BankKey.objects.filter(pk=world.key.pk).update(last_used_at=None)
    for name in keyed():
        place = reverse(name, kwargs=world.values(name)[0])
        client = caller(name, world.person, world.secret)
        method = (
            client.post if name.endswith(("confirm", "refuse", "take_run", "taken")) else client.get
        )
        if name == "payments:bank_run_file":
            caller(name, world.person, world.secret).post(
                reverse("payments:bank_take_run", args=[world.run.message_id])
            )
        answer = method(place, {"motif": "pour voir"})
        assert answer.status_code in (200, 204, 302), (place, answer.status_code)


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_no_list_and_no_search_shows_it(world: World, language: str) -> None:
    receipt, message = world.files[0].receipt_number, world.run.message_id
    questions = [
        "", "?q=MSG", f"?q={receipt}", "?verdict=accepted", "?verdict=refused", "?q=camt", "?page=2",
        f"?before={receipt}", f"?before={message}", "?taken=no",
    ]  # fmt: skip
    for name in sorted(LISTS):
        for asked in questions:
            client = caller(name, world.other_person, world.other_secret)
            client.cookies["django_language"] = language
            answer = client.get(reverse(name) + asked)
            assert answer.status_code in (200, 404)
            said = content(answer)
            leaked = [one for one in world.canaries if one in said and one not in asked]
            assert leaked == [], (name, asked)
    mine = caller("payments:bank_home", world.person, world.secret)
    assert receipt in content(mine.get(reverse("payments:bank_home") + "?q=MSG-PREMIERE"))


@pytest.mark.parametrize("by_machine", [False, True])
def test_the_other_bank_s_very_bytes_are_its_own_affair(world: World, by_machine: bool) -> None:
    """The same bytes sent by another bank: no receipt of the first is given, no row of it moves."""
    with open_stored(world.files[0].stored) as stream:
        data = stream.read()
    before = standing()
    upload = SimpleUploadedFile("copie.xml", data)
    if by_machine:
        client = caller("payments:api_bank_files", world.other_person, world.other_secret)
        answer = client.post(
            reverse("payments:api_bank_files"), {"file": upload}, headers={"idempotency-key": "K"}
        )
        assert answer.status_code == 201
    else:
        client = caller("payments:bank_home", world.other_person, world.other_secret)
        answer = client.post(reverse("payments:bank_home"), {"file": upload})
        assert answer.status_code == 302
    made = BankFile.objects.get(bank=world.other_bank)
    assert made.receipt_number not in {one.receipt_number for one in world.files}
    said = content(answer)
    assert not [one.receipt_number for one in world.files if one.receipt_number in said]
    import_file(bank_file_id=made.pk, at=clock.now())
    made.refresh_from_db()
    assert (made.verdict, [fault["code"] for fault in made.faults]) == ("refused", ["E-F12"])
    assert not BankLine.objects.filter(bank_file=made).exists()
    assert standing() == before


def test_a_key_opens_no_screen_and_a_person_no_machine(world: World) -> None:
    for name in sorted(bank_addresses() - PUBLIC):
        values = world.values(name)[0] if name not in LISTS else {}
        place = reverse(name, kwargs=values)
        if is_machine(name):
            client = Client()
            client.force_login(world.person)
            assert client.get(place).status_code == 401
        else:
            machine = Client(headers={"authorization": f"Bearer {world.secret}"})
            for method in (machine.get, machine.post):
                assert method(place).status_code in (302, 405)
                assert "/connexion/" in method(place).headers.get("Location", "/connexion/")


def test_a_key_that_is_revoked_or_lacks_the_right_opens_nothing_anywhere(world: World) -> None:
    for scopes, status in (([], 403), (None, 401)):
        rows = BankKey.objects.filter(pk=world.key.pk)
        if scopes is None:
            rows.update(revoked_at=clock.now())
        else:
            rows.update(scopes=scopes)
        for name in sorted(one for one in bank_addresses() - PUBLIC if is_machine(one)):
            values = world.values(name)[0] if name not in LISTS else {}
            client = caller(name, world.person, world.secret)
            place = reverse(name, kwargs=values)
            method = client.post if name.endswith("taken") else client.get
            answer = method(place)
            assert (answer.status_code, set(answer.json())) == (
                status,
                {"code", "message", "facts"},
            ), place
