"""Production starts with everything it needs, or says in one sentence what is missing and does not start."""

import json
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

from damancom.check import PRODUCTION

SOURCE = (settings.BASE_DIR / "damancom" / "settings" / "base.py").read_text("utf-8")
#: Read without a default: nobody starts without them.
OBLIGATORY = re.findall(
    r'env\.(?:text|secret|address|words|reference)\(\s*"(\w+)"(?:\)|, (?:minimum|longest))', SOURCE
)
EXAMPLES = (
    "for-this-machine-only-for-this-machine-only-for-this-machine-only",
    "only-for-tests-only-for-tests-only-for-tests-only-for-tests",
    "only-while-the-image-is-made-only-while-the-image-is-made",
    "changeme" * 8, "a" * 64, "0123456789" * 6, "secret", "short",
)  # fmt: skip
GOOD = {"SECRET_KEY": "kY7-pQ2_vX9mZ4wB8nC1dF6gH3jL5rT0sUaEiOyWxKqRtPzVbNc"}
REFUSED = [
    *[(name, value) for name in OBLIGATORY for value in (None, "", "  ")],
    *[("SECRET_KEY", value) for value in EXAMPLES],
    *[("METRICS_TOKEN", value) for value in ("short", "secret", "a" * 40)],
    *[("CREDITOR_NUMBER", value) for value in ("CNSS", "EXEMPLE", "minuscules", "X" * 36)],
    ("ROW_WALLS", "perhaps"), ("EMAIL_SECURITY", "yes"), ("EMAIL_PORT", "smtp"), ("TRUSTED_PROXIES", "-1"),
    ("SECOND_FACTOR_REQUIRED", "maybe"), ("STATEMENT_TIMEOUT_SECONDS", "ten"), ("DATABASE_URL", "mysql://h/d"),
    ("DATABASE_URL", "postgres://damancom_app:changeme@postgres/damancom"),
    ("DATABASE_URL", "postgres://damancom:damancom@postgres/damancom"),
    ("REDIS_URL", "redis://:password@redis:6379/0"),
]  # fmt: skip
TAKEN = [
    ("SECRET_KEY", GOOD["SECRET_KEY"]),
    ("METRICS_TOKEN", "Zx8Lq2Nv5Rb9Tc3Wd7Yf1Hg6Jk4Mp0Qs"),
    ("ROW_WALLS", "whole"),
    ("DATABASE_URL", "postgres:///damancom?host=/run/postgresql"),
    ("REDIS_URL", "redis://redis:6379/0"),
]
#: Imports the settings again and again, each time with one value changed, in one process.
BOOT = """
import importlib, json, os, sys
from django.core.exceptions import ImproperlyConfigured
told = []
for name, value in json.load(sys.stdin):
    kept = dict(os.environ)
    os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value
    sys.modules.pop("damancom.settings.base", None)
    try:
        loaded = importlib.import_module("damancom.settings.base")
        told.append("DEBUG" if loaded.DEBUG or loaded.DEMO_ALLOWED else "")
    except ImproperlyConfigured as refusal:
        told.append(str(refusal))
    os.environ.clear()
    os.environ.update(kept)
json.dump(told, sys.stdout)
"""


@pytest.fixture(scope="module")
def told() -> dict[tuple[str, str | None], str]:
    cases = [*REFUSED, *TAKEN]
    done = subprocess.run(
        [sys.executable, "-c", BOOT],
        input=json.dumps(cases),
        env={**PRODUCTION, **GOOD, "PATH": os.environ["PATH"]},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(cases, json.loads(done.stdout), strict=True))


def test_the_matrix_has_a_row_for_every_obligatory_setting() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "PUBLIC_URL"} <= set(OBLIGATORY)  # fmt: skip
    assert set(OBLIGATORY) <= set(PRODUCTION)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_it_does_not_start(
    name: str, value: str | None, told: dict[tuple[str, str | None], str]
) -> None:
    sentence = told[name, value]
    assert name in sentence
    # The sentence names the setting, and repeats no secret.
    if value and len(value) > 20 and name != "CREDITOR_NUMBER":
        assert value not in sentence


@pytest.mark.parametrize(("name", "value"), TAKEN)
def test_it_starts(name: str, value: str, told: dict[tuple[str, str | None], str]) -> None:
    assert told[name, value] == ""


def test_debug_cannot_be_asked_for() -> None:
    """No variable of the environment turns it on, nor lets the demonstration in."""
    assert re.findall(r"^DEBUG = (.*)$", SOURCE, re.MULTILINE) == ["False"]
    assert re.findall(r"^DEMO_ALLOWED = (.*)$", SOURCE, re.MULTILINE) == ["False"]
