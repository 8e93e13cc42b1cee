"""The return file CR1 of every format we read: the same bytes at both doors, a verdict a line, sums that agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from payments.codecs import cr1
from payments.codecs.kinds import FileFormat
from payments.codecs.sniff import READABLE
from payments.enums import BankFileVerdict, KeyScope, LineVerdict
from payments.models import BankFile, BankProfile, DebitRun
from payments.queries import file_totals, slip_facts
from payments.workflows.bank_files import import_file
from payments.workflows.bank_keys import issue_key
from portal import clock
from tests.affiliates.factories import UserFactory
from tests.cast import Cast
from tests.payments import text_files
from tests.payments.camt_files import camt, details, entry
from tests.payments.debit_world import sent, signed
from tests.payments.factories import slip, supervisor
from tests.payments.test_pain_status import block, order, pain_002
from tests.payments.text_files import cfonb_120, cfonb_160, cfonb_240, detail_240, mt940, order_160

pytestmark = pytest.mark.django_db
D = Decimal
NOW = datetime(2026, 4, 10, 12, 30, tzinfo=UTC)
FILES = "/api/v1/bank-files/"


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def agreed(cast: Cast) -> BankProfile:
    """What was agreed with this bank: the French formats too, with the account they call otherwise."""
    return BankProfile.objects.create(
        bank=cast.bank_account.bank, version=1, agreement="Accord 1", state="approved",
        data={
            "encoding": "cp1252",
            "accounts": {text_files.PLACE: cast.bank_account.rib},
            "reasons": {"10": "AM04"},
            "operations": {"27": "unpaid"},
        },
        effective_from=date(2026, 1, 1), proposed_by=cast.staff, proposed_at=NOW,
        decided_by=UserFactory(is_staff=True), decided_at=NOW,
    )  # fmt: skip


def rf(cast: Cast) -> str:
    return slip_facts(slip(cast.affiliate)).creditor_reference


def notice(cast: Cast, kind: str = "054", **more: object) -> bytes:
    paid = details(ref="P1", rf=rf(cast))
    entries = entry("100.00", txs=paid), entry("7.00", ref="U1")
    return camt(*entries, kind=kind, account=cast.bank_account.rib, **more)  # type: ignore[arg-type]


def statement(cast: Cast) -> bytes:
    return notice(cast, "053", balances=("10.00", "117.00"))


def an_order(cast: Cast) -> str:
    made = signed(cast, slip(cast.affiliate))
    sent(cast)
    return made.reference


def answer(cast: Cast) -> bytes:
    said = pain_002(block(order(an_order(cast), "RJCT", "AM04")))
    run = DebitRun.objects.get().message_id
    return said.replace(b"CNSSPRL202604100001", run.encode())


def french_statement(cast: Cast) -> bytes:
    told = text_files.record_120(
        "04", 10_000, at33="05", at43="100426", at49=rf(cast), at82="0000001", at105="P1"
    )
    return cfonb_120(told, opening=0, closing=10_000)


def french_unpaid(cast: Cast) -> bytes:
    return cfonb_160(order_160(an_order(cast), 10_000, "10"), total=10_000)


def french_details(cast: Cast) -> bytes:
    one = detail_240(2, 10_000, at123="R1", at217="100426", at223="R1")
    return cfonb_240(one, total=10_000)


def swift(cast: Cast) -> bytes:
    told = f":61:2604100410C100,00NTRFNONREF//P1\n:86:/REMI/{rf(cast)}"
    account = cast.bank_account.rib
    return mt940(told, closing="C260410MAD1100,00", account=account).encode()


def simple(cast: Cast) -> bytes:
    account, code = cast.bank_account.rib, slip(cast.affiliate).payment_reference
    return (
        f"E;CP1;230;F1;20260410120000;20260410;{account};MAD\n"
        f"D;1;ENC;AGE;P1;{code};;;;AL BARAKA;10000;20260410;20260410;;;\n"
        "D;2;ENC;AGE;P2;;;;;ETS BENNIS;700;20260410;20260410;;;\n"
        "F;2;10700;0;0;0;0\n"
    ).encode()


FORMATS: dict[FileFormat, tuple[Callable[[Cast], bytes], list[tuple[str, Decimal]]]] = {
    FileFormat.CAMT_054: (notice, [("ACC", D("100.00")), ("ATT", D("7.00"))]),
    FileFormat.CAMT_053: (statement, [("ACC", D("100.00")), ("ATT", D("7.00"))]),
    FileFormat.PAIN_002: (answer, []),
    FileFormat.CFONB_120: (french_statement, [("ACC", D("100.00"))]),
    # The refusal of an order of ours, and that of one we do not know.
    FileFormat.CFONB_160: (french_unpaid, [("ACC", D("100.00"))]),
    FileFormat.CFONB_240: (french_details, [("ATT", D("100.00"))]),
    FileFormat.MT940: (swift, [("ACC", D("100.00"))]),
    FileFormat.CP1: (simple, [("ACC", D("100.00")), ("ATT", D("7.00"))]),
}


def test_no_format_is_left_out() -> None:
    assert set(FORMATS) == READABLE


def person(cast: Cast, language: str = "fr") -> Client:
    client = Client()
    client.force_login(cast.bank)
    client.cookies["django_language"] = language
    return client


def machine(cast: Cast) -> Client:
    key = issue_key(
        actor=supervisor(), bank=cast.bank_account.bank, label="nuit",
        scopes=(KeyScope.SEND, KeyScope.READ), days=30, at=clock.now(),
    )  # fmt: skip
    return Client(headers={"authorization": f"Bearer {key.token}"})


def taken(client: Client, address: str) -> bytes:
    found = client.get(address)
    assert (found.status_code, found["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert found["Content-Disposition"].startswith("attachment")
    return b"".join(found.streaming_content) if found.streaming else found.content  # type: ignore[arg-type]


def addresses(found: BankFile) -> tuple[str, str]:
    return (
        reverse("payments:bank_return_file", args=[found.receipt_number]),
        f"{FILES}{found.receipt_number}/return-file/",
    )


def sent_by(client: Client, address: str, data: bytes, **more: object) -> BankFile:
    upload = SimpleUploadedFile("fichier.txt", data)
    assert client.post(address, {"file": upload}, **more).status_code in (201, 302)  # type: ignore[arg-type]
    found = BankFile.objects.latest("pk")
    import_file(bank_file_id=found.pk, at=clock.now())
    found.refresh_from_db()
    return found


@pytest.mark.parametrize("kind", list(FORMATS))
@pytest.mark.parametrize("by_machine", [False, True], ids=["sent by form", "sent by machine"])
def test_both_doors_give_the_same_bytes(
    cast: Cast, agreed: BankProfile, kind: FileFormat, by_machine: bool
) -> None:
    write, expected = FORMATS[kind]
    data, caller = write(cast), machine(cast)
    if by_machine:
        found = sent_by(caller, FILES, data, headers={"idempotency-key": "K1"})
    else:
        found = sent_by(person(cast), reverse("payments:bank_home"), data)
    assert (found.format, found.state) == (kind.value, "done")
    assert found.verdict != BankFileVerdict.REFUSED.value, found.faults
    by_form, by_api = addresses(found)
    content = taken(caller, by_api)
    # A file for programs: the language of whoever takes it changes nothing.
    assert taken(person(cast), by_form) == taken(person(cast, "ar"), by_form) == content
    header, answers = cr1.read(content)
    assert (header.sha256, header.file_id) == (found.sha256, found.message_id)
    assert [(one.verdict.value, one.amount) for one in answers] == expected
    assert len(answers) == found.lines.count() == len(expected)
    totals = {row.verdict: (row.count, row.amount) for row in file_totals(found).by_verdict}
    for verdict in LineVerdict:
        mine = [one.amount for one in answers if one.verdict is verdict]
        assert totals.get(verdict, (0, D("0.00"))) == (len(mine), sum(mine, D("0.00")))


def test_a_refused_file_has_the_same_answer_at_both_doors(cast: Cast) -> None:
    caller = machine(cast)
    found = sent_by(caller, FILES, b"E;CP1;230", headers={"idempotency-key": "K1"})
    assert found.verdict == BankFileVerdict.REFUSED.value
    by_form, by_api = addresses(found)
    assert taken(person(cast), by_form) == taken(caller, by_api)
    _header, answers = cr1.read(taken(caller, by_api))
    assert {one.verdict for one in answers} == {LineVerdict.REFUSED}
