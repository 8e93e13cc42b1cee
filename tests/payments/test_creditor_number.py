"""The number by which banks know the fund as a creditor is given, never invented."""

import os
import subprocess
import sys
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured

from damancom.check import PRODUCTION
from damancom.settings import env
from portal.storage import open_stored
from tests.cast import Cast
from tests.payments.debit_world import AT, sent, signed
from tests.payments.factories import slip

NAME = "CREDITOR_NUMBER"


def start_of_production(**changes: str | None) -> "subprocess.CompletedProcess[str]":
    said = {"PATH": os.environ["PATH"], **PRODUCTION, **changes}
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import damancom.settings.base as base; print(base.CREDITOR_NUMBER)",
        ],
        env={name: value for name, value in said.items() if value is not None},
        cwd=os.getcwd(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_production_does_not_start_without_it() -> None:
    refused = start_of_production(CREDITOR_NUMBER=None)
    assert refused.returncode == 1
    assert "CREDITOR_NUMBER est obligatoire" in refused.stderr
    assert start_of_production(CREDITOR_NUMBER="MA12CNSS34").stdout == "MA12CNSS34\n"


@pytest.mark.parametrize("value", ["CNSS", "EXEMPLE", "a1", "A 1", "١٢٣", "A" * 36, "É1"])
def test_an_example_or_what_no_file_may_hold_is_refused(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, value)
    with pytest.raises(ImproperlyConfigured, match=NAME):
        env.reference(NAME, longest=35)


@pytest.mark.django_db
@time_machine.travel(AT, tick=False)
def test_the_file_of_a_run_bears_it(cast: Cast, settings: Any) -> None:
    settings.CREDITOR_NUMBER = "MA99ZZZ0042"
    signed(cast, slip(cast.affiliate))
    with open_stored(sent(cast).stored) as stored:
        written = stored.read().decode()
    assert "<InitgPty><Nm>CAISSE NATIONALE DE SECURITE SOCIALE</Nm>" in written
    assert "<OrgId><Othr><Id>MA99ZZZ0042</Id></Othr></OrgId>" in written
