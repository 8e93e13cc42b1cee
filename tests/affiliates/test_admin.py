"""The register on the clerks' desk."""

import pytest
from django.test import Client
from django.urls import reverse

from affiliates.models import Mandate
from portal.models import AuditEntry
from tests.affiliates.factories import EmploymentFactory
from tests.desk import say_why

LISTS = ["affiliate", "mandate", "representative", "employee", "employment"]


def _as(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("kind", LISTS)
def test_a_clerk_reads_every_list_and_nobody_else_does(cast, kind):
    EmploymentFactory(affiliate=cast.affiliate)
    page = reverse(f"admin:affiliates_{kind}_changelist")
    assert _as(cast.staff).get(page).status_code == 200
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        assert _as(user).get(page).status_code == 302


def test_the_card_of_an_affiliate_is_found_by_any_word_and_cannot_be_edited(cast):
    clerk = _as(cast.staff)
    desk = reverse("admin:affiliates_affiliate_changelist")
    found = say_why(clerk, desk).get(desk, {"q": "baraka boulangerie"})
    assert cast.affiliate.affiliation_number in found.content.decode()
    assert cast.strangers_affiliate.affiliation_number not in found.content.decode()
    card = reverse("admin:affiliates_affiliate_change", args=[cast.affiliate.pk])
    assert clerk.post(card, {"purpose": "call"}).status_code == 302
    page = clerk.get(card).content.decode()
    assert "Nadia Benjelloun" in page
    assert clerk.post(card, {"name": "AUTRE"}).status_code == 403
    assert AuditEntry.objects.filter(
        action="staff.read", affiliation_number=cast.affiliate.affiliation_number
    ).exists()


def test_a_clerk_takes_a_mandate_back_on_request(cast):
    mandate = Mandate.objects.get(affiliate=cast.affiliate)
    desk = reverse("admin:affiliates_mandate_changelist")
    say_why(_as(cast.staff), desk).post(
        desk,
        {"action": "revoke", "_selected_action": [mandate.pk]},
    )
    mandate.refresh_from_db()
    assert mandate.revoked_at is not None
    assert AuditEntry.objects.get(action="mandate.revoked").actor == cast.staff
