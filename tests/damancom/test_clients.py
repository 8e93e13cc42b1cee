"""The page of who acts for several firms, and what is done for many of them at once."""

import datetime
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import AuthorityState, Scope
from affiliates.models import DebitAuthority, Mandate
from damancom.clients import month_to_show
from damancom.enums import CLIENT_STATES, URGENCY, ClientState, MonthState
from declarations.enums import DeclarationStatus
from declarations.models import Declaration
from payments.models import DebitOrder, PaymentSlip
from portal.models import AuditEntry
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory, MandateFactory
from tests.declarations.factories import draft, send
from tests.payments import factories as money

NOW = datetime.datetime(2026, 2, 4, 9, 0, tzinfo=datetime.UTC)
CHOOSE, SUBMIT, PAY = "affiliates:choose", "clients:submit", "clients:pay"


@pytest.fixture(autouse=True)
def _on_that_day():
    with time_machine.travel(NOW, tick=False):
        yield


def _as(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def another(cast, name: str, scopes=tuple(Scope)[:5]):
    """One more client of the cast's office."""
    affiliate = AffiliateFactory(name=name)
    MandateFactory(
        affiliate=affiliate,
        representative=cast.representative,
        scopes=[scope.value for scope in scopes],
    )
    return affiliate


def authority(affiliate, cap: str = "100000.00") -> DebitAuthority:
    return DebitAuthority.objects.create(
        affiliate=affiliate,
        reference=f"MD{affiliate.affiliation_number}",
        rib="230780999999999900000128",
        holder=affiliate.name[:70],
        cap=Decimal(cap),
        state=AuthorityState.ACTIVE.value,
        prepared_by=affiliate.mandates.get().representative.members.first(),
        prepared_at=NOW,
        signed_by=affiliate.mandates.get().representative.members.first(),
        signed_at=NOW,
        activated_by=affiliate.mandates.get().representative.members.first(),
        activated_at=NOW,
    )


# -- the list ------------------------------------------------------------------------------------


def test_every_state_of_a_month_is_sorted_somewhere() -> None:
    assert set(CLIENT_STATES) == set(MonthState)
    assert sorted(URGENCY) == sorted(ClientState)


def test_the_month_is_the_one_to_declare_unless_another_is_asked() -> None:
    today = datetime.date(2026, 2, 4)
    assert month_to_show("", today) == Period(2026, 1)
    assert month_to_show("2025-09", today) == Period(2025, 9)
    for text in ("2024-01", "2027-01", "hier", "٢٠٢٦-٠١"):
        assert month_to_show(text, today) == Period(2026, 1)


def test_each_client_stands_where_its_month_stands(cast) -> None:
    ready, paid_for, faulty = (another(cast, name) for name in ("PRETE", "DEPOSEE", "FAUTIVE"))
    draft(cast.fiduciaire, ready)
    money.slip(paid_for)
    send(cast.fiduciaire, faulty, b"rien de bon")
    client = _as(cast.fiduciaire)
    page = client.get(reverse(CHOOSE)).content.decode()
    for name in ("PRETE", "DEPOSEE", "FAUTIVE", cast.affiliate.name):
        assert name in page
    assert cast.strangers_affiliate.name not in page
    for state, name in (
        ("ready", "PRETE"),
        ("filed", "DEPOSEE"),
        ("faults", "FAUTIVE"),
        ("nothing", cast.affiliate.name),
    ):
        shown = client.get(reverse(CHOOSE), {"etat": state}).content.decode()
        assert [
            one for one in ("PRETE", "DEPOSEE", "FAUTIVE", cast.affiliate.name) if one in shown
        ] == [name]
    assert client.get(reverse(CHOOSE), {"mois": "2025-12"}).status_code == 200


def test_a_client_who_owes_for_an_older_month_is_pointed_at(cast) -> None:
    owing = another(cast, "EN DETTE")
    money.slip(owing, period=Period(2025, 10))
    page = _as(cast.fiduciaire).get(reverse(CHOOSE)).content.decode()
    assert page.count("Un mois plus ancien est impayé") == 1


def test_the_list_asks_the_same_number_of_questions_for_many(cast) -> None:
    client = _as(cast.fiduciaire)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse(CHOOSE)).status_code == 200
        return len(captured)

    money.slip(cast.affiliate)
    client.get(reverse(CHOOSE))
    few = queries()
    for rank in range(6):
        money.slip(another(cast, f"CLIENT {rank}"))
    assert queries() == few


