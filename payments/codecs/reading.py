"""A bank file of any format, from its bytes to its summary and its lines: the one way in.

`open_file` takes a zip archive apart and recognises the format; `inspect` is the first pass, `lines` the second.
Nothing here knows our accounts, our messages or the day: that is the business of the workflow.
"""

from __future__ import annotations

import pickle
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import date, timedelta
from itertools import starmap
from operator import attrgetter
from typing import IO, Final

from payments.codecs import camt, cfonb, cp1, mt940, pain_status
from payments.codecs.faults import FormatError, fault
from payments.codecs.kinds import FileFormat
from payments.codecs.reasons import with_reason
from payments.codecs.records import CanonicalLine, MessageSummary, ReadingProfile
from payments.codecs.schemas import TREE_LIMIT, Deviations, schema_of
from payments.codecs.sniff import HEAD, sniff
from payments.codecs.xml import check_schema, deviations_with_places
from portal.archives import Damaged, TooDense, open_zip, pieces
from regulation.text import _

LIMIT: Final = 100 * 1_048_576
"""Bytes of a file, at most, out of its archive too."""

OLDEST: Final = timedelta(days=400)
"""A booking day further back is a mistake of the sender."""

CAMT: Final = frozenset({FileFormat.CAMT_053, FileFormat.CAMT_054})
CFONB: Final = frozenset({FileFormat.CFONB_120, FileFormat.CFONB_160, FileFormat.CFONB_240})
_NOT_XML: Final = frozenset({"E-F05", "E-F06", "E-F07"})
_REPEATED: Final = ("TxDtls", "Ntry", "TxInfAndSts")
_HIGHEST_RATIO: Final = 100
_TOGETHER: Final = 500
_VALUES_OF: Final = attrgetter(*(field.name for field in fields(CanonicalLine)))
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"

_NOT_ONE: Final = _("elle ne contient pas exactement un fichier")
_PATH: Final = _("le fichier est dans un sous-dossier")
_LOCKED: Final = _("elle est protégée par un mot de passe")
_DENSE: Final = _("elle se déploie plus de cent fois")
_TOO_LARGE: Final = _("le fichier qu’elle contient dépasse la limite de taille")
_BROKEN: Final = _("elle est abîmée ou d’une forme inconnue")


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose format is known. `near` is a day close to the file's own, for years written with one digit."""

    stream: IO[bytes]
    format: FileFormat
    version: str
    profile: ReadingProfile
    near: date
    spool: Spool | None = None


