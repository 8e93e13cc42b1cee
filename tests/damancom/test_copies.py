"""A copy of one's data: whole, of nobody else, sealed, for a day, for whoever asked and still may."""

import csv
import datetime
import io
import zipfile
from collections.abc import Collection
from pathlib import Path

import pytest
import time_machine
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from affiliates.enums import CopyOf, Role
from affiliates.models import Affiliate, DataCopy, Employee, Employment, Membership
from damancom import copying, tasks
from damancom.demo import build
from declarations.models import DeclarationLine
from portal import clock, exports
from portal.enums import JobState
from portal.models import AuditEntry, Mail, StoredChunk, StoredFile, User
from tests.affiliates.factories import EmploymentFactory, MembershipFactory, StaffAssignmentFactory
from tests.cast import Cast
from tests.drills import kill_a_worker_at
from tests.house import test_canary as canaries

HOUR = datetime.timedelta(hours=1)


def archive_of(row: DataCopy) -> dict[str, str]:
    row.refresh_from_db()
    whole = b"".join(copying.opened(row))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}


def made(actor: User, **of: object) -> DataCopy:
    row = copying.ask(actor=actor, at=clock.now(), **of)  # type: ignore[arg-type]
    tasks.make_copy(row.pk)
    row.refresh_from_db()
    assert row.state == JobState.DONE
    return row


# -- what is in it ---------------------------------------------------------------------------------


def numbers_and_names(affiliates: Collection[int]) -> set[str]:
    """What would give another firm away: its people, its numbers, its amounts."""
    return canaries.values_of(canaries.owned_models(), affiliates)


@pytest.mark.slow
def test_a_copy_holds_all_of_oneself_and_nothing_of_another(db: None, tmp_path: Path) -> None:
    now = datetime.datetime(2026, 11, 21, 10, 0, tzinfo=datetime.UTC)
    build.load(now=now, folder=tmp_path)
    owner = User.objects.get(email="direction@atlasmaille.example")
    affiliate = Affiliate.objects.get(memberships__user=owner)
    others = set(Affiliate.objects.exclude(pk=affiliate.pk).values_list("pk", flat=True))
    files = archive_of(made(owner, affiliate=affiliate))
    whole = "\n".join(files.values())

    own = numbers_and_names([affiliate.pk]) | canaries.shared_words()
    own_text = "\n".join(own)
    foreign = {one for one in numbers_and_names(others) if one not in own_text}
    assert len(foreign) > 500
    assert {one for one in foreign if one in whole and one not in files["LISEZMOI.txt"]} == set()

    lines = DeclarationLine.objects.filter(declaration__affiliate=affiliate)
    read = list(csv.reader(io.StringIO(files["lignes-de-declaration.csv"]), delimiter=";"))
    assert len(read) - 1 == lines.count() > 10
    assert all(line.full_name in whole for line in lines)
    people = Employee.objects.filter(employments__affiliate=affiliate)
    shown = {cell for row in read for cell in row}
    assert set(people.values_list("registration_number", flat=True)) & shown
    assert "risk" not in whole.lower()

    # Everybody of the demonstration gets a copy of their account, without a fault and without a secret.
    for user in User.objects.order_by("pk"):
        mine = archive_of(made(user))
        assert user.email in mine["LISEZMOI.txt"]
        assert user.password not in "".join(mine.values())

    person = Employee.objects.filter(employments__affiliate=affiliate).order_by("pk")[0]
    theirs = archive_of(made(owner, employee=person, reason="au guichet"))
    others_number = lines.exclude(registration_number=person.registration_number)[0]
    text = "\n".join(theirs.values())
    assert person.registration_number in text
    assert affiliate.name in text
    assert others_number.full_name not in text


def test_the_read_me_is_in_both_languages_and_names_every_file(cast: Cast) -> None:
    files = archive_of(made(cast.owner, affiliate=cast.affiliate))
    said = files["LISEZMOI.txt"]
    assert "BOULANGERIE AL BARAKA" in said
    assert "loi 09-08" in said
    assert "القانون" in said
    assert all(f"- {name} :" in said for name in files if name.endswith(".csv"))


def test_a_cell_is_inert(cast: Cast) -> None:
    Affiliate.objects.filter(pk=cast.affiliate.pk).update(city="=HYPERLINK(1)")
    files = archive_of(made(cast.owner, affiliate=cast.affiliate))
    cells = [
        cell
        for name, text in files.items()
        if name.endswith(".csv")
        for row in csv.reader(io.StringIO(text), delimiter=";")
        for cell in row
    ]
    assert "'=HYPERLINK(1)" in cells
    assert [cell for cell in cells if exports.is_live(cell)] == []


# -- kept sealed, for a day ------------------------------------------------------------------------


