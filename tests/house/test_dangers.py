"""Local rules on what a reviewer must never have to look for, each with a bad sample that it catches.

Beside them ruff's S rules, which are bandit's, run in ``make check`` (docs/decisions/security-rules.md).
"""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

HOUSE = Path(settings.BASE_DIR)
ROOMS = (
    "damancom", "certificates", "disputes", "payments", "declarations", "affiliates", "portal", "regulation",
)  # fmt: skip
SOURCES = sorted(path for room in ROOMS for path in (HOUSE / room).rglob("*.py"))
Rule = Callable[[ast.AST], Iterator[int]]


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def code_from_text(tree: ast.AST) -> Iterator[int]:
    """Text or bytes that become code or objects."""
    for name, call in calls(tree):
        if name in {"eval", "exec", "compile", "__import__"}:
            yield call.lineno
        if name.split(".")[0] in {"pickle", "marshal", "shelve", "dill"} or name in {
            "yaml.load",
            "yaml.unsafe_load",
        }:
            yield call.lineno


def shells(tree: ast.AST) -> Iterator[int]:
    """A shell between us and a program."""
    for name, call in calls(tree):
        if name in {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}:
            yield call.lineno
        for word in call.keywords:
            if word.arg == "shell" and not (
                isinstance(word.value, ast.Constant) and word.value.value is False
            ):
                yield call.lineno


def markup_from_text(tree: ast.AST) -> Iterator[int]:
    """Text declared safe for a page: only format_html and templates make markup."""
    for name, call in calls(tree):
        if name.split(".")[-1] in {"mark_safe", "SafeString", "SafeText"}:
            yield call.lineno


def doors_without_token(tree: ast.AST) -> Iterator[int]:
    """A form that any site could send: only the machines' interface, which has no session, does without."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Name | ast.Attribute)
            and dotted(node).split(".")[-1] == "csrf_exempt"
        ):
            yield node.lineno


def filters_from_outside(tree: ast.AST) -> Iterator[int]:
    """Fields of a query chosen by whoever asks: ``filter(**request.GET)``."""
    for name, call in calls(tree):
        if name.split(".")[-1] in {
            "filter",
            "exclude",
            "get",
            "order_by",
            "annotate",
            "update",
            "create",
        }:
            for word in call.keywords:
                said = ast.unparse(word.value)
                if word.arg is None and ("request." in said or "cleaned_data" in said):
                    yield call.lineno


def sql_from_outside(tree: ast.AST) -> Iterator[int]:
    """SQL that Django does not quote."""
    for name, call in calls(tree):
        if name.split(".")[-1] in {"extra", "raw", "RawSQL"} and (
            name.endswith((".raw", "RawSQL"))
            or any(word.arg in {"where", "select", "tables"} for word in call.keywords)
        ):
            yield call.lineno


def guessable(tree: ast.AST) -> Iterator[int]:
    """Chance that can be foretold, digests that can be forged."""
    for name, call in calls(tree):
        if name.split(".")[0] == "random" or name in {"hashlib.md5", "hashlib.sha1"}:
            yield call.lineno


def xml_doors(tree: ast.AST) -> Iterator[int]:
    """Another way to read XML than the doors that refuse what a document may not ask."""
    for name, call in calls(tree):
        if name.split(".")[-1] in {
            "fromstring",
            "iterparse",
            "XMLParser",
            "XMLPullParser",
            "parseString",
        } and (
            name.split(".")[0]
            in {"etree", "ElementTree", "ET", "lxml", "minidom", "sax", "html", "objectify"}
        ):
            yield call.lineno


def trusting_tls(tree: ast.AST) -> Iterator[int]:
    """A conversation with whoever answers."""
    for name, call in calls(tree):
        if name.endswith("_create_unverified_context"):
            yield call.lineno
        for word in call.keywords:
            if (
                word.arg in {"verify", "check_hostname"}
                and isinstance(word.value, ast.Constant)
                and word.value.value is False
            ):
                yield call.lineno


def early_comparisons(tree: ast.AST) -> Iterator[int]:
    """A secret compared with ==, which tells by its time how much of it was right."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(
            isinstance(one, ast.Eq | ast.NotEq) for one in node.ops
        ):
            names = {
                dotted(side).split(".")[-1]
                for side in (node.left, *node.comparators)
                if isinstance(side, ast.Name | ast.Attribute)
            }
            if names & {"token", "secret", "signature", "password"}:
                yield node.lineno


