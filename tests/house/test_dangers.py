"""Local rules on what a reviewer must never have to look for, each with a bad sample that it catches.

Beside them ruff's S rules, which are bandit's, run in ``make check`` (docs/decisions/security-rules.md).
"""

import ast
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
