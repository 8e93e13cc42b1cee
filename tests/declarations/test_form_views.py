"""The screens of the form, seen by the five, with and without scripts."""

import re
from collections.abc import Iterator

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from affiliates.enums import Role
from declarations import workflows
from declarations.models import Declaration, DeclarationLine, Prefill
from portal.models import AuditEntry
from tests.affiliates.factories import MembershipFactory, UserFactory
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, employ, submitted
from tests.declarations.test_views import address, browser

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _february() -> Iterator[None]:
    with time_machine.travel(AT, tick=True):
        yield


def opened(cast: Cast, people: int = 3) -> Declaration:
    employ(cast.affiliate, people)
    return workflows.open_form(actor=cast.owner, at=AT, affiliate=cast.affiliate, period=JANUARY)


def filled(one: Declaration, wage: str = "8 500,50", days: str = "26") -> dict[str, object]:
    data: dict[str, object] = {"version": one.version}
    for key in one.lines.values_list("pk", flat=True):
        data |= {f"days-{key}": days, f"wage-{key}": wage, f"situation-{key}": ""}
    return data


def page_of(client: Client, page: str) -> str:
    response = client.get(page)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_form_opens_to_those_who_declare(cast: Cast, language: str) -> None:
    page = address(cast, "form", pk=opened(cast).pk)

    for user in (cast.owner, cast.fiduciaire):
        client = browser(user)
        client.cookies["django_language"] = language
        assert 'data-column="wage"' in page_of(client, page)


def test_the_form_is_nothing_to_anyone_else(cast: Cast) -> None:
    one = opened(cast)
    line = one.lines.first()
    pages = {
        "form_start": address(cast, "form_start", period=JANUARY),
        "form": address(cast, "form", pk=one.pk),
        "form_paste": address(cast, "form_paste", pk=one.pk),
        "form_add": address(cast, "form_add", pk=one.pk),
        "form_no_work": address(cast, "form_no_work", pk=one.pk),
        "form_remove": address(cast, "form_remove", pk=one.pk, line=line.pk),
    }

    for user in cast.outsiders:
        assert browser(user).get(pages["form"]).status_code == 404
        for name, page in pages.items():
            assert browser(user).post(page, filled(one)).status_code == 404, name
    reader = UserFactory()
    MembershipFactory(user=reader, affiliate=cast.affiliate, role=Role.READER.value)
    for name, page in pages.items():
        assert browser(reader).post(page, filled(one)).status_code in (403, 404), name
    assert Client().get(pages["form"]).status_code == 302
    one.refresh_from_db()
    assert one.version == 1


def test_looking_changes_nothing(cast: Cast) -> None:
    one = opened(cast)

    def state() -> list[object]:
        tables = (Declaration, DeclarationLine, Prefill)
        return [list(table.objects.order_by("pk").values()) for table in tables]

    before = state()
    entries = AuditEntry.objects.count()
    client = browser(cast.owner)
    for name in ("form", "form_add"):
        client.get(address(cast, name, pk=one.pk))
    client.get(address(cast, "form_start", period=JANUARY))

    assert state() == before
    assert AuditEntry.objects.count() == entries


def test_queries_do_not_grow_with_the_people(cast: Cast) -> None:
    one = opened(cast, 2)
    client = browser(cast.owner)
    page = address(cast, "form", pk=one.pk)

    def count() -> tuple[int, int]:
        with CaptureQueriesContext(
            connection,
        ) as looked:
            client.get(page)
        one.refresh_from_db()
        with CaptureQueriesContext(connection) as saved:
            client.post(page, filled(one, wage=f"{one.version}000"), headers={"X-Saisie": "1"})
        return len(looked), len(saved)

    client.get(page)
    few = count()
    workflows.cancel(actor=cast.owner, declaration=one)
    Prefill.objects.all().delete()
    employ(cast.affiliate, 120)
    one = workflows.open_form(actor=cast.owner, at=AT, affiliate=cast.affiliate, period=JANUARY)
    page = address(cast, "form", pk=one.pk)

    assert count() == few


def test_a_month_is_declared_page_by_page_without_scripts(cast: Cast) -> None:
    one = opened(cast, 60)
    client = browser(cast.owner)
    page = address(cast, "form", pk=one.pk)
    data = filled(one)
    first = set(re.findall(r'name="(days-\d+)"', page_of(client, page)))
    assert len(first) == 50

    answer = client.post(page, {**data, "suite": "suivante"})
    assert answer["Location"].endswith("?page=2")
    one.refresh_from_db()
    answer = client.post(page, {"version": one.version, "suite": "relire"})
    assert answer["Location"] == address(cast, "declaration", pk=one.pk)

    client.post(address(cast, "submit", pk=one.pk), {"version": one.version})
    one.refresh_from_db()
    assert one.receipt_number


