"""The examiner: a process of its own that reads a PDF from anywhere and says what its seal is worth.

It holds no database, no setting and no secret: a PDF made to harm whoever opens it harms this process alone. Run as
``python -m certificates.examiner TRUSTED.pem``, where the file names every certificate that may have sealed a paper;
a PDF in, one JSON object out. What a paper is worth today is for our record to say (comparing.py).
"""

import datetime
import io
import json
import re
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
from asn1crypto import pem
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext

MEMORY_LIMIT = 1024**3
CPU_SECONDS = 20
MOST_LINKS = 200
MOST_PAGES = 20

# The five things a seal can be.
INTACT, UPDATED, CHANGED, FOREIGN, NONE = "intact", "updated", "changed", "foreign", "none"

_TOKEN = re.compile(r"/verifier/([A-Z2-7]{28})\b")
_DIGEST = re.compile(r"\bsha256:([0-9a-f]{64})\b")
_SEAL_MARK = b"/ETSI.CAdES.detached"


def examine(content: bytes, trusted: list[asn1_x509.Certificate]) -> dict[str, Any]:
    """Say what the seal of ``content`` is worth and which certificate of ours it names.

    ``seal``: ``intact`` (ours, over the whole file, nothing after it), ``updated`` (ours, then something was
    added), ``changed`` (broken), ``foreign`` (intact but not ours), ``none``. ``codes`` are the verification codes
    found in the document, ``digest`` the fingerprint of the facts it states.
    """
    seal, sealed_by, sealed_at = _seal(content, trusted)
    stated = _stated(content)
    return {
        "is_pdf": stated is not None,
        "seal": seal,
        "sealed_by": sealed_by,
        "sealed_at": sealed_at.isoformat() if sealed_at else None,
        "codes": stated[0] if stated else [],
        "digest": stated[1] if stated else None,
    }


def _seal(
    content: bytes, trusted: list[asn1_x509.Certificate]
) -> tuple[str, str, datetime.datetime | None]:
    # A broken file that once held a seal was changed; one that never did has none.
    broken = CHANGED if _SEAL_MARK in content else NONE
    try:
        signatures = PdfFileReader(io.BytesIO(content), strict=True).embedded_signatures
        if not signatures:
            return broken, "", None
        signature = signatures[0]
        at = signature.self_reported_timestamp
        name = str(signature.signer_cert.subject.human_friendly)
        status = validate_pdf_signature(
            signature,
            # Judged at the instant it was made: a paper outlives the certificate of its seal.
            ValidationContext(trust_roots=trusted, allow_fetching=False, moment=at),
            skip_diff=True,
        )
    except (PdfError, SignatureValidationError, SigningError, ValueError, KeyError, TypeError):
        return broken, "", None
    if not (status.intact and status.valid):
        return CHANGED, name, at
    if not status.trusted:
        return FOREIGN, name, at
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE and len(signatures) == 1
    return (INTACT if whole else UPDATED), name, at


def _stated(content: bytes) -> tuple[list[str], str | None] | None:
    """The codes and the fingerprint in the information and the links of a document; None for no PDF."""
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            words = "\n".join(_words(pdf))
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError):
        return None
    digests = _DIGEST.findall(words)
    return list(dict.fromkeys(_TOKEN.findall(words)))[:MOST_LINKS], (
        digests[0] if digests else None
    )


def _words(pdf: pikepdf.Pdf) -> Iterator[str]:
    # Indexing asks nothing of what is not there.
    if "/Info" in pdf.trailer and "/Keywords" in pdf.docinfo:
        yield str(pdf.docinfo["/Keywords"])
    if "/Metadata" in pdf.Root:
        yield pdf.Root.Metadata.read_bytes().decode("utf-8", "replace")
    for page in pdf.pages[:MOST_PAGES]:
        for note in list(page.get("/Annots", []))[:MOST_LINKS]:
            action = note.get("/A")
            if action is not None and "/URI" in action:
                yield str(action["/URI"])


def certificates_in(file: Path) -> list[asn1_x509.Certificate]:
    """Every certificate of a PEM file; keys in it are passed over."""
    blocks = pem.unarmor(file.read_bytes(), multiple=True)
    return [asn1_x509.Certificate.load(der) for kind, _head, der in blocks if kind == "CERTIFICATE"]


def main() -> None:
    """Examine what comes in; what cannot be done within the limits ends the process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    trusted = certificates_in(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(examine(sys.stdin.buffer.read(), trusted)))


if __name__ == "__main__":
    main()
