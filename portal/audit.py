"""The trace of acts: written in the transaction of the act, or the act fails; sealed in a chain afterwards.

An entry is inserted without any shared lock, so acts never wait for each other. A short task then seals what
was committed: each seal holds the digest of its entry and of the seal before it. docs/decisions/audit-seals.md
says what the chain shows and what it cannot show.
"""

import datetime
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from django.db import connection, models, transaction
from django.http import HttpRequest

from portal import clock
from portal.models import AuditEntry, AuditSeal, User
from portal.request_code import current_request_id
from regulation.text import _

SYSTEM = "Portail"

# Only one sealer works at a time; the number is arbitrary and belongs to this lock alone.
_SEALER_LOCK = 4_711_001
_BATCH = 1_000
# An entry older than this without a seal means that sealing has stopped.
UNSEALED_LIMIT = datetime.timedelta(minutes=5)
# Longer than any transaction of ours may last: an entry cannot be committed later than this after it was written.
_LONGEST_TRANSACTION = datetime.timedelta(minutes=15)
_FIRST_LINK = "0" * 64


# By person and affiliation number: the office whose mandate opened the door last. See `passed_through`.
_doors: ContextVar[dict[tuple[int, str], str] | None] = ContextVar("doors", default=None)


def passed_through(user: User, affiliation_number: str, office: str) -> None:
    """Tell by which office's mandate ``user`` came to this affiliate (empty: in their own right).

    Said by the doorway at each passage; the acts that follow in the same request bear both names.
    """
    doors = _doors.get()
    if doors is None:
        doors = {}
        _doors.set(doors)
    doors[(user.pk, affiliation_number)] = office


def forget_doors() -> None:
    """Begin a request, or a task: nobody has passed a doorway yet."""
    _doors.set(None)


def office_of(actor: User | None, affiliation_number: str) -> str:
    """The office by whose mandate ``actor`` came to this affiliate in this request; empty in their own right."""
    doors = _doors.get()
    return doors.get((actor.pk, affiliation_number), "") if actor is not None and doors else ""


def offices_of(subjects: Iterable[models.Model], action: str) -> dict[str, str]:
    """By key of these subjects, all of one model, the office under whose mandate ``action`` was done; one query."""
    rows = list(subjects)
    if not rows:
        return {}
    found = AuditEntry.objects.filter(
        subject_type=rows[0]._meta.label_lower,
        subject_id__in=[str(row.pk) for row in rows],
        action=action,
    ).exclude(office_name="")
    return dict(found.order_by("pk").values_list("subject_id", "office_name"))


Acted = TypeVar("Acted", bound=models.Model)


def with_offices(rows: Iterable[Acted], action: str) -> list[Acted]:
    """These rows, each with its ``office``: the one under whose mandate ``action`` was done on it; one query."""
    found = list(rows)
    offices = offices_of(found, action)
    for row in found:
        row.office = offices.get(str(row.pk), "")  # type: ignore[attr-defined]
    return found


def with_offices_of_authors(rows: Iterable[Acted], subject: models.Model) -> list[Acted]:
    """These words of an ``author`` about ``subject``, each with the ``office`` by whose mandate they act on it."""
    entries = AuditEntry.objects.filter(
        subject_type=subject._meta.label_lower, subject_id=str(subject.pk)
    ).exclude(office_name="")
    offices = dict(entries.order_by("pk").values_list("actor", "office_name"))
    found = list(rows)
    for row in found:
        row.office = offices.get(row.author_id, "")  # type: ignore[attr-defined]
    return found


@dataclass(frozen=True, slots=True)
class Act:
    """One act to be traced: on what, for which affiliate, with which facts."""

    subject: models.Model
    affiliation_number: str
    facts: Mapping[str, Any]


def record(
    *,
    actor: User | None,
    action: str,
    subject: models.Model,
    affiliation_number: str = "",
    **facts: Any,
) -> AuditEntry:
    """Write one audit entry for ``action`` on ``subject``; ``actor`` is None when the portal acts by itself.

    Facts are what a reader needs to understand the act (amounts in dirhams, days as ISO text); no personal
    data that the subject does not already hold. Refused outside a transaction: the act it tells would stand alone.
    """
    _check_inside()
    entry = _entry(actor, action, Act(subject, affiliation_number, facts))
    entry.save(force_insert=True)
    return entry