def test_what_is_missing_leads_back_to_its_page(cast: Cast) -> None:
    one = opened(cast, 60)
    last = one.lines.order_by("-rank").first()
    data = filled(one) | {f"wage-{last.pk}": "12,345"}
    client = browser(cast.owner)

    answer = client.post(address(cast, "form", pk=one.pk), {**data, "suite": "relire"})

    assert answer["Location"].endswith("?page=2")
    shown = page_of(client, answer["Location"])
    assert "12,345" in shown
    assert "plus de deux décimales" in shown
    preview = page_of(client, address(cast, "declaration", pk=one.pk))
    assert "La saisie est à terminer" in preview
    assert address(cast, "form", pk=one.pk) in preview
    assert 'type="submit">Déposer la déclaration' not in preview
    assert "Votre saisie est à terminer" in page_of(client, address(cast, "month", period=JANUARY))


def test_a_conflict_loses_nothing_typed_and_shows_what_is_stored(cast: Cast) -> None:
    one = opened(cast, 1)
    mine, theirs = filled(one, wage="7 000"), filled(one, wage="9 000")
    page = address(cast, "form", pk=one.pk)
    browser(cast.fiduciaire).post(page, theirs)

    answer = browser(cast.owner).post(page, mine)

    shown = answer.content.decode()
    assert answer.status_code == 409
    assert 'value="7 000"' in shown
    assert "Enregistré entre-temps : 9000,00" in shown
    assert one.lines.get().gross_wage == 9000
    one.refresh_from_db()
    assert browser(cast.owner).post(page, {**mine, "version": one.version}).status_code == 302
    assert one.lines.get().gross_wage == 7000


def test_an_entrant_by_the_page(cast: Cast) -> None:
    one = opened(cast, 1)
    client = browser(cast.owner)
    page = address(cast, "form_add", pk=one.pk)
    said = {"version": one.version, "last_name": "Delta", "first_name": "Driss"}

    assert "à défaut, la CIN" in client.post(page, said).content.decode()
    assert client.post(page, {**said, "cin": "ab 123456"}).status_code == 302
    assert client.post(page, {**said, "registration_number": "12"}).status_code == 200

    hired = one.lines.get(origin="new_hire")
    assert (hired.registration_number, hired.cin) == ("000000000", "AB123456")
    one.refresh_from_db()
    client.post(address(cast, "form_remove", pk=one.pk, line=hired.pk), {"version": one.version})
    assert one.lines.count() == 1


def test_a_pasted_column_by_the_page(cast: Cast) -> None:
    one = opened(cast, 3)
    said = {"version": one.version, "column": "wage", "first_line": "0"}

    browser(cast.owner).post(
        address(cast, "form_paste", pk=one.pk), {**said, "text": "1 000\r\n2 000,50\r\n\r\n"}
    )

    wages = [str(line.gross_wage) for line in one.lines.order_by("rank")]
    assert wages == ["1000.00", "2000.50", "0.00"]


def test_nobody_worked(cast: Cast) -> None:
    one = opened(cast, 2)

    browser(cast.owner).post(
        address(cast, "form_no_work", pk=one.pk), {"version": one.version, "situation": "CS"}
    )

    one.refresh_from_db()
    assert one.to_complete == 0


def test_as_last_month_goes_straight_to_the_preview(cast: Cast) -> None:
    submitted(cast.owner, cast.affiliate, people=2)
    with time_machine.travel("2026-03-03 09:00Z"):
        client = browser(cast.owner)
        month = page_of(client, address(cast, "month", period="2026-02"))
        assert "Comme le mois dernier" in month
        answer = client.post(address(cast, "form_start", period="2026-02"), {"reprendre": "1"})
        one = Declaration.objects.get(status="draft")
        assert answer["Location"] == address(cast, "declaration", pk=one.pk)


@pytest.mark.parametrize(("people", "first"), [(50, "form"), (51, "file")])
def test_the_form_comes_first_for_few_people(cast: Cast, people: int, first: str) -> None:
    employ(cast.affiliate, people)

    shown = page_of(browser(cast.owner), address(cast, "month", period=JANUARY))

    ranks = {"form": shown.index("titre-saisie"), "file": shown.index("titre-depot")}
    assert min(ranks, key=lambda name: ranks[name]) == first


def test_forgotten_people_are_declared_on_the_screen(cast: Cast) -> None:
    submitted(cast.owner, cast.affiliate)
    client = browser(cast.owner)
    month = address(cast, "month", period=JANUARY)
    assert "Saisir une complémentaire" in page_of(client, month)

    client.post(address(cast, "form_start", period=JANUARY))

    one = Declaration.objects.get(kind="supplementary")
    page = address(cast, "form", pk=one.pk)
    assert page in page_of(client, month)
    assert "R91" in page_of(client, page)
    said = {"version": one.version, "cin": "AB123456", "last_name": "Delta", "first_name": "D"}
    client.post(address(cast, "form_add", pk=one.pk), said)
    one.refresh_from_db()
    client.post(page, filled(one))
    one.refresh_from_db()
    client.post(address(cast, "submit", pk=one.pk), {"version": one.version})
    one.refresh_from_db()
    assert one.receipt_number
