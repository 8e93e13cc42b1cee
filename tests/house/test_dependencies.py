"""What the portal imports is what `make run` and the image install, not what the tests bring along."""

import ast
import functools
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from damancom.embedded import CHECKOUT
from tests.house.test_code import ROOMS


@functools.cache
def installed_to_run() -> set[str]:
    text = (CHECKOUT / "requirements-run.txt").read_text("utf-8")
    return {
        _plain(name)
        for name in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", text, re.MULTILINE)
    }


def imported_by(path: Path) -> set[str]:
    """The first word of each module that a file imports by its whole name, whether or not it is a type's only."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def missing(names: set[str]) -> set[str]:
    """Those among third-party modules that the lock of `make run` does not hold."""
    ours = {*ROOMS, *sys.stdlib_module_names}
    makers, there = _makers(), installed_to_run()
    return {
        name
        for name in names - ours
        if not {_plain(maker) for maker in makers.get(name, [name])} & there
    }


@functools.cache
def _makers() -> dict[str, list[str]]:
    return dict(packages_distributions())


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_whatever_the_portal_imports_is_locked_to_run() -> None:
    astray = {}
    for package in ROOMS:
        for path in (CHECKOUT / package).rglob("*.py"):
            if gone := missing(imported_by(path)):
                astray[str(path.relative_to(CHECKOUT))] = gone
    assert astray == {}


def test_what_only_tests_bring_is_told_apart() -> None:
    assert missing({"pytest", "hypothesis", "django", "json", "portal"}) == {"pytest", "hypothesis"}
