"""What no debit does, whoever writes it: the portal refuses it with words, and the database without the portal."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise, product
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.enums import DebitState
from payments.errors import AboveCap, CannotStopAnyMore, PastCutOff, RunTooEarly, SplitWrong
from payments.ledger_check import check
from payments.models import DebitOrder, DebitShare, Surcharge
from payments.transitions import MOVES, cut_off
from payments.workflows import penalties
from payments.workflows.debits import orders as side
from payments.workflows.debits import runs
from payments.workflows.holds import place_hold
from portal.clock import CASABLANCA
from regulation.enums import Branch
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.debit_world import AT, DAY, authority, draft, released, sent, signed
from tests.payments.factories import pay, slip

pytestmark = pytest.mark.django_db
D = Decimal
LIMIT = cut_off(DAY, CASABLANCA)
SECOND = timedelta(seconds=1)
AMOUNTS = st.decimals("0.01", "5000.00", places=2)


def written(sql: str, *values: object) -> None:
    """What somebody with a database prompt would type."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def forced(order: DebitOrder, state: str, **more: object) -> None:
    facts = {"state": state, "signed_by_id": order.prepared_by_id, "signed_at": AT, **more}
    told = ", ".join(f"{name} = %s" for name in facts)
    written(f"UPDATE payments_debitorder SET {told} WHERE id = %s", *facts.values(), order.pk)


# ------------------------------------------------------------------ never above what is due and undisputed


@pytest.mark.parametrize("state", ["signed", "planned", "sent", "accepted"])
def test_no_prompt_makes_an_order_claim_more_than_is_due(cast: Cast, state: str) -> None:
    owed, behind = slip(cast.affiliate), authority(cast)
    order = draft(cast, [owed], [(behind, "100.00")])[0]
    signed(cast, slip(cast.affiliate, Period(2026, 2)), behind=behind)
    run = released(cast)
    pay(cast, owed, "0.01")
    with pytest.raises(IntegrityError), transaction.atomic():
        forced(order, state, run_id=run.pk)
    order.refresh_from_db()
    assert order.state == "draft"


