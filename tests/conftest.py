"""What every test gets: real services, strictness, a real worker and a real server for those that ask."""

from tests import environment

# isort: split

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.template import engines
from django.template.base import Node
from django.utils import translation
from hypothesis import settings as hypothesis_settings

from portal.errors import is_conflict
from tests.cast import cast
from tests.running import Server, Worker

__all__ = ["cast"]

# A busy machine is not a fault of the code: properties have no stopwatch, benchmarks do.
# The same code gets the same verdict, so the examples of a property are those of its text; to look for new ones:
# make test ARGS="--hypothesis-profile=explore".
hypothesis_settings.register_profile("house", deadline=None, derandomize=True)
hypothesis_settings.register_profile("explore", deadline=None, max_examples=1_000)
hypothesis_settings.load_profile("house")


def pytest_unconfigure() -> None:
    environment.stop()


def pytest_xdist_setupnodes() -> None:
    """Let each parallel process choose its Redis database before it reads the settings."""
    environment.forget_settings()


class UndefinedVariable(str):
    """Django's ``string_if_invalid``, which fails the test when the template is one of ours.

    Templates of Django's admin do use undefined variables; those keep their empty text.
    """

    def __new__(cls) -> "UndefinedVariable":
        return super().__new__(cls, "%s")

    def __mod__(self, variable: object) -> str:
        origin = _origin_of_the_node_being_rendered()
        if origin.is_relative_to(settings.BASE_DIR) and "site-packages" not in origin.parts:
            pytest.fail(f"undefined variable {{{{ {variable} }}}} in {origin}")
        return ""


def _origin_of_the_node_being_rendered() -> Path:
    frame = sys._getframe(2)
    while frame is not None:
        node = frame.f_locals.get("self")
        if isinstance(node, Node) and getattr(node, "origin", None) is not None:
            return Path(node.origin.name)
        frame = frame.f_back
    return Path("/unknown")


@pytest.fixture(autouse=True, scope="session")
def _no_undefined_template_variable() -> None:
    engines["django"].engine.string_if_invalid = UndefinedVariable()


@pytest.fixture(autouse=True)
def _each_test_begins_in_french() -> Iterator[None]:
    """The language of the last request would otherwise stay for the next test."""
    translation.activate("fr")
    yield
    translation.deactivate()


# On each table that a trigger of ours keeps from being emptied.
_TRIGGERS = """
DO $$ DECLARE guarded regclass; BEGIN
    FOR guarded IN
        SELECT DISTINCT tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal AND (tgtype & 32) > 0
    LOOP EXECUTE format('ALTER TABLE %s {} TRIGGER USER', guarded); END LOOP;
END $$
"""


@pytest.fixture(autouse=True, scope="session")
def _append_only_tables_can_be_emptied() -> Iterator[None]:
    """Between tests that commit, Django empties every table; the triggers that refuse it sleep meanwhile."""
    plain = DatabaseOperations.execute_sql_flush

    def flush(operations: DatabaseOperations, sql_list: list[str]) -> None:
        statements = [_TRIGGERS.format("DISABLE"), *sql_list, _TRIGGERS.format("ENABLE")]
        # The worker of another test may still be at its last task: whoever loses to it empties the tables again.
        for left in (3, 2, 1, 0):
            try:
                plain(operations, statements)
                break
            except OperationalError as error:
                if not left or not is_conflict(error):
                    raise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", flush)
        yield


@pytest.fixture(scope="session")
def _worker_process(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    with Worker.running(
        tmp_path_factory.mktemp("worker"), connection.settings_dict["NAME"]
    ) as worker:
        yield worker


@pytest.fixture
def worker(transactional_db: None, _worker_process: Worker) -> Iterator[Worker]:
    """A real Celery worker in its own process, on this test's database and a real Redis.

    The test sees its work with ``worker.wait_idle()``; what is still queued is finished before the tables are emptied.
    """
    _worker_process.forget_messages()
    yield _worker_process
    _worker_process.wait_idle()


@pytest.fixture(scope="session")
def _server_process(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with Server.running(
        tmp_path_factory.mktemp("server"), connection.settings_dict["NAME"]
    ) as server:
        yield server


@pytest.fixture
def server(transactional_db: None, _server_process: Server) -> Server:
    """The real web server in its own process, on this test's database: ``server.url``."""
    return _server_process