def test_what_presses_comes_first_unless_names_are_asked_for(cast) -> None:
    """Late, for this month or an earlier one; then faults, drafts, what is not begun, what waits, what is done."""
    by_name = {}
    for name in ("A PAYEE", "B DEPOSEE", "C PRETE", "D FAUTIVE", "E EN DETTE"):
        by_name[name] = another(cast, name)
    paid = money.slip(by_name["A PAYEE"])
    PaymentSlip.objects.filter(pk=paid.pk).update(state="paid", outstanding=Decimal("0.00"))
    money.slip(by_name["B DEPOSEE"])
    draft(cast.fiduciaire, by_name["C PRETE"])
    send(cast.fiduciaire, by_name["D FAUTIVE"], b"rien de bon")
    money.slip(by_name["E EN DETTE"], period=Period(2025, 10))
    client = _as(cast.fiduciaire)

    def order(**asked: str) -> list[str]:
        page = client.get(reverse(CHOOSE), asked).content.decode()
        places = {name: page.index(f'aria-label="{name}"') for name in by_name}
        return sorted(places, key=places.__getitem__)

    assert order() == ["E EN DETTE", "D FAUTIVE", "C PRETE", "B DEPOSEE", "A PAYEE"]
    assert order(tri="nom") == sorted(by_name)


def test_each_state_is_one_click_away_with_its_count(cast) -> None:
    for name in ("ALPHA", "BETA"):
        draft(cast.fiduciaire, another(cast, name))
    page = _as(cast.fiduciaire).get(
        reverse(CHOOSE), {"mois": "2026-01", "q": "", "tri": "nom", "etat": "ready", "page": "1"}
    )
    sieves = {one.state: (one.count, one.url) for one in page.context["states"]}
    assert sieves[ClientState.READY] == (2, "?mois=2026-01&q=&tri=nom&etat=ready")
    assert sieves[None] == (3, "?mois=2026-01&q=&tri=nom&etat=")
    empty = _as(cast.fiduciaire).get(reverse(CHOOSE), {"etat": "paid"})
    assert 'aria-current="true">Réglée <b>0</b>' in empty.content.decode()
    assert 'aria-current="true">Prête à déposer <b>2</b>' in page.content.decode()


def test_what_all_of_them_owe_is_summed(cast) -> None:
    first, second = (money.slip(another(cast, name)) for name in ("ALPHA", "BETA"))
    page = _as(cast.fiduciaire).get(reverse(CHOOSE))
    assert page.context["owed"] == first.outstanding + second.outstanding > 0
    assert page.content.decode().count("<tfoot>") == 1
    alone = _as(cast.fiduciaire).get(reverse(CHOOSE), {"q": "ALPHA"})
    assert alone.context["owed"] == first.outstanding


# -- filing --------------------------------------------------------------------------------------


def two_ready(cast):
    first, second = another(cast, "ALPHA"), another(cast, "BETA")
    return draft(cast.fiduciaire, first), draft(cast.fiduciaire, second)


