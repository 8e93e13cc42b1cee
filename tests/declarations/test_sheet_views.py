"""The spreadsheet of a month on its pages: handed out, filled, sent back, and corrected cell by cell."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import Role
from affiliates.models import Employee
from declarations import workflows
from declarations.codecs import e_bds
from declarations.codecs.sheets import LAYOUT
from declarations.enums import (
    DeclarationStatus,
    FileKind,
    FileVerdict,
    FilingMode,
    LineOrigin,
    SheetColumn,
)
from declarations.models import Declaration, FileFinding, Prefill, ReceivedFile
from declarations.tasks import check_file
from portal.models import User
from portal.sheets import xlsx
from portal.sheets.table import SheetTable
from tests.affiliates.factories import MembershipFactory, UserFactory
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, answer, employ, issue, send, submitted
from tests.declarations.workbooks import csv_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _february() -> Iterator[None]:
    with time_machine.travel(AT, tick=True):
        yield


def browser(user: User, language: str = "fr") -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = language
    return client


def address(cast: Cast, name: str, **arguments: object) -> str:
    number = cast.affiliate.affiliation_number
    return reverse(f"declarations:{name}", kwargs={"affiliation_number": number, **arguments})


def download(cast: Cast, form: str, language: str = "fr") -> bytes:
    page = address(cast, "sheet", period=JANUARY, form=form)
    response = browser(cast.owner, language).get(page)
    assert response.status_code == 200
    return b"".join(response)  # type: ignore[arg-type]


def table_of(content: bytes) -> SheetTable:
    return xlsx.read(io.BytesIO(content), len(content), LAYOUT)


def filled(content: bytes, days: str = "26", wage: str = "8500,50") -> list[list[str]]:
    """The csv of the template, its empty cells filled."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    for row in rows[1:]:
        row[10:12] = [days, wage]
    return rows


def post(cast: Cast, user: User, content: bytes, name: str) -> ReceivedFile:
    """Upload through the page, then let the worker work."""
    response = browser(user).post(
        address(cast, "upload", period=JANUARY), {"file": SimpleUploadedFile(name, content)}
    )
    assert response.status_code == 302
    found = re.search("/fichiers/([0-9]+)/", str(response["Location"]))
    assert found
    check_file(int(found[1]))
    return ReceivedFile.objects.get(pk=int(found[1]))