def test_what_is_kept_cannot_be_read_and_is_gone_after_a_day(cast: Cast) -> None:
    row = made(cast.owner, affiliate=cast.affiliate)
    kept = b"".join(bytes(one.data) for one in StoredChunk.objects.order_by("index"))
    assert b"LISEZMOI" not in kept
    assert kept[:2] != b"PK"
    assert row.expires_at == row.ready_at + datetime.timedelta(hours=24)
    assert copying.forget(at=row.expires_at - HOUR) == 0
    assert copying.forget(at=row.expires_at) == 1
    assert copying.forget(at=row.expires_at) == 0
    assert not StoredFile.objects.exists()
    assert DataCopy.objects.get().state == JobState.DONE


def test_asked_twice_it_is_made_once_and_again_when_it_has_expired(cast: Cast) -> None:
    first = made(cast.owner, affiliate=cast.affiliate)
    assert copying.ask(actor=cast.owner, at=clock.now(), affiliate=cast.affiliate) == first
    tasks.make_copy(first.pk)  # made already: nothing happens
    assert AuditEntry.objects.filter(action="copy.asked").count() == 1
    assert Mail.objects.filter(key=f"copy:{first.pk}").count() == 1
    later = clock.now() + 25 * HOUR
    assert copying.ask(actor=cast.owner, at=later, affiliate=cast.affiliate) != first


def test_the_sweeper_takes_what_waits_and_erases_what_is_over(cast: Cast) -> None:
    row = copying.ask(actor=cast.owner, at=clock.now(), affiliate=cast.affiliate)
    assert copying.due(at=clock.now()) == [row.pk]
    tasks.make_copy(row.pk)
    assert copying.due(at=clock.now()) == []
    with time_machine.travel(clock.now() + 25 * HOUR, tick=False):
        tasks.sweep_copies()
    row.refresh_from_db()
    assert row.stored is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["copy-claimed", "copy-before-commit"])
def test_a_copy_whose_worker_is_killed_is_made_once(place: str, cast: Cast, tmp_path: Path) -> None:
    row = copying.ask(actor=cast.owner, at=clock.now(), affiliate=cast.affiliate)
    kill_a_worker_at(place, tmp_path, tasks.make_copy, row.pk)
    assert not StoredFile.objects.exists()
    copying.make(copy_id=row.pk, at=clock.now() + DataCopy.LEASE + HOUR)
    assert archive_of(row)["LISEZMOI.txt"]
    assert StoredFile.objects.count() == 1
    assert Mail.objects.filter(key=f"copy:{row.pk}").count() == 1


def test_the_database_refuses_a_copy_of_nobody_or_of_two(cast: Cast) -> None:
    with pytest.raises(IntegrityError, match="data_copy_of_one"):
        DataCopy.objects.create(
            of=CopyOf.INSURED.value,
            asked_by=cast.staff,
            asked_at=clock.now(),
            reason="sans personne",
        )


# -- the pages -------------------------------------------------------------------------------------


def firm_page(cast: Cast) -> str:
    return reverse("affiliates:data", args=[cast.affiliate.affiliation_number])


def test_an_owner_asks_and_fetches_after_showing_who_they_are(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    ask = reverse("affiliates:ask_copy", args=[cast.affiliate.affiliation_number])
    assert client.post(ask).status_code == 302
    row = DataCopy.objects.get()
    assert "En préparation" in client.get(firm_page(cast)).content.decode()
    tasks.make_copy(row.pk)
    address = reverse("affiliates:copy", args=[cast.affiliate.affiliation_number, row.pk])
    assert address in client.get(firm_page(cast)).content.decode()

    answer = client.get(address)
    assert answer["Content-Type"] == "application/zip"
    assert "attachment" in answer["Content-Disposition"]
    assert "sandbox" in answer["Content-Security-Policy"]
    assert b"".join(answer.streaming_content)[:2] == b"PK"
    trace = AuditEntry.objects.get(action="copy.read")
    assert (trace.actor, trace.affiliation_number) == (
        cast.owner,
        cast.affiliate.affiliation_number,
    )

    with time_machine.travel(clock.now() + datetime.timedelta(minutes=20), tick=False):
        # A while later who one is must be shown again, to ask and to fetch.
        assert "/connexion/confirmer/" in client.get(address)["Location"]
        DataCopy.objects.update(expires_at=clock.now())
        assert "confirmation-password" in client.post(ask).content.decode()
        assert DataCopy.objects.count() == 1
    with time_machine.travel(row.asked_at + 25 * HOUR, tick=False):
        client.force_login(cast.owner)
        assert client.get(address).status_code == 404


def test_nobody_else_asks_sees_or_fetches(cast: Cast, client: Client) -> None:
    row = made(cast.owner, affiliate=cast.affiliate)
    number = cast.affiliate.affiliation_number
    declarant = MembershipFactory(affiliate=cast.affiliate, role=Role.DECLARANT.value).user
    second = MembershipFactory(affiliate=cast.affiliate).user
    expected = {
        cast.fiduciaire: 403, declarant: 403, cast.bank: 404, cast.staff: 404, cast.stranger: 404,
    }  # fmt: skip
    for user, status in expected.items():
        client.force_login(user)
        assert client.get(firm_page(cast)).status_code == status
        assert client.post(reverse("affiliates:ask_copy", args=[number])).status_code == status
        assert client.get(reverse("affiliates:copy", args=[number, row.pk])).status_code == status
    # Another owner asks for their own; the archive is for whoever asked for it.
    client.force_login(second)
    assert client.get(firm_page(cast)).status_code == 200
    assert client.get(reverse("affiliates:copy", args=[number, row.pk])).status_code == 404
    # Whoever is no owner any more does not fetch what they asked for.
    Membership.objects.filter(user=cast.owner).update(ended_at=clock.now())
    client.force_login(cast.owner)
    assert client.get(reverse("affiliates:copy", args=[number, row.pk])).status_code == 404
    assert not AuditEntry.objects.filter(action="copy.read").exists()


def test_everybody_gets_their_own_account_and_nobody_anothers(cast: Cast, client: Client) -> None:
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.staff, cast.stranger):
        client.force_login(user)
        assert client.get(reverse("copies:mine")).status_code == 200
        assert client.post(reverse("copies:ask_mine")).status_code == 302
    rows = list(DataCopy.objects.all())
    for row in rows:
        tasks.make_copy(row.pk)
        row.refresh_from_db()
        for user in (cast.owner, cast.stranger):
            client.force_login(user)
            answer = client.get(reverse("copies:copy", args=[row.pk]))
            assert answer.status_code == (200 if row.asked_by == user else 404)
            assert user != row.asked_by or b"".join(answer.streaming_content)
    client.logout()
    assert client.get(reverse("copies:mine")).status_code == 302


