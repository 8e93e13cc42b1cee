"""Which format is this? The first bytes to a format, or a refusal that says why.

The name of the file and the type announced by the browser are never believed.
"""

from __future__ import annotations

import re
from typing import Final

from payments.codecs.faults import FormatError, fault, quoted
from payments.codecs.kinds import FileFormat
from payments.codecs.xml import root_names

HEAD: Final = 1 << 16
"""How many first bytes `sniff` wants; fewer is fine when the file is shorter."""

READABLE: Final = frozenset(FileFormat) - {FileFormat.CAMT_052}
"""The formats that have a reader: all but the provisional statement, which never settles."""

MESSAGES: Final = {
    "BkToCstmrAcctRpt": FileFormat.CAMT_052,
    "BkToCstmrStmt": FileFormat.CAMT_053,
    "BkToCstmrDbtCdtNtfctn": FileFormat.CAMT_054,
    "CstmrPmtStsRpt": FileFormat.PAIN_002,
}
"""Local name of the child of ``Document`` → format. Every other ISO message is refused by name."""

_NEAR_A_RECORD: Final = 40
_ISO: Final = re.compile(
    r"urn:iso:std:iso:20022:tech:xsd:([a-z]{4}\.[0-9]{3})\.[0-9]{3}\.([0-9]{2})", re.ASCII
)


def sniff(
    head: bytes,
    *,
    namespaces: frozenset[str] = frozenset(),
    formats: frozenset[FileFormat] = frozenset(),
) -> tuple[FileFormat, str]:
    """Format and version of a file from its first bytes (up to HEAD).

    `namespaces` are the national variants and `formats` the formats that the bank's profile names (none: every one).
    Refuses: E-F01 empty, E-F03 unknown or not agreed, E-F05 to E-F07 as the XML door does, E-F08 a message that is not
    ours or not agreed.
    """
    agreed = READABLE & formats if formats else READABLE
    expected = ", ".join(sorted(item.value for item in agreed))
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise FormatError(fault("E-F01"))
    if not _looks_like_xml(head):
        text_format = _sniff_text(head)
        if text_format is None or text_format not in agreed:
            raise FormatError(fault("E-F03", formats=expected))
        return text_format, ""
    xml_format, version = _sniff_xml(head, namespaces, expected)
    if xml_format not in agreed:
        raise FormatError(fault("E-F08", message=xml_format.value, attendus=expected))
    return xml_format, version


def _looks_like_xml(head: bytes) -> bool:
    start = head[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    return start.startswith((b"<", b"\x00<"))


def _sniff_xml(head: bytes, namespaces: frozenset[str], expected: str) -> tuple[FileFormat, str]:
    namespace, name = root_names(head)
    iso = _ISO.fullmatch(namespace)
    known = MESSAGES.get(name)
    if known is None:
        if iso:
            raise FormatError(fault("E-F08", message=iso.group(1), attendus=expected))
        raise FormatError(fault("E-F03", formats=expected))
    if namespace and namespace not in namespaces and (not iso or iso.group(1) != known.value):
        raise FormatError(
            fault("E-F08", message=quoted(f"{name} ({namespace})"), attendus=expected)
        )
    return known, iso.group(2) if iso else ""


def _sniff_text(head: bytes) -> FileFormat | None:
    text = head.removeprefix(b"\xef\xbb\xbf")
    if text.startswith(b"E;CP1"):
        return FileFormat.CP1
    if text.lstrip().startswith((b":20:", b"{1:")):
        return FileFormat.MT940
    record = text.split(b"\n", 1)[0].rstrip(b"\r")
    widths = {
        b"01": (120, FileFormat.CFONB_120),
        b"03": (160, FileFormat.CFONB_160),
        b"31": (240, FileFormat.CFONB_240),
    }
    width, found = widths.get(text[:2], (0, None))
    # Accents of a UTF-8 label take two bytes: the record is counted in characters, by the codec, which tells a wrong
    # length with its line.
    return found if found and abs(len(record) - width) <= _NEAR_A_RECORD else None
