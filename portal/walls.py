"""Whose rows the database may show: the second wall, behind the doorways.

Each doorway says in whose name the statements that follow are asked: everything (a worker, the staff, a bank, a page of
several firms) or the rows of one affiliate (its pages and its acts). For the latter the statements run as a role which
owns nothing and bypasses nothing, and PostgreSQL itself shows that affiliate's rows and no other
(damancom.row_walls holds the policies, docs/decisions/row-walls.md the reasons).

Nothing has to be undone: before each statement the role that its context asks for is compared with the one that stands,
so a connection that is used again carries nothing over. In a transaction the role is set for that transaction alone.
"""

from __future__ import annotations

import contextlib
import io
import secrets
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Protocol

from django.conf import settings
from django.db import connection
from django.db.backends.signals import connection_created
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INTRANS

#: Sees the rows of the affiliate that SETTING names.
ROWS_ROLE: Final = "damancom_rows"
#: Sees every row; the login role of production owns and sees nothing by itself.
DESK_ROLE: Final = "damancom_desk"
SETTING: Final = "damancom.affiliate"

_EVERYTHING: Final = "everything"
_context: ContextVar[str] = ContextVar("rows", default="")

#: A role and an affiliate, as they stand on a connection.
_Standing = tuple[str, str]
_NOBODY: Final[_Standing] = ("none", "")


@contextlib.contextmanager
def everything() -> Iterator[None]:
    """What is asked in this block concerns everybody: a worker, the staff, a bank, a page of several firms."""
    token = _context.set(_EVERYTHING)
    try:
        yield
    finally:
        _context.reset(token)


@contextlib.contextmanager
def rows_of(affiliate_id: int) -> Iterator[None]:
    """What is asked in this block concerns one affiliate: the database shows the rows of no other."""
    token = _context.set(str(int(affiliate_id)))
    try:
        yield
    finally:
        _context.reset(token)


class Doors:
    """A request begins open; the doorway of an affiliate (affiliates.access) closes all but its rows."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with everything():
            return self.get_response(request)


@dataclass(slots=True)
class _Known:
    """What stands on one connection: for its session, and for the transaction under way (None: not known)."""

    session: _Standing = _NOBODY
    transaction: _Standing | None = None


_known: weakref.WeakKeyDictionary[Any, _Known] = weakref.WeakKeyDictionary()


def _wanted() -> _Standing:
    asked = _context.get()
    if asked == _EVERYTHING:
        return (DESK_ROLE, "") if settings.ROW_WALLS == "whole" else _NOBODY
    return (ROWS_ROLE, asked) if asked and settings.ROW_WALLS != "off" else _NOBODY


def stand(raw: Any) -> None:
    """Make a connection of psycopg2 what the context asks for."""
    known = _known.setdefault(raw, _Known())
    wanted = _wanted()
    if raw.autocommit:
        if known.session != wanted:
            _become(raw, wanted, local=False)
            known.session = wanted
        return
    _notice_a_new_transaction(raw, known)
    if known.transaction != wanted and raw.info.transaction_status in (
        TRANSACTION_STATUS_IDLE,
        TRANSACTION_STATUS_INTRANS,
    ):
        _become(raw, wanted, local=True)
        known.transaction = wanted


def _notice_a_new_transaction(raw: Any, known: _Known) -> None:
    if raw.info.transaction_status == TRANSACTION_STATUS_IDLE:
        known.transaction = known.session


def _become(raw: Any, wanted: _Standing, *, local: bool) -> None:
    role, affiliate = wanted
    with raw.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('role', %s, %s), set_config(%s, %s, %s)",
            [role, local, SETTING, affiliate, local],
        )


def _before_each(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    raw = context["connection"].connection
    words = sql[:20].upper() if isinstance(sql, str) else ""
    if words.startswith("SET TRANSACTION ISOL"):
        # Must be the first of its transaction.
        _notice_a_new_transaction(raw, _known.setdefault(raw, _Known()))
    elif not words.startswith(("ROLLBACK TO", "RELEASE")):
        stand(raw)
    answer = execute(sql, params, many, context)
    if words.startswith("ROLLBACK TO"):
        # What was set since the savepoint is undone with the rest.
        _known.setdefault(raw, _Known()).transaction = None
    return answer


def _guard(connection: Any, **_of_the_signal: Any) -> None:
    if _before_each not in connection.execute_wrappers:
        connection.execute_wrappers.append(_before_each)


connection_created.connect(_guard, dispatch_uid="portal.walls")


class Readable(Protocol):
    """What COPY reads from."""

    def read(self, size: int = -1, /) -> str: ...


def copy_into(
    table: str, columns: Sequence[str], text: Readable | io.StringIO, size: int = 8192
) -> None:
    """COPY rows into a table, whose name and columns are ours; inside a transaction.

    PostgreSQL takes no COPY into a table behind row policies: there the rows pass through a table of this transaction.
    """
    names = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor, connection.wrap_database_errors:
        stand(connection.connection)
        with connection.connection.cursor() as plain:
            plain.execute("SELECT row_security_active(%s)", [f'"{table}"'])
            (behind,) = plain.fetchone()
        if not behind:
            cursor.copy_expert(f'COPY "{table}" ({names}) FROM STDIN', text, size)
            return
        draft = f"draft_{secrets.token_hex(6)}"
        cursor.execute(f'CREATE TEMPORARY TABLE {draft} AS SELECT {names} FROM "{table}" LIMIT 0')  # noqa: S608
        cursor.copy_expert(f"COPY {draft} ({names}) FROM STDIN", text, size)
        cursor.execute(f'INSERT INTO "{table}" ({names}) SELECT {names} FROM {draft}')  # noqa: S608
        cursor.execute(f"DROP TABLE {draft}")
