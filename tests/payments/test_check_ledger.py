"""`check_ledger` says yes after a month of everything, and no to each planted fault, by name."""

import json
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection

from payments.ledger_check import CHECKS, check
from payments.models import BankLine, PaymentSlip
from payments.queries import slip_facts
from payments.workflows.allocations import Part, assign
from payments.workflows.penalties import assess_surcharges
from payments.workflows.upheld import credit_upheld
from portal import clock
from regulation.enums import Branch
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.debit_world import authority, sent, signed
from tests.payments.factories import received, refunded, slip

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def month(cast: Cast) -> PaymentSlip:
    """One slip of each fate, and every kind of bank line."""
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        owed = slip(cast.affiliate, amounts={Branch.PF: "100.00", Branch.AMO: "50.00"})
        other = slip(cast.affiliate, Period(2026, 2), {Branch.PF: "80.00"})
        assess_surcharges(actor=None, slip_id=owed.pk, as_of=date(2026, 3, 15))
        rf, rf_other = (slip_facts(one).creditor_reference for one in (owed, other))
        reason = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
        data = camt(
            entry("170.00", txs=details(ref="B1", e2e="E1", rf=rf)),
            entry("30.00", txs=details(ref="B2", rf=rf_other)),
            entry("9.00", ref="B3"),
            entry("7.00", ref="B4"),
            entry("5.00", sign="DBIT", txs=details(ref="B5", e2e="E1", extra=reason)),
            entry("2.00", sign="DBIT", ref="B6"),
            account=cast.bank_account.rib,
        )
        received(cast.bank, cast.bank_account, data)
        refused = camt(entry(), message_id="M2")
        received(cast.bank, cast.bank_account, refused)
        waiting = BankLine.objects.get(bank_ref="B3#1")
        assign(
            actor=cast.treasurer,
            line_id=waiting.pk,
            parts=[Part(D("9.00"), other.payment_reference)],
            at=clock.now(),
        )
        credit_upheld(
            actor=cast.treasurer,
            slip_line_id=owed.lines.get(branch="AMO").pk,
            amount=D("20.00"),
            reference="REC-1",
            at=clock.now(),
        )
        _refunds(cast)
        _orders(cast)
    return owed


def _refunds(cast: Cast) -> None:
    """Two refunds of a part of the credit: one paid by the bank, one that it still has to pay."""
    ordered = [refunded(cast, amount) for amount in ("4.00", "3.00")]
    data = camt(
        entry("4.00", sign="DBIT", txs=details(ref="B8", e2e=ordered[0].order_number)),
        account=cast.bank_account.rib,
        message_id="M4",
    )
    received(cast.bank, cast.bank_account, data)


def _orders(cast: Cast) -> None:
    """One order collected, one in the hands of the bank, one that waits for its day."""
    behind = authority(cast)
    collected, away = (
        signed(cast, slip(cast.affiliate, Period(2025, month)), behind=behind) for month in (5, 6)
    )
    sent(cast)
    data = camt(
        entry("100.00", txs=details(ref="B9", e2e=collected.reference)),
        account=cast.bank_account.rib,
        message_id="M3",
    )
    received(cast.bank, cast.bank_account, data)
    signed(cast, slip(cast.affiliate, Period(2025, 7)), behind=behind, day=date(2026, 4, 14))
    assert away.run is None


def plant(sql: str) -> None:
    """Write what the walls forbid, as only the owner of the tables can."""
    tables = ("ledgerline", "ledgerentry", "allocation", "debitshare", "debitorder", "paymentslip")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE payments_{table} DISABLE TRIGGER USER")
        cursor.execute(sql)
        assert cursor.rowcount > 0


def test_a_month_of_everything_adds_up(month: PaymentSlip) -> None:
    found = check()
    assert found.breaches == ()
    assert (found.slips, found.lines) == (5, 8)
    out = StringIO()
    call_command("check_ledger", "--json", stdout=out)
    assert json.loads(out.getvalue())["ok"] is True
    call_command("check_ledger", stdout=out)


