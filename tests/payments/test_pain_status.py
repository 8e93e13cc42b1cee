"""pain.002: what the bank answers to our orders, at three levels; nothing is invented where it says nothing."""

import io
from decimal import Decimal

import pytest

from payments.codecs import pain_status
from payments.codecs.pain_status import Status
from payments.codecs.records import ReadingProfile
from payments.enums import LineKind
from tests.payments import text_files

STANDARD = ReadingProfile()
SPACE = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.{}"


def order(e2e: str, status: str, reason: str = "", amount: str = "100.00") -> str:
    why = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>" if reason else ""
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{e2e}</OrgnlEndToEndId><TxSts>{status}</TxSts>{why}"
        f'<OrgnlTxRef><Amt><InstdAmt Ccy="MAD">{amount}</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>'
    )


def block(*orders: str, status: str = "", count: str = "") -> str:
    return (
        "<OrgnlPmtInfAndSts><OrgnlPmtInfId>CNSSPRL202604100001-001</OrgnlPmtInfId>"
        + (f"<OrgnlNbOfTxs>{count}</OrgnlNbOfTxs>" if count else "")
        + (f"<PmtInfSts>{status}</PmtInfSts>" if status else "")
        + "".join(orders)
        + "</OrgnlPmtInfAndSts>"
    )


def pain_002(
    *blocks: str, group: str = "", version: str = "03", original: str = "pain.008.001.08"
) -> bytes:
    return (
        f'<Document xmlns="{SPACE.format(version)}"><CstmrPmtStsRpt>'
        "<GrpHdr><MsgId>R1</MsgId><CreDtTm>2026-04-10T18:00:00+01:00</CreDtTm></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>CNSSPRL202604100001</OrgnlMsgId><OrgnlMsgNmId>{original}</OrgnlMsgNmId>"
        f"{group}</OrgnlGrpInfAndSts>{''.join(blocks)}</CstmrPmtStsRpt></Document>"
    ).encode()


def statuses(data: bytes) -> list[Status]:
    return list(pain_status.read(io.BytesIO(data)))


@pytest.mark.parametrize("version", ["03", "12"])
def test_orders_of_a_block(version: str) -> None:
    data = pain_002(
        block(order("T26000000136", "ACSP"), order("T26000000233", "RJCT", "AM04")),
        group="<OrgnlNbOfTxs>2</OrgnlNbOfTxs><OrgnlCtrlSum>200.00</OrgnlCtrlSum><GrpSts>PART</GrpSts>",
        version=version,
    )
    assert text_files.codes(data, STANDARD) == []
    found = statuses(data)
    assert [(one.level, one.code) for one in found] == [
        ("file", "PART"), ("order", "ACSP"), ("order", "RJCT"), ("block", ""),
    ]  # fmt: skip
    assert (found[2].end_to_end, found[2].reason, found[2].amount) == (
        "T26000000233",
        "AM04",
        Decimal("100.00"),
    )
    assert found[2].block == "CNSSPRL202604100001-001"
    report = pain_status.inspect(io.BytesIO(data))
    assert (report.original_message_id, report.original_count, report.original_sum) == (
        "CNSSPRL202604100001", 2, Decimal("200.00"),
    )  # fmt: skip
    kinds = [(line.kind, line.reason_code) for line in text_files.lines(data, STANDARD)]
    assert kinds == [(LineKind.INFO, ""), (LineKind.REJECT, "AM04")]


def test_a_refused_file_lists_no_order() -> None:
    group = "<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn><AddtlInf>format</AddtlInf></StsRsnInf>"
    (only,) = statuses(pain_002(group=group))
    assert (only.level, only.code, only.reason, only.reason_text) == (
        "file",
        "RJCT",
        "FF01",
        "format",
    )


def test_a_refused_block_follows_its_orders() -> None:
    found = statuses(pain_002(block(status="RJCT"), block(order("T26000000136", "ACCP"))))
    assert [(one.level, one.code) for one in found][1:] == [
        ("block", "RJCT"),
        ("order", "ACCP"),
        ("block", ""),
    ]


def test_the_version_that_goes_with_our_orders_is_read_without_its_schema() -> None:
    assert text_files.codes(pain_002(group="<GrpSts>ACTC</GrpSts>", version="10"), STANDARD) == [
        "F25"
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (pain_002(block(order("T26000000136", "YES!"))), "E-F09"),
        (pain_002(block(order("T26000000136", "RJCT", amount="1e5"))), "E-L01"),
        (pain_002(original="pain.001.001.09"), "E-F08"),
        (pain_002().replace(b"<MsgId>R1</MsgId>", b"<MsgId/>"), "E-F09"),
        (pain_002(block(order("A", "RJCT"), order("B", "RJCT"), count="1")), "E-F14"),
        (pain_002().replace(b"<Document", b"<!DOCTYPE x []><Document"), "E-F06"),
        (
            pain_002(
                group="<OrgnlNbOfTxs>5</OrgnlNbOfTxs><NbOfTxsPerSts><DtldNbOfTxs>2</DtldNbOfTxs>"
                "<DtldSts>RJCT</DtldSts></NbOfTxsPerSts>"
            ),
            "E-F14",
        ),
    ],
)
def test_a_wrong_answer_is_refused_with_its_code(data: bytes, code: str) -> None:
    assert code in text_files.codes(data, STANDARD)


def test_an_order_without_amount_gives_no_line_and_keeps_its_status() -> None:
    bare = (
        order("T26000000136", "RJCT").replace("<OrgnlTxRef>", "").split("<Amt>", maxsplit=1)[0]
        + "</TxInfAndSts>"
    )
    data = pain_002(block(bare))
    assert text_files.lines(data, STANDARD) == []
    assert [one.code for one in statuses(data) if one.level == "order"] == ["RJCT"]
    assert text_files.inspected(data, STANDARD).format.value == "pain.002"
