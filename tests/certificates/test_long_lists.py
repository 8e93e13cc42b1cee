"""Long lists: one table row of tags for each person, drawn part by part by a worker that may die at any place."""

import datetime
import io

import pikepdf
import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse

from certificates import (
    documents,
    downloads,
    papers,
    printing,
    queries,
    signing,
    wording,
    workflows,
)
from certificates.enums import CertificateKind
from certificates.errors import DocumentNotReady
from certificates.models import PrintedPart, Printing
from certificates.workflows import drawing
from portal.enums import JobState
from portal.models import AuditEntry
from tests.certificates.conftest import NOW
from tests.certificates.pdf_text import text_of
from tests.certificates.test_kinds import JANUARY, issue, line, listed, months  # noqa: F401
from tests.running import die_at

HOUR = datetime.timedelta(hours=1)
PLACES = ["printing-claimed", "printing-part-kept", "printing-bound", "printing-before-commit"]
pytestmark = pytest.mark.usefixtures("now")


# ---------------------------------------------------------------------------------------------- the paper


def rows_of(pdf):
    """The rows of every table body of a tagged PDF: for each cell its tag and what spans, in order."""

    def kids(element):
        inside = element.get("/K", [])
        return inside if isinstance(inside, pikepdf.Array | list) else [inside]

    def below(element, name):
        for kid in kids(element):
            if isinstance(kid, pikepdf.Dictionary):
                if kid.get("/S") == name:
                    yield kid
                else:
                    yield from below(kid, name)

    for body in below(pdf.Root.StructTreeRoot.K[0], "/TBody"):
        for row in body.K:
            yield [
                (str(cell.S), int(cell.get("/A", {}).get("/RowSpan", 1)))
                for cell in row.K
                if cell.S in ("/TD", "/TH")
            ]


def marked_content(page):
    """The numbers of the marked contents that a page really holds."""
    return {
        int(operands[1].MCID)
        for operands, operator in pikepdf.parse_content_stream(page)
        if str(operator) == "BDC"
    }


def test_each_person_of_a_long_list_has_a_row_of_tags():
    with pikepdf.open(io.BytesIO(documents.pdf(listed(120)))) as pdf:
        assert len(pdf.pages) == 4
        rows = [row for row in rows_of(pdf) if row[0][0] == "/TD"]
        # The facts of the certificate are a table too, of headings and values.
        assert len(rows) == 120
        assert [len(row) for row in rows[:12]] == [4] + [3] * 9 + [4, 3]
        assert rows[0][0] == ("/TD", 10)
        tree = pdf.Root.StructTreeRoot.ParentTree.Nums
        keys = [int(key) for key in tree[::2]]
        assert keys == sorted(set(keys))
        for page in pdf.pages:
            place = list(tree[2 * keys.index(int(page.obj.StructParents)) + 1])
            assert marked_content(page) == set(range(len(place)))
            for number, element in enumerate(place):
                inside = element.K if isinstance(element.K, pikepdf.Array) else [element.K]
                assert number in [kid for kid in inside if isinstance(kid, int)]
                assert element.Pg.objgen == page.obj.objgen


def test_the_bound_paper_keeps_the_marks_and_takes_the_seal(settings):
    drawn = documents.pdf(listed(60))
    assert documents.pdf(listed(60)) == drawn
    with pikepdf.open(io.BytesIO(signing.sign(drawn))) as pdf:
        meta = pdf.open_metadata()
        assert (meta["pdfaid:part"], meta["pdfaid:conformance"]) == ("3", "A")
        assert "/OutputIntents" in pdf.Root
        assert str(pdf.Root.Lang) == "fr"
        assert bool(pdf.Root.MarkInfo.Marked)
        assert len(pdf.Root.AcroForm.Fields) == 1
        for page in pdf.pages:
            for font in page.Resources.Font.values():
                whole = font.get("/DescendantFonts", [font])[0]
                assert any(f"/FontFile{kind}" in whole.FontDescriptor for kind in ("", "2", "3"))


def test_a_short_list_is_one_flow_and_a_long_one_is_numbered():
    short = listed(wording.SHORT_LIST)
    assert short.parts == ()
    assert "1 / 2" in text_of(documents.pdf(short))
    text = text_of(documents.pdf(listed(101)))
    assert [f"{page} / 4" in text for page in (1, 2, 3, 4)] == [True] * 4
    assert "sur les pages 2 à 4" in text


def test_names_in_arabic_stay_beside_their_number():
    names = ["EL MANSOURI", "بنعلي فاطمة", "ⵜⴰⵎⴰⵣⵉⵖⵜ", "ALAOUI"]
    facts = listed(60)
    assert facts.parts
    with pikepdf.open(io.BytesIO(documents.pdf(listed(60, name=" ".join(names)[:40])))) as pdf:
        assert len(pdf.pages) == 3
        assert sum(1 for row in rows_of(pdf) if row[0][0] == "/TD") == 60


