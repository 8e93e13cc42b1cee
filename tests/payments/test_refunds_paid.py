"""The debit by which our bank pays a refund closes it, to the centime and once; anything else of it is for a clerk."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine
from django.db.models import F, Sum
from django.test import Client
from django.urls import reverse

from payments.enums import LineKind, LineVerdict
from payments.ledger_check import check
from payments.matching import Books, Received, Refund, match, references, refund_numbers
from payments.models import BankLine, ClerkAct, LedgerLine
from payments.queries import credit_of, suspense_of
from portal import formats
from tests.cast import Cast
from tests.payments.camt_files import details, entry
from tests.payments.factories import file_of, pay, received, refunded, slip

D = Decimal


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        yield


@pytest.fixture
def refund(cast: Cast) -> ClerkAct:
    """80.00 of credit given back; the bank has not paid it yet."""
    pay(cast, slip(cast.affiliate), "180.00")
    return refunded(cast, "80.00")


def debit(cast: Cast, amount: str, message: str = "M9", **cited: object) -> BankLine:
    txs = details(ref=f"D{message}", **cited)  # type: ignore[arg-type]
    data = file_of(cast, entry(amount, sign="DBIT", txs=txs), message_id=message)
    return received(cast.bank, cast.bank_account, data).lines.get()


def balance(kind: str) -> Decimal:
    lines = LedgerLine.objects.filter(account__kind=kind)
    return lines.aggregate(total=Sum(F("credit") - F("debit")))["total"] or D("0.00")


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["end to end", "free text", "without dash"])
def test_the_debit_closes_the_refund(
    cast: Cast, refund: ClerkAct, client: Client, where: str
) -> None:
    number = refund.order_number
    assert balance("refunds") == D("80.00")
    cited = {
        "end to end": {"e2e": number},
        "free text": {"text": (f"REMBOURSEMENT {number.lower()} BOULANGERIE",)},
        "without dash": {"e2e": number.replace("-", "")},
    }[where]
    line = debit(cast, "80.00", **cited)
    refund.refresh_from_db()
    assert (line.rule, line.verdict, refund.paid_line) == ("RMB", "ACC", line)
    assert (balance("refunds"), balance("bank"), credit_of(cast.affiliate)) == (0, D("-100.00"), 0)
    assert check().breaches == ()
    client.force_login(cast.owner)
    page = client.get(reverse("payments:credit", args=[cast.affiliate.affiliation_number]))
    assert f"Versé le {formats.day(line.booking_day)}" in page.content.decode()


@pytest.mark.django_db
def test_the_same_debit_in_another_file_pays_nothing_more(cast: Cast, refund: ClerkAct) -> None:
    txs = details(ref="D1", e2e=refund.order_number)
    operation = entry("80.00", sign="DBIT", ref="A1", txs=txs)
    received(cast.bank, cast.bank_account, file_of(cast, operation, message_id="M8"))
    again = received(cast.bank, cast.bank_account, file_of(cast, operation, message_id="M9"))
    assert again.lines.get().verdict == "DBL"
    assert check().breaches == ()


@pytest.mark.django_db
def test_another_amount_a_second_debit_and_an_unknown_number_are_for_a_clerk(
    cast: Cast, refund: ClerkAct
) -> None:
    number = refund.order_number
    short = debit(cast, "79.99", "M5", e2e=number)
    assert (short.verdict, short.verdict_code) == ("ATT", "L33")
    assert debit(cast, "80.00", "M6", e2e=number).verdict == "ACC"
    twice = debit(cast, "80.00", "M7", e2e=number)
    assert (twice.verdict, twice.verdict_code) == ("ATT", "L23")
    unknown = debit(cast, "80.00", "M8", e2e="RMB26-9999999")
    assert (unknown.verdict, unknown.verdict_code) == ("ATT", "L22")
    fees = debit(cast, "2.00", "M4", text=("frais de tenue de compte",))
    assert (fees.verdict, fees.verdict_code) == ("INF", "L24")
    assert balance("bank") == D("-100.00")
    assert check().breaches == ()


@pytest.mark.django_db
def test_a_refund_not_decided_yet_is_paid_by_no_debit(cast: Cast, refund: ClerkAct) -> None:
    type(refund).objects.filter(pk=refund.pk).update(state="refused")
    line = debit(cast, "80.00", e2e=refund.order_number)
    assert (line.verdict, line.verdict_code) == ("ATT", "L22")


@pytest.mark.django_db
def test_a_refund_that_its_bank_sends_back_is_proposed_to_the_credit(
    cast: Cast, refund: ClerkAct
) -> None:
    debit(cast, "80.00", "M5", e2e=refund.order_number)
    back = entry(
        "80.00",
        extra="<RvslInd>true</RvslInd>",
        txs=details(ref="B9", e2e=refund.order_number),
    )
    line = received(cast.bank, cast.bank_account, file_of(cast, back, message_id="M6")).lines.get()
    assert (line.verdict, suspense_of(line.pk)) == ("ATT", D("80.00"))
    number = cast.affiliate.affiliation_number
    assert [(one["rule"], one["affiliate"], one["code"]) for one in line.proposals] == [
        ("RMB", number, "")
    ]
    assert check().breaches == ()


def test_numbers_are_read_with_their_bounds() -> None:
    cited = Received(
        1,
        LineKind.DEBIT,
        D("1.00"),
        end_to_end="RMB26-0000012",
        free_text="XRMB26-0000013 RMB26-00000141 rmb260000015/RMB26-0000012",
    )
    assert refund_numbers(cited) == ("RMB26-0000012", "RMB26-0000015")
    credit = Received(1, LineKind.CREDIT, D("1.00"), end_to_end="RMB26-0000012")
    assert refund_numbers(credit) == ()
    books = Books(refunds={"RMB26-0000012": Refund("RMB26-0000012", D("1.00"), "1234567", False)})
    answer = match(cited, references(cited), books)
    assert (answer.verdict, answer.told[-1].code) == (LineVerdict.WAITING, "L26")