def test_reading_the_page_makes_nothing_and_costs_the_same(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    copying.ask(actor=cast.owner, at=clock.now(), affiliate=cast.affiliate)
    client.get(firm_page(cast))
    with CaptureQueriesContext(connection) as one:
        client.get(firm_page(cast))
    for _rank in range(4):
        made(cast.owner, affiliate=cast.affiliate)
        DataCopy.objects.update(expires_at=clock.now())
    with CaptureQueriesContext(connection) as many:
        client.get(firm_page(cast))
    assert DataCopy.objects.count() == 4
    assert len(many) == len(one)
    ask = reverse("affiliates:ask_copy", args=[cast.affiliate.affiliation_number])
    assert client.get(ask).status_code == 405


def test_ten_a_day(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    for _rank in range(10):
        assert client.post(reverse("copies:ask_mine")).status_code == 302
    refused = client.post(reverse("copies:ask_mine"))
    assert (refused.status_code, refused["Retry-After"]) == (429, "86400")


# -- at the agency ---------------------------------------------------------------------------------


@pytest.fixture
def employment(cast: Cast) -> Employment:
    return EmploymentFactory(affiliate=cast.affiliate)


def test_a_clerk_hands_a_person_their_own(
    cast: Cast, employment: Employment, client: Client
) -> None:
    person = employment.employee
    client.force_login(cast.staff)
    ask = reverse("admin:affiliates_datacopy_ask", args=[person.pk])
    assert escape(person.last_name) in client.get(ask).content.decode()
    assert client.post(ask, {"reason": "Demande écrite au guichet"}).status_code == 422
    assert client.post(ask, {"seen": "on", "reason": "bof"}).status_code == 422
    assert (
        client.post(ask, {"seen": "on", "reason": "Demande écrite au guichet"}).status_code == 302
    )
    row = DataCopy.objects.get()
    assert (row.employee, row.asked_by, row.affiliate) == (person, cast.staff, None)
    tasks.make_copy(row.pk)
    fetch = reverse("admin:affiliates_datacopy_download", args=[row.pk])
    shown = client.get(reverse("admin:affiliates_datacopy_changelist")).content.decode()
    assert fetch in shown
    assert client.get(fetch).status_code == 200
    traces = AuditEntry.objects.filter(
        subject_type="affiliates.employee", subject_id=str(person.pk)
    )
    assert set(traces.values_list("action", flat=True)) == {
        "copy.asked",
        "copy.looked_up",
        "copy.read",
    }
    # The employer is none the wiser: what a person asks about themselves is theirs.
    assert not Mail.objects.exists()
    assert set(traces.values_list("affiliation_number", flat=True)) == {""}


def test_a_person_of_another_agency_is_nobody_here(
    cast: Cast, employment: Employment, client: Client
) -> None:
    far = StaffAssignmentFactory().user
    row = made(cast.staff, employee=employment.employee, reason="Demande écrite")
    for user in (far, cast.owner, cast.stranger, cast.bank, cast.fiduciaire):
        client.force_login(user)
        refused = 404 if user == far else 302
        for name, key in (("ask", employment.employee_id), ("download", row.pk)):
            answer = client.get(reverse(f"admin:affiliates_datacopy_{name}", args=[key]))
            assert answer.status_code in (refused, 404)
    assert not AuditEntry.objects.filter(action="copy.read").exists()
