"""What a correction does to the account: the slip replaced in time, the difference afterwards, to the centime."""

from __future__ import annotations

import datetime
import io
from decimal import Decimal

import pytest
import time_machine
from django.core.management import call_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from declarations import queries
from declarations import workflows as declaring
from declarations.enums import StopReason
from declarations.errors import CorrectionStopped
from declarations.models import CorrectionStop, Declaration
from payments import tasks
from payments.differences import CalledLine, plan
from payments.ledger_check import check
from payments.models import (
    FilingPenalty,
    GraceRequest,
    Hold,
    PaymentSlip,
    Surcharge,
    SurchargeExemption,
)
from payments.queries import credit_of, slip_facts
from payments.workflows import grace
from payments.workflows.corrections import called_lines, effect_of, live_slips
from payments.workflows.holds import place_hold
from payments.workflows.penalties import assess_surcharges, late_slips, surcharge_of
from payments.workflows.slips import issue_slips, use_credit
from payments.workflows.upheld import credit_upheld
from portal import clock
from portal.models import User
from regulation.enums import Branch
from regulation.identifiers import creditor_reference
from regulation.money import ZERO
from regulation.penalties import by_group, surcharge
from tests.affiliates.factories import EmploymentFactory
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, answer, issue, send
from tests.payments.camt_files import details, entry
from tests.payments.factories import file_of, received, supervisor

pytestmark = pytest.mark.django_db
D = Decimal
#: January is due on 10 February 2026.
IN_TIME = AT + datetime.timedelta(days=2)
LATE = datetime.datetime(2026, 4, 20, 9, tzinfo=datetime.UTC)


def filed(cast: Cast, wages: tuple[str, ...] = ("5000", "5000")) -> Declaration:
    """January by the form, at these wages, submitted in time, its slip issued."""
    for _ in wages:
        EmploymentFactory(affiliate=cast.affiliate)
    row = declaring.open_form(actor=cast.owner, at=AT, affiliate=cast.affiliate, period=JANUARY)
    return _submit(cast.owner, row, wages, AT)


def corrected(
    cast: Cast, one: Declaration, wages: tuple[str, ...], at: datetime.datetime = LATE
) -> Declaration:
    row = declaring.open_correction(actor=cast.owner, at=at, declaration=one)
    return _submit(cast.owner, row, wages, at)


def _submit(
    actor: User, row: Declaration, wages: tuple[str, ...], at: datetime.datetime
) -> Declaration:
    cells = {
        line.pk: {"wage": wage, "days": "26", "situation": ""}
        for line, wage in zip(row.lines.order_by("rank"), wages, strict=True)
    }
    row = declaring.save_form(actor=actor, declaration=row, version=row.version, cells=cells)
    row = declaring.submit(actor=actor, at=at, declaration=row, version=row.version)
    issue_slips(actor=None, declaration_ids=[row.pk], at=at)
    row.refresh_from_db()
    return row


_messages = iter(range(1, 1_000_000))


def paid(cast: Cast, slip: PaymentSlip, amount: str, on: str = "2026-02-09") -> None:
    """A transfer with the reference of the slip, booked and valued on this day."""
    number = next(_messages)
    data = file_of(
        cast,
        entry(
            amount,
            ref=f"C{number}",
            txs=details(ref=f"C{number}", rf=slip_facts(slip).creditor_reference),
        ),
        message_id=f"MC{number}",
    ).replace(b"2026-04-10", on.encode())
    line = received(cast.bank, cast.bank_account, data).lines.get()
    assert line.verdict in ("ACC", "PAR"), line.verdict_facts
    slip.refresh_from_db()


def called(one: Declaration) -> dict[Branch, Decimal]:
    found: dict[Branch, Decimal] = {}
    for line in called_lines(live_slips(one)):
        found[line.branch] = found.get(line.branch, ZERO) + line.amount
    return {branch: amount for branch, amount in found.items() if amount}


def asked(one: Declaration) -> dict[Branch, Decimal]:
    return {
        Branch(row.branch): row.employer_share + row.employee_share
        for row in one.contribution_lines.all()
        if row.employer_share + row.employee_share
    }


