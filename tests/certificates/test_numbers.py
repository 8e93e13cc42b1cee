"""Numbers for people, tokens for the public page, digests for the record."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.facts import digest
from certificates.numbers import certificate_number, grouped, new_token, read_token

TOKEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ23"


def test_the_check_digits_make_the_whole_number_a_remainder_of_one():
    number = certificate_number(2026, 123)
    assert number == "ATT-2026-0000123-06"
    assert int(re.sub("[^0-9]", "", number)) % 97 == 1
    with pytest.raises(ValueError, match="seven digits"):
        certificate_number(2026, 10_000_000)


def test_tokens_are_long_and_do_not_repeat():
    tokens = {new_token() for _ in range(200)}
    assert len(tokens) == 200
    assert all(read_token(token) == token for token in tokens)


@pytest.mark.parametrize(
    "typed",
    [
        TOKEN,
        grouped(TOKEN),
        " abcd efgh ijkl mnop qrst uvwx yz23 ",
        "ABCD‑EFGH‑IJKL‑MNOP‑QRST‑UVWX‑YZ23",
        "https://damancom.example/verifier/ABCDEFGHIJKLMNOPQRSTUVWXYZ23/",
        "A8CDEFGH1JKLMN0PQRSTUVWXYZ23",
    ],
)
def test_a_code_is_read_however_it_is_typed(typed):
    assert read_token(typed) == TOKEN


@given(st.text(max_size=60))
def test_anything_else_is_no_code(text):
    read = read_token(text)
    assert read is None or re.fullmatch("[A-Z2-7]{28}", read)


def test_the_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": ["é"]}) == digest({"b": ["é"], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
