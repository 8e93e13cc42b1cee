"""How amounts, months and days are written, in both languages."""

import datetime
from decimal import Decimal

import pytest
from django.utils import translation

from portal import formats
from regulation.errors import DomainError
from regulation.periods import Period
from regulation.text import Sentence

NNBSP, NBSP = "\u202f", "\u00a0"


@pytest.mark.parametrize(
    ("value", "french", "arabic"),
    [
        ("1234.56", f"1{NNBSP}234,56{NBSP}DH", f"1{NNBSP}234,56{NBSP}درهم"),
        ("0", f"0,00{NBSP}DH", f"0,00{NBSP}درهم"),
        (
            "-1234567.8",
            f"−1{NNBSP}234{NNBSP}567,80{NBSP}DH",
            f"\u200e−1{NNBSP}234{NNBSP}567,80{NBSP}درهم",
        ),
    ],
)
def test_dirhams(value: str, french: str, arabic: str):
    with translation.override("fr"):
        assert formats.dirhams(Decimal(value)) == french
    with translation.override("ar"):
        assert formats.dirhams(Decimal(value)) == arabic


def test_a_month_has_its_moroccan_name():
    with translation.override("fr"):
        assert formats.period(Period(2026, 1)) == f"janvier{NBSP}2026"
        assert formats.period("2026-08") == f"août{NBSP}2026"
        assert formats.period(datetime.date(2026, 12, 1)) == f"décembre{NBSP}2026"
    with translation.override("ar"):
        assert formats.period(Period(2026, 1)) == f"يناير{NBSP}2026"
        assert formats.period(Period(2026, 8)) == f"غشت{NBSP}2026"


def test_what_belongs_to_a_month_is_said_as_people_say_it():
    with translation.override("fr"):
        said = [formats.of_period(Period(2026, month)).split(NBSP)[0] for month in range(1, 13)]
        assert said == [
            "de janvier", "de février", "de mars", "d’avril", "de mai", "de juin", "de juillet",
            "d’août", "de septembre", "d’octobre", "de novembre", "de décembre",
        ]  # fmt: skip
    with translation.override("ar"):
        assert formats.of_period(Period(2026, 4)) == formats.period(Period(2026, 4))


def test_an_account_keeps_its_order_in_an_arabic_sentence():
    with translation.override("fr"):
        assert formats.left_to_right("911 780 38") == "911 780 38"
    with translation.override("ar"):
        assert formats.left_to_right("911 780 38") == "\u2066911\u00a0780\u00a038\u2069"


def test_a_day():
    with translation.override("fr"):
        assert formats.day(datetime.date(2026, 2, 1)) == f"1er{NBSP}février{NBSP}2026"
        assert formats.day(datetime.date(2026, 2, 10)) == f"10{NBSP}février{NBSP}2026"
    with translation.override("ar"):
        assert formats.day(datetime.date(2026, 11, 10)) == f"10{NBSP}نونبر{NBSP}2026"


def test_an_instant_is_told_on_moroccan_clocks_also_in_ramadan():
    ordinary = datetime.datetime(2026, 1, 9, 23, 30, tzinfo=datetime.UTC)
    ramadan = datetime.datetime(2026, 3, 1, 23, 30, tzinfo=datetime.UTC)
    with translation.override("fr"):
        assert formats.instant(ordinary) == f"10{NBSP}janvier{NBSP}2026 à 00:30"
        assert formats.instant(ramadan) == f"1er{NBSP}mars{NBSP}2026 à 23:30"
        assert formats.day(ordinary) == f"10{NBSP}janvier{NBSP}2026"


class _Refusal(DomainError):
    code = "test"
    message = "Du {day}, {amount} DH au taux de {rate} pour {period}."


def test_a_sentence_writes_its_facts():
    refusal = _Refusal(
        day=datetime.date(2026, 2, 1),
        amount=Decimal("1234.50"),
        rate=Decimal("0.0448"),
        period=Period(2026, 1),
    )
    with translation.override("fr"):
        assert formats.sentence(refusal) == (
            f"Du 1er{NBSP}février{NBSP}2026, 1{NNBSP}234,50 DH au taux de 0,0448 pour janvier{NBSP}2026."
        )


def test_a_stored_sentence_translates_the_facts_that_are_messages():
    said = Sentence("{what} : {n}", {"what": "Adresse électronique", "n": "3"}, ("what",))
    with translation.override("fr"):
        assert formats.sentence(said) == "Adresse électronique : 3"
