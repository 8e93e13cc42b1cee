"""CP1 that we read, CR1 that we answer."""

import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.codecs import cp1, cr1
from payments.codecs.faults import FormatError
from payments.codecs.kinds import FileFormat
from payments.codecs.sniff import sniff
from payments.enums import LineKind, LineVerdict
from tests.payments.camt_files import RIB

D = Decimal
HEADER = f"E;CP1;230;F1;20260410180000;20260410;{RIB};MAD"
CREDIT = "D;1;ENC;GAB;B1;123456726010179;;1234567;;Atlas SARL;84360;20260409;20260410;;;bordereau janvier"
REJECT = "D;2;REJ;PRE;B2;;T26000000136;;;;5000;20260409;20260410;AM04;;"
CANCEL = "D;3;ANN;GAB;B3;;;;;;84360;20260410;20260410;CUST;B1;"
TOTALS = "F;1;84360;1;5000;1;84360"


def codes(*records: str, encoding: str = "utf-8") -> list[str]:
    return [
        item.code for item in cp1.inspect(io.BytesIO("\n".join(records).encode(encoding))).faults
    ]


def test_the_three_natures_are_read() -> None:
    data = "\n".join([HEADER, CREDIT, REJECT, CANCEL, TOTALS]).encode()
    assert sniff(data) == (FileFormat.CP1, "")
    assert codes(HEADER, CREDIT, REJECT, CANCEL, TOTALS) == []
    credit, reject, cancel = cp1.read(io.BytesIO(data))
    assert (credit.kind, credit.amount, credit.creditor_ref) == (
        LineKind.CREDIT,
        D("843.60"),
        "123456726010179",
    )
    assert (credit.operation_day, credit.booking_day) == (date(2026, 4, 9), date(2026, 4, 10))
    assert (reject.kind, reject.end_to_end, reject.reason_code) == (
        LineKind.REJECT,
        "T26000000136",
        "AM04",
    )
    assert (cancel.kind, cancel.is_reversal, cancel.original_bank_ref) == (
        LineKind.DEBIT,
        True,
        "B1",
    )


def test_crlf_and_byte_order_mark_are_accepted() -> None:
    data = b"\xef\xbb\xbf" + "\r\n".join([HEADER, CREDIT, "F;1;84360;0;0;0;0", ""]).encode()
    assert list(cp1.inspect(io.BytesIO(data)).faults) == []
    assert len(list(cp1.read(io.BytesIO(data)))) == 1


def test_an_empty_day_is_welcome() -> None:
    assert codes(HEADER, "F;0;0;0;0;0;0") == ["F21"]


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ((HEADER, CREDIT), "E-F23"),
        ((CREDIT, TOTALS), "E-F23"),
        ((HEADER, CREDIT, "F;1;84360;0;0;0;0", CREDIT), "E-F23"),
        ((HEADER, CREDIT + ";x", "F;1;84360;0;0;0;0"), "E-F22c"),
        ((HEADER, CREDIT.replace("D;1;", "D;2;"), "F;1;84360;0;0;0;0"), "E-F24"),
        ((HEADER, CREDIT, "F;2;84360;0;0;0;0"), "E-F14"),
        ((HEADER, CREDIT, "F;1;84361;0;0;0;0"), "E-F14"),
        ((HEADER.replace("MAD", "EUR"), CREDIT, "F;1;84360;0;0;0;0"), "E-F13"),
        ((HEADER, CREDIT.replace("84360", "843.60"), "F;1;84360;0;0;0;0"), "E-L01"),
        ((HEADER, CREDIT.replace("84360", "٨٤"), "F;1;84360;0;0;0;0"), "E-L01"),
        ((HEADER, CREDIT.replace("84360", "-84360"), "F;1;84360;0;0;0;0"), "E-L02"),
        ((HEADER, CREDIT.replace("84360", "0"), "F;1;0;0;0;0;0"), "E-L02"),
        ((HEADER, CREDIT.replace("20260409", "20260431"), "F;1;84360;0;0;0;0"), "E-L04"),
        ((HEADER, CREDIT.replace("ENC", "XXX"), "F;1;84360;0;0;0;0"), "E-L05"),
        (
            (HEADER, CANCEL.replace("D;3;", "D;1;").replace(";B1;", ";;"), "F;0;0;0;0;1;84360"),
            "E-F09",
        ),
    ],
)
def test_faults_are_told_by_code(records: tuple[str, ...], code: str) -> None:
    assert codes(*records) == [code]


