"""The machines of banks sign their calls: what is altered, repeated, late or of another is a 401 and leaves no row."""

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import reverse

from affiliates.enums import StaffRole
from affiliates.models import StaffAssignment
from payments.api.signatures import base_of
from payments.enums import KeyScope
from payments.errors import PublicKeyKnown, UnreadablePublicKey
from payments.models import ApiAnswer, Bank, BankFile, BankKey
from payments.workflows.bank_keys import issue_key, revoke_key
from portal import limits
from portal.errors import TooManyAttempts
from portal.models import StoredFile
from tests.cast import Cast
from tests.payments.camt_files import entry
from tests.payments.debit_world import sent, signed
from tests.payments.factories import file_of, slip, supervisor

pytestmark = pytest.mark.django_db

AT = datetime(2026, 4, 10, 12, 0, tzinfo=UTC)
FILES = "/api/v1/bank-files/"
EVERYTHING = tuple(KeyScope)


def private(number: int) -> Ed25519PrivateKey:
    """A key of a test: always the same for the same number."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes([number])).digest())


def pem_of(key: Any) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@dataclass
class Machine:
    """A bank's machine, written from the document and not from the code under test."""

    token: str
    key: Ed25519PrivateKey
    count: int = field(default=0)

    @property
    def name(self) -> str:
        return self.token.rsplit("_", 1)[0] if self.token.count("_") == 2 else self.token[:16]

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        intent: str = "",
        at: datetime = AT,
        alter: Callable[[dict[str, Any]], None] | None = None,
        **wsgi: Any,
    ) -> Any:
        """Sign and send; ``alter`` changes what was signed, or what is sent, before either."""
        self.count += 1
        path, _mark, query = path.partition("?")
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        call: dict[str, Any] = {
            "method": method, "path": path, "query": query, "body": body,
            "digest": f"sha-256=:{digest}:", "intent": intent, "alg": "ed25519",
            "nonce": f"nonce-of-the-test-{self.count:04}", "created": str(int(at.timestamp())),
            "keyid": "_".join(self.token.split("_")[:2]), "label": "sig", "drop": "", "more": "",
        }  # fmt: skip
        sent = dict(call)
        if alter is not None:
            alter(call)
        names = ["@method", "@path", "@query"]
        names += ["content-digest"] if method == "POST" else []
        names += ["idempotency-key"] if intent else []
        names = [name for name in names if name != call["drop"]]
        lines = {
            "@method": call["method"], "@path": call["path"], "@query": "?" + call["query"],
            "content-digest": call["digest"], "idempotency-key": call["intent"],
        }  # fmt: skip
        covered = " ".join(f'"{name}"' for name in names)
        parameters = (
            f'({covered});created={call["created"]};nonce="{call["nonce"]}"'
            f';keyid="{call["keyid"]}";alg="{call["alg"]}"{call["more"]}'
        )
        text = "".join(f'"{name}": {lines[name]}\n' for name in names)
        signature = self.key.sign(f'{text}"@signature-params": {parameters}'.encode())
        headers = {
            "authorization": f"Bearer {self.token}",
            "signature-input": f"{call['label']}={parameters}",
            "signature": f"{call['label']}=:{base64.b64encode(signature).decode()}:",
        }
        if method == "POST":
            headers["content-digest"] = sent["digest"]
        if intent:
            headers["idempotency-key"] = intent
        headers |= call.get("headers", {})
        return Client(raise_request_exception=False).generic(
            method, path, body, content_type=MULTIPART_CONTENT if body else "text/plain",
            headers=headers, QUERY_STRING=query, **wsgi,
        )  # fmt: skip

    def send(self, data: bytes, intent: str = "K1", **how: Any) -> Any:
        return self.call("POST", FILES, form_of(data), intent=intent, **how)


def form_of(data: bytes) -> bytes:
    return encode_multipart(BOUNDARY, {"file": SimpleUploadedFile("releve.xml", data)})


