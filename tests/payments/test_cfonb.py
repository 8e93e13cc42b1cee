"""CFONB 120, 160 and 240: what is read, and every damaged file told by its code and place."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from payments.codecs.cfonb import signed_amount
from payments.codecs.records import ReadingProfile
from payments.enums import LineKind
from tests.payments.text_files import (
    EXAMPLE,
    cfonb_120,
    cfonb_160,
    cfonb_240,
    codes,
    detail_240,
    facts,
    inspected,
    lines,
    order_160,
    record_120,
)  # fmt: skip

D = Decimal
RIB = "230780123456789012000038"
BOOKED = replace(EXAMPLE, unpaid_are_booked=True)


@pytest.mark.parametrize(
    ("zone", "decimals", "amount"),
    [
        ("0000000084360{", "2", D("8436.00")),
        ("0000000008436C", "2", D("843.63")),
        ("0000000008436L", "2", D("-843.63")),
        ("0000000008436é", "2", D("843.60")),
        ("0000000008436è", "2", D("-843.60")),
        ("0000000008436{", " ", D("843.60")),
        ("0000000843600{", "3", D("8436.00")),
        ("0000000008436A", "3", "E-L03"),
        ("00000000084361", "2", "E-L01"),
        ("00000000 8436A", "2", "E-L01"),
        ("000000000٨٤٣٦A", "2", "E-L01"),
    ],
)
def test_amounts_carry_their_sign_in_the_last_character(
    zone: str, decimals: str, amount: object
) -> None:
    assert signed_amount(zone, decimals) == amount


def movement(cents: int, code: str = "18", **zones: str) -> str:
    return record_120("04", cents, at33=code, at43="110426", at49="VIREMENT RECU", **zones)


def test_a_statement_with_its_details() -> None:
    data = cfonb_120(
        movement(84_360, at105="REF-BANQUE-1"),
        record_120("05", at46="RCN", at49="T26000000136"),
        record_120("05", at46="LCS", at49="RF08123456726010179"),
        record_120("05", at46="LIB", at49="SOCIÉTÉ ATLAS"),
        record_120("05", at46="NPY", at49="ATLAS SARL"),
        record_120("05", at46="REF", at49="REMISE1", at84="TX1"),
        record_120("05", at46="RUM", at49="MANDAT1"),
        movement(-10_000, "27", at41="01", at82="0000007"),
        opening=100_000,
        closing=174_360,
    )
    summary = inspected(data)
    assert list(summary.faults) == []
    assert (summary.statements[0].account, summary.statements[0].opening) == (RIB, D("1000.00"))
    credit, back = lines(data)
    assert (credit.kind, credit.amount, credit.bank_ref) == (
        LineKind.CREDIT,
        D("843.60"),
        "REF-BANQUE-1",
    )
    assert (credit.end_to_end, credit.creditor_ref) == ("T26000000136", "RF08123456726010179")
    assert (credit.payer_name, credit.batch, credit.instruction) == ("ATLAS SARL", "REMISE1", "TX1")
    assert credit.free_text == "VIREMENT RECU\nSOCIÉTÉ ATLAS"
    assert (credit.booking_day, credit.value_day) == (date(2026, 4, 10), date(2026, 4, 11))
    assert (credit.nature, credit.mandate) == ("PMNT/RCDT/ESCT", "MANDAT1")
    assert (back.kind, back.is_reversal, back.amount) == (LineKind.DEBIT, True, D("100.00"))
    assert (back.reason_code, back.bank_ref) == ("AM04", "7/20260410")


def test_an_unknown_reason_is_kept_and_told() -> None:
    (line,) = lines(cfonb_120(movement(-100, "10", at41="77"), closing=-100))
    assert line.reason_code == "77"
    assert [note.code for note in line.notes] == ["L21"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (cfonb_120(movement(100), closing=99), "E-F15"),
        (cfonb_120(movement(0), closing=0), "E-L02"),
        (cfonb_120(movement(100).replace("110426", "310226"), closing=100), "E-L04"),
        (cfonb_120(movement(100)[:-1], closing=100), "E-F22"),
        (cfonb_120(record_120("05", at46="LIB"), movement(100), closing=100), "E-F23"),
        (cfonb_120(record_120("01", 0), closing=0), "E-F23"),
        (cfonb_120(record_120("06"), closing=0), "E-F23"),
        (cfonb_120(movement(100), closing=100).rsplit(b"\r\n", 2)[0], "E-F23"),
        (cfonb_120(movement(100).replace("MAD", "EUR"), closing=100).replace(b"MAD", b"EUR"), "E-F13"),
        (cfonb_120(closing=0), "F21"),
    ],
)  # fmt: skip
def test_a_damaged_statement_is_refused_with_its_code(data: bytes, code: str) -> None:
    assert code in codes(data)


def test_a_movement_outside_a_statement_is_refused_with_its_line() -> None:
    data = cfonb_120(closing=0) + movement(100).encode("cp1252")
    assert facts(data) == {"code": "04", "ligne": "3", "ordre": "01"}


def test_our_account_is_never_derived() -> None:
    """Without a profile that names it, the place itself is the account: the workflow refuses it (E-F12)."""
    data = cfonb_120(movement(100), closing=100)
    assert inspected(data, ReadingProfile()).statements[0].account == "300780000112345678901"


def test_an_accented_label_in_utf_8_is_counted_in_characters() -> None:
    data = cfonb_120(movement(100, at60="SOCIÉTÉ"), closing=100)
    utf_8 = replace(EXAMPLE, encoding="")
    assert codes(data.decode("cp1252").encode("utf-8"), utf_8) == []


def test_unpaid_collections_move_no_money_unless_the_profile_says_they_were_booked() -> None:
    data = cfonb_160(
        order_160("T26000000136", 10_000, "01"), order_160("T26000000233", 500, "00"), total=10_500
    )
    assert codes(data) == []
    back, done = lines(data)
    assert (back.kind, back.end_to_end, back.reason_code) == (
        LineKind.REJECT,
        "T26000000136",
        "AM04",
    )
    assert (back.booking_day, back.our_account) == (date(2026, 4, 10), RIB)
    assert (done.kind, done.is_reversal) == (LineKind.INFO, False)
    booked = lines(data, BOOKED)[0]
    assert (booked.kind, booked.is_reversal) == (LineKind.DEBIT, True)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (cfonb_160(order_160("T26000000136", 100, "01"), total=99), "E-F14"),
        (cfonb_160(order_160("T26000000136", 0, "01"), total=0), "E-L02"),
        (cfonb_160(order_160("T26000000136", 100, "01"), total=100, operation="02"), "E-F08"),
        (cfonb_160(order_160("T26000000136", 100), total=100).replace(b"10046", b"31026"), "E-L04"),
        (cfonb_240(detail_240(2, 100), total=99), "E-F14"),
        (cfonb_240(detail_240(3, 100), total=100), "E-F24"),
        (cfonb_240(detail_240(2, 100, "55"), total=100), "E-F08"),
    ],
)  # fmt: skip
def test_a_damaged_file_of_collections_is_refused_with_its_code(data: bytes, code: str) -> None:
    assert code in codes(data)


def test_the_operation_code_says_whether_a_240_was_received_or_unpaid() -> None:
    unpaid = cfonb_240(detail_240(2, 10_000, at223="T26001", at129="IMPAYE"), total=10_000)
    assert codes(unpaid) == []
    (line,) = lines(unpaid)
    assert (line.kind, line.is_reversal, line.end_to_end) == (LineKind.REJECT, True, "T26001")
    received = cfonb_240(detail_240(2, 10_000, "25", at123="T26001"), total=10_000, operation="25")
    (line,) = lines(received)
    assert (line.kind, line.is_reversal, line.our_account) == (LineKind.CREDIT, False, RIB)
