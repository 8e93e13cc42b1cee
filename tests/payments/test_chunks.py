"""Lines settled together end as lines settled one after the other: same books, same verdicts, same letters.

Chunks of one line are the measure: whatever is loaded once for many lines must not be seen, whatever the lines are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.db.models import Q
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from affiliates.models import DebitAuthority
from payments import queries
from payments.codecs import cr1
from payments.codecs.pain import block_id
from payments.ledger_check import check
from payments.models import (
    Allocation,
    BankFile,
    BankLine,
    DebitEvent,
    LedgerEntry,
    PaymentSlip,
)
from payments.workflows.allocations import returns
from payments.workflows.bank_files import importing
from payments.workflows.baskets import make_basket
from payments.workflows.debits.orders import sign_order
from payments.workflows.holds import place_hold
from portal import clock
from portal.models import AuditEntry, Mail
from regulation.enums import Branch
from regulation.identifiers import creditor_reference
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.debit_world import AFTER_CUT_OFF, AT, DAY, authority, draft, sent, signed
from tests.payments.factories import received, slip

pytestmark = pytest.mark.django_db
D = Decimal
BACK = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
DUES = ("january", "february", "march", "held", "other", "october", "basket", "nobody", "two")
ORDERS = ("100.00", "100.00", "60.00", "40.00")
"""What the orders at the bank take: of March, of October, and twice of September, split over two accounts."""
AMOUNTS = ("10.00", "40.00", "60.00", "100.00", "160.00")


@st.composite
def lines(draw: st.DrawFn) -> list[tuple[str, ...]]:
    """Credits of every fate and what undoes them, in one file: some before what they undo, some twice."""
    made: list[tuple[str, ...]] = []
    for rank in range(draw(st.integers(2, 14))):
        kind = draw(
            st.sampled_from(["credit", "credit", "credit", "return", "again", "order", "back"])
        )
        if kind == "credit" or not made:
            made.append(
                ("credit", f"T{rank}", draw(st.sampled_from(DUES)), draw(st.sampled_from(AMOUNTS)))
            )
        elif kind == "return":
            of = draw(st.integers(0, 15))
            by = draw(st.sampled_from(["ref", "e2e"]))
            made.append(("return", f"R{rank}", f"T{of}", draw(st.sampled_from(AMOUNTS)), by))
        elif kind == "again":
            made.append(draw(st.sampled_from(made)))
        elif kind == "order":
            made.append((kind, f"O{rank}", draw(st.sampled_from(["0", "1", "2", "3", "run"]))))
        else:
            of, reason = draw(st.integers(0, 3)), draw(st.sampled_from(["AM04", "AM04", "AC04"]))
            made.append((kind, f"B{rank}", str(of), reason, draw(st.sampled_from(["", "O1"]))))
    return made


def world(cast: Cast) -> dict[str, str]:
    """What may be cited: by name, the reference or the text of a line that pays it."""
    months = [Period(2025, 11), Period(2025, 12), Period(2026, 1), Period(2026, 2)]
    owed = [slip(cast.affiliate, month, {Branch.PF: "100.00"}) for month in months]
    other = slip(AffiliateFactory(), Period(2026, 1), {Branch.PF: "60.00"})
    place_hold(
        actor=cast.treasurer, slip_line_id=owed[3].lines.get().pk, amount=D("100.00"), reference="R1",
        at=clock.now(),
    )  # fmt: skip
    codes = [one.payment_reference for one in (*owed, other)]
    basket = make_basket(
        actor=cast.owner, affiliate=cast.affiliate, codes=codes[:3], at=clock.now()
    )
    autumn = [slip(cast.affiliate, Period(2025, month), {Branch.PF: "100.00"}) for month in (9, 10)]
    behind = authority(cast)
    orders = [signed(cast, due, behind=behind) for due in (owed[2], autumn[1])]
    split = [(behind, ORDERS[2]), (authority(cast, account=2), ORDERS[3])]
    intent = draft(cast, [autumn[0]], split)[0].intent
    orders += sign_order(actor=cast.owner, affiliate=cast.affiliate, intent=intent, at=AT)
    run = sent(cast, DAY, AFTER_CUT_OFF)
    # Still here: stops when its due is paid otherwise, or its authority falls.
    signed(cast, owed[1], behind=behind, at=AFTER_CUT_OFF, day=date(2026, 4, 20))
    return {
        "january": codes[0],
        "february": codes[1],
        "march": codes[2],
        "held": codes[3],
        "other": codes[4],
        "basket": basket,
        "nobody": "",
        "october": autumn[1].payment_reference,
        "two": f"{codes[0]} {codes[1]}",
        "run": block_id(run.message_id),
        **{str(rank): order.reference for rank, order in enumerate(orders)},
    }


def said(line: tuple[str, ...], known: dict[str, str]) -> str:
    """A line as the bank writes it."""
    if line[0] == "credit":
        _kind, ref, due, amount = line
        rf = creditor_reference(known[due]) if known[due] and due != "two" else ""
        text = (known[due],) if due == "two" else ("merci",)
        return entry(amount, ref=f"N{ref}", txs=details(ref=ref, e2e=f"E{ref}", rf=rf, text=text))
    if line[0] == "return":
        _kind, ref, origin, amount, by = line
        own = origin if by == "ref" else ref
        txs = details(ref=own, e2e=f"E{origin}", extra=BACK)
        return entry(amount, ref=f"N{ref}", sign="DBIT", txs=txs)
    if line[0] == "order":
        _kind, ref, which = line
        if which == "run":
            batch = f"<Btch><PmtInfId>{known['run']}</PmtInfId></Btch>"
            return entry("300.00", ref=f"N{ref}", details_extra=batch)
        txs = details(ref=ref, e2e=known[which])
        return entry(ORDERS[int(which)], ref=f"N{ref}", txs=txs)
    # The debit of an order comes back: it names the order, or the credit that it undoes.
    _kind, ref, which, reason, origin = line
    txs = details(
        ref=origin or ref,
        e2e="NOTPROVIDED" if origin else known[which],
        extra=BACK.replace("AM04", reason),
    )
    return entry(ORDERS[int(which)], ref=f"N{ref}", sign="DBIT", txs=txs)


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def told(bank_file: BankFile) -> bytes:
    """The return file, without its first record: that one holds a number and a digest of this very file."""
    whole = b"".join(cr1.write(queries.return_header(bank_file), queries.return_lines(bank_file)))
    return whole.partition(b"\n")[2]


def state(cast: Cast) -> dict[str, Any]:
    """Everything that settling writes, with ranks for keys."""
    rank = {
        one.pk: (one.bank_file.message_id, one.rank)
        for one in BankLine.objects.select_related("bank_file")
    }
    allocated = {one.pk: one for one in Allocation.objects.order_by("pk")}

    def of(one: Allocation) -> tuple[Any, ...]:
        undoes = allocated[one.undoes_id] if one.undoes_id else None
        return (
            rank[one.bank_line_id], one.affiliate_id, one.slip_id, one.debit_order_id, one.amount, one.rule,
            one.paid_on, cause(one.entry), of(undoes) if undoes else None,
        )  # fmt: skip

    def cause(one: LedgerEntry) -> tuple[Any, ...]:
        kind, _, key = one.cause.partition(":")
        return (kind, rank[int(key)]) if kind == "bank_line" else (kind,)

    letters = Mail.objects.filter(Q(key__startswith="taken_back:") | Q(key__startswith="debit:"))
    # Keys of lines differ from one time to the other; all else that is traced is the same.
    acts = [
        (one.action, one.affiliation_number, sorted(
            (name, str(value)) for name, value in one.facts.items() if name not in ("line", "by_line")
        ))
        for one in AuditEntry.objects.filter(
            Q(action="payments.line_reversed") | Q(action__startswith="payments.debit_")
        )
    ]  # fmt: skip
    entries = LedgerEntry.objects.order_by("pk").prefetch_related("lines__account")
    return {
        "answers": sorted(
            (rank[one.pk], one.rule, one.verdict, one.verdict_code, str(sorted(one.verdict_facts.items())),
             str(one.proposals), str(sorted(one.details.items())), rank[one.repeats_id] if one.repeats_id else ())
            for one in BankLine.objects.all()
        ),
        "allocations": sorted(map(of, allocated.values()), key=str),
        "entries": sorted(
            (
                (cause(one), one.kind, one.booked_on, sorted(
                    (side.account.kind, side.account.affiliate_id, side.debit, side.credit, side.period, side.slip_id,
                     rank[side.bank_line_id] if side.bank_line_id else None)
                    for side in one.lines.all()
                ))
                for one in entries
            ),
            key=str,
        ),
        "slips": list(PaymentSlip.objects.order_by("pk").values_list("pk", "outstanding", "state", "settled_on")),
        "orders": list(DebitEvent.objects.order_by("pk").values_list("order__reference", "state", "cause")),
        "letters": sorted(letters.values_list("address", "subject", "text")),
        "acts": sorted(acts),
        "authority": list(DebitAuthority.objects.values_list("state", flat=True)),
    }  # fmt: skip


def settled(
    cast: Cast, chosen: list[tuple[str, ...]], cut: int, known: dict[str, str], size: int
) -> dict[str, Any]:
    """The state after two files of these lines, settled `size` at a time; then undone."""
    with undone(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "CHUNK", size)
        patch.setattr(importing, "RETURNS", size)
        if size == 1:
            # The measure of the returns of orders: each with all that may follow, whatever its reason.
            patch.setattr(returns, "leaves_authority", lambda _code: False)
        answers = []
        for name, part in (("A", chosen[:cut]), ("B", chosen[cut:])):
            data = camt(
                *(said(line, known) for line in part),
                account=cast.bank_account.rib,
                message_id=name,
                statement_id=name,
            )
            bank_file = received(cast.bank, cast.bank_account, data)
            assert bank_file.state == "done"
            answers.append(told(bank_file))
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert check().breaches == ()
        return {**state(cast), "cr1": answers}


PAID_TWICE = [("credit", f"T{rank}", "january", "100.00") for rank in range(3)]


ALL_BACK = [
    *(("order", f"O{rank}", str(rank)) for rank in range(4)),
    *(("back", f"B{rank}", str(rank), "AM04", "") for rank in (0, 2)),
    ("back", "B1", "1", "AM04", "O1"),
    ("back", "B4", "2", "AM04", ""),
    ("back", "B3", "3", "AC04", ""),
]
"""Every order collected and come back: one of two of a due, one named by its credit, one twice, one that revokes."""

BIT_BY_BIT = [
    ("credit", "T0", "other", "60.00"),
    ("credit", "T1", "february", "100.00"),
    ("credit", "T2", "nobody", "100.00"),
    *(
        ("return", f"R{rank}", "T0", amount, "ref")
        for rank, amount in enumerate(["10.00", "40.00"])
    ),
    ("return", "R5", "T1", "60.00", "e2e"),
    ("return", "R6", "T2", "60.00", "e2e"),
    ("return", "R7", "T1", "40.00", "ref"),
    ("return", "R8", "T2", "40.00", "ref"),
    ("return", "R9", "T0", "40.00", "e2e"),
]


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chosen=lines(), cut=st.integers(0, 8))
@example(chosen=BIT_BY_BIT, cut=1)
@example(chosen=PAID_TWICE, cut=0)
@example(chosen=[*PAID_TWICE, ("return", "R1", "T0", "100.00", "ref")], cut=3)
@example(
    chosen=[
        *PAID_TWICE,
        ("return", "R1", "T0", "60.00", "ref"),
        ("return", "R2", "T0", "40.00", "e2e"),
    ],
    cut=3,
)
@example(
    chosen=[("return", "R0", "T1", "100.00", "ref"), ("credit", "T1", "basket", "160.00")], cut=1
)
@example(
    chosen=[("order", "O1", "0"), ("back", "B2", "0", "AM04", ""), ("back", "B3", "0", "AM04", "")],
    cut=1,
)
@example(chosen=ALL_BACK, cut=4)
@example(chosen=[("order", "O1", "run"), *ALL_BACK[4:]], cut=1)
@example(
    chosen=[
        ("credit", "T0", "march", "100.00"),
        ("order", "O1", "0"),
        ("back", "B2", "0", "AM04", ""),
        ("return", "R1", "T0", "10.00", "ref"),
    ],
    cut=2,
)
def test_a_chunk_ends_as_line_after_line(
    cast: Cast, chosen: list[tuple[str, ...]], cut: int
) -> None:
    with time_machine.travel("2026-04-14 12:00:00+00:00", tick=False), undone():
        known = world(cast)
        one_by_one = settled(cast, chosen, cut, known, 1)
        together = settled(cast, chosen, cut, known, 500)
    for name, expected in one_by_one.items():
        assert together[name] == expected, name
