"""One test per sentence of docs/formats/matching.md."""

from datetime import date
from decimal import Decimal

import pytest

from payments.codecs.faults import fault
from payments.enums import LineKind, LineVerdict
from payments.matching import (
    Books,
    Item,
    Match,
    Proposal,
    Received,
    Settled,
    Share,
    day_of_payment,
    match,
    references,
)
from regulation.enums import PaymentNature
from regulation.identifiers import (
    complete_affiliation_number,
    creditor_reference,
    payment_code,
    slip_reference,
)
from regulation.periods import Period

D = Decimal
JAN, FEB = Period(2026, 1), Period(2026, 2)
AFF = "1234567"
CODE = "123456726010179"
CODE2 = slip_reference(AFF, FEB)
CODE18 = payment_code(AFF, JAN, nature=PaymentNature.SURCHARGE, rank=1)
RF = "RF08123456726010179"
RIB = "007780000123400000056749"


def item(code: str = CODE, outstanding: str = "100.00", **changes: object) -> Item:
    facts = {"affiliate": AFF, "period": JAN, "outstanding": D(outstanding), **changes}
    return Item(code=code, **facts)  # type: ignore[arg-type]


def books(*items: Item, **others: object) -> Books:
    return Books(items={found.code: found for found in items}, **others)  # type: ignore[arg-type]


def credit(amount: str = "100.00", **changes: object) -> Received:
    return Received(rank=1, kind=LineKind.CREDIT, amount=D(amount), **changes)  # type: ignore[arg-type]


def debit(amount: str = "100.00", **changes: object) -> Received:
    facts = {"is_reversal": True, **changes}
    return Received(rank=1, kind=LineKind.DEBIT, amount=D(amount), **facts)  # type: ignore[arg-type]


def answer(line: Received, known: Books) -> Match:
    return match(line, references(line), known)


def told(found: Match) -> list[str]:
    return [item.code for item in found.told]


def test_r3_one_valid_creditor_reference_settles() -> None:
    found = answer(credit(creditor_ref="RF08 1234 5672 6010 179"), books(item()))
    assert (found.rule, found.verdict, found.shares) == (
        "R3",
        LineVerdict.ACCEPTED,
        (Share(CODE, D("100.00")),),
    )


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        f"CNSS {CODE} janvier",
        "1234567.2601.0179",
        "1234567 2601 01 79",
        "1234567-260101-79",
        "1234567260\n10179",
        f"facture 12 {CODE}",
        f"virement {RF}",
        "RF08 1234 5672 6010 179",
    ],
)
def test_r4_exactly_one_valid_code_in_the_text_settles(text: str) -> None:
    assert answer(credit(free_text=text), books(item())).rule == "R4"


def test_r4_reads_the_references_too() -> None:
    assert answer(credit(end_to_end=CODE), books(item())).rule == "R4"
    assert answer(credit(creditor_ref=CODE18), books(item(CODE18))).rule == "R4"


@pytest.mark.parametrize("text", [f"9{CODE}", f"{CODE}9", "9" + CODE + "999"])
def test_r4_wants_digit_boundaries_on_both_sides(text: str) -> None:
    found = answer(credit(free_text=text), books(item()))
    assert (found.rule, found.shares) == ("R0", ())


def test_a_creditor_reference_with_wrong_digits_is_not_read_further() -> None:
    found = answer(credit(creditor_ref="RF09" + CODE), books(item()))
    assert (found.verdict, told(found)) == (LineVerdict.WAITING, ["L10"])


def test_r5_several_codes_split_when_the_amount_is_their_sum() -> None:
    known = books(item(), item(CODE2, "50.00", period=FEB))
    found = answer(credit("150.00", free_text=f"{CODE} et {CODE2}"), known)
    assert (found.rule, found.shares) == (
        "R5",
        (Share(CODE, D("100.00")), Share(CODE2, D("50.00"))),
    )


@pytest.mark.parametrize("amount", ["149.99", "150.01", "100.00"])
def test_r5_any_other_amount_goes_to_a_clerk(amount: str) -> None:
    known = books(item(), item(CODE2, "50.00", period=FEB))
    found = answer(credit(amount, free_text=f"{CODE} et {CODE2}"), known)
    assert (found.rule, found.verdict, told(found)) == ("R0", LineVerdict.WAITING, ["L26"])
    assert [proposal.code for proposal in found.proposals] == [CODE, CODE2]


def test_r6_number_and_period_of_one_open_slip_of_that_amount_only_propose() -> None:
    number = complete_affiliation_number("123456")
    line = credit(free_text=f"affilie {number} periode 01/2026")
    assert references(line).affiliates == (number,)
    found = answer(line, Books(open_items={number: [item(affiliate=number)]}))
    assert (found.verdict, found.shares) == (LineVerdict.WAITING, ())
    assert found.proposals == (Proposal("R6", number, CODE, D("100.00")),)


def test_r7_and_r8_a_known_account_only_proposes() -> None:
    known = Books(open_items={AFF: [item()]}, rib_owners={RIB: [AFF]})
    assert answer(credit(payer_rib=RIB), known).proposals == (
        Proposal("R7", AFF, CODE, D("100.00")),
    )
    assert answer(credit("7.00", payer_rib=RIB), known).proposals == (
        Proposal("R8", AFF, "", D("7.00")),
    )


def test_an_account_shared_by_two_affiliates_proposes_nothing() -> None:
    known = Books(open_items={AFF: [item()]}, rib_owners={RIB: [AFF, "7654321"]})
    assert answer(credit(payer_rib=RIB), known).proposals == ()


