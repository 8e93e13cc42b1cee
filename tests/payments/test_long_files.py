"""What keeps a long file short: nothing asked line by line that a chunk can ask at once, and turns for what must be."""

import io
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.codecs import reading
from payments.codecs.records import ReadingProfile
from payments.ledger_check import check
from payments.models import BankLine
from payments.workflows.bank_files import due_files, import_file, importing
from portal import clock
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.factories import file_of, pay, received, slip

pytestmark = pytest.mark.django_db
D = Decimal


def returned(ref: str) -> str:
    reason = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
    return entry("100.00", sign="DBIT", ref=ref, txs=details(ref=ref, extra=reason))


def queries_of(cast: Cast, data: bytes) -> int:
    with CaptureQueriesContext(
        connection,
    ) as told:
        assert received(cast.bank, cast.bank_account, data).state == "done"
    return len(told)


def test_entries_without_details_are_looked_up_together(cast: Cast) -> None:
    few, many = (
        file_of(cast, *(entry(ref=f"{name}{rank}") for rank in range(count)), message_id=name)
        for name, count in (("A", 2), ("B", 60))
    )
    queries_of(cast, file_of(cast, entry(ref="Z"), message_id="Z"))
    assert queries_of(cast, few) == queries_of(cast, many)


def test_reversals_that_can_still_find_nothing_are_not_tried_again(cast: Cast) -> None:
    queries_of(cast, file_of(cast, entry(ref="Z"), message_id="Z"))
    before = queries_of(cast, file_of(cast, entry(ref="A"), message_id="A"))
    orphans = file_of(cast, *(returned(f"LOST{rank}") for rank in range(20)), message_id="B")
    queries_of(cast, orphans)
    assert BankLine.objects.filter(verdict_code="L19").count() == 20

    assert queries_of(cast, file_of(cast, entry(ref="C"), message_id="C")) == before

    found = file_of(cast, entry("100.00", ref="LOST7", txs=details(ref="LOST7")), message_id="D")
    received(cast.bank, cast.bank_account, found)
    assert BankLine.objects.filter(verdict_code="L19").count() == 19
    assert check().breaches == ()


def test_a_long_file_of_returns_takes_several_turns(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    owed = [slip(cast.affiliate, Period(2026, month)) for month in (1, 2)]
    for rank, one in enumerate(owed):
        pay(cast, one, "100.00", ref=f"P{rank}", message=f"M{rank}")
    data = file_of(cast, returned("P0"), returned("P1"), message_id="BACK")
    instants = iter([0, 1, importing.TURN + 1])  # the second return is too late
    with monkeypatch.context() as patch:
        patch.setattr(importing.time, "monotonic", lambda: next(instants))
        patch.setattr(importing, "RETURNS", 1)
        bank_file = received(cast.bank, cast.bank_account, data)
    assert (bank_file.state, bank_file.attempts, bank_file.lines_done) == ("waiting", 0, 2)
    assert sorted(bank_file.lines.values_list("verdict", flat=True)) == ["", "ACC"]
    assert check().breaches == ()
    assert due_files(at=clock.now()) == [bank_file.pk]

    import_file(bank_file_id=bank_file.pk, at=clock.now())

    bank_file.refresh_from_db()
    assert (bank_file.state, bank_file.attempts) == ("done", 1)
    for one in owed:
        one.refresh_from_db()
    assert [one.outstanding for one in owed] == [D("100.00")] * 2
    assert check().breaches == ()


def test_lines_set_aside_are_the_lines_of_the_file() -> None:
    """The worker that judged a file does not parse it again; one that takes it up after a death does."""
    reason = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
    data = camt(
        *(entry(ref=f"A{rank}", value=None) for rank in range(600)),
        entry(
            "30.00",
            txs=details(amount="10.00", ref="B", extra=reason)
            + details(amount="20.00", text=("é",)),
        ),
    )
    with reading.open_file(io.BytesIO(data), ReadingProfile(), near=clock.today()) as opened:
        parsed = list(reading.lines(opened))
        assert not reading.inspect(opened).faults.refuses
        assert opened.spool is not None
        assert opened.spool.whole
        assert (list(reading.lines(opened)), len(parsed)) == (parsed, 602)
    wrong = data.replace(b">30.00<", b">3e1<")
    with reading.open_file(io.BytesIO(wrong), ReadingProfile(), near=clock.today()) as opened:
        assert reading.inspect(opened).faults.refuses
        assert opened.spool is not None
        assert not opened.spool.whole