def sound(one: Declaration) -> None:
    """The books balance, what is called is what the law asks, and every stored figure is found again."""
    assert check().breaches == ()
    assert called(one) == asked(one)
    call_command("replay", stdout=io.StringIO())


# ---------------------------------------------------------------- until the due day


def test_before_the_due_day_the_slip_is_replaced_and_what_was_paid_follows(cast: Cast) -> None:
    one = filed(cast)
    first = PaymentSlip.objects.get()
    paid(cast, first, "1000.00", on="2026-02-04")

    two = corrected(cast, one, ("6000", "5000"), IN_TIME)

    first.refresh_from_db()
    second = PaymentSlip.objects.get(declaration=two)
    assert (first.state, first.outstanding, first.replaced_by) == ("replaced", ZERO, second)
    assert second.total == two.contributions_total
    assert second.outstanding == second.total - D("1000.00")
    assert credit_of(cast.affiliate) == ZERO
    sound(two)


def test_money_that_follows_keeps_its_day(cast: Cast) -> None:
    """Paid in time, corrected in time, the slip issued after midnight of the due day: no surcharge."""
    one = filed(cast)
    first = PaymentSlip.objects.get()
    paid(cast, first, str(first.total), on="2026-02-09")
    row = declaring.open_correction(actor=cast.owner, at=IN_TIME, declaration=one)
    line = row.lines.order_by("rank")[0]
    row = declaring.save_form(
        actor=cast.owner, declaration=row, version=1, cells={line.pk: {"wage": "4000"}}
    )
    row = declaring.submit(actor=cast.owner, at=IN_TIME, declaration=row, version=row.version)
    issue_slips(
        actor=None,
        declaration_ids=[row.pk],
        at=datetime.datetime(2026, 2, 11, 1, tzinfo=datetime.UTC),
    )
    second = PaymentSlip.objects.get(declaration=row)
    assert second.state == "paid"
    assert surcharge_of(second, until=LATE.date()).total == ZERO
    assert credit_of(cast.affiliate) == first.total - second.total
    sound(row)


def test_what_is_held_moves_to_the_slip_that_replaces(cast: Cast) -> None:
    one = filed(cast)
    line = PaymentSlip.objects.get().lines.get(branch="PF")
    hold = place_hold(
        actor=cast.owner, slip_line_id=line.pk, amount=D("600.00"), reference="R-1", at=AT
    )

    two = corrected(cast, one, ("3000", "3000"), IN_TIME)

    hold.refresh_from_db()
    second = PaymentSlip.objects.get(declaration=two)
    assert (hold.slip, hold.released_at) == (second, None)
    assert hold.amount == D("384.00")  # all of 6,000 × 6.40 %, and no more
    # The decision is about the line that was contested; it reaches the one that stands.
    credit_upheld(
        actor=cast.treasurer, slip_line_id=line.pk, amount=D("600.00"), reference="R-1", at=IN_TIME
    )
    second.refresh_from_db()
    assert second.outstanding == second.total - D("384.00")
    assert check().breaches == ()


# ---------------------------------------------------------------- after it: more to pay


def test_a_raise_is_called_beside_and_its_delay_runs_from_the_due_day(cast: Cast) -> None:
    one = filed(cast)
    first = PaymentSlip.objects.get()
    paid(cast, first, str(first.total))

    two = corrected(cast, one, ("6000", "5000"))

    first.refresh_from_db()
    extra = PaymentSlip.objects.get(declaration=two)
    assert first.state == "paid"
    assert extra.complements == first
    assert extra.total == two.contributions_total - one.contributions_total  # type: ignore[operator]
    assert extra.due_on == datetime.date(2026, 2, 10)
    assert extra.issued_on == LATE.date()
    assess_surcharges(actor=None, slip_id=extra.pk, as_of=LATE.date())
    law = surcharge(
        by_group({branch: amount - asked(one)[branch] for branch, amount in asked(two).items()}),
        due_on=datetime.date(2026, 2, 10),
        until=LATE.date(),
    )
    assert sum(row.amount for row in Surcharge.objects.all()) == law.total
    assert not Surcharge.objects.filter(slip=first).exists()
    assert not FilingPenalty.objects.exists()
    sound(two)