def test_many_drafts_are_read_again_then_filed_in_one_go(cast) -> None:
    one, two = two_ready(cast)
    client = _as(cast.fiduciaire)
    shown = client.post(reverse(SUBMIT), {"mois": "2026-01"}).content.decode()
    assert "Déposer les 2 déclarations" in shown
    assert not Declaration.objects.filter(status=DeclarationStatus.SUBMITTED.value).exists()
    told = {"brouillon": [f"{row.pk}:{row.version}" for row in (one, two)]}
    done = client.post(reverse(SUBMIT), told).content.decode()
    assert "C’est fait pour 2 entreprises" in done
    for row in (one, two):
        row.refresh_from_db()
        assert row.status == DeclarationStatus.SUBMITTED
        assert row.receipt_number in done
    entries = AuditEntry.objects.filter(action="declarations.declaration.submitted")
    assert {(entry.actor_name, entry.office_name) for entry in entries} == {
        ("Youssef Tazi", "Fiduciaire Atlas")
    }
    again = client.post(reverse(SUBMIT), told).content.decode()
    assert "C’est fait pour 2 entreprises" in again, "twice is once"
    assert entries.count() == 2


def test_ticked_clients_only(cast) -> None:
    one, two = two_ready(cast)
    shown = _as(cast.fiduciaire).post(
        reverse(SUBMIT), {"mois": "2026-01", "numero": [two.affiliate.affiliation_number]}
    )
    assert f"{two.pk}:{two.version}" in shown.content.decode()
    assert f"{one.pk}:{one.version}" not in shown.content.decode()


def test_a_draft_changed_meanwhile_is_left_and_the_others_go(cast) -> None:
    one, two = two_ready(cast)
    told = {"brouillon": [f"{one.pk}:{one.version + 1}", f"{two.pk}:{two.version}"]}
    done = _as(cast.fiduciaire).post(reverse(SUBMIT), told).content.decode()
    assert "C’est fait pour 1 entreprise" in done
    assert "1 refus" in done
    one.refresh_from_db()
    assert one.status == DeclarationStatus.DRAFT


def test_a_refusal_stands_before_what_went_well(cast) -> None:
    one, two = two_ready(cast)
    told = {"brouillon": [f"{one.pk}:{one.version}", f"{two.pk}:{two.version - 1}"]}
    page = _as(cast.fiduciaire).post(reverse(SUBMIT), told).content.decode()
    assert page.index("BETA") < page.index("ALPHA")
    asked = _as(cast.fiduciaire).post(reverse(SUBMIT), {"mois": "2026-01"}).content.decode()
    assert "BETA" in asked


@pytest.mark.parametrize("who", ["owner", "bank", "staff", "stranger"])
def test_nobody_files_for_a_firm_that_is_not_theirs(cast, who: str) -> None:
    one, _two = two_ready(cast)
    client = _as(getattr(cast, who))
    answer = client.post(reverse(SUBMIT), {"brouillon": [f"{one.pk}:{one.version}"]})
    # Who acts for no firm finds no such page; who acts for another changes nothing.
    assert answer.status_code == (404 if who in ("bank", "staff") else 200)
    assert "ALPHA" not in answer.content.decode()
    one.refresh_from_db()
    assert one.status == DeclarationStatus.DRAFT


def test_a_right_taken_back_between_the_two_steps_leaves_its_firm_out(cast) -> None:
    one, two = two_ready(cast)
    client = _as(cast.fiduciaire)
    client.post(reverse(SUBMIT), {"mois": "2026-01"})
    Mandate.objects.filter(affiliate=one.affiliate).update(revoked_at=NOW)
    Mandate.objects.filter(affiliate=two.affiliate).update(scopes=["read", "pay"])
    client.post(reverse(SUBMIT), {"brouillon": [f"{row.pk}:{row.version}" for row in (one, two)]})
    assert not Declaration.objects.filter(status=DeclarationStatus.SUBMITTED.value).exists()