def machine(cast: Cast, number: int = 1, bank: Bank | None = None, **told: Any) -> Machine:
    issued = issue_key(
        actor=supervisor(), bank=bank or cast.bank_account.bank, label=f"nuit {number}",
        scopes=EVERYTHING, days=30, at=AT, public_key=pem_of(private(number)), **told,
    )  # fmt: skip
    return Machine(issued.token, private(number))


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Iterator[Any]:
    """As in production: every call is signed."""
    settings.BANK_SIGNATURES_REQUIRED = True
    with time_machine.travel(AT, tick=False) as moving:
        yield moving


@pytest.fixture
def data(cast: Cast) -> bytes:
    return file_of(cast, entry("10.00", ref="A1"))


def nothing_happened() -> bool:
    return not (
        BankFile.objects.exists() or StoredFile.objects.exists() or ApiAnswer.objects.exists()
    )


def test_production_asks_for_it() -> None:
    source = (django_settings.BASE_DIR / "damancom/settings/base.py").read_text("utf-8")
    assert 'BANK_SIGNATURES_REQUIRED = env.boolean("BANK_SIGNATURES_REQUIRED", True)' in source


def test_what_is_signed_is_that_of_the_standard() -> None:
    """RFC 9421, appendix B.2.6: its key, its names, its signature."""
    names = ("date", "@method", "@path", "@authority", "content-type", "content-length")
    values = {
        "date": "Tue, 20 Apr 2021 02:07:55 GMT", "@method": "POST", "@path": "/foo",
        "@authority": "example.com", "content-type": "application/json", "content-length": "18",
    }  # fmt: skip
    parameters = (
        '("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    key = serialization.load_pem_private_key(
        b"-----BEGIN PRIVATE KEY-----\n"
        b"MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n"
        b"-----END PRIVATE KEY-----\n",
        None,
    )
    assert isinstance(key, Ed25519PrivateKey)
    signature = base64.b64encode(key.sign(base_of(names, values, parameters))).decode()
    assert signature == (
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    )


def test_a_signed_call_is_taken(cast: Cast, data: bytes) -> None:
    bank = machine(cast)
    done = bank.send(data)
    assert done.status_code == 201
    assert bank.call("GET", FILES).json()["files"][0] == done.json()
    assert bank.call("GET", f"{FILES}?before={done.json()['receipt_number']}").json()["files"] == []
    assert bank.call("GET", done.headers["Location"]).status_code == 200
    assert BankKey.objects.get().last_used_at == AT
    # The same file, signed anew under the same intention: the same answer, one file.
    assert bank.send(data).json() == done.json()
    assert BankFile.objects.count() == 1


def set_to(**changed: Any) -> Callable[[dict[str, Any]], None]:
    return lambda call: call.update(changed)


OTHER_DIGEST = "sha-256=:" + base64.b64encode(hashlib.sha256(b"x").digest()).decode() + ":"
ALTERED = {
    "the method was another": set_to(method="PUT"),
    "the address was another": set_to(path="/api/v1/bank-file/"),
    "the query was another": set_to(query="before=1"),
    "the intention was another": set_to(intent="K2"),
    "the digest was another": set_to(digest=OTHER_DIGEST),
    "the body is not of the digest": set_to(
        digest=OTHER_DIGEST, headers={"content-digest": OTHER_DIGEST}
    ),
    "no digest": set_to(headers={"content-digest": ""}),
    "a digest twice": set_to(headers={"content-digest": f"{OTHER_DIGEST}, {OTHER_DIGEST}"}),
    "a weak digest": set_to(digest="md5=:AAAA:", headers={"content-digest": "md5=:AAAA:"}),
    "the digest is not covered": set_to(drop="content-digest"),
    "the method is not covered": set_to(drop="@method"),
    "the address is not covered": set_to(drop="@path"),
    "the query is not covered": set_to(drop="@query"),
    "the intention is not covered": set_to(drop="idempotency-key"),
    "no algorithm": set_to(alg="none"),
    "the public key as a shared secret": set_to(alg="hmac-sha256"),
    "another algorithm": set_to(alg="rsa-pss-sha512"),
    "an algorithm twice": set_to(more=';alg="none"'),
    "a parameter nobody knows": set_to(more=';tag="x"'),
    "a short nonce": set_to(nonce="short"),
    "another key": set_to(keyid="dmc_000000000000"),
    "a keyid that is none": set_to(keyid="x"),
    "no time": set_to(created="0000000000"),
    "a name outside the label": set_to(label="Sig"),
    "no signature": set_to(headers={"signature": ""}),
    "a signature of nothing": set_to(headers={"signature": "sig=:" + "A" * 86 + "==:"}),
    "another label": set_to(headers={"signature": "two=:" + "A" * 86 + "==:"}),
    "no input": set_to(headers={"signature-input": ""}),
    "no token": set_to(headers={"authorization": ""}),
}


