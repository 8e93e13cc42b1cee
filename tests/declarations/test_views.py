"""The screens, seen by the five: they work, strangers find nothing, looking changes nothing."""

import datetime
from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import Role
from declarations import workflows
from declarations.codecs import e_bds
from declarations.enums import DeclarationStatus, FileVerdict
from declarations.models import Declaration, FileFinding, Prefill, ReceivedFile
from portal.enums import JobState
from portal.models import AuditEntry, StoredFile, User
from tests.affiliates.factories import MembershipFactory, UserFactory
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, answer, draft, employ, issue, send, submitted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _february() -> Iterator[None]:
    with time_machine.travel(AT, tick=True):
        yield


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(cast: Cast, name: str, **arguments: object) -> str:
    number = cast.affiliate.affiliation_number
    return reverse(f"declarations:{name}", kwargs={"affiliation_number": number, **arguments})


def post_file(cast: Cast, user: User, content: bytes, name: str = "") -> str:
    """Upload through the page; the address of the page that follows."""
    name = name or e_bds.file_name(cast.affiliate.affiliation_number, "202601")
    response = browser(user).post(
        address(cast, "upload", period=JANUARY), {"file": SimpleUploadedFile(name, content)}
    )
    assert response.status_code == 302
    return str(response["Location"])


def world(cast: Cast) -> dict[str, str]:
    """Every page of the room, each with something to show."""
    employ(cast.affiliate, 3)
    row = issue(cast.owner, cast.affiliate)
    bad = answer(row).replace(b"26000000085005000060000", b"27000000085005000060000")
    faulty = send(cast.owner, cast.affiliate, bad)
    waiting, _ = workflows.receive_file(
        actor=cast.owner,
        at=AT - datetime.timedelta(days=1),
        affiliate=cast.affiliate,
        period=JANUARY,
        name="DS.txt",
        chunks=[b"B00 en attente"],
    )
    one = Declaration.objects.get(received_file=send(cast.owner, cast.affiliate, answer(row)))
    december = submitted_in_december(cast)
    return {
        "list": address(cast, "list"),
        "month": address(cast, "month", period=JANUARY),
        "month done": address(cast, "month", period="2025-12"),
        "month empty": address(cast, "month", period="2025-11"),
        "prefill": address(cast, "prefill", period=JANUARY),
        "workbook": address(cast, "sheet", period=JANUARY, form="xlsx"),
        "csv": address(cast, "sheet", period=JANUARY, form="csv"),
        "file": address(cast, "file", pk=faulty.pk),
        "pending": address(cast, "file", pk=waiting.pk),
        "progress": address(cast, "progress", pk=waiting.pk),
        "original": address(cast, "original", pk=faulty.pk),
        "preview": address(cast, "declaration", pk=one.pk),
        "submitted": address(cast, "declaration", pk=december.pk),
        "lines": address(cast, "lines", pk=one.pk),
    }


def submitted_in_december(cast: Cast) -> Declaration:
    december = JANUARY.previous()
    row = issue(cast.owner, cast.affiliate, december)
    name = e_bds.file_name(cast.affiliate.affiliation_number, december.compact)
    file = send(cast.owner, cast.affiliate, answer(row), period=december, name=name)
    one = Declaration.objects.get(received_file=file)
    return workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version)


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_each_page_opens_to_those_who_may(cast: Cast, language: str) -> None:
    pages = world(cast)

    for user in (cast.owner, cast.fiduciaire):
        client = browser(user)
        client.cookies["django_language"] = language
        for name, page in pages.items():
            assert client.get(page).status_code == 200, name


def test_each_page_is_nothing_to_anyone_else(cast: Cast) -> None:
    pages = world(cast)

    for user in cast.outsiders:
        for name, page in pages.items():
            assert browser(user).get(page).status_code == 404, name
    for name, page in pages.items():
        assert Client().get(page).status_code == 302, name