@pytest.mark.parametrize("view", [SUBMIT, PAY])
def test_an_old_sign_in_is_asked_again_before_anything(cast, view: str) -> None:
    one, _two = two_ready(cast)
    client = _as(cast.fiduciaire)
    client.get(reverse(CHOOSE))
    with time_machine.travel(NOW + datetime.timedelta(minutes=20), tick=False):
        answer = client.post(reverse(view), {"brouillon": [f"{one.pk}:{one.version}"]})
    assert "Votre mot de passe" in answer.content.decode()
    one.refresh_from_db()
    assert one.status == DeclarationStatus.DRAFT
    for address in (reverse(SUBMIT), reverse(PAY)):
        assert client.get(address).status_code == 405


# -- paying --------------------------------------------------------------------------------------


def test_many_debits_are_shown_then_signed(cast) -> None:
    first, second, without = (another(cast, name) for name in ("ALPHA", "BETA", "GAMMA"))
    for affiliate in (first, second, without):
        money.slip(affiliate)
    authority(first)
    authority(second, cap="10.00")
    client = _as(cast.fiduciaire)
    answer = client.post(reverse(PAY), {"mois": "2026-01"})
    shown = answer.content.decode()
    assert "Aucun mandat de prélèvement ne couvre cette somme" in shown
    assert "Aucun mandat de prélèvement : signez-en un" in shown
    order = DebitOrder.objects.get()
    assert (order.affiliate, order.state) == (first, "draft")
    done = client.post(reverse(PAY), {"ordre": [order.reference]}).content.decode()
    assert "C’est fait pour 1 entreprise" in done
    order.refresh_from_db()
    assert (order.state, order.signed_by) == ("planned", cast.fiduciaire)
    signed = AuditEntry.objects.get(action="payments.debit_sign")
    assert (signed.actor_name, signed.office_name) == ("Youssef Tazi", "Fiduciaire Atlas")
    assert (
        "Aucune de ces entreprises"
        in client.post(reverse(PAY), {"numero": [first.affiliation_number]}).content.decode()
    ), "what is ordered is not ordered twice"


@pytest.mark.parametrize("stands", [True, False])
def test_a_right_to_pay_taken_back_between_the_two_steps_leaves_its_firm_out(
    cast, stands: bool
) -> None:
    owing = another(cast, "ALPHA")
    money.slip(owing)
    authority(owing)
    client = _as(cast.fiduciaire)
    client.post(reverse(PAY), {"mois": "2026-01"})
    order = DebitOrder.objects.get(affiliate=owing)
    if not stands:
        Mandate.objects.filter(affiliate=owing).update(scopes=["read", "declare"])
    client.post(reverse(PAY), {"ordre": [order.reference], "mois": "2026-01"})
    order.refresh_from_db()
    assert (order.state == "draft") is not stands


def test_nobody_signs_what_is_not_theirs(cast) -> None:
    first = another(cast, "ALPHA")
    money.slip(first)
    authority(first)
    _as(cast.fiduciaire).post(reverse(PAY), {})
    order = DebitOrder.objects.get()
    for user in (cast.owner, cast.stranger, cast.bank, cast.staff):
        answer = _as(user).post(reverse(PAY), {"ordre": [order.reference]})
        assert answer.status_code in (200, 404)
        assert "ALPHA" not in answer.content.decode()
    Mandate.objects.filter(affiliate=first).update(scopes=["read", "declare"])
    _as(cast.fiduciaire).post(reverse(PAY), {"ordre": [order.reference]})
    order.refresh_from_db()
    assert order.state == "draft"


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_both_languages_of_each_page(cast, language: str) -> None:
    two_ready(cast)
    owing = another(cast, "GAMMA")
    money.slip(owing)
    client = _as(cast.fiduciaire)
    client.cookies["django_language"] = language
    for answer in (
        client.get(reverse(CHOOSE)),
        client.post(reverse(SUBMIT), {}),
        client.post(reverse(PAY), {}),
        client.post(reverse(SUBMIT), {"brouillon": ["1:1"]}),
    ):
        assert answer.status_code == 200
        assert f'lang="{language}"' in answer.content.decode()