#: Each rule, a sample that it must catch, and the files that may do it: our own bytes read back from a nameless file,
#: a constant of ours, the one click of a letter (its link is signed), the invented names of the demonstration, the two
#: readers that refuse what a document may not ask, a password typed twice by one person.
RULES: dict[str, tuple[Rule, str, set[str]]] = {
    "code from text": (
        code_from_text,
        "import pickle\npickle.loads(data)",
        {"payments/codecs/reading.py"},
    ),
    "shells": (shells, "subprocess.run(command, shell=True)", set()),
    "markup from text": (markup_from_text, "mark_safe(name)", {"portal/templatetags/portal.py"}),
    "doors without token": (
        doors_without_token,
        "@csrf_exempt\ndef door(request): ...",
        {"portal/preferences.py"},
    ),
    "filters from outside": (filters_from_outside, "rows.filter(**request.GET.dict())", set()),
    "sql from outside": (sql_from_outside, "Row.objects.raw(text)", set()),
    "guessable": (guessable, "random.choice(letters)", {"damancom/demo/people.py"}),
    "xml doors": (
        xml_doors,
        "etree.fromstring(data)",
        {"payments/codecs/xml.py", "portal/sheets/xlsx.py"},
    ),
    "trusting tls": (trusting_tls, "requests.get(url, verify=False)", set()),
    "early comparisons": (early_comparisons, "if token == given: ...", {"affiliates/forms.py"}),
}


def found(rule: Rule) -> dict[str, list[int]]:
    lines = {
        str(path.relative_to(HOUSE)): list(rule(ast.parse(path.read_text("utf-8"))))
        for path in SOURCES
    }
    return {name: where for name, where in lines.items() if where}


@pytest.mark.parametrize("name", RULES)
def test_the_house_is_clean(name: str) -> None:
    rule, _sample, allowed = RULES[name]
    places = found(rule)
    assert {path: lines for path, lines in places.items() if path not in allowed} == {}
    # What is allowed is still done there: the list does not outlive its reasons.
    assert allowed <= set(places)


@pytest.mark.parametrize("name", RULES)
def test_each_rule_catches_its_bad_sample(name: str) -> None:
    rule, sample, _allowed = RULES[name]
    assert list(rule(ast.parse(sample)))


#: What a secret looks like, with a sample of each, and the files that may hold such a thing: examples that are refused
#: at the start, addresses of nobody.
SECRETS: dict[str, tuple[re.Pattern[str], str, set[str]]] = {
    "private key": (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+\w"),
        "-----BEGIN EC PRIVATE" + " KEY-----\nMHcCAQEE",
        set(),
    ),
    "known form": (
        re.compile(r"\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{36}\b|\bdmc_[0-9a-f]{12}_[\w-]{40,}"),
        "dmc_0123456789ab_" + "x" * 43,
        set(),
    ),
    "password in an address": (
        re.compile(r"\w+://[\w.-]*:(?!\$|\{|…)[^\s@/'\"{}$<>…]{4,}@"),
        "postgres://damancom:" + "Zx8Lq2Nv@db/damancom",
        {
            "damancom/check.py", "damancom/settings/env.py", "tests/damancom/test_start.py",
            "tests/house/test_boot.py",
        },
    ),
    "random": (
        re.compile(
            r"(?<![\w/+.:@-])(?=[\w+=-]*[a-z])(?=[\w+=-]*[A-Z])(?=(?:[A-Za-z_+=-]*\d){4})[A-Za-z0-9_+=-]{32,}(?![\w/.:-])"
        ),
        "Zx8Lq2Nv5Rb9Tc3" + "Wd7Yf1Hg6Jk4Mp0Qs",
        {
            "tests/house/test_boot.py",
            "tests/payments/test_signed_calls.py",  # the example of RFC 9421, published with it
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_stands_in_the_tree(name: str) -> None:
    pattern, sample, allowed = SECRETS[name]
    assert pattern.search(sample), "the bad sample is caught"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=HOUSE, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    read = [
        one
        for one in listed
        if one.endswith((".py", ".md", ".yml", ".yaml", ".toml", ".sql", ".sh", ".conf", ".html", ".js", ".env"))
        and not one.startswith("requirements") and (HOUSE / one).is_file()
    ]  # fmt: skip
    assert len(read) > 500
    holding = {
        one for one in read if pattern.search((HOUSE / one).read_text("utf-8", errors="replace"))
    }
    assert holding - allowed == set()