def test_someone_elses_objects_do_not_exist_under_ones_own_number(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    number = cast.strangers_affiliate.affiliation_number
    client = browser(cast.stranger)

    for name, pk in (("declaration", one.pk), ("lines", one.pk), ("file", one.received_file_id)):
        page = reverse(f"declarations:{name}", args=[number, pk])
        assert client.get(page).status_code == 404
    for name in ("submit", "cancel"):
        page = reverse(f"declarations:{name}", args=[number, one.pk])
        assert client.post(page, {"version": 1}).status_code == 404
    one.refresh_from_db()
    assert one.status == DeclarationStatus.DRAFT


def test_looking_changes_nothing(cast: Cast) -> None:
    pages = world(cast)

    def state() -> list[object]:
        tables = (ReceivedFile, Declaration, Prefill, FileFinding, StoredFile)
        return [list(table.objects.order_by("pk").values()) for table in tables]

    before = state()
    entries = AuditEntry.objects.count()
    for page in pages.values():
        browser(cast.owner).get(page)
    assert state() == before
    assert AuditEntry.objects.count() == entries


@pytest.mark.parametrize("name", ["upload", "issue_prefill"])
def test_looking_at_an_act_does_nothing(cast: Cast, name: str) -> None:
    response = browser(cast.owner).get(address(cast, name, period=JANUARY))

    assert response.status_code in (302, 405)
    assert not Prefill.objects.exists()


def test_a_reader_may_look_and_not_act(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    reader = UserFactory()
    MembershipFactory(user=reader, affiliate=cast.affiliate, role=Role.READER.value)
    client = browser(reader)

    page = client.get(address(cast, "declaration", pk=one.pk))
    assert page.status_code == 200
    assert b'<form class="dc-actions"' not in page.content
    assert client.post(address(cast, "submit", pk=one.pk), {"version": 1}).status_code == 403
    assert client.post(address(cast, "upload", period=JANUARY)).status_code == 403
    assert client.post(address(cast, "issue_prefill", period=JANUARY)).status_code == 403


def test_queries_do_not_grow_with_the_rows(cast: Cast) -> None:
    employ(cast.affiliate, 2)
    row = issue(cast.owner, cast.affiliate)
    file = send(cast.owner, cast.affiliate, answer(row).replace(b"CASABLANCA", b"casablanca"))
    one = draft_of(send(cast.owner, cast.affiliate, answer(row)))
    pages = [
        address(cast, "list"),
        address(cast, "month", period=JANUARY),
        address(cast, "file", pk=file.pk),
        address(cast, "declaration", pk=one.pk),
        address(cast, "lines", pk=one.pk),
    ]
    client = browser(cast.owner)
    few = [count_queries(client, page) for page in pages]

    grow(cast, file, one)

    assert [count_queries(client, page) for page in pages] == few


def draft_of(file: ReceivedFile) -> Declaration:
    return Declaration.objects.get(received_file=file)


def grow(cast: Cast, file: ReceivedFile, one: Declaration) -> None:
    for rank in range(2, 60):
        FileFinding.objects.create(
            received_file=file, rank=rank + 1000, code="R36", severity="line", line_number=rank
        )
    for line in list(one.lines.all()):
        for copy in range(30):
            line.pk, line.rank = None, line.rank + 100 + copy
            line.save(force_insert=True)
    submitted_in_december(cast)


def count_queries(client: Client, page: str) -> int:
    client.get(page)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(page).status_code == 200
    return len(queries)


# -- the journey -------------------------------------------------------------------------------


def test_the_prefill_is_issued_and_downloaded(cast: Cast) -> None:
    employ(cast.affiliate, 2)

    issued = browser(cast.owner).post(address(cast, "issue_prefill", period=JANUARY))
    again = browser(cast.owner).get(address(cast, "prefill", period=JANUARY))

    number = cast.affiliate.affiliation_number
    expected = f'attachment; filename="AFFEBDS_{number}_202601.txt"'
    assert issued["Content-Disposition"] == again["Content-Disposition"] == expected
    first, second = (b"".join(sent.streaming_content) for sent in (issued, again))
    assert first == second == bytes(Prefill.objects.get().content)
    assert len(first) == 5 * 261


def test_a_month_to_come_has_no_page(cast: Cast) -> None:
    client = browser(cast.owner)

    for period in ("2026-03", "2015-01", "2026-13", "n-importe-quoi"):
        assert client.get(address(cast, "month", period=period)).status_code == 404
    response = client.post(address(cast, "issue_prefill", period="2026-03"), follow=True)
    assert "n’est pas ouverte" in response.content.decode()


def test_an_upload_leads_to_the_preview_and_the_receipt(cast: Cast) -> None:
    employ(cast.affiliate, 2)
    client = browser(cast.owner)
    followed = post_file(cast, cast.owner, answer(issue(cast.owner, cast.affiliate)))
    assert "En attente de contrôle" in client.get(followed).content.decode()

    workflows.check_file(file_id=ReceivedFile.objects.get().pk, at=AT)
    preview = client.get(followed, follow=True)
    page = preview.content.decode()
    assert "17\u202f001,00" in page
    assert "4\u202f058,25" in page

    one = Declaration.objects.get()
    sent = client.post(address(cast, "submit", pk=one.pk), {"version": one.version}, follow=True)
    number = cast.affiliate.affiliation_number
    assert f"202601-{number}-0-1" in sent.content.decode()
    again = client.post(address(cast, "submit", pk=one.pk), {"version": one.version}, follow=True)
    assert f"202601-{number}-0-1" in again.content.decode()


def test_progress_reloads_the_page_at_the_end(cast: Cast) -> None:
    employ(cast.affiliate, 1)
    post_file(cast, cast.owner, answer(issue(cast.owner, cast.affiliate)))
    file = ReceivedFile.objects.get()
    client = browser(cast.owner)
    page = address(cast, "progress", pk=file.pk)
    ReceivedFile.objects.update(state=JobState.RUNNING, lines_done=2)

    assert 'value="2" max="7"' in client.get(page).content.decode()
    ReceivedFile.objects.update(state=JobState.WAITING)
    workflows.check_file(file_id=file.pk, at=AT)
    assert client.get(page)["HX-Refresh"] == "true"


def test_the_same_file_again_says_so(cast: Cast) -> None:
    employ(cast.affiliate, 1)
    content = answer(issue(cast.owner, cast.affiliate))
    send(cast.owner, cast.affiliate, content)

    followed = post_file(cast, cast.owner, content)

    page = browser(cast.owner).get(followed, follow=True)
    assert Declaration.objects.count() == 1
    assert page.redirect_chain[-1][0].endswith(f"/declarations/{Declaration.objects.get().pk}/")


def test_no_file_chosen_is_told_on_the_page(cast: Cast) -> None:
    response = browser(cast.owner).post(address(cast, "upload", period=JANUARY))

    assert "Choisissez d’abord le fichier" in response.content.decode()
    assert not ReceivedFile.objects.exists()


def test_a_file_too_large_is_told_on_the_page(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows.files, "LIMIT", 10)

    response = browser(cast.owner).post(
        address(cast, "upload", period=JANUARY),
        {"file": SimpleUploadedFile("DS.txt", b"x" * 11)},
    )

    assert "Rien n’a été gardé" in response.content.decode()
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "un fichier vide"),
        (b"%PDF-1.7 ...", "un document PDF"),
        (b"PK\x03\x04xlsx", "un classeur Excel"),
        ("B0012345".encode("utf-16"), "un texte en UTF-16"),
        (b"a;b;c\n1;2;3\n", "un tableau CSV"),
        (b"0" * 200 + b"\n", "aux lignes de 200 caractères"),
    ],
)
def test_what_is_not_a_declaration_is_named(cast: Cast, content: bytes, words: str) -> None:
    post_file(cast, cast.owner, content)
    file = ReceivedFile.objects.get()
    workflows.check_file(file_id=file.pk, at=AT)

    page = browser(cast.owner).get(address(cast, "file", pk=file.pk)).content.decode()

    assert words in page
    file.refresh_from_db()
    assert file.verdict == FileVerdict.REFUSED


