"""The pages of debits with the cast of five: works, a stranger's 404, reading changes nothing, constant queries."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import Role
from affiliates.models import DebitAuthority
from payments.ledger_check import check
from payments.models import Basket, DebitOrder, DebitRun, PaymentSlip
from payments.queries.debits import free_dues
from payments.workflows.baskets import make_basket
from payments.workflows.debits import notices, runs
from payments.workflows.debits import orders as side
from portal import formats
from portal.models import AuditEntry, Mail, User
from portal.templatetags.portal import fours
from regulation.enums import Branch
from regulation.identifiers import check_creditor_reference, creditor_reference, read_payment_code
from regulation.periods import Period
from tests.affiliates.factories import MembershipFactory, UserFactory
from tests.cast import Cast
from tests.payments.camt_files import details, entry
from tests.payments.debit_world import (
    AFTER_CUT_OFF,
    AT,
    authority,
    draft,
    rib,
    second_person,
    sent,
    signed,
)
from tests.payments.factories import file_of, received, slip

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(AT, tick=False):
        yield


def signed_in(user: User, language: str = "fr") -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = language
    return client


def at(view: str, cast: Cast, *more: object) -> str:
    return reverse(f"payments:{view}", args=[cast.affiliate.affiliation_number, *more])


@pytest.fixture
def owed(cast: Cast) -> PaymentSlip:
    return slip(cast.affiliate, amounts={Branch.PF: "640.00"})


@pytest.fixture
def order(cast: Cast, owed: PaymentSlip) -> DebitOrder:
    return signed(cast, owed, "640.00")


def employer_pages(cast: Cast, owed: PaymentSlip, order: DebitOrder) -> list[str]:
    return [
        at("pay", cast),
        at("orders", cast),
        at("order", cast, order.reference),
        at("authorities", cast),
        at("code", cast, owed.payment_reference),
    ]


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_owner_and_fiduciaire_read_and_nothing_changes(
    cast: Cast, owed: PaymentSlip, order: DebitOrder, language: str
) -> None:
    traces = AuditEntry.objects.count()
    for user in (cast.owner, cast.fiduciaire):
        for page in employer_pages(cast, owed, order):
            answer = signed_in(user, language).get(page)
            assert answer.status_code == 200, page
            assert f'<html lang="{language}"' in answer.content.decode()
    assert AuditEntry.objects.count() == traces


def test_for_the_others_they_do_not_exist(cast: Cast, owed: PaymentSlip, order: DebitOrder) -> None:
    acts = [
        at("sign_order", cast, order.reference),
        at("stop_order", cast, order.reference),
        at("pay_by_code", cast),
        at("revoke_authority", cast, order.authority_id),
        at("sign_authority", cast, order.authority_id),
        at("pay_by_debit", cast),
        at("authorities", cast),
    ]
    for user in cast.outsiders:
        for page in employer_pages(cast, owed, order):
            assert signed_in(user).get(page).status_code == 404, page
        for act in acts:
            assert signed_in(user).post(act).status_code == 404, act
    order.refresh_from_db()
    assert order.state == "planned"


def test_an_order_of_another_firm_is_not_reached_through_mine(
    cast: Cast, order: DebitOrder, owed: PaymentSlip
) -> None:
    mine = cast.strangers_affiliate.affiliation_number
    client = signed_in(cast.stranger)
    for view, name in (("order", order.reference), ("code", owed.payment_reference)):
        assert client.get(reverse(f"payments:{view}", args=[mine, name])).status_code == 404
    page = reverse("payments:stop_order", args=[mine, order.reference])
    assert client.post(page).status_code == 404


def test_a_reader_neither_signs_nor_stops(cast: Cast, order: DebitOrder) -> None:
    reader = UserFactory()
    MembershipFactory(user=reader, affiliate=cast.affiliate, role=Role.READER.value)
    for view in ("sign_order", "stop_order"):
        assert signed_in(reader).post(at(view, cast, order.reference)).status_code == 403
    assert signed_in(reader).get(at("order", cast, order.reference)).status_code == 200


def test_the_fiduciaire_prepares_a_mandate_and_only_the_owner_signs_it(cast: Cast) -> None:
    typed = {"rib": rib(5), "titulaire": "AL BARAKA", "plafond": "20000"}
    answer = signed_in(cast.fiduciaire).post(at("authorities", cast), typed)
    assert answer.status_code == 302
    made = DebitAuthority.objects.get()
    sign = at("sign_authority", cast, made.pk)
    assert signed_in(cast.fiduciaire).post(sign).status_code == 403
    assert signed_in(cast.owner).post(sign).status_code == 302
    made.refresh_from_db()
    assert (made.state, made.signed_by, made.cap) == ("requested", cast.owner, D("20000.00"))


@pytest.mark.parametrize(
    ("rib_typed", "cap", "told"),
    [
        ("230780123456789012000039", "100", "38"),
        (rib(5), "1e5", "1e5"),
        (rib(5), "0", "au-dessus de zéro"),
        ("٢٣٠", "100", "vingt-quatre"),
    ],
)
def test_a_wrong_account_or_cap_is_said_beside_its_field(
    cast: Cast, rib_typed: str, cap: str, told: str
) -> None:
    typed = {"rib": rib_typed, "titulaire": "X", "plafond": cap}
    answer = signed_in(cast.owner).post(at("authorities", cast), typed)
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert DebitAuthority.objects.count() == 0


def test_from_the_slip_to_a_signed_order_in_the_browser_of_a_person(
    cast: Cast, owed: PaymentSlip
) -> None:
    behind = authority(cast)
    client = signed_in(cast.owner)
    page = client.get(reverse("payments:slip", args=[cast.affiliate.affiliation_number, owed.pk]))
    assert f"?somme={owed.payment_reference}" in page.content.decode()
    page = client.get(at("pay_by_debit", cast), {"somme": owed.payment_reference}).content.decode()
    intent = re.search(r'name="intention" value="([^"]+)"', page)
    assert intent
    typed = {
        "somme": owed.payment_reference, "intention": intent[1], "jour": "2026-04-13",
        f"montant_{behind.pk}": "640.00",
    }  # fmt: skip
    answers = [client.post(at("pay_by_debit", cast), typed) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    order = DebitOrder.objects.get()
    shown = client.get(answers[0].url).content.decode()
    for said in (
        "640,00", order.authority.masked_rib, "13\u00a0avril\u00a02026", "personne encore", "Signer l’ordre",
        "10\u00a0avril\u00a02026 à 12:00",
    ):  # fmt: skip
        assert said in shown, said
    for _ in range(2):
        client.post(at("sign_order", cast, order.reference))
    order.refresh_from_db()
    assert (order.state, order.signed_by, order.events.count()) == ("planned", cast.owner, 3)
    shown = client.get(at("order", cast, order.reference)).content.decode()
    assert "Annuler l’ordre" in shown
    client.post(at("stop_order", cast, order.reference))
    order.refresh_from_db()
    assert order.state == "cancelled"


def test_an_amount_that_changed_meanwhile_is_refused_on_the_page(
    cast: Cast, owed: PaymentSlip
) -> None:
    behind = authority(cast)
    typed = {
        "somme": owed.payment_reference,
        "jour": "2026-04-13",
        f"montant_{behind.pk}": "639.99",
    }
    answer = signed_in(cast.owner).post(at("pay_by_debit", cast), typed)
    assert answer.status_code == 422
    assert "640,00" in answer.content.decode()
    assert DebitOrder.objects.count() == 0


def test_a_refused_order_says_why_what_to_do_and_how_to_pay(cast: Cast, owed: PaymentSlip) -> None:
    order = signed(cast, owed, "640.00")
    sent(cast)
    data = file_of(
        cast,
        entry(
            "640.00",
            day="2026-04-09",
            value="2026-04-09",
            txs=details(ref="B1", e2e=order.reference),
        ),
    )
    received(cast.bank, cast.bank_account, data)
    reason = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
    said = details(ref="B2", e2e=order.reference, extra=reason)
    received(
        cast.bank,
        cast.bank_account,
        file_of(
            cast,
            entry("640.00", sign="DBIT", day="2026-04-09", value="2026-04-09", txs=said),
            message_id="M2",
        ),
    )
    shown = signed_in(cast.owner).get(at("order", cast, order.reference)).content.decode()
    for said in (
        "revenu impayé",
        "Provision insuffisante",
        "Approvisionnez le compte",
        "Payer cette somme",
    ):
        assert said in shown, said
    letters = list(Mail.objects.values_list("subject", flat=True))
    assert any("revenu impayé" in letter for letter in letters)


def test_query_counts_do_not_grow(
    cast: Cast, owed: PaymentSlip, order: DebitOrder, django_assert_max_num_queries
) -> None:
    client, bank = signed_in(cast.owner), signed_in(cast.bank)
    pages = [(client, page) for page in employer_pages(cast, owed, order)]
    pages.append((bank, reverse("payments:bank_debits")))
    seen = {}
    for who, page in pages:
        who.get(page)
        with CaptureQueriesContext(connection) as count:
            who.get(page)
        seen[page] = len(count)
    for number in range(2, 6):
        behind = authority(cast, account=number)
        signed(cast, slip(cast.affiliate, Period(2025, number)), behind=behind)
    for who, page in pages:
        with django_assert_max_num_queries(seen[page]):
            who.get(page)


# ------------------------------------------------------------------ the bank and the desk


def test_the_bank_confirms_its_own_accounts_only(cast: Cast) -> None:
    mine = authority(cast, active=False)
    other = authority(cast, account=2, bank="007", active=False)
    client = signed_in(cast.bank)
    shown = client.get(reverse("payments:bank_debits")).content.decode()
    assert formats.rib(mine.rib) in shown
    assert other.rib not in shown
    assert formats.rib(other.rib) not in shown
    assert client.post(reverse("payments:bank_confirm", args=[other.pk])).status_code == 404
    assert client.post(reverse("payments:bank_confirm", args=[mine.pk])).status_code == 302
    mine.refresh_from_db()
    assert mine.state == "active"
    client.post(reverse("payments:bank_refuse", args=[mine.pk]), {"motif": "compte bloqué"})
    mine.refresh_from_db()
    assert (mine.state, mine.reason) == ("suspended", "compte bloqué")


def test_the_bank_space_of_debits_exists_for_banks_only(cast: Cast, order: DebitOrder) -> None:
    run = sent(cast)
    pages = [
        reverse("payments:bank_debits"),
        reverse("payments:bank_run_file", args=[run.message_id]),
    ]
    acts = [
        reverse("payments:bank_take_run", args=[run.message_id]),
        reverse("payments:bank_confirm", args=[order.authority_id]),
        reverse("payments:bank_refuse", args=[order.authority_id]),
    ]
    for user in (cast.owner, cast.fiduciaire, cast.staff, cast.stranger):
        for page in pages:
            assert signed_in(user).get(page).status_code == 404
        for act in acts:
            assert signed_in(user).post(act).status_code == 404


def test_the_bank_takes_the_same_bytes_each_time(cast: Cast, order: DebitOrder) -> None:
    run = sent(cast)
    client = signed_in(cast.bank)
    take = reverse("payments:bank_take_run", args=[run.message_id])
    again = reverse("payments:bank_run_file", args=[run.message_id])
    assert client.get(again).status_code == 404
    first = client.post(take)
    assert b"".join(first) if first.streaming else first.content
    content = [
        b"".join(a) if a.streaming else a.content for a in (client.post(take), client.get(again))
    ]
    assert content[0] == content[1]
    assert order.reference.encode() in content[0]
    assert AuditEntry.objects.filter(action="payments.debit_run_taken").count() == 1


def test_two_members_of_staff_send_a_run(
    cast: Cast, order: DebitOrder, django_capture_on_commit_callbacks
) -> None:
    with time_machine.travel(AFTER_CUT_OFF, tick=False):
        one, two = signed_in(cast.treasurer), signed_in(second_person())
        board = reverse("admin:payments_debitrun_changelist")
        assert "Préparer" in one.get(board).content.decode()
        typed = {"compte": cast.bank_account.rib, "jour": "2026-04-13"}
        page = one.post(reverse("admin:payments_debitrun_prepare"), typed).url
        release = reverse("admin:payments_debitrun_release", args=[DebitRun.objects.get().pk])
        numbers = {"nombre": "1", "total": "640.00"}
        assert "une autre personne" in one.get(page).content.decode()
        one.post(release, numbers)
        assert DebitRun.objects.get().released_at is None
        assert "Remettre 1 ordre" in two.get(page).content.decode()
        two.post(release, numbers)
        runs.write_run(run_id=DebitRun.objects.get().pk, at=AFTER_CUT_OFF)
        assert DebitRun.objects.get().sent_at is not None
        assert two.get(page).status_code == one.get(board).status_code == 200
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        assert signed_in(user).get(board).status_code in (302, 404)
        assert signed_in(user).post(release, numbers).status_code in (302, 403, 404)


def test_a_silent_bank_is_seen_on_the_desk_once(cast: Cast, order: DebitOrder) -> None:
    sent(cast)
    with time_machine.travel("2026-04-20 09:00:00+00:00", tick=False) as traveller:
        assert notices.watch(at=AT.replace(day=20)) == 1
        assert notices.watch(at=AT.replace(day=20)) == 0
        shown = signed_in(cast.treasurer).get(reverse("admin:payments_debitrun_changelist"))
        assert "1 ordre sans réponse" in shown.content.decode()
        assert traveller


def test_the_employer_is_told_before_the_debit_once(cast: Cast, order: DebitOrder) -> None:
    assert notices.announce(at=AT) == 1
    assert notices.announce(at=AT) == 0
    letter = Mail.objects.get()
    for said in ("640,00", order.reference, order.authority.masked_rib, "Nadia Benjelloun"):
        assert said in letter.text, said


# ------------------------------------------------------------------ one code for several dues


def test_one_code_for_several_dues_and_the_same_code_again(cast: Cast, owed: PaymentSlip) -> None:
    other = slip(cast.affiliate, Period(2026, 2), {Branch.PF: "60.00"})
    codes = [other.payment_reference, owed.payment_reference]
    client = signed_in(cast.owner)
    pages = [client.post(at("pay_by_code", cast), {"somme": codes[::way]}).url for way in (1, -1)]
    assert pages[0] == pages[1]
    basket = Basket.objects.get()
    assert read_payment_code(basket.payment_reference).nature.value == "9"
    shown = client.get(pages[0]).content.decode()
    reference = creditor_reference(basket.payment_reference)
    assert check_creditor_reference(reference) == basket.payment_reference
    printed = fours(reference)
    for said in ("700,00", basket.payment_reference, printed, "data:image/svg+xml"):
        assert said in shown
    assert signed_in(cast.stranger).get(pages[0]).status_code == 404


def test_one_due_is_paid_with_its_own_code(cast: Cast, owed: PaymentSlip) -> None:
    answer = signed_in(cast.owner).post(at("pay_by_code", cast), {"somme": owed.payment_reference})
    assert answer.url == at("code", cast, owed.payment_reference)
    assert Basket.objects.count() == 0


@pytest.mark.parametrize(
    ("amount", "left", "verdict", "credit"),
    [
        ("160.00", ["0.00", "0.00"], "ACC", "0.00"),
        ("130.00", ["0.00", "30.00"], "ACC", "0.00"),
        ("50.00", ["50.00", "60.00"], "ACC", "0.00"),
        ("170.00", ["0.00", "0.00"], "PAR", "10.00"),
    ],
)
def test_a_payment_of_a_basket_pays_the_oldest_first(
    cast: Cast, amount: str, left: list[str], verdict: str, credit: str
) -> None:
    dues = [slip(cast.affiliate), slip(cast.affiliate, Period(2026, 2), {Branch.PF: "60.00"})]
    code = make_basket(
        actor=cast.owner,
        affiliate=cast.affiliate,
        codes=[due.payment_reference for due in dues],
        at=AT,
    )
    today = {"day": "2026-04-09", "value": "2026-04-09"}
    said = details(ref="B1", rf=creditor_reference(code))
    data = file_of(cast, entry(amount, txs=said, **today))
    line = received(cast.bank, cast.bank_account, data).lines.get()
    for due in dues:
        due.refresh_from_db()
    assert [str(due.outstanding) for due in dues] == left
    assert (line.verdict, line.rule) == (verdict, "R3")
    said = details(ref="B2", text=(code,))
    data = file_of(cast, entry("5.00", txs=said, **today), message_id="M2")
    again = received(cast.bank, cast.bank_account, data).lines.get()
    assert again.rule == "R4"
    assert check().breaches == ()
    assert sum((one.free for one in free_dues(cast.affiliate)), D("0.00")) <= D("110.00")


def opened(user: User, cast: Cast, order: DebitOrder) -> Any:
    number = cast.affiliate.affiliation_number
    return signed_in(user).get(reverse("payments:order", args=[number, order.reference]))


def test_a_split_order_says_its_accounts_and_names_each_due_once(
    cast: Cast, owed: PaymentSlip
) -> None:
    accounts = [authority(cast, account=number) for number in (7, 8, 9)]
    parts = list(zip(accounts, ("213.33", "213.33", "213.34"), strict=True))
    made = draft(cast, [owed], parts)
    shown = opened(cast.owner, cast, made[1])
    assert [(one.code, one.amount) for one in shown.context["codes"]] == [
        (owed.payment_reference, D("640.00"))
    ]
    text = shown.content.decode()
    for part in ("réparti sur 3 comptes", *(one.reference for one in made)):
        assert part in text


def test_a_suspended_order_says_what_its_bank_said_and_what_to_do(
    cast: Cast, order: DebitOrder
) -> None:
    side.suspend(actor=None, authority=order.authority, at=AT, reason="AC06")
    text = opened(cast.owner, cast, order).content.decode()
    assert "Compte bloqué" in text
    assert "Voyez votre banque, puis payez de nouveau ou par un autre moyen." in text