class Spool:
    """Lines already read, set aside in a temporary file of this process: XML is not parsed twice."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._waiting: list[CanonicalLine] = []
        self.whole = False

    def keep(self, lines: list[CanonicalLine]) -> None:
        """Set these lines aside."""
        self._waiting += lines
        if len(self._waiting) >= _TOGETHER:
            self._write()

    def close(self) -> None:
        """Every line of the file is here."""
        self._write()
        self.whole = True

    def lines(self) -> Iterator[CanonicalLine]:
        """The lines in order, as they were read."""
        self._stream.seek(0)
        while True:
            try:
                # Our own bytes, in a nameless file that only this process has open.
                yield from starmap(CanonicalLine, pickle.load(self._stream))  # noqa: S301
            except EOFError:
                return

    def _write(self) -> None:
        values = list(map(_VALUES_OF, self._waiting))
        pickle.dump(values, self._stream, pickle.HIGHEST_PROTOCOL)
        self._waiting = []


@contextmanager
def open_file(stream: IO[bytes], profile: ReadingProfile, *, near: date) -> Iterator[Opened]:
    """Recognise a file, out of its archive if it came in one. Raises FormatError: E-F01 to E-F08."""
    with ExitStack() as kept:
        stream.seek(0)
        head = stream.read(HEAD)
        if head.startswith((_ZIP, _EMPTY_ZIP)):
            inside = kept.enter_context(tempfile.TemporaryFile())
            _take_out(stream, inside)
            stream = inside
            stream.seek(0)
            head = stream.read(HEAD)
        format, version = sniff(head, namespaces=profile.namespaces, formats=profile.formats)
        spool = Spool(kept.enter_context(tempfile.TemporaryFile())) if format in CAMT else None
        yield Opened(stream, format, version, profile, near, spool)


def inspect(opened: Opened) -> MessageSummary:
    """First pass: form, schema, totals and balances, and every fault found. Writes nothing."""
    stream, format, profile = opened.stream, opened.format, opened.profile
    if format is FileFormat.CP1:
        return cp1.inspect(stream)
    if format is FileFormat.MT940:
        return mt940.inspect(stream, profile)
    if format in CFONB:
        return cfonb.inspect(stream, format, profile, opened.near)
    if format is FileFormat.PAIN_002:
        summary = pain_status.summary_of(pain_status.inspect(stream, opened.version))
    else:
        spool = opened.spool
        summary = camt.inspect(
            stream, format, opened.version, profile, spool.keep if spool else None
        )
        if spool and not summary.faults.refuses:
            spool.close()
    if not any(one.code in _NOT_XML for one in summary.faults):
        _check_schema(opened, summary)
    return summary


def _check_schema(opened: Opened, summary: MessageSummary) -> None:
    """What the schema of the message says of the file; how much it matters is for the profile."""
    name = f"{opened.format.value}.001.{opened.version}"
    schema = schema_of(opened.format, opened.version)
    if schema is None:
        summary.faults.add("F25", version=name if opened.version else opened.format.value)
        return
    deviations = Deviations(schema, name)
    check_schema(opened.stream, _REPEATED, deviations)
    if deviations.found and _size(opened.stream) <= TREE_LIMIT:
        deviations_with_places(opened.stream, deviations)
    for told in deviations.faults(opened.profile.tolerated_elements):
        summary.faults.append(told)


def lines(opened: Opened) -> Iterator[CanonicalLine]:
    """Second pass, for a file that `inspect` accepts: its lines in order (of a pain.002, those with an amount).

    Reasons of refusals and returns are those of ISO 20022, whatever the bank writes (profile table `reasons`).
    """
    agreed = opened.profile.reasons
    return (with_reason(line, agreed) if line.reason_code else line for line in _as_written(opened))


def _as_written(opened: Opened) -> Iterator[CanonicalLine]:
    stream, format, profile = opened.stream, opened.format, opened.profile
    if opened.spool and opened.spool.whole:
        return opened.spool.lines()
    if format is FileFormat.CP1:
        return cp1.read(stream)
    if format is FileFormat.MT940:
        return mt940.read(stream, profile)
    if format in CFONB:
        return cfonb.read(stream, format, profile, opened.near)
    if format is FileFormat.PAIN_002:
        return _statuses(stream)
    return camt.read(stream, profile)


def _statuses(stream: IO[bytes]) -> Iterator[CanonicalLine]:
    report = pain_status.inspect(stream)
    for rank, status in enumerate(
        (one for one in pain_status.read(stream) if one.level == "order"), start=1
    ):
        line = pain_status.as_line(status, rank, report)
        if line is not None:
            yield line


def _size(stream: IO[bytes]) -> int:
    stream.seek(0, 2)
    return stream.tell()


def check_days(summary: MessageSummary, today: date) -> None:
    """E-F19: a booking day in the future, or so far back that it is a mistake of the sender. `today` in Morocco."""
    if summary.last_day and summary.last_day > today:
        summary.faults.add("E-F19f", champ="BookgDt", date=summary.last_day)
    if summary.first_day and summary.first_day < today - OLDEST:
        summary.faults.add("E-F19o", champ="BookgDt", date=summary.first_day, n=OLDEST.days)


# ------------------------------------------------------------------ archives


def _refused(cause: str) -> FormatError:
    return FormatError(fault("E-F04", cause=cause))


def _take_out(stream: IO[bytes], out: IO[bytes]) -> None:
    """Copy the one file of an archive; its real bytes are counted, never the size it announces."""
    stream.seek(0)
    try:
        with open_zip(stream) as archive:
            members = archive.infolist()
            if len(members) != 1 or members[0].is_dir():
                raise _refused(_NOT_ONE)
            member = members[0]
            if "/" in member.filename or "\\" in member.filename:
                raise _refused(_PATH)
            if member.flag_bits & 1:
                raise _refused(_LOCKED)
            _copy(archive, member, out)
    except TooDense:
        raise _refused(_DENSE) from None
    except Damaged:
        raise _refused(_BROKEN) from None


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, out: IO[bytes]) -> None:
    size = 0
    for piece in pieces(archive, member, densest=_HIGHEST_RATIO):
        size += len(piece)
        if size > LIMIT:
            raise _refused(_TOO_LARGE)
        out.write(piece)
