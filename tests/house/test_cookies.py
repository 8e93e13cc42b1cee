"""In production every cookie is bound to this host, travels by https only, and no script or log need read it."""

import ast
import json
import os
import subprocess
import sys

from django.conf import settings

from damancom.check import PRODUCTION

READ = """
import json, sys
from django.conf import settings
names = [name for name in dir(settings) if "_COOKIE_" in name] + ["MESSAGE_STORAGE", "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD", "SECURE_SSL_REDIRECT", "SECURE_REFERRER_POLICY",
    "X_FRAME_OPTIONS", "SECURE_CONTENT_TYPE_NOSNIFF", "CSRF_USE_SESSIONS", "SECOND_FACTOR_REQUIRED",
    "BANK_SIGNATURES_REQUIRED", "TRUSTED_PROXIES"]
json.dump({name: getattr(settings, name) for name in names}, sys.stdout, default=str)
"""
#: Code of ours that may reach a browser.
ROOMS = ("portal", "affiliates", "declarations", "payments", "disputes", "certificates", "damancom")


def production() -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env={**PRODUCTION, "PATH": os.environ["PATH"]},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_each_cookie_of_production_is_of_this_host_alone() -> None:
    told = production()
    kinds = {name.removesuffix("_COOKIE_NAME") for name in told if name.endswith("_COOKIE_NAME")}
    assert kinds == {"SESSION", "CSRF", "LANGUAGE", "KNOWN_BROWSER"}
    for kind in kinds:
        assert str(told[f"{kind}_COOKIE_NAME"]).startswith("__Host-"), kind
    # What the browsers ask of such a name: secure, the whole site, no domain. The fourth is set by our own call.
    for kind in kinds - {"KNOWN_BROWSER"}:
        flags = [told[f"{kind}_COOKIE_{flag}"] for flag in ("SECURE", "PATH", "DOMAIN", "HTTPONLY")]
        assert flags == [True, "/", None, True], kind
        assert told[f"{kind}_COOKIE_SAMESITE"] == "Lax", kind
    assert told["MESSAGE_STORAGE"] == "django.contrib.messages.storage.session.SessionStorage"


def test_what_else_production_says_of_itself() -> None:
    told = production()
    assert (told["SECURE_HSTS_SECONDS"], told["SECURE_HSTS_INCLUDE_SUBDOMAINS"]) == (
        31_536_000,
        True,
    )
    assert told["SECURE_SSL_REDIRECT"] is told["SECURE_CONTENT_TYPE_NOSNIFF"] is True
    assert (told["SECURE_REFERRER_POLICY"], told["X_FRAME_OPTIONS"]) == ("same-origin", "DENY")
    assert told["SECOND_FACTOR_REQUIRED"] is told["BANK_SIGNATURES_REQUIRED"] is True
    # Nobody is believed about where they come from before the installation says how many proxies are its own.
    assert told["TRUSTED_PROXIES"] == 0


def test_no_cookie_is_set_under_a_name_of_its_own() -> None:
    """A cookie that the settings do not name would be none of the above."""
    named = []
    for room in ROOMS:
        for path in (settings.BASE_DIR / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                if node.func.attr in {"set_cookie", "set_signed_cookie"}:
                    named.append((path.name, ast.unparse(node.args[0])))
                    assert any(word.arg == "secure" for word in node.keywords), path
    assert sorted(named) == [
        ("preferences.py", "settings.LANGUAGE_COOKIE_NAME"),
        ("second_step.py", "settings.KNOWN_BROWSER_COOKIE_NAME"),
    ]
