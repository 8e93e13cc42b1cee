"""The database is the last wall: each of its rules refuses something, whatever form or workflow was gone around.

Every constraint of every model is asked alone, the other rules of its table lifted: a row of the demonstration is
copied by SQL as it is (what may stand once) or with values that break the rule (what must hold), and PostgreSQL must
name this very rule.
"""

import datetime
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from affiliates import workflows as register
from affiliates.enums import AbsenceKind, Role
from affiliates.models import Employment, Membership
from damancom.demo import build
from tests.house.test_code import ROOMS
from tests.house.test_desk_trace import furnish
from tests.house.test_nothing_personal import NOW

#: Rows that are tried for each rule.
SOME = 12
#: What is put in a column to break a rule, by its kind.
VALUES: dict[str, tuple[Any, ...]] = {
    "CharField": ("", "zz", "0", "É"),
    "TextField": ("", "zz"),
    "EmailField": ("AB@EXEMPLE.MA",),
    "IntegerField": (-1, 0, 1, 13, 99, 32_000),
    "DecimalField": (-1, 0, 1, 99_999_999),
    "DateField": ("1990-01-15", "2026-01-15", "2090-01-15"),
    "DateTimeField": ("1990-01-15T00:00:00Z", "2090-01-15T00:00:00Z"),
    "BooleanField": (True, False),
    "JSONField": ("[]", "{}"),
}


def rules() -> Iterator[tuple[type[models.Model], models.BaseConstraint]]:
    for model in apps.get_models():
        if model.__module__.partition(".")[0] in ROOMS:
            yield from ((model, rule) for rule in model._meta.constraints)


def kind_of(field: "models.Field[Any, Any]") -> type:
    """Keys of other tables are of one kind."""
    return models.ForeignKey if field.is_relation else type(field)


def values_for(field: "models.Field[Any, Any]") -> Iterator[Any]:
    if field.null:
        yield None
    if field.is_relation:
        # Whether these rows are there is asked at the end of the transaction, which never comes.
        yield from (1, 2)
    for kind in type(field).__mro__:
        if kind.__name__ in VALUES:
            yield from VALUES[kind.__name__]
            break


def alone(cursor: Any, table: str, name: str) -> str:
    """Lift every other rule of the table; the definition of the one that stays."""
    cursor.execute(
        "SELECT c.relname, coalesce(k.conname, ''), pg_get_indexdef(c.oid) FROM pg_index AS i"
        " JOIN pg_class AS c ON c.oid = i.indexrelid LEFT JOIN pg_constraint AS k ON k.conindid = c.oid"
        " AND k.contype <> 'f'"
        " WHERE i.indrelid = %s::regclass AND (i.indisunique OR i.indisexclusion) AND NOT i.indisprimary",
        [table],
    )
    indexes = cursor.fetchall()
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype = 'c'",
        [table],
    )
    checks = cursor.fetchall()
    for index, constraint, _definition in indexes:
        if name not in (index, constraint):
            what = f'CONSTRAINT "{constraint}"' if constraint else ""
            cursor.execute(
                f'ALTER TABLE "{table}" DROP {what} CASCADE' if what else f'DROP INDEX "{index}"'
            )
    for constraint, _definition in checks:
        if constraint != name:
            cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{constraint}"')
    # What a trigger refuses first is not this rule.
    cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
    known = {index: said for index, _constraint, said in indexes} | dict(checks)
    known |= {constraint: said for _index, constraint, said in indexes if constraint}
    return known.get(name, "")


def copied(model: type[models.Model], key: int, changed: dict[str, Any]) -> str:
    """Copy a row with these columns changed; the name of the rule that refused it, or nothing."""
    columns = [one.column for one in model._meta.concrete_fields if not one.primary_key]
    told = ", ".join("%s" if column in changed else f'"{column}"' for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(
                    f'INSERT INTO "{table}" ({names}) SELECT {told} FROM "{table}" WHERE id = %s',
                    [*[changed[column] for column in columns if column in changed], key],
                )
                raise _Undo
        except IntegrityError as refusal:
            return str(refusal.__cause__.diag.constraint_name or "")  # type: ignore[union-attr]
        except (DatabaseError, _Undo):
            return ""


class _Undo(Exception):
    """Whatever was written goes."""


def refuses(model: type[models.Model], rule: models.BaseConstraint) -> bool | None:
    """Whether the database refuses what breaks the rule; None when no row is there to try."""
    rows = model._base_manager.all()
    condition = getattr(rule, "condition", None)
    if isinstance(rule, models.UniqueConstraint | ExclusionConstraint) and condition is not None:
        rows = rows.filter(condition)
    for name in getattr(rule, "fields", ()):
        # Nothing is not the same as nothing, unless the rule says so.
        if getattr(rule, "nulls_distinct", None) is not False:
            rows = rows.filter(**{f"{name}__isnull": False})
    keys = list(rows.order_by("-pk").values_list("pk", flat=True)[:SOME])
    if not keys:
        return None
    with connection.cursor() as cursor:
        said = alone(cursor, model._meta.db_table, rule.name)
    assert said, f"{rule.name} is not in the database"
    if isinstance(rule, models.UniqueConstraint | ExclusionConstraint):
        return any(copied(model, key, {}) == rule.name for key in keys)
    fields = [one for one in model._meta.concrete_fields if one.column in said]
    literals = re.findall(r"'([^']*)'::", said)
    for key in keys:
        row = model._base_manager.filter(pk=key).values().get()
        tried = {
            one.column: [
                *values_for(one),
                *(row[other.attname] for other in fields if kind_of(other) is kind_of(one) and other is not one),
                *(literals if isinstance(one, models.CharField) else ()),
            ]
            for one in fields
        }  # fmt: skip
        for count in (1, 2):
            for names in itertools.combinations(tried, count):
                for values in itertools.product(*(tried[name] for name in names)):
                    if copied(model, key, dict(zip(names, values, strict=True))) == rule.name:
                        return True
    return False


@pytest.mark.slow
def test_each_rule_of_each_table_refuses_what_breaks_it(db: None, tmp_path: Path) -> None:
    build.load(now=NOW, folder=tmp_path)
    furnish()
    owner = Membership.objects.filter(ended_at__isnull=True).order_by("pk")[0]
    register.invite(
        actor=owner.user, at=NOW, affiliate=owner.affiliate, email="salma@exemple.ma", full_name="Salma Tazi",
        role=Role.READER,
    )  # fmt: skip
    register.record_absence(
        actor=owner.user, at=NOW, employment=Employment.objects.filter(ended_on__isnull=True).order_by("pk")[0],
        kind=AbsenceKind.ILLNESS, starts_on=datetime.date(2026, 11, 2), ends_on=datetime.date(2026, 11, 8),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    toothless, untried = set(), set()
    asked = list(rules())
    for model, rule in asked:
        with transaction.atomic():
            found = refuses(model, rule)
            transaction.set_rollback(True)
        if found is None:
            untried.add(rule.name)
        elif not found:
            toothless.add(rule.name)
    assert len(asked) > 120
    assert toothless == set()
    # Some need two rows that no firm of the demonstration has; their rooms try them.
    assert len(untried) < len(asked) // 6, untried