def test_bytes_that_are_not_utf_8_are_refused_with_their_offset() -> None:
    data = "\n".join([HEADER, CREDIT.replace("Atlas", "Société"), TOTALS]).encode("latin-1")
    (told,) = cp1.inspect(io.BytesIO(data)).faults
    assert (told.code, told.facts["octet"]) == ("E-F07", str(data.index(b"\xe9")))


def test_an_answer_reads_back() -> None:
    header = cr1.ReturnHeader("RB-2026-000001", "M1", "ab" * 32)
    answers = [
        cr1.ReturnLine(1, "T1", LineKind.CREDIT, D("843.60"), LineVerdict.ACCEPTED),
        cr1.ReturnLine(
            2, "T2", LineKind.CREDIT, D("10.00"), LineVerdict.WAITING, "L09", "Opération 2 : …"
        ),
        cr1.ReturnLine(3, "", LineKind.DEBIT, D("5.00"), LineVerdict.INFORMATION, "L24", "frais"),
    ]
    data = b"".join(cr1.write(header, answers))
    assert cr1.read(data) == (header, answers)
    last = data.decode().splitlines()[-1]
    assert last == "F;ACC;1;84360;PAR;0;0;ATT;1;1000;DBL;0;0;INF;1;500;REF;0;0;TOT;3;85860"


def test_a_refused_file_gets_an_answer_about_the_file_only() -> None:
    header = cr1.ReturnHeader("RB-2026-000002", "", "cd" * 32)
    told = cr1.ReturnLine(
        cr1.WHOLE_FILE,
        "",
        LineKind.INFO,
        D("0.00"),
        LineVerdict.REFUSED,
        "E-F01",
        "Le fichier est vide.",
    )
    data = b"".join(cr1.write(header, [told]))
    assert cr1.read(data) == (header, [told])
    assert data.decode().splitlines()[-1].endswith("TOT;0;0")


def test_a_forged_total_is_refused() -> None:
    header = cr1.ReturnHeader("RB-1", "M1", "ab" * 32)
    data = b"".join(
        cr1.write(
            header, [cr1.ReturnLine(1, "T1", LineKind.CREDIT, D("1.00"), LineVerdict.ACCEPTED)]
        )
    )
    with pytest.raises(FormatError) as refusal:
        cr1.read(data.replace(b"TOT;1;100", b"TOT;1;101"))
    assert refusal.value.fault.code == "E-F14"


clean_text = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=40
).map(lambda text: "".join(c for c in text if c.isprintable() and c != ";"))


@given(
    st.lists(
        st.builds(
            cr1.ReturnLine,
            rank=st.integers(1, 10**6),
            bank_ref=clean_text,
            kind=st.sampled_from(LineKind),
            amount=st.decimals("0.01", "999999999.99", places=2),
            verdict=st.sampled_from(LineVerdict),
            code=st.sampled_from(["", "L09", "L17"]),
            message=clean_text,
        ),
        max_size=20,
    )
)
def test_any_answer_reads_back(answers: list[cr1.ReturnLine]) -> None:
    header = cr1.ReturnHeader("RB-2026-000003", "M-9", "ef" * 32)
    assert cr1.read(b"".join(cr1.write(header, answers))) == (header, answers)


def test_a_semicolon_of_a_sentence_becomes_a_comma() -> None:
    line = cr1.ReturnLine(
        rank=1,
        bank_ref="A;1",
        kind=LineKind.CREDIT,
        amount=Decimal("1.00"),
        verdict=LineVerdict.ACCEPTED,
        code="L27",
        message="payée en partie ; 9,00 MAD restent dus",
    )
    header = cr1.ReturnHeader("RB-2026-000003", "M-9", "ef" * 32)
    assert b";A,1;" in b"".join(cr1.write(header, [line]))
    assert "payée en partie, 9,00 MAD restent dus" in b"".join(cr1.write(header, [line])).decode()
