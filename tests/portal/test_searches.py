"""What is looked for never stands in an address: it is posted, kept in the session, and named by a key."""

import re
from html import unescape
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest
from django.conf import settings
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from portal.admin import FoundList
from tests.affiliates.factories import EmployeeFactory, EmploymentFactory
from tests.cast import Cast
from tests.desk import say_why

pytestmark = pytest.mark.django_db
SEARCH = "/recherche/"
_FORM = re.compile(r"<form\b[^>]*>.*?</form>", re.DOTALL)
_LINK = re.compile(r'(?:href|action)="([^"]*)"')


def signed_in(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


def looked_for(client: Client, page: str, text: str, **filters: str) -> str:
    """Where the search box of a page leads."""
    answer = client.post(SEARCH, {"vers": page, "q": text, **filters})
    assert answer.status_code == 302
    return str(answer["Location"])


def test_no_form_of_ours_puts_what_is_looked_for_in_an_address() -> None:
    read = 0
    for path in sorted((settings.BASE_DIR / "templates").rglob("*.html")):
        for form in _FORM.findall(path.read_text("utf-8")):
            opening = form.partition(">")[0]
            if re.search(r'type="search"|name="q"|name="\{\{ search_var', form):
                read += 1
                assert 'method="post"' in opening, path
    assert read >= 9


def test_a_person_is_found_and_named_in_no_address(cast: Cast) -> None:
    for rank in range(60):
        employee = EmployeeFactory(last_name="BENKIRANE", first_name=f"SALMA {rank}")
        EmploymentFactory(affiliate=cast.affiliate, employee=employee)
    EmploymentFactory(affiliate=cast.affiliate, employee=EmployeeFactory(last_name="TAZI"))
    client = signed_in(cast.owner)
    page = reverse("affiliates:employees", args=[cast.affiliate.affiliation_number])
    there = looked_for(client, page, "  Benkirane ")
    assert urlsplit(there).path == page
    shown = client.get(there)
    assert shown.context["page"].paginator.count == 60
    assert 'value="Benkirane"' in shown.content.decode()
    links = [unquote_plus(unescape(one)) for one in _LINK.findall(shown.content.decode())]
    assert [one for one in links if "page=2" in one]
    assert [one for one in links if "benkirane" in one.lower()] == []
    # The second page is of the same search.
    second = client.get(page + next(one for one in links if "page=2" in one))
    assert len(second.context["page"].object_list) == 10
    # Looked for again, the same address; nothing looked for, the whole list.
    assert looked_for(client, page, "Benkirane") == there
    assert looked_for(client, page, " ") == page
    # The key opens nothing in another session.
    assert signed_in(cast.owner).get(there).context["page"].paginator.count == 61


def test_the_other_filters_go_along(cast: Cast) -> None:
    there = looked_for(signed_in(cast.owner), "/mes-entreprises/", "x", mois="2026-02", etat="")
    asked = parse_qs(urlsplit(there).query)
    assert (set(asked), asked["mois"]) == ({"mois", "q"}, ["2026-02"])


@pytest.mark.parametrize("list_of", ["affiliates_employee", "payments_paymentslip"])
def test_the_lists_of_the_desk_do_the_same(cast: Cast, list_of: str) -> None:
    EmploymentFactory(affiliate=cast.affiliate, employee=EmployeeFactory(cin="BK778899"))
    desk = reverse(f"admin:{list_of}_changelist")
    client = say_why(signed_in(cast.staff), desk)
    there = looked_for(client, desk, "BK778899")
    assert "BK778899" not in there
    page = client.get(there)
    assert page.status_code == 200
    assert page.context["cl"].query == "BK778899"
    expected = 1 if list_of == "affiliates_employee" else 0
    assert page.context["cl"].result_count == expected
    links = _LINK.findall(page.content.decode())
    assert SEARCH in links
    assert [one for one in links if "BK778899" in unquote_plus(unescape(one))] == []


def test_no_list_of_the_desk_is_left_out() -> None:
    searched = [one for one in admin.site._registry.values() if one.search_fields]
    assert len(searched) > 20
    request = RequestFactory().get("/")
    assert {one.get_changelist(request) for one in searched} == {FoundList}


def test_a_session_remembers_the_latest(cast: Cast) -> None:
    client, page = signed_in(cast.fiduciaire), reverse("affiliates:choose")
    first = looked_for(client, page, "mot 0")
    for rank in range(1, 21):
        last = looked_for(client, page, f"mot {rank}")
    assert len(client.session["searches"]) == 20
    assert client.get(first).context["query"] == ""
    assert client.get(last).context["query"] == "mot 20"


@pytest.mark.parametrize(
    "target", ["", "https://voleur.example/", "//voleur.example/", "mes", "/\\voleur.example"]
)
def test_a_search_leads_nowhere_else(cast: Cast, target: str) -> None:
    there = looked_for(signed_in(cast.owner), target, "x")
    assert there == reverse("home")
