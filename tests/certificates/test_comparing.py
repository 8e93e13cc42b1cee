"""A PDF against our record: each kind of forgery is told apart from the others, and nothing of it is kept."""

import datetime
import io
import json
import uuid
from pathlib import Path

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from certificates import comparing, documents, papers, signing, workflows
from certificates.enums import CertificateKind, Verdict
from certificates.errors import NotAPdf
from certificates.views import public
from portal.models import StoredFile
from tests.certificates.conftest import NOW
from tests.certificates.test_documents import slip

pytestmark = pytest.mark.usefixtures("now")


def issue(cast, affiliate=None, at=NOW):
    return workflows.request(
        actor=cast.owner,
        affiliate=affiliate or cast.affiliate,
        kind=CertificateKind.REGISTRATION,
        intent=uuid.uuid4(),
        at=at,
    )


def paper(certificate) -> bytes:
    return signing.sign(documents.pdf(papers.document_of(certificate)))


@pytest.fixture
def certificate(cast):
    return issue(cast)


def flipped(pdf: bytes) -> bytes:
    place = pdf.index(b"/MediaBox") + 12
    return pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]


def updated(pdf: bytes) -> bytes:
    """The same paper with a revision after the seal, as any PDF editor adds one."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    writer.root["/Lang"] = writer.root["/Lang"].__class__("ar")
    writer.update_root()
    added = io.BytesIO()
    writer.write(added)
    return added.getvalue()


def resaved(pdf: bytes) -> bytes:
    """The same pages written anew by another program, without the seal."""
    saved = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        del opened.Root.AcroForm
        for page in opened.pages:
            del page.Annots
        opened.save(saved)
    return saved.getvalue()


def blank(keywords: str = "") -> bytes:
    saved = io.BytesIO()
    with pikepdf.new() as made:
        made.add_blank_page()
        if keywords:
            made.docinfo["/Keywords"] = keywords
        made.save(saved)
    return saved.getvalue()


def test_what_we_issued_is_genuine(certificate):
    answer = comparing.compare(paper(certificate))
    assert answer.verdict is Verdict.GENUINE
    assert answer.found.number == certificate.number


def test_superseded_and_revoked_are_said_of_an_intact_paper(cast, certificate):
    old = paper(certificate)
    new = issue(cast)
    assert comparing.compare(old).verdict is Verdict.SUPERSEDED
    fresh = paper(new)
    workflows.revoke(actor=cast.staff, certificate=new, reason="Mauvaise adresse.", at=NOW)
    assert comparing.compare(fresh).verdict is Verdict.REVOKED


def test_one_byte_and_an_update_are_told_apart(certificate):
    original = paper(certificate)
    assert comparing.compare(flipped(original)).verdict is Verdict.CHANGED
    assert comparing.compare(updated(original)).verdict is Verdict.UPDATED
    assert comparing.compare(original + b"\n% rien\n").verdict is not Verdict.GENUINE
    with pytest.raises(NotAPdf):  # half a file: a download cut short
        comparing.compare(original[: len(original) // 2])


def test_a_code_moved_to_another_pdf(cast, certificate):
    address = papers.verification_url(certificate)
    answer = comparing.compare(blank(f"Contrat {address}"))
    assert (answer.verdict, answer.found.number) == (Verdict.BORROWED, certificate.number)
    # An image of the code in a PDF that names nothing: the reader comes from its page.
    assert comparing.compare(blank(), scanned=certificate.token).verdict is Verdict.BORROWED
    # The genuine paper of one firm under the code of another's.
    other = issue(cast, affiliate=cast.strangers_affiliate)
    assert comparing.compare(paper(other), scanned=certificate.token).verdict is Verdict.BORROWED
    assert comparing.compare(paper(other), scanned=other.token).verdict is Verdict.GENUINE


def test_a_paper_written_anew_is_not_ours(certificate):
    assert comparing.compare(resaved(paper(certificate))).verdict is not Verdict.GENUINE


def test_unknown_other_papers_and_no_pdf_at_all(certificate):
    assert comparing.compare(blank()).verdict is Verdict.UNKNOWN
    assert comparing.compare(signing.sign(documents.pdf(slip()))).verdict is Verdict.OTHER_PAPER
    for content in (b"", b"GIF89a", b"%PDF-1.7\nrien"):
        with pytest.raises(NotAPdf):
            comparing.compare(content)


def test_a_seal_made_by_somebody_else_is_not_ours(certificate, settings, tmp_path):
    settings.SIGNING_PEM_FILE = str(tmp_path / "faux.pem")
    forged = paper(certificate)
    settings.SIGNING_PEM_FILE = str(tmp_path / "autre.pem")
    assert comparing.examine(forged).seal == "foreign"
    assert comparing.compare(forged).verdict is Verdict.BORROWED


def test_a_former_seal_is_still_recognised(certificate, settings, tmp_path):
    old = paper(certificate)
    seal = x509.load_pem_x509_certificates(Path(settings.SIGNING_PEM_FILE).read_bytes())[0]
    settings.SIGNING_PEM_FILE = str(tmp_path / "nouveau.pem")
    former = tmp_path / "anciens.pem"
    former.write_bytes(seal.public_bytes(serialization.Encoding.PEM))
    assert comparing.compare(old).verdict is not Verdict.GENUINE
    settings.SIGNING_FORMER_FILE = str(former)
    assert comparing.compare(old).verdict is Verdict.GENUINE


# ------------------------------------------------------------------------------------------- page and command


def send(client, content, code=""):
    file = SimpleUploadedFile("attestation.pdf", content, "application/pdf")
    return client.post(reverse("certificates:compare"), {"file": file, "code": code})


@pytest.mark.parametrize("who", ["owner", "fiduciaire", "bank", "staff", "stranger", None])
def test_anyone_may_compare_and_nothing_is_kept(client, cast, certificate, who):
    if who:
        client.force_login(getattr(cast, who))
    files = StoredFile.objects.count()
    answer = send(client, paper(certificate))
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "Ce PDF est authentique, et l’attestation est valide." in page
    assert certificate.number in page
    assert StoredFile.objects.count() == files


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_page_answers_in_both_languages(client, certificate, language):
    client.cookies["django_language"] = language
    assert client.get(reverse("certificates:compare")).status_code == 200
    page = send(client, updated(paper(certificate))).content.decode()
    said = {"fr": "ajouté à ce PDF après le sceau", "ar": "أُضيف شيء إلى ملف PDF"}
    assert said[language] in page


def test_what_is_no_pdf_is_refused_with_a_sentence(client, db):
    answer = send(client, b"bonjour")
    assert answer.status_code == 422
    assert "n’est pas un PDF lisible" in answer.content.decode()


def test_who_compares_too_much_waits_and_too_large_is_not_read(client, db, monkeypatch):
    monkeypatch.setattr(public, "COMPARISONS_PER_MINUTE", 1)
    assert send(client, b"bonjour").status_code == 422
    assert send(client, b"bonjour")["Retry-After"]
    assert send(client, b"0" * (public.COMPARE_LIMIT + 100_000)).status_code == 413


def test_the_page_of_a_code_offers_to_compare(client, certificate):
    page = client.get(reverse("certificates:verification", args=[certificate.token]))
    assert f'name="code" value="{certificate.token}"' in page.content.decode()


def test_the_command_needs_no_database(certificate, tmp_path, capsys, settings):
    file = tmp_path / "attestation.pdf"
    file.write_bytes(paper(certificate))
    call_command("verify_certificate", file)
    assert "Sceau de la Caisse intact" in capsys.readouterr().out
    call_command("verify_certificate", file, "--json", "--trust", settings.SIGNING_PEM_FILE)
    said = json.loads(capsys.readouterr().out)
    assert (said["seal"], said["codes"]) == ("intact", [certificate.token])
    assert said["digest"] == certificate.digest
    for forged, why in ((flipped, "modifié après le sceau"), (updated, "ajouté après le sceau")):
        bad = tmp_path / "faux.pdf"
        bad.write_bytes(forged(file.read_bytes()))
        with pytest.raises(CommandError, match=why):
            call_command("verify_certificate", bad)
    with pytest.raises(CommandError, match="ne peut pas être lu"):
        call_command("verify_certificate", tmp_path / "absent.pdf")


def test_the_seal_is_judged_at_the_instant_it_was_made(certificate):
    examined = comparing.examine(paper(certificate))
    assert datetime.datetime.fromisoformat(examined.sealed_at).year == NOW.year
