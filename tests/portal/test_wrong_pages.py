"""What went wrong is said in words: on a page of its own, or at the head of the form that came back."""

import re

import pytest
from django.test import Client

from tests.affiliates.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    user = UserFactory(email="curieuse@exemple.ma")
    client = Client()
    client.post("/connexion/", {"username": user.email, "password": PASSWORD})
    return client


@pytest.mark.parametrize(
    ("language", "title"),
    [("fr", "Cette adresse ne s’ouvre pas seule"), ("ar", "هذا العنوان لا يُفتح وحده")],
)
def test_an_address_that_only_takes_forms_says_so_instead_of_an_empty_page(
    client: Client, language: str, title: str
) -> None:
    client.cookies["django_language"] = language
    answer = client.get("/deconnexion/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")
    page = answer.content.decode()
    assert f"<h1>{title}</h1>" in page
    assert answer.headers["X-Request-Code"] in page


def test_a_method_that_a_page_does_not_take_has_words_too(client: Client) -> None:
    answer = client.delete("/ma-securite/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert "Rien n’a été changé" in answer.content.decode()


@pytest.mark.parametrize(("language", "word"), [("fr", "Erreur :"), ("ar", "خطأ:")])
def test_the_title_of_a_form_to_correct_begins_with_it(language: str, word: str) -> None:
    visitor = Client()
    visitor.cookies["django_language"] = language
    assert f"<title>{word}" not in visitor.get("/connexion/").content.decode()
    answer = visitor.post("/connexion/", {"username": "", "password": ""})
    assert answer.status_code == 422
    assert f"<title>{word} " in answer.content.decode()


def test_what_is_to_be_corrected_is_named_and_leads_to_its_field() -> None:
    page = Client().post("/affiliation/", {"name": "ATELIER"}).content.decode()
    summary = re.search(r'data-error-summary.*?<ul class="dc-faults">(.*?)</ul>', page, re.DOTALL)
    assert summary is not None
    links = dict(re.findall(r'<a href="#([\w-]+)">([^<]+)</a>', summary[1]))
    assert links["id_ice"] == "ICE"
    assert "id_name" not in links
    for field in links:
        assert f'id="{field}"' in page


def test_what_was_typed_is_still_there_when_one_must_wait() -> None:
    visitor = Client()
    typed = {"username": "presse@exemple.ma", "password": "pas la bonne"}
    for _again in range(5):
        assert visitor.post("/connexion/", typed).status_code == 422
    answer = visitor.post("/connexion/", typed)
    page = answer.content.decode()
    assert answer.status_code == 429
    assert 'value="presse@exemple.ma"' in page
    assert "pas la bonne" not in page
    assert "<title>Erreur :" in page