def record_all(*, actor: User | None, action: str, acts: Iterable[Act]) -> None:
    """Write one audit entry for each of ``acts``, all of one kind, in a constant number of statements."""
    _check_inside()
    AuditEntry.objects.bulk_create(_entry(actor, action, act) for act in acts)


def _check_inside() -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "an entry is written in the transaction of its act"
        )


def _entry(actor: User | None, action: str, act: Act) -> AuditEntry:
    return AuditEntry(
        at=clock.now(),
        actor=actor,
        actor_name=actor.full_name if actor else SYSTEM,
        office_name=office_of(actor, act.affiliation_number),
        action=action,
        affiliation_number=act.affiliation_number,
        subject_type=act.subject._meta.label_lower,
        subject_id=str(act.subject.pk),
        facts={name: _plain(value) for name, value in act.facts.items()},
        request_id=current_request_id.get(),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bool | int | str | type(None)):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)


def record_reading(
    request: HttpRequest,
    *,
    action: str,
    subject: models.Model,
    affiliation_number: str,
    **facts: Any,
) -> None:
    """Note that the person of ``request`` was shown ``subject``; written after the view, or nothing is shown."""
    record_readings(request, action=action, acts=[Act(subject, affiliation_number, facts)])


def record_readings(request: HttpRequest, *, action: str, acts: Iterable[Act]) -> None:
    """The same for many at once, each with its own entry, in a constant number of statements."""
    readings: list[tuple[str, Act]] = request.__dict__.setdefault("_readings", [])
    readings.extend((action, act) for act in acts)


#: A page of many firms: one entry, whose facts name each firm that it showed.
LISTED = "staff.listed"


def record_listing(
    request: HttpRequest, *, of: type[models.Model], numbers: Iterable[str], **facts: Any
) -> None:
    """Note that the person of ``request`` was shown a list of ``of`` with rows of these affiliates.

    One entry for the page, on the account of whoever looked: ``facts`` hold the list, the numbers (``firms``) and
    why. Nothing is noted when the page showed no firm.
    """
    firms = sorted(set(numbers) - {""})
    if firms:
        facts = {"list": of._meta.label_lower, "firms": firms, **facts}
        record_reading(
            request,
            action=LISTED,
            subject=request.user,  # type: ignore[arg-type]
            affiliation_number="",
            **facts,
        )


def write_readings(request: HttpRequest) -> None:
    """Write what ``record_reading`` noted; called by the middleware once the view has answered."""
    readings: list[tuple[str, Act]] = request.__dict__.pop("_readings", [])
    if not readings:
        return
    actor: User = request.user  # type: ignore[assignment]
    AuditEntry.objects.bulk_create(_entry(actor, action, act) for action, act in readings)


# ---------------------------------------------------------------- sealing


def _content(entry: AuditEntry) -> str:
    """The entry as one line of text, always the same for the same row."""
    # Entries written before offices were noted keep the line they were sealed with.
    office = [entry.office_name] if entry.office_name else []
    return json.dumps(
        [
            entry.pk,
            entry.at.astimezone(datetime.UTC).isoformat(),
            entry.inserted_at.astimezone(datetime.UTC).isoformat(),
            entry.actor_id,
            entry.actor_name,
            entry.action,
            entry.affiliation_number,
            entry.subject_type,
            entry.subject_id,
            entry.facts,
            entry.request_id,
            *office,
        ],
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )


def digest_of(position: int, previous: str, entry: AuditEntry) -> str:
    """The link of ``entry`` at ``position`` after the seal whose digest is ``previous``: SHA-256, hexadecimal."""
    return hashlib.sha256(f"{position}\n{previous}\n{_content(entry)}".encode()).hexdigest()