@pytest.mark.parametrize("what", ALTERED)
def test_whatever_was_altered_is_refused_and_leaves_nothing(
    cast: Cast, data: bytes, what: str
) -> None:
    bank = machine(cast)
    refused = bank.send(data, alter=ALTERED[what])
    assert refused.status_code == 401
    if "token" not in what:
        assert refused.json()["message"] == (
            "Clé inconnue, expirée ou révoquée, ou appel mal signé."
        )
    assert nothing_happened()
    assert BankKey.objects.get().last_used_at is None or "digest" in what or "body" in what
    assert bank.send(data).status_code == 201


def test_headers_sent_twice_are_refused(cast: Cast, data: bytes) -> None:
    """A server joins what comes twice with a comma: no reading of ours may then differ from another's."""
    bank = machine(cast)

    def twice(name: str) -> Callable[[dict[str, Any]], None]:
        return lambda call: call.setdefault("headers", {}).update({name: f"{name}-a, {name}-b"})

    for name in ("signature", "signature-input", "content-digest", "authorization"):
        assert bank.send(data, alter=twice(name)).status_code == 401, name
    assert nothing_happened()


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-300, 201), (300, 201), (301, 401)])
def test_a_call_is_of_these_five_minutes(
    cast: Cast, data: bytes, seconds: int, status: int
) -> None:
    answer = machine(cast).send(data, at=AT + timedelta(seconds=seconds))
    assert answer.status_code == status
    assert nothing_happened() is (status == 401)


def test_a_call_is_taken_once_for_as_long_as_it_could_be(
    cast: Cast, data: bytes, clock: Any
) -> None:
    bank = machine(cast)
    early = AT + timedelta(seconds=300)
    again = set_to(nonce="a-nonce-of-sixteen-or-more")
    assert bank.call("GET", FILES, at=early, alter=again).status_code == 200
    assert bank.call("GET", FILES, at=early, alter=again).status_code == 401
    for minutes in (5, 10):
        clock.move_to(AT + timedelta(minutes=minutes))
        assert bank.call("GET", FILES, at=early, alter=again).status_code == 401, minutes
    # Taken by one bank, it is free for another.
    other = machine(cast, 2, Bank.objects.create(code="007", name="Banque Inventée du Sud"))
    assert other.call("GET", FILES, at=AT + timedelta(minutes=10), alter=again).status_code == 200


def test_a_replayed_file_is_a_401_and_one_row(cast: Cast, data: bytes) -> None:
    bank = machine(cast)
    again = set_to(nonce="a-nonce-of-sixteen-or-more")
    assert bank.send(data, alter=again).status_code == 201
    assert bank.send(data, alter=again).status_code == 401
    assert bank.send(data, "K2", alter=again).status_code == 401
    assert BankFile.objects.count() == ApiAnswer.objects.count() == 1


def test_a_failed_call_does_not_spend_the_nonce_of_another(cast: Cast, data: bytes) -> None:
    """A stranger who guesses a nonce cannot take it from the bank: only a right signature spends it."""
    bank = machine(cast)
    thief = replace(bank, key=private(9))
    again = set_to(nonce="a-nonce-of-sixteen-or-more")
    assert thief.send(data, alter=again).status_code == 401
    assert bank.send(data, alter=again).status_code == 201


