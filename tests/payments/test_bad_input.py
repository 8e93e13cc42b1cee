"""Hostile, damaged and foreign files: each refused with its code, in both languages, and not one row moved."""

import io
import random
import zipfile
from decimal import Decimal

import pytest
import time_machine
from django.utils import translation

from payments.codecs.faults import SENTENCES, fault
from payments.models import Allocation, BankFile, BankLine, LedgerEntry, LedgerLine, PaymentSlip
from payments.queries import return_lines, slip_facts
from payments.workflows.bank_files import due_files, import_file
from portal import clock
from tests.cast import Cast
from tests.payments.camt_files import OTHER_RIB, camt, details, entry
from tests.payments.factories import received, slip

pytestmark = pytest.mark.django_db
D = Decimal

# Section by section, what a bank may be told: every code of the exchange has its sentence.
CODES = (
    [f"E-F{n:02}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 22, 23, 24)]
    + ["E-F19f", "E-F19o", "F10", "F16", "F18", "F21", "F25", "E-L01", "E-L02", "E-L03", "E-L04", "E-L05"]
    + [f"L{n:02}" for n in range(6, 26)]
)  # fmt: skip


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        yield


@pytest.mark.parametrize("code", CODES)
def test_every_code_of_the_exchange_is_worded_in_french_and_arabic(code: str) -> None:
    assert code in SENTENCES
    with translation.override("ar"):
        arabic = translation.gettext(SENTENCES[code])
    assert arabic != SENTENCES[code]
    assert any("\u0600" <= letter <= "\u06ff" for letter in arabic)


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members:
            made.writestr(name, data)
    return out.getvalue()


RIB = "{rib}"
GOOD = camt(entry(ref="A1", txs=details(ref="T1")), account=RIB)
ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
BOMB = GOOD.replace(
    b"<Document", f'<!DOCTYPE d [<!ENTITY a0 "ha">{ENTITIES}]><Document'.encode(), 1
)
XXE = GOOD.replace(
    b"<Document", b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Document', 1
).replace(b">S1<", b">&x;<")

TOTALS = "<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries></TxsSummry>"
PACS = b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><FIToFICstmrCdtTrf/></Document>'
PAGE = b"</CreDtTm><MsgPgntn><PgNb>2</PgNb><LastPgInd>true</LastPgInd></MsgPgntn></GrpHdr>"
CP1 = (
    b"E;CP1;{bank};F1;20260410180000;20260410;{rib};MAD\n"
    b"D;2;ENC;VIR;B1;;;;;X;100;20260410;20260410;;;\nF;1;100;0;0;0;0\n"
)

HOSTILE = [
    ("an external entity", XXE, "E-F06"),
    ("an entity bomb", BOMB, "E-F06"),
    ("a document type", GOOD.replace(b"<Document", b"<!DOCTYPE d><Document", 1), "E-F06"),
    ("a comment inside an amount", GOOD.replace(b">100.00<", b">100<!-- -->0.00<"), "E-L01"),
    ("a lying encoding", GOOD.replace(b">M1<", ">Société<".encode("latin-1")), "E-F07"),
    ("a truncated file", GOOD[:-40], "E-F05"),
    ("an exponent", GOOD.replace(b">100.00<", b">1e5<"), "E-L01"),
    ("figures of another script", GOOD.replace(b">100.00<", ">١٠٠.٠٠<".encode()), "E-L01"),
    ("three decimals", GOOD.replace(b">100.00<", b">100.005<"), "E-L03"),
    ("a negative amount", GOOD.replace(b">100.00<", b">-100.00<"), "E-L02"),
    ("no sign", camt(entry(sign=""), account=RIB), "E-L05"),
    ("a wrong day", camt(entry(day="2026-02-30"), account=RIB), "E-L04"),
    ("a day to come", camt(entry(day="2026-04-11"), account=RIB), "E-F19f"),
    ("a day long gone", camt(entry(day="2020-04-10"), account=RIB), "E-F19o"),
    ("wrong totals", camt(entry(), account=RIB, header=TOTALS), "E-F14"),
    ("wrong balances", camt(entry(), kind="053", account=RIB, balances=("0.00", "99.00")), "E-F15"),
    ("an unknown account", camt(entry(), account=OTHER_RIB), "E-F12"),
    ("a foreign currency", camt(entry(currency="EUR"), account=RIB), "E-F13"),
    ("a provisional statement", camt(entry(), kind="052", account=RIB), "E-F08"),
    ("an order between banks", PACS, "E-F08"),
    ("another bank's file", b"E;CP1;999;F1;20260410180000;20260410;{rib};MAD\nF;0;0;0;0;0;0\n", "E-F20"),
    ("a wrong rank", CP1, "E-F24"),
    ("an element of no schema", GOOD.replace(b"<BkTxCd/>", b"<BkTxCd/><Surprise/>"), "E-F09"),
    ("two files in an archive", zipped(("a.xml", GOOD), ("b.xml", GOOD)), "E-F04"),
    ("a dense archive", zipped(("a.xml", b"<" + b" " * 30_000_000)), "E-F04"),
    ("nothing", b"", "E-F01"),
    ("noise", random.Random(7).randbytes(500), "E-F03"),
    ("a page without the others", GOOD.replace(b"</CreDtTm></GrpHdr>", PAGE), "E-F17"),
]  # fmt: skip


def counts() -> list[int]:
    return [model.objects.count() for model in (BankLine, LedgerEntry, LedgerLine, Allocation)]


@pytest.mark.parametrize(
    ("data", "code"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE]
)
def test_a_bad_file_is_refused_and_moves_nothing(cast: Cast, data: bytes, code: str) -> None:
    owed = slip(cast.affiliate)
    before = counts()
    if not data.startswith(b"PK"):
        account = cast.bank_account
        data = data.replace(b"{rib}", account.rib.encode()).replace(
            b"{bank}", account.bank.code.encode()
        )
    bank_file = received(cast.bank, cast.bank_account, data)
    assert code in [one["code"].rstrip("a") for one in bank_file.faults]
    assert bank_file.verdict == ("incomplete" if code == "E-F17" else "refused")
    assert bank_file.state == "done"
    owed.refresh_from_db()
    assert (counts(), owed.outstanding, owed.state) == (before, D("100.00"), "issued")
    if bank_file.verdict == "refused":
        told = list(return_lines(bank_file))
        assert {line.verdict.value for line in told} == {"REF"}
        assert all(line.message for line in told)


def test_the_same_identifier_with_other_content_is_refused(cast: Cast) -> None:
    rib = cast.bank_account.rib
    received(cast.bank, cast.bank_account, camt(entry(ref="A1"), account=rib))
    before = counts()
    again = received(cast.bank, cast.bank_account, camt(entry("200.00", ref="A2"), account=rib))
    assert (again.verdict, again.faults[0]["code"]) == ("refused", "E-F11")
    assert counts() == before


def test_the_same_bytes_are_answered_with_the_first_receipt(cast: Cast) -> None:
    data = camt(entry(ref="A1"), account=cast.bank_account.rib)
    first = received(cast.bank, cast.bank_account, data)
    before = counts()
    assert received(cast.bank, cast.bank_account, data).pk == first.pk
    assert (counts(), BankFile.objects.count()) == (before, 1)


def test_a_cause_is_told_in_arabic_too() -> None:
    told = fault("E-F04", cause="elle est protégée par un mot de passe")
    with translation.override("ar"):
        text = told.text(translation.gettext)
    assert "protégée" not in text


# ------------------------------------------------------------------ pages


def page(cast: Cast, number: int, *entries: str, last: bool = False) -> bytes:
    more = f"<MsgPgntn><PgNb>{number}</PgNb><LastPgInd>{'true' if last else 'false'}</LastPgInd></MsgPgntn>"
    data = camt(*entries, account=cast.bank_account.rib, statement_id=f"S{number}")
    return data.replace(b"</CreDtTm></GrpHdr>", f"</CreDtTm>{more}</GrpHdr>".encode())


def test_nothing_of_a_message_in_pages_counts_before_its_last_page(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    rf = slip_facts(owed).creditor_reference
    bank, account = cast.bank, cast.bank_account
    third = received(
        bank, account, page(cast, 3, entry("30.00", txs=details(ref="T3", rf=rf)), last=True)
    )
    first = received(bank, account, page(cast, 1, entry("10.00", txs=details(ref="T1", rf=rf))))
    assert (third.verdict, first.verdict) == ("incomplete", "incomplete")
    assert first.faults[0] == {"code": "E-F17", "facts": {"pages": "2"}}
    assert not BankLine.objects.exists()
    second = received(bank, account, page(cast, 2, entry("20.00", txs=details(ref="T2", rf=rf))))
    assert second.verdict == "accepted"
    for waiting in (first, third):
        waiting.refresh_from_db()
        assert (waiting.verdict, waiting.state, waiting.faults) == ("accepted", "waiting", [])
        again = received(bank, account, page(cast, 1, entry("10.00", txs=details(ref="T1", rf=rf))))
        assert again.pk == first.pk

    for pk in due_files(at=clock.now()):
        import_file(bank_file_id=pk, at=clock.now())
    owed.refresh_from_db()
    assert (owed.outstanding, BankLine.objects.count()) == (D("40.00"), 3)
    assert set(BankFile.objects.values_list("state", flat=True)) == {"done"}


def test_another_content_for_the_same_page_is_refused(cast: Cast) -> None:
    received(cast.bank, cast.bank_account, page(cast, 1, entry(ref="A1")))
    again = received(cast.bank, cast.bank_account, page(cast, 1, entry("5.00", ref="A2")))
    assert (again.verdict, again.faults[0]["code"]) == ("refused", "E-F11")
    assert PaymentSlip.objects.count() == 0