def test_a_month_goes_out_empty_and_comes_back_as_a_declaration(cast: Cast) -> None:
    """Template, filled, sent, previewed, submitted: the same slip and receipt as by file."""
    employ(cast.affiliate, 3)
    issue(cast.owner, cast.affiliate)
    rows = filled(download(cast, "csv"))
    number = cast.affiliate.affiliation_number
    hire = [
        number,
        "202601",
        "000000000",
        "NOUVEAU",
        "NABIL",
        "AB123456",
        *[""] * 4,
        "13",
        "1800",
        "",
    ]

    file = post(cast, cast.fiduciaire, csv_of([*rows[1:], hire], titles=rows[0]), "janvier.csv")

    one = Declaration.objects.get(received_file=file)
    assert (file.kind, file.verdict, file.finding_count) == (
        FileKind.SHEET,
        FileVerdict.ACCEPTED,
        0,
    )
    assert (one.mode, one.employee_count, one.days_declared) == (FilingMode.SHEET, 4, 3 * 26 + 13)
    assert str(one.wage_bill) == "27301.50"
    assert str(one.capped_wage_bill) == "19800.00"
    assert one.lines.filter(origin=LineOrigin.NEW_HIRE.value).get().cin == "AB123456"
    preview = browser(cast.owner).get(address(cast, "declaration", pk=one.pk))
    assert preview.status_code == 200
    browser(cast.owner).post(address(cast, "submit", pk=one.pk), {"version": one.version})
    one.refresh_from_db()
    assert one.status == DeclarationStatus.SUBMITTED
    assert one.contributions_total


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_filed_month_is_corrected_by_its_own_spreadsheet(cast: Cast, form: str) -> None:
    """What was filed comes out with its values; one is changed, seen with its effect, and submitted."""
    employ(cast.affiliate, 2)
    issue(cast.owner, cast.affiliate)
    hire = [
        cast.affiliate.affiliation_number,
        "202601",
        "000000000",
        "NOUVEAU",
        "NABIL",
        "AB123456",
    ]
    empty = filled(download(cast, "csv"))
    content = csv_of([*empty[1:], [*hire, *[""] * 4, "13", "1800", ""]], titles=empty[0])
    one = Declaration.objects.get(received_file=post(cast, cast.owner, content, "janvier.csv"))
    page = address(cast, "correct_sheet", pk=one.pk, form=form)
    assert browser(cast.owner).get(page).status_code == 404, "nothing is filed yet"
    browser(cast.owner).post(address(cast, "submit", pk=one.pk), {"version": one.version})

    response = browser(cast.owner).get(page)
    given = b"".join(response)  # type: ignore[arg-type]
    if form == "csv":
        rows = list(csv.reader(io.StringIO(given.decode("utf-8-sig")), delimiter=";"))
    else:
        table = table_of(given)
        assert table.faults == []
        rows = [[column.label for column in map(SheetColumn, table.columns)]]
        for _row, cells in table.rows:
            rows.append([cells[name].text if name in cells else "" for name in table.columns])
    assert [row[10:13] for row in rows[1:]] == [["26", rows[1][11], ""]] * 2 + [
        ["13", rows[3][11], ""]
    ]
    rows[1][11] = "9000"
    rows[2][10] = "31"
    target = address(cast, "correct_file", pk=one.pk)

    def send(name: str) -> ReceivedFile:
        sent = browser(cast.owner).post(
            target, {"file": SimpleUploadedFile(name, csv_of(rows[1:], titles=rows[0]))}
        )
        found = re.search("/fichiers/([0-9]+)/", str(sent["Location"]))
        assert found
        check_file(int(found[1]))
        return ReceivedFile.objects.get(pk=int(found[1]))

    wrong = send("faux.csv")
    assert wrong.verdict != FileVerdict.ACCEPTED
    told = browser(cast.owner).get(address(cast, "file", pk=wrong.pk)).content.decode()
    assert "K3" in told
    rows[2][10] = "26"
    right = send("juste.csv")
    assert right.verdict == FileVerdict.ACCEPTED, right.findings.values_list("code", "facts")
    two = Declaration.objects.get(received_file=right)
    assert two.corrects == one
    preview = browser(cast.owner).get(address(cast, "declaration", pk=two.pk)).content.decode()
    assert "499,50" in preview, "the wage was 8 500,50"
    browser(cast.owner).post(address(cast, "submit", pk=two.pk), {"version": two.version})
    two.refresh_from_db()
    assert two.status == DeclarationStatus.SUBMITTED
    assert two.lines.get(cin="AB123456").days_declared == 13
    for user in cast.outsiders:
        assert browser(user).get(page).status_code == 404


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_workbook_carries_what_the_fund_knows(cast: Cast, language: str) -> None:
    employ(cast.affiliate, 2)
    row = issue(cast.owner, cast.affiliate)
    numbers = sorted(Employee.objects.values_list("registration_number", flat=True))
    Employee.objects.filter(registration_number=numbers[0]).update(cin="BK777")

    content = download(cast, "xlsx", language)
    table = table_of(content)

    assert table.faults == []
    assert len(table.columns) == 13
    assert [cells[SheetColumn.NUMBER].text for _row, cells in table.rows] == numbers
    first = table.rows[0][1]
    assert first[SheetColumn.AFFILIATE].text == cast.affiliate.affiliation_number
    assert first[SheetColumn.PERIOD].text == "202601"
    assert first[SheetColumn.CIN].text == "BK777"
    assert SheetColumn.DAYS not in first
    assert row.employee_count == 2
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        sheet = zipped.read("xl/worksheets/sheet1.xml").decode()
        book = zipped.read("xl/workbook.xml").decode()
    assert "<sheetProtection" in sheet
    assert sheet.count("<dataValidation ") == 3
    assert ('rightToLeft="1"' in sheet) == (language == "ar")
    assert ("Mode d’emploi" in book) == (language == "fr")
    assert book.count("<sheet ") == 2


def test_an_empty_template_sent_back_says_what_is_missing_and_where(cast: Cast) -> None:
    employ(cast.affiliate, 2)
    issue(cast.owner, cast.affiliate)

    file = post(cast, cast.owner, download(cast, "xlsx"), "janvier.xlsx")

    assert file.verdict == FileVerdict.BLOCKED
    told = FileFinding.objects.filter(received_file=file).values_list("code", "facts__cell")
    assert list(told) == [("R30", "K2"), ("R30", "K3")]
    assert not Declaration.objects.exists()


@pytest.mark.parametrize(
    ("language", "cell", "remedy"),
    [("fr", "Cellule", "dans le tableur"), ("ar", "الخلية", "في الجدول")],
)
def test_a_fault_is_shown_at_its_cell(cast: Cast, language: str, cell: str, remedy: str) -> None:
    employ(cast.affiliate, 2)
    issue(cast.owner, cast.affiliate)
    rows = filled(download(cast, "csv"))
    rows[2][11] = "=K3*300"
    file = post(cast, cast.owner, csv_of(rows[1:], titles=rows[0]), "janvier.csv")

    page = browser(cast.owner, language).get(address(cast, "file", pk=file.pk)).content.decode()

    assert re.search(f'{cell} <span class="dc-code">L3</span>', page)
    assert "=K3*300" in page
    assert remedy in page
    assert "logiciel de paie" not in page
    assert (
        reverse("declarations:repair", args=[cast.affiliate.affiliation_number, file.pk])
        not in page
    )


