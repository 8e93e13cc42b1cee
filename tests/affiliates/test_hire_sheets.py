"""Many new hires from a spreadsheet: what each row becomes, what is told at which cell, and nobody asked twice."""

import csv
import io
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from affiliates import errors, workflows
from affiliates.codecs.hire_sheet import LAYOUT, MOST_PEOPLE, REQUIRED
from affiliates.enums import HireColumn, RegistrationState, Role
from affiliates.models import RegistrationRequest
from affiliates.workflows import SheetOutcome, hire_sheets
from portal import clock
from portal.enums import CellKind
from portal.models import AuditEntry
from portal.sheets import xlsx
from portal.sheets.table import Cell, read_titles
from tests.affiliates.factories import AffiliateFactory, MembershipFactory, UserFactory
from tests.declarations.workbooks import workbook
from tests.disputes.factories import PDF, upload

TITLES = [column.label for column in HireColumn]
TODAY = f"{clock.today():%d/%m/%Y}"
#: In the order of the columns: names, names in Arabic, card, nationality, sex, birth, address, telephone, RIB, hire.
AMINE = (
    "Alami", "Amine", "العلمي", "أمين", None, "AB123456", None, "M", "08/03/1994", "Fès",
    "3 rue des Figuiers", "Casablanca", 612345678, None, TODAY,
)  # fmt: skip
AISSATOU = (
    "Diop", "Aïssatou", None, None, "titre de séjour", "C98765", "Sénégal", "femme", "1999-12-01", "Dakar",
    "9 rue du Port", "Agadir", "+212612345679", None, TODAY,
)  # fmt: skip
BAHIJA = (
    "Bennis", "Bahija", "بنيس", "بهيجة", "CIN", "bk 777.001", "MA", "F", "1/2/1990", "Rabat",
    "4 rue Haute", "Salé", "0612345670", None, TODAY,
)  # fmt: skip

pytestmark = pytest.mark.django_db


def with_(row: Sequence[Any], **more: Any) -> tuple[Any, ...]:
    """The same row with other cells, by the names of their columns."""
    places = {column.value: place for place, column in enumerate(HireColumn)}
    changed = list(row)
    for name, value in more.items():
        changed[places[name]] = value
    return tuple(changed)


def sheet(*rows: Sequence[Any], **more: Any) -> bytes:
    return workbook(rows, titles=TITLES, **more)


def take(affiliate, content: bytes, *, intent: uuid.UUID | None = None) -> SheetOutcome:
    return workflows.take_hires(
        actor=UserFactory(),
        at=clock.now(),
        affiliate=affiliate,
        intent=intent or uuid.uuid4(),
        stream=io.BytesIO(content),
    )


def told(outcome: SheetOutcome) -> list[tuple[str, type[Exception]]]:
    return [(one.cell, type(one.refusal)) for row in outcome.rows for one in row.faults]


def test_each_sound_row_becomes_a_draft() -> None:
    affiliate = AffiliateFactory()
    outcome = take(affiliate, sheet(AMINE, AISSATOU, BAHIJA))

    assert told(outcome) == []
    rows = RegistrationRequest.objects.order_by("pk")
    assert [row.state for row in rows] == [RegistrationState.DRAFT] * 3
    assert [row.card_number for row in rows] == ["AB123456", "C98765", "BK777001"]
    assert [row.card_kind for row in rows] == ["cin", "residence", "cin"]
    assert [row.nationality for row in rows] == ["MA", "SN", "MA"]
    assert [row.phone for row in rows] == ["0612345678", "+212612345679", "0612345670"]
    assert f"{rows[0].born_on}" == "1994-03-08"
    assert f"{rows[2].born_on}" == "1990-02-01", "the day comes before the month"
    assert rows[1].last_name_ar == ""
    entry = AuditEntry.objects.get(action="registration.sheet")
    assert (entry.facts["kept"], entry.facts["faulty"]) == (3, 0)


