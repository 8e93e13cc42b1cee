"""JSON is measured before it is read."""

import io
import json

import pytest
from rest_framework.exceptions import ParseError

from portal.bounded_json import DEEPEST_JSON, LONGEST_JSON, BoundedJSON, depth_of


def parse(content: bytes) -> object:
    return BoundedJSON().parse(io.BytesIO(content), "application/json", {"encoding": "utf-8"})


def test_ordinary_json_is_read() -> None:
    told = {"a": [1, {"b": "[[[{{{"}], "c": 'quote " and \\', "é": None}
    assert parse(json.dumps(told).encode()) == told
    assert depth_of(json.dumps(told).encode()) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 1_000 + b"]" * 1_000,
        b'{"a":' * 100_000,
        b"[" * (DEEPEST_JSON + 1) + b"]" * (DEEPEST_JSON + 1),
        b'"' + b"x" * LONGEST_JSON + b'"',
        b'"open',
        b"\xff",
        b"{",
    ],
)
def test_what_is_too_deep_too_long_or_broken_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse(content)


def test_the_deepest_and_the_longest_still_pass() -> None:
    assert parse(b"[" * DEEPEST_JSON + b"]" * DEEPEST_JSON) is not None
    assert parse(b'"' + b"x" * (LONGEST_JSON - 2) + b'"') == "x" * (LONGEST_JSON - 2)
