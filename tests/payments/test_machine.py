"""Anything in any order: after every step the books balance and nothing is lost; files delivered otherwise end alike.

The machine declares, corrects, orders, accepts, rejects, books, repeats, cuts otherwise, returns, reverses, assigns,
moves, gives back, holds, releases and calls surcharges. Its model is small on purpose: which operations the bank has
reported, and which of them it took back.
"""

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
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
    DebitOrder,
    Hold,
    LedgerAccount,
    LedgerLine,
    PaymentSlip,
    Surcharge,
)
from payments.queries import credit_of, suspense_of
from payments.queries.debits import free_on
from payments.workflows import acts
from payments.workflows.allocations import Part
from payments.workflows.debits.orders import cancel_order
from payments.workflows.holds import place_hold, release_hold
from payments.workflows.penalties import assess_surcharges
from payments.workflows.slips import issue_slip, use_credit
from portal import clock
from portal.models import User
from regulation.enums import Branch
from regulation.errors import DomainError
from regulation.identifiers import creditor_reference
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.debit_world import AT as EARLIER
from tests.payments.debit_world import authority, sent, signed
from tests.payments.factories import received, submitted, supervisor
from tests.payments.test_any_order import books
from tests.payments.test_pain_status import block, pain_002
from tests.payments.test_pain_status import order as one_status

