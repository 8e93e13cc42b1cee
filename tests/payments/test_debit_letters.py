"""What an employer reads of a debit that did not pass: which order, how much, why, what to do, how to pay instead."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from affiliates.models import Mandate
from damancom.months import months_of, owed_by
from damancom.notices import notices_of
from payments.ledger_check import check
from payments.models import DebitOrder, PaymentSlip
from payments.workflows.debits.answers import Answer, answer_order
from portal.models import Mail
from tests.cast import Cast
from tests.payments.camt_files import details, entry
from tests.payments.debit_world import sent, signed
from tests.payments.factories import file_of, received, slip
from tests.payments.text_files import mt940

pytestmark = pytest.mark.django_db
D = Decimal
SAID = datetime(2026, 4, 14, 12, tzinfo=UTC)
RETURN = "<RtrInf><Rsn><Cd>{}</Cd></Rsn></RtrInf>"


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(SAID, tick=False):
        yield


@pytest.fixture
def owed(cast: Cast) -> PaymentSlip:
    return slip(cast.affiliate)


@pytest.fixture
def order(cast: Cast, owed: PaymentSlip) -> DebitOrder:
    made = signed(cast, owed)
    sent(cast)
    made.refresh_from_db()
    return made


def rejected(cast: Cast, order: DebitOrder, reason: str) -> None:
    answer_order(order_id=order.pk, answer=Answer("RJCT", SAID, reason), at=SAID)


def booked(cast: Cast, order: DebitOrder) -> None:
    paid = entry("100.00", txs=details(ref="B1", e2e=order.reference))
    received(cast.bank, cast.bank_account, file_of(cast, paid))


def returned(cast: Cast, order: DebitOrder, reason: str) -> None:
    booked(cast, order)
    said = details(ref="B2", e2e=order.reference, extra=RETURN.format(reason))
    back = file_of(cast, entry("100.00", sign="DBIT", txs=said), message_id="M2")
    received(cast.bank, cast.bank_account, back)


def returned_by_statement(cast: Cast, order: DebitOrder, reason: str) -> None:
    """The same by MT940, whose reason is a word of the bank's text."""
    booked(cast, order)
    text = mt940(
        f":61:2604140414D100,00NRTI{order.reference}//B2\n:86:REJET {reason} /EREF/{order.reference}",
        closing="C260414MAD900,00",
        account=cast.bank_account.rib,
    )
    back = received(cast.bank, cast.bank_account, text.encode())
    assert (back.format, back.verdict) == ("mt940", "accepted")


def plain(text: str) -> str:
    return re.sub(r"\s", " ", text)


def letter(order: DebitOrder, event: str, address: str) -> tuple[str, str]:
    """Its subject and its text, spaces made plain."""
    found = Mail.objects.get(key__startswith=f"debit:{order.reference}:{event}", address=address)
    return plain(found.subject), plain(found.text)


WAYS = pytest.mark.parametrize(
    ("happens", "event", "said"),
    [
        (rejected, "rejected", "Prélèvement refusé par la banque : 100,00 DH restent à payer"),
        (returned, "returned", "Prélèvement revenu impayé : 100,00 DH sont dus de nouveau"),
        (
            returned_by_statement,
            "returned",
            "Prélèvement revenu impayé : 100,00 DH sont dus de nouveau",
        ),
    ],
)


@WAYS
@pytest.mark.parametrize(
    ("reason", "why", "then"),
    [
        ("AM04", "Provision insuffisante", "Approvisionnez"),
        ("AC04", "Compte clôturé", "mandat"),
        ("MD06", "Remboursement demandé à la banque", "récla"),
        ("MS03", "Refus de la banque, motif non communiqué", "banque"),
    ],
)
def test_the_letter_says_all_that_is_needed(
    cast: Cast, order: DebitOrder, owed: PaymentSlip, happens, event, said, reason, why, then
) -> None:
    happens(cast, order, reason)
    order.refresh_from_db()
    assert (order.state, order.reason_code) == (event, reason)
    subject, text = letter(order, event, "patronne@exemple.ma")
    assert subject == said
    for part in (
        f"l’ordre {order.reference}",
        "BOULANGERIE AL BARAKA",
        "100,00 DH",
        f"Motif : {why}.",
        "La somme reste due depuis son échéance : des majorations courent si elle est passée.",
        "à tout guichet, par virement ou en ligne",
        f"code de paiement {owed.payment_reference}",
        reverse("payments:order", args=[cast.affiliate.affiliation_number, order.reference]),
    ):
        assert part in text
    assert re.search(then, text, re.IGNORECASE)
    assert check().breaches == ()


@WAYS
def test_the_page_and_the_home_say_the_same(
    cast: Cast, order: DebitOrder, owed: PaymentSlip, happens, event, said
) -> None:
    happens(cast, order, "AM04")
    browser = Client()
    browser.force_login(cast.owner)
    number = cast.affiliate.affiliation_number
    page = plain(
        browser.get(reverse("payments:order", args=[number, order.reference])).content.decode()
    )
    for part in (order.reference, "100,00", "Provision insuffisante", owed.payment_reference):
        assert part in page
    months = months_of([cast.affiliate], today=SAID.date())[cast.affiliate.pk]
    (told,) = [
        one
        for one in notices_of(cast.affiliate, months, owed_by(cast.affiliate), now=SAID)
        if order.reference in one.url
    ]
    assert told.tone == "bad"
    assert "100,00" in told.title
    assert "Provision insuffisante" in told.text


@WAYS
def test_a_reader_of_arabic_is_told_in_arabic(
    cast: Cast, order: DebitOrder, owed: PaymentSlip, happens, event, said
) -> None:
    type(cast.owner).objects.filter(pk=cast.owner.pk).update(language="ar")
    happens(cast, order, "AM04")
    subject, text = letter(order, event, "patronne@exemple.ma")
    assert re.search("[\u0600-\u06ff]", subject)
    assert "Prélèvement" not in subject + text
    for part in (order.reference, "100,00", owed.payment_reference):
        assert part in text


@pytest.mark.parametrize("stands", [True, False])
def test_an_office_whose_mandate_was_taken_back_is_told_nothing_more(
    cast: Cast, owed: PaymentSlip, stands: bool
) -> None:
    order = signed(replace(cast, owner=cast.fiduciaire), owed)
    sent(cast)
    order.refresh_from_db()
    if not stands:
        Mandate.objects.filter(affiliate=cast.affiliate).update(revoked_at=SAID)
    rejected(cast, order, "AM04")
    told = set(Mail.objects.filter(key__contains=":rejected").values_list("address", flat=True))
    assert cast.owner.email in told
    assert (cast.fiduciaire.email in told) is stands
