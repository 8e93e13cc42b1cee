"""Schemathesis walks the published interface, with a key and without: no error of ours, no undescribed answer.

Everything that the description allows and much that it forbids is called on the real application: wrong types, missing
headers, other methods, other bodies. The same code gets the same calls (docs/decisions/walking-the-interface.md).
"""

import copy
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test

from payments.api import files
from payments.api.document import DOCUMENT
from payments.enums import KeyScope
from tests.cast import Cast
from tests.payments.camt_files import entry
from tests.payments.debit_world import sent, signed
from tests.payments.factories import file_of, slip
from tests.payments.test_api import ALL, FILES, calling, seen, send, token

pytestmark = pytest.mark.django_db

LABELS = [
    f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods
]
CONFIG = {
    "seed": 1,
    "base-url": "http://localhost/api/v1",
    "generation": {
        "deterministic": True,
        "database": "none",
        "max-examples": 20,
        # A word that nobody knows is passed over, as on any address: only the described ones are judged.
        "allow-extra-parameters": False,
    },
    "checks": {
        # A key of another file is refused however well the call is written.
        "positive_data_acceptance": {"expected-statuses": ["2xx", 401, 404, 409, 422]}
    },
}


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Counter[int]]:
    """Walk one operation; return how often each status was met, or raise FailureGroup."""
    load_all_checks()

    def walked(
        label: str,
        *,
        secret: str = "",
        known: dict[str, str] | None = None,
        document: Any = DOCUMENT,
    ) -> Counter[int]:
        config = schemathesis.Config.from_dict({**CONFIG, "parameters": known or {}})
        schema = schemathesis.openapi.from_dict(copy.deepcopy(document), config=config)
        schema.app = get_wsgi_application()
        (operation,) = (
            one for found in schema.get_all_operations() if (one := found.ok()).label == label
        )
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        met: Counter[int] = Counter()

        def call(case: schemathesis.Case) -> None:
            met[case.call_and_validate(headers=headers).status_code] += 1

        test = build_operation_test(
            config=schema.config,
            operation=operation,
            test_func=call,
            given_kwargs={},
            feedback=FeedbackSources(),
        )
        # The end of a request would close the connection that holds the test's transaction.
        for signal in (request_started, request_finished):
            signal.disconnect(close_old_connections)
        try:
            test()
        finally:
            for signal in (request_started, request_finished):
                signal.connect(close_old_connections)
        return met

    return walked


def whole_key(cast: Cast) -> str:
    return token(cast, scopes=(KeyScope.SEND, KeyScope.READ, KeyScope.DEBITS))


@pytest.mark.parametrize("label", LABELS)
def test_without_a_key_nothing_opens(label: str, walk: Callable[..., Counter[int]]) -> None:
    assert set(walk(label)) == {HTTPStatus.UNAUTHORIZED}


@pytest.mark.parametrize("label", LABELS)
def test_with_a_key_and_made_up_numbers(
    label: str, cast: Cast, walk: Callable[..., Counter[int]]
) -> None:
    met = walk(label, secret=whole_key(cast))
    expected = HTTPStatus.NOT_FOUND if "{" in label else HTTPStatus.OK
    assert met[expected] > 5


@pytest.mark.parametrize("label", [one for one in LABELS if "{" in one])
def test_with_a_key_and_numbers_that_exist(
    label: str, cast: Cast, walk: Callable[..., Counter[int]]
) -> None:
    secret = whole_key(cast)
    signed(cast, slip(cast.affiliate))
    known = {"message_id": sent(cast).message_id}
    received = send(calling(secret), file_of(cast, entry("10.00", ref="A1")))
    known["receipt_number"] = received.json()["receipt_number"]
    met = walk(label, secret=secret, known=known)
    # The file was not read yet.
    assert met[HTTPStatus.CONFLICT if "return-file" in label else HTTPStatus.OK] > 5


BROKEN = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a\0"\r\n\r\n'


@pytest.mark.parametrize(
    "kind",
    ["multipart/form-data; boundary=x", "multipart/form-data", "é/é", "", "application/json"],
)
@pytest.mark.parametrize(
    "body", [b"", BROKEN, BROKEN * 2_000, b"--x--", b"[" * 100_000, b"\xff\xfe"], ids=range(6)
)
def test_a_body_that_is_no_form_at_all(kind: str, body: bytes, cast: Cast) -> None:
    client = Client(raise_request_exception=False)
    headers = {"authorization": f"Bearer {whole_key(cast)}", "idempotency-key": "K"}
    answer = client.generic("POST", FILES, body, content_type=kind, headers=headers)
    assert seen(ALL, "post", answer)[2] in {"400", "415"}


def test_the_walk_sees_an_answer_that_is_not_described(
    cast: Cast, walk: Callable[..., Counter[int]]
) -> None:
    document = copy.deepcopy(DOCUMENT)
    del document["paths"]["/bank-files/"]["get"]["responses"]["404"]
    with pytest.raises(FailureGroup, match="404"):
        walk("GET /bank-files/", secret=whole_key(cast), document=document)


def test_the_walk_sees_an_error_of_ours(
    cast: Cast, walk: Callable[..., Counter[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PAGE_SIZE", "many")
    with pytest.raises(FailureGroup, match="500"):
        walk("GET /bank-files/", secret=whole_key(cast))
