"""Whatever an accountant does for a firm bears two names, on every page and in every letter that says who did it."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from affiliates import workflows as register
from affiliates.access import affiliate_or_404
from affiliates.enums import Scope
from payments.workflows.debits import notices
from portal import audit, clock
from portal.models import Mail
from tests.cast import Cast
from tests.declarations.factories import send
from tests.disputes.factories import PDF, dispute_of, upload
from tests.payments.debit_world import signed
from tests.payments.factories import slip

NOW = datetime(2026, 4, 14, 12, tzinfo=UTC)
BOTH = "Youssef Tazi (cabinet Fiduciaire Atlas)"


@pytest.fixture
def acting(cast: Cast) -> Iterator[Cast]:
    """The accountant in the place of the owner, come in by the doorway."""
    audit.forget_doors()
    with time_machine.travel(NOW, tick=False):
        affiliate_or_404(
            cast.fiduciaire, cast.affiliate.affiliation_number, Scope.PAY, on=clock.today()
        )
        yield replace(cast, owner=cast.fiduciaire)
    audit.forget_doors()


def shown(cast: Cast, name: str, *more: object) -> str:
    """The page as the owner reads it."""
    client = Client()
    client.force_login(cast.fiduciaire)
    answer = client.get(reverse(name, args=[cast.affiliate.affiliation_number, *more]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_who_sent_a_file(acting: Cast) -> None:
    send(acting.fiduciaire, acting.affiliate, b"rien de bon")
    assert BOTH in shown(acting, "declarations:month", "2026-01")


def test_who_signed_an_order_and_prepared_an_authority(acting: Cast) -> None:
    order = signed(acting, slip(acting.affiliate), day=date(2026, 4, 27))
    assert BOTH in shown(acting, "payments:orders")
    assert BOTH in shown(acting, "payments:authorities")
    assert BOTH in shown(acting, "payments:order", order.reference)
    notices.announce(at=datetime(2026, 4, 23, 9, tzinfo=UTC))
    letter = Mail.objects.get(key__contains=":coming:", address="patronne@exemple.ma")
    assert BOTH in letter.text


def test_who_opened_a_dispute(acting: Cast) -> None:
    dispute = dispute_of(acting.fiduciaire, slip(acting.affiliate), rank=1, at=NOW)
    assert BOTH in shown(acting, "disputes:detail", dispute.number)


def test_who_asked_for_a_correction_of_the_register(acting: Cast) -> None:
    row = register.ask_rectification(
        actor=acting.fiduciaire,
        at=NOW,
        affiliate=acting.affiliate,
        employee=None,
        intent=uuid.uuid4(),
        told={"address": "12 RUE DU FOUR"},
        text="L’adresse a changé en mars.",
        pieces=[upload("bail.pdf", PDF)],
    )
    audit.forget_doors()
    client = Client()
    client.force_login(acting.affiliate.memberships.get().user)
    page = client.get(
        reverse("affiliates:rectification", args=[acting.affiliate.affiliation_number, row.number])
    )
    assert BOTH in page.content.decode()


def test_in_their_own_right_one_name_is_told(cast: Cast) -> None:
    audit.forget_doors()
    with time_machine.travel(NOW, tick=False):
        signed(cast, slip(cast.affiliate))
        page = shown(cast, "payments:orders")
    assert "Nadia Benjelloun" in page
    assert "(cabinet" not in page
