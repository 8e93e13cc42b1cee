"""The screens of payments with the cast of five: works, a stranger's 404, reading changes nothing, constant queries."""

from datetime import date
from decimal import Decimal

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from payments.codecs import cr1
from payments.models import Bank, BankFile, BankMembership, LedgerEntry, PaymentSlip
from payments.queries import slip_facts
from payments.workflows.bank_files import import_file
from payments.workflows.penalties import assess_surcharges
from portal import clock
from portal.models import AuditEntry, User
from portal.templatetags.portal import fours
from regulation.enums import Branch
from regulation.periods import Period
from tests.affiliates.factories import UserFactory
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.factories import received, slip, submitted

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        yield


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def pay(cast: Cast, owed: PaymentSlip, amount: str, ref: str) -> BankFile:
    rf = slip_facts(owed).creditor_reference
    data = camt(
        entry(amount, txs=details(ref=ref, rf=rf, payer="AL BARAKA")),
        entry("3.00", ref=f"X{ref}"),
        account=cast.bank_account.rib,
        message_id=f"M{ref}",
    )
    return received(cast.bank, cast.bank_account, data)


@pytest.fixture
def owed(cast: Cast) -> PaymentSlip:
    made = slip(cast.affiliate, amounts={Branch.PF: "640.00", Branch.AMO: "203.60"})
    assess_surcharges(actor=None, slip_id=made.pk, as_of=date(2026, 3, 20))
    pay(cast, made, "300.00", "B1")
    pay(cast, made, "600.00", "B2")
    slip(cast.affiliate, Period(2026, 2), {Branch.PF: "70.00"})
    return made


def employer_pages(cast: Cast, owed: PaymentSlip) -> list[str]:
    number = cast.affiliate.affiliation_number
    return [
        reverse("payments:account", args=[number]),
        reverse("payments:movements", args=[number]),
        reverse("payments:slips", args=[number]),
        reverse("payments:slip", args=[number, owed.pk]),
        reverse("payments:slip", args=[number, owed.pk]) + "?paye_le=2026-06-30",
        reverse("payments:receipts", args=[number]),
    ]


def bank_pages() -> list[str]:
    bank_file = BankFile.objects.first()
    assert bank_file is not None
    return [
        reverse("payments:bank_home"),
        reverse("payments:bank_file", args=[bank_file.receipt_number]),
        reverse("payments:bank_return_file", args=[bank_file.receipt_number]),
    ]


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_owner_and_fiduciaire_see_the_account(cast: Cast, owed: PaymentSlip, language: str) -> None:
    entries, traces = LedgerEntry.objects.count(), AuditEntry.objects.count()
    for user in (cast.owner, cast.fiduciaire):
        client = signed_in(user)
        client.cookies["django_language"] = language
        for page in employer_pages(cast, owed):
            answer = client.get(page)
            assert answer.status_code == 200, page
            assert f'<html lang="{language}"' in answer.content.decode()
    assert (LedgerEntry.objects.count(), AuditEntry.objects.count()) == (entries, traces)


def test_the_account_does_not_exist_for_the_others(cast: Cast, owed: PaymentSlip) -> None:
    for user in cast.outsiders:
        for page in employer_pages(cast, owed):
            assert signed_in(user).get(page).status_code == 404
    number = cast.affiliate.affiliation_number
    use = reverse("payments:use_credit", args=[number, owed.pk])
    assert signed_in(cast.stranger).post(use).status_code == 404


def test_a_slip_of_another_affiliate_is_not_reached_through_mine(
    cast: Cast, owed: PaymentSlip
) -> None:
    page = reverse("payments:slip", args=[cast.strangers_affiliate.affiliation_number, owed.pk])
    assert signed_in(cast.stranger).get(page).status_code == 404


def test_the_slip_says_everything(cast: Cast, owed: PaymentSlip) -> None:
    page = employer_pages(cast, owed)[3]
    text = signed_in(cast.owner).get(page).content.decode()
    facts = slip_facts(owed)
    for said in (
        facts.payment_reference,
        fours(facts.creditor_reference),
        "Prestations familiales",
        "843,60",
    ):
        assert said in text
    assert f"?objet=line-{facts.lines[0].pk}" in text or "disputes" not in text


def test_query_counts_do_not_grow_with_rows(
    cast: Cast, owed: PaymentSlip, django_assert_max_num_queries
) -> None:
    client, bank = signed_in(cast.owner), signed_in(cast.bank)
    first = {}
    pages = [(client, page) for page in employer_pages(cast, owed)] + [
        (bank, page) for page in bank_pages()
    ]
    for one, page in pages:
        one.get(page)
        with CaptureQueriesContext(connection) as seen:
            one.get(page)
        first[page] = len(seen)
    for month in range(3, 8):
        more = slip(cast.affiliate, Period(2025, month))
        pay(cast, more, "60.00", f"C{month}")
        pay(cast, owed, "1.00", f"D{month}")
    for one, page in pages:
        with django_assert_max_num_queries(first[page]):
            one.get(page)


