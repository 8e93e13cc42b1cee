"""The walls of the ledger go down to their former shape and up again; no migration of ours is a one-way street."""

from collections.abc import Callable
from importlib import import_module

import pytest
import time_machine
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from tests.cast import Cast
from tests.payments import test_walls

pytestmark = pytest.mark.django_db

ROOMS = ("portal", "affiliates", "declarations", "payments", "disputes", "certificates")
LATER = import_module("payments.migrations.0012_walls_by_statement")

WALLS = """
SELECT tgname, pg_get_triggerdef(t.oid), pg_get_functiondef(tgfoid)
FROM pg_trigger t WHERE tgrelid = 'payments_ledgerline'::regclass AND NOT tgisinternal ORDER BY tgname
"""


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def walls() -> dict[str, tuple[str, str]]:
    """The triggers of the lines of the ledger, each with its definition and that of its function."""
    with connection.cursor() as cursor:
        cursor.execute(WALLS)
        return {name: (trigger, function) for name, trigger, function in cursor.fetchall()}


def test_the_walls_by_statement_go_down_to_walls_by_row_and_up_again(cast: Cast) -> None:
    now = walls()
    run(LATER.BY_ROW_AGAIN)
    former = walls()
    assert former.keys() - now.keys() == {"suspense_names_bank_line"}
    for name in LATER.BY_ROW:
        assert "CONSTRAINT TRIGGER" in former[name][0]
        assert "DEFERRABLE INITIALLY DEFERRED" in former[name][0]
    run(LATER.DROP_BY_ROW + LATER.BY_STATEMENT)
    assert walls() == now


@pytest.mark.parametrize(
    "refusal",
    [
        test_walls.test_an_unbalanced_entry_is_refused,
        test_walls.test_suspense_cannot_be_overdrawn,
        test_walls.test_suspense_names_its_bank_line,
    ],
)
def test_the_former_walls_refuse_the_same(cast: Cast, refusal: Callable[[Cast], None]) -> None:
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        run(LATER.BY_ROW_AGAIN)
        refusal(cast)


def test_every_migration_of_ours_can_be_undone() -> None:
    one_way = [
        f"{migration.app_label}.{migration.name}"
        for migration in MigrationLoader(connection).disk_migrations.values()
        if migration.app_label in ROOMS
        and not all(operation.reversible for operation in migration.operations)
    ]
    assert one_way == []
