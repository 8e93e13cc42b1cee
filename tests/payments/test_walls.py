"""What the database refuses when Python is wrong: the walls of the ledger."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction

from payments import posting
from payments.enums import AccountKind, EntryKind
from payments.models import LedgerAccount, LedgerEntry, LedgerLine
from payments.posting import Account, PostedLine, Posting
from payments.workflows.ledger import Event, post
from tests.cast import Cast
from tests.payments.camt_files import entry
from tests.payments.factories import file_of, pay, received, slip

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        yield


def at_commit(act: Callable[[], object]) -> None:
    """Do this in a transaction of its own and run the checks that wait for the commit."""
    with transaction.atomic():
        act()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_an_unbalanced_entry_is_refused(cast: Cast) -> None:
    slip(cast.affiliate)
    account = LedgerAccount.objects.first()

    def act() -> None:
        made = LedgerEntry.objects.create(kind="payment", booked_on=date(2026, 1, 1), cause="x")
        LedgerLine.objects.create(entry=made, account=account, debit=D("1.00"))

    with pytest.raises(IntegrityError, match="not balanced"):
        at_commit(act)


def test_an_entry_without_lines_is_refused(cast: Cast) -> None:
    facts = {"kind": "payment", "booked_on": date(2026, 1, 1), "cause": "x"}
    with pytest.raises(IntegrityError, match="has no line"):
        at_commit(lambda: LedgerEntry.objects.create(**facts))


@pytest.mark.parametrize(
    "table", ["payments_ledgerentry", "payments_ledgerline", "payments_allocation"]
)
@pytest.mark.parametrize("sql", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_books_only_grow(cast: Cast, table: str, sql: str) -> None:
    pay(cast, slip(cast.affiliate), "100.00")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute(sql.format(table))


def test_suspense_cannot_be_overdrawn(cast: Cast) -> None:
    line = received(
        cast.bank, cast.bank_account, file_of(cast, entry("50.00", ref="B1"))
    ).lines.get()
    received(cast.bank, cast.bank_account, file_of(cast, entry("70.00", ref="B2"), message_id="M2"))
    too_much = posting.suspense_assigned(line.pk, [], [(cast.affiliate.pk, D("50.01"))])
    with pytest.raises(IntegrityError, match="overdrawn"):
        at_commit(lambda: post(Event(too_much, "x", date(2026, 1, 1)), actor=None))


def test_suspense_names_its_bank_line(cast: Cast) -> None:
    nameless = Posting(
        EntryKind.PAYMENT,
        (
            PostedLine(Account(AccountKind.SUSPENSE), credit=D("1.00")),
            PostedLine(
                Account(AccountKind.BANK, bank_account=cast.bank_account.pk), debit=D("1.00")
            ),
        ),
    )
    with pytest.raises(IntegrityError, match="must name"):
        at_commit(lambda: post(Event(nameless, "y", date(2026, 1, 1)), actor=None))


def test_an_operation_is_in_the_books_once(cast: Cast) -> None:
    line = pay(cast, slip(cast.affiliate), "100.00")
    line.pk, line.rank = None, 2
    with pytest.raises(IntegrityError, match="bank_line_identity_once"):
        at_commit(lambda: line.save(force_insert=True))