# --------------------------------------------------------------------------------------------- the worker


@pytest.fixture
def long_list(cast, months, monkeypatch):  # noqa: F811
    """A certificate of 122 people, three parts after its own page."""
    monkeypatch.setattr(papers, "DRAWN_AT_ONCE", 50)
    monkeypatch.setattr(documents, "PAGES_PER_PART", 1)
    monkeypatch.setattr(drawing, "PEOPLE_PER_PART", 50)
    for rank in range(10, 130):
        line(months[1], rank, number=f"2{rank:08}", name=f"BENCHEKROUN {rank}")
    return issue(cast, CertificateKind.EMPLOYEES, first=JANUARY, last=JANUARY)


def prepared(cast, certificate, at=NOW):
    return workflows.prepare(actor=cast.owner, certificate=certificate, at=at)


def stored_bytes():
    """Every byte that the database keeps of papers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM certificates_printedpart")
        return b"".join(bytes(sealed) for (sealed,) in cursor.fetchall())


def test_it_is_drawn_once_with_a_true_progress_and_nothing_readable(cast, long_list, monkeypatch):
    row = prepared(cast, long_list)
    assert (row.people_done, row.people_total) == (0, 122)
    assert prepared(cast, long_list).pk == row.pk
    seen = []
    real = drawing._keep

    def keep(row, rank, content):
        kept = real(row, rank, content)
        seen.append(Printing.objects.get().people_done)
        assert b"%PDF" not in stored_bytes()
        return kept

    monkeypatch.setattr(drawing, "_keep", keep)
    for _twice in range(2):
        workflows.draw(printing_id=row.pk, at=NOW)
    assert seen == [0, 50, 100, 122]
    row.refresh_from_db()
    assert (row.state, row.people_done, row.attempts) == (JobState.DONE, 122, 1)
    assert queries.drawn_paper(long_list) == documents.pdf(papers.document_of(long_list))
    assert PrintedPart.objects.count() == 1
    assert not any(word in stored_bytes() for word in (b"%PDF", b"BENCHEKROUN", b"BOULANGERIE"))
    assert AuditEntry.objects.filter(action="certificate.paper_asked").count() == 1


def test_it_is_erased_after_an_hour_and_drawn_again_when_asked(cast, long_list):
    row = prepared(cast, long_list)
    workflows.draw(printing_id=row.pk, at=NOW)
    assert workflows.forget(at=NOW + HOUR - datetime.timedelta(seconds=1)) == 0
    assert workflows.forget(at=NOW + HOUR) == 1
    assert queries.drawn_paper(long_list) is None
    assert queries.printing_of(long_list) is None
    again = prepared(cast, long_list, at=NOW + HOUR)
    assert (again.pk, again.state) == (row.pk, JobState.WAITING)


def test_a_press_that_fails_thrice_parks_it_for_whoever_asks_again(cast, long_list, monkeypatch):
    row = prepared(cast, long_list)

    def broken(*_args, **_more):
        raise DocumentNotReady

    monkeypatch.setattr(printing, "print_pdf", broken)
    for _attempt in range(4):
        assert workflows.due(at=NOW) == [row.pk]
        workflows.draw(printing_id=row.pk, at=NOW)
    row.refresh_from_db()
    assert row.state == JobState.PARKED
    assert workflows.due(at=NOW) == []
    assert AuditEntry.objects.filter(action="certificate.paper_parked").count() == 1
    assert prepared(cast, long_list).state == JobState.WAITING


def test_another_secret_of_the_installation_opens_nothing(cast, long_list, settings):
    row = prepared(cast, long_list)
    workflows.draw(printing_id=row.pk, at=NOW)
    settings.SECRET_KEY = "another " * 8
    assert queries.drawn_paper(long_list) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_anywhere_loses_one_part_at_most(cast, long_list, place, monkeypatch):
    row = prepared(cast, long_list)
    die_at(place, lambda: workflows.draw(printing_id=row.pk, at=NOW))
    row.refresh_from_db()
    assert row.state == JobState.RUNNING
    kept = row.parts.count()
    assert kept == {"printing-claimed": 0, "printing-part-kept": 1}.get(place, 4)
    assert b"%PDF" not in stored_bytes()
    # Nobody takes it before its lease is over; then the next worker goes on after what was kept.
    later = NOW + Printing.LEASE
    assert workflows.due(at=later - datetime.timedelta(seconds=1)) == []
    drawn = []
    real = documents.draw
    monkeypatch.setattr(documents, "draw", lambda one, rank: drawn.append(rank) or real(one, rank))
    workflows.draw(printing_id=row.pk, at=later)
    row.refresh_from_db()
    assert (row.state, row.people_done) == (JobState.DONE, 122)
    assert drawn == list(range(kept, 4))
    assert queries.drawn_paper(long_list) == documents.pdf(papers.document_of(long_list))


def test_a_worker_that_was_overtaken_writes_nothing(cast, long_list, monkeypatch):
    row = prepared(cast, long_list)
    real = documents.draw

    def overtaken(one, rank):
        Printing.objects.filter(pk=row.pk).update(attempts=2)
        return real(one, rank)

    monkeypatch.setattr(documents, "draw", overtaken)
    workflows.draw(printing_id=row.pk, at=NOW)
    row.refresh_from_db()
    assert (row.state, row.people_done) == (JobState.RUNNING, 0)
    assert not row.parts.exists()


# ---------------------------------------------------------------------------------------------- the pages


def place(cast, certificate, name):
    return reverse(
        f"certificates:{name}", args=[cast.affiliate.affiliation_number, certificate.number]
    )


def test_the_cast_asks_waits_and_fetches(
    client, cast, long_list, django_capture_on_commit_callbacks
):
    for who in cast.outsiders:
        client.force_login(who)
        assert client.post(place(cast, long_list, "prepare_paper")).status_code == 404
        assert client.get(place(cast, long_list, "paper_progress")).status_code == 404
    client.force_login(cast.owner)
    assert client.get(place(cast, long_list, "prepare_paper")).status_code == 405
    page = client.get(place(cast, long_list, "certificate")).content.decode()
    assert "Préparer le PDF" in page
    # The address of the paper leads back to the page until it is drawn.
    assert client.get(place(cast, long_list, "certificate_pdf")).status_code == 302
    assert not Printing.objects.exists()
    client.post(place(cast, long_list, "prepare_paper"))
    row = Printing.objects.get()
    Printing.objects.update(state=JobState.RUNNING.value, people_done=50, attempts=1)
    piece = client.get(place(cast, long_list, "paper_progress")).content.decode()
    assert 'value="50" max="122"' in piece
    Printing.objects.update(state=JobState.WAITING.value, people_done=0, attempts=0)
    workflows.draw(printing_id=row.pk, at=NOW)
    assert "Le PDF est prêt" in client.get(place(cast, long_list, "certificate")).content.decode()
    paper = client.get(place(cast, long_list, "certificate_pdf"))
    assert text_of(paper.content).count("BENCHEKROUN") == 120
    client.force_login(cast.fiduciaire)
    assert client.get(place(cast, long_list, "certificate_pdf")).content[:5] == b"%PDF-"


def test_staff_and_the_holder_of_a_link_have_it_drawn_too(client, cast, long_list):
    client.force_login(cast.staff)
    address = reverse("admin:certificates_certificate_pdf", args=[long_list.pk])
    assert "Préparer le PDF" in client.get(address).content.decode()
    client.post(reverse("admin:certificates_certificate_prepare", args=[long_list.pk]))
    workflows.draw(printing_id=Printing.objects.get().pk, at=NOW)
    assert client.get(address).content[:5] == b"%PDF-"
    PrintedPart.objects.all().delete()
    Printing.objects.all().delete()

    link = workflows.share(
        actor=cast.owner,
        certificate=long_list,
        intent=long_list.intent,
        label="Ma banque",
        lasting=HOUR,
        at=NOW,
    )
    visitor, token = Client(), workflows.token_of(link)
    shared = {
        name: reverse(f"certificates:{name}", args=[token])
        for name in ("shared", "shared_pdf", "shared_prepare", "shared_progress")
    }
    assert "Préparer le PDF" in visitor.get(shared["shared"]).content.decode()
    assert visitor.get(shared["shared_pdf"]).status_code == 302
    assert visitor.get(shared["shared_prepare"]).status_code == 405
    visitor.post(shared["shared_prepare"])
    assert "0 / 122" in visitor.get(shared["shared_progress"]).content.decode()
    workflows.draw(printing_id=Printing.objects.get().pk, at=NOW)
    assert visitor.get(shared["shared_pdf"]).content[:5] == b"%PDF-"
    with time_machine.travel(NOW + HOUR, tick=False):
        assert visitor.post(shared["shared_prepare"]).status_code == 410
        assert visitor.get(shared["shared_progress"]).status_code == 410


def test_a_paper_drawn_at_once_needs_no_worker(client, cast, months):  # noqa: F811
    certificate = issue(cast, CertificateKind.REGISTRATION)
    client.force_login(cast.owner)
    client.post(place(cast, certificate, "prepare_paper"))
    assert not Printing.objects.exists()
    assert client.get(place(cast, certificate, "certificate_pdf")).content[:5] == b"%PDF-"
    assert downloads.Paper(None, 0, "", "", "").is_ready is False
