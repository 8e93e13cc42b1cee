"""MT940 behind our own checks: marks, years, encodings, and what the library would let pass."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from payments.codecs.reasons import OTHER, REASONS, reason_of
from payments.codecs.records import ReadingProfile
from payments.enums import LineKind
from tests.payments.text_files import EXAMPLE, codes, inspected, lines, mt940

D = Decimal
CREDIT = ":61:2604100410C843,60NTRFT26000000136//BANKREF1\n:86:/REMI/RF08123456726010179 merci"
UTF_8 = replace(EXAMPLE, encoding="")
PLAIN = replace(UTF_8, reasons={})


def test_a_statement() -> None:
    data = mt940(CREDIT, closing="C260410MAD1843,60").encode()
    summary = inspected(data)
    assert list(summary.faults) == []
    assert summary.message_id == "STMT1/12/1/9012000038/2026"
    (line,) = lines(data)
    assert (line.kind, line.amount, line.bank_ref) == (LineKind.CREDIT, D("843.60"), "BANKREF1")
    assert (line.end_to_end, line.creditor_ref) == ("T26000000136", "RF08123456726010179")
    assert (line.our_account, line.nature) == ("230780123456789012000038", "NTRF")


@pytest.mark.parametrize(
    ("mark", "closing", "kind", "reversal"),
    [
        ("C", "1001,00", LineKind.CREDIT, False),
        ("D", "999,00", LineKind.DEBIT, False),
        ("RC", "999,00", LineKind.DEBIT, True),
        ("RD", "1001,00", LineKind.CREDIT, True),
    ],
)
def test_the_reversal_of_a_credit_is_a_debit(
    mark: str, closing: str, kind: LineKind, *, reversal: bool
) -> None:
    data = mt940(f":61:2604100410{mark}1,00NMSCNONREF//B1", closing=f"C260410MAD{closing}").encode()
    assert codes(data) == []
    (line,) = lines(data)
    assert (line.kind, line.is_reversal, line.amount, line.end_to_end) == (
        kind,
        reversal,
        D("1.00"),
        "",
    )


def test_a_returned_transfer_is_a_reversal() -> None:
    data = mt940(":61:2604100410D1,00NRTINONREF//B1", closing="C260410MAD999,00").encode()
    assert lines(data)[0].is_reversal


RETURNED = ":61:2604100410D1,00NRTINONREF//B1\n:86:{}"
WORDED = sorted(code for code in REASONS if code[2:].isdigit())


def reason(text: str, profile: ReadingProfile = PLAIN) -> str:
    data = mt940(RETURNED.format(text), closing="C260410MAD999,00").encode()
    assert codes(data, profile) == []
    return lines(data, profile)[0].reason_code


@pytest.mark.parametrize("code", WORDED)
def test_a_return_says_its_iso_reason_somewhere_in_its_text(code: str) -> None:
    for text in (
        code,
        f"/RTRN/{code}/",
        f"REJET {code} PRELEVEMENT",
        f"?00RETOUR?20{code} T26000000136",
        f"109?00RETOUR?20{code}",
    ):
        assert reason(text) == code
        assert reason_of(reason(text)) is REASONS[code]


@pytest.mark.parametrize(
    "text", ["", "REJET", "XAM04", "AM041", "am04", "QZ99", "AM 04", "FACTURE AM04BIS"]
)
def test_no_reason_is_guessed(text: str) -> None:
    assert reason(text) == ""
    assert reason_of("") is OTHER


def test_a_reason_agreed_with_the_bank_comes_first() -> None:
    agreed = replace(PLAIN, reasons={"R7": "AC04"})
    assert reason("REJET R7 /AM04/", agreed) == "AC04"


def test_only_what_came_back_has_a_reason() -> None:
    """« 04 » is a reason in the table of this bank, and a month in this payment."""
    assert UTF_8.reasons["04"] == "MS02"
    told = CREDIT.replace("merci", "AM04 POUR 04 2026")
    (line,) = lines(mt940(told, closing="C260410MAD1843,60").encode(), UTF_8)
    assert (line.is_reversal, line.reason_code) == (False, "")


@pytest.mark.parametrize(
    ("dates", "booked"),
    [
        ("2512310101", date(2026, 1, 1)),
        ("2601011231", date(2025, 12, 31)),
        ("2604100410", date(2026, 4, 10)),
        ("260410", date(2026, 4, 10)),
    ],
)
def test_the_entry_date_finds_its_year(dates: str, booked: date) -> None:
    data = mt940(f":61:{dates}C1,00NMSCNONREF//B1", closing="C260410MAD1001,00").encode()
    assert lines(data)[0].booking_day == booked


def test_accents_are_read_in_their_encoding_and_a_mark_of_order_is_dropped() -> None:
    text = mt940(CREDIT.replace("merci", "Société"), closing="C260410MAD1843,60")
    assert "Société" in lines(text.encode("cp1252"))[0].free_text
    assert "Société" in lines(text.encode("utf-8-sig"), UTF_8)[0].free_text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (mt940(CREDIT, closing="C260410MAD1843,61"), "E-F15"),
        (mt940(":61:2604100410C1e5,00NMSCX", closing="C260410MAD1001,00"), "E-L01"),
        (mt940(":61:2604100410C٨٤٣,60NMSCX"), "E-L01"),
        (mt940(":61:2604100410C1.000,00NMSCX"), "E-L01"),
        (mt940(":61:2604100410C0,00NMSCX"), "E-L02"),
        (mt940(":61:2604100410C1,005NMSCX"), "E-L03"),
        (mt940(":61:2613450410C1,00NMSCX"), "E-L04"),
        (mt940(":61:2604100410X1,00NMSCX"), "E-L05"),
        (mt940(opening="C260409EUR1000,00", closing="C260410EUR1000,00"), "E-F13"),
        (mt940().replace(":25:230780123456789012000038\n", ""), "E-F23"),
        (mt940(CREDIT).rpartition(":62F:")[0], "E-F23"),
        (mt940(), "F21"),
        (mt940(CREDIT, closing="C260410MAD1843,60", closing_tag="62M"), None),
    ],
)  # fmt: skip
def test_a_damaged_statement_is_refused_with_its_code(text: str, code: str | None) -> None:
    found = codes(text.encode(), UTF_8)
    assert code in found if code else found == []


def test_pages_of_one_file_follow_each_other() -> None:
    first = mt940(CREDIT, closing="C260410MAD1843,60", closing_tag="62M")
    second = mt940(
        opening="C260410MAD1843,60",
        closing="C260410MAD1843,60",
        opening_tag="60M",
        number="00012/002",
    )
    assert inspected(first.encode()).last_page is False
    summary = inspected((first + second).encode())
    assert (list(summary.faults), summary.last_page) == ([], True)
    broken = second.replace("1843,60", "1843,61")
    assert "E-F17" in codes((first + broken).encode())