pytestmark = pytest.mark.django_db
D = Decimal
# The evening of a collection day: what was ordered for it left for the bank on the Friday before.
AT = datetime.fromisoformat("2026-04-13T18:00:00+00:00")
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
        # Operations by reference: how the bank says it, what it moves, how its end-to-end reference reads.
        self.operations: dict[str, str] = {}
        self.credits: dict[str, Decimal] = {}
        self.debits: dict[str, Decimal] = {}
        self.e2e: dict[str, str] = {}
        self.final: set[str] = set()
        self.orders: dict[str, DebitOrder] = {}
        self.refused: set[str] = set()
        self.delivered: list[list[str]] = []
        self.count = 0
        for month in MONTHS[:2]:
            self.issue(month, "100.00")
        self.authority = authority(self.cast)
        if not self.by_hand:
            # Everything that is not a file comes first: from here the files alone decide.
            self.issue(MONTHS[2], "60.00")
            for month in MONTHS[:2]:
                self.sign(self.slips[month])
            self.send_orders()
            self._files = undone()
            self._files.__enter__()

    def teardown(self) -> None:
        if hasattr(self, "_frame"):
            try:
                if not self.by_hand:
                    self.nothing_depends_on_the_files()
            finally:
                self.end()

    def end(self) -> None:
        """Undo this life, its files first."""
        if not self.by_hand:
            self._files.__exit__(None, None, None)
        self._frame.__exit__(None, None, None)

    # ------------------------------------------------------------ the employer

    @precondition(lambda self: self.by_hand)
    @rule(month=st.sampled_from(MONTHS), amount=st.sampled_from(["60.00", "100.00"]))
    def declare(self, month: Period, amount: str) -> None:
        """A month, or a correction of it."""
        old = self.slips.get(month)
        if old is not None:
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
        use_credit(actor=self.cast.owner, affiliate=self.cast.affiliate, slip_id=slip.pk, at=AT)

    @precondition(lambda self: self.by_hand and self.slips)
    @rule(data=st.data(), leaves=st.booleans())
    def order(self, data: st.DataObject, leaves: bool) -> None:
        """The employer orders a debit of all that is free of a slip; most days it leaves for the bank."""
        slip = data.draw(st.sampled_from(list(self.slips.values())))
        slip.refresh_from_db()
        if self.sign(slip) and leaves:
            self.send_orders()

    def sign(self, slip: PaymentSlip) -> bool:
        """Whether something of the slip was free to be ordered."""
        free = free_on([slip])[slip.payment_reference]
        if not free:
            return False
        made = signed(self.cast, slip, str(free), self.authority)
        self.orders[made.reference] = made
        return True

    def send_orders(self) -> None:
        """The run of the day, prepared by one, released by another, written."""
        if DebitOrder.objects.filter(state="planned", run=None).exists():
            sent(self.cast)

    @precondition(lambda self: self.by_hand and self.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """The employer stops an order before the cut-off, or is told that it is too late."""
        order = self.orders[data.draw(st.sampled_from(sorted(self.orders)))]
        self.refusable(
            lambda: cancel_order(
                actor=self.cast.owner,
                affiliate=self.cast.affiliate,
                intent=order.intent,
                at=EARLIER,
            )
        )

    # ------------------------------------------------------------ the bank

    @precondition(lambda self: self.slips)
    @rule(data=st.data(), amount=AMOUNTS, known=st.booleans())
    def book(self, data: st.DataObject, amount: str, known: bool) -> None:
        """A credit that cites a slip or a surcharge, or nothing."""
        codes = [slip.payment_reference for slip in self.slips.values()]
        codes += Surcharge.objects.order_by("pk").values_list("payment_reference", flat=True)
        code = data.draw(st.sampled_from(codes))
        rf, text = (creditor_reference(code), ()) if known else ("", ("merci",))
        self.credit(f"T{self.next()}", amount, rf=rf, text=text)

    @precondition(lambda self: self.at_the_bank())
    @rule(data=st.data(), reference=st.sampled_from(["whole", "wrong"]))
    def collect(self, data: st.DataObject, reference: str) -> None:
        """The bank books a debit that it had not refused, or, for a clerk, an amount that is not its own."""
        order = data.draw(st.sampled_from(self.at_the_bank()))
        ref = f"C{order.reference}"
        if reference == "wrong" and self.by_hand:
            ref = f"W{self.next()}"
            self.final.add(ref)
            self.credit(ref, str(order.amount + 1), e2e=order.reference)
        elif ref not in self.operations:
            self.credit(ref, str(order.amount), e2e=order.reference)

    def at_the_bank(self) -> list[DebitOrder]:
        """The orders that the bank has in hand and has not refused."""
        rows = DebitOrder.objects.filter(pk__in=[one.pk for one in self.orders.values()])
        away = rows.filter(run__sent_at__isnull=False).exclude(state__in=["planned", "signed"])
        return [one for one in away.order_by("pk") if one.reference not in self.refused]

    @precondition(lambda self: self.at_the_bank())
    @rule(data=st.data(), status=st.sampled_from(["ACTC", "ACCP", "RJCT AM04", "RJCT ED05"]))
    def answer(self, data: st.DataObject, status: str) -> None:
        """The bank accepts an order, or refuses one that it has not collected."""
        order = data.draw(st.sampled_from(self.at_the_bank()))
        code, _blank, reason = status.partition(" ")
        if reason and f"C{order.reference}" in self.operations:
            return
        if reason:
            self.refused.add(order.reference)
        run = order.run
        assert run is not None
        said = one_status(order.reference, code, reason, str(order.amount))
        ref = f"S{self.next()}"
        self.operations[ref] = (
            pain_002(block(said)).decode().replace("CNSSPRL202604100001", run.message_id)
        )
        self.deliver([ref])

    def next(self) -> int:
        self.count += 1
        return self.count

    def credit(
        self, ref: str, amount: str, *, e2e: str = "", rf: str = "", text: tuple[str, ...] = ()
    ) -> None:
        self.e2e[ref] = e2e or f"E{ref}"
        txs = details(ref=ref, e2e=self.e2e[ref], rf=rf, text=text)
        self.operations[ref] = entry(amount, ref=f"N{ref}", txs=txs)
        self.credits[ref] = D(amount)
        self.deliver([ref])

    def may_return(self) -> list[str]:
        return sorted(self.credits.keys() - {f[1:] for f in self.debits} - self.final)

    @precondition(lambda self: self.may_return())
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        """A credit or a collection comes back unpaid, whole."""
        origin = data.draw(st.sampled_from(self.may_return()))
        self.debit(f"R{origin}", self.credits[origin], self.e2e[origin], BACK)

    @precondition(lambda self: self.by_hand)
    @rule()
    def pay_refund(self) -> None:
        """The bank pays a refund that two persons ordered."""
        act = ClerkAct.objects.filter(kind="refund", state="done", paid_line=None).first()
        if act is not None:
            self.debit(f"P{act.order_number}", act.amount, act.order_number, "")

    def debit(self, ref: str, amount: Decimal, e2e: str, extra: str) -> None:
        txs = details(ref=ref, e2e=e2e, extra=extra)
        self.operations[ref] = entry(str(amount), ref=f"N{ref}", sign="DBIT", txs=txs)
        self.debits[ref] = amount
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
        """The operations in one statement, each answer in a message of its own."""
        for ref in refs:
            if ref.startswith("S"):
                said = self.operations[ref].replace("R1</MsgId>", f"{message}{ref}</MsgId>")
                received(self.cast.bank, self.cast.bank_account, said.encode())
        booked = [self.operations[ref] for ref in refs if not ref.startswith("S")]
        if booked:
            data = camt(
                *booked,
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
        left, parts = suspense_of(line.pk), []
        slip = PaymentSlip.objects.filter(outstanding__gt=0).order_by("pk").first()
        if to_slip and slip is not None:
            part = min(left, slip.outstanding)
            parts.append(Part(part, slip.payment_reference))
            left -= part
        if left:
            parts.append(Part(left, affiliate=self.cast.affiliate))
        acts.assign_or_propose(
            actor=self.cast.treasurer, line_id=line.pk, parts=parts, reason="vu", at=AT
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
                actor=self.cast.treasurer,
                allocation_id=allocation.pk,
                parts=parts,
                reason="x",
                at=AT,
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
                lambda: acts.propose_write_off(
                    actor=self.cast.treasurer, code=code, reason="x", at=AT
                )
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
            return acts.propose_refund(
                actor=self.cast.treasurer, act_id=asked.pk, reason="x", at=AT
            )

        self.refusable(act)

    def refusable(self, act: Callable[[], object]) -> None:
        """Do, or propose and approve; a refusal is an answer, and must leave nothing behind."""
        try:
            with transaction.atomic():
                done = act()
                if isinstance(done, ClerkAct):
                    acts.approve(actor=self.second, act_id=done.pk, at=AT)
        except DomainError:
            pass

    @precondition(lambda self: self.by_hand and self.slips)
    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        """A part is contested."""
        slip = data.draw(st.sampled_from(list(self.slips.values())))
        place_hold(
            actor=self.cast.treasurer, slip_line_id=slip.lines.get().pk, amount=D("10.00"),
            reference="R1", at=AT,
        )  # fmt: skip

    @precondition(lambda self: self.by_hand)
    @rule()
    def release(self) -> None:
        """It no longer is."""
        hold = Hold.objects.filter(released_at=None).first()
        if hold is not None:
            release_hold(actor=self.cast.treasurer, hold_id=hold.pk, at=AT)

    @precondition(lambda self: self.by_hand and self.slips)
    @rule(data=st.data(), days=st.sampled_from([0, 20, 60]))
    def surcharge(self, data: st.DataObject, days: int) -> None:
        """The nightly run of surcharges; the same night again calls nothing more."""
        slip = data.draw(st.sampled_from(list(self.slips.values())))
        as_of = clock.day_of(AT) + timedelta(days=days)
        assess_surcharges(actor=None, slip_id=slip.pk, as_of=as_of)
        called = list(Surcharge.objects.order_by("pk").values_list("pk", "amount", "outstanding"))
        assess_surcharges(actor=None, slip_id=slip.pk, as_of=as_of)
        again = Surcharge.objects.order_by("pk").values_list("pk", "amount", "outstanding")
        assert list(again) == called

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
        expected = sum(self.credits.values(), D("0.00")) - sum(self.debits.values(), D("0.00"))
        account = LedgerAccount.objects.filter(kind="bank")
        held = LedgerLine.objects.filter(account__in=account).aggregate(
            total=Sum(F("debit") - F("credit"))
        )["total"]
        assert (held or D("0.00")) == expected
        booked = BankLine.objects.exclude(verdict="DBL")
        assert booked.filter(kind__in=["credit", "debit"]).count() == len(
            self.credits.keys() | self.debits.keys()
        )
        assert not ClerkAct.objects.filter(
            ~Q(state=ActState.WITHDRAWN.value), decided_by=F("proposed_by")
        ).exists()

    def nothing_depends_on_the_files(self) -> None:
        """The same operations shuffled, repeated and cut otherwise: the same books, the same orders."""
        refs = sorted(self.operations)
        if not refs:
            return
        shuffled = random.Random(len(refs) * 7 + self.count)
        other = refs + shuffled.sample(refs, len(refs) // 2)
        shuffled.shuffle(other)
        size = max(1, len(other) // 3)
        cut = [other[start : start + size] for start in range(0, len(other), size)]
        here = amounts(books()), self.fates()
        self._files.__exit__(None, None, None)
        self._files = undone()
        self._files.__enter__()
        for number, files in enumerate(cut):
            self.send(list(dict.fromkeys(files)), f"Z{number}")
        assert (amounts(books()), self.fates()) == here

    def fates(self) -> dict[str, str]:
        """What became of each order; one that a bank only holds may have been accepted or not."""
        rows = DebitOrder.objects.filter(pk__in=[one.pk for one in self.orders.values()])
        return dict(rows.values_list("reference", "state"))


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
                life.end()
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("both", [False, True], ids=["one comes back", "both come back"])
def test_a_transfer_and_a_collection_of_one_slip_in_any_order(cast: Cast, both: bool) -> None:
    """Paid twice, by transfer and by debit, then taken back: whatever came first, the same books."""
    Fund.cast, Fund.by_hand = cast, False
    seen = []
    with time_machine.travel(AT, tick=False):
        for turn in range(6 if both else 3):
            life = Fund()
            life.begin()
            order = life.orders[min(life.orders)]
            rf = creditor_reference(order.shares.get().slip.payment_reference)
            e2e = order.reference
            life.operations = {
                "T": entry("100.00", ref="NT", txs=details(ref="T", e2e="ET", rf=rf)),
                "C": entry("100.00", ref="NC", txs=details(ref="C", e2e=e2e)),
                "RT": entry(
                    "100.00", ref="NR", sign="DBIT", txs=details(ref="RT", e2e="ET", extra=BACK)
                ),
            }
            if both:
                life.operations["RC"] = entry(
                    "100.00", ref="NS", sign="DBIT", txs=details(ref="RC", e2e=e2e, extra=BACK)
                )
            ways = list(itertools.permutations(life.operations))
            try:
                for number, ref in enumerate(ways[turn * len(ways) // (6 if both else 3)]):
                    life.send([ref], f"M{number}")
                life.the_books_balance()
                seen.append((amounts(books()), sorted(life.fates().values())))
            finally:
                life.end()
    totals, fates = seen[0][0][0], seen[0][1]
    assert ("credit", cast.affiliate.pk) not in totals
    assert fates == ["returned" if both else "executed", "sent"]
    assert [one for one in seen if one != seen[0]] == []


def _more() -> int:
    """How many times the usual number of lives the profile asks: once in the suite, ten times when exploring."""
    return max(1, settings().max_examples // 100)


@pytest.mark.parametrize("by_hand", [True, False], ids=["with the desk", "files alone"])
def test_the_fund(cast: Cast, by_hand: bool) -> None:
    """Lives of the fund; a failing one prints the steps that lead to it."""
    Fund.cast, Fund.by_hand = cast, by_hand
    Fund.second = supervisor()
    with time_machine.travel(AT, tick=False):
        run_state_machine_as_test(
            Fund,
            settings=settings(
                max_examples=(10 if by_hand else 6) * _more(),
                stateful_step_count=14,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