def test_the_surcharge_of_a_raise_comes_with_the_night_not_with_the_signature(cast: Cast) -> None:
    one = filed(cast)
    paid(cast, PaymentSlip.objects.get(), str(PaymentSlip.objects.get().total))
    corrected(cast, one, ("6000", "5000"))
    assert not Surcharge.objects.exists()

    with time_machine.travel(LATE + datetime.timedelta(days=1), tick=False):
        for _ in range(2):
            tasks.assess_surcharges()

    extra = PaymentSlip.objects.get(complements__isnull=False)
    # February's and March's months have begun; April's began on the 11th, more than five days ago.
    assert [row.slip for row in Surcharge.objects.all()] == [extra] * 3
    law = surcharge_of(extra, until=LATE.date())
    assert sum(row.outstanding for row in Surcharge.objects.all()) == law.total


def test_what_the_page_announces_of_a_raise_is_what_happens(cast: Cast) -> None:
    one = filed(cast)
    row = declaring.open_correction(actor=cast.owner, at=LATE, declaration=one)
    line = row.lines.order_by("rank")[0]
    row = declaring.save_form(
        actor=cast.owner, declaration=row, version=1, cells={line.pk: {"wage": "9000"}}
    )
    effect = effect_of(row, queries.contributions_of(row), on=LATE.date())
    row = declaring.submit(actor=cast.owner, at=LATE, declaration=row, version=row.version)
    issue_slips(actor=None, declaration_ids=[row.pk], at=LATE)
    extra = PaymentSlip.objects.get(declaration=row)
    assess_surcharges(actor=None, slip_id=extra.pk, as_of=LATE.date())
    assert (effect.raised, effect.back, effect.lowered) == (extra.total, ZERO, ZERO)
    assert effect.surcharged == sum(row.amount for row in Surcharge.objects.filter(slip=extra))
    assert effect.surcharged > 0


# ---------------------------------------------------------------- after it: less to pay


def test_a_fall_lowers_what_is_owed_and_its_surcharges(cast: Cast) -> None:
    one = filed(cast)
    slip = PaymentSlip.objects.get()
    assess_surcharges(actor=None, slip_id=slip.pk, as_of=LATE.date())
    before = sum(row.amount for row in Surcharge.objects.all())

    two = corrected(cast, one, ("2500", "2500"))

    slip.refresh_from_db()
    assert not PaymentSlip.objects.filter(declaration=two).exists()
    assert slip.outstanding == two.contributions_total
    law = surcharge(by_group(asked(two)), due_on=slip.due_on, until=LATE.date())
    rows = list(Surcharge.objects.order_by("month_number"))
    assert sum(row.standing for row in rows) == law.total
    assert sum(row.taken_back for row in rows) == before - law.total
    assert [row.outstanding for row in rows] == [row.standing for row in rows]
    assess_surcharges(actor=None, slip_id=slip.pk, as_of=LATE.date())
    assert Surcharge.objects.count() == len(rows)
    sound(two)


def test_a_fall_of_what_was_paid_becomes_credit_surcharges_included(cast: Cast) -> None:
    one = filed(cast)
    slip = PaymentSlip.objects.get()
    assess_surcharges(actor=None, slip_id=slip.pk, as_of=datetime.date(2026, 2, 20))
    late = Surcharge.objects.get()
    paid(cast, slip, str(slip.total), on="2026-02-20")
    data = file_of(
        cast,
        entry(str(late.amount), ref="S1", txs=details(ref="S1", rf=rf(late.payment_reference))),
        message_id="MS1",
    )
    received(cast.bank, cast.bank_account, data)

    two = corrected(cast, one, ("2500", "2500"))

    late.refresh_from_db()
    assert late.outstanding == ZERO
    assert late.taken_back > 0
    half = one.contributions_total - two.contributions_total  # type: ignore[operator]
    assert credit_of(cast.affiliate) == half + late.taken_back
    sound(two)


def rf(code: str) -> str:
    return creditor_reference(code)


