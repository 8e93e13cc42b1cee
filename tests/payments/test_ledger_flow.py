"""From slip to settled: worked examples in the books, file after file."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from payments.enums import AccountKind, BankFileVerdict, LineVerdict, SlipState
from payments.errors import (
    AlreadyUndone,
    AmountsDoNotAddUp,
    DeclarationNotSubmitted,
    HoldTooLarge,
    NothingToAssign,
    NotThatMuch,
    UnknownReference,
    UpheldTooMuch,
)
from payments.ledger_check import check
from payments.models import (
    Allocation,
    BankLine,
    LedgerEntry,
    LedgerLine,
    PaymentSlip,
)
from payments.queries import credit_of, home_balance, slip_facts, statement_by_period, suspense_of
from payments.workflows.allocations import Part, assign, reverse
from payments.workflows.holds import place_hold, release_hold
from payments.workflows.penalties import assess_surcharges
from payments.workflows.slips import issue_slip
from payments.workflows.upheld import credit_upheld
from portal import clock
from regulation.enums import Branch, SurchargeGroup
from regulation.identifiers import slip_reference
from regulation.penalties import surcharge
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.factories import file_of, pay, received, slip, submitted, supervisor

pytestmark = pytest.mark.django_db
D = Decimal
TODAY = "2026-04-10 12:00:00+00:00"


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(TODAY, tick=False):
        yield


def balance(kind: AccountKind) -> Decimal:
    lines = LedgerLine.objects.filter(account__kind=kind.value)
    return sum((line.debit - line.credit for line in lines), D("0.00"))


def test_a_slip_is_issued_once(cast: Cast) -> None:
    declaration = submitted(cast.affiliate, amounts={Branch.PF: "640.00", Branch.AMO: "203.60"})
    first = issue_slip(actor=None, declaration_id=declaration.pk, at=clock.now())
    again = issue_slip(actor=None, declaration_id=declaration.pk, at=clock.now())
    assert (first.pk, first.total, first.outstanding) == (again.pk, D("843.60"), D("843.60"))
    assert (first.due_on, first.lines.count(), LedgerEntry.objects.count()) == (
        date(2026, 2, 10),
        2,
        1,
    )
    assert balance(AccountKind.RECEIVABLE) == D("843.60")
    assert balance(AccountKind.CONTRIBUTIONS) == D("-843.60")
    declaration.refresh_from_db()
    assert declaration.slip_issued_at is not None


def test_a_draft_gets_no_slip(cast: Cast) -> None:
    draft = submitted(cast.affiliate, status="draft", submitted_at=None, receipt_number=None)
    with pytest.raises(DeclarationNotSubmitted):
        issue_slip(actor=None, declaration_id=draft.pk, at=clock.now())


def test_exact_payment_settles(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    line = pay(cast, owed, "100.00")
    owed.refresh_from_db()
    assert (owed.state, owed.outstanding, owed.settled_on) == ("paid", D("0.00"), date(2026, 4, 10))
    assert (line.verdict, line.rule) == ("ACC", "R3")
    assert balance(AccountKind.RECEIVABLE) == 0
    assert balance(AccountKind.BANK) == D("100.00")


def test_partial_then_excess(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    assert pay(cast, owed, "60.00").verdict_code == "L27"
    owed.refresh_from_db()
    assert (owed.state, owed.outstanding) == ("partly_paid", D("40.00"))
    second = pay(cast, owed, "50.00", "B2", "M2")
    assert (second.verdict, second.verdict_code) == ("PAR", "L28")
    assert credit_of(cast.affiliate) == D("10.00")
    third = pay(cast, owed, "5.00", "B3", "M3")
    assert (third.verdict, third.verdict_code) == ("PAR", "L14")
    assert credit_of(cast.affiliate) == D("15.00")
    (row,) = statement_by_period(cast.affiliate)
    assert (row.due, row.paid, row.outstanding, row.credited) == (
        D("100.00"),
        D("100.00"),
        D("0.00"),
        D("0.00"),
    )


def test_unknown_money_waits_and_a_clerk_assigns_it(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    line = received(
        cast.bank, cast.bank_account, file_of(cast, entry("120.00", ref="B1"))
    ).lines.get()
    assert (line.verdict, line.verdict_code, suspense_of(line.pk)) == ("ATT", "L09", D("120.00"))
    with pytest.raises(AmountsDoNotAddUp):
        assign(
            actor=cast.treasurer,
            line_id=line.pk,
            parts=[Part(D("100.00"), owed.payment_reference)],
            at=clock.now(),
        )
    with pytest.raises(NotThatMuch):
        assign(
            actor=cast.treasurer,
            line_id=line.pk,
            parts=[Part(D("120.00"), owed.payment_reference)],
            at=clock.now(),
        )
    with pytest.raises(UnknownReference):
        assign(
            actor=cast.treasurer,
            line_id=line.pk,
            parts=[Part(D("120.00"), "123456726010179")],
            at=clock.now(),
        )
    parts = [Part(D("100.00"), owed.payment_reference), Part(D("20.00"), affiliate=cast.affiliate)]
    assign(actor=cast.treasurer, line_id=line.pk, parts=parts, at=clock.now())
    owed.refresh_from_db()
    assert (owed.outstanding, suspense_of(line.pk), credit_of(cast.affiliate)) == (0, 0, D("20.00"))
    with pytest.raises(NothingToAssign):
        assign(actor=cast.treasurer, line_id=line.pk, parts=parts, at=clock.now())


def test_a_wrong_allocation_goes_back_to_suspense_once(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    line = pay(cast, owed, "100.00")
    allocation = Allocation.objects.get(bank_line=line)
    reverse(actor=cast.treasurer, second=supervisor(), allocation_id=allocation.pk, at=clock.now())
    owed.refresh_from_db()
    assert (owed.outstanding, owed.state, suspense_of(line.pk)) == (
        D("100.00"),
        "issued",
        D("100.00"),
    )
    with pytest.raises(AlreadyUndone):
        reverse(
            actor=cast.treasurer, second=supervisor(), allocation_id=allocation.pk, at=clock.now()
        )
    assign(
        actor=cast.treasurer,
        line_id=line.pk,
        parts=[Part(D("100.00"), owed.payment_reference)],
        at=clock.now(),
    )
    owed.refresh_from_db()
    assert owed.state == SlipState.PAID.value


def test_money_that_came_before_its_slip_finds_it(cast: Cast) -> None:
    later = slip(cast.affiliate, Period(2026, 2))
    reference = later.payment_reference
    declaration = submitted(cast.affiliate, Period(2026, 3), {Branch.PF: "70.00"})
    code = slip_reference(cast.affiliate.affiliation_number, Period(2026, 3))
    line = received(
        cast.bank,
        cast.bank_account,
        file_of(cast, entry("80.00", ref="B1", txs=details(text=(code,)))),
    ).lines.get()
    assert (line.verdict, line.verdict_code) == ("ATT", "L11")
    issued = issue_slip(actor=None, declaration_id=declaration.pk, at=clock.now())
    line.refresh_from_db()
    assert (issued.outstanding, line.verdict, credit_of(cast.affiliate)) == (0, "PAR", D("10.00"))
    assert reference != code


@pytest.mark.parametrize("first", ["credit", "return"])
def test_a_return_reopens_the_slip_in_whatever_order_it_comes(cast: Cast, first: str) -> None:
    owed = slip(cast.affiliate)
    rf = slip_facts(owed).creditor_reference
    credit = file_of(cast, entry("110.00", txs=details(ref="B1", e2e="E1", rf=rf)), message_id="M1")
    reason = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
    back = file_of(
        cast,
        entry("110.00", sign="DBIT", txs=details(ref="B2", e2e="E1", extra=reason)),
        message_id="M2",
    )
    files = [credit, back] if first == "credit" else [back, credit]
    for data in files:
        received(cast.bank, cast.bank_account, data)
    owed.refresh_from_db()
    returned = BankLine.objects.get(bank_ref="B2")
    assert (owed.outstanding, owed.state) == (D("100.00"), "issued")
    assert (returned.verdict, returned.rule, returned.reason_code) == ("ACC", "R9", "AM04")
    assert credit_of(cast.affiliate) == 0
    assert balance(AccountKind.BANK) == 0


def test_a_partial_return_takes_back_the_credit_first(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    rf = slip_facts(owed).creditor_reference
    received(
        cast.bank,
        cast.bank_account,
        file_of(cast, entry("110.00", txs=details(ref="B1", e2e="E1", rf=rf))),
    )
    reason = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
    back = file_of(
        cast,
        entry("30.00", sign="DBIT", txs=details(ref="B2", e2e="E1", extra=reason)),
        message_id="M2",
    )
    received(cast.bank, cast.bank_account, back)
    owed.refresh_from_db()
    assert (credit_of(cast.affiliate), owed.outstanding) == (0, D("20.00"))
    assert [one.amount for one in slip_facts(owed).payments if not one.undone] == [D("80.00")]
    again = file_of(
        cast,
        entry("80.01", sign="DBIT", txs=details(ref="B3", e2e="E1", extra=reason)),
        message_id="M3",
    )
    line = received(cast.bank, cast.bank_account, again).lines.get()
    assert (line.verdict, line.verdict_code) == ("ATT", "L20")


def test_money_that_waits_can_be_returned_too(cast: Cast) -> None:
    waits = file_of(cast, entry("50.00", txs=details(ref="B1", e2e="E1")))
    line = received(cast.bank, cast.bank_account, waits).lines.get()
    reason = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
    back = file_of(
        cast,
        entry("50.00", sign="DBIT", txs=details(ref="B2", e2e="E1", extra=reason)),
        message_id="M2",
    )
    assert received(cast.bank, cast.bank_account, back).lines.get().rule == "R9"
    assert (suspense_of(line.pk), balance(AccountKind.BANK)) == (0, 0)
    assert check().breaches == ()


def test_the_same_bytes_again_change_nothing(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    rf = slip_facts(owed).creditor_reference
    data = file_of(cast, entry("100.00", txs=details(ref="B1", rf=rf)))
    first = received(cast.bank, cast.bank_account, data)
    entries = LedgerEntry.objects.count()
    again = received(cast.bank, cast.bank_account, data)
    assert (first.pk, first.receipt_number) == (again.pk, again.receipt_number)
    assert LedgerEntry.objects.count() == entries


def test_the_same_operation_in_another_message_is_a_duplicate(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    rf = slip_facts(owed).creditor_reference
    operation = entry("100.00", ref="A1", txs=details(ref="B1", rf=rf))
    received(cast.bank, cast.bank_account, file_of(cast, operation))
    statement = file_of(cast, operation, kind="053", message_id="S9", balances=("0.00", "100.00"))
    again = received(cast.bank, cast.bank_account, statement).lines.get()
    first = BankLine.objects.get(repeats__isnull=True)
    assert (again.verdict, again.verdict_code, again.repeats_id) == ("DBL", "L17", first.pk)
    assert first.confirmed_by_statement
    assert balance(AccountKind.BANK) == D("100.00")


def batch_in_both_forms(cast: Cast, owed: PaymentSlip, ref: str) -> tuple[bytes, bytes]:
    """A notice that details two operations, and the statement that shows them as one line."""
    rf = slip_facts(owed).creditor_reference
    txs = details(amount="60.00", rf=rf) + details(amount="40.00", ref="T2" if ref else "")
    batch = "<Btch><NbOfTxs>2</NbOfTxs></Btch>"
    notice = file_of(cast, entry("100.00", ref=ref, txs=txs), message_id="N1")
    whole = entry("100.00", ref=ref, details_extra=batch)
    statement = file_of(cast, whole, kind="053", message_id="S9", balances=("0.00", "100.00"))
    return notice, statement


@pytest.mark.parametrize("ref", ["A1", ""])
@pytest.mark.parametrize("first", ["notice", "statement"])
def test_an_entry_told_whole_and_in_detail_is_one_sum(cast: Cast, first: str, ref: str) -> None:
    owed = slip(cast.affiliate)
    notice, statement = batch_in_both_forms(cast, owed, ref)
    order = [notice, statement] if first == "notice" else [statement, notice]
    for data in [*order, notice, statement]:
        received(cast.bank, cast.bank_account, data)
    owed.refresh_from_db()
    assert (owed.outstanding, balance(AccountKind.BANK)) == (D("40.00"), D("100.00"))
    assert balance(AccountKind.SUSPENSE) == D("-40.00")
    whole = BankLine.objects.get(details__whole=True)
    assert (whole.verdict, whole.verdict_code) == ("DBL", "L17" if first == "notice" else "L29")
    assert check().breaches == ()


def test_a_batch_already_placed_by_a_clerk_makes_its_details_repeats(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    notice, statement = batch_in_both_forms(cast, owed, "A1")
    whole = received(cast.bank, cast.bank_account, statement).lines.get()
    parts = [Part(D("100.00"), owed.payment_reference)]
    assign(actor=cast.treasurer, line_id=whole.pk, parts=parts, at=clock.now())
    late = received(cast.bank, cast.bank_account, notice)
    assert [line.verdict for line in late.lines.all()] == ["DBL", "DBL"]
    assert balance(AccountKind.BANK) == D("100.00")
    assert check().breaches == ()


def test_a_known_reference_with_another_amount_waits(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    pay(cast, owed, "60.00")
    line = pay(cast, owed, "61.00", "B1", "M2")
    assert (line.verdict, line.verdict_code, suspense_of(line.pk)) == ("ATT", "L16", D("61.00"))
    again = pay(cast, owed, "61.00", "B1", "M3")
    assert again.verdict == "DBL"


def test_two_equal_deposits_of_one_day_are_both_true_and_a_resend_adds_none(cast: Cast) -> None:
    twice = file_of(cast, entry("50.00"), entry("50.00"))
    received(cast.bank, cast.bank_account, twice)
    assert balance(AccountKind.SUSPENSE) == D("-100.00")
    three = file_of(cast, entry("50.00"), entry("50.00"), entry("50.00"), message_id="M2")
    again = received(cast.bank, cast.bank_account, three)
    assert [line.verdict for line in again.lines.order_by("rank")] == ["DBL", "DBL", "ATT"]
    assert balance(AccountKind.SUSPENSE) == D("-150.00")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"account": "007780000123400000056749"}, "E-F12"),
        ({"kind": "052"}, "E-F08"),
        ({"declaration": '<!DOCTYPE Document [<!ENTITY x "y">]>'}, "E-F06"),
    ],
)
def test_a_refused_file_moves_nothing(cast: Cast, change: dict[str, str], code: str) -> None:
    data = camt(entry(), **{"account": cast.bank_account.rib, **change})  # type: ignore[arg-type]
    bank_file = received(cast.bank, cast.bank_account, data)
    assert (bank_file.verdict, bank_file.state) == ("refused", "done")
    assert [fault["code"] for fault in bank_file.faults] == [code]
    assert (BankLine.objects.count(), LedgerEntry.objects.count()) == (0, 0)


def test_a_used_message_identifier_with_other_content_is_refused(cast: Cast) -> None:
    received(cast.bank, cast.bank_account, file_of(cast, entry(ref="A1")))
    second = received(cast.bank, cast.bank_account, file_of(cast, entry(ref="A2")))
    assert [fault["code"] for fault in second.faults] == ["E-F11"]
    assert BankLine.objects.count() == 1


@pytest.mark.parametrize(("day", "code"), [("2026-04-11", "E-F19f"), ("2024-12-31", "E-F19o")])
def test_days_in_the_future_or_too_old_refuse_the_file(cast: Cast, day: str, code: str) -> None:
    bank_file = received(cast.bank, cast.bank_account, file_of(cast, entry(day=day, value=None)))
    assert [fault["code"] for fault in bank_file.faults] == [code]


def test_a_gap_in_statement_numbers_warns_only(cast: Cast) -> None:
    for number, message in (("1", "M1"), ("3", "M2")):
        header = f"<ElctrncSeqNb>{number}</ElctrncSeqNb>"
        bank_file = received(
            cast.bank,
            cast.bank_account,
            file_of(cast, entry(ref=message), header=header, message_id=message),
        )
    assert bank_file.verdict == BankFileVerdict.ACCEPTED.value
    assert [fault["code"] for fault in bank_file.faults] == ["F16"]


def test_an_upheld_dispute_lowers_the_due_once(cast: Cast) -> None:
    owed = slip(cast.affiliate, amounts={Branch.PF: "100.00", Branch.AMO: "50.00"})
    pay(cast, owed, "120.00")
    contested = owed.lines.get(branch="AMO")
    for _ in range(2):
        credit_upheld(
            actor=cast.treasurer,
            slip_line_id=contested.pk,
            amount=D("50.00"),
            reference="REC-1",
            at=clock.now(),
        )
    owed.refresh_from_db()
    assert (owed.outstanding, owed.state, credit_of(cast.affiliate)) == (0, "paid", D("20.00"))
    facts = slip_facts(owed)
    assert (facts.total, facts.paid, facts.credited, facts.outstanding) == (
        D("150.00"), D("120.00"), D("30.00"), D("0.00"),
    )  # fmt: skip
    with pytest.raises(UpheldTooMuch):
        credit_upheld(
            actor=cast.treasurer,
            slip_line_id=contested.pk,
            amount=D("0.01"),
            reference="REC-2",
            at=clock.now(),
        )


def test_surcharges_follow_the_law_month_by_month_and_spare_what_is_held(cast: Cast) -> None:
    owed = slip(cast.affiliate, amounts={Branch.PF: "1000.00", Branch.AMO: "500.00"})
    place_hold(
        actor=cast.treasurer,
        slip_line_id=owed.lines.get(branch="AMO").pk,
        amount=D("500.00"),
        reference="REC-1",
        at=datetime(2026, 2, 1, tzinfo=UTC),
    )
    new = assess_surcharges(actor=None, slip_id=owed.pk, as_of=date(2026, 3, 15))
    assert [one.month_number for one in new] == [1, 2]
    assert assess_surcharges(actor=None, slip_id=owed.pk, as_of=date(2026, 3, 15)) == []
    law = surcharge(
        {SurchargeGroup.GENERAL: D("1000.00")}, due_on=owed.due_on, until=date(2026, 3, 15)
    )
    assert sum(one.amount for one in new) == law.total > 0
    assert (
        home_balance(cast.affiliate, on=date(2026, 4, 10)).outstanding == D("1500.00") + law.total
    )
    paid = pay(cast, owed, str(new[0].amount), "B7", "M7")
    assert paid.verdict == "ACC"


def test_a_surcharge_is_paid_by_its_own_code(cast: Cast) -> None:
    owed = slip(cast.affiliate, amounts={Branch.PF: "1000.00"})
    (one, *_rest) = assess_surcharges(actor=None, slip_id=owed.pk, as_of=date(2026, 2, 20))
    data = file_of(
        cast, entry(str(one.amount), txs=details(ref="B1", text=(one.payment_reference,)))
    )
    line = received(cast.bank, cast.bank_account, data).lines.get()
    one.refresh_from_db()
    assert (line.verdict, line.rule, one.outstanding) == ("ACC", "R4", 0)


def test_a_hold_is_placed_once_and_released(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    first = owed.lines.get()
    again = [
        place_hold(
            actor=cast.treasurer,
            slip_line_id=first.pk,
            amount=D("40.00"),
            reference="REC-1",
            at=clock.now(),
        )
        for _ in range(2)
    ]
    assert again[0] == again[1]
    assert again[0].released_at is None
    with pytest.raises(HoldTooLarge):
        place_hold(
            actor=cast.treasurer,
            slip_line_id=first.pk,
            amount=D("100.01"),
            reference="REC-2",
            at=clock.now(),
        )
    released = release_hold(actor=cast.treasurer, hold_id=again[0].pk, at=clock.now())
    later = clock.now() + timedelta(hours=1)
    assert (
        release_hold(actor=cast.treasurer, hold_id=released.pk, at=later).released_at
        == released.released_at
    )


def test_a_corrected_declaration_replaces_its_slip_and_what_was_paid_follows(cast: Cast) -> None:
    old = slip(cast.affiliate)
    pay(cast, old, "30.00")
    type(old.declaration).objects.filter(pk=old.declaration_id).update(status="replaced")
    new = slip(cast.affiliate, amounts={Branch.PF: "90.00"})
    old.refresh_from_db()
    assert (old.state, old.outstanding, old.replaced_by) == ("replaced", 0, new)
    assert (new.outstanding, len(new.payment_reference), credit_of(cast.affiliate)) == (
        D("60.00"),
        18,
        0,
    )
    line = pay(cast, old, "60.00", "B2", "M2")
    new.refresh_from_db()
    assert (line.verdict, line.verdict_code, new.outstanding) == ("ACC", "L12", 0)


def test_every_line_has_a_verdict(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    rf = slip_facts(owed).creditor_reference
    data = file_of(
        cast,
        entry("100.00", txs=details(ref="B1", rf=rf)),
        entry("5.00", ref="B2"),
        entry("2.00", ref="B3", sign="DBIT"),
        entry("9.00", ref="B4", status="PDNG"),
    )
    bank_file = received(cast.bank, cast.bank_account, data)
    verdicts = [line.verdict for line in bank_file.lines.order_by("rank")]
    assert verdicts == ["ACC", "ATT", "INF", "INF"]
    assert set(verdicts) <= {item.value for item in LineVerdict}
    assert (bank_file.lines_total, bank_file.lines_done) == (4, 4)


def test_cp1_is_settled_answered_and_cancelled_like_any_other(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    code, rib = owed.payment_reference, cast.bank_account.rib

    def cp1(name: str, record: str, totals: str) -> BankLine:
        header = f"E;CP1;230;{name};20260410180000;20260410;{rib};MAD"
        data = "\n".join([header, record, totals]).encode()
        return received(cast.bank, cast.bank_account, data).lines.get()

    paid = cp1("F1", f"D;1;ENC;GAB;B1;{code};;;;;10000;20260408;20260410;;;", "F;1;10000;0;0;0;0")
    owed.refresh_from_db()
    assert (paid.verdict, owed.state, owed.settled_on) == ("ACC", "paid", date(2026, 4, 8))
    undone = cp1("F2", "D;1;ANN;GAB;B2;;;;;;10000;20260410;20260410;CUST;B1;", "F;0;0;0;0;1;10000")
    owed.refresh_from_db()
    assert (undone.verdict, undone.rule, owed.outstanding) == ("ACC", "R9", D("100.00"))
    refused = cp1(
        "F3", "D;1;REJ;PRE;B3;;T26000000136;;;;5000;20260409;20260410;AM04;;", "F;0;0;1;5000;0;0"
    )
    assert (refused.verdict, refused.verdict_code) == ("ATT", "L22")
    assert check().breaches == ()


def test_a_cp1_file_of_another_bank_is_refused(cast: Cast) -> None:
    header = f"E;CP1;007;F1;20260410180000;20260410;{cast.bank_account.rib};MAD"
    bank_file = received(cast.bank, cast.bank_account, f"{header}\nF;0;0;0;0;0;0".encode())
    assert [fault["code"] for fault in bank_file.faults] == ["E-F20"]
