"""Whatever the order, the repetition and the cutting of the files, the books end the same."""

from collections import Counter
from decimal import Decimal

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.ledger_check import check
from payments.models import LedgerLine, PaymentSlip
from payments.queries import slip_facts
from regulation.enums import Branch
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.factories import received, slip

pytestmark = pytest.mark.django_db
D = Decimal


class _Undo(Exception):
    """Ends an example: its transaction is rolled back."""


def books() -> tuple[dict[tuple[str, int | None], Decimal], list[tuple[str, Decimal]]]:
    """Balance of every account, and what each slip still owes."""
    totals: Counter[tuple[str, int | None]] = Counter()
    for line in LedgerLine.objects.select_related("account"):
        totals[line.account.kind, line.account.affiliate_id] += line.debit - line.credit  # type: ignore[assignment]
    slips = PaymentSlip.objects.order_by("payment_reference")
    return dict(totals), [(one.payment_reference, one.outstanding) for one in slips]


def operations(rfs: list[str]) -> list[str]:
    """Payments of every fate, and two returns that name their origin."""
    back = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
    return [
        entry("60.00", ref="A1", txs=details(ref="T1", e2e="E1", rf=rfs[0])),
        entry("40.00", ref="A2", txs=details(ref="T2", e2e="E2", rf=rfs[0])),
        entry("25.00", ref="A3", txs=details(ref="T3", e2e="E3", rf=rfs[0])),
        entry("80.00", ref="A4", txs=details(ref="T4", e2e="E4", rf=rfs[1])),
        entry("9.99", ref="A5", txs=details(ref="T5")),
        entry("3.00", ref="A6", txs=details(ref="T6", text=("merci",))),
        entry("80.00", ref="A7", sign="DBIT", txs=details(ref="T7", e2e="E4", extra=back)),
        entry("9.99", ref="A8", sign="DBIT", txs=details(ref="T8", e2e="E9", extra=back)),
        entry("2.50", ref="A9", sign="DBIT", txs=details(ref="T9")),
    ]


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[int]]:
    """The nine operations, shuffled, cut into files, some of them sent again."""
    order = draw(st.permutations(range(9)))
    cuts = sorted(draw(st.sets(st.integers(1, 8), max_size=4)))
    files = [list(order[start:end]) for start, end in zip([0, *cuts], [*cuts, 9], strict=True)]
    again = draw(st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=4), max_size=2))
    return files + again


def deliver(cast: Cast, files: list[list[int]]) -> object:
    """The state of the books after these files, in a transaction that is then undone."""
    state: object = None
    try:
        with transaction.atomic():
            owed = [
                slip(cast.affiliate, amounts={Branch.PF: "100.00"}),
                slip(cast.affiliate, Period(2026, 2), {Branch.PF: "80.00"}),
            ]
            known = operations([slip_facts(one).creditor_reference for one in owed])
            for number, ranks in enumerate(files):
                data = camt(
                    *(known[rank] for rank in ranks),
                    account=cast.bank_account.rib,
                    message_id=f"M{number}",
                    statement_id=f"S{number}",
                )
                received(cast.bank, cast.bank_account, data)
            state = books()
            assert check().breaches == ()
            raise _Undo
    except _Undo:
        return state


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=deliveries())
def test_any_order_repetition_and_cutting_gives_the_same_books(
    cast: Cast, files: list[list[int]]
) -> None:
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        totals, slips = deliver(cast, [list(range(9))])  # type: ignore[misc]
        assert deliver(cast, files) == (totals, slips)
    assert sum(totals.values()) == 0
    assert [left for _, left in slips] == [D("0.00"), D("80.00")]