def test_what_the_page_announces_of_a_fall_is_what_happens(cast: Cast) -> None:
    one = filed(cast)
    slip = PaymentSlip.objects.get()
    paid(cast, slip, "1500.00", on="2026-02-20")
    assess_surcharges(actor=None, slip_id=slip.pk, as_of=LATE.date())
    owed = slip.outstanding
    row = declaring.open_correction(actor=cast.owner, at=LATE, declaration=one)
    cells = {line.pk: {"wage": "2000"} for line in row.lines.all()}
    row = declaring.save_form(actor=cast.owner, declaration=row, version=1, cells=cells)

    effect = effect_of(row, queries.contributions_of(row), on=LATE.date())
    row = declaring.submit(actor=cast.owner, at=LATE, declaration=row, version=row.version)
    issue_slips(actor=None, declaration_ids=[row.pk], at=LATE)

    slip.refresh_from_db()
    assert (effect.unpaid, slip.outstanding) == (owed, ZERO)
    assert effect.credit == credit_of(cast.affiliate) > 0
    assert effect.taken_back == sum(row.taken_back for row in Surcharge.objects.all()) > 0
    sound(row)


def test_a_fall_then_a_raise_finds_its_money_again_on_its_day(cast: Cast) -> None:
    """Paid in time, declared too little by mistake, put right: the fund had the money all along."""
    one = filed(cast)
    slip = PaymentSlip.objects.get()
    paid(cast, slip, str(slip.total))
    two = corrected(cast, one, ("2500", "2500"))
    freed = credit_of(cast.affiliate)

    three = corrected(cast, two, ("5000", "5000"), LATE + datetime.timedelta(days=3))

    extra = PaymentSlip.objects.get(declaration=three)
    assert (extra.total, extra.outstanding, extra.state) == (freed, ZERO, "paid")
    assert credit_of(cast.affiliate) == ZERO
    assess_surcharges(actor=None, slip_id=extra.pk, as_of=datetime.date(2026, 6, 1))
    assert not Surcharge.objects.exists()
    sound(three)


def test_a_branch_may_rise_while_another_falls(cast: Cast) -> None:
    """One wage above the ceiling rises, another falls below it: more family benefits, less of the rest."""
    one = filed(cast, ("7000", "5000"))
    slip = PaymentSlip.objects.get()
    paid(cast, slip, str(slip.total))

    two = corrected(cast, one, ("9000", "4000"))

    extra = PaymentSlip.objects.get(declaration=two)
    assert {line.branch for line in extra.lines.all()} >= {"PF", "TFP"}
    slip.refresh_from_db()
    assert slip.outstanding == ZERO
    assess_surcharges(actor=None, slip_id=extra.pk, as_of=LATE.date())
    difference = two.contributions_total - one.contributions_total  # type: ignore[operator]
    assert extra.outstanding - credit_of(cast.affiliate) == max(difference, ZERO)
    sound(two)


def test_the_latest_slip_falls_first(cast: Cast) -> None:
    one = filed(cast)
    slip = PaymentSlip.objects.get()
    paid(cast, slip, str(slip.total))
    two = corrected(cast, one, ("6000", "6000"))
    three = corrected(cast, two, ("5500", "5500"))
    slip.refresh_from_db()
    extra = PaymentSlip.objects.get(declaration=two)
    assert (slip.outstanding, credit_of(cast.affiliate)) == (ZERO, ZERO)
    assert extra.outstanding == three.contributions_total - one.contributions_total  # type: ignore[operator]
    sound(three)


def test_a_contested_part_never_exceeds_what_is_left(cast: Cast) -> None:
    one = filed(cast)
    line = PaymentSlip.objects.get().lines.get(branch="PF")
    place_hold(actor=cast.owner, slip_line_id=line.pk, amount=D("500.00"), reference="R-9", at=AT)

    two = corrected(cast, one, ("2500", "2500"))

    assert Hold.objects.get().amount == D("320.00")
    credit_upheld(
        actor=cast.treasurer, slip_line_id=line.pk, amount=D("500.00"), reference="R-9", at=LATE
    )
    slip = PaymentSlip.objects.get()
    assert slip.outstanding == two.contributions_total - D("320.00")  # type: ignore[operator]
    assert credit_of(cast.affiliate) == ZERO
    assert check().breaches == ()


