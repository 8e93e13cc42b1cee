"""Every verb of every room leaves its entry in the transaction of the act, or the act fails.

The year of the demonstration is lived through the workflows while each of them is watched. What it writes without a
trace must stand below with its reason; and each is once done while the database takes no entry: it must fail, and
leave every row of every table as it was. What the demonstration does not live is read instead: it must lead to the
writing of an entry, within a transaction.
"""

import ast
import contextlib
import functools
import importlib
import inspect
import pkgutil
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from damancom.demo import build
from portal import audit
from portal.models import AuditEntry
from tests.affiliates.factories import UserFactory
from tests.house.test_code import HOUSE
from tests.house.test_nothing_personal import NOW

ROOMS = (
    "damancom", "certificates", "disputes", "payments", "declarations", "affiliates", "portal",
)  # fmt: skip
Verb = Callable[..., Any]
#: What changes a row and leaves no entry of its own.
WITHOUT_ENTRY = {
    # A month found filed at last: the filing has its entry, the amount stays.
    "payments.workflows.penalties.assess_filing_penalty": {"payments_filingpenalty"},
    # Letters are rows that stay, with whom they were for and when.
    "declarations.workflows.reminders.send_reminders": {"portal_mail"},
    # Worked out again each night from what others did.
    "disputes.workflows.risks.measure_all": {"disputes_riskfact"},
}
#: What counts an attempt before it works.
CLAIMS = {
    "declarations.workflows.checks.check_file": "declarations_receivedfile",
    "payments.workflows.bank_files.importing.import_file": "payments_bankfile",
    "payments.workflows.debits.runs.write_run": "payments_debitrun",
}
#: Told who acts, for an act that another function writes down.
PARTS_OF_ACTS = {"take_step"}
_WRITES = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM|COPY)\s+"?(\w+)"?', re.IGNORECASE)
_OF_US = re.compile(rf"({'|'.join(ROOMS)}|mfa)_\w+")
_TRACE = AuditEntry._meta.db_table
#: The database refuses an entry while this setting says so.
_WALL = f"""
CREATE FUNCTION refuse_entry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_setting('test.no_trace', true) = 'yes' THEN RAISE EXCEPTION 'no trace today'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER no_trace BEFORE INSERT ON {_TRACE} FOR EACH ROW EXECUTE FUNCTION refuse_entry();
"""


def name_of(verb: Verb) -> str:
    return f"{verb.__module__}.{verb.__name__}"


def modules() -> Iterator[Any]:
    """Every module of the rooms."""
    for room in ROOMS:
        package = importlib.import_module(room)
        for found in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not re.search(r"migrations|settings|management|\.bootstrap|\.start$|\.wsgi", found.name):  # fmt: skip
                importlib.import_module(found.name)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ROOMS:
            yield module


def is_verb(one: object) -> bool:
    return (
        inspect.isfunction(one)
        and re.search(r"\.workflows(\.|$)", one.__module__) is not None
        and one.__module__.partition(".")[0] in ROOMS
        and not one.__name__.startswith("_")
        and not inspect.isgeneratorfunction(inspect.unwrap(one))
    )


class Watch:
    """Stands before each verb while the year is lived."""

    def __init__(self) -> None:
        self.inside = False
        self.traced: set[str] = set()
        self.silent: defaultdict[str, set[str]] = defaultdict(set)
        self.done_all_the_same: set[str] = set()
        self.left_something: dict[str, list[str]] = {}

    def before(self, verb: Verb) -> Verb:
        name = name_of(verb)

        @functools.wraps(verb)
        def watched(*args: Any, **words: Any) -> Any:
            def act() -> Any:
                for stream in (one for one in words.values() if hasattr(one, "seek")):
                    stream.seek(0)
                return verb(*args, **words)

            if self.inside:
                return verb(*args, **words)
            self.inside = True
            try:
                wrote: set[str] = set()
                point = transaction.savepoint()
                answer = self._seen(wrote, act)
                if _TRACE not in wrote:
                    self.silent[name] |= {one for one in wrote if _OF_US.fullmatch(one)}
                elif name not in self.traced:
                    self.traced.add(name)
                    transaction.savepoint_rollback(point)
                    self._refused(name, act)
                    return act()
                transaction.savepoint_commit(point)
                return answer
            finally:
                self.inside = False

        return watched

    @staticmethod
    def _seen(wrote: set[str], act: Callable[[], Any]) -> Any:
        def see(execute: Any, sql: Any, parameters: Any, many: bool, context: Any) -> Any:
            if found := _WRITES.match(str(sql)):
                wrote.add(found[1])
            return execute(sql, parameters, many, context)

        with connection.execute_wrapper(see):
            return act()

    def _refused(self, name: str, act: Callable[[], Any]) -> None:
        before = rows()
        point = transaction.savepoint()
        no_trace(True)
        try:
            with pytest.raises(DatabaseError, match="no trace today"):
                act()
        except pytest.fail.Exception:
            self.done_all_the_same.add(name)
        no_trace(False)
        after = rows()
        if changed := [table for table in after if after[table] != before[table]]:
            self.left_something[name] = changed
        transaction.savepoint_rollback(point)


