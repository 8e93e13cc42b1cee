import re

import pytest
from django.test import Client
from django.urls import reverse

from regulation.parameters import history
from regulation.series import SERIES
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def page(client: Client, address: str, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split()).replace("\u202f", " ").replace("\u00a0", " ")


def test_the_rule_shows_every_series_of_the_day(client: Client) -> None:
    shown = page(client, "/la-regle/", on="2026-04-25")
    for name in SERIES:
        assert f'href="{reverse("portal:rule_series", args=[name])}"' in shown
    assert "6 000,00 DH par mois" in shown
    assert "Choix de gestion" in shown
    assert "Loi 02-24" in shown


def test_the_rule_of_another_day(client: Client) -> None:
    shown = page(client, "/la-regle/", on="2010-06-01")
    assert "Non établie" in shown
    assert "taux de mars 2006 à décembre 2016 non établi" in shown
    assert "Sans valeur connue ce jour-là" in shown


def test_an_extended_due_day_is_marked(client: Client) -> None:
    shown = page(client, "/la-regle/", on="2025-07-05")
    assert "21 juillet 2025" in shown
    assert "prolongée" in shown


def test_an_impossible_day_is_said(client: Client) -> None:
    assert "écrivez-le comme 2026-01-31" in page(client, "/la-regle/", on="31/01/2026")


def test_a_day_before_the_tables_still_answers(client: Client) -> None:
    assert "Aucune échéance" in page(client, "/la-regle/", on="1950-01-01")


@pytest.mark.parametrize("name", sorted(SERIES))
def test_every_series_has_its_page(client: Client, name: str) -> None:
    shown = page(client, reverse("portal:rule_series", args=[name]))
    assert "Historique" in shown
    has_numbers = any(entry.number is not None for entry in history(name))
    assert ("<svg" in shown.split("<main", 1)[1]) is has_numbers


def test_an_unknown_series_is_not_found(client: Client) -> None:
    assert client.get("/la-regle/rate.nothing/").status_code == 404


def test_the_chart_leaves_a_hole_where_nothing_is_established(client: Client) -> None:
    shown = page(client, "/la-regle/rate.pf.employer/")
    assert "dc-chart-unknown" in shown
    assert len(re.findall("<polyline", shown)) == 2


def test_the_simulator_starts_empty_with_an_example(client: Client) -> None:
    shown = page(client, "/simulateur/")
    assert "Voir un exemple" in shown
    example = re.search(r'href="(\?period=[^"]+)"', shown)
    assert example
    answered = client.get("/simulateur/" + example[1].replace("&amp;", "&"))
    assert "Branche par branche" in answered.content.decode()


def test_the_simulator_answers_to_the_centime(client: Client) -> None:
    shown = page(
        client,
        "/simulateur/",
        period="2026-01",
        wages="4000\n12 345,67",
        paid_on="2026-04-25",
        filed_on="2026-04-25",
    )
    for amount in ("3 694,86 DH", "843,60", "2 033,85", "95,68 DH", "437,38 DH"):
        assert amount in shown
    assert "janvier 2026, 2 salariés" in shown
    assert "16 345,67 × 6,40 % = 1 046,12288, arrondi à 1 046,12 DH" in shown


def test_the_simulator_lets_the_state_take_over_a_wage(client: Client) -> None:
    shown = page(
        client, "/simulateur/", period="2026-01", wages="12345,67", takeover_wages="4000"
    ).replace("\u00a0", " ")
    assert "Pris en charge par l’État" in shown
    assert "679,20" in shown
    assert "3 015,66" in shown
    assert "Aidé" in shown
    assert "État : 256,00" in shown
    alone = page(client, "/simulateur/", period="2026-01", takeover_wages="4000")
    assert "679,20" in alone


def test_the_simulator_says_what_is_not_due(client: Client) -> None:
    shown = page(
        client,
        "/simulateur/",
        period="2026-01",
        wages="4000",
        amo_exempt="on",
        paid_on="2026-02-10",
    )
    assert "rien n’est dû" in shown
    assert "Rien à ajouter" in shown


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"period": "2026-13", "wages": "4000"}, "n’existe pas"),
        ({"period": "2026-01", "wages": ""}, "au moins un salaire"),
        ({"period": "2026-01", "wages": "4000\n12,345\nabc"}, "Salaire 2."),
        ({"period": "2026-01", "wages": "4000\n12,345\nabc"}, "Salaire 3."),
        ({"period": "2026-01", "wages": "-4000"}, "négatif"),
        ({"period": "2026-01", "wages": "1_000"}, "n’est pas lisible"),
        ({"period": "2002-03", "wages": "4000"}, "à partir du 01/04/2002"),
        ({"period": "2026-01", "wages": "4000", "paid_on": "25/04/2026"}, "n’existe pas"),
        ({"period": "2026-01", "wages": "1\n" * 201}, "200 salaires au plus"),
    ],
)
def test_the_simulator_refuses_in_words(client: Client, query: dict[str, str], said: str) -> None:
    assert said in page(client, "/simulateur/", **query)


def test_no_wage_text_is_echoed_unescaped(client: Client) -> None:
    shown = page(client, "/simulateur/", period="2026-01", wages="<script>alert(1)</script>")
    assert "<script>alert" not in shown


@pytest.mark.parametrize("address", ["/la-regle/", "/la-regle/smig.hourly/", "/simulateur/"])
def test_public_pages_open_to_all_and_change_nothing(
    client: Client, cast: Cast, address: str, django_assert_max_num_queries
) -> None:
    people = [None, cast.owner, cast.fiduciaire, cast.bank, cast.staff, cast.stranger]
    for person in people:
        if person:
            client.force_login(person)
        with django_assert_max_num_queries(12):
            assert client.get(address).status_code == 200
        assert client.post(address).status_code == 405


def test_in_arabic_the_pages_run_right_to_left(client: Client) -> None:
    client.cookies["django_language"] = "ar"
    shown = page(client, "/simulateur/", period="2026-01", wages="4000")
    assert 'dir="rtl"' in shown
    assert 'dir="rtl"' in page(client, "/la-regle/rate.pf.employer/")


def test_in_arabic_the_texts_of_the_law_are_said_in_arabic(client: Client) -> None:
    client.cookies["django_language"] = "ar"
    shown = page(client, "/la-regle/", on="2026-04-25")
    assert "المرسوم رقم 2-01-2723 الصادر في 12 مارس 2002" in shown
    main = shown.split("<main", 1)[1]
    assert not re.search("Décret|Dahir|Loi |Choix|SMIG", main)
    working = page(client, "/simulateur/", period="2026-01", wages="4000", paid_on="2026-04-25")
    main = re.sub("<form.*?</form>", "", working.split("<main", 1)[1])
    assert not re.search("Texte|Décret|Loi |Choix|Mois", main)
    assert "اختيار تدبيري: تُقرَّب كل خانة من ورقة الأداء مرة واحدة." in working


def test_in_arabic_a_refusal_names_the_value_in_arabic(client: Client) -> None:
    client.cookies["django_language"] = "ar"
    shown = page(client, "/simulateur/", period="2002-03", wages="4000")
    assert "«السقف الشهري للأجر» في 01/03/2002" in shown
