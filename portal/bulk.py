"""Many rows by one statement: Django's bulk_update and bulk_create are ten to forty times slower on a bank file."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar

from django.db import connection
from django.db.models import JSONField, Model
from django.db.models.base import ModelState

Row = TypeVar("Row", bound=Model)


def update_rows(rows: Sequence[Model], fields: Sequence[str]) -> None:
    """Write these fields of these rows (same model, saved before), in one UPDATE from arrays.

    Values travel as text and are cast by PostgreSQL to the type of their column.
    """
    if not rows:
        return
    meta = rows[0]._meta
    by_name = {field.name: field for field in meta.concrete_fields}
    columns = [by_name[name] for name in fields]
    arrays: list[list[str | None]] = [[str(row.pk) for row in rows]]
    for field in columns:
        values = [getattr(row, field.attname) for row in rows]
        if isinstance(field, JSONField):
            arrays.append([json.dumps(value) for value in values])
        else:
            arrays.append([None if value is None else str(value) for value in values])
    assignments = ", ".join(
        f'"{field.column}" = new.c{place}::{field.db_type(connection)}'
        for place, field in enumerate(columns)
    )
    names = ", ".join(f"c{place}" for place in range(len(columns)))
    places = ", ".join(["%s::text[]"] * len(arrays))
    # Every name comes from our own models; every value is a parameter.
    statement = (
        f'UPDATE "{meta.db_table}" SET {assignments}'  # noqa: S608
        f" FROM unnest({places}) AS new(id, {names})"
        f' WHERE "{meta.db_table}".id = new.id::bigint'
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, arrays)


def number_rows(rows: Sequence[Model]) -> None:
    """Give each new row of one model its key, in order, before it is inserted."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [rows[0]._meta.db_table, len(rows)],
        )
        for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = key


def made_from(model: type[Row], facts: Mapping[str, Any]) -> Row:
    """A new row from all its columns by name, as fast as a query makes one: many rows, and nothing to default.

    A column that is missing raises KeyError.
    """
    row = model.__new__(model)
    row.__dict__ = {name: facts[name] for name in _columns_of(model)}
    row._state = ModelState()
    return row


@cache
def _columns_of(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


def insert_rows(rows: Sequence[Model]) -> None:
    """Insert new rows of one model by COPY; those without a key get theirs, in order.

    For models whose fields need nothing but their value: defaults are those set when the row was made.
    """
    if not rows:
        return
    meta = rows[0]._meta
    columns = list(meta.concrete_fields)
    number_rows([row for row in rows if row.pk is None])
    names = [field.attname for field in columns]
    json_fields = [field.attname for field in columns if isinstance(field, JSONField)]

    def values() -> Iterator[list[Any]]:
        for row in rows:
            row._state.adding = False
            facts = row.__dict__
            if json_fields:
                facts = facts | {name: json.dumps(facts[name]) for name in json_fields}
            yield [facts[name] for name in names]

    insert_values(type(rows[0]), [str(field.column) for field in columns], values())


def insert_values(
    model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert by COPY what no object needs to be made for: values in the order of `columns`.

    Columns left out take the default of the database, the key among them.
    """
    text = io.StringIO()
    text.writelines("\t".join(map(_copied, row)) + "\n" for row in rows)
    if not text.tell():
        return
    text.seek(0)
    into = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(f'COPY "{model._meta.db_table}" ({into}) FROM STDIN', text)


_ESCAPES: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_TO_ESCAPE: Final = re.compile(r"[\\\t\n\r]").search


def _copied(value: Any) -> str:
    """One value in the text form of COPY."""
    if value is None:
        return r"\N"
    if not isinstance(value, str):
        return str(value)
    return value.translate(_ESCAPES) if _TO_ESCAPE(value) else value