def meet(bank: Machine, monkeypatch: pytest.MonkeyPatch, count: Any) -> list[int]:
    """The same signed call from two connections, both held until the other stands at the nonce too."""
    statuses: list[int] = []
    both = threading.Barrier(2)
    call = set_to(nonce="a-nonce-of-sixteen-or-more")

    def at_the_nonce(limit: limits.Limit, value: str) -> None:
        if limit.kind == "api:nonce":
            both.wait(20)
        count(limit, value)

    monkeypatch.setattr(limits, "count", at_the_nonce)

    def one() -> None:
        try:
            statuses.append(bank.call("GET", FILES, alter=call).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _each in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(statuses)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_one(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert meet(machine(cast), monkeypatch, limits.count) == [200, 401]


@pytest.mark.django_db(transaction=True)
def test_counted_in_two_steps_both_would_pass(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: a count that looks, then writes, lets both in."""
    seen: list[str] = []
    both = threading.Barrier(2)

    def in_two_steps(limit: limits.Limit, value: str) -> None:
        if limit.kind != "api:nonce":
            return
        known = value in seen
        both.wait(20)
        seen.append(value)
        if known:
            raise TooManyAttempts(minutes=15)

    assert meet(machine(cast), monkeypatch, in_two_steps) == [200, 200]


def test_another_bank_signs_for_itself_only(cast: Cast, data: bytes) -> None:
    first = machine(cast)
    theirs = machine(cast, 2, Bank.objects.create(code="007", name="Banque Inventée du Sud"))
    # The first bank's token with the other's key, and the other way round, under either name.
    for token, key, name in (
        (first.token, theirs.key, first.token),
        (first.token, theirs.key, theirs.token),
        (theirs.token, first.key, first.token),
    ):
        mixed = Machine(token, key)
        keyid = "_".join(name.split("_")[:2])
        mixed.count = 100
        assert mixed.send(data, alter=set_to(keyid=keyid)).status_code == 401
    assert nothing_happened()
    assert first.send(data).status_code == 201
    assert theirs.call("GET", FILES).json()["files"] == []


def test_a_key_that_ended_signs_nothing(cast: Cast, data: bytes, clock: Any) -> None:
    bank, second = machine(cast), machine(cast, 2)
    revoke_key(actor=supervisor(), key_id=BankKey.objects.order_by("pk")[0].pk, at=AT)
    assert bank.send(data).status_code == 401
    assert nothing_happened()
    # The other key of the same bank goes on; the token of the one does not serve with the key of the other.
    assert Machine(bank.token, second.key).send(data).status_code == 401
    assert second.send(data).status_code == 201
    clock.move_to(AT + timedelta(days=30))
    assert second.call("GET", FILES, at=AT + timedelta(days=30)).status_code == 401


def test_a_key_without_its_public_half_opens_nothing(cast: Cast, settings: Any) -> None:
    issued = issue_key(
        actor=supervisor(), bank=cast.bank_account.bank, label="ancienne", scopes=EVERYTHING,
        days=30, at=AT,
    )  # fmt: skip
    plain = Client(headers={"authorization": f"Bearer {issued.token}"})
    assert plain.get(FILES).status_code == 401
    settings.BANK_SIGNATURES_REQUIRED = False
    assert plain.get(FILES).status_code == 200
    # Whoever gave one signs, required or not.
    bank = machine(cast, 2)
    unsigned = Client(headers={"authorization": f"Bearer {bank.token}"})
    assert unsigned.get(FILES).status_code == 401
    assert bank.call("GET", FILES).status_code == 200


def test_taking_a_run_is_signed_too(cast: Cast) -> None:
    signed(cast, slip(cast.affiliate))
    run = sent(cast)
    place = f"/api/v1/debit-runs/{run.message_id}/taken/"
    with time_machine.travel(AT, tick=False):
        bank = machine(cast)
        assert bank.call("POST", place, alter=set_to(digest=OTHER_DIGEST)).status_code == 401
        smuggled = set_to(digest=OTHER_DIGEST, headers={"content-digest": OTHER_DIGEST})
        assert bank.call("POST", place, alter=smuggled).status_code == 401
        run.refresh_from_db()
        assert run.taken_at is None
        assert bank.call("POST", place).status_code == 200
    run.refresh_from_db()
    assert run.taken_at == AT


def test_bytes_after_the_form_are_counted_too(cast: Cast, data: bytes) -> None:
    """What a parser leaves unread is still of the body: a digest of the form alone is not that of the body."""
    bank = machine(cast)
    form = form_of(data)
    digest = "sha-256=:" + base64.b64encode(hashlib.sha256(form).digest()).decode() + ":"
    more = set_to(digest=digest, headers={"content-digest": digest})
    assert bank.call("POST", FILES, form + b"\r\nmore", intent="K1", alter=more).status_code == 401
    assert nothing_happened()


@pytest.mark.parametrize(
    "text",
    [
        "pas une clé",
        "AAAA",
        base64.b64encode(b"x" * 31).decode(),
        pem_of(rsa.generate_private_key(public_exponent=65_537, key_size=2_048)),
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    ],
    ids=["words", "short", "a byte less", "rsa", "broken"],
)
def test_a_public_key_is_one_or_is_refused(cast: Cast, text: str) -> None:
    with pytest.raises(UnreadablePublicKey):
        issue_key(
            actor=supervisor(), bank=cast.bank_account.bank, label="x", scopes=EVERYTHING, days=30,
            at=AT, public_key=text,
        )  # fmt: skip


def test_a_public_key_serves_once(cast: Cast) -> None:
    machine(cast)
    revoke_key(actor=supervisor(), key_id=BankKey.objects.get().pk, at=AT)
    with pytest.raises(PublicKeyKnown):
        machine(cast)
    raw = base64.b64encode(private(1).public_key().public_bytes_raw()).decode()
    with pytest.raises(IntegrityError, match="bank_key_public_once"), transaction.atomic():
        BankKey.objects.create(
            bank=cast.bank_account.bank, prefix="x", digest="x", scopes=["read"], slot=1,
            created_by=cast.staff, created_at=AT, expires_at=AT + timedelta(days=1), public_key=raw,
        )  # fmt: skip


def test_the_desk_asks_for_the_public_key(cast: Cast) -> None:
    StaffAssignment.objects.filter(user=cast.staff).update(role=StaffRole.SUPERVISOR.value)
    client = Client()
    client.force_login(cast.staff)
    issue = reverse("admin:payments_bankkey_issue")
    typed = {"bank": cast.bank_account.bank_id, "label": "nuit", "scopes": ["read"], "days": "30"}
    assert client.post(issue, typed).status_code == 422
    assert client.post(issue, {**typed, "public_key": "bonjour"}).status_code == 422
    assert not BankKey.objects.exists()
    shown = client.post(issue, {**typed, "public_key": pem_of(private(3))}).content.decode()
    token = re.search(r"dmc_[0-9a-f]{12}_[\w-]{43}", shown)
    assert token is not None
    assert "appels signés" in shown
    assert Machine(token[0], private(3)).call("GET", FILES).status_code == 200
    client.force_login(cast.bank)
    assert "appels signés" in client.get(reverse("payments:bank_machines")).content.decode()


def test_the_example_of_the_document_signs_as_we_read() -> None:
    """The programmer's example runs as printed."""
    document = (django_settings.BASE_DIR / "docs/formats/bank-api.md").read_text("utf-8")
    example = re.search(r"```python\n(.*?)```", document, re.DOTALL)
    assert example is not None
    space: dict[str, Any] = {}
    exec(example[1], space)
    headers = space["signed_headers"](
        "GET", FILES, key_name="dmc_000000000000", private_key=private(1), created=1, nonce="n" * 16
    )
    assert headers["Signature-Input"] == (
        'sig=("@method" "@path" "@query");created=1;nonce="nnnnnnnnnnnnnnnn"'
        ';keyid="dmc_000000000000";alg="ed25519"'
    )
    signature = base64.b64decode(headers["Signature"].removeprefix("sig=:").removesuffix(":"))
    values = {"@method": "GET", "@path": FILES, "@query": "?"}
    parameters = headers["Signature-Input"].removeprefix("sig=")
    private(1).public_key().verify(
        signature, base_of(("@method", "@path", "@query"), values, parameters)
    )
