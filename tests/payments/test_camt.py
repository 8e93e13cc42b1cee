"""camt.053 and camt.054: what is read, and every hostile or damaged file told by its code."""

import codecs
import socket
import threading
from datetime import date
from decimal import Decimal

import pytest

from payments.codecs.camt_entry import read_amount
from payments.codecs.faults import SENTENCES, Faults, FormatError, fault, quoted
from payments.codecs.records import IdentityRule, account_number, identity
from payments.enums import LineKind
from tests.payments.camt_files import RIB, camt, details, entry, inspected, lines

D = Decimal


def codes(data: bytes, **profile: object) -> list[str]:
    """The codes told about a file, whoever refuses it."""
    try:
        return [item.code for item in inspected(data, **profile).faults]
    except FormatError as error:
        return [error.fault.code]


@pytest.mark.parametrize("version", ["02", "04", "06", "08", "13"])
@pytest.mark.parametrize("kind", ["053", "054"])
def test_every_version_reads_alike(kind: str, version: str) -> None:
    tx = details(
        ref="T1", e2e="E2E-1", rf="RF08123456726010179", payer="Atlas SARL", version=version
    )
    data = camt(
        entry("843.60", ref="A1", txs=tx, version=version),
        kind=kind,
        version=version,
        balances=("100.00", "943.60"),
    )
    summary = inspected(data)
    assert list(summary.faults) == []
    (line,) = lines(data)
    assert (line.kind, line.amount, line.our_account) == (LineKind.CREDIT, D("843.60"), RIB)
    assert (line.bank_ref, line.end_to_end, line.creditor_ref) == (
        "T1",
        "E2E-1",
        "RF08123456726010179",
    )
    assert (line.payer_name, line.booking_day, line.status) == (
        "Atlas SARL",
        date(2026, 4, 10),
        "BOOK",
    )
    assert (summary.credits, summary.credit_total) == (1, D("843.60"))


def test_status_as_text_in_a_version_08_file_is_read() -> None:
    data = camt(entry().replace("<Cd>BOOK</Cd>", "BOOK"))
    assert lines(data)[0].kind is LineKind.CREDIT


@pytest.mark.parametrize("status", ["PDNG", "INFO", "FUTR", ""])
def test_only_booked_entries_settle(status: str) -> None:
    data = camt(entry(status=status))
    assert codes(data) == []
    (line,) = lines(data)
    assert line.kind is LineKind.INFO
    assert [note.code for note in line.notes] == ["L06"]


def test_several_transactions_give_one_line_each() -> None:
    txs = details(amount="60.00", ref="T1") + details(amount="40.00", ref="T2")
    found = lines(camt(entry("100.00", ref="A1", txs=txs)))
    assert [(line.rank, line.amount, line.bank_ref) for line in found] == [
        (1, D("60.00"), "T1"),
        (2, D("40.00"), "T2"),
    ]


def test_transactions_without_own_reference_take_that_of_the_entry_and_their_index() -> None:
    txs = details(amount="60.00") + details(amount="40.00")
    found = lines(camt(entry("100.00", ref="A1", txs=txs)))
    assert [line.bank_ref for line in found] == ["A1#1", "A1#2"]


def test_a_gap_equal_to_the_declared_charges_is_a_line_of_its_own() -> None:
    tx = details(
        amount="10.00",
        ref="T1",
        sign="DBIT",
        extra='<Chrgs><Rcrd><Amt Ccy="MAD">3.00</Amt></Rcrd><Rcrd><Amt Ccy="MAD">2.50</Amt></Rcrd></Chrgs>'
        "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>",
    )
    found = lines(camt(entry("15.50", sign="DBIT", txs=tx)))
    assert [(line.amount, line.kind, line.is_reversal) for line in found] == [
        (D("10.00"), LineKind.DEBIT, True),
        (D("5.50"), LineKind.DEBIT, False),
    ]
    assert found[0].reason_code == "AM04"


def test_details_that_do_not_add_up_make_the_whole_entry_wait() -> None:
    txs = details(amount="60.00") + details(amount="39.00")
    (line,) = lines(camt(entry("100.00", txs=txs)))
    assert line.amount == D("100.00")
    assert line.waits is not None
    assert line.waits.code == "L18"


