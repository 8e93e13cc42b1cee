"""Many rows by one statement: Django's bulk_update and bulk_create are ten to forty times slower on a bank file."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeVar

from django.db import connection
from django.db.models import JSONField, Model
from django.db.models.base import ModelState

from portal import walls

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
            # The name of the sequence is looked up once: at every row it took longer than the number itself.
            "SELECT nextval(named.sequence) FROM (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS sequence"
            " OFFSET 0) AS named, generate_series(1, %s)",
            [rows[0]._meta.db_table, len(rows)],
        )
        name = rows[0]._meta.pk.attname
        for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
            row.__dict__[name] = key


def made_from(model: type[Row], facts: dict[str, Any]) -> Row:
    """A new row from all its columns by name, as fast as a query makes one: many rows, and nothing to default.

    `facts` becomes the row's own. A column that is missing, or one too many, raises KeyError.
    """
    if facts.keys() != _columns_of(model):
        raise KeyError(*sorted(facts.keys() ^ _columns_of(model)))
    row = model.__new__(model)
    row.__dict__ = facts
    row._state = ModelState()
    return row


@cache
def _columns_of(model: type[Model]) -> frozenset[str]:
    return frozenset(field.attname for field in model._meta.concrete_fields)


def insert_rows(rows: Sequence[Model]) -> None:
    """Insert new rows of one model by COPY; those without a key get theirs, in order.

    For models whose fields need nothing but their value: defaults are those set when the row was made.
    """
    if not rows:
        return
    columns = list(rows[0]._meta.concrete_fields)
    number_rows([row for row in rows if row.pk is None])
    values: list[Sequence[Any]] = []
    for field in columns:
        name = field.attname
        column = [row.__dict__[name] for row in rows]
        values.append(list(map(_as_json, column)) if isinstance(field, JSONField) else column)
    for row in rows:
        row._state.adding = False
    insert_columns(type(rows[0]), [str(field.column) for field in columns], values)


def insert_values(
    model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert by COPY what no object needs to be made for: values in the order of `columns`.

    Columns left out take the default of the database, the key among them.
    """
    values = list(zip(*rows, strict=True))
    if values:
        insert_columns(model, columns, values)


def insert_columns(
    model: type[Model], columns: Sequence[str], values: Sequence[Sequence[Any]]
) -> None:
    """The same, a sequence of values a column, all as long."""
    text = io.StringIO()
    lines = map("\t".join, zip(*map(_copied, values), strict=True))
    text.writelines(line + "\n" for line in lines)
    text.seek(0)
    walls.copy_into(model._meta.db_table, columns, text, _PIECE)


_PLAIN: Final = {int, bool, Decimal, date, datetime}
_PIECE: Final = 1 << 20
_NULL: Final = r"\N"
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_TO_ESCAPE: Final = re.compile(r"[\\\t\n\r]").search


def _as_json(value: Any) -> str:
    return str(value) if value == [] or value == {} else json.dumps(value)


def _copied(column: Sequence[Any]) -> Sequence[str]:
    """One column in the text form of COPY. Most hold one value throughout, or texts with nothing to escape."""
    if column.count(column[0]) == len(column):
        return [_copied_value(column[0])] * len(column)
    kinds = set(map(type, column))
    if kinds == {str} and not _TO_ESCAPE("".join(column)):
        return column
    return list(map(str if kinds <= _PLAIN else _copied_value, column))


def _copied_value(value: Any) -> str:
    if value is None:
        return _NULL
    if not isinstance(value, str):
        return str(value)
    return value.translate(_ESCAPES) if _TO_ESCAPE(value) else value