def test_a_hostile_name_is_shown_as_text(cast: Cast) -> None:
    post_file(cast, cast.owner, b"", name="<script>alert(1)</script>.txt")
    file = ReceivedFile.objects.get()
    workflows.check_file(file_id=file.pk, at=AT)
    client = browser(cast.owner)

    for page in (address(cast, "file", pk=file.pk), address(cast, "month", period=JANUARY)):
        assert b"<script>alert" not in client.get(page).content
    sent = client.get(address(cast, "original", pk=file.pk))
    assert sent["Content-Disposition"].startswith("attachment")
    assert "sandbox" in sent["Content-Security-Policy"]
    assert sent["X-Content-Type-Options"] == "nosniff"


def test_the_original_is_given_back_byte_for_byte(cast: Cast) -> None:
    content = b"B00 \x00\xff" * 400_000
    post_file(cast, cast.owner, content)
    page = address(cast, "original", pk=ReceivedFile.objects.get().pk)

    response = browser(cast.owner).get(page)

    assert b"".join(response.streaming_content) == content


def test_findings_are_filtered_by_severity_and_by_code(cast: Cast) -> None:
    employ(cast.affiliate, 2)
    content = answer(issue(cast.owner, cast.affiliate))
    content = content.replace(b"26000000085005000060000", b"27000000085005000060000")
    file = send(cast.owner, cast.affiliate, content.replace(b"CASABLANCA", b"RABAT     "))
    client = browser(cast.owner)
    page = address(cast, "file", pk=file.pk)

    everything = client.get(page).context["findings"]
    warnings = client.get(page, {"gravite": "warning"}).context["findings"]
    one_code = client.get(page, {"code": "R28"}).context["findings"]

    assert {shown.row.severity for shown in warnings} == {"warning"}
    assert {shown.row.code for shown in one_code} == {"R28"}
    assert len(everything) > len(one_code) == 2


def test_lines_are_searched_by_number_and_name(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate, people=3)
    line = one.lines.order_by("rank").last()
    page = address(cast, "lines", pk=one.pk)
    search: Callable[[str], list[object]] = lambda text: list(  # noqa: E731
        browser(cast.owner).get(page, {"q": text}).context["lines"]
    )

    assert search(line.registration_number) == [line]
    assert search("personne-de-ce-nom") == []


def test_a_stale_page_does_not_submit_another_draft(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    Declaration.objects.update(version=5)

    response = browser(cast.owner).post(
        address(cast, "submit", pk=one.pk), {"version": 1}, follow=True
    )

    assert "a changé depuis" in response.content.decode()
    one.refresh_from_db()
    assert one.status == DeclarationStatus.DRAFT


def test_a_draft_is_abandoned_from_its_page(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    client = browser(cast.fiduciaire)

    response = client.post(address(cast, "cancel", pk=one.pk), follow=True)

    assert "Le brouillon est abandonné" in response.content.decode()
    closed = client.get(address(cast, "declaration", pk=one.pk)).content.decode()
    assert "Ce brouillon a été abandonné" in closed


def test_the_list_says_what_to_do_each_month(cast: Cast) -> None:
    submitted(cast.owner, cast.affiliate)

    page = browser(cast.owner).get(address(cast, "list")).content.decode()

    assert "Voir le récépissé" in page
    assert page.count("En retard") == 11