def test_a_csv_that_is_no_list_of_wages_is_still_no_declaration(cast: Cast) -> None:
    employ(cast.affiliate, 1)
    issue(cast.owner, cast.affiliate)

    file = send(cast.owner, cast.affiliate, b"a;b;c\r\n1;2;3\r\n", name="DS_x.csv")

    assert (file.kind, file.verdict) == (FileKind.E_BDS, FileVerdict.REFUSED)
    assert FileFinding.objects.get(received_file=file).code == "D27"


def test_after_the_submission_the_template_is_for_those_left_out(cast: Cast) -> None:
    submitted(cast.owner, cast.affiliate)

    rows = filled(download(cast, "csv"))
    number = cast.affiliate.affiliation_number
    late = [number, "202601", "000000000", "OUBLIE", "OMAR", "AB123", *[""] * 4, "26", "4000", ""]
    file = post(cast, cast.owner, csv_of([late], titles=rows[0]), "oublies.csv")

    assert len(rows) == 1
    one = Declaration.objects.get(received_file=file)
    assert (one.supplement_number, one.employee_count) == (1, 1)


def test_a_sheet_takes_the_place_of_the_draft_of_a_file_and_the_other_way(cast: Cast) -> None:
    employ(cast.affiliate, 1)
    row = issue(cast.owner, cast.affiliate)
    rows = filled(download(cast, "csv"))
    by_sheet = post(cast, cast.owner, csv_of(rows[1:], titles=rows[0]), "janvier.csv")
    by_file = send(cast.owner, cast.affiliate, answer(row))

    drafts = Declaration.objects.filter(status=DeclarationStatus.DRAFT.value)
    assert drafts.get().received_file == by_file
    assert Declaration.objects.get(received_file=by_sheet).status == DeclarationStatus.REPLACED


def test_the_first_template_of_a_month_issues_its_prefill_by_an_act(cast: Cast) -> None:
    employ(cast.affiliate, 1)
    looked = address(cast, "sheet", period=JANUARY, form="xlsx")
    acted = address(cast, "issue_sheet", period=JANUARY, form="xlsx")
    month = browser(cast.owner).get(address(cast, "month", period=JANUARY)).content.decode()

    assert acted in month
    assert browser(cast.owner).get(looked).status_code == 404
    assert browser(cast.owner).get(acted).status_code == 405
    assert not Prefill.objects.exists()
    response = browser(cast.owner).post(acted)
    assert table_of(b"".join(response)).rows  # type: ignore[arg-type]
    assert Prefill.objects.count() == 1
    for user in cast.outsiders:
        assert browser(user).post(acted).status_code == 404
    reader = UserFactory()
    MembershipFactory(user=reader, affiliate=cast.affiliate, role=Role.READER.value)
    assert browser(reader).post(acted).status_code == 403
    assert browser(reader).get(looked).status_code == 200


@pytest.mark.parametrize("form", ["pdf", "xlsm", "XLSX"])
def test_no_other_form_exists(cast: Cast, form: str) -> None:
    employ(cast.affiliate, 1)
    issue(cast.owner, cast.affiliate)
    page = address(cast, "sheet", period=JANUARY, form=form)

    assert browser(cast.owner).get(page).status_code == 404
    assert browser(cast.owner).post(page + "/").status_code == 404


def test_the_queries_of_a_template_do_not_grow(cast: Cast) -> None:
    client = browser(cast.owner)
    client.get(address(cast, "list"))
    counts = []
    for people in (1, 30):
        Prefill.objects.all().delete()
        employ(cast.affiliate, people)
        issue(cast.owner, cast.affiliate)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            b"".join(client.get(address(cast, "sheet", period=JANUARY, form="xlsx")))  # type: ignore[arg-type]
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_a_sheet_is_checked_alone(cast: Cast) -> None:
    """Its reading may take long: the small files that wait beside it are not kept."""
    employ(cast.affiliate, 1)
    row = issue(cast.owner, cast.affiliate)
    rows = filled(download(cast, "csv"))
    small, _ = workflows.receive_file(
        actor=cast.owner,
        at=AT,
        affiliate=cast.affiliate,
        period=JANUARY,
        name=e_bds.file_name(cast.affiliate.affiliation_number, "202601"),
        chunks=[answer(row)],
    )
    sheet, _ = workflows.receive_file(
        actor=cast.owner,
        at=AT,
        affiliate=cast.affiliate,
        period=JANUARY,
        name="s.csv",
        chunks=[csv_of(rows[1:], titles=rows[0])],
    )

    check_file(sheet.pk)
    small.refresh_from_db()
    assert small.verdict == FileVerdict.PENDING
    check_file(small.pk)
    small.refresh_from_db()
    assert small.verdict == FileVerdict.ACCEPTED
