"""The pages of people: who may open them, what they show, and what they must not tell."""

import datetime
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates import workflows
from affiliates.enums import RegistrationState, Role
from affiliates.models import Absence, Employment, RegistrationRequest
from portal.models import AuditEntry
from tests.affiliates.factories import EmployeeFactory, EmploymentFactory, MembershipFactory
from tests.affiliates.test_registrations import request_of
from tests.disputes.factories import PDF, upload


def address(cast, view: str, **more) -> str:
    number = {"affiliation_number": cast.affiliate.affiliation_number}
    return reverse(f"affiliates:{view}", kwargs={**number, **more})


def as_(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def typed(**more) -> dict:
    return {
        "intent": "5f0c2f2e-2f64-4a43-9d0b-0f6f6f0a0001",
        "card_kind": "cin",
        "card_number": "BK204518",
        "last_name": "El Fassi",
        "first_name": "Mohamed",
        "last_name_ar": "الفاسي",
        "first_name_ar": "محمد",
        "sex": "M",
        "born_on": "1994-03-08",
        "birth_place": "Fès",
        "nationality": "MA",
        "address": "3 rue des Figuiers",
        "city": "Casablanca",
        "phone": "0612345678",
        "rib": "",
        "hired_on": f"{datetime.date.today():%Y-%m-%d}",
        "pieces": upload("carte.pdf", PDF),
        "send": "1",
    } | more


@pytest.fixture
def employment(cast) -> Employment:
    return EmploymentFactory(affiliate=cast.affiliate)


@pytest.fixture
def row(cast) -> RegistrationRequest:
    return request_of(cast.affiliate, hired_on=datetime.date(2026, 3, 2))


def pages(cast, row, employment) -> list[str]:
    return [
        address(cast, "employees"),
        address(cast, "employee", employment_id=employment.pk),
        address(cast, "registrations"),
        address(cast, "new_registration"),
        address(cast, "registration", number=row.number),
        address(cast, "registration_piece", number=row.number, piece_id=row.pieces.get().pk),
    ]


def posts(cast, row, employment) -> list[str]:
    return [
        address(cast, "new_registration"),
        address(cast, "leave", employment_id=employment.pk),
        address(cast, "absence", employment_id=employment.pk),
        address(cast, "answer_registration", number=row.number),
        address(cast, "withdraw_registration", number=row.number),
    ]


def test_the_owner_and_the_office_open_every_page_and_outsiders_none(cast, row, employment) -> None:
    before = row.state
    for page in pages(cast, row, employment):
        for user in (cast.owner, cast.fiduciaire):
            assert as_(user).get(page).status_code == 200, page
        for user in cast.outsiders:
            assert as_(user).get(page).status_code == 404, page
        assert Client().get(page).status_code == 302
    for page in posts(cast, row, employment):
        for user in cast.outsiders:
            assert as_(user).post(page, typed()).status_code == 404, page
    row.refresh_from_db()
    assert row.state == before
    assert RegistrationRequest.objects.count() == 1


def test_a_reader_looks_and_changes_nothing(cast, row, employment) -> None:
    reader = as_(MembershipFactory(affiliate=cast.affiliate, role=Role.READER.value).user)
    assert "Immatriculer" not in reader.get(address(cast, "employees")).content.decode()
    for page in posts(cast, row, employment):
        assert reader.post(page, typed()).status_code == 403, page


def test_another_firms_request_is_not_reachable_through_ours(cast) -> None:
    theirs = request_of(cast.strangers_affiliate)
    piece = theirs.pieces.get()
    owner = as_(cast.owner)
    assert owner.get(address(cast, "registration", number=theirs.number)).status_code == 404
    mine = request_of(cast.affiliate)
    page = address(cast, "registration_piece", number=mine.number, piece_id=piece.pk)
    assert owner.get(page).status_code == 404
    assert (
        owner.post(address(cast, "withdraw_registration", number=theirs.number)).status_code == 404
    )


def test_a_person_is_asked_for_then_followed(cast) -> None:
    owner = as_(cast.owner)
    response = owner.post(address(cast, "new_registration"), typed(), follow=True)
    row = RegistrationRequest.objects.get()
    assert row.state == RegistrationState.SENT
    assert row.number in response.content.decode()
    owner.post(address(cast, "new_registration"), typed())
    assert RegistrationRequest.objects.count() == 1, "the second click finds the first"


def test_faults_stand_beside_their_fields_and_nothing_is_kept(cast) -> None:
    wrong = typed(phone="12", card_number="??", pieces=upload("c.pdf", PDF))
    response = as_(cast.owner).post(address(cast, "new_registration"), wrong)
    assert response.status_code == 422
    assert len(re.findall("invalid-feedback", response.content.decode())) == 2
    assert not RegistrationRequest.objects.exists()
    del wrong["send"]
    wrong["pieces"] = upload("carte.pdf", PDF)
    kept = as_(cast.owner).post(address(cast, "new_registration"), wrong)
    assert kept.status_code == 302
    draft = RegistrationRequest.objects.get()
    page = address(cast, "edit_registration", number=draft.number)
    text = as_(cast.owner).get(page).content.decode()
    assert "EL FASSI" in text
    del wrong["pieces"]
    right = wrong | {"phone": "0612345678", "card_number": "BK204518", "send": "1"}
    done = as_(cast.owner).post(page, right)
    assert done.status_code == 302
    draft.refresh_from_db()
    assert draft.state == RegistrationState.SENT


def test_the_employer_reads_the_same_words_for_a_known_and_an_unknown_person(cast) -> None:
    """The oracle: one person is known to the fund, the other is not; the pages differ by their own facts only."""
    EmployeeFactory(last_name="ELFASSI", first_name="MOHAMMED", born_on=datetime.date(1994, 3, 8))
    known = request_of(cast.affiliate)
    unknown = request_of(
        cast.affiliate, card_number="BK777777", last_name="ZNIBER", last_name_ar="زنيبر"
    )
    owner, seen = as_(cast.owner), []
    for row in (known, unknown):
        text = owner.get(address(cast, "registration", number=row.number)).content.decode()
        for fact in (row.number, row.last_name, row.last_name_ar, row.card_number):
            text = text.replace(fact, "…")
        text = re.sub(r"pieces/\d+|Inventée \d+|value=\"[\w]{64}\"|\d\d:\d\d", "", text)
        seen.append(text)
    assert seen[0] == seen[1]


def test_a_piece_is_handed_out_inert(cast, row) -> None:
    page = address(cast, "registration_piece", number=row.number, piece_id=row.pieces.get().pk)
    response = as_(cast.owner).get(page)
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in response.headers["Content-Security-Policy"]


def test_leaving_and_being_away_are_told_from_the_page(cast, employment) -> None:
    owner = as_(cast.owner)
    away = {"kind": "CS", "starts_on": "2026-02-01", "ends_on": "2026-02-28"}
    page = address(cast, "absence", employment_id=employment.pk)
    assert owner.post(page, away).status_code == 302
    assert owner.post(page, away | {"starts_on": "2026-02-10"}).status_code == 422
    absence = Absence.objects.get()
    cancel = address(cast, "cancel_absence", employment_id=employment.pk, absence_id=absence.pk)
    assert owner.post(cancel).status_code == 302
    absence.refresh_from_db()
    assert absence.cancelled_at is not None
    gone = {"ended_on": "2026-02-27", "reason": "resignation"}
    assert owner.post(address(cast, "leave", employment_id=employment.pk), gone).status_code == 302
    employment.refresh_from_db()
    assert (employment.ended_on, employment.end_reason) == (
        datetime.date(2026, 2, 27),
        "resignation",
    )
    wrong = gone | {"ended_on": "2001-01-01"}
    assert owner.post(address(cast, "leave", employment_id=employment.pk), wrong).status_code == 422


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_both_languages_and_empty_pages(cast, language) -> None:
    client = as_(cast.owner)
    client.cookies["django_language"] = language
    for view in ("employees", "registrations", "new_registration"):
        page = client.get(address(cast, view))
        assert page.status_code == 200
        assert f'lang="{language}"' in page.content.decode()


def test_the_number_of_queries_does_not_grow(cast) -> None:
    client = as_(cast.owner)

    def queries(view: str) -> int:
        client.get(address(cast, view))
        with CaptureQueriesContext(connection) as captured:
            client.get(address(cast, view))
        return len(captured)

    EmploymentFactory(affiliate=cast.affiliate)
    request_of(cast.affiliate)
    few = [queries(view) for view in ("employees", "registrations")]
    for rank in range(4):
        EmploymentFactory(affiliate=cast.affiliate)
        request_of(cast.affiliate, card_number=f"K{rank}")
    assert [queries(view) for view in ("employees", "registrations")] == few


# ---------------------------------------------------------------- the desk


def desk(row: RegistrationRequest, act: str = "change", **more) -> str:
    return reverse(f"admin:affiliates_registrationrequest_{act}", args=[row.pk, *more.values()])


def test_the_clerk_sees_both_side_by_side_and_tells_the_number(cast, row) -> None:
    same = EmployeeFactory(
        last_name="ELFASSI", first_name="MOHAMMED", born_on=datetime.date(1994, 3, 8)
    )
    other = request_of(cast.strangers_affiliate)
    staff = as_(cast.staff)
    queue = reverse("admin:affiliates_registrationrequest_changelist")
    assert row.number in staff.get(queue).content.decode()
    page = staff.get(desk(row)).content.decode()
    assert "ELFASSI" in page
    assert str(same.registration_number) in page
    assert other.number in page
    assert AuditEntry.objects.filter(action="registration.read").exists()
    assert staff.get(desk(row, "piece", piece=row.pieces.get().pk)).status_code == 200
    assert staff.post(desk(row, "grant"), {"person": same.pk}).status_code == 302
    row.refresh_from_db()
    assert row.employee == same
    assert Employment.objects.filter(affiliate=cast.affiliate, employee=same).exists()
    again = staff.get(queue + "?etat=issued").content.decode()
    assert row.number in again


def test_the_clerk_asks_and_refuses_with_words(cast, row) -> None:
    staff = as_(cast.staff)
    assert staff.post(desk(row, "ask"), {"ask-text": ""}).status_code == 422
    assert staff.post(desk(row, "ask"), {"ask-text": "Le verso."}).status_code == 302
    owner = as_(cast.owner)
    assert (
        "Le verso." in owner.get(address(cast, "registration", number=row.number)).content.decode()
    )
    answer = {"text": "Voici.", "pieces": upload("verso.pdf", PDF)}
    page = address(cast, "answer_registration", number=row.number)
    assert owner.post(page, {"text": "Voici."}).status_code == 422
    assert owner.post(page, answer).status_code == 302
    assert staff.post(desk(row, "refuse"), {"refuse-text": "Illisible."}).status_code == 302
    row.refresh_from_db()
    assert row.state == RegistrationState.REFUSED


def test_a_person_chosen_out_of_thin_air_is_not_found(cast, row) -> None:
    stranger = EmployeeFactory()
    assert as_(cast.staff).post(desk(row, "grant"), {"person": stranger.pk}).status_code == 404


def test_only_the_staff_of_the_agency_reach_the_desk(cast, row) -> None:
    elsewhere = request_of()
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        assert as_(user).get(desk(row), follow=True).status_code == 404
        assert as_(user).post(desk(row, "grant"), follow=True).status_code == 404
    assert as_(cast.staff).get(desk(elsewhere)).status_code == 404
    assert as_(cast.staff).post(desk(elsewhere, "grant")).status_code == 404
    draft = request_of(cast.affiliate, sent=False, card_number="K9")
    assert as_(cast.staff).get(desk(draft)).status_code == 404
    workflows.withdraw_request(actor=cast.owner, at=row.created_at, request=row)
    assert as_(cast.staff).post(desk(row, "grant")).status_code == 302
    row.refresh_from_db()
    assert row.state == RegistrationState.WITHDRAWN
