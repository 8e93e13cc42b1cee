"""D27: files that are not a declaration at all, each named for what it is."""

from __future__ import annotations

import re

from declarations.enums import Severity
from declarations.findings import Finding
from regulation.text import _

#: How many bytes are looked at before the first record is read.
OPENING = 1024

_SIGNATURES = (
    (b"%PDF", _("un document PDF")),
    (b"PK\x03\x04", _("un classeur Excel ou une archive ZIP")),
    (b"\xd0\xcf\x11\xe0", _("un ancien classeur Excel")),
    (b"\xff\xfe", _("un texte en UTF-16")),
    (b"\xfe\xff", _("un texte en UTF-16")),
    (b"\x1f\x8b", _("une archive compressée")),
)


def what_it_is_instead(opening: bytes) -> Finding | None:
    """D27 when the first bytes cannot begin an e-BDS; None when they can.

    The nature is a message of the catalogue, translated where it is shown.
    """
    nature = _nature(opening)
    if nature is None:
        return None
    shown = opening[:40].decode("ascii", errors="replace").split("\n")[0]
    printable = "".join(c if c.isprintable() else " " for c in shown).strip()
    return Finding("D27", Severity.FILE, line_number=1, value=printable, facts={"nature": nature})


def _nature(opening: bytes) -> str | None:
    if not opening.strip():
        return _("un fichier vide")
    for signature, nature in _SIGNATURES:
        if opening.startswith(signature):
            return nature
    if b"\x00" in opening:
        return _("un fichier binaire")
    text = opening.removeprefix(b"\xef\xbb\xbf")
    if re.match(b"[BE]0[0-6]", text):
        return None
    if re.match(b"A0[0-3]", text):
        return _("le préétabli lui-même, et non la déclaration qui y répond")
    line = text.split(b"\n")[0].rstrip(b"\r")
    if b"<?xml" in line or b"<html" in line.lower():
        return _("une page web ou un fichier XML")
    if line.count(b";") >= 2 or line.count(b",") >= 2 or line.count(b"\t") >= 2:
        return _("un tableau CSV")
    if len(line) == 200:
        return _("un fichier aux lignes de 200 caractères, d’un autre format")
    return _("un fichier d’un autre format")
