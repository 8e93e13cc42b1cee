"""The one door for XML: every parse of a bank's XML goes through here.

A DOCTYPE is refused before any line is read; entities, network and huge trees are off. Comments and processing
instructions are kept in the tree on purpose: dropped by the parser they would silently join or cut a value
(``100<!-- -->0.00``), kept they are seen by `leaf` and refused.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import IO, Any, Final

from lxml import etree

from payments.codecs.faults import Fault, FormatError, fault
from payments.codecs.schemas import Deviations
from payments.codecs.text import first_bad_byte
from regulation.text import _

SETTINGS: Final[dict[str, bool]] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": False,
    "remove_pis": False,
}
ENCODINGS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "utf-16": "utf-16",
    "iso-8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "iso-8859-15": "iso-8859-15",
}
"""Declared encoding, lower case → Python codec. Anything else is refused: an encoding is read, never guessed."""

_DECLARED: Final = re.compile(rb"^<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']", re.ASCII)
_CHUNK: Final = 1 << 20
_LOOK_EVERY: Final = 2_000

# libxml2 error numbers → what to tell, in French. The others are told as « structure XML incorrecte ».
_DETAILS: Final = {
    1: _("document interrompu"),
    4: _("document vide"),
    5: _("contenu après la fin du document"),
    9: _("caractère interdit"),
    26: _("entité inconnue"),
    42: _("attribut répété"),
    64: _("déclaration XML ailleurs qu’au début"),
    73: _("balise interrompue"),
    76: _("balises mal imbriquées"),
    77: _("document interrompu avant sa fin"),
    114: _("imbrication trop profonde"),
}
_OTHER_DETAIL: Final = _("structure XML incorrecte")
_ENCODING_ERRORS: Final = frozenset({31, 32, 81})


def local(element: Any) -> str:
    """The name of an element without its namespace; nothing for a comment or a processing instruction."""
    tag = element.tag
    return local_name(tag) if isinstance(tag, str) else ""


@lru_cache(maxsize=1024)
def local_name(tag: str) -> str:
    """The same, of a tag: a file has some dozen tags, a hundred thousand times each."""
    return tag.rpartition("}")[2]


def declared_encoding(head: bytes) -> str:
    """The Python codec announced by the first bytes; UTF-8 when nothing is announced.

    Refuses (E-F07) an encoding outside ENCODINGS, and a byte order mark that contradicts the declaration.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    marked = head.startswith(codecs.BOM_UTF8)
    match = _DECLARED.match(head[3:] if marked else head)
    name = match.group(1).decode("ascii").lower() if match else "utf-8"
    encoding = ENCODINGS.get(name)
    if encoding is None or encoding == "utf-16" or (marked and encoding != "utf-8"):
        raise FormatError(fault("E-F07", octet=0, encodage=name))
    return encoding


def elements(stream: IO[bytes], names: tuple[str, ...]) -> Iterator[Any]:
    """The elements of these local names, each at its end tag, in document order.

    Refuses: E-F06 a DOCTYPE, E-F07 bytes that contradict the encoding (with their offset), E-F05 anything that is
    not well formed. The caller clears what it has read.
    """
    stream.seek(0)
    encoding = declared_encoding(stream.read(256))
    stream.seek(0)
    first = True
    try:
        for _event, element in etree.iterparse(
            stream, events=("end",), tag=tuple(f"{{*}}{name}" for name in names), **SETTINGS
        ):
            if first:
                refuse_doctype(element)
                first = False
            yield element
    except etree.XMLSyntaxError as error:
        raise FormatError(_explain(error, stream, encoding)) from None


def check_schema(stream: IO[bytes], names: tuple[str, ...], deviations: Deviations) -> None:
    """Note how a well-formed file deviates from its schema; elements of these names are let go as they end.

    A pass of its own, after the one that reads: checked against a schema while it streams, a file that is cut or
    wrongly encoded goes through without an error (seen with lxml 6.1). Ends early on a file that deviates everywhere.
    """
    stream.seek(0)
    parser: Any = etree.iterparse(
        stream,
        events=("end",),
        tag=tuple(f"{{*}}{name}" for name in names),
        schema=deviations.schema,
        **SETTINGS,
    )
    try:
        for count, (_event, element) in enumerate(parser):
            release(element)
            if count % _LOOK_EVERY == 0 and deviations.too_many(parser):
                return
    except etree.XMLSyntaxError:
        deviations.noted(parser.error_log)


def refuse_doctype(element: Any) -> None:
    """Raise FormatError E-F06 when the document of this element carries a document type, or entities."""
    if element.getroottree().docinfo.doctype:
        raise FormatError(fault("E-F06"))


def root_names(head: bytes) -> tuple[str, str]:
    """Namespace and local name of the child of ``Document`` (else of the root) read from the first bytes of a file.

    Refuses as `elements` does; a head that ends before the first child refuses with E-F05.
    """
    encoding = declared_encoding(head)
    parser = etree.XMLPullParser(events=("start",), **SETTINGS)
    found: Any = None
    try:
        parser.feed(head)
    except etree.XMLSyntaxError as error:
        found = _second(parser)
        if found is None:
            raise FormatError(_explain_head(error, head, encoding)) from None
    if found is None:
        found = _second(parser)
    if found is None:
        raise FormatError(fault("E-F05", ligne=1, colonne=1, detail=_DETAILS[77]))
    tag = found.tag
    namespace, _brace, name = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
    return namespace, name


def _second(parser: Any) -> Any:
    """The first child of ``Document``, or the root when it is not called so."""
    for _event, element in parser.read_events():
        if not isinstance(element.tag, str):
            continue
        refuse_doctype(element)
        if local(element) != "Document":
            return element
    return None


def _explain(error: etree.XMLSyntaxError, stream: IO[bytes], encoding: str) -> Fault:
    stream.seek(0)
    return _fault_of(
        error, first_bad_byte(iter(lambda: stream.read(_CHUNK), b""), encoding), encoding
    )


def _explain_head(error: etree.XMLSyntaxError, head: bytes, encoding: str) -> Fault:
    return _fault_of(error, first_bad_byte(iter((head,)), encoding, final=False), encoding)


def _fault_of(error: etree.XMLSyntaxError, offset: int | None, encoding: str) -> Fault:
    if offset is None and error.code in _ENCODING_ERRORS:
        offset = 0
    if offset is not None:
        return fault("E-F07", octet=offset, encodage=encoding.upper())
    line, column = error.position
    return fault(
        "E-F05",
        ligne=max(line, 1),
        colonne=max(column, 1),
        detail=_DETAILS.get(error.code, _OTHER_DETAIL),
    )


def deviations_with_places(stream: IO[bytes], deviations: Deviations) -> None:
    """Look again at a deviating file of moderate size, as a tree: each deviation then has its line and value."""
    stream.seek(0)
    tree = etree.parse(stream, etree.XMLParser(**SETTINGS))
    if not deviations.schema.validate(tree):
        deviations.place(deviations.schema.error_log)


def release(element: Any) -> None:
    """Free an element that has been read, and its elder namesakes: memory stays flat on any length.

    Only namesakes: the header of the statement and the batch of the entry are still to be read at their end tag.
    """
    element.clear()
    parent = element.getparent()
    elder = element.getprevious()
    while elder is not None and (elder.tag == element.tag or not isinstance(elder.tag, str)):
        parent.remove(elder)
        elder = element.getprevious()
