"""« make run » on a PostgreSQL of somebody else: it makes the roles that it lacks, or says exactly what to ask for."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg2
import pytest

from damancom import embedded
from damancom.embedded import CHECKOUT
from damancom.processes import Family

PASSWORD = "somebody-elses-password"


@dataclass(frozen=True)
class External:
    """A server as an administrator hands it over: a superuser, accounts, none of our roles."""

    host: str
    superuser: str

    def url(self, account: str) -> str:
        return f"postgres://{account}:{quote(PASSWORD)}@{self.host}/{account}"

    def run(self, statements: str) -> None:
        with contextlib.closing(psycopg2.connect(self.superuser)) as line:
            line.autocommit = True
            for statement in filter(None, map(str.strip, statements.split(";"))):
                line.cursor().execute(statement)

    def ask(self, url: str, question: str) -> object:
        with contextlib.closing(psycopg2.connect(url)) as line, line.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone()[0]


@pytest.fixture(scope="module")
def server() -> Iterator[External]:
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent) / "elsewhere"
        home, family = embedded.find_home(folder), Family(folder / "services.json")
        try:
            ours = urlsplit(embedded.start_postgres(family, home, durable=False))
            superuser = ours._replace(
                netloc=ours.netloc.replace(f"{embedded.ROLE}:", "postgres:"), path="/postgres"
            )
            yield External(ours.netloc.rpartition("@")[2], superuser.geturl())
        finally:
            family.stop_all()
            embedded.reset(folder)


@pytest.fixture
def external(server: External) -> External:
    """Without our roles, whatever the test before left."""
    server.run(
        "DROP DATABASE IF EXISTS plain; DROP DATABASE IF EXISTS maker; DROP ROLE IF EXISTS plain;"
        "DROP ROLE IF EXISTS damancom_rows; DROP ROLE IF EXISTS damancom_desk; DROP ROLE IF EXISTS maker;"
        f"CREATE ROLE plain LOGIN PASSWORD '{PASSWORD}'; CREATE DATABASE plain OWNER plain;"
        f"CREATE ROLE maker LOGIN CREATEROLE PASSWORD '{PASSWORD}'; CREATE DATABASE maker OWNER maker"
    )
    return server


def program(url: str, *argv: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """One of our programs on that server, at somebody's terminal."""
    ours = {"REDIS_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "ALLOWED_HOSTS", "PUBLIC_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in ours} | {
        "DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0", "DJANGO_SETTINGS_MODULE": "damancom.settings.dev",
        **more,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-W", "ignore", *argv], cwd=CHECKOUT, env=environment,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


#: What « make run » does before the migrations.
MAKE_ROLES = (
    "import django; django.setup(); from damancom import row_walls; row_walls.make_roles();"
    "print(row_walls.what_is_missing())"
)
MAY_TAKE = (
    "SELECT bool_and(pg_has_role(current_user, oid, 'SET')) FROM pg_roles"
    " WHERE rolname IN ('damancom_rows', 'damancom_desk')"
)


def test_an_account_that_may_make_roles_makes_them_and_may_take_them(external: External) -> None:
    for _time in range(2):
        done = program(external.url("maker"), "-c", MAKE_ROLES)
        assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
    assert external.ask(external.url("maker"), MAY_TAKE) is True
    assert (
        external.ask(
            external.superuser,
            "SELECT count(*) FROM pg_roles WHERE rolname IN ('damancom_rows', 'damancom_desk')"
            " AND NOT (rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)",
        )
        == 2
    )


def test_an_account_that_may_not_is_told_exactly_what_to_ask_for(external: External) -> None:
    url = external.url("plain")
    refused = program(url, "-m", "damancom.start", "prepare")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    said = [line.strip() for line in refused.stderr.splitlines() if line.startswith("    ")]
    assert said == [
        "CREATE ROLE damancom_rows NOLOGIN;",
        "CREATE ROLE damancom_desk NOLOGIN;",
        'GRANT damancom_rows, damancom_desk TO "plain";',
    ]
    # Nothing was begun: what it could not make, it has not made half of.
    assert external.ask(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    # An administrator runs these words and no others; then it goes on.
    external.run("".join(said))
    done = program(url, "-c", MAKE_ROLES)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
    assert external.ask(url, MAY_TAKE) is True


def test_what_is_half_there_is_asked_for_by_half(external: External) -> None:
    external.run("CREATE ROLE damancom_rows NOLOGIN; GRANT damancom_rows TO plain")
    refused = program(external.url("plain"), "-m", "damancom.start", "prepare")
    said = [line.strip() for line in refused.stderr.splitlines() if line.startswith("    ")]
    assert said == ["CREATE ROLE damancom_desk NOLOGIN;", 'GRANT damancom_desk TO "plain";']


def test_without_the_second_wall_nothing_is_asked_for(external: External) -> None:
    done = program(external.url("plain"), "-c", MAKE_ROLES, ROW_WALLS="off")
    assert done.returncode == 0, done.stderr
    assert "CREATE ROLE damancom_rows NOLOGIN;" in done.stdout


@pytest.mark.slow
def test_the_tables_and_their_wall_go_up_there(external: External) -> None:
    url = external.url("maker")
    assert program(url, "-c", MAKE_ROLES).returncode == 0
    done = program(url, "manage.py", "migrate", "--verbosity", "0")
    assert done.returncode == 0, done.stderr[-2000:]
    assert external.ask(url, "SELECT count(*) > 100 FROM pg_policies") is True