BANK_LINE = "(SELECT id FROM payments_bankline WHERE bank_ref = '{}')"
FAULTS = {
    "entry_balanced": "UPDATE payments_ledgerline SET debit = debit + 1 WHERE debit > 0",
    "slip_outstanding": "UPDATE payments_paymentslip SET outstanding = outstanding + 1 WHERE outstanding + 1 <= total",
    "slip_lines": "UPDATE payments_slipline SET amount = amount + 1, employer_share = employer_share + 1",
    "surcharge_outstanding": "UPDATE payments_surcharge SET outstanding = outstanding / 2",
    "penalty_outstanding": (
        "INSERT INTO payments_filingpenalty (affiliate_id, period, assessed_on, payment_reference, amount,"
        " outstanding, working, filed) SELECT affiliate_id, '2026-03-01', '2026-03-01', '1', 5, 5, '{}', false"
        " FROM payments_paymentslip LIMIT 1"
    ),
    "period_conserved": "UPDATE payments_allocation SET amount = amount + 1 WHERE slip_id IS NOT NULL",
    "bank_line_placed": "UPDATE payments_bankline SET amount = amount + 1 WHERE bank_ref = 'B1'",
    "bank_line_without_effect": "UPDATE payments_bankline SET verdict = 'DBL' WHERE bank_ref = 'B1'",
    "file_conserved": "UPDATE payments_bankfile SET total_credits = total_credits + 1 WHERE verdict = 'accepted'",
    "file_shared_out": "UPDATE payments_allocation SET amount = amount + 1 WHERE slip_id IS NULL",
    "bank_debit_placed": "UPDATE payments_bankline SET amount = amount - 1 WHERE kind = 'debit' AND verdict = 'ACC'",
    "refused_file_empty": "UPDATE payments_bankfile SET verdict = 'refused' WHERE verdict = 'accepted'",
    "suspense_not_overdrawn": (
        "UPDATE payments_ledgerline SET debit = debit + 100 WHERE debit > 0 AND account_id ="
        " (SELECT id FROM payments_ledgeraccount WHERE kind = 'suspense')"
    ),
    "waiting_is_in_suspense": "UPDATE payments_bankline SET verdict = 'ACC' WHERE bank_ref = 'B4#1'",
    "order_executed": "UPDATE payments_allocation SET amount = amount - 1 WHERE debit_order_id IS NOT NULL",
    "order_within_dues": (
        "UPDATE payments_paymentslip SET outstanding = outstanding - 1 WHERE id IN (SELECT slip_id FROM"
        " payments_debitshare JOIN payments_debitorder o ON o.id = order_id WHERE o.state = 'planned')"
    ),
    "order_adds_up": "UPDATE payments_debitshare SET amount = amount - 1",
    "run_sent": "UPDATE payments_debitrun SET total = total + 1",
    "credit_not_overspent": (
        "UPDATE payments_ledgerline SET debit = debit + 500 WHERE debit > 0 AND account_id IN"
        " (SELECT id FROM payments_ledgeraccount WHERE kind = 'credit') AND entry_id IN"
        " (SELECT id FROM payments_ledgerentry WHERE kind = 'refund_ordered')"
    ),
    "refunds_owed": "UPDATE payments_clerkact SET amount = amount - 1 WHERE paid_line_id IS NULL",
    "refund_paid": "UPDATE payments_clerkact SET amount = amount - 1 WHERE paid_line_id IS NOT NULL",
    "allocation_posted": "UPDATE payments_allocation SET entry_id = (SELECT min(id) FROM payments_ledgerentry)",
}


def test_each_check_has_its_planted_fault() -> None:
    assert set(FAULTS) == set(CHECKS)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_planted_fault_is_named(month: PaymentSlip, name: str) -> None:
    plant(FAULTS[name])
    assert name in [breach.check for breach in check().breaches]
    with pytest.raises(CommandError):
        call_command("check_ledger", "--json", stdout=StringIO())