def test_the_owner_uses_the_credit_once(cast: Cast, owed: PaymentSlip) -> None:
    other = PaymentSlip.objects.get(period=date(2026, 2, 1))
    client = signed_in(cast.owner)
    page = reverse("payments:slip", args=[cast.affiliate.affiliation_number, other.pk])
    assert "Utiliser mon crédit" in client.get(page).content.decode()
    use = reverse("payments:use_credit", args=[cast.affiliate.affiliation_number, other.pk])
    assert client.get(use).status_code == 405
    for _ in range(2):
        assert client.post(use).status_code == 302
    other.refresh_from_db()
    assert other.outstanding == D("13.60")  # the excess was 56.40


def test_a_submitted_declaration_announces_its_slip(cast: Cast) -> None:
    submitted(cast.affiliate)
    page = reverse("payments:account", args=[cast.affiliate.affiliation_number])
    assert "en préparation" in signed_in(cast.owner).get(page).content.decode()


class TestBankSpace:
    def test_a_bank_uploads_reads_and_takes_the_answer(self, cast: Cast, owed: PaymentSlip) -> None:
        client = signed_in(cast.bank)
        data = camt(entry("8.00", ref="Z1"), account=cast.bank_account.rib, message_id="MZ")
        home = reverse("payments:bank_home")
        answer = client.post(home, {"file": SimpleUploadedFile("z.xml", data)})
        bank_file = BankFile.objects.first()
        assert bank_file is not None
        page = reverse("payments:bank_file", args=[bank_file.receipt_number])
        assert (answer.status_code, answer["Location"]) == (302, page)
        assert "Lecture et contrôle" in client.get(page).content.decode()
        progress = reverse("payments:bank_progress", args=[bank_file.receipt_number])
        assert client.get(progress).status_code == 200
        import_file(bank_file_id=bank_file.pk, at=clock.now())
        assert client.get(progress)["HX-Redirect"] == page
        text = client.get(page).content.decode()
        assert "aucune référence de paiement" in text
        returned = client.get(reverse("payments:bank_return_file", args=[bank_file.receipt_number]))
        header, answers = cr1.read(b"".join(returned.streaming_content))  # type: ignore[arg-type]
        assert (header.file_id, header.sha256) == ("MZ", bank_file.sha256)
        assert [(one.verdict.value, one.code, one.amount) for one in answers] == [
            ("ATT", "L09", D("8.00"))
        ]
        assert returned["Content-Disposition"].startswith("attachment")

    def test_the_same_file_again_gives_the_first_receipt(
        self, cast: Cast, owed: PaymentSlip
    ) -> None:
        client = signed_in(cast.bank)
        data = camt(entry("8.00", ref="Z1"), account=cast.bank_account.rib, message_id="MZ")
        home = reverse("payments:bank_home")
        first, second = (
            client.post(home, {"file": SimpleUploadedFile("z.xml", data)}, follow=True)
            for _ in range(2)
        )
        assert first.redirect_chain == second.redirect_chain
        assert "Fichier déjà reçu" in second.content.decode()

    def test_a_refused_file_lists_its_faults_and_has_an_answer(self, cast: Cast) -> None:
        bank_file = received(
            cast.bank, cast.bank_account, camt(entry("1e5"), account="007780000123400000056749")
        )
        client = signed_in(cast.bank)
        text = client.get(
            reverse("payments:bank_file", args=[bank_file.receipt_number])
        ).content.decode()
        assert "montant illisible" in text
        returned = client.get(reverse("payments:bank_return_file", args=[bank_file.receipt_number]))
        _header, answers = cr1.read(b"".join(returned.streaming_content))  # type: ignore[arg-type]
        assert [(one.rank, one.verdict.value, one.code) for one in answers] == [
            (0, "REF", "E-L01"),
            (0, "REF", "E-F09"),
        ]

    def test_verdict_filter_and_search(self, cast: Cast, owed: PaymentSlip) -> None:
        bank_file = BankFile.objects.order_by("pk").first()
        assert bank_file is not None
        page = reverse("payments:bank_file", args=[bank_file.receipt_number])
        client = signed_in(cast.bank)
        assert len(client.get(page, {"verdict": "ATT"}).context["rows"]) == 1
        assert len(client.get(page, {"q": "baraka"}).context["rows"]) == 1
        assert len(client.get(page, {"q": "personne"}).context["rows"]) == 0

    def test_it_does_not_exist_for_others_nor_for_another_bank(
        self, cast: Cast, owed: PaymentSlip
    ) -> None:
        other = UserFactory()
        BankMembership.objects.create(
            user=other, bank=Bank.objects.create(code="007", name="Autre")
        )
        pages = bank_pages()
        for user in (cast.owner, cast.fiduciaire, cast.staff, cast.stranger):
            for page in pages:
                assert signed_in(user).get(page).status_code == 404
        client = signed_in(other)
        assert client.get(pages[0]).status_code == 200
        assert [client.get(page).status_code for page in pages[1:]] == [404, 404]
        assert BankFile.objects.first().receipt_number not in client.get(pages[0]).content.decode()  # type: ignore[union-attr]

    def test_a_member_who_left_has_no_bank(self, cast: Cast) -> None:
        BankMembership.objects.filter(user=cast.bank).update(ended_at="2026-01-01T00:00:00Z")
        assert signed_in(cast.bank).get(reverse("payments:bank_home")).status_code == 404

    def test_nothing_chosen_is_said_kindly(self, cast: Cast) -> None:
        answer = signed_in(cast.bank).post(reverse("payments:bank_home"))
        assert answer.status_code == 422
        with translation.override("fr"):
            assert "Choisissez d’abord" in answer.content.decode()
