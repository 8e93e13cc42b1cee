"""Real transactions against each other: what two people or two workers do at once is done once."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection, connections

from payments.errors import NothingToAssign
from payments.ledger_check import check
from payments.models import BankFile, BankLine, LedgerEntry, PaymentSlip
from payments.queries import slip_facts, suspense_of
from payments.workflows.allocations import Part, assign
from payments.workflows.bank_files import import_file
from payments.workflows.slips import issue_slip, use_credit
from regulation.errors import DomainError
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.factories import received, slip, submitted

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run these at the same time, each on its own connection; what each returned or raised."""
    barrier = threading.Barrier(len(acts))
    results: list[object] = [None] * len(acts)

    def run(place: int) -> None:
        barrier.wait()
        try:
            results[place] = acts[place]()
        except DomainError as refusal:
            results[place] = refusal
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def file_of(cast: Cast, *entries: str, message_id: str = "M1") -> bytes:
    return camt(*entries, account=cast.bank_account.rib, message_id=message_id).replace(
        b"2026-04-10", b"2026-11-20"
    )


def test_eight_workers_issue_one_slip(cast: Cast) -> None:
    declaration = submitted(cast.affiliate)
    results = at_once(
        *[lambda: issue_slip(actor=None, declaration_id=declaration.pk, at=AT).pk for _ in range(8)]
    )
    assert len(set(results)) == 1
    assert (PaymentSlip.objects.count(), LedgerEntry.objects.count()) == (1, 1)


def test_two_workers_on_one_file_settle_it_once(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    rf = slip_facts(owed).creditor_reference
    entries = [entry("1.00", ref=f"A{n}", txs=details(ref=f"T{n}", rf=rf)) for n in range(60)]
    bank_file = received(cast.bank, cast.bank_account, file_of(cast, *entries), read=False)
    at_once(*[lambda: import_file(bank_file_id=bank_file.pk, at=AT) for _ in range(3)])
    bank_file.refresh_from_db()
    owed.refresh_from_db()
    assert (bank_file.state, owed.outstanding, BankLine.objects.count()) == ("done", D("40.00"), 60)
    assert check().breaches == ()


def test_the_same_operation_in_two_files_read_at_once_counts_once(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    rf = slip_facts(owed).creditor_reference
    operation = entry("60.00", ref="A1", txs=details(ref="T1", rf=rf))
    files = [
        received(
            cast.bank, cast.bank_account, file_of(cast, operation, message_id=f"M{n}"), read=False
        )
        for n in range(4)
    ]
    at_once(*[lambda pk=one.pk: import_file(bank_file_id=pk, at=AT) for one in files])
    owed.refresh_from_db()
    verdicts = sorted(BankLine.objects.values_list("verdict", flat=True))
    assert (owed.outstanding, verdicts) == (D("40.00"), ["ACC", "DBL", "DBL", "DBL"])
    assert BankFile.objects.filter(state="done").count() == 4


def test_payments_of_one_slip_from_many_files_lose_nothing(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    rf = slip_facts(owed).creditor_reference
    files = [
        received(
            cast.bank,
            cast.bank_account,
            file_of(cast, entry("30.00", txs=details(ref=f"T{n}", rf=rf)), message_id=f"M{n}"),
            read=False,
        )
        for n in range(4)
    ]
    at_once(*[lambda pk=one.pk: import_file(bank_file_id=pk, at=AT) for one in files])
    owed.refresh_from_db()
    assert owed.outstanding == 0
    assert check().breaches == ()


def test_two_clerks_assign_one_sum_once(cast: Cast) -> None:
    first, second = slip(cast.affiliate), slip(cast.affiliate, Period(2026, 2))
    line = received(
        cast.bank, cast.bank_account, file_of(cast, entry("50.00", ref="A1"))
    ).lines.get()
    results = at_once(
        *[
            lambda code=one.payment_reference: assign(
                actor=cast.treasurer, line_id=line.pk, parts=[Part(D("50.00"), code)], at=AT
            )
            for one in (first, second)
        ]
    )
    assert sorted(type(result) for result in results if result) == [NothingToAssign]
    assert suspense_of(line.pk) == 0
    assert check().breaches == ()


def test_a_credit_is_spent_once(cast: Cast) -> None:
    paid = slip(cast.affiliate)
    rf = slip_facts(paid).creditor_reference
    received(
        cast.bank, cast.bank_account, file_of(cast, entry("150.00", txs=details(ref="T1", rf=rf)))
    )
    others = [slip(cast.affiliate, Period(2026, month)) for month in (2, 3, 4)]
    results = at_once(
        *[
            lambda pk=one.pk: use_credit(
                actor=cast.owner, affiliate=cast.affiliate, slip_id=pk, at=AT
            )
            for one in others
        ]
    )
    assert sum(result for result in results if isinstance(result, Decimal)) == D("50.00")
    assert check().breaches == ()


def test_without_the_lock_the_race_is_real(cast: Cast) -> None:
    """The positive control: reading then writing what remains, without a lock, loses a payment."""
    owed = slip(cast.affiliate)
    both_read = threading.Barrier(2)

    def careless() -> None:
        row = PaymentSlip.objects.get(pk=owed.pk)
        both_read.wait()
        row.outstanding -= D("30.00")
        row.save(update_fields=["outstanding"])

    at_once(careless, careless)
    owed.refresh_from_db()
    assert owed.outstanding == D("70.00")
    assert connection.vendor == "postgresql"
