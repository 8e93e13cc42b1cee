"""The bank API: its description is true, a key opens only its bank, one intention has one effect."""

import hashlib
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, connections, transaction
from django.test import Client
from django.urls import reverse

from affiliates.enums import StaffRole
from affiliates.models import StaffAssignment
from payments.api.document import DOCUMENT
from payments.enums import KeyScope
from payments.errors import TooManyKeys
from payments.models import ApiAnswer, Bank, BankAccount, BankFile, BankKey
from payments.tasks import import_bank_file
from payments.workflows.bank_keys import issue_key, revoke_key
from portal import clock
from portal.models import AuditEntry
from tests.cast import Cast
from tests.payments.camt_files import camt, entry
from tests.payments.debit_world import sent, signed
from tests.payments.factories import file_of, slip, supervisor

pytestmark = pytest.mark.django_db

BOTH = (KeyScope.SEND, KeyScope.READ)
FILES = "/api/v1/bank-files/"


@pytest.fixture
def today() -> Iterator[None]:
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        yield


def token(cast: Cast, bank: Bank | None = None, scopes: tuple[KeyScope, ...] = BOTH) -> str:
    bank = bank or cast.bank_account.bank
    return issue_key(
        actor=supervisor(), bank=bank, label="nuit", scopes=scopes, days=30, at=clock.now()
    ).token


def calling(secret: str) -> Client:
    return Client(headers={"authorization": f"Bearer {secret}"})


def send(client: Client, data: bytes, key: str = "K1", name: str = "releve.xml") -> Any:
    headers = {"idempotency-key": key} if key else {}
    return client.post(FILES, {"file": SimpleUploadedFile(name, data)}, headers=headers)