def no_trace(on: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('test.no_trace', %s, false)", ["yes" if on else ""])


def rows() -> dict[str, Any]:
    """How many rows each table has and where they lie: any change of any row moves it."""
    tables = [one for one in connection.introspection.table_names() if _OF_US.fullmatch(one)]
    each = (
        f"SELECT '{table}', count(*), sum(hashtext(ctid::text)::bigint) FROM {table}"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        return {table: facts for table, *facts in cursor.fetchall()}


@pytest.fixture
def watch(db: None, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """The watch before every verb, under each name that a module knows it by."""
    one, known = Watch(), dict[Any, Verb]()
    for module in modules():
        for name, value in list(vars(module).items()):
            if is_verb(value):
                known.setdefault(value, one.before(value))
                monkeypatch.setattr(module, name, known[value])
    assert len(known) > 250
    with connection.cursor() as cursor:
        cursor.execute(_WALL)
    return one


@pytest.mark.slow
def test_what_is_written_is_traced_or_nothing_is_written(watch: Watch, tmp_path: Path) -> None:
    build.load(now=NOW, folder=tmp_path)
    assert len(watch.traced) > 50
    assert "affiliates.workflows.mandates.grant_mandate" in watch.traced
    assert watch.done_all_the_same == set()
    # The attempt is counted before the work, in a transaction of its own: it stays.
    assert watch.left_something == {name: [table] for name, table in CLAIMS.items()}
    silent = {name: tables for name, tables in watch.silent.items() if tables}
    unknown = {name: tables - WITHOUT_ENTRY.get(name, set()) for name, tables in silent.items()}
    assert {name: tables for name, tables in unknown.items() if tables} == {}


def test_the_watch_sees_a_verb_that_is_silent_and_one_that_goes_on(db: None) -> None:
    """The control."""
    user = UserFactory()

    def silent() -> None:
        type(user).objects.filter(pk=user.pk).update(full_name="Imane")

    def deaf() -> None:
        silent()
        with contextlib.suppress(DatabaseError), transaction.atomic():
            audit.record(actor=user, action="test.act", subject=user)

    with connection.cursor() as cursor:
        cursor.execute(_WALL)
    one = Watch()
    for verb in (silent, deaf):
        one.before(verb)()
    assert one.silent[name_of(silent)] == {"portal_user"}
    assert one.done_all_the_same == {name_of(deaf)}
    assert one.left_something == {name_of(deaf): ["portal_user"]}


# -- what the demonstration does not live ----------------------------------------------------------


def sources() -> Iterator[Path]:
    for room in ROOMS:
        yield from (path for path in sorted((HOUSE / room).rglob("*.py")) if "demo" not in path.parts)  # fmt: skip


def called_in(function: ast.FunctionDef) -> set[str]:
    """The names a function calls; what it writes in the trace stands as « audit »."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            of = getattr(getattr(node.func, "value", None), "id", "")
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            found.add("audit" if of == "audit" and name in ("record", "record_all") else name)
    return found


def acts(trees: Iterator[tuple[str, ast.AST]]) -> tuple[set[str], set[str]]:
    """The functions of workflows that are told who acts, and those of them that lead to no entry."""
    calls: defaultdict[str, set[str]] = defaultdict(set)
    told = set()
    for place, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                calls[node.name] |= called_in(node)
                words = {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
                if "workflows" in place and "actor" in words and not node.name.startswith("_"):
                    told.add(node.name)
    leads = {"audit"}
    while more := {name for name, inner in calls.items() if inner & leads} - leads:
        leads |= more
    return told, told - leads


def test_whoever_acts_is_written_down() -> None:
    told, silent = acts((str(path), ast.parse(path.read_text("utf-8"))) for path in sources())
    assert len(told) > 150
    assert silent == PARTS_OF_ACTS
    planted = ast.parse("def pay(*, actor, slip):\n    slip.save()")
    assert acts(iter([("payments/workflows/x.py", planted)]))[1] == {"pay"}


@pytest.mark.django_db(transaction=True)
def test_no_entry_is_written_outside_the_transaction_of_an_act() -> None:
    user = UserFactory()
    with pytest.raises(transaction.TransactionManagementError):
        audit.record(actor=user, action="test.act", subject=user)
    with pytest.raises(transaction.TransactionManagementError):
        audit.record_all(actor=user, action="test.act", acts=[audit.Act(user, "", {})])
    assert not AuditEntry.objects.exists()
