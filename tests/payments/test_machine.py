"""Anything in any order: after every step the books balance and nothing is lost; files delivered otherwise end alike.

The machine declares, corrects, books, repeats, cuts, returns, assigns, moves, gives back, holds and releases. Its model
is small on purpose: which operations the bank has reported, and which of them it took back.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.db.models import F, Q, Sum
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from payments.enums import ActState
from payments.ledger_check import check
from payments.models import (
    Allocation,
    BankLine,
    ClerkAct,
    Hold,
    LedgerAccount,
    LedgerLine,
    PaymentSlip,
)
from payments.queries import credit_of, suspense_of
from payments.workflows import acts
from payments.workflows.allocations import Part
from payments.workflows.holds import place_hold, release_hold
from payments.workflows.slips import issue_slip, use_credit
from portal.models import User
from regulation.enums import Branch
from regulation.errors import DomainError
from regulation.identifiers import creditor_reference
from regulation.periods import Period
from tests.affiliates.factories import UserFactory
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.factories import received, submitted
from tests.payments.test_any_order import books

pytestmark = pytest.mark.django_db
D = Decimal
AT = datetime.fromisoformat("2026-04-10T12:00:00+00:00")
MONTHS = [Period(2026, 1), Period(2026, 2), Period(2026, 3)]
AMOUNTS = st.sampled_from(["0.01", "9.99", "40.00", "60.00", "100.00", "150.00"])
BACK = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"


@contextmanager
def undone() -> Iterator[None]:
    """Everything done inside is rolled back at the end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Fund(RuleBasedStateMachine):
    """The fund, its bank and one employer. Set before a run: `cast`, `second`."""

    cast: Cast
    second: User
    # Without hands only the bank and the declarations act: then the files alone must decide the books.
    by_hand: bool = True

    @initialize()
    def begin(self) -> None:
        self._frame = undone()
        self._frame.__enter__()
        self.slips: dict[Period, PaymentSlip] = {}
        # Operations by reference: how the bank says it, and how many times it may be undone.
        self.operations: dict[str, str] = {}
        self.credits: dict[str, Decimal] = {}
        self.returned: set[str] = set()
        self.delivered: list[list[str]] = []
        self.touched_by_hand = False
        self.count = 0
        for month in MONTHS[:2]:
            self.issue(month, "100.00")

    def teardown(self) -> None:
        if hasattr(self, "_frame"):
            try:
                self.nothing_depends_on_the_files()
            finally:
                self._frame.__exit__(None, None, None)

    # ------------------------------------------------------------ the employer

    @rule(month=st.sampled_from(MONTHS), amount=st.sampled_from(["60.00", "100.00"]))
    def declare(self, month: Period, amount: str) -> None:
        """A month, or a correction of it."""
        old = self.slips.get(month)
        if old is not None and not self.by_hand:
            return
        if old is not None:
            self.touched_by_hand = True
            type(old.declaration).objects.filter(pk=old.declaration_id).update(status="replaced")
        self.issue(month, amount)

    def issue(self, month: Period, amount: str) -> None:
        made = submitted(self.cast.affiliate, month, {Branch.PF: amount})
        self.slips[month] = issue_slip(actor=None, declaration_id=made.pk, at=AT)

    @precondition(lambda self: self.by_hand and self.slips)
    @rule(data=st.data())
    def use_credit(self, data: st.DataObject) -> None:
        """The employer pays a slip with its credit."""
        slip = data.draw(st.sampled_from(list(self.slips.values())))
        if use_credit(actor=self.cast.owner, affiliate=self.cast.affiliate, slip_id=slip.pk, at=AT):
            self.touched_by_hand = True

    # ------------------------------------------------------------ the bank

    @precondition(lambda self: self.slips)
    @rule(data=st.data(), amount=AMOUNTS, known=st.booleans())
    def book(self, data: st.DataObject, amount: str, known: bool) -> None:
        """A credit that cites a slip, or nothing."""
        self.count += 1
        ref = f"T{self.count}"
        slip = data.draw(st.sampled_from(list(self.slips.values())))
        rf = creditor_reference(slip.payment_reference) if known else ""
        text = () if known else ("merci",)
        self.operations[ref] = entry(
            amount, ref=f"N{ref}", txs=details(ref=ref, e2e=f"E{ref}", rf=rf, text=text)
        )
        self.credits[ref] = D(amount)
        self.deliver([ref])

    @precondition(lambda self: self.credits.keys() - self.returned)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        """A credit comes back unpaid, whole."""
        origin = data.draw(st.sampled_from(sorted(self.credits.keys() - self.returned)))
        self.returned.add(origin)
        ref = f"R{origin}"
        txs = details(ref=ref, e2e=f"E{origin}", extra=BACK)
        self.operations[ref] = entry(str(self.credits[origin]), ref=f"N{ref}", sign="DBIT", txs=txs)
        self.deliver([ref])

    @precondition(lambda self: self.operations)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Operations already reported come again, in other files, in another order."""
        known = sorted(self.operations)
        self.deliver(
            data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True))
        )

    def deliver(self, refs: list[str]) -> None:
        """A file of the bank, read to the end."""
        self.delivered.append(refs)
        self.send(refs, f"M{len(self.delivered)}")

    def send(self, refs: list[str], message: str) -> None:
        data = camt(
            *(self.operations[ref] for ref in refs),
            account=self.cast.bank_account.rib,
            message_id=message,
            statement_id=message,
        )
        received(self.cast.bank, self.cast.bank_account, data)

    # ------------------------------------------------------------ the desk

    @precondition(lambda self: self.by_hand)
    @rule(data=st.data(), to_slip=st.booleans())
    def assign(self, data: st.DataObject, to_slip: bool) -> None:
        """A clerk names what waits, as far as a slip goes, the rest to the credit."""
        line = BankLine.objects.filter(verdict="ATT", kind="credit").order_by("pk").first()
        if line is None or not suspense_of(line.pk):
            return
        self.touched_by_hand = True
        left, parts = suspense_of(line.pk), []
        slip = PaymentSlip.objects.filter(outstanding__gt=0).order_by("pk").first()
        if to_slip and slip is not None:
            part = min(left, slip.outstanding)
            parts.append(Part(part, slip.payment_reference))
            left -= part
        if left:
            parts.append(Part(left, affiliate=self.cast.affiliate))
        acts.assign_or_propose(
            actor=self.cast.staff, line_id=line.pk, parts=parts, reason="vu", at=AT
        )

    @precondition(lambda self: self.by_hand)
    @rule(data=st.data(), elsewhere=st.booleans())
    def move(self, data: st.DataObject, elsewhere: bool) -> None:
        """An allocation is taken back by two persons, to the credit or to suspense."""
        live = Allocation.objects.filter(undoes=None, undone_by=None).order_by("pk")
        chosen = data.draw(st.integers(0, 9))
        allocation = live[chosen : chosen + 1].first()
        if allocation is None:
            return
        parts = [Part(allocation.amount, affiliate=self.cast.affiliate)] if elsewhere else []
        self.refusable(
            lambda: acts.propose_undo(
                actor=self.cast.staff, allocation_id=allocation.pk, parts=parts, reason="x", at=AT
            )
        )

    @precondition(lambda self: self.by_hand and self.slips)
    @rule()
    def give_up_a_difference(self) -> None:
        """A centime left on a slip is given up by two."""
        slip = PaymentSlip.objects.filter(outstanding__gt=0, outstanding__lte=1).first()
        if slip is not None:
            code = slip.payment_reference
            self.refusable(
                lambda: acts.propose_write_off(actor=self.cast.staff, code=code, reason="x", at=AT)
            )

    @precondition(lambda self: self.by_hand)
    @rule(amount=AMOUNTS)
    def refund(self, amount: str) -> None:
        """The employer asks its credit back; two persons agree."""
        if D(amount) > credit_of(self.cast.affiliate):
            return

        def act() -> ClerkAct:
            asked = acts.request_refund(
                actor=self.cast.owner, affiliate=self.cast.affiliate, amount=D(amount),
                rib="230780123456789012000038", at=AT,
            )  # fmt: skip
            return acts.propose_refund(actor=self.cast.staff, act_id=asked.pk, reason="x", at=AT)

        self.refusable(act)

    def refusable(self, propose: Callable[[], ClerkAct]) -> None:
        """Propose and approve; a refusal is an answer, and must leave nothing behind."""
        self.touched_by_hand = True
        try:
            with transaction.atomic():
                acts.approve(actor=self.second, act_id=propose().pk, at=AT)
        except DomainError:
            pass

    @precondition(lambda self: self.by_hand and self.slips)
    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        """A part is contested."""
        slip = data.draw(st.sampled_from(list(self.slips.values())))
        self.touched_by_hand = True
        place_hold(
            actor=self.cast.staff, slip_line_id=slip.lines.get().pk, amount=D("10.00"),
            reference="R1", at=AT,
        )  # fmt: skip

    @precondition(lambda self: self.by_hand)
    @rule()
    def release(self) -> None:
        """It no longer is."""
        hold = Hold.objects.filter(released_at=None).first()
        if hold is not None:
            release_hold(actor=self.cast.staff, hold_id=hold.pk, at=AT)

    # ------------------------------------------------------------ always true

    @invariant()
    def the_books_balance(self) -> None:
        if not hasattr(self, "slips"):
            return
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        assert check().breaches == ()

    @invariant()
    def nothing_is_lost(self) -> None:
        """The bank's account holds what it reported, less what it took back; each operation counts once."""
        if not hasattr(self, "slips"):
            return
        sent = {ref for refs in self.delivered for ref in refs}
        expected = sum((self.credits[ref] for ref in sent if ref in self.credits), D("0.00"))
        expected -= sum((self.credits[ref] for ref in self.returned), D("0.00"))
        account = LedgerAccount.objects.filter(kind="bank")
        held = LedgerLine.objects.filter(account__in=account).aggregate(
            total=Sum(F("debit") - F("credit"))
        )["total"]
        assert (held or D("0.00")) == expected
        assert BankLine.objects.exclude(verdict="DBL").count() == len(sent)
        assert not ClerkAct.objects.filter(
            ~Q(state=ActState.WITHDRAWN.value), decided_by=F("proposed_by")
        ).exists()

    def nothing_depends_on_the_files(self) -> None:
        """The same operations in one file, then shuffled, repeated and cut otherwise: the same books."""
        if self.touched_by_hand or not self.operations:
            return
        refs = sorted(self.operations)
        shuffled = random.Random(len(refs) * 7 + self.count)
        other = refs + shuffled.sample(refs, len(refs) // 2)
        shuffled.shuffle(other)
        size = max(1, len(other) // 3)
        cut = [other[start : start + size] for start in range(0, len(other), size)]
        here = books()
        self._frame.__exit__(None, None, None)
        again = undone()
        again.__enter__()
        self._frame = again
        for month in sorted(self.slips):
            total = str(self.slips[month].total)
            made = submitted(self.cast.affiliate, month, {Branch.PF: total})
            issue_slip(actor=None, declaration_id=made.pk, at=AT)
        for number, files in enumerate(cut):
            self.send(list(dict.fromkeys(files)), f"Z{number}")
        assert amounts(books()) == amounts(here)


def amounts(state: Any) -> Any:
    """The books without accounts that were opened and hold nothing."""
    totals, slips = state
    return {key: value for key, value in totals.items() if value}, slips


def lived(
    life: Fund,
    paid: list[tuple[str, int]],
    back: set[int],
    shuffle: Callable[[list[str]], object],
) -> Any:
    """The books after these payments and returns, one a file, in the order that `shuffle` leaves."""
    slips = [life.slips[month] for month in MONTHS[:2]]
    for rank, (amount, which) in enumerate(paid):
        rf = creditor_reference(slips[which].payment_reference)
        txs = details(ref=f"T{rank}", e2e=f"ET{rank}", rf=rf)
        life.operations[f"T{rank}"] = entry(amount, ref=f"N{rank}", txs=txs)
        if rank in back:
            txs = details(ref=f"R{rank}", e2e=f"ET{rank}", extra=BACK)
            life.operations[f"R{rank}"] = entry(amount, ref=f"B{rank}", sign="DBIT", txs=txs)
    refs = list(life.operations)
    shuffle(refs)
    for number, ref in enumerate(refs):
        life.send([ref], f"M{number}")
    life.the_books_balance()
    return amounts(books())


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    paid=st.lists(
        st.tuples(st.sampled_from(["40.00", "60.00", "150.00"]), st.integers(0, 1)),
        min_size=2,
        max_size=5,
    ),
    back=st.sets(st.integers(0, 4), min_size=1, max_size=3),
    order=st.randoms(use_true_random=False),
)
@example(paid=[("60.00", 0), ("60.00", 0)], back={0}, order=random.Random(1))
def test_payments_and_returns_in_any_order(
    cast: Cast, paid: list[tuple[str, int]], back: set[int], order: random.Random
) -> None:
    """Too much, too little, taken back: whatever came first, the same is owed and the same is held."""
    Fund.cast, Fund.by_hand = cast, False
    found = []
    with time_machine.travel(AT, tick=False):
        for shuffle in (lambda refs: None, order.shuffle, lambda refs: refs.reverse()):
            life = Fund()
            life.begin()
            try:
                found.append(lived(life, paid, back, shuffle))
            finally:
                life._frame.__exit__(None, None, None)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("by_hand", [True, False], ids=["with the desk", "files alone"])
def test_the_fund(cast: Cast, by_hand: bool) -> None:
    """Lives of the fund; a failing one prints the steps that lead to it."""
    Fund.cast, Fund.by_hand = cast, by_hand
    Fund.second = UserFactory(is_staff=True)
    with time_machine.travel(AT, tick=False):
        run_state_machine_as_test(
            Fund,
            settings=settings(
                max_examples=10 if by_hand else 4,
                stateful_step_count=14,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
