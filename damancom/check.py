"""``make check``: everything that can be judged without running the portal. Two checks at a time; all are run."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TEST = {"DJANGO_SETTINGS_MODULE": "damancom.settings.test"}
# What a real installation must say; the values are thrown away with the process.
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "damancom.settings.base",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "ALLOWED_HOSTS": "portail.example",
    "PUBLIC_URL": "https://portail.example",
    "DATABASE_URL": "postgres://damancom:kept-elsewhere@127.0.0.1:1/damancom",
    "REDIS_URL": "redis://:kept-elsewhere@127.0.0.1:1/0",
    "SIGNING_PEM_FILE": "/run/secrets/signing",
    "CREDITOR_NUMBER": "A0",
}


@dataclass(frozen=True)
class Check:
    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=lambda: TEST)


def checks() -> Iterable[Check]:
    """The slow one first, so that the others run beside it."""
    manage = [sys.executable, "manage.py"]
    tools = Path(sys.executable).parent
    yield Check("mypy", [sys.executable, "-m", "mypy"])
    yield Check("ruff", [sys.executable, "-m", "ruff", "check", "."])
    yield Check("ruff format", [sys.executable, "-m", "ruff", "format", "--check", "."])
    yield Check("import-linter", [sys.executable, str(tools / "lint-imports"), "--no-cache"])
    yield Check("djlint", [sys.executable, "-m", "djlint", "--lint", "--quiet", "templates"])
    yield Check(
        "makemigrations",
        [sys.executable, "-W", "ignore", "manage.py", "makemigrations", "--check", "--dry-run"],
        TEST | {"DATABASE_URL": PRODUCTION["DATABASE_URL"]},
    )
    yield Check(
        "check --deploy", [*manage, "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION
    )
    yield Check("arabic", [sys.executable, "-m", "damancom.messages", "check"])


def main() -> int:
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=2) as pool:
        failed = sum(not passed for passed in pool.map(_run, checks()))
    seconds = time.monotonic() - started
    print(
        f"{failed} check(s) failed in {seconds:.0f} s"
        if failed
        else f"All checks passed in {seconds:.0f} s"
    )
    return 1 if failed else 0


def _run(check: Check) -> bool:
    started = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=CHECKOUT,
        env={**os.environ, **check.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    passed = done.returncode == 0
    line = f"{'ok  ' if passed else 'FAIL'} {check.name} ({time.monotonic() - started:.1f} s)\n"
    sys.stdout.write(line if passed else f"{line}{done.stdout}\n")
    sys.stdout.flush()
    return passed


if __name__ == "__main__":
    sys.exit(main())