@transaction.atomic
def seal(*, everywhere: bool = False) -> int:
    """Seal the entries that are committed and have no seal yet; return how many.

    Entries that come into sight later take later positions, so the order of the chain is the order of commits
    as seen by the sealer. Safe to run twice and at once: one sealer works, another finds the lock and leaves.
    It looks back from the last seal no further than the longest transaction, unless told to look everywhere.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEALER_LOCK])
        if not cursor.fetchone()[0]:
            return 0
    last = AuditSeal.objects.select_related("entry").order_by("-position").first()
    position, previous = (last.position, last.digest) if last else (0, _FIRST_LINK)
    unsealed = AuditEntry.objects.filter(seal__isnull=True).order_by("pk")
    if last and not everywhere:
        unsealed = unsealed.filter(inserted_at__gt=last.entry.inserted_at - _LONGEST_TRANSACTION)
    sealed = 0
    while True:
        pending = list(unsealed[:_BATCH])
        if not pending:
            return sealed
        seals = []
        for entry in pending:
            position += 1
            digest = digest_of(position, previous, entry)
            seals.append(
                AuditSeal(position=position, entry=entry, previous_digest=previous, digest=digest)
            )
            previous = digest
        AuditSeal.objects.bulk_create(seals)
        sealed += len(seals)


def keep_head(path: Path, *, at: datetime.datetime) -> tuple[int, str] | None:
    """Add a line with the head of the chain to a file outside the database; None while nothing is sealed.

    The line is « instant position:digest ». A chain cannot see that its own tail was cut; ``verify`` can, told one of
    these heads. The file is only ever added to: keep it where whoever keeps the database cannot write.
    """
    last = AuditSeal.objects.order_by("-position").first()
    if last is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="ascii") as heads:
        heads.write(f"{at.astimezone(datetime.UTC).isoformat()} {last.position}:{last.digest}\n")
        heads.flush()
        os.fsync(heads.fileno())
    return last.position, last.digest


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing wrong in the chain: ``code``, the position and the entry it was found at."""

    code: str
    position: int | None
    entry: int | None

    @property
    def message(self) -> str:
        return _MESSAGES[self.code]

    @property
    def facts(self) -> dict[str, object]:
        return {"position": self.position, "entry": self.entry}


_MESSAGES = {
    "unsealed": _(
        "La trace {entry} n’est pas scellée depuis plus de cinq minutes : le scellement est arrêté."
    ),
    "deleted": _("Le scellé {position} manque, ou la trace qu’il portait a été supprimée."),
    "altered": _("La trace {entry}, au scellé {position}, a été modifiée après avoir été scellée."),
    "reordered": _("Le scellé {position} ne suit pas celui qui le précède : l’ordre a été changé."),
    "inserted": _(
        "La trace {entry}, au scellé {position}, a été glissée après coup parmi des traces plus anciennes."
    ),
    "cut": _("Le scellé {position}, noté hors de la base, n’y est plus ou n’y est plus le même."),
}


@dataclass(frozen=True, slots=True)
class Verification:
    """What ``verify`` found: how many entries are sealed, the head of the chain, and the first fault."""

    sealed: int
    head: str
    fault: Fault | None


def verify(*, known_head: tuple[int, str] | None = None) -> Verification:
    """Seal what is pending, then walk the whole chain and stop at the first fault.

    ``known_head`` is a (position, digest) kept outside the database: without one, a chain cannot see that its
    own tail was cut. Reads the entries in batches; memory does not grow with the trail.
    """
    late = (
        AuditEntry.objects.filter(seal__isnull=True, inserted_at__lt=clock.now() - UNSEALED_LIMIT)
        .order_by("pk")
        .values_list("pk", flat=True)
        .first()
    )
    seal(everywhere=True)
    position, previous, newest = 0, _FIRST_LINK, None
    known_seen = known_head is None
    for link in _links():
        fault = _fault_of(link, position, previous, newest)
        if fault:
            return Verification(position, previous, fault)
        position, previous = link.position, link.digest
        newest = max(newest or link.entry.inserted_at, link.entry.inserted_at)
        if known_head == (position, previous):
            known_seen = True
    if not known_seen and known_head:
        return Verification(position, previous, Fault("cut", known_head[0], None))
    if late is not None:
        return Verification(position, previous, Fault("unsealed", None, late))
    return Verification(position, previous, None)


def _links() -> Iterator[AuditSeal]:
    return AuditSeal.objects.select_related("entry").order_by("position").iterator(_BATCH)


def _fault_of(
    link: AuditSeal, position: int, previous: str, newest: datetime.datetime | None
) -> Fault | None:
    if link.position != position + 1:
        return Fault("deleted", position + 1, None)
    if link.previous_digest != previous:
        return Fault("reordered", link.position, link.entry_id)
    if digest_of(link.position, previous, link.entry) != link.digest:
        return Fault("altered", link.position, link.entry_id)
    if newest is not None and link.entry.inserted_at < newest - _LONGEST_TRANSACTION:
        return Fault("inserted", link.position, link.entry_id)
    return None