@pytest.mark.parametrize(("sign", "kind"), [("CRDT", LineKind.CREDIT), ("DBIT", LineKind.DEBIT)])
def test_the_reversal_flag_never_inverts_the_sign(sign: str, kind: LineKind) -> None:
    (line,) = lines(camt(entry(sign=sign, extra="<RvslInd>true</RvslInd>")))
    assert (line.kind, line.is_reversal) == (kind, True)


def test_success_lines_of_a_returns_file_reverse_nothing() -> None:
    tx = details(ref="T1", extra="<RtrInf><Rsn><Prtry>0000</Prtry></Rsn></RtrInf>")
    (line,) = lines(camt(entry(sign="DBIT", txs=tx)))
    assert (line.kind, line.is_reversal) == (LineKind.INFO, False)


@pytest.mark.parametrize("word", ["NOTPROVIDED", "NONREF", "NSTREF", "0", " "])
def test_the_words_for_no_reference_are_no_reference(word: str) -> None:
    (line,) = lines(camt(entry(txs=details(e2e=word, rf=word))))
    assert (line.end_to_end, line.creditor_ref) == ("", "")


def test_free_text_keeps_its_pieces_apart() -> None:
    (line,) = lines(camt(entry(txs=details(text=("1234567260", "10179")))))
    assert line.free_text == "1234567260\n10179"


def test_missing_value_day_is_told() -> None:
    (line,) = lines(camt(entry(value=None)))
    assert [note.code for note in line.notes] == ["L07"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("100", D("100.00")),
        ("100.5", D("100.50")),
        ("100.50000", D("100.50")),
        ("0.00", "E-L02"),
        ("-5.00", "E-L02"),
        ("1e5", "E-L01"),
        ("1_000", "E-L01"),
        ("1,50", "E-L01"),
        ("+5", "E-L01"),
        ("", "E-L01"),
        ("٣٤٥", "E-L01"),
        ("１２", "E-L01"),
        ("100.001", "E-L03"),
        ("NaN", "E-L01"),
    ],
)
def test_amounts_enter_by_ascii_digits_only(text: str, found: object) -> None:
    assert read_amount(text) == found
    if isinstance(found, str):
        assert codes(camt(entry(text))) == [found]


@pytest.mark.parametrize("amount", ["1<!-- -->00.00", "100<?x y?>.00", "100.00<!-- 1 -->"])
def test_a_comment_inside_an_amount_refuses_the_file(amount: str) -> None:
    assert codes(camt(entry(amount))) == ["E-L01"]
    tx = details(amount="50.00") + details(amount="5<!-- -->0.00")
    assert codes(camt(entry("100.00", txs=tx)))[0] == "E-L01"


def test_comments_between_elements_are_harmless() -> None:
    data = camt(entry(), header="<!-- relevé du jour -->")
    assert codes(data) == []
    assert lines(data)[0].amount == D("100.00")


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE Document SYSTEM "http://127.0.0.1:{port}/x.dtd">',
        '<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Document [<!ENTITY a "aa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        "<!DOCTYPE Document>",
    ],
)
def test_any_doctype_is_refused_and_nothing_is_fetched(doctype: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.2)
        reached: list[bool] = []

        def wait() -> None:
            try:
                listener.accept()[0].close()
                reached.append(True)
            except TimeoutError:
                pass

        thread = threading.Thread(target=wait)
        thread.start()
        text = doctype.replace("{port}", str(listener.getsockname()[1]))
        data = camt(entry(), declaration='<?xml version="1.0" encoding="UTF-8"?>' + text)
        assert codes(data) == ["E-F06"]
        thread.join()
        assert reached == []


def test_lying_encoding_is_refused_with_its_offset() -> None:
    data = camt(entry(txs=details(text=("Société",)))).replace(
        "Société".encode(), "Société".encode("latin-1")
    )
    summary = inspected(data)
    (told,) = summary.faults
    assert told.code == "E-F07"
    assert told.facts["octet"] == str(data.index(b"\xe9"))
    assert told.facts["encodage"] == "UTF-8"


def test_declared_latin_1_is_read_as_latin_1() -> None:
    data = (
        camt(
            entry(txs=details(text=("Société",))),
            declaration='<?xml version="1.0" encoding="ISO-8859-1"?>',
        )
        .decode()
        .encode("latin-1")
    )
    assert codes(data) == []
    assert lines(data)[0].free_text == "Société"


