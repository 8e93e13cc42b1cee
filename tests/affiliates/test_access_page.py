"""The page of who may do what, and taking a mandate back."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import Role
from affiliates.models import Mandate
from portal.models import AuditEntry
from tests.affiliates.factories import MandateFactory, MembershipFactory, RepresentativeFactory


def _page(cast, view="access", **more):
    number = {"affiliation_number": cast.affiliate.affiliation_number}
    return reverse(f"affiliates:{view}", kwargs={**number, **more})


def _as(user):
    client = Client()
    client.force_login(user)
    return client


def test_members_and_offices_are_shown_with_what_they_may(cast):
    for user in (cast.owner, cast.fiduciaire):
        page = _as(user).get(_page(cast)).content.decode()
        assert "Nadia Benjelloun" in page
        assert "Fiduciaire Atlas" in page
        assert "Youssef Tazi" in page
    assert "Retirer" in _as(cast.owner).get(_page(cast)).content.decode()
    assert "Retirer" not in _as(cast.fiduciaire).get(_page(cast)).content.decode()


def test_outsiders_find_nothing_and_visitors_the_door(cast):
    mandate = Mandate.objects.get(affiliate=cast.affiliate)
    for page in (_page(cast), _page(cast, "revoke_mandate", mandate_id=mandate.pk)):
        for user in cast.outsiders:
            assert _as(user).get(page).status_code == 404
            assert _as(user).post(page).status_code in (404, 405)
        assert Client().get(page).status_code == 302
    assert Mandate.objects.get(pk=mandate.pk).revoked_at is None


def test_only_who_manages_access_takes_a_mandate_back(cast):
    mandate = Mandate.objects.get(affiliate=cast.affiliate)
    page = _page(cast, "revoke_mandate", mandate_id=mandate.pk)
    reader = MembershipFactory(affiliate=cast.affiliate, role=Role.READER.value).user
    for user in (cast.fiduciaire, reader):
        assert _as(user).post(page).status_code == 403
    assert Mandate.objects.get(pk=mandate.pk).revoked_at is None

    owner = _as(cast.owner)
    assert "Fiduciaire Atlas" in owner.get(page).content.decode()
    assert Mandate.objects.get(pk=mandate.pk).revoked_at is None, "asking changes nothing"
    fiduciaire = _as(cast.fiduciaire)
    assert fiduciaire.get(_page(cast)).status_code == 200
    assert owner.post(page).status_code == 302
    assert fiduciaire.get(_page(cast)).status_code == 404, "from the next request on"
    owner.post(page)
    assert AuditEntry.objects.filter(action="mandate.revoked").count() == 1
    assert "déjà retiré" in owner.get(page).content.decode()


def test_a_mandate_of_another_affiliate_is_not_reachable_through_ours(cast):
    theirs = MandateFactory(affiliate=cast.strangers_affiliate)
    page = _page(cast, "revoke_mandate", mandate_id=theirs.pk)
    assert _as(cast.owner).post(page).status_code == 404
    assert Mandate.objects.get(pk=theirs.pk).revoked_at is None


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_both_languages_and_the_empty_page(cast, language):
    client = _as(cast.owner)
    client.cookies["django_language"] = language
    Mandate.objects.filter(affiliate=cast.affiliate).delete()
    response = client.get(_page(cast))
    assert response.status_code == 200
    page = response.content.decode()
    assert f'lang="{language}"' in page
    assert ("مسؤول" in page) is (language == "ar"), "roles are said in the language of the screen"


def test_the_number_of_queries_does_not_grow(cast):
    client = _as(cast.owner)
    client.get(_page(cast))

    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get(_page(cast))
        return len(captured)

    few = queries()
    for _ in range(5):
        MembershipFactory(affiliate=cast.affiliate)
        MandateFactory(
            affiliate=cast.affiliate,
            representative=RepresentativeFactory(members=[MembershipFactory().user]),
        )
    assert queries() == few