def test_a_month_on_which_the_fund_decided_is_closed(cast: Cast) -> None:
    one = filed(cast)
    line = PaymentSlip.objects.get().lines.get(branch="PF")
    credit_upheld(
        actor=cast.treasurer, slip_line_id=line.pk, amount=D("10.00"), reference="R-3", at=IN_TIME
    )
    assert CorrectionStop.objects.get().reason == StopReason.DECISION
    with pytest.raises(CorrectionStopped, match="R-3"):
        declaring.open_correction(actor=cast.owner, at=LATE, declaration=one)


def test_an_exempted_delay_is_exempted_for_what_a_correction_adds(cast: Cast) -> None:
    SurchargeExemption.objects.create(
        first_period=JANUARY.first_day,
        last_period=JANUARY.first_day,
        until=datetime.date(2026, 12, 31),
        reference="D-1",
        decided_on=datetime.date(2026, 3, 1),
    )
    two = corrected(cast, filed(cast), ("6000", "5000"))
    extra = PaymentSlip.objects.get(declaration=two)
    assert assess_surcharges(actor=None, slip_id=extra.pk, as_of=LATE.date()) == []


def test_a_correction_filed_before_the_first_slip_was_issued_gets_the_whole(cast: Cast) -> None:
    EmploymentFactory(affiliate=cast.affiliate)
    content = answer(issue(cast.owner, cast.affiliate))
    one = Declaration.objects.get(received_file=send(cast.owner, cast.affiliate, content))
    one = declaring.submit(actor=cast.owner, at=AT, declaration=one, version=one.version)
    two = corrected(cast, one, ("4000",))
    issue_slips(actor=None, declaration_ids=[one.pk, two.pk], at=LATE)
    assert PaymentSlip.objects.get().total == two.contributions_total
    sound(two)


def test_posting_a_difference_twice_is_posting_it_once(cast: Cast) -> None:
    two = corrected(cast, filed(cast), ("6000", "4000"))
    before = list(PaymentSlip.objects.order_by("pk").values_list("total", "outstanding"))
    issue_slips(actor=None, declaration_ids=[two.pk], at=LATE)
    assert list(PaymentSlip.objects.order_by("pk").values_list("total", "outstanding")) == before


# ---------------------------------------------------------------- any sequence


def line(branch: Branch, amount: int, key: int) -> CalledLine:
    return CalledLine(key, key, branch, D(amount))


amounts = st.integers(0, 9)


@given(
    st.lists(st.tuples(st.sampled_from([Branch.PF, Branch.LT, Branch.AMO]), amounts), max_size=6),
    st.dictionaries(st.sampled_from([Branch.PF, Branch.LT, Branch.AMO]), amounts),
)
def test_whatever_is_called_becomes_what_is_wanted(
    rows: list[tuple[Branch, int]], wanted: dict[Branch, int]
) -> None:
    called_now = [line(branch, amount, key) for key, (branch, amount) in enumerate(rows)]
    found = plan(called_now, {branch: D(amount) for branch, amount in wanted.items()})
    left = {one.line: one.amount for one in called_now}
    for one in found.lowerings:
        left[one.line] -= one.amount
    assert min(left.values(), default=0) >= 0
    for branch in (Branch.PF, Branch.LT, Branch.AMO):
        standing = sum(left[one.line] for one in called_now if one.branch is branch)
        assert standing + found.raises.get(branch, 0) == wanted.get(branch, 0)
        assert not (branch in found.raises and any(x.branch is branch for x in found.lowerings))


class _Undo(Exception):
    """Ends an example without leaving a row."""


