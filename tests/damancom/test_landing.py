"""Where one lands."""

import pytest
from django.test import Client

from affiliates.enums import Scope
from tests.affiliates.factories import AffiliateFactory, MandateFactory, UserFactory
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def landing_of(client: Client, person) -> str:
    client.force_login(person)
    answer = client.get("/")
    return answer.headers["Location"] if answer.status_code == 302 else f"{answer.status_code}"


def test_each_lands_in_the_space_that_is_theirs(client: Client, cast: Cast):
    number = cast.affiliate.affiliation_number
    assert landing_of(client, cast.owner) == f"/affilies/{number}/"
    assert landing_of(client, cast.fiduciaire) == f"/affilies/{number}/"
    assert landing_of(client, cast.bank) == "/banque/"
    assert landing_of(client, cast.staff) == "/administration/"
    assert landing_of(client, cast.stranger) == (
        f"/affilies/{cast.strangers_affiliate.affiliation_number}/"
    )


def test_several_affiliates_give_a_choice(client: Client, cast: Cast):
    MandateFactory(
        affiliate=AffiliateFactory(),
        representative=cast.representative,
        scopes=[Scope.READ.value],
    )
    assert landing_of(client, cast.fiduciaire) == "/affilies/"


def test_a_visitor_finds_what_the_service_is_for(client: Client):
    page = client.get("/").content.decode()
    assert "Déclarez vos salariés" in page
    assert "/connexion/" in page


def test_someone_without_any_access_is_told_what_to_do(client: Client):
    client.force_login(UserFactory())
    assert "Aucune entreprise ne vous est ouverte" in client.get("/").content.decode()


def test_landing_costs_few_queries(client: Client, cast: Cast, django_assert_max_num_queries):
    client.force_login(cast.owner)
    client.get("/")
    with django_assert_max_num_queries(8):
        client.get("/")