def test_what_is_held_of_a_slip_is_not_signed_for(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    order = draft(cast, [owed], [(authority(cast), "100.00")])[0]
    place_hold(
        actor=cast.treasurer,
        slip_line_id=owed.lines.get().pk,
        amount=D("0.01"),
        reference="R",
        at=AT,
    )
    with pytest.raises(IntegrityError, match="would take more"), transaction.atomic():
        forced(order, "signed")


def test_what_is_held_of_a_surcharge_is_not_signed_for(cast: Cast) -> None:
    owed = slip(cast.affiliate, amounts={Branch.PF: "10000.00"})
    penalties.assess_surcharges(actor=None, slip_id=owed.pk, as_of=AT.date())
    charge = Surcharge.objects.order_by("pk")[0]
    order = side.prepare_order(
        actor=cast.owner,
        affiliate=cast.affiliate,
        intent=uuid4(),
        codes=[charge.payment_reference],
        parts=[side.Part(authority(cast).pk, charge.outstanding)],
        collect_on=DAY,
        at=AT,
    )[0]
    written(
        "INSERT INTO payments_hold (surcharge_id, amount, reference, placed_by_id, placed_at)"
        " VALUES (%s, 0.01, 'R', %s, %s)",
        charge.pk, cast.treasurer.pk, AT,
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="would take more"), transaction.atomic():
        forced(order, "signed")


def test_two_orders_of_one_due_never_add_up_to_more_than_it(cast: Cast) -> None:
    """Each fits alone; a prompt that signs both is stopped at the second."""
    owed, behind = slip(cast.affiliate), authority(cast)
    one, two = (draft(cast, [owed], [(behind, "100.00")])[0] for _ in range(2))
    forced(one, "signed")
    with pytest.raises(IntegrityError, match="would take more"), transaction.atomic():
        forced(two, "signed")


def test_an_order_whose_parts_do_not_add_up_is_not_signed(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    order = draft(cast, [owed], [(authority(cast), "100.00")])[0]
    other = slip(cast.affiliate, Period(2026, 2))
    written(
        "INSERT INTO payments_debitshare (order_id, slip_id, amount) VALUES (%s, %s, 0.01)",
        order.pk, other.pk,
    )  # fmt: skip
    with (
        pytest.raises(IntegrityError, match=r"takes 100\.00 and pays 100\.01"),
        transaction.atomic(),
    ):
        forced(order, "signed")


def test_the_database_follows_the_table_and_nothing_else(cast: Cast) -> None:
    """Every pair of states: the table of the note has it, or a prompt is refused."""
    allowed = {(state.value, then.value) for (state, _act), then in MOVES.items()}
    order = signed(cast, slip(cast.affiliate))
    run = sent(cast)
    line = pay(cast, slip(cast.affiliate, Period(2026, 2)), "100.00")
    passed = set()
    for was, then in product(DebitState, DebitState):
        if was is then:
            continue
        with transaction.atomic():
            _put(order, was, run.pk, line.pk)
            try:
                with transaction.atomic():
                    booked = then in (DebitState.EXECUTED, DebitState.RETURNED)
                    forced(
                        order, then.value, run_id=run.pk, bank_line_id=line.pk if booked else None
                    )
            except IntegrityError:
                pass
            else:
                passed.add((was.value, then.value))
            transaction.set_rollback(True)
    assert passed == allowed


def _put(order: DebitOrder, state: DebitState, run: int, line: int) -> None:
    """Place an order in this state with the walls down, and put them up again."""
    booked = line if state in (DebitState.EXECUTED, DebitState.RETURNED) else None
    written("SET CONSTRAINTS ALL IMMEDIATE")
    written("ALTER TABLE payments_debitorder DISABLE TRIGGER USER")
    forced(order, state.value, run_id=run, bank_line_id=booked)
    written("ALTER TABLE payments_debitorder ENABLE TRIGGER USER")


# ------------------------------------------------------------------ one order, up to three accounts


def test_a_fourth_account_is_refused_here_and_by_the_database(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    accounts = [authority(cast, account=number) for number in range(1, 5)]
    with pytest.raises(SplitWrong) as refused:
        draft(cast, [owed], [(one, "25.00") for one in accounts])
    assert refused.value.facts["most"] == "3"
    assert not DebitOrder.objects.exists()
    made = draft(cast, [owed], [(accounts[0], "50.00"), *((one, "25.00") for one in accounts[1:3])])
    with pytest.raises(IntegrityError, match="debit_order_three_accounts"), transaction.atomic():
        DebitOrder.objects.create(
            affiliate=cast.affiliate, reference="T26000099999", intent=made[0].intent, rank=4,
            authority=accounts[3], amount=D("1.00"), collect_on=DAY, prepared_by=cast.owner,
            prepared_at=AT,
        )  # fmt: skip
    with pytest.raises(IntegrityError, match="debit_order_rank_once"), transaction.atomic():
        DebitOrder.objects.create(
            affiliate=cast.affiliate, reference="T26000099999", intent=made[0].intent, rank=3,
            authority=accounts[3], amount=D("1.00"), collect_on=DAY, prepared_by=cast.owner,
            prepared_at=AT,
        )  # fmt: skip


@pytest.mark.parametrize("off", ["-0.01", "0.01"])
def test_a_split_that_is_a_centime_off_is_refused(cast: Cast, off: str) -> None:
    owed = slip(cast.affiliate)
    one, two = authority(cast, account=1), authority(cast, account=2)
    with pytest.raises(SplitWrong):
        draft(cast, [owed], [(one, "50.00"), (two, str(D("50.00") + D(off)))])


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    dues=st.lists(AMOUNTS, min_size=1, max_size=3), cuts=st.lists(st.integers(0, 1_000), max_size=2)
)
def test_every_split_is_exact_to_the_centime(
    cast: Cast, dues: list[Decimal], cuts: list[int]
) -> None:
    """By account what the employer typed, by due what was left of it, and nothing between the two."""
    with transaction.atomic():
        owed = [
            slip(cast.affiliate, Period(2026, month), {Branch.PF: str(amount)})
            for month, amount in enumerate(dues, start=1)
        ]
        total = sum(dues, D("0.00"))
        centimes = int(total * 100)
        edges = [0, *sorted(centimes * cut // 1_000 for cut in cuts), centimes]
        parts = [D(after - before) / 100 for before, after in pairwise(edges) if after > before]
        accounts = [authority(cast, account=number) for number in range(1, len(parts) + 1)]
        pairs = [(one, f"{part:.2f}") for one, part in zip(accounts, parts, strict=True)]
        orders = draft(cast, owed, pairs)
        by_order = [sum(share.amount for share in one.shares.all()) for one in orders]
        assert by_order == [one.amount for one in orders] == parts
        by_due = [
            sum(DebitShare.objects.filter(slip=one).values_list("amount", flat=True))
            for one in owed
        ]
        assert by_due == dues
        intent = orders[0].intent
        side.sign_order(actor=cast.owner, affiliate=cast.affiliate, intent=intent, at=AT)
        assert check().breaches == ()
        transaction.set_rollback(True)


# ------------------------------------------------------------------ the cut-off, to the second


@pytest.mark.parametrize(
    ("at", "goes"), [(LIMIT - SECOND, True), (LIMIT, False), (LIMIT + SECOND, False)]
)
def test_signed_until_the_last_second(cast: Cast, at: object, goes: bool) -> None:
    order = draft(cast, [slip(cast.affiliate)], [(authority(cast), "100.00")])[0]
    ask = {"actor": cast.owner, "affiliate": cast.affiliate, "intent": order.intent, "at": at}
    if goes:
        assert side.sign_order(**ask)[0].state == "planned"
        return
    with pytest.raises(PastCutOff) as refused:
        side.sign_order(**ask)
    assert "12:00" in refused.value.facts["limit"]
    order.refresh_from_db()
    assert (order.state, order.signed_at) == ("draft", None)


@pytest.mark.parametrize(
    ("at", "stops"), [(LIMIT - SECOND, True), (LIMIT, False), (LIMIT + SECOND, False)]
)
def test_stopped_until_the_last_second(cast: Cast, at: object, stops: bool) -> None:
    order = signed(cast, slip(cast.affiliate))
    ask = {"actor": cast.owner, "affiliate": cast.affiliate, "intent": order.intent, "at": at}
    if stops:
        assert side.cancel_order(**ask)[0].state == "cancelled"
        return
    with pytest.raises(CannotStopAnyMore):
        side.cancel_order(**ask)
    order.refresh_from_db()
    assert order.state == "planned"


@pytest.mark.parametrize(
    ("at", "leaves"), [(LIMIT - SECOND, False), (LIMIT, True), (LIMIT + SECOND, True)]
)
def test_no_run_before_the_last_second_is_over(cast: Cast, at: object, leaves: bool) -> None:
    """Who may still stop and what may already leave never overlap."""
    signed(cast, slip(cast.affiliate))
    ask = {"actor": cast.treasurer, "account": cast.bank_account, "collect_on": DAY, "at": at}
    if leaves:
        assert runs.prepare_run(**ask).orders.count() == 1
    else:
        with pytest.raises(RunTooEarly):
            runs.prepare_run(**ask)


# ------------------------------------------------------------------ the cap of an authority


def test_the_cap_is_of_each_debit_and_reached_but_not_passed(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    one, two = authority(cast, account=1, cap="60.00"), authority(cast, account=2, cap="40.00")
    with pytest.raises(AboveCap) as refused:
        draft(cast, [owed], [(one, "59.99"), (two, "40.01")])
    assert (refused.value.facts["amount"], refused.value.facts["cap"]) == ("40,01", "40,00")
    made = draft(cast, [owed], [(one, "60.00"), (two, "40.00")], intent=uuid4())
    done = side.sign_order(actor=cast.owner, affiliate=cast.affiliate, intent=made[0].intent, at=AT)
    assert [order.state for order in done] == ["planned", "planned"]


def test_no_prompt_signs_a_debit_above_the_cap(cast: Cast) -> None:
    behind = authority(cast)
    order = draft(cast, [slip(cast.affiliate)], [(behind, "100.00")])[0]
    type(behind).objects.filter(pk=behind.pk).update(cap=D("99.99"))
    with pytest.raises(IntegrityError, match="passes the cap"), transaction.atomic():
        forced(order, "signed")