#: A wage for both, a part of what is owed to pay, credit to use, or a run of the surcharges.
acts = st.lists(
    st.one_of(
        st.tuples(st.just("wage"), st.sampled_from(["2000", "5000", "6500", "9000"])),
        st.tuples(st.just("pay"), st.sampled_from(["100.00", "900.00", "5000.00"])),
        st.tuples(st.just("credit"), st.just("")),
        st.tuples(st.just("assess"), st.just("")),
    ),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(todo=acts, start=st.sampled_from([IN_TIME, LATE]))
def test_any_sequence_keeps_the_books_and_ends_at_the_law(
    cast: Cast, todo: list[tuple[str, str]], start: datetime.datetime
) -> None:
    try:
        with transaction.atomic():
            _live(cast, todo, start)
            raise _Undo
    except _Undo:
        pass


def _live(cast: Cast, todo: list[tuple[str, str]], at: datetime.datetime) -> None:
    one = filed(cast)
    wage = "5000"
    for what, how in todo:
        at += datetime.timedelta(days=2)
        if what == "wage" and how != wage:
            wage = how
            one = corrected(cast, one, (wage, "5000"), at)
        elif what == "pay":
            owed = PaymentSlip.objects.filter(outstanding__gt=0).first()
            if owed:
                paid(cast, owed, how, on=f"{at:%Y-%m-%d}")
        elif what == "credit":
            for slip in PaymentSlip.objects.filter(outstanding__gt=0):
                use_credit(actor=cast.owner, affiliate=cast.affiliate, slip_id=slip.pk, at=at)
        elif what == "assess":
            for slip in list(late_slips(at.date())):
                assess_surcharges(actor=None, slip_id=slip.pk, as_of=at.date())
        sound(one)
    live = live_slips(one)
    standing = sum((row.amount for row in called_lines(live)), ZERO)
    outstanding = sum((slip.outstanding for slip in live), ZERO)
    assert standing == one.contributions_total
    assert ZERO <= outstanding <= standing


# ---------------------------------------------------------------- what was forgiven


def forgiven(
    cast: Cast, slip: PaymentSlip, on: datetime.date, remitted: Decimal
) -> list[Surcharge]:
    """The surcharges of a slip so far, a part of them forgiven by a plan that two persons granted."""
    assess_surcharges(actor=None, slip_id=slip.pk, as_of=on)
    with time_machine.travel(datetime.datetime.combine(on, datetime.time(10), datetime.UTC)):
        made = grace.request_grace(
            actor=cast.owner,
            at=clock.now(),
            affiliate=cast.affiliate,
            terms=grace.Terms(remitted, 1, on + datetime.timedelta(days=30)),
            reason="Difficulté passagère.",
        )
        grace.propose(actor=cast.treasurer, grace_id=made.pk, opinion="Favorable.", at=clock.now())
        grace.grant(actor=supervisor(), grace_id=made.pk, at=clock.now())
    return list(Surcharge.objects.order_by("month_number"))


@pytest.mark.parametrize("remitted", ["1.00", "20.00", "80.00"])
def test_a_fall_after_a_part_was_forgiven_still_replays(cast: Cast, remitted: str) -> None:
    one = filed(cast)
    slip = PaymentSlip.objects.get()
    rows = forgiven(cast, slip, LATE.date(), D(remitted))
    assert sum(row.amount - row.outstanding for row in rows) == D(remitted)

    two = corrected(cast, one, ("500", "500"))

    sound(two)
    call_command("check_ledger", stdout=io.StringIO())


@pytest.mark.parametrize("remitted", ["1.00", "80.00"])
def test_what_was_forgiven_then_comes_back_falls_to_the_law(cast: Cast, remitted: str) -> None:
    """A broken plan brings its remission back: not more than the law asks of what was left after the correction."""
    one = filed(cast)
    slip = PaymentSlip.objects.get()
    forgiven(cast, slip, LATE.date(), D(remitted))
    two = corrected(cast, one, ("500", "500"))
    broken = datetime.date(2026, 6, 30)

    for _ in range(2):
        grace.watch(grace_id=GraceRequest.objects.get().pk, as_of=broken, today=broken)

    assert GraceRequest.objects.get().state == "broken"
    slip.refresh_from_db()
    rows = Surcharge.objects.filter(slip=slip)
    assert sum(row.standing for row in rows) == surcharge_of(slip, until=broken).total
    assert sum(row.outstanding for row in rows) == surcharge_of(slip, until=broken).total
    sound(two)