@pytest.mark.parametrize("name", ["UTF-7", "windows-1252", "klingon", "UTF-16"])
def test_an_encoding_outside_the_list_is_refused(name: str) -> None:
    data = camt(entry(), declaration=f'<?xml version="1.0" encoding="{name}"?>')
    assert codes(data) == ["E-F07"]


def test_utf_16_and_a_byte_order_mark_are_read() -> None:
    text = camt(entry(), declaration='<?xml version="1.0" encoding="UTF-16"?>').decode()
    assert codes(codecs.BOM_UTF16_LE + text.encode("utf-16-le")) == []
    assert codes(codecs.BOM_UTF8 + camt(entry())) == []


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file_is_refused_and_says_where(cut: float) -> None:
    data = camt(*[entry(ref=f"A{n}") for n in range(50)])
    (told,) = inspected(data[: int(len(data) * cut)]).faults
    assert told.code == "E-F05"
    assert int(told.facts["ligne"]) >= 1


def test_nul_control_characters_and_depth_are_refused() -> None:
    assert codes(camt(entry(txs=details(text=("a\x01b",))))) == ["E-F05"]
    assert codes(camt(entry(extra="<x>" * 300 + "</x>" * 300))) == ["E-F05"]
    assert codes(b"\n" + camt(entry())) == ["E-F05"]


@pytest.mark.parametrize("data", [b"", b"  \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(data: bytes) -> None:
    assert codes(data) == ["E-F01"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"%PDF-1.7", "E-F03"),
        (b"a;b;c", "E-F03"),
        (b"<html><body/></html>", "E-F03"),
        (camt(entry(), kind="052"), "E-F08"),
        (camt(entry(), namespace="urn:autre:banque"), "E-F08"),
        (camt(entry(), namespace="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"), "E-F08"),
        (
            b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><FIToFICstmrCdtTrf/></Document>',
            "E-F08",
        ),
    ],
)
def test_what_is_not_ours_is_refused_by_name(data: bytes, code: str) -> None:
    assert codes(data) == [code]


def test_a_namespace_named_by_the_profile_is_read() -> None:
    data = camt(entry(), namespace="urn:autre:banque")
    assert codes(data, namespaces=frozenset({"urn:autre:banque"})) == []
    assert codes(camt(entry(), namespace="")) == []


@pytest.mark.parametrize("currency", ["EUR", "mad", "XXX"])
def test_foreign_currency_is_refused(currency: str) -> None:
    assert codes(camt(entry(currency=currency))) == ["E-F13"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sign": ""}, "E-L05"),
        ({"day": ""}, "E-L04"),
        ({"day": "2026-02-30"}, "E-L04"),
        ({"day": "10/04/2026"}, "E-L04"),
        ({"day": "٢٠٢٦-٠٤-١٠"}, "E-L04"),
        ({"value": "demain"}, "E-L04"),
    ],
)
def test_a_line_that_cannot_be_read_refuses_the_file(change: dict[str, str], code: str) -> None:
    assert codes(camt(entry(**change))) == [code]


def test_control_totals_are_checked_against_entries_of_all_statuses() -> None:
    good = (
        "<TxsSummry><TtlNtries><NbOfNtries>3</NbOfNtries><Sum>175.00</Sum></TtlNtries>"
        "<TtlCdtNtries><NbOfNtries>2</NbOfNtries><Sum>150.00</Sum></TtlCdtNtries>"
        "<TtlDbtNtries><NbOfNtries>1</NbOfNtries><Sum>25.00</Sum></TtlDbtNtries></TxsSummry>"
    )
    entries = (entry("100.00"), entry("50.00", status="PDNG"), entry("25.00", sign="DBIT"))
    assert codes(camt(*entries, header=good)) == []
    assert codes(camt(*entries, header=good.replace(">3<", ">4<"))) == ["E-F14"]
    assert codes(camt(*entries, header=good.replace("150.00", "150.01"))) == ["E-F14"]
    assert codes(camt(entries[0], header=good)) == ["E-F14"] * 3