FAULTS: dict[str, tuple[dict[str, Any], str, type[Exception]]] = {
    "a day that is none": ({"born_on": "31/02/1994"}, "I2", errors.CellNotRead),
    "a year of two digits": ({"born_on": "08/03/94"}, "I2", errors.CellNotRead),
    "a child": ({"born_on": "08/03/2020"}, "I2", errors.BirthRefused),
    "no day of hire": ({"hired_on": None}, "O2", errors.CellMissing),
    "a hire of before the firm": ({"hired_on": "08/03/1994"}, "O2", errors.HireDayRefused),
    "a sex of its own": ({"sex": "X"}, "H2", errors.CellNotRead),
    "a land that is none": ({"nationality": "Atlantide"}, "G2", errors.CellNotRead),
    "a card of another kind": ({"card_kind": "passeport"}, "E2", errors.CellNotRead),
    "a residence card for a Moroccan": ({"card_kind": "TS"}, "E2", errors.CardKindRefused),
    "no name": ({"last_name": None}, "A2", errors.CellMissing),
    "a name in Arabic among the Latin": ({"last_name": "العلمي"}, "A2", errors.NameNotLatin),
    "no name in Arabic": ({"last_name_ar": None}, "C2", errors.CellMissing),
    "a telephone too short": ({"phone": "0612"}, "M2", errors.PhoneRefused),
    "an address too long": ({"address": "x" * 121}, "K2", errors.CellTooLong),
    "a RIB rounded": ({"rib": 1.1519000001205e23}, "N2", errors.CellRounded),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_told_at_its_cell_and_holds_nobody_back(fault: str) -> None:
    planted, cell, refusal = FAULTS[fault]
    affiliate = AffiliateFactory()
    outcome = take(affiliate, sheet(with_(AMINE, **planted), BAHIJA))

    assert (cell, refusal) in told(outcome)
    assert [row.row for row in outcome.kept] == [3]
    assert RegistrationRequest.objects.get().card_number == "BK777001"


def test_a_formula_and_a_card_written_twice_are_told() -> None:
    twice = with_(BAHIJA, card_number="AB 123456")
    outcome = take(AffiliateFactory(), sheet(AMINE, twice))
    assert told(outcome) == [("F3", errors.CardTwiceInSheet)]

    text = ";".join(TITLES) + "\n" + ";".join(str(cell or "") for cell in with_(BAHIJA, city="=A1"))
    assert told(take(AffiliateFactory(), text.encode())) == [("L2", errors.CellIsFormula)]


def test_what_follows_from_an_unread_cell_is_not_told() -> None:
    """A land that cannot be read makes nobody a Moroccan, who would need a name in Arabic and another card."""
    foreigner = with_(AISSATOU, nationality="Atlantide", address="x" * 130)
    outcome = take(AffiliateFactory(), sheet(foreigner))
    assert told(outcome) == [("G2", errors.CellNotRead), ("K2", errors.CellTooLong)]
    assert [len(one.value) for one in outcome.rows[0].faults] == [9, 60]


def test_a_faulty_sheet_says_everything_at_once() -> None:
    row = with_(AMINE, born_on="hier", sex="?", phone="12", city=None)
    assert [cell for cell, _refusal in told(take(AffiliateFactory(), sheet(row)))] == [
        "H2", "I2", "L2", "M2",
    ]  # fmt: skip


def test_the_same_sheet_again_asks_for_nobody_twice() -> None:
    affiliate = AffiliateFactory()
    intent = uuid.uuid4()
    content = sheet(AMINE, BAHIJA)
    take(affiliate, content, intent=intent)
    again = take(affiliate, content, intent=intent)
    assert [row.request.number for row in again.kept] == list(
        RegistrationRequest.objects.order_by("pk").values_list("number", flat=True)
    )
    later = take(affiliate, content)
    assert len(later.known) == 2
    assert later.kept == []
    assert RegistrationRequest.objects.count() == 2


def test_a_mended_sheet_with_a_row_less_loses_nobody() -> None:
    """The back button sends the same key with another file: each person has a key of its own."""
    affiliate = AffiliateFactory()
    intent = uuid.uuid4()
    take(affiliate, sheet(AMINE, with_(BAHIJA, sex="?")), intent=intent)
    take(affiliate, sheet(BAHIJA), intent=intent)
    assert set(RegistrationRequest.objects.values_list("card_number", flat=True)) == {
        "AB123456",
        "BK777001",
    }


def test_what_is_no_list_of_people_is_refused_whole() -> None:
    affiliate = AffiliateFactory()
    for content, code in (
        (b"", "S4"),
        (b"%PDF-1.4", "S4"),
        (b"PK\x03\x04damaged", "S1"),
        (sheet(AMINE, damage=lambda _book, page: page.merge_range("K2:L2", "")), "S6"),
    ):
        outcome = take(affiliate, content)
        assert outcome.is_refused
        assert code in [fault.code for fault in outcome.form]
    with pytest.raises(errors.SheetWithoutPeople):
        take(affiliate, sheet())
    many = [with_(AMINE, card_number=f"AB{number:06}") for number in range(MOST_PEOPLE + 1)]
    with pytest.raises(errors.TooManyInSheet):
        take(affiliate, sheet(*many))
    assert not RegistrationRequest.objects.exists()


def test_every_title_is_known_in_both_languages() -> None:
    for language in ("fr", "ar"):
        with translation.override(language):
            titles = [gettext(column.label) for column in HireColumn]
        cells = {place: Cell(CellKind.TEXT, title) for place, title in enumerate(titles, 1)}
        assert list(read_titles(1, cells, LAYOUT).columns) == [one.value for one in HireColumn]


def test_copies_find_their_drafts_by_the_name_of_the_file() -> None:
    affiliate = AffiliateFactory()
    take(affiliate, sheet(AMINE, AISSATOU, BAHIJA))
    done = workflows.join_copies(
        actor=UserFactory(),
        at=clock.now(),
        affiliate=affiliate,
        uploads=[
            upload("AB123456-recto.pdf", PDF),
            upload("ab 123456 verso.pdf", PDF),
            upload("BK777001.exe", b"MZ"),
            upload("vacances.pdf", PDF),
        ],
    )
    states = dict(RegistrationRequest.objects.values_list("card_number", "state"))
    assert states == {"AB123456": "sent", "C98765": "draft", "BK777001": "draft"}
    assert RegistrationRequest.objects.get(card_number="AB123456").pieces.count() == 2
    assert [one.names for one in done if one.request is None] == [["vacances.pdf"]]
    assert [one.request.card_number for one in done if one.refusal] == ["BK777001"]
    assert not RegistrationRequest.objects.get(card_number="BK777001").pieces.exists()


def test_cards_are_found_in_names() -> None:
    assert "AB123456" in hire_sheets.cards_in("C:\\scans\\Ab 123456 (recto).PDF")
    assert hire_sheets.cards_in("sans nom") == []


# ---------------------------------------------------------------- the pages


def address(cast, view: str = "many_hires", **more) -> str:
    number = {"affiliation_number": cast.affiliate.affiliation_number}
    return reverse(f"affiliates:{view}", kwargs={**number, **more})


def as_(user, language: str = "fr") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def typed(content: bytes) -> dict:
    return {"intent": str(uuid.uuid4()), "file": upload("embauches.xlsx", content)}


def test_the_page_and_the_templates_are_for_who_declares(cast) -> None:
    pages = [address(cast), *(address(cast, "hire_template", form=one) for one in ("xlsx", "csv"))]
    for page in pages:
        for user in (cast.owner, cast.fiduciaire):
            assert as_(user).get(page).status_code == 200, page
        for user in cast.outsiders:
            assert as_(user).get(page).status_code == 404, page
        assert Client().get(page).status_code == 302
    reader = as_(MembershipFactory(affiliate=cast.affiliate, role=Role.READER.value).user)
    for page in (address(cast), address(cast, "join_copies")):
        for user in cast.outsiders:
            assert as_(user).post(page, typed(sheet(AMINE))).status_code == 404
        assert reader.post(page, typed(sheet(AMINE))).status_code == 403
    assert as_(cast.owner).get(address(cast, "hire_template", form="pdf")).status_code == 404
    assert not RegistrationRequest.objects.exists()


def test_a_sheet_then_its_copies_through_the_page(cast) -> None:
    owner = as_(cast.owner)
    response = owner.post(address(cast), typed(sheet(with_(AMINE, phone="0612"), BAHIJA)))
    page = response.content.decode()
    assert response.status_code == 200
    assert "M2" in page
    assert "« 0612 »" in page
    assert "1 brouillon gardé" in page
    row = RegistrationRequest.objects.get()
    copies = {"pieces": [upload("BK777001.pdf", PDF)]}
    page = owner.post(address(cast, "join_copies"), copies).content.decode()
    assert row.number in page
    row.refresh_from_db()
    assert row.state == RegistrationState.SENT


def test_a_refused_sheet_says_why_in_both_languages(cast) -> None:
    for language in ("fr", "ar"):
        response = as_(cast.owner, language).post(address(cast), typed(b"%PDF-1.4"))
        assert response.status_code == 422
        with translation.override(language):
            assert gettext("Titres des colonnes") in response.content.decode()


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_template_reads_back(cast, language: str) -> None:
    page = address(cast, "hire_template", form="xlsx")
    content = b"".join(as_(cast.owner, language).get(page))  # type: ignore[arg-type]
    table = xlsx.read(io.BytesIO(content), len(content), LAYOUT)
    assert table.faults == []
    assert list(table.columns) == [column.value for column in HireColumn]
    assert table.rows == []
    page = address(cast, "hire_template", form="csv")
    text = b"".join(as_(cast.owner, language).get(page)).decode("utf-8-sig")  # type: ignore[arg-type]
    assert len(next(csv.reader(io.StringIO(text), delimiter=";"))) == len(HireColumn)
    assert {column.value for column in REQUIRED} <= table.columns.keys()


def test_the_page_asks_the_same_of_the_database_for_one_draft_or_twenty(cast) -> None:
    owner = as_(cast.owner)
    owner.get(address(cast))
    counts = []
    for first, last in ((0, 1), (1, 20)):
        take(
            cast.affiliate,
            sheet(*(with_(AMINE, card_number=f"AB{number:06}") for number in range(first, last))),
        )
        with CaptureQueriesContext(connection) as asked:
            assert owner.get(address(cast)).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]
