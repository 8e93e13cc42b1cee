"""The seal: valid as it leaves, broken by any change, and never a development one in production."""

import datetime
import io
from pathlib import Path

import pikepdf
import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from django.core.exceptions import ImproperlyConfigured
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from certificates import documents, signing
from tests.certificates.test_documents import certificate

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return signing.sign(documents.pdf(certificate()))


def status_of(pdf: bytes, settings):
    """The verdict on the first signature, trusting the certificate that this machine made and nothing else."""
    certificate = x509.load_pem_x509_certificates(Path(settings.SIGNING_PEM_FILE).read_bytes())[0]
    root = asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
    signature = PdfFileReader(io.BytesIO(pdf)).embedded_signatures[0]
    return validate_pdf_signature(signature, ValidationContext(trust_roots=[root]))


def test_a_sealed_paper_is_intact_whole_and_trusted(sealed, settings):
    status = status_of(sealed, settings)
    assert status.intact
    assert status.valid
    assert status.trusted
    assert status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    assert status.bottom_line


def test_the_seal_keeps_the_marks_of_the_archival_variant(sealed):
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        assert 'pdfaid:part="3"' in pdf.Root.Metadata.read_bytes().decode()
        assert pdf.Root.StructTreeRoot.K
        assert str(pdf.Root.AcroForm.Fields[0].T) == signing.FIELD
        assert str(pdf.Root.AcroForm.Fields[0].V.SubFilter) == "/ETSI.CAdES.detached"
        assert len(pdf.attachments) == 0


def test_one_changed_byte_breaks_it(sealed, settings):
    place = sealed.index(b"/MediaBox") + 12
    changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
    assert not status_of(changed, settings).intact


def test_a_revision_added_afterwards_breaks_it(sealed, settings):
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    writer.root["/Lang"] = writer.root["/Lang"].__class__("ar")
    writer.update_root()
    added = io.BytesIO()
    writer.write(added)
    assert not status_of(added.getvalue(), settings).bottom_line


def pem_file(tmp_path, *, key=None, other=None, name="La Caisse", start=NOW, days=365):
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key((other or key).public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .sign(other or key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path / "seal.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(pem)
    )
    return path


@pytest.fixture
def production(settings, tmp_path):
    settings.SIGNING_DEVELOPMENT = False
    settings.SIGNING_PEM_FILE = str(tmp_path / "seal.pem")


def test_production_starts_with_a_key_of_its_own(production, tmp_path):
    pem_file(tmp_path)
    signing.refuse_to_start_without_a_key(NOW + datetime.timedelta(days=1))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "ne peut pas être lu"),
        (lambda path: (path / "seal.pem").write_text("rien"), "clé privée et son certificat"),
        (lambda path: pem_file(path, name=signing.DEVELOPMENT_NAME), "clé de développement"),
        (lambda path: pem_file(path, start=NOW - datetime.timedelta(days=9), days=8), "valable"),
        (lambda path: pem_file(path, key=rsa.generate_private_key(65537, 2048)), "P-256"),
        (
            lambda path: pem_file(path, other=ec.generate_private_key(ec.SECP256R1())),
            "ne vont pas ensemble",
        ),
    ],
)
def test_production_refuses_to_start_otherwise(production, tmp_path, make, words):
    make(tmp_path)
    with pytest.raises(ImproperlyConfigured, match=words):
        signing.refuse_to_start_without_a_key(NOW)


def test_production_never_makes_a_key(production, tmp_path):
    with pytest.raises(ImproperlyConfigured):
        signing._signer(str(tmp_path / "seal.pem"))
    assert not (tmp_path / "seal.pem").exists()


def test_a_development_key_is_its_owners_alone_and_is_made_once(settings, tmp_path):
    path = tmp_path / "signing" / "development.pem"
    signing._make_development_key(path)
    first = path.read_bytes()
    signing._make_development_key(path)
    assert path.read_bytes() == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert [child.name for child in path.parent.iterdir()] == ["development.pem"]
