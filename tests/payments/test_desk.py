"""The clerk's desk for money: reads everything, changes nothing but through the two workflows."""

from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from payments.models import Allocation, BankLine, ClerkAct, PaymentSlip
from payments.queries import credit_of, suspense_of
from tests.cast import Cast
from tests.payments.camt_files import camt, details, entry
from tests.payments.factories import received, slip, supervisor

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        yield


@pytest.fixture
def owed(cast: Cast) -> PaymentSlip:
    return slip(cast.affiliate)


@pytest.fixture
def waiting(cast: Cast, owed: PaymentSlip) -> BankLine:
    text = f"affilie {cast.affiliate.affiliation_number} 01/2026"
    data = camt(
        entry("100.00", ref="B1", txs=details(ref="B1", text=(text,))),
        account=cast.bank_account.rib,
    )
    return received(cast.bank, cast.bank_account, data).lines.get()


@pytest.fixture
def desk(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.treasurer)
    return client


def test_every_list_and_row_opens(
    cast: Cast, desk: Client, waiting: BankLine, owed: PaymentSlip
) -> None:
    for model in (
        "bankfile",
        "bankline",
        "paymentslip",
        "surcharge",
        "filingpenalty",
        "ledgerentry",
    ):
        assert desk.get(reverse(f"admin:payments_{model}_changelist")).status_code == 200, model
    rows = {"bankfile": waiting.bank_file_id, "bankline": waiting.pk, "paymentslip": owed.pk}
    for model, pk in rows.items():
        assert desk.get(reverse(f"admin:payments_{model}_change", args=[pk])).status_code == 200, (
            model
        )


def test_the_desk_is_for_staff(cast: Cast, waiting: BankLine) -> None:
    page = reverse("admin:payments_bankline_change", args=[waiting.pk])
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        client = Client()
        client.force_login(user)
        assert client.get(page).status_code in (302, 403, 404)
        assert client.post(reverse("admin:payments_bankline_assign", args=[waiting.pk])).status_code in (
            302, 403, 404,
        )  # fmt: skip
    assert suspense_of(waiting.pk) == D("100.00")


def test_the_nearest_proposal_is_ready_to_confirm(
    desk: Client, waiting: BankLine, owed: PaymentSlip
) -> None:
    assert [one["rule"] for one in waiting.proposals] == ["R6"]
    text = desk.get(reverse("admin:payments_bankline_change", args=[waiting.pk])).content.decode()
    assert f'value="{owed.payment_reference}"' in text
    assert suspense_of(waiting.pk) == D("100.00")


def test_the_money_desk_assigns_then_takes_back(
    cast: Cast, desk: Client, waiting: BankLine, owed: PaymentSlip
) -> None:
    address = reverse("admin:payments_bankline_assign", args=[waiting.pk])
    typed = {
        "code_1": f"RF{owed.payment_reference}",
        "amount_1": "60,00",
        "credit_affiliate": cast.affiliate.affiliation_number,
    }
    refused = desk.post(address, typed)
    assert refused.status_code == 422
    assert desk.post(address, {**typed, "code_1": owed.payment_reference}).status_code == 302
    owed.refresh_from_db()
    assert (owed.outstanding, credit_of(cast.affiliate), suspense_of(waiting.pk)) == (
        D("40.00"),
        D("40.00"),
        0,
    )
    allocation = Allocation.objects.get(slip=owed)
    back = reverse("admin:payments_bankline_reverse", args=[waiting.pk, allocation.pk])
    assert desk.get(back).status_code == 200
    assert desk.post(back).status_code == 422
    assert desk.post(back, {"reason": "Erreur de référence"}).status_code == 302
    assert desk.post(back, {"reason": "Erreur de référence"}).status_code == 422
    owed.refresh_from_db()
    assert owed.outstanding == D("40.00")
    other = Client()
    other.force_login(supervisor())
    act = ClerkAct.objects.get()
    decide = reverse("admin:payments_clerkact_decide", args=[act.pk, "valider"])
    for _ in range(2):
        assert other.post(decide).status_code == 302
    owed.refresh_from_db()
    assert (owed.outstanding, suspense_of(waiting.pk)) == (D("100.00"), D("60.00"))


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"code_1": "123", "amount_1": "100"},
        {"code_1": "123456726010179", "amount_1": "100"},
        {"code_1": "123456726010179", "amount_1": "1e5"},
        {"credit_affiliate": "7654321"},
    ],
)
def test_a_wrong_assignment_is_said_kindly_and_moves_nothing(
    desk: Client, waiting: BankLine, typed: dict[str, str]
) -> None:
    answer = desk.post(reverse("admin:payments_bankline_assign", args=[waiting.pk]), typed)
    assert answer.status_code == 422
    assert suspense_of(waiting.pk) == D("100.00")
