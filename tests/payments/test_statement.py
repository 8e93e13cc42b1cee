"""The statement as the employer reads it: by day, with a true balance after each movement, each with its cause."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from zipfile import ZipFile

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from payments import queries
from payments.models import PaymentSlip
from payments.queries.statement import Span
from payments.workflows.penalties import assess_surcharges
from regulation.enums import Branch
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.factories import received, slip

pytestmark = pytest.mark.django_db
D = Decimal
HOSTILE = "=HYPERLINK(1)"


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        yield


def pay(cast: Cast, owed: PaymentSlip, amount: str, ref: str, *, day: str) -> None:
    told = details(ref=ref, text=(owed.payment_reference,), payer="AL BARAKA")
    received(
        cast.bank,
        cast.bank_account,
        camt(
            entry(amount, txs=told, day=day, value=day),
            account=cast.bank_account.rib,
            message_id=f"M{ref[:9].strip('=')}{day}",
        ),
    )


@pytest.fixture
def owed(cast: Cast) -> PaymentSlip:
    """A surcharge called on 20 March, then a payment that the bank had booked on the 12th; then one too many."""
    made = slip(cast.affiliate, amounts={Branch.PF: "640.00"})
    assess_surcharges(actor=None, slip_id=made.pk, as_of=date(2026, 3, 20))
    pay(cast, made, "640.00", HOSTILE, day="2026-03-12")
    pay(cast, made, "640.00", "B2", day="2026-04-02")
    return made


def at(cast: Cast, name: str, *more: str) -> tuple[Client, str]:
    client = Client()
    client.force_login(cast.owner)
    return client, reverse(f"payments:{name}", args=[cast.affiliate.affiliation_number, *more])


def test_the_movements_run_by_day_and_the_balance_with_them(cast: Cast, owed: PaymentSlip) -> None:
    found = queries.movements(cast.affiliate)
    days = [one.line.entry.booked_on for one in found]
    assert days == sorted(days)
    running = D("0.00")
    for one in found:
        running += one.line.debit - one.line.credit
        assert one.balance == running
    assert running == queries.home_balance(cast.affiliate, on=date(2026, 4, 10)).outstanding - D(
        "640.00"
    )
    # A span opens on the balance of its eve.
    april = queries.movements(cast.affiliate, Span(Period(2026, 4), None))
    before = [one for one in found if one.line.entry.booked_on < date(2026, 4, 1)]
    first = april[0]
    assert first.balance - first.line.debit + first.line.credit == before[-1].balance


def test_each_movement_opens_to_its_cause(cast: Cast, owed: PaymentSlip) -> None:
    client, page = at(cast, "movements")
    text = client.get(page).content.decode()
    assert text.count("D’où vient ce montant") == len(queries.movements(cast.affiliate))
    assert reverse("payments:slip", args=[cast.affiliate.affiliation_number, owed.pk]) in text
    for said in ("B2", "Opération de la banque", "Majoration"):
        assert said in text


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_reference_that_would_run_leaves_as_a_text(
    cast: Cast, owed: PaymentSlip, kind: str
) -> None:
    client, page = at(cast, "export_movements", kind)
    content = b"".join(client.get(page).streaming_content)  # type: ignore[arg-type]
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
        assert {cell[0] for row in rows for cell in row if HOSTILE in cell} == {"'"}
        assert not [cell for row in rows for cell in row if re.match(r"[=+@\t\r]", cell)]
    else:
        with ZipFile(io.BytesIO(content)) as archive:
            sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        assert HOSTILE in sheet
        assert "<f>" not in sheet


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_month_paid_twice_is_told_and_the_credit_says_where_it_comes_from(
    cast: Cast, owed: PaymentSlip, language: str
) -> None:
    client, page = at(cast, "credit")
    client.cookies["django_language"] = language
    answer = client.get(page)
    (pair,) = answer.context["doubles"]
    assert (pair.first.booking_day, pair.second.booking_day) == (
        date(2026, 3, 12),
        date(2026, 4, 2),
    )
    (line,) = answer.context["movements"]
    assert (line.credit, line.debit) == (D("640.00"), D("0.00"))
    text = answer.content.decode()
    assert owed.payment_reference in text
    title = "Vous avez probablement payé deux fois" if language == "fr" else "مرتين"
    assert title in text
