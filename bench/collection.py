"""The dashboard of collection on a hundred thousand slips and as many bank lines and allocations: milliseconds a panel.

    .venv/bin/python -m bench.collection

One JSON line; the goal is 500 ms at most for each panel, EXPLAIN ANALYZE's own clock, second reading (a warm cache, as
in a working day). Exit code 1 above it.
"""

import datetime
import json
import sys
from collections.abc import Callable
from decimal import Decimal

from bench._database import database

ROWS = 100_000
WAITING_EACH = 50
GOAL_MS = 500.0
TODAY = datetime.date(2026, 11, 20)


def seed() -> None:
    """Two years of slips of 4,000 firms, three in four paid; one bank line in fifty waits in suspense."""
    from django.db import connection

    from payments.enums import AccountKind, EntryKind, LineKind, LineVerdict, SlipState
    from payments.models import (
        Allocation,
        Bank,
        BankAccount,
        BankLine,
        LedgerAccount,
        LedgerEntry,
        LedgerLine,
        PaymentSlip,
    )

    day, hundred = datetime.timedelta(days=1), Decimal("100.00")
    with connection.cursor() as cursor:
        # Rows without their files and firms: only what the panels read is real.
        for table in ("paymentslip", "bankline", "ledgerentry", "ledgerline", "allocation"):
            name = f"payments_{table}"
            cursor.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass",
                [name],
            )
            for (constraint,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {name} DROP CONSTRAINT {constraint}")
    banks = Bank.objects.bulk_create(
        [Bank(code=f"{rank}", name=f"Banque {rank}") for rank in range(911, 919)]
    )
    accounts = BankAccount.objects.bulk_create(
        [BankAccount(bank=bank, rib=f"{bank.code:0<24}", label=bank.name) for bank in banks]
    )
    suspense, _ = LedgerAccount.objects.get_or_create(
        kind=AccountKind.SUSPENSE.value, affiliate=None, bank_account=None
    )
    slips, lines, entries, sides, allocations = [], [], [], [], []
    for rank in range(1, ROWS + 1):
        back = rank % 24
        month = 2026 * 12 + 9 - back
        period = datetime.date(month // 12, month % 12 + 1, 1)
        due_on = (period + 31 * day).replace(day=10)
        is_paid = rank % 4 != 0
        booked = min(due_on + (rank % 97) * day, TODAY)
        waits = rank % WAITING_EACH == 0
        slips.append(
            PaymentSlip(
                pk=rank,
                affiliate_id=rank % 4000 + 1,
                declaration_id=rank,
                period=period,
                payment_reference=f"{rank:015}",
                issued_on=period + 35 * day,
                due_on=due_on,
                state=(SlipState.PAID if is_paid else SlipState.ISSUED).value,
                total=hundred,
                outstanding=Decimal("0.00") if is_paid else hundred,
                settled_on=booked if is_paid else None,
            )
        )
        lines.append(
            BankLine(
                pk=rank,
                bank_file_id=rank // 1000 + 1,
                rank=rank,
                account=accounts[rank % len(accounts)],
                kind=LineKind.CREDIT.value,
                amount=hundred,
                booking_day=booked,
                identity_rule="1",
                identity_key=str(rank),
                verdict=(LineVerdict.WAITING if waits else LineVerdict.ACCEPTED).value,
            )
        )
        entries.append(
            LedgerEntry(
                pk=rank, kind=EntryKind.PAYMENT.value, booked_on=booked, cause=f"bank_line:{rank}"
            )
        )
        sides += [
            LedgerLine(entry_id=rank, account_id=10**6, debit=hundred, bank_line_id=rank),
            LedgerLine(
                entry_id=rank,
                account_id=suspense.pk if waits else 10**6 + 1,
                credit=hundred,
                bank_line_id=rank,
            ),
        ]
        if not waits:
            allocations.append(
                Allocation(
                    bank_line_id=rank,
                    affiliate_id=rank % 4000 + 1,
                    slip_id=rank,
                    amount=hundred,
                    rule="R1",
                    paid_on=booked,
                    entry_id=rank,
                )
            )
    PaymentSlip.objects.bulk_create(slips, batch_size=5000)
    BankLine.objects.bulk_create(lines, batch_size=5000)
    LedgerEntry.objects.bulk_create(entries, batch_size=5000)
    LedgerLine.objects.bulk_create(sides, batch_size=5000)
    Allocation.objects.bulk_create(allocations, batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def explained(ask: Callable[[], object]) -> float:
    """What the database says that the one query of ``ask`` takes, in milliseconds, at its second reading."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(
        connection,
    ) as seen:
        ask()
    sql = seen.captured_queries[-1]["sql"]
    with connection.cursor() as cursor:
        for _reading in range(2):
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}")
            plan = [row[0] for row in cursor.fetchall()]
    if "-v" in sys.argv:
        print("\n".join(plan), file=sys.stderr)
    return float(plan[-1].split()[2])


def main() -> int:
    with database():
        from payments import queries
        from payments.queries import collection
        from regulation.periods import Period

        seed()
        last = Period(2026, 11)
        since = datetime.date(2025, 11, 1)
        panels = {
            "months_and_speed": explained(lambda: collection.by_month(last - 12, last, on=TODAY)),
            "banks": explained(lambda: collection.by_bank(since)),
            "debt": explained(lambda: collection.debt_by_age(TODAY)),
            "waiting": explained(lambda: queries.suspense_ageing(TODAY)),
        }
    worst = max(panels.values())
    print(
        json.dumps(
            {
                "bench": "collection",
                "rows": ROWS,
                "panels_ms": panels,
                "goal_ms": GOAL_MS,
                "met": worst <= GOAL_MS,
            }
        )
    )
    return 0 if worst <= GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