def test_r9_a_reversal_finds_its_credit_by_bank_reference_then_end_to_end_then_batch() -> None:
    one = Settled(1, "B1", "E1", "", D("100.00"), D("100.00"))
    two = Settled(2, "B2", "E2", "LOT", D("60.00"), D("60.00"))
    known = Books(settled=[one, two])
    assert answer(debit(original_bank_ref="B1"), known).origin == 1
    assert answer(debit("60.00", end_to_end="E2"), known).origin == 2
    assert answer(debit("60.00", batch="LOT"), known).origin == 2
    assert answer(debit(original_bank_ref="B1"), known).rule == "R9"


def test_r9_refuses_more_than_the_original_and_what_it_cannot_find() -> None:
    known = Books(settled=[Settled(1, "B1", "", "", D("100.00"), D("40.00"))])
    assert told(answer(debit("40.01", original_bank_ref="B1"), known)) == ["L20"]
    assert answer(debit("40.00", original_bank_ref="B1"), known).verdict is LineVerdict.ACCEPTED
    assert told(answer(debit(original_bank_ref="B9"), known)) == ["L19"]


def test_r9_two_candidates_go_to_a_clerk() -> None:
    same = [Settled(key, "", "E1", "", D("100.00"), D("100.00")) for key in (1, 2)]
    assert told(answer(debit(end_to_end="E1"), Books(settled=same))) == ["L19"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (credit(), "L09"),
        (credit(free_text=CODE[:-1] + "8"), "L10"),
        (credit(creditor_ref=RF), "L11"),
        (credit(end_to_end="T26000000136"), "L22"),
        (credit(payer_rib=RIB[:-1] + "8"), "L08"),
        (credit(is_reversal=True, creditor_ref=RF), "L19"),
        (credit(creditor_ref=RF, our_account=RIB, creditor_rib="230780123456789012000038"), "L25"),
        (credit(creditor_ref=RF, notes=(fault("L18", rang=1, s1=1, s2=2, frais=0),)), "L18"),
    ],
)
def test_r0_money_that_cannot_be_named_waits_with_its_reason(line: Received, code: str) -> None:
    known = books(item()) if code in ("L18", "L19", "L25") else books()
    found = answer(line, known)
    assert (found.rule, found.verdict, found.shares, told(found)) == (
        "R0",
        LineVerdict.WAITING,
        (),
        [code],
    )


def test_less_than_what_remains_is_allocated_in_full() -> None:
    found = answer(credit("99.99", creditor_ref=RF), books(item()))
    assert (found.verdict, found.shares, found.credit) == (
        LineVerdict.ACCEPTED,
        (Share(CODE, D("99.99")),),
        D("0.00"),
    )
    assert told(found) == ["L27"]


def test_more_than_what_remains_is_the_credit_of_the_affiliate() -> None:
    found = answer(credit("100.01", creditor_ref=RF), books(item()))
    assert (found.verdict, found.shares) == (LineVerdict.PARTIAL, (Share(CODE, D("100.00")),))
    assert (found.credit_to, found.credit, told(found)) == (AFF, D("0.01"), ["L28"])


def test_an_item_already_settled_sends_everything_to_credit() -> None:
    found = answer(credit(creditor_ref=RF), books(item(outstanding="0.00")))
    assert (found.verdict, found.shares, found.credit, told(found)) == (
        LineVerdict.PARTIAL,
        (),
        D("100.00"),
        ["L14"],
    )


@pytest.mark.parametrize("state", ["cancelled", "held"])
def test_a_cancelled_or_held_item_sends_everything_to_credit(state: str) -> None:
    found = answer(credit(creditor_ref=RF), books(item(**{state: True})))
    assert (found.verdict, found.credit, told(found)) == (
        LineVerdict.PARTIAL,
        D("100.00"),
        ["L12c"],
    )


def test_a_replaced_item_is_followed_to_its_successor_with_a_note() -> None:
    known = books(item(successor=CODE2, outstanding="0.00"), item(CODE2))
    found = answer(credit(creditor_ref=RF), known)
    assert (found.verdict, found.shares, told(found)) == (
        LineVerdict.ACCEPTED,
        (Share(CODE2, D("100.00")),),
        ["L12"],
    )


def test_a_reference_never_bypasses_the_affiliate_announced() -> None:
    found = answer(credit(creditor_ref=RF, affiliation_number="7654321"), books(item()))
    assert (found.verdict, told(found), found.shares) == (LineVerdict.WAITING, ["L15"], ())


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (
            Received(1, LineKind.INFO, D("5.00"), notes=(fault("L06", rang=1, statut="PDNG"),)),
            "L06",
        ),
        (Received(1, LineKind.DEBIT, D("5.00"), nature="ACMT/MDOP/CHRG"), "L24"),
    ],
)
def test_what_moves_no_money_of_ours_is_information(line: Received, code: str) -> None:
    found = answer(line, books())
    assert (found.verdict, told(found)) == (LineVerdict.INFORMATION, [code])


def test_the_day_of_payment_depends_on_the_channel() -> None:
    days = {
        "operation_day": date(2026, 4, 8),
        "value_day": date(2026, 4, 9),
        "booking_day": date(2026, 4, 10),
    }
    assert day_of_payment(channel="GAB", nature="", **days) == date(2026, 4, 8)
    assert day_of_payment(channel="", nature="PMNT/CNTR/CDPT", **days) == date(2026, 4, 8)
    assert day_of_payment(channel="VIR", nature="", **days) == date(2026, 4, 9)
    assert day_of_payment(channel="", nature="", **{**days, "value_day": None}) == date(2026, 4, 10)


def test_the_examples_of_the_format_note() -> None:
    assert slip_reference(AFF, JAN) == CODE
    assert creditor_reference(CODE) == RF
