"""A PDF from anywhere against our record: is it the paper we issued, and what is it worth today?

The file is read by a process apart (examiner.py) and is written nowhere.
"""

import json
import logging
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from certificates import queries
from certificates.enums import CertificateState, Verdict
from certificates.errors import ComparisonNotReady, NotAPdf
from certificates.numbers import read_token

logger = logging.getLogger(__name__)

WALL_SECONDS = 30
# An examination takes 150 MB for two seconds: this process runs two at once, the others wait or are told to.
_PLACES = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class Examined:
    """What the examiner says of a file: see examiner.examine."""

    is_pdf: bool
    seal: str
    sealed_by: str
    sealed_at: str | None
    codes: tuple[str, ...]
    digest: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, and the certificate of our record that the file names when there is one."""

    verdict: Verdict
    found: queries.Comparison | None = None


def examine(content: bytes, trusted: Path | None = None) -> Examined:
    """What the seal of a PDF is worth. ``trusted`` is a PEM file instead of this installation's own seals.

    Refuses NotAPdf, and ComparisonNotReady when the examiner is busy, dies or takes longer than half a minute.
    """
    if not content.startswith(b"%PDF-"):
        raise NotAPdf
    if not _PLACES.acquire(timeout=WALL_SECONDS / 3):
        raise ComparisonNotReady
    try:
        # Twenty megabytes with its cryptography, that a process which compares nothing does without.
        from certificates import signing

        with tempfile.TemporaryDirectory(prefix="seals-") as folder:
            file = trusted or Path(folder, "seals.pem")
            if trusted is None:
                file.write_bytes(signing.trusted_seals())
            said = _run(content, file)
    finally:
        _PLACES.release()
    if not said["is_pdf"] and said["seal"] == "none":
        raise NotAPdf
    return Examined(**{**said, "codes": tuple(said["codes"])})


def _run(content: bytes, trusted: Path) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603  our own module, by its name
            [sys.executable, "-E", "-s", "-m", "certificates.examiner", str(trusted)],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=settings.BASE_DIR,
            env={"LANG": "C.UTF-8"},
            timeout=WALL_SECONDS,
            check=True,
        )
    except (subprocess.SubprocessError, OSError) as failure:
        logger.warning("the examiner of papers failed: %s", type(failure).__name__)
        raise ComparisonNotReady from failure
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def compare(content: bytes, *, scanned: str = "") -> Answer:
    """Judge a PDF against our record; ``scanned`` is the code of the QR that the reader came from, if any.

    Refuses as ``examine`` does. Changes nothing and keeps nothing.
    """
    examined = examine(content)
    code = read_token(scanned) if scanned else None
    named = queries.verification(examined.codes[0]) if examined.codes else None
    return judge(examined, named=named, code=code)


def judge(examined: Examined, *, named: queries.Comparison | None, code: str | None) -> Answer:
    """The verdict on an examined file that names a certificate of ours, or none; the seal is asked first."""
    if examined.seal == "updated":
        return Answer(Verdict.UPDATED, named)
    if examined.seal == "changed":
        return Answer(Verdict.CHANGED, named)
    if examined.seal != "intact":
        # Not a paper of ours, but with a code of ours on it: the code was taken from another paper.
        borrowed = named or (queries.verification(code) if code else None)
        return Answer(Verdict.BORROWED, borrowed) if borrowed else Answer(Verdict.UNKNOWN)
    if named is None:
        return Answer(Verdict.UNKNOWN if examined.codes else Verdict.OTHER_PAPER)
    if code is not None and code not in examined.codes:
        return Answer(Verdict.BORROWED, named)
    if examined.digest != named.digest:
        return Answer(Verdict.UNKNOWN)
    worth = {
        CertificateState.VALID: Verdict.GENUINE,
        CertificateState.SUPERSEDED: Verdict.SUPERSEDED,
        CertificateState.REVOKED: Verdict.REVOKED,
    }
    return Answer(worth[named.validity.state], named)
