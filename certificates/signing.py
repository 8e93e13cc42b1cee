"""The fund's seal on its papers: a PAdES signature that any PDF reader checks, and that a later change breaks.

One PEM file holds the private key, its certificate, and the certificates above it, in that order
(``SIGNING_PEM_FILE``). A developer's machine makes its own, which production refuses.
"""

import datetime
import io
import os
import tempfile
from functools import cache
from pathlib import Path

from asn1crypto import keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

DEVELOPMENT_NAME = "Damancom, clé de développement : sans valeur"
FIELD = "Sceau"
_DEVELOPMENT_DAYS = 3650


def sign(pdf: bytes) -> bytes:
    """Return the PDF sealed in a last revision that allows no other; about 10 kB more."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    metadata = PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        name="Damancom",
    )
    sealed: io.BytesIO = signers.sign_pdf(
        writer, metadata, signer=_signer(settings.SIGNING_PEM_FILE)
    )
    return sealed.getvalue()


def trusted_seals() -> bytes:
    """The certificates (PEM) that may have sealed a paper: today's, and the former ones of SIGNING_FORMER_FILE.

    Named one by one: another certificate of the same authority is not the Caisse's seal.
    """
    _signer(settings.SIGNING_PEM_FILE)  # a developer's key is made at its first use
    _key, certificates = _read(Path(settings.SIGNING_PEM_FILE))
    seals = certificates[0].public_bytes(serialization.Encoding.PEM)
    if settings.SIGNING_FORMER_FILE:
        seals += Path(settings.SIGNING_FORMER_FILE).read_bytes()
    return seals


def refuse_to_start_without_a_key(at: datetime.datetime) -> None:
    """Raise ImproperlyConfigured unless the seal is there, is today's, and is not a development one.

    Called before production serves its first page. ``at`` is the instant of the start.
    """
    if settings.SIGNING_DEVELOPMENT:
        return
    path = Path(settings.SIGNING_PEM_FILE)
    _key, certificates = _read(path)
    certificate = certificates[0]
    if _is_development(certificate):
        raise ImproperlyConfigured(
            f"{path} est une clé de développement : elle ne signe aucun document réel."
        )
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise ImproperlyConfigured(
            f"Le certificat de {path} n'est valable que du {certificate.not_valid_before_utc:%d/%m/%Y} "
            f"au {certificate.not_valid_after_utc:%d/%m/%Y}."
        )


@cache
def _signer(file: str) -> signers.SimpleSigner:
    """The loaded key: reading it again costs more than a signature."""
    path = Path(file)
    if settings.SIGNING_DEVELOPMENT and not path.exists():
        _make_development_key(path)
    key, certificates = _read(path)
    der = serialization.Encoding.DER
    registry = SimpleCertificateStore()
    chain = [asn1_x509.Certificate.load(one.public_bytes(der)) for one in certificates]
    registry.register_multiple(chain)
    return signers.SimpleSigner(
        signing_cert=chain[0],
        signing_key=keys.PrivateKeyInfo.load(
            key.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        ),
        cert_registry=registry,
    )


def _read(path: Path) -> tuple[ec.EllipticCurvePrivateKey, list[x509.Certificate]]:
    """The key and its certificates; one clear sentence when the file cannot seal anything."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ImproperlyConfigured(
            f"SIGNING_PEM_FILE désigne {path}, qui ne peut pas être lu : {error.strerror}."
        ) from error
    try:
        key = serialization.load_pem_private_key(content, password=None)
        certificates = x509.load_pem_x509_certificates(content)
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured(
            f"{path} doit contenir une clé privée et son certificat, au format PEM : {error}"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ImproperlyConfigured(f"La clé de {path} doit être une clé P-256.")
    if key.public_key() != certificates[0].public_key():
        raise ImproperlyConfigured(f"La clé et le certificat de {path} ne vont pas ensemble.")
    return key, certificates


def _is_development(certificate: x509.Certificate) -> bool:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return any(name.value == DEVELOPMENT_NAME for name in names)


def _make_development_key(path: Path) -> None:
    """Write a new key and a certificate by itself; of several processes at once, the first wins."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DEVELOPMENT_NAME)])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=_DEVELOPMENT_DAYS))
        .add_extension(usage, critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    content = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(pem)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Readable by its owner alone from its first instant, complete from its first instant.
    with tempfile.NamedTemporaryFile(dir=path.parent) as draft:
        draft.write(content)
        draft.flush()
        try:
            os.link(draft.name, path)
        except FileExistsError:
            return