def check(schema: dict[str, Any], value: Any, place: str = "") -> None:
    """A value against the few words of JSON Schema that the description uses."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return check(DOCUMENT["components"]["schemas"][name], value, name)
    if "enum" in schema:
        assert value in schema["enum"], (place, value)
    kinds = {"string": str, "integer": int, "object": dict, "array": list, "null": type(None)}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert isinstance(value, tuple(kinds[one] for one in types)), (place, value)
    if "pattern" in schema:
        assert re.search(schema["pattern"], value), (place, value)
    for item in value if isinstance(value, list) else ():
        check(schema["items"], item, place)
    if "properties" in schema:
        assert set(value) == set(schema["properties"]), (place, set(value))
        for name, inner in schema["properties"].items():
            check(inner, value[name], f"{place}.{name}")
    return None


def answers() -> set[tuple[str, str, str]]:
    """(path, method, status) of everything the description promises."""
    return {
        (path, method, status)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        for status in operation["responses"]
    }


def seen(path: str, method: str, response: Any) -> tuple[str, str, str]:
    """Check an answer against the description, and name it."""
    status = str(response.status_code)
    content = DOCUMENT["paths"][path][method]["responses"][status]["content"]
    (kind, body), *_ = content.items()
    assert response.headers["Content-Type"].startswith(kind)
    if kind == "application/json":
        check(body["schema"], response.json())
    return path, method, status


ONE, RETURN, ALL = (
    "/bank-files/{receipt_number}/",
    "/bank-files/{receipt_number}/return-file/",
    "/bank-files/",
)
RUNS, RUN_FILE, RUN_TAKEN = (
    "/debit-runs/",
    "/debit-runs/{message_id}/file/",
    "/debit-runs/{message_id}/taken/",
)


def test_the_description_is_true(today: None, cast: Cast) -> None:
    """Every operation and every answer of the description, called for real."""
    client, done = calling(token(cast)), set()
    data = file_of(cast, entry("10.00", ref="A1"))
    first = send(client, data)
    done.add(seen(ALL, "post", first))
    done.add(seen(ALL, "post", send(client, data, "K2")))
    done.add(seen(ALL, "post", send(client, data, "")))
    done.add(seen(ALL, "post", send(client, data + b" ", "K1")))
    headers = {"idempotency-key": "K9"}
    done.add(
        seen(
            ALL, "post", client.post(FILES, "{}", content_type="application/json", headers=headers)
        )
    )
    done.add(seen(ALL, "get", client.get(FILES)))
    done.add(seen(ALL, "get", client.get(FILES, {"before": "RB26-9999999"})))
    address = first.headers["Location"]
    done.add(seen(ONE, "get", client.get(address)))
    done.add(seen(RETURN, "get", client.get(f"{address}return-file/")))
    import_bank_file(BankFile.objects.get().pk)
    detail = client.get(address)
    done.add(seen(ONE, "get", detail))
    assert detail.json()["totals"] == [{"verdict": "ATT", "count": 1, "amount": "10.00"}]
    done.add(seen(RETURN, "get", client.get(f"{address}return-file/")))
    missing = f"{FILES}RB26-9999999/"
    done.add(seen(ONE, "get", client.get(missing)))
    done.add(seen(RETURN, "get", client.get(f"{missing}return-file/")))
    places = {ALL: FILES, ONE: address, RETURN: f"{address}return-file/"}
    reader = calling(token(cast, scopes=(KeyScope.READ,)))
    done.add(seen(ALL, "post", send(reader, data, "K3")))
    BankKey.objects.filter(scopes=["read"]).update(revoked_at=clock.now())
    sender = calling(token(cast, scopes=(KeyScope.SEND,)))
    for path, place in places.items():
        done.add(seen(path, "get", Client().get(place)))
        done.add(seen(path, "get", sender.get(place)))
    done.add(seen(ALL, "post", send(Client(), data)))
    done |= debit_runs_seen(cast)
    # A limit of calls and a twin under way have tests of their own, below.
    others = {one for one in answers() if one[2] == "429"} | {(ALL, "post", "409")}
    assert answers() - done == others


def debit_runs_seen(cast: Cast) -> set[tuple[str, str, str]]:
    """Every operation on runs, with each answer it promises."""
    signed(cast, slip(cast.affiliate))
    run = sent(cast)
    BankKey.objects.update(revoked_at=clock.now())
    taker, other = calling(token(cast, scopes=(KeyScope.DEBITS,))), calling(token(cast))
    done = set()
    for path, method in ((RUNS, "get"), (RUN_FILE, "get"), (RUN_TAKEN, "post")):
        place = f"/api/v1{path}".replace("{message_id}", run.message_id)
        absent = f"{place}?before=x" if path == RUNS else place.replace(run.message_id, "x")
        calls = [(taker, place), (taker, absent), (Client(), place), (other, place)]
        answers = [getattr(client, method)(where) for client, where in calls]
        assert [one.status_code for one in answers] == [200, 404, 401, 403]
        if path == RUNS:
            answers.append(taker.get(place, {"taken": "yes"}))
            assert answers[-1].status_code == 400
        done |= {seen(path, method, one) for one in answers}
    return done


def test_a_bank_takes_its_runs_by_machine(today: None, cast: Cast) -> None:
    signed(cast, slip(cast.affiliate))
    run = sent(cast)
    client = calling(token(cast, scopes=(KeyScope.DEBITS,)))
    (one,) = client.get("/api/v1/debit-runs/", {"taken": "no"}).json()["runs"]
    assert (one["message_id"], one["orders"], one["total"], one["taken_at"]) == (
        run.message_id, 1, "100.00", None,
    )  # fmt: skip
    place = f"/api/v1/debit-runs/{run.message_id}"
    data = client.get(f"{place}/file/").getvalue()
    assert hashlib.sha256(data).hexdigest() == one["sha256"]
    assert AuditEntry.objects.filter(action="payments.debit_run_read").count() == 1
    run.refresh_from_db()
    assert run.taken_at is None
    first = client.post(f"{place}/taken/").json()
    assert first["taken_at"] == clock.now().isoformat()
    assert client.post(f"{place}/taken/").json() == first
    assert AuditEntry.objects.filter(action="payments.debit_run_taken").count() == 1
    assert client.get("/api/v1/debit-runs/", {"taken": "no"}).json()["runs"] == []


def test_a_bank_takes_no_run_of_another(today: None, cast: Cast) -> None:
    signed(cast, slip(cast.affiliate))
    run = sent(cast)
    bank = Bank.objects.create(code="007", name="Banque Inventée du Sud")
    theirs = calling(token(cast, bank, scopes=(KeyScope.DEBITS,)))
    assert theirs.get("/api/v1/debit-runs/").json() == {"runs": [], "next": None}
    assert theirs.get(f"/api/v1/debit-runs/{run.message_id}/file/").status_code == 404
    assert theirs.post(f"/api/v1/debit-runs/{run.message_id}/taken/").status_code == 404


def test_the_description_is_public_and_whole(client: Client) -> None:
    answer = client.get(reverse("payments:api_description"))
    assert answer.json() == DOCUMENT
    named = {f"{path}" for path in DOCUMENT["paths"]}
    assert named == {ALL, ONE, RETURN, RUNS, RUN_FILE, RUN_TAKEN}


def test_the_same_key_gives_the_same_answer(today: None, cast: Cast) -> None:
    client = calling(token(cast))
    data = file_of(cast, entry("10.00", ref="A1"))
    first, again = send(client, data), send(client, data)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = send(client, file_of(cast, entry("11.00", ref="A2"), message_id="M2"))
    assert (other.status_code, other.json()["code"]) == (422, "payments.idempotency_key_reused")
    assert BankFile.objects.count() == 1
    assert ApiAnswer.objects.count() == 1


def test_another_bank_sees_nothing(today: None, cast: Cast) -> None:
    address = send(calling(token(cast)), file_of(cast, entry("10.00", ref="A1"))).headers[
        "Location"
    ]
    bank = Bank.objects.create(code="007", name="Banque Inventée du Sud")
    BankAccount.objects.create(bank=bank, rib="007780000123400000056749", label="x")
    theirs = calling(token(cast, bank))
    for place in (address, f"{address}return-file/"):
        assert theirs.get(place).status_code == 404
    assert theirs.get(FILES).json() == {"files": [], "next": None}
    # The same key of another bank is another intention.
    assert send(theirs, camt(entry("9.00"), account="007780000123400000056749")).status_code == 201


def test_a_key_that_ended_opens_nothing(today: None, cast: Cast) -> None:
    secret = token(cast)
    key = BankKey.objects.get()
    assert calling(secret).get(FILES).status_code == 200
    key.refresh_from_db()
    assert key.last_used_at == clock.now()
    assert secret.rsplit("_", 1)[1] not in str(vars(key))
    for wrong in (secret[:-1], secret + "x", "dmc__", "x", secret.replace("dmc", "abc")):
        refused = calling(wrong).get(FILES)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    with time_machine.travel(clock.now() + timedelta(days=31), tick=False):
        assert calling(secret).get(FILES).status_code == 401
    revoke_key(actor=supervisor(), key_id=key.pk, at=clock.now())
    assert calling(secret).get(FILES).status_code == 401


def test_people_have_no_place_here(today: None, cast: Cast) -> None:
    for user in (cast.owner, cast.bank, cast.staff):
        client = Client()
        client.force_login(user)
        assert client.get(FILES).status_code == 401


def test_two_keys_at_once_and_no_third(today: None, cast: Cast) -> None:
    first, second = token(cast), token(cast)
    with pytest.raises(TooManyKeys):
        token(cast)
    assert {calling(one).get(FILES).status_code for one in (first, second)} == {200}
    key = BankKey.objects.order_by("pk")[0]
    with pytest.raises(IntegrityError, match="bank_key_two_at_once"), transaction.atomic():
        BankKey.objects.create(
            bank=key.bank, prefix="x", digest="x", scopes=["read"], slot=1, created_by=cast.staff,
            created_at=clock.now(), expires_at=clock.now() + timedelta(days=1),
        )  # fmt: skip
    revoke_key(actor=supervisor(), key_id=key.pk, at=clock.now())
    token(cast)


def test_a_bank_may_not_flood_us(today: None, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal import limits

    monkeypatch.setattr(limits, "BANK_CALLS", limits.Limit("api:bank", 1, timedelta(minutes=1)))
    client = calling(token(cast))
    data = file_of(cast, entry("10.00", ref="A1"))
    assert send(client, data).status_code == 201
    stopped = send(client, data, "K2")
    seen(ALL, "post", stopped)
    assert (stopped.status_code, "Retry-After" in stopped.headers) == (429, True)


@pytest.mark.django_db(transaction=True)
def test_eight_calls_under_one_key_are_one_file(cast: Cast) -> None:
    secret = token(cast)
    data = file_of(cast, entry("10.00", ref="A1"))
    barrier, found = threading.Barrier(8), []

    def call() -> None:
        barrier.wait()
        try:
            found.append(send(calling(secret), data).json()["receipt_number"])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert BankFile.objects.count() == ApiAnswer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_twin_still_under_way_is_told_so(cast: Cast) -> None:
    """The first call holds the key and has not committed: the second is told to come back, and changes nothing."""
    client = calling(token(cast))
    data = file_of(cast, entry("10.00", ref="A1"))
    held, release = threading.Event(), threading.Event()

    def first() -> None:
        try:
            with transaction.atomic():
                ApiAnswer.objects.create(
                    bank=cast.bank_account.bank, key="K1", fingerprint="f" * 64
                )
                held.set()
                release.wait(60)
        finally:
            connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    assert held.wait(60)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    try:
        refused = send(client, data)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
        release.set()
        thread.join()
    assert seen(ALL, "post", refused) == (ALL, "post", "409")
    assert refused.json()["code"] == "payments.idempotency_key_in_progress"
    assert BankFile.objects.count() == 0


def test_a_supervisor_issues_and_revokes(today: None, cast: Cast) -> None:
    client = Client()
    client.force_login(cast.staff)
    page = reverse("admin:payments_bankkey_changelist")
    typed = {"bank": cast.bank_account.bank_id, "label": "nuit", "scopes": ["send"], "days": "30"}
    issue = reverse("admin:payments_bankkey_issue")
    assert client.get(page).status_code == 403
    assert client.post(issue, typed).status_code == 403
    StaffAssignment.objects.filter(user=cast.staff).update(role=StaffRole.SUPERVISOR.value)
    assert client.get(page).status_code == 200
    assert client.get(issue).status_code == 405
    shown = client.post(issue, typed).content.decode()
    secret = re.search(r"dmc_[0-9a-f]{12}_[\w-]{43}", shown)
    assert secret is not None
    assert secret[0] not in client.get(page).content.decode()
    assert client.post(issue, {**typed, "days": "0"}).status_code == 422
    key = BankKey.objects.get()
    assert client.post(reverse("admin:payments_bankkey_revoke", args=[key.pk])).status_code == 302
    assert calling(secret[0]).get(FILES).status_code == 401
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        client.force_login(user)
        assert client.get(page).status_code in (302, 403, 404)


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        ([], "203.0.113.9", 200),
        (["192.0.2.10"], "192.0.2.10", 200),
        (["192.0.2.10"], "192.0.2.11", 401),
        (["198.51.100.0/24", "192.0.2.0/28"], "192.0.2.15", 200),
        (["198.51.100.0/24", "192.0.2.0/28"], "192.0.2.16", 401),
        (["192.0.2.0/28"], "::ffff:192.0.2.1", 200),
        (["2001:db8::/32"], "2001:db8::7", 200),
        (["2001:db8::/32"], "192.0.2.1", 401),
        (["192.0.2.0/28"], "nowhere", 401),
    ],
)
def test_a_key_is_called_from_where_its_bank_said(
    today: None, cast: Cast, networks: list[str], address: str, status: int
) -> None:
    issued = issue_key(
        actor=supervisor(), bank=cast.bank_account.bank, label="nuit", scopes=BOTH, days=30,
        at=clock.now(), networks=networks,
    )  # fmt: skip
    answer = calling(issued.token).get(FILES, REMOTE_ADDR=address)
    assert answer.status_code == status
    if status == 401:
        # The words of an unknown key: whoever has it in hand learns nothing.
        assert answer.json() == calling("dmc_x_x").get(FILES).json()
        issued.key.refresh_from_db()
        assert issued.key.last_used_at is None


def test_what_a_client_says_of_its_address_is_not_believed(
    today: None, cast: Cast, settings: Any
) -> None:
    issued = issue_key(
        actor=supervisor(), bank=cast.bank_account.bank, label="nuit", scopes=BOTH, days=30,
        at=clock.now(), networks=["192.0.2.10"],
    )  # fmt: skip
    client = calling(issued.token)
    told = {"x-forwarded-for": "192.0.2.10"}
    assert client.get(FILES, REMOTE_ADDR="203.0.113.9", headers=told).status_code == 401
    settings.TRUSTED_PROXIES = 1
    assert client.get(FILES, REMOTE_ADDR="10.0.0.1", headers=told).status_code == 200
    forged = {"x-forwarded-for": "192.0.2.10, 203.0.113.9"}
    assert client.get(FILES, REMOTE_ADDR="10.0.0.1", headers=forged).status_code == 401


def test_the_desk_notes_where_a_key_calls_from(today: None, cast: Cast) -> None:
    StaffAssignment.objects.filter(user=cast.staff).update(role=StaffRole.SUPERVISOR.value)
    client = Client()
    client.force_login(cast.staff)
    typed = {"bank": cast.bank_account.bank_id, "label": "nuit", "scopes": ["send"], "days": "30"}
    issue = reverse("admin:payments_bankkey_issue")
    refused = client.post(issue, {**typed, "networks": "192.0.2.10 partout"})
    assert refused.status_code == 422
    assert "« partout » n’est ni une adresse ni un réseau" in refused.content.decode()
    assert not BankKey.objects.exists()
    shown = client.post(issue, {**typed, "networks": "192.0.2.10, 198.51.100.0/24"})
    assert BankKey.objects.get().networks == ["192.0.2.10/32", "198.51.100.0/24"]
    assert "198.51.100.0/24" in shown.content.decode()