def test_batch_totals_are_checked_against_their_transactions() -> None:
    txs = details(amount="60.00") + details(amount="40.00")
    batch = "<Btch><PmtInfId>B1</PmtInfId><NbOfTxs>2</NbOfTxs><TtlAmt>100.00</TtlAmt></Btch>"
    assert codes(camt(entry("100.00", txs=txs, details_extra=batch))) == []
    assert codes(camt(entry("100.00", txs=txs, details_extra=batch.replace(">2<", ">3<")))) == [
        "E-F14"
    ]
    assert codes(
        camt(entry("100.00", txs=txs, details_extra=batch.replace("100.00", "99.00")))
    ) == ["E-F14"]
    assert lines(camt(entry("100.00", txs=txs, details_extra=batch)))[1].batch == "B1"


def test_balances_of_a_statement_must_close() -> None:
    entries = (entry("100.00"), entry("30.00", sign="DBIT"), entry("7.00", status="PDNG"))
    assert codes(camt(*entries, kind="053", balances=("10.00", "80.00"))) == []
    assert codes(camt(*entries, kind="053", balances=("-100.00", "-30.00"))) == []
    assert codes(camt(*entries, kind="053", balances=("10.00", "80.01"))) == ["E-F15"]
    assert codes(camt(*entries, kind="053")) == ["E-F09"]


def test_balances_that_close_with_reversals_inverted_say_so() -> None:
    flagged = entry("30.00", sign="CRDT", extra="<RvslInd>true</RvslInd>")
    data = camt(entry("100.00"), flagged, kind="053", balances=("0.00", "70.00"))
    assert codes(data) == ["E-F15i"]
    assert codes(data, invert_reversals=True) == []
    assert lines(data, invert_reversals=True)[1].kind is LineKind.DEBIT


def test_a_copy_settles_nothing() -> None:
    data = camt(entry(), header="<CpyDplctInd>DUPL</CpyDplctInd>")
    (line,) = lines(data)
    assert line.kind is LineKind.INFO
    assert line.notes[0].code == "F18"


def test_an_empty_day_is_welcome() -> None:
    assert codes(camt()) == ["F21"]


def test_message_and_statement_must_have_an_identifier() -> None:
    assert codes(camt(entry(), message_id="")) == ["E-F09"]
    assert codes(camt(entry(), statement_id="")) == ["E-F09"]


def test_a_refusal_lists_a_hundred_faults_then_counts() -> None:
    faults = inspected(camt(*[entry("1e5")] * 130)).faults
    assert (len(faults.listed), faults.more) == (100, 30)
    assert faults.refuses


def test_a_refusal_behind_a_hundred_warnings_is_not_lost() -> None:
    faults = Faults()
    for _ in range(100):
        faults.add("F21")
    faults.add("E-F01")
    assert faults.refuses


def test_iban_and_rib_name_the_same_account() -> None:
    assert account_number("MA64 2307 8012 3456 7890 1200 0038") == RIB
    data = camt(entry()).replace(
        f"<Othr><Id>{RIB}</Id></Othr>".encode(), f"<IBAN>MA64{RIB}</IBAN>".encode()
    )
    assert lines(data)[0].our_account == RIB


def test_identity_uses_the_first_rule_that_has_what_it_needs() -> None:
    def rule(data: bytes) -> IdentityRule:
        return identity(lines(data)[0])[0]

    assert rule(camt(entry(ref="A", txs=details(ref="T", e2e="E")))) is IdentityRule.TRANSACTION
    assert rule(camt(entry(ref="A", txs=details(e2e="E")))) is IdentityRule.ENTRY
    assert rule(camt(entry(txs=details(e2e="E")))) is IdentityRule.END_TO_END
    assert rule(camt(entry(txs=details()))) is IdentityRule.FINGERPRINT


def test_identity_does_not_depend_on_the_statement_that_carries_the_line() -> None:
    one = lines(camt(entry(txs=details(text=("loyer",))), statement_id="S1"))[0]
    other = lines(camt(entry(txs=details(text=("LOYER ",))), statement_id="S2", kind="053"))[0]
    assert identity(one) == identity(other)


def test_every_sentence_can_be_said() -> None:
    import string

    for code, text in SENTENCES.items():
        names = [name for _, name, _, _ in string.Formatter().parse(text) if name]
        assert fault(code, **dict.fromkeys(names, "x")).text()


def test_quoted_values_are_short_and_cannot_break_the_return_file() -> None:
    assert quoted("a;b\nc") == "a b c"
    assert len(quoted("x" * 100)) == 40
